// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Known`]: the messages of one sender that a stream knows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::DeltaMessage;
use crate::local::value::Value;

/// Where a delta belongs: its address and epoch.
pub(super) type Place = (u32, u64);

/// The messages of one sender that a stream knows: a set, kept small.
///
/// Those from the first on without a gap are folded into one delta for each address and epoch; only those
/// behind a gap are kept one by one. What belongs to an epoch that is over may be dropped at any time.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// All messages up to this number are known.
    prefix: u64,
    /// The XOR of their deltas, by address and epoch.
    folded: BTreeMap<Place, Value>,
    /// The others that are known, by number.
    single: BTreeMap<u64, Single>,
}

#[derive(Clone, Debug)]
struct Single {
    place: Place,
    delta: Value,
}

impl Known {
    /// The first number that isn't known; none where all are.
    pub(super) fn next(&self) -> Option<u64> {
        self.prefix.checked_add(1)
    }

    /// Whether this number is known.
    pub(super) fn has(&self, seq: u64) -> bool {
        seq <= self.prefix || self.single.contains_key(&seq)
    }

    /// Takes a message, unless it is known. `over` says which places are of epochs that are over.
    pub(super) fn add(&mut self, message: &DeltaMessage, over: impl Fn(Place) -> bool) {
        if !self.has(message.seq) {
            let place = (message.addr, message.epoch);
            if Some(message.seq) == self.next() {
                // The usual case, without a copy.
                self.take(message.seq, place, &message.delta, &over);
            } else {
                let delta = message.delta.clone();
                self.single.insert(message.seq, Single { place, delta });
            }
            self.close_gap(&over);
        }
    }

    /// Takes all that another knows of the same sender.
    pub(super) fn unite(&mut self, other: &Self, over: impl Fn(Place) -> bool) {
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

    /// Folds what is no longer behind a gap.
    fn close_gap(&mut self, over: &impl Fn(Place) -> bool) {
        while let Some((seq, single)) = (self.next()).and_then(|seq| self.single.remove_entry(&seq))
        {
            self.take(seq, single.place, &single.delta, over);
        }
    }

    /// Takes the message that follows the prefix.
    fn take(&mut self, seq: u64, place: Place, delta: &Value, over: &impl Fn(Place) -> bool) {
        self.prefix = seq;
        if !over(place) {
            fold(&mut self.folded, place, delta);
        }
    }

    /// Drops the deltas of an address of epochs before `epoch`. The numbers stay known.
    pub(super) fn forget(&mut self, addr: u32, epoch: u64) {
        let over: Vec<_> = (self.folded.range((addr, 0)..(addr, epoch)))
            .map(|(&place, _)| place)
            .collect();
        for place in over {
            self.folded.remove(&place);
        }
    }

    /// All deltas, with address and epoch.
    pub(super) fn deltas(&self) -> impl Iterator<Item = (Place, &Value)> {
        let folded = self.folded.iter().map(|(&place, delta)| (place, delta));
        folded.chain(self.single.values().map(|s| (s.place, &s.delta)))
    }

    /// The numbers that are known.
    #[cfg(test)]
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        (1..=self.prefix).chain(self.single.keys().copied())
    }

    /// All messages up to a number, as if they had been of an epoch that is over.
    #[cfg(test)]
    pub(super) fn up_to(prefix: u64) -> Self {
        Self {
            prefix,
            ..Self::default()
        }
    }

    /// How many deltas are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.folded.len() + self.single.len()
    }
}

/// XORs a delta into that of its place.
pub(super) fn fold(deltas: &mut BTreeMap<Place, Value>, place: Place, delta: &Value) {
    match deltas.entry(place) {
        Entry::Vacant(entry) => {
            entry.insert(delta.clone());
        }
        Entry::Occupied(mut entry) => entry.get_mut().xor(delta.limbs()),
    }
}
