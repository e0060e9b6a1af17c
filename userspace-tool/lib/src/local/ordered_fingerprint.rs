// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`OrderedFingerprint`]: a fingerprint that depends on the chunks' positions.

use super::value::limb;
use crate::{Context, LocalError, Result};

/// A fingerprint of 64 bits that notices changes which [`Fingerprint`](crate::Fingerprint) misses:
/// chunks that trade positions, equal changes in pairs, zeros at the end. The change of a part
/// still is a delta.
///
/// Each chunk of 8 bytes, read little-endian, is mixed with its position, and the length with a
/// constant; the fingerprint is the XOR of them all. `tests/vectors/README.md` has the formula. It
/// is not cryptographic: it can be deceived on purpose.
///
/// ```
/// use atomik::OrderedFingerprint;
///
/// let mut fingerprint = OrderedFingerprint::new();
/// fingerprint.load(b"chunk 1.chunk 2.");
/// fingerprint.update(b"chunk 2.chunk 1.");
/// assert!(fingerprint.changed());
/// fingerprint.accumulate_delta(0, b"chunk 2.", b"chunk 1.")?;
/// fingerprint.accumulate_delta(8, b"chunk 1.", b"chunk 2.")?;
/// assert!(!fingerprint.changed());
/// # Ok::<(), atomik::LocalError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedFingerprint {
    context: Context,
    /// The length in bytes of the data that was loaded or updated last.
    length: u64,
}

const CHUNK: u64 = 8;

impl OrderedFingerprint {
    /// A fingerprint of 0, before any data is loaded.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of a fingerprint, from its [`reference`](Self::reference), [`delta`](Self::delta) and
    /// [`length`](Self::length).
    pub fn with_words(reference: u64, delta: u64, length: u64) -> Self {
        Self {
            context: Context {
                reference,
                accumulator: delta,
            },
            length,
        }
    }

    /// The fingerprint of some bytes.
    pub fn of(data: &[u8]) -> u64 {
        OrderedFold::of(data).value()
    }

    /// Starts from the fingerprint of `data`, and returns it; nothing has changed yet.
    pub fn load(&mut self, data: &[u8]) -> u64 {
        self.load_fold(&OrderedFold::of(data))
    }

    /// [`load`](Self::load) of data that came in pieces.
    pub fn load_fold(&mut self, fold: &OrderedFold) -> u64 {
        let value = fold.value();
        self.context.load(value);
        self.length = fold.length();
        value
    }

    /// Sets the [`value`](Self::value) to the fingerprint of `data`, and returns it.
    pub fn update(&mut self, data: &[u8]) -> u64 {
        self.update_fold(&OrderedFold::of(data))
    }

    /// [`update`](Self::update) with data that came in pieces.
    pub fn update_fold(&mut self, fold: &OrderedFold) -> u64 {
        let value = fold.value();
        self.context.accum(self.value() ^ value);
        self.length = fold.length();
        value
    }

    /// Applies the change of a part of the data, which begins at the byte `offset`, from `old` to
    /// `new`.
    ///
    /// # Errors
    ///
    /// [`LocalError::Change`] where `offset` isn't a multiple of 8, `old` and `new` are not equally
    /// long, the part goes beyond the end of the data, or ends elsewhere than at a multiple of 8
    /// or at the end.
    pub fn accumulate_delta(
        &mut self,
        offset: u64,
        old: &[u8],
        new: &[u8],
    ) -> Result<(), LocalError> {
        let part = |data| OrderedFold::of_part(offset, data);
        self.accumulate_folds(offset, &part(old), &part(new))
    }

    /// [`accumulate_delta`](Self::accumulate_delta) of parts that came in pieces; see
    /// [`OrderedFold::at`].
    ///
    /// # Errors
    ///
    /// Those of [`accumulate_delta`](Self::accumulate_delta).
    pub fn accumulate_folds(
        &mut self,
        offset: u64,
        old: &OrderedFold,
        new: &OrderedFold,
    ) -> Result<(), LocalError> {
        let end = (offset.checked_add(old.length)).filter(|&end| end <= self.length);
        let whole = |end: u64| end % CHUNK == 0 || end == self.length;
        if offset % CHUNK != 0 || old.length != new.length || !end.is_some_and(whole) {
            return Err(LocalError::Change {
                offset,
                old: old.length,
                new: new.length,
                length: self.length,
            });
        }
        self.context.accum(old.sum() ^ new.sum());
        Ok(())
    }

    /// True where the fingerprint differs from the one that was loaded.
    pub fn changed(&self) -> bool {
        !self.context.is_clean()
    }

    /// The fingerprint.
    pub fn value(&self) -> u64 {
        self.context.state()
    }

    /// The fingerprint that was loaded.
    pub fn reference(&self) -> u64 {
        self.context.reference
    }

    /// The XOR of the fingerprint and the one that was loaded.
    pub fn delta(&self) -> u64 {
        self.context.accumulator
    }

    /// The length in bytes of the data that was loaded or updated last.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes the present fingerprint the one to compare with.
    pub fn reset(&mut self) {
        self.context.swap();
    }
}

/// Data for an [`OrderedFingerprint`] that comes in pieces of any length.
///
/// ```
/// use atomik::{OrderedFingerprint, OrderedFold};
///
/// let mut fold = OrderedFold::new();
/// fold.push(b"some");
/// fold.push(b" bytes");
/// assert_eq!(fold.value(), OrderedFingerprint::of(b"some bytes"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct OrderedFold {
    /// The number of the first chunk.
    first: u64,
    /// The contribution of whole chunks.
    chunks: u64,
    /// The number of bytes so far.
    length: u64,
    /// The bytes of the chunk that isn't whole yet.
    rest: [u8; CHUNK as usize],
}

impl OrderedFold {
    /// Starts without data.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a part that begins at the byte `offset`, a multiple of 8; for
    /// [`OrderedFingerprint::accumulate_folds`].
    pub fn at(offset: u64) -> Self {
        Self {
            first: offset / CHUNK,
            ..Self::default()
        }
    }

    fn of(data: &[u8]) -> Self {
        Self::of_part(0, data)
    }

    fn of_part(offset: u64, data: &[u8]) -> Self {
        let mut fold = Self::at(offset);
        fold.push(data);
        fold
    }

    /// Appends data.
    pub fn push(&mut self, mut data: &[u8]) {
        let begun = self.begun();
        if begun > 0 {
            let (head, tail) = data.split_at(data.len().min(CHUNK as usize - begun));
            self.rest[begun..begun + head.len()].copy_from_slice(head);
            self.length += head.len() as u64;
            data = tail;
            if self.begun() > 0 {
                return;
            }
            self.chunks ^= self.chunks_from(self.length / CHUNK - 1, &self.rest);
        }
        let (whole, rest) = data.split_at(data.len() - data.len() % CHUNK as usize);
        self.chunks ^= self.chunks_from(self.length / CHUNK, whole);
        self.rest[..rest.len()].copy_from_slice(rest);
        self.length += data.len() as u64;
    }

    /// The fingerprint of all data so far.
    pub fn value(&self) -> u64 {
        mix(self.length ^ 0xa076_1d64_78bd_642f) ^ self.sum()
    }

    /// The contribution of all chunks.
    fn sum(&self) -> u64 {
        self.chunks ^ self.chunks_from(self.length / CHUNK, &self.rest[..self.begun()])
    }

    /// The contribution of the chunks of `data`, which begin `number` chunks after the first.
    fn chunks_from(&self, number: u64, data: &[u8]) -> u64 {
        let numbered = (self.first + number..).zip(data.chunks(CHUNK as usize));
        numbered.fold(0, |sum, (i, chunk)| sum ^ mix(limb(chunk) ^ mix(i + 1)))
    }

    /// The number of bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The number of bytes of the last chunk; 0 where it is whole.
    fn begun(&self) -> usize {
        (self.length % CHUNK) as usize
    }
}

/// Spreads each bit over all bits, reversibly: the finalizer of splitmix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..60)
    }

    proptest! {
        #[test]
        fn pieces_are_the_whole(pieces in prop::collection::vec(data(), 0..9)) {
            let mut fold = OrderedFold::new();
            pieces.iter().for_each(|piece| fold.push(piece));
            let whole = pieces.concat();
            prop_assert_eq!(fold.value(), OrderedFingerprint::of(&whole));
            prop_assert_eq!(fold.length(), whole.len() as u64);
        }

        #[test]
        fn a_part_is_as_good_as_the_whole(
            old in data(),
            seed in any::<u64>(),
            at in any::<[u8; 2]>(),
        ) {
            let mut new = old.clone();
            // From the beginning of one chunk to the end of another.
            let chunks = old.len().div_ceil(8).max(1);
            let [one, other] = at.map(|at| usize::from(at) % chunks);
            let range = 8 * one.min(other)..(8 * one.max(other) + 8).min(old.len());
            for (i, byte) in new[range.clone()].iter_mut().enumerate() {
                *byte ^= mix(seed ^ i as u64) as u8;
            }
            let (mut part, mut whole) = (OrderedFingerprint::new(), OrderedFingerprint::new());
            part.load(&old);
            whole.load(&old);
            whole.update(&new);
            let start = range.start as u64;
            let mut in_pieces = part.clone();
            let folds = [&old, &new].map(|data| {
                let mut fold = OrderedFold::at(start);
                data[range.clone()].chunks(7).for_each(|piece| fold.push(piece));
                fold
            });
            in_pieces.accumulate_folds(start, &folds[0], &folds[1]).unwrap();
            part.accumulate_delta(start, &old[range.clone()], &new[range]).unwrap();
            prop_assert_eq!(&part, &whole);
            prop_assert_eq!(&in_pieces, &whole);
            let (reference, delta) = (part.reference(), part.delta());
            let again = OrderedFingerprint::with_words(reference, delta, part.length());
            prop_assert_eq!(&again, &whole);
            prop_assert_eq!(part.changed(), old != new);
        }

        #[test]
        fn positions_matter(
            data in prop::collection::vec(any::<u64>(), 2..20),
            at in any::<[u8; 2]>(),
        ) {
            let print = |words: &[u64]| {
                let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
                OrderedFingerprint::of(&bytes)
            };
            let [one, other] = at.map(|at| usize::from(at) % data.len());
            let mut swapped = data.clone();
            swapped.swap(one, other);
            let same = print(&data) == print(&swapped);
            prop_assert_eq!(same, data == swapped);
        }
    }
}
