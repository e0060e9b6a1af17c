// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Context`]: a context of 64 bits, as two words.

use atomik_logic::context::TableMut;

/// A context of 64 bits in this process: two words and the algebra on them.
/// [`TableRef::snapshot`](crate::TableRef::snapshot) returns the kernel's contexts as such.
///
/// [`LocalContext`](crate::LocalContext) has any width.
///
/// ```
/// use atomik::Context;
///
/// let context = Context { reference: 0xff00, accumulator: 0x00ff };
/// assert_eq!(context.state(), 0xffff);
///
/// let mut context = Context::default();
/// context.load(0xcafe_babe);
/// context.accum(1);
/// assert_eq!(context.state(), 0xcafe_babf);
/// context.rollback(1);
/// assert!(context.is_clean());
/// assert_eq!(context.swap(), 0xcafe_babe);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    /// The state that the epoch started from.
    pub reference: u64,
    /// The XOR of all deltas since.
    pub accumulator: u64,
}

impl Context {
    /// The state, `reference ^ accumulator`, which READ returns.
    pub const fn state(self) -> u64 {
        self.reference ^ self.accumulator
    }

    /// LOAD: the reference becomes `value` and the accumulator 0, so the state is `value`.
    pub fn load(&mut self, value: u64) {
        self.with(|table| table.load(0, value));
    }

    /// ACCUM: the state is XORed with `delta`. The same delta again undoes it.
    pub fn accum(&mut self, delta: u64) {
        self.with(|table| table.accum(0, delta));
    }

    /// Undoes an [`accum`](Self::accum) of the same delta, by doing it again. The order doesn't
    /// matter.
    pub fn rollback(&mut self, delta: u64) {
        self.accum(delta);
    }

    /// SWAP: starts a new epoch from the present state, and returns that state. The reference
    /// becomes the state and the accumulator 0.
    pub fn swap(&mut self) -> u64 {
        self.with(|table| table.swap(0));
        self.reference
    }

    /// SWAP: starts a new epoch from `new_reference`, which may be 0, and returns the state that
    /// ended the old one.
    pub fn swap_with(&mut self, new_reference: u64) -> u64 {
        let state = self.state();
        self.load(new_reference);
        state
    }

    /// Folds the deltas of another context into this one: the accumulator is XORed with the
    /// other's, and the reference stays.
    pub fn merge(&mut self, other: Self) {
        self.accum(other.accumulator);
    }

    /// True where the accumulator is 0: nothing was accumulated in this epoch, or all of it undone.
    pub const fn is_clean(self) -> bool {
        self.accumulator == 0
    }

    /// Calls `f` with the context as the driver keeps it: state and reference.
    fn with<R>(&mut self, f: impl FnOnce(&mut TableMut<'_, &mut [u64], u64>) -> R) -> R {
        let (mut state, mut reference) = ([self.state()], [self.reference]);
        let result = f(&mut TableMut::new(&mut state, &mut reference));
        let ([state], [reference]) = (state, reference);
        *self = Self {
            reference,
            accumulator: state ^ reference,
        };
        result
    }
}

impl From<atomik_uapi::Context> for Context {
    fn from(raw: atomik_uapi::Context) -> Self {
        Self {
            reference: raw.reference,
            accumulator: raw.accumulator,
        }
    }
}

impl From<Context> for atomik_uapi::Context {
    fn from(context: Context) -> Self {
        Self {
            reference: context.reference,
            accumulator: context.accumulator,
        }
    }
}
