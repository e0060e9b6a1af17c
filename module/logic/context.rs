// SPDX-License-Identifier: GPL-2.0

//! The algebra of one context, on a context that nobody else uses.
//!
//! A context is kept as its state and its reference: the accumulator is `state ^ reference`.

/// A context: two words.
pub trait Words {
    /// The state and the reference.
    fn words(&mut self) -> (&mut u64, &mut u64);
}

/// The state from which SWAP starts the new epoch: 0 for `new_reference` keeps `state`.
#[inline]
pub fn epoch_start(state: u64, new_reference: u64) -> u64 {
    if new_reference == 0 {
        state
    } else {
        new_reference
    }
}

/// LOAD: the reference becomes `value`, the accumulator 0. Returns the state before.
#[inline]
pub fn load(context: &mut impl Words, value: u64) -> u64 {
    let (state, reference) = context.words();
    *reference = value;
    core::mem::replace(state, value)
}

/// ACCUM: XORs `delta` into the accumulator.
#[inline]
pub fn accum(context: &mut impl Words, delta: u64) {
    let (state, _) = context.words();
    *state ^= delta;
}

/// READ: the state.
#[inline]
pub fn read(context: &mut impl Words) -> u64 {
    *context.words().0
}

/// The reference.
#[inline]
pub fn reference(context: &mut impl Words) -> u64 {
    *context.words().1
}

/// Sets both words: reference and accumulator are as given.
#[inline]
pub fn set(context: &mut impl Words, reference: u64, accumulator: u64) {
    let (state, old) = context.words();
    *state = reference ^ accumulator;
    *old = reference;
}

/// SWAP that keeps the state: the reference becomes the state. Returns the state.
#[inline]
pub fn swap(context: &mut impl Words) -> u64 {
    let (state, reference) = context.words();
    *reference = *state;
    *state
}

/// Puts back a reference that LOAD or SWAP replaced.
#[inline]
pub fn restore_reference(context: &mut impl Words, old: u64) {
    *context.words().1 = old;
}

/// Puts back a state that LOAD replaced, and returns the one that LOAD had set.
#[inline]
pub fn restore_state(context: &mut impl Words, old: u64) -> u64 {
    core::mem::replace(context.words().0, old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Context {
        state: u64,
        reference: u64,
    }

    impl Words for Context {
        fn words(&mut self) -> (&mut u64, &mut u64) {
            (&mut self.state, &mut self.reference)
        }
    }

    #[test]
    fn the_examples() {
        let mut context = Context::default();
        assert_eq!(read(&mut context), 0);
        load(&mut context, 0xCAFE_BABE);
        accum(&mut context, 1);
        assert_eq!(read(&mut context), 0xCAFE_BABF);

        load(&mut context, 1000);
        accum(&mut context, 50);
        assert_eq!(swap(&mut context), 986);
        assert_eq!(read(&mut context), 986);
        assert_eq!(reference(&mut context), 986);

        load(&mut context, 0xFF00);
        accum(&mut context, 0x00FF);
        assert_eq!(read(&mut context), 0xFFFF);
        assert_eq!(reference(&mut context), 0xFF00);
    }

    #[test]
    fn a_delta_undoes_itself_and_order_does_not_matter() {
        let mut a = Context::default();
        let mut b = Context::default();
        for delta in [3, 5, 9] {
            accum(&mut a, delta);
        }
        for delta in [9, 3, 5] {
            accum(&mut b, delta);
        }
        assert_eq!(read(&mut a), read(&mut b));
        accum(&mut a, 3 ^ 5 ^ 9);
        assert_eq!(read(&mut a), 0);
    }

    #[test]
    fn both_words_can_be_set() {
        let mut context = Context::default();
        set(&mut context, 0xFF00, 0x00FF);
        assert_eq!(
            (read(&mut context), reference(&mut context)),
            (0xFFFF, 0xFF00)
        );
    }

    #[test]
    fn an_epoch_starts_from_the_state_or_from_a_given_value() {
        assert_eq!(epoch_start(7, 0), 7);
        assert_eq!(epoch_start(7, 9), 9);
    }
}
