// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`LocalContext`]: a context of any width, in this process.

use atomik_logic::context::TableMut;

use super::value::{AsLimbs, Value};
use super::width::Width;
use crate::{Context, LocalError, Result};

/// A context of any width from 1 bit to [`MAX_WIDTH`](crate::MAX_WIDTH). Arguments are masked to
/// the width.
///
/// For the usual 64 bits [`Context`] is smaller; many contexts are a
/// [`LocalTable`](crate::LocalTable).
///
/// ```
/// use atomik::LocalContext;
///
/// let mut context = LocalContext::new(100)?;
/// context.load([0xcafe_babe, 0xff]);
/// context.accum(1);
/// assert_eq!(context.read().limbs(), [0xcafe_babf, 0xff]);
/// context.rollback(1);
/// assert!(context.is_clean());
/// # Ok::<(), atomik::LocalError>(())
/// ```
///
/// Two contexts are equal where their widths and states are, whatever their references.
#[derive(Clone, Debug)]
pub struct LocalContext {
    state: Value,
    reference: Value,
    deltas: u64,
}

impl LocalContext {
    /// A context of `width` bits; reference and accumulator are 0.
    ///
    /// # Errors
    ///
    /// [`LocalError::InvalidWidth`] for a width of 0, or above
    /// [`MAX_WIDTH`](crate::MAX_WIDTH).
    pub fn new(width: u32) -> Result<Self, LocalError> {
        Ok(Self::zero(Width::new(width)?))
    }

    pub(crate) fn zero(width: Width) -> Self {
        Self {
            state: Value::zero(width),
            reference: Value::zero(width),
            deltas: 0,
        }
    }

    /// A context of these limbs of a table.
    pub(crate) fn of(width: Width, state: &[u64], reference: &[u64]) -> Self {
        Self {
            state: Value::fit(width, state),
            reference: Value::fit(width, reference),
            deltas: 0,
        }
    }

    /// A context of `width` bits with this reference and this accumulator.
    ///
    /// # Errors
    ///
    /// [`LocalError::InvalidWidth`] for a width of 0, or above
    /// [`MAX_WIDTH`](crate::MAX_WIDTH).
    pub fn with_words(
        width: u32,
        reference: impl AsLimbs,
        accumulator: impl AsLimbs,
    ) -> Result<Self, LocalError> {
        let reference = Value::new(width, reference)?;
        let mut state = reference.clone();
        state.xor(accumulator.as_limbs());
        Ok(Self {
            state,
            reference,
            deltas: 0,
        })
    }

    /// The width in bits.
    pub fn width(&self) -> u32 {
        self.state.width()
    }

    /// LOAD: the reference becomes `value` and the accumulator 0, so the state is `value`.
    pub fn load(&mut self, value: impl AsLimbs) {
        self.each(value.as_limbs(), |table, i, limb| {
            table.load(i, limb);
        });
        self.deltas = 0;
    }

    /// ACCUM: the state is XORed with `delta`. The same delta again undoes it.
    pub fn accum(&mut self, delta: impl AsLimbs) {
        self.each(delta.as_limbs(), |table, i, limb| {
            table.accum(i, limb);
        });
        self.deltas = self.deltas.saturating_add(1);
    }

    /// Undoes an [`accum`](Self::accum) of the same delta, by doing it again. The order doesn't
    /// matter.
    pub fn rollback(&mut self, delta: impl AsLimbs) {
        self.accum(delta);
    }

    /// READ: returns the state, reference ^ accumulator.
    pub fn read(&self) -> Value {
        self.state.clone()
    }

    /// The state, without a copy.
    pub fn state(&self) -> &Value {
        &self.state
    }

    /// SWAP: starts a new epoch from the present state, and returns that state. The reference
    /// becomes the state and the accumulator 0.
    pub fn swap(&mut self) -> Value {
        self.each(&[], |table, i, _| {
            table.swap(i);
        });
        self.deltas = 0;
        self.read()
    }

    /// SWAP: starts a new epoch from `new_reference`, which may be 0, and returns the state that
    /// ended the old one.
    pub fn swap_with(&mut self, new_reference: impl AsLimbs) -> Value {
        let state = self.read();
        self.load(new_reference);
        state
    }

    /// Folds the deltas of another context into this one: the accumulator is XORed with the
    /// other's, and the reference stays. Bits of a wider accumulator beyond this width are dropped.
    pub fn merge(&mut self, other: &Self) {
        let deltas = self.deltas.saturating_add(other.deltas);
        self.accum(other.accumulator());
        self.deltas = deltas;
    }

    /// The state that the epoch started from.
    pub fn reference(&self) -> &Value {
        &self.reference
    }

    /// The XOR of all deltas of this epoch.
    pub fn accumulator(&self) -> Value {
        let mut accumulator = self.state.clone();
        accumulator.xor(self.reference.limbs());
        accumulator
    }

    /// True where the accumulator is 0: nothing was accumulated in this epoch, or all of it undone.
    pub fn is_clean(&self) -> bool {
        self.state == self.reference
    }

    /// The number of calls of [`accum`](Self::accum) and [`rollback`](Self::rollback) in this
    /// epoch; [`merge`](Self::merge) adds the other's.
    pub fn delta_count(&self) -> u64 {
        self.deltas
    }

    /// Calls `f` for each limb of the context, as a context of 64 bits, with the limb of `value`
    /// that belongs to it.
    fn each(
        &mut self,
        value: &[u64],
        mut f: impl FnMut(&mut TableMut<'_, &mut [u64], u64>, u32, u64),
    ) {
        let width = self.state.width;
        let mut table = TableMut::new(self.state.limbs_mut(), self.reference.limbs_mut());
        for (i, limb) in (0..).zip(width.fit(value)) {
            f(&mut table, i, limb);
        }
    }
}

impl PartialEq for LocalContext {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Eq for LocalContext {}

impl From<Context> for LocalContext {
    fn from(context: Context) -> Self {
        Self::of(Width::U64, &[context.state()], &[context.reference])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limbs() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(any::<u64>(), 0..5)
    }

    fn context(width: u32, reference: &[u64], accumulator: &[u64]) -> LocalContext {
        LocalContext::with_words(width, reference, accumulator).unwrap()
    }

    #[test]
    fn widths_and_words() {
        assert!(LocalContext::new(0).is_err());
        let context = context(12, &[0xf_ff00], &[0xff]);
        assert_eq!(context.read(), 0xfff);
        assert_eq!(*context.reference(), 0xf00);
        assert_eq!(context.accumulator(), 0xff);
        let of_64 = Context {
            reference: 3,
            accumulator: 5,
        };
        let local = LocalContext::from(of_64);
        assert_eq!(
            (local.read(), local.accumulator()),
            (local.read(), Value::new(64, 5).unwrap())
        );
    }

    #[test]
    fn equal_are_those_of_one_width_and_state() {
        assert_eq!(context(8, &[3], &[4]), context(8, &[7], &[0]));
        assert_ne!(context(8, &[3], &[4]), context(9, &[7], &[0]));
        assert_ne!(context(8, &[3], &[4]), context(8, &[3], &[5]));
    }

    proptest! {
        #[test]
        fn deltas_commute_and_undo_themselves(
            width in 1..300u32,
            start in limbs(),
            deltas in prop::collection::vec(limbs(), 0..6),
        ) {
            let mut there = context(width, &start, &[]);
            let mut back = there.clone();
            deltas.iter().for_each(|delta| there.accum(delta));
            deltas.iter().rev().for_each(|delta| back.accum(delta));
            prop_assert_eq!(&there, &back);
            prop_assert_eq!(there.delta_count(), deltas.len() as u64);
            deltas.iter().for_each(|delta| there.rollback(delta));
            prop_assert!(there.is_clean());
            prop_assert_eq!(there.read(), Value::new(width, &start).unwrap());
        }

        #[test]
        fn swap_and_merge(width in 1..300u32, a in limbs(), b in limbs(), c in limbs()) {
            let mut one = context(width, &a, &b);
            let mut expected = Value::new(width, &a).unwrap();
            expected.xor(&b);
            prop_assert_eq!(one.read(), expected.clone());
            let mut other = context(width, &c, &b);
            other.merge(&one);
            prop_assert_eq!(other.read(), Value::new(width, &c).unwrap());
            prop_assert_eq!(one.swap_with(&c), expected);
            prop_assert_eq!(one.swap(), Value::new(width, &c).unwrap());
            prop_assert!(one.is_clean());
        }

        #[test]
        fn of_64_bits_it_is_the_smaller_one(
            reference in any::<u64>(),
            deltas in any::<[u64; 3]>(),
            new in any::<u64>(),
        ) {
            let mut small = Context::default();
            let mut any = LocalContext::new(64).unwrap();
            small.load(reference);
            any.load(reference);
            for delta in deltas {
                small.accum(delta);
                any.accum(delta);
            }
            prop_assert_eq!(any.accumulator(), small.accumulator);
            prop_assert_eq!(any.is_clean(), small.is_clean());
            prop_assert_eq!(any.swap(), small.swap());
            prop_assert_eq!(any.swap_with(new), small.swap_with(new));
            prop_assert_eq!(any.reference().clone(), small.reference);
            prop_assert_eq!(&any, &LocalContext::from(small));
        }
    }
}
