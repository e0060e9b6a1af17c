// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Fingerprint`]: the XOR of the chunks of some bytes, as a context.

use super::context::LocalContext;
use super::value::{Value, limb};
use super::width::Width;
use crate::{LocalError, Result};

/// The XOR of the chunks of some bytes: tells whether they have changed, and by what delta.
///
/// A chunk is width / 8 bytes, read little-endian, the last one filled up with zeros; the
/// fingerprint of no bytes is 0. It is kept as a context: the reference is the fingerprint that was
/// loaded, the accumulator its difference to the present one.
///
/// ```
/// use atomik::Fingerprint;
///
/// let mut fingerprint = Fingerprint::new();
/// fingerprint.load(b"the quick brown fox");
/// fingerprint.update(b"the quick brown cat");
/// assert!(fingerprint.changed());
/// // The part that changed is enough, if it begins where a chunk does.
/// fingerprint.accumulate_delta(b"cat", b"fox");
/// assert!(!fingerprint.changed());
/// ```
///
/// # Changes that it misses
///
/// XOR forgets the order: chunks that trade positions leave the fingerprint as it was, and so do
/// equal changes in two chunks, two equal chunks more or less, and zeros at the end.
/// [`OrderedFingerprint`](crate::OrderedFingerprint) notices these. Neither is cryptographic: both
/// can be deceived on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    context: LocalContext,
}

impl Fingerprint {
    /// A fingerprint of 64 bits, which is 0.
    pub fn new() -> Self {
        Self {
            context: LocalContext::zero(Width::U64),
        }
    }

    /// A fingerprint of `width` bits, a multiple of 8; it is 0.
    ///
    /// # Errors
    ///
    /// [`LocalError::InvalidWidth`].
    pub fn with_width(width: u32) -> Result<Self, LocalError> {
        Ok(Self {
            context: LocalContext::zero(whole_bytes(width)?),
        })
    }

    /// The fingerprint of some bytes, of `width` bits.
    ///
    /// # Errors
    ///
    /// [`LocalError::InvalidWidth`].
    pub fn of(width: u32, data: &[u8]) -> Result<Value, LocalError> {
        Ok(fold(whole_bytes(width)?, data))
    }

    /// The width in bits.
    pub fn width(&self) -> u32 {
        self.context.width()
    }

    /// Starts from the fingerprint of `data`, and returns it; nothing has changed yet.
    pub fn load(&mut self, data: &[u8]) -> Value {
        let value = self.fold(data);
        self.context.load(&value);
        value
    }

    /// Sets the [`value`](Self::value) to the fingerprint of `data`, and returns it.
    pub fn update(&mut self, data: &[u8]) -> Value {
        let value = self.fold(data);
        let mut delta = self.value();
        delta.xor(value.limbs());
        self.context.accum(delta);
        value
    }

    /// Applies the change of a part from `old` to `new`. The part begins where a chunk does.
    pub fn accumulate_delta(&mut self, old: &[u8], new: &[u8]) {
        let mut delta = self.fold(old);
        delta.xor(self.fold(new).limbs());
        self.context.accum(delta);
    }

    /// True where the fingerprint differs from the one that was loaded.
    pub fn changed(&self) -> bool {
        !self.context.is_clean()
    }

    /// The fingerprint.
    pub fn value(&self) -> Value {
        self.context.read()
    }

    /// The XOR of the fingerprint and the one that was loaded.
    pub fn delta(&self) -> Value {
        self.context.accumulator()
    }

    /// Makes the present fingerprint the one to compare with.
    pub fn reset(&mut self) {
        self.context.swap();
    }

    fn fold(&self, data: &[u8]) -> Value {
        fold(self.context.state().width, data)
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

fn whole_bytes(width: u32) -> Result<Width, LocalError> {
    match width % 8 {
        0 => Width::new(width),
        _ => Err(LocalError::InvalidWidth { width }),
    }
}

/// The XOR of the chunks.
fn fold(width: Width, data: &[u8]) -> Value {
    let mut value = Value::zero(width);
    if let [word] = value.limbs_mut() {
        *word = fold_word(width.bytes(), data);
        return value;
    }
    for chunk in data.chunks(width.bytes()) {
        for (to, from) in value.limbs_mut().iter_mut().zip(chunk.chunks(8)) {
            *to ^= limb(from);
        }
    }
    value
}

/// The XOR of chunks of up to 8 bytes.
fn fold_word(bytes: usize, data: &[u8]) -> u64 {
    // Whole words at a time are faster, where chunks divide a word.
    let step = if 8 % bytes == 0 { 8 } else { bytes };
    let steps = data.chunks_exact(step);
    let rest = limb(steps.remainder());
    // Whole words need no copy, so they have a loop of their own.
    let sum = match step {
        8 => steps.fold(rest, |sum, word| {
            sum ^ word.try_into().map_or(0, u64::from_le_bytes)
        }),
        _ => steps.fold(rest, |sum, chunk| sum ^ limb(chunk)),
    };
    let chunks = (0..step).step_by(bytes);
    chunks.fold(0, |all, at| all ^ (sum >> (8 * at))) & (u64::MAX >> (64 - 8 * bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..100)
    }

    fn width() -> impl Strategy<Value = u32> {
        (1..20u32).prop_map(|bytes| 8 * bytes)
    }

    #[test]
    fn widths_are_whole_bytes() {
        for width in [0, 1, 7, 9, 63, u32::MAX] {
            let error = Fingerprint::with_width(width).unwrap_err();
            assert!(matches!(error, LocalError::InvalidWidth { width: w } if w == width));
            assert!(Fingerprint::of(width, b"").is_err());
        }
        assert_eq!(Fingerprint::new(), Fingerprint::with_width(64).unwrap());
    }

    proptest! {
        #[test]
        fn a_part_is_as_good_as_the_whole(
            width in width(),
            old in data(),
            new in data(),
            rest in data(),
        ) {
            let chunk = width as usize / 8;
            let padded = |part: &[u8]| {
                let mut whole = part.to_vec();
                whole.resize(old.len().max(new.len()).next_multiple_of(chunk), 0);
                whole.extend(&rest);
                whole
            };
            let mut part = Fingerprint::with_width(width).unwrap();
            let mut whole = part.clone();
            part.load(&padded(&old));
            whole.load(&padded(&old));
            part.accumulate_delta(&old, &new);
            let value = whole.update(&padded(&new));
            prop_assert_eq!(&part.value(), &value);
            prop_assert_eq!(part.delta(), whole.delta());
            part.accumulate_delta(&new, &old);
            prop_assert!(!part.changed());
        }

        #[test]
        fn one_changed_byte_is_seen(
            width in width(),
            mut data in data(),
            at in any::<prop::sample::Index>(),
            by in 1..=255u8,
        ) {
            prop_assume!(!data.is_empty());
            let mut fingerprint = Fingerprint::with_width(width).unwrap();
            fingerprint.load(&data);
            let at = at.index(data.len());
            data[at] ^= by;
            fingerprint.update(&data);
            prop_assert!(fingerprint.changed());
            fingerprint.reset();
            prop_assert!(!fingerprint.changed());
            prop_assert_eq!(fingerprint.value(), Fingerprint::of(width, &data).unwrap());
        }
    }
}
