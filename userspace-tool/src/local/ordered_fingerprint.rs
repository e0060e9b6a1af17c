// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`OrderedFingerprint`]: a fingerprint that knows each chunk's place.

use super::value::limb;
use crate::{Context, Error, Result};

/// As [`Fingerprint`](crate::Fingerprint), of 64 bits, but it sees chunks that have changed places,
/// equal changes in pairs, and zeros at the end; and a change of a part still is a delta.
///
/// Each chunk of 8 bytes, read little-endian, is mixed with its place, and the length with a constant; the
/// fingerprint is the XOR of all that. `sdk/vectors/README.md` has the formula. It is not
/// cryptographic: who wants to deceive it, can.
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
/// # Ok::<(), atomik::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedFingerprint {
    context: Context,
    /// Of the data that was loaded or updated last.
    length: u64,
}

const CHUNK: u64 = 8;

impl OrderedFingerprint {
    /// A fingerprint that is 0, which no data was loaded into yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fingerprint of some bytes.
    pub fn of(data: &[u8]) -> u64 {
        let length = mix(data.len() as u64 ^ 0xa076_1d64_78bd_642f);
        length ^ chunks(0, data)
    }

    /// Starts from the fingerprint of `data`, and returns it; nothing has changed yet.
    pub fn load(&mut self, data: &[u8]) -> u64 {
        let value = Self::of(data);
        self.context.load(value);
        self.length = data.len() as u64;
        value
    }

    /// Compares with `data`, whose fingerprint it returns: that is the [`value`](Self::value) now.
    pub fn update(&mut self, data: &[u8]) -> u64 {
        let value = Self::of(data);
        self.context.accum(self.value() ^ value);
        self.length = data.len() as u64;
        value
    }

    /// Takes a change of a part of the data, which begins at the byte `offset`, had been `old` and is
    /// `new`.
    ///
    /// # Errors
    ///
    /// [`Error::Change`] where `offset` isn't a multiple of 8, `old` and `new` are not equally
    /// long, the part goes beyond the end of the data, or ends elsewhere than at a multiple of 8
    /// or at the end.
    pub fn accumulate_delta(&mut self, offset: u64, old: &[u8], new: &[u8]) -> Result<()> {
        let part = old.len() as u64;
        let end = offset.checked_add(part).filter(|&end| end <= self.length);
        let whole = |end: u64| end % CHUNK == 0 || end == self.length;
        if offset % CHUNK != 0 || old.len() != new.len() || !end.is_some_and(whole) {
            return Err(Error::Change {
                offset,
                old: part,
                new: new.len() as u64,
                length: self.length,
            });
        }
        let first = offset / CHUNK;
        self.context.accum(chunks(first, old) ^ chunks(first, new));
        Ok(())
    }

    /// Whether the fingerprint differs from the one that was loaded.
    pub fn changed(&self) -> bool {
        !self.context.is_clean()
    }

    /// The fingerprint.
    pub fn value(&self) -> u64 {
        self.context.state()
    }

    /// The XOR of the fingerprint and the one that was loaded.
    pub fn delta(&self) -> u64 {
        self.context.accumulator
    }

    /// Accepts the present fingerprint as the one to compare with.
    pub fn reset(&mut self) {
        self.context.swap();
    }
}

/// What the chunks of `data` contribute, of which the first has this number.
fn chunks(first: u64, data: &[u8]) -> u64 {
    let numbered = (first..).zip(data.chunks(CHUNK as usize));
    numbered.fold(0, |sum, (i, chunk)| sum ^ mix(limb(chunk) ^ mix(i + 1)))
}

/// Spreads each bit over all of them, and loses none: the finalizer of splitmix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
