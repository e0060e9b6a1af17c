// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Known`]: the messages of one sender that a stream knows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::DeltaMessage;
use super::wire::{number, put_number, small, value};
use crate::local::Malformed;
use crate::local::value::Value;
use crate::local::width::Width;

/// The address and epoch that a delta belongs to.
pub(super) type EpochKey = (u32, u64);

/// The messages of one sender that a stream knows: a set, kept small.
///
/// Messages from the first to the first gap are folded into one delta for each address and epoch;
/// messages behind a gap are kept one by one. Deltas of an epoch that is over may be dropped at any
/// time.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The number up to which all messages are known.
    prefix: u64,
    /// The XOR of their deltas, by address and epoch.
    folded: BTreeMap<EpochKey, Value>,
    /// The other known messages, by number.
    single: BTreeMap<u64, Single>,
}

#[derive(Clone, Debug)]
struct Single {
    key: EpochKey,
    delta: Value,
}

impl Known {
    /// The first unknown number; none where all are known.
    pub(super) fn next(&self) -> Option<u64> {
        self.prefix.checked_add(1)
    }

    /// True where this number is known.
    pub(super) fn has(&self, seq: u64) -> bool {
        seq <= self.prefix || self.single.contains_key(&seq)
    }

    /// Takes a message, unless it is known. `over` is true for the keys of epochs that are over.
    pub(super) fn add(&mut self, message: &DeltaMessage, over: impl Fn(EpochKey) -> bool) {
        if !self.has(message.seq) {
            let key = (message.addr, message.epoch);
            if Some(message.seq) == self.next() {
                // The usual case, without a copy.
                self.take(message.seq, key, &message.delta, &over);
            } else {
                let delta = message.delta.clone();
                self.single.insert(message.seq, Single { key, delta });
            }
            self.close_gap(&over);
        }
    }

    /// Takes all messages that `other` knows of the same sender.
    pub(super) fn unite(&mut self, other: &Self, over: impl Fn(EpochKey) -> bool) {
        if other.prefix > self.prefix {
            self.prefix = other.prefix;
            self.folded.clone_from(&other.folded);
            self.single.retain(|&seq, _| seq > other.prefix);
        }
        for (&seq, single) in &other.single {
            if !self.has(seq) {
                self.single.insert(seq, single.clone());
            }
        }
        self.close_gap(&over);
    }

    /// Folds messages that are no longer behind a gap.
    fn close_gap(&mut self, over: &impl Fn(EpochKey) -> bool) {
        while let Some((seq, single)) = (self.next()).and_then(|seq| self.single.remove_entry(&seq))
        {
            self.take(seq, single.key, &single.delta, over);
        }
    }

    /// Takes the message that follows the prefix.
    fn take(&mut self, seq: u64, key: EpochKey, delta: &Value, over: &impl Fn(EpochKey) -> bool) {
        self.prefix = seq;
        if !over(key) {
            fold(&mut self.folded, key, delta);
        }
    }

    /// Drops an address's deltas of epochs before `epoch`. Their numbers stay known.
    pub(super) fn forget(&mut self, addr: u32, epoch: u64) {
        let over: Vec<_> = (self.folded.range((addr, 0)..(addr, epoch)))
            .map(|(&key, _)| key)
            .collect();
        for key in over {
            self.folded.remove(&key);
        }
    }

    /// All kept deltas, with their keys.
    pub(super) fn deltas(&self) -> impl Iterator<Item = (EpochKey, &Value)> {
        let folded = self.folded.iter().map(|(&key, delta)| (key, delta));
        folded.chain(self.single.values().map(|s| (s.key, &s.delta)))
    }

    /// Encodes all that is known: the numbers, and the deltas with their keys.
    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        put_number(bytes, self.prefix);
        put_number(bytes, self.folded.len() as u64);
        for (&key, delta) in &self.folded {
            put_delta(bytes, key, delta);
        }
        put_number(bytes, self.single.len() as u64);
        for (&seq, single) in &self.single {
            put_number(bytes, seq);
            put_delta(bytes, single.key, &single.delta);
        }
    }

    /// Takes what [`put`](Self::put) has encoded, of a table of `contexts` contexts.
    pub(super) fn take_from(
        rest: &mut &[u8],
        width: Width,
        contexts: u32,
    ) -> Result<Self, Malformed> {
        let mut known = Self {
            prefix: number(rest, "sequence number")?,
            ..Self::default()
        };
        for _ in 0..number(rest, "count")? {
            let (key, delta) = delta(rest, width, contexts)?;
            known.folded.insert(key, delta);
        }
        for _ in 0..number(rest, "count")? {
            let seq = number(rest, "sequence number")?;
            if known.has(seq) {
                return Err(Malformed::Number {
                    name: "sequence number",
                });
            }
            let (key, delta) = delta(rest, width, contexts)?;
            known.single.insert(seq, Single { key, delta });
        }
        Ok(known)
    }

    /// The known numbers.
    #[cfg(test)]
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        (1..=self.prefix).chain(self.single.keys().copied())
    }

    /// Knows all messages up to a number, as if they were of an epoch that is over.
    #[cfg(test)]
    pub(super) fn up_to(prefix: u64) -> Self {
        Self {
            prefix,
            ..Self::default()
        }
    }

    /// The number of kept deltas.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.folded.len() + self.single.len()
    }
}

/// Encodes a delta, or the value that an epoch starts from.
pub(super) fn put_delta(bytes: &mut Vec<u8>, (addr, epoch): EpochKey, delta: &Value) {
    put_number(bytes, addr.into());
    put_number(bytes, epoch);
    bytes.extend(delta.to_le_bytes());
}

/// Takes one.
pub(super) fn delta(
    rest: &mut &[u8],
    width: Width,
    contexts: u32,
) -> Result<(EpochKey, Value), Malformed> {
    let addr = small(rest, "address")?;
    if addr >= contexts {
        return Err(Malformed::Number { name: "address" });
    }
    let epoch = number(rest, "epoch")?;
    Ok(((addr, epoch), value(rest, width)?))
}

/// XORs a delta into the one of its key.
pub(super) fn fold<K: Ord>(deltas: &mut BTreeMap<K, Value>, key: K, delta: &Value) {
    match deltas.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(delta.clone());
        }
        Entry::Occupied(mut entry) => entry.get_mut().xor(delta.limbs()),
    }
}
