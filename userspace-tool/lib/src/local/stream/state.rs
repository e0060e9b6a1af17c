// SPDX-License-Identifier: MIT OR Apache-2.0

//! The state of a stream as bytes, with which another stream joins.

use std::collections::BTreeMap;

use super::known::{Known, delta, put_delta};
use super::wire::{number, put_number, small, take, width};
use super::{DeltaStream, EpochKey};
use crate::local::Malformed;
use crate::local::value::{Value, limb};
use crate::local::width::Width;
use crate::{ContextTable, Error, LocalError, Result};

/// The first byte: the version of the encoding.
const STATE: u8 = 0xa3;

/// All that a stream knows.
struct State {
    width: Width,
    contexts: u32,
    /// The values that epochs start from, where that or the epoch isn't 0.
    starts: BTreeMap<u32, (u64, Value)>,
    known: BTreeMap<u64, Known>,
}

impl State {
    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        let found = limb(take(&mut rest, 1)?) as u8;
        if found != STATE {
            let known = STATE;
            return Err(Malformed::Version { found, known });
        }
        let width = width(&mut rest)?;
        let contexts = small(&mut rest, "number of contexts")?;
        let mut starts = BTreeMap::new();
        for _ in 0..number(&mut rest, "count")? {
            let ((addr, epoch), value) = delta(&mut rest, width, contexts)?;
            starts.insert(addr, (epoch, value));
        }
        let mut known = BTreeMap::new();
        for _ in 0..number(&mut rest, "count")? {
            let sender = limb(take(&mut rest, 8)?);
            let messages = Known::take_from(&mut rest, width, contexts)?;
            known.insert(sender, messages);
        }
        if !rest.is_empty() {
            return Err(Malformed::Long { excess: rest.len() });
        }
        Ok(Self {
            width,
            contexts,
            starts,
            known,
        })
    }
}

impl<T: ContextTable> DeltaStream<T> {
    /// Encodes all that this stream knows, so that others can [`join`](Self::join): the states, the
    /// epochs, and which messages are in them. `tests/vectors/README.md` has the format.
    ///
    /// There is no checksum, as in [`DeltaMessage::encode`](crate::DeltaMessage::encode).
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let current = self.current();
        // The states without the deltas of this epoch.
        let mut starts: BTreeMap<_, _> = self.table.nonzero()?.into_iter().collect();
        for (addr, delta) in current {
            starts
                .entry(addr)
                .and_modify(|start| start.xor(delta.limbs()))
                .or_insert(delta);
        }
        let mut starts: BTreeMap<EpochKey, Value> = starts
            .into_iter()
            .filter(|(addr, start)| !start.is_zero() && self.epoch(*addr) == 0)
            .map(|(addr, start)| ((addr, 0), start))
            .collect();
        for (&addr, (epoch, start)) in &self.epochs {
            starts.insert((addr, *epoch), start.clone());
        }
        let mut bytes = vec![STATE];
        put_number(&mut bytes, self.width().into());
        put_number(&mut bytes, self.contexts.into());
        put_number(&mut bytes, starts.len() as u64);
        for (key, start) in &starts {
            put_delta(&mut bytes, *key, start);
        }
        put_number(&mut bytes, self.known.len() as u64);
        for (sender, known) in &self.known {
            bytes.extend(sender.to_le_bytes());
            known.put(&mut bytes);
        }
        Ok(bytes)
    }

    /// Makes a stream on a table that knows what another did when it [encoded](Self::encode) that:
    /// messages before it are duplicates, and those after it apply. All states of the table are
    /// replaced.
    ///
    /// To lose none, a newcomer collects messages first, then asks for the state, and applies what
    /// it has collected. A stream that knows something already [merges](Self::merge) one that has
    /// joined on a [`LocalTable`](crate::LocalTable).
    ///
    /// `sender` is a new one, as for [`on`](Self::on).
    ///
    /// # Errors
    ///
    /// [`LocalError::State`] where `state` isn't such a state, [`LocalError::Width`] and
    /// [`LocalError::Size`] where the table's are different; nothing has changed then. Those of the
    /// table.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomik::{DeltaStream, LocalTable, Received};
    ///
    /// let mut old = DeltaStream::new(256)?;
    /// old.load(7, 1000)?;
    /// let before = old.accum(7, 0x0f)?;
    /// let state = old.encode()?; // sent to the newcomer
    /// let after = old.accum(7, 0xf0)?;
    ///
    /// let table = LocalTable::new(256)?;
    /// let mut new = DeltaStream::join(table, DeltaStream::random_sender()?, &state)?;
    /// assert_eq!(new.apply(&before)?, Received::Duplicate);
    /// assert_eq!(new.apply(&after)?, Received::Applied);
    /// assert_eq!(new.read(7)?, old.read(7)?);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn join(table: T, sender: u64, state: &[u8]) -> Result<Self> {
        let state = State::decode(state).map_err(LocalError::State)?;
        let mut stream = Self::on(table, sender)?;
        stream.check_width(state.width.bits())?;
        stream.check_size(state.contexts)?;
        stream.known = state.known;
        let addrs: Vec<u32> = (0..stream.contexts).collect();
        let zero = Value::zero(state.width);
        let mut words = vec![];
        for addr in &addrs {
            let start = state.starts.get(addr).map_or(&zero, |(_, start)| start);
            words.extend_from_slice(start.limbs());
        }
        stream.epochs = (state.starts.into_iter())
            .filter(|(_, (epoch, _))| *epoch != 0)
            .collect();
        stream.waiting = stream.deltas(|epoch, current| epoch > current);
        stream.table.load_many(&addrs, &words)?;
        stream.accum_all(stream.current())?;
        Ok(stream)
    }

    /// Accumulates a delta at each address. Of up to 64 bits and of up to
    /// [`MAX_BATCH`](crate::MAX_BATCH) addresses, it is one batch of a table of the device.
    pub(super) fn accum_all(&mut self, deltas: BTreeMap<u32, Value>) -> Result<()> {
        let addrs: Vec<u32> = deltas.keys().copied().collect();
        let words = deltas.values().flat_map(Value::limbs);
        let words: Vec<u64> = words.copied().collect();
        self.table.accum_many(&addrs, &words)
    }

    pub(super) fn check_size(&self, found: u32) -> Result<(), Error> {
        if found == self.contexts {
            return Ok(());
        }
        Err(LocalError::Size {
            found,
            contexts: self.contexts,
        }
        .into())
    }
}
