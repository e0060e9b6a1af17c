// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaStream`]: a table that sends its deltas to others, and takes theirs.

mod known;
mod message;
mod packet;
mod state;
#[cfg(test)]
mod tests;
mod wire;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use atomik_uapi::MAX_BATCH;
use nix::libc;

pub use message::DeltaMessage;

use super::table::LocalTable;
use super::value::{AsLimbs, Value};
use crate::{ContextTable, Error, LocalError, Operation, Result};
use known::{EpochKey, Known, fold};

/// A table of contexts whose changes are messages. Several streams end with the same states,
/// whatever the order in which messages arrive, how often, and how late.
///
/// ```
/// use atomik::{DeltaStream, Received};
///
/// let (mut one, mut other) = (DeltaStream::new(256)?, DeltaStream::new(256)?);
/// one.load(7, 1000)?;
/// other.load(7, 1000)?;
/// let first = one.accum(7, 0x0f)?;
/// let second = one.accum(7, 0xf0)?;
/// assert_eq!(other.apply(&second)?, Received::Applied);
/// assert_eq!(other.apply(&first)?, Received::Applied);
/// assert_eq!(other.apply(&first)?, Received::Duplicate); // and doesn't cancel it
/// assert_eq!(other.read(7)?, one.read(7)?);
/// # Ok::<(), atomik::Error>(())
/// ```
///
/// # Epochs
///
/// Each address counts its epochs, from 0; [`load`](Self::load) begins the next. A message belongs
/// to the epoch in which it was made. A message of an epoch that is over is refused; one of a later
/// epoch waits until `load` brings its address there. `load` itself makes no message: streams that
/// are to agree load the same, or [join](Self::join) one that has.
///
/// # Bytes
///
/// [`DeltaMessage::encode`] makes one message, for datagrams; [`DeltaMessage::encode_many`] makes
/// packets of many, in fewer bytes, and [`DeltaMessage::take_many`] takes both from a stream of
/// bytes. [`apply_many`](Self::apply_many) applies them as one.
///
/// # When not to use it
///
/// What a stream adds to a delta pays where messages get lost, come twice or in any order, or come
/// by several ways. Over one connection that loses nothing and keeps the order, with one writer,
/// the address and the delta alone do. Where all changes go through one log, the protocol of
/// `docs/replication-protocol.md` keeps less. Where most states change between two messages, a
/// snapshot is smaller. Two writers that each set a state from what it was don't add up: XOR mixes
/// their deltas into a state that neither meant. And a stream holds, for each sender that it ever
/// heard of, a delta for each address of its present epoch.
///
/// # Merging
///
/// [`merge`](Self::merge) takes all that another stream knows. It is commutative, associative and
/// idempotent: streams that have merged each other, in any order, agree. Where both have loaded an
/// address equally often with different values, the larger value wins.
///
/// # Senders
///
/// A message is identified by its sender and number. No two streams may have the same sender: so a
/// stream can't be cloned, and after a fork only one of the processes may use it. To go on after a
/// restart, take a new sender, and merge or load the old states.
///
/// Messages are trusted: a forged or damaged one changes states for good. So the transport must
/// have a checksum, and admit nobody else. A stream refuses only messages that name itself as the
/// sender and that it never made.
///
/// # Memory
///
/// Each sender's messages up to the first missing one are folded into one delta for each address;
/// those behind it are kept one by one until it arrives. Messages that wait for an epoch are folded
/// as well. The messages that [`pending`](Self::pending) returns are kept until then.
///
/// # Where the table is
///
/// In this process by default; [`on`](Self::on) takes any [`ContextTable`] that nobody else
/// changes, such as one of the device.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct DeltaStream<T = LocalTable> {
    sender: u64,
    table: T,
    contexts: u32,
    /// For each address whose epoch isn't 0, the epoch and the value that it started from.
    epochs: BTreeMap<u32, (u64, Value)>,
    /// The known messages of each sender, including this stream.
    known: BTreeMap<u64, Known>,
    /// The XOR of the deltas of each later epoch.
    waiting: BTreeMap<EpochKey, Value>,
    pending: Vec<DeltaMessage>,
}

/// The fate of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Received {
    /// Its delta is in the state now.
    Applied,
    /// The message was known already, and nothing has changed.
    Duplicate,
    /// Its epoch hasn't begun; its delta will be in the state then.
    Waiting,
}

impl DeltaStream {
    /// Makes a stream of `contexts` contexts of 64 bits, all 0, with a random sender.
    ///
    /// # Errors
    ///
    /// Those of [`LocalTable::new`], and [`Error::Os`] where the system has no random numbers.
    pub fn new(contexts: u32) -> Result<Self> {
        Self::with_width(contexts, u64::BITS)
    }

    /// Makes a stream of `contexts` contexts of `width` bits, all 0, with a random sender.
    ///
    /// # Errors
    ///
    /// Those of [`LocalTable::with_width`], and [`Error::Os`] where the system has no random
    /// numbers.
    pub fn with_width(contexts: u32, width: u32) -> Result<Self> {
        let table = LocalTable::with_width(contexts, width)?;
        Self::on(table, Self::random_sender()?)
    }

    /// A sender that nobody else has, most probably: 64 random bits from the system. Streams
    /// [on](Self::on) any table take it.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] where the system has no random numbers.
    pub fn random_sender() -> Result<u64> {
        let mut bytes = [0; 8];
        // SAFETY: the pointer and the length are of one array, which is borrowed for the call.
        let length = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        let source = match usize::try_from(length) {
            Ok(length) if length == bytes.len() => return Ok(u64::from_ne_bytes(bytes)),
            // Fewer bytes are no error of the system's, so there is no code.
            Ok(_) => std::io::ErrorKind::UnexpectedEof.into(),
            Err(_) => std::io::Error::last_os_error(),
        };
        Err(Error::Os {
            op: Operation::Random,
            table: None,
            source,
        })
    }
}

impl<T: ContextTable> DeltaStream<T> {
    /// Makes a stream on a table. The table's states are those of epoch 0: streams that are to
    /// agree begin with the same.
    ///
    /// `sender` is a number that no other stream has, such as
    /// [`random_sender`](DeltaStream::random_sender) makes.
    ///
    /// # Errors
    ///
    /// Those of [`ContextTable::size`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use atomik::{DeltaStream, Device};
    ///
    /// let table = Device::open()?.create_table(256)?;
    /// let mut stream = DeltaStream::on(table, DeltaStream::random_sender()?)?;
    /// let message = stream.accum(7, 0xff)?;
    /// # let _ = message;
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn on(table: T, sender: u64) -> Result<Self> {
        Ok(Self {
            sender,
            contexts: table.size()?,
            table,
            epochs: BTreeMap::new(),
            known: BTreeMap::new(),
            waiting: BTreeMap::new(),
            pending: vec![],
        })
    }

    /// The number that identifies this stream to others.
    pub fn sender(&self) -> u64 {
        self.sender
    }

    /// The number of contexts.
    pub fn size(&self) -> u32 {
        self.contexts
    }

    /// The width in bits.
    pub fn width(&self) -> u32 {
        self.table.width()
    }

    /// The table. Only the stream may change it.
    pub fn table(&self) -> &T {
        &self.table
    }

    /// The epoch of an address: the number of its loads.
    pub fn epoch(&self, addr: u32) -> u64 {
        self.epochs.get(&addr).map_or(0, |&(epoch, _)| epoch)
    }

    /// LOAD: starts the address's next epoch from `value`, and applies the messages that waited for
    /// it. Returns the number of the epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], and those of the table.
    pub fn load(&mut self, addr: u32, value: impl AsLimbs) -> Result<u64> {
        self.check(addr)?;
        let epoch = self.epoch(addr).saturating_add(1);
        let value = Value::new(self.width(), value)?;
        self.table.load_value(addr, value.limbs())?;
        if let Some(delta) = self.waiting.get(&(addr, epoch)) {
            self.table.accum_value(addr, delta.limbs())?;
        }
        self.waiting.remove(&(addr, epoch));
        self.epochs.insert(addr, (epoch, value));
        for known in self.known.values_mut() {
            known.forget(addr, epoch);
        }
        Ok(epoch)
    }

    /// ACCUM: the state is XORed with `delta`. Returns the message for the other streams, which
    /// [`pending`](Self::pending) returns as well.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::OutOfMessages`], and those of the table.
    pub fn accum(&mut self, addr: u32, delta: impl AsLimbs) -> Result<DeltaMessage> {
        self.check(addr)?;
        let message = DeltaMessage {
            sender: self.sender,
            addr,
            epoch: self.epoch(addr),
            seq: (self.known.get(&self.sender))
                .map_or(Some(1), Known::next)
                .ok_or(LocalError::OutOfMessages)?,
            delta: Value::new(self.width(), delta)?,
        };
        self.table.accum_value(addr, message.delta.limbs())?;
        self.note(&message);
        self.pending.push(message.clone());
        Ok(message)
    }

    /// Applies a message of another stream. One of this stream's own is a duplicate.
    ///
    /// # Errors
    ///
    /// [`LocalError::Width`] for one of another width, [`Error::Address`],
    /// [`LocalError::NeverSent`] for one that names this stream as its sender and that it hasn't
    /// made, [`LocalError::StaleEpoch`], and those of the table. No state has changed then; a
    /// message that was stale is a duplicate from then on.
    pub fn apply(&mut self, message: &DeltaMessage) -> Result<Received> {
        let received = self.judge(message);
        if let Ok(Received::Applied) = received {
            let delta = message.delta.limbs();
            self.table.accum_value(message.addr, delta)?;
        }
        self.take(message, &received);
        received
    }

    /// Applies messages of other streams, as [`apply`](Self::apply) does, and returns what became
    /// of each. The deltas of up to [`MAX_BATCH`](crate::MAX_BATCH) messages are one batch of a
    /// table of the device: others see all of them or none.
    ///
    /// # Errors
    ///
    /// Those of the table. The messages that are applied by then are duplicates from then on, and
    /// the others can be applied again. The errors of [`apply`](Self::apply) that are about one
    /// message stand in its place.
    ///
    /// # Examples
    ///
    /// ```
    /// use atomik::{DeltaStream, Received};
    ///
    /// let (mut one, mut other) = (DeltaStream::new(256)?, DeltaStream::new(256)?);
    /// let messages = [one.accum(7, 1)?, one.accum(8, 2)?];
    /// for received in other.apply_many(&messages)? {
    ///     assert_eq!(received?, Received::Applied);
    /// }
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn apply_many(&mut self, messages: &[DeltaMessage]) -> Result<Vec<Result<Received>>> {
        let mut all = Vec::with_capacity(messages.len());
        for messages in messages.chunks(MAX_BATCH as usize) {
            let mut deltas = BTreeMap::new();
            let mut seen = BTreeSet::new();
            let mut part = Vec::with_capacity(messages.len());
            for message in messages {
                let mut received = self.judge(message);
                // What it will know, though it doesn't yet.
                if Self::is_news(&received) && !seen.insert((message.sender, message.seq)) {
                    received = Ok(Received::Duplicate);
                }
                if let Ok(Received::Applied) = received {
                    fold(&mut deltas, message.addr, &message.delta);
                }
                part.push(received);
            }
            self.accum_all(deltas)?;
            for (message, received) in messages.iter().zip(&part) {
                self.take(message, received);
            }
            all.extend(part);
        }
        Ok(all)
    }

    /// The fate of a message, which changes nothing yet.
    fn judge(&self, message: &DeltaMessage) -> Result<Received> {
        let (addr, epoch) = (message.addr, message.epoch);
        self.check_width(message.delta.width())?;
        self.check(addr)?;
        if (self.known.get(&message.sender)).is_some_and(|known| known.has(message.seq))
            || message.seq == 0
        {
            return Ok(Received::Duplicate);
        }
        if message.sender == self.sender {
            return Err(LocalError::NeverSent {
                sender: message.sender,
                seq: message.seq,
            }
            .into());
        }
        let current = self.epoch(addr);
        match epoch.cmp(&current) {
            Ordering::Less => Err(LocalError::StaleEpoch {
                addr,
                epoch,
                current,
            }
            .into()),
            Ordering::Equal => Ok(Received::Applied),
            Ordering::Greater => Ok(Received::Waiting),
        }
    }

    /// Records the fate of a message, whose delta is in the table if it is to be.
    fn take(&mut self, message: &DeltaMessage, received: &Result<Received>) {
        if let Ok(Received::Waiting) = received {
            let key = (message.addr, message.epoch);
            fold(&mut self.waiting, key, &message.delta);
        }
        if Self::is_news(received) {
            self.note(message);
        }
    }

    /// True for the fate of a message that is known from then on.
    fn is_news(received: &Result<Received>) -> bool {
        matches!(
            received,
            Ok(Received::Applied | Received::Waiting)
                | Err(Error::Local(LocalError::StaleEpoch { .. }))
        )
    }

    /// READ: returns the state, up to 64 bits.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::TooWide`], and those of the table.
    pub fn read(&self, addr: u32) -> Result<u64> {
        self.table.read(addr)
    }

    /// READ of any width.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], and those of the table.
    pub fn read_value(&self, addr: u32) -> Result<Value> {
        self.table.read_value(addr)
    }

    /// The messages that this stream has made since the last call, in order.
    pub fn pending(&mut self) -> Vec<DeltaMessage> {
        std::mem::take(&mut self.pending)
    }

    /// The states that aren't 0, by address.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub fn nonzero(&self) -> Result<Vec<(u32, Value)>> {
        self.table.nonzero()
    }

    /// Takes all that another stream knows: for each address the later epoch, or of equal epochs
    /// the one that started from the larger value; and all deltas of that epoch that either knows.
    ///
    /// # Errors
    ///
    /// [`LocalError::Width`] and [`LocalError::Size`] where the other's are different, and those of
    /// the table.
    pub fn merge<U: ContextTable>(&mut self, other: &DeltaStream<U>) -> Result<()> {
        self.check_width(other.width())?;
        self.check_size(other.contexts)?;
        let mut change = self.current();
        for (&addr, start) in &other.epochs {
            if self.epochs.get(&addr) < Some(start) {
                self.table.load_value(addr, start.1.limbs())?;
                self.epochs.insert(addr, start.clone());
                change.remove(&addr);
            }
        }
        let epochs = &self.epochs;
        for (&sender, theirs) in &other.known {
            self.known
                .entry(sender)
                .or_default()
                .unite(theirs, over(epochs));
        }
        for (&addr, &(epoch, _)) in &self.epochs {
            for known in self.known.values_mut() {
                known.forget(addr, epoch);
            }
        }
        // The difference between the accumulators as they should be and as they were.
        for (addr, delta) in self.current() {
            change
                .entry(addr)
                .and_modify(|change| change.xor(delta.limbs()))
                .or_insert(delta);
        }
        self.accum_all(change)?;
        self.waiting = self.deltas(|epoch, current| epoch > current);
        Ok(())
    }

    /// The accumulators by the known messages. Absent ones are 0.
    fn current(&self) -> BTreeMap<u32, Value> {
        let deltas = self.deltas(|epoch, current| epoch == current);
        deltas.into_iter().map(|((addr, _), d)| (addr, d)).collect()
    }

    /// The XOR of the known deltas of each key for which `such(its epoch, its address's epoch)`
    /// holds.
    fn deltas(&self, such: impl Fn(u64, u64) -> bool) -> BTreeMap<EpochKey, Value> {
        let mut deltas = BTreeMap::new();
        for (key, delta) in self.known.values().flat_map(Known::deltas) {
            if such(key.1, self.epoch(key.0)) {
                fold(&mut deltas, key, delta);
            }
        }
        deltas
    }

    /// Records that a message is known.
    fn note(&mut self, message: &DeltaMessage) {
        let known = self.known.entry(message.sender).or_default();
        known.add(message, over(&self.epochs));
    }

    fn check(&self, addr: u32) -> Result<()> {
        if addr < self.contexts {
            return Ok(());
        }
        Err(Error::Address {
            table: 0,
            addr,
            contexts: Some(self.contexts),
            entry: None,
        })
    }

    fn check_width(&self, found: u32) -> Result<()> {
        let width = self.width();
        if found == width {
            return Ok(());
        }
        Err(LocalError::Width { found, width }.into())
    }
}

/// True for the keys of epochs that are over.
fn over(epochs: &BTreeMap<u32, (u64, Value)>) -> impl Fn(EpochKey) -> bool {
    |(addr, epoch)| {
        epochs
            .get(&addr)
            .is_some_and(|&(current, _)| epoch < current)
    }
}
