// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! The algebra of contexts, on a table that nobody else uses.
//!
//! A context is kept as its state and its reference: the accumulator is `state ^ reference`.

use super::index;

/// A word in memory: a reference, or a state that nobody else may change.
pub trait Word {
    fn word(&mut self) -> &mut u64;
}

/// A state, possibly one that programs have mapped and may change at any time.
pub trait State {
    fn get(&mut self) -> u64;

    /// Replaces the state and returns the one before.
    fn replace(&mut self, value: u64) -> u64;

    fn xor(&mut self, delta: u64);
}

impl<W: Word> State for &mut W {
    #[inline]
    fn get(&mut self) -> u64 {
        *self.word()
    }

    #[inline]
    fn replace(&mut self, value: u64) -> u64 {
        core::mem::replace(self.word(), value)
    }

    #[inline]
    fn xor(&mut self, delta: u64) {
        *self.word() ^= delta;
    }
}

/// The states of a table.
pub trait States {
    type State<'a>: State
    where
        Self: 'a;

    /// The state with this number, from 0. The [mask](index::mask()) is that of the table.
    fn state(&mut self, number: usize, mask: usize) -> Option<Self::State<'_>>;
}

impl<W: Word> States for &mut [W] {
    type State<'a>
        = &'a mut W
    where
        Self: 'a;

    #[inline]
    fn state(&mut self, number: usize, mask: usize) -> Option<&mut W> {
        self.get_mut(index::checked(number, self.len(), mask)?)
    }
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

/// The contexts of a table, for a user who has it alone.
///
/// The operations return `None` where there is no such context.
///
/// # Invariants
///
/// There are as many states as references. `mask` is the [mask](index::mask()) of their number, and
/// their memory is at least as long as it allows; or it masks nothing.
pub struct TableMut<'a, S, W> {
    states: S,
    references: &'a mut [W],
    mask: usize,
}

// The driver keeps the mask.
#[cfg(not(MODULE))]
impl<'a, W: Word> TableMut<'a, &'a mut [W], W> {
    /// The contexts with these states and references, as many as there are of both, for a program
    /// that owns the memory and chooses the addresses.
    #[inline]
    pub fn new(states: &'a mut [W], references: &'a mut [W]) -> Self {
        let count = states.len().min(references.len());
        match (states.get_mut(..count), references.get_mut(..count)) {
            (Some(states), Some(references)) => Self::masked(states, references, usize::MAX),
            _ => Self::masked(&mut [], &mut [], usize::MAX),
        }
    }
}

impl<'a, S: States, W: Word> TableMut<'a, S, W> {
    /// The contexts with these states and as many references, whose memory is as long as `mask`
    /// allows: their [mask](index::mask()).
    #[inline]
    pub fn masked(states: S, references: &'a mut [W], mask: usize) -> Self {
        // INVARIANT: the caller has seen to the numbers and the memory.
        Self {
            states,
            references,
            mask,
        }
    }

    #[inline]
    fn state(&mut self, addr: u32) -> Option<S::State<'_>> {
        self.states.state(addr as usize, self.mask)
    }

    #[inline]
    fn reference_mut(&mut self, addr: u32) -> Option<&mut u64> {
        let number = index::checked(addr as usize, self.references.len(), self.mask)?;
        Some(self.references.get_mut(number)?.word())
    }

    /// The state and the reference. Both are looked up before either is written, so that one check
    /// serves for both.
    #[inline]
    fn state_and_reference(&mut self, addr: u32) -> Option<(S::State<'_>, &mut u64)> {
        let state = self.states.state(addr as usize, self.mask)?;
        let number = index::checked(addr as usize, self.references.len(), self.mask)?;
        Some((state, self.references.get_mut(number)?.word()))
    }

    /// LOAD: the reference becomes `value`, the accumulator 0. Returns the state before.
    #[inline]
    pub fn load(&mut self, addr: u32, value: u64) -> Option<u64> {
        let (mut state, reference) = self.state_and_reference(addr)?;
        *reference = value;
        Some(state.replace(value))
    }

    /// ACCUM: XORs `delta` into the accumulator.
    #[inline]
    pub fn accum(&mut self, addr: u32, delta: u64) -> Option<()> {
        self.state(addr)?.xor(delta);
        Some(())
    }

    /// READ: the state.
    #[inline]
    pub fn read(&mut self, addr: u32) -> Option<u64> {
        Some(self.state(addr)?.get())
    }

    /// SET: the state becomes `value`, the reference stays. Returns the state before.
    #[inline]
    pub fn set_state(&mut self, addr: u32, value: u64) -> Option<u64> {
        Some(self.state(addr)?.replace(value))
    }

    /// SWAP that keeps the state: the reference becomes the state. Returns the state.
    #[inline]
    pub fn swap(&mut self, addr: u32) -> Option<u64> {
        let (mut state, reference) = self.state_and_reference(addr)?;
        *reference = state.get();
        Some(*reference)
    }

    /// The reference.
    #[inline]
    pub fn reference(&mut self, addr: u32) -> Option<u64> {
        Some(*self.reference_mut(addr)?)
    }

    /// Sets the reference and keeps the state.
    #[inline]
    pub fn set_reference(&mut self, addr: u32, value: u64) -> Option<()> {
        *self.reference_mut(addr)? = value;
        Some(())
    }

    /// Puts back a state that LOAD replaced, and returns the value that LOAD had set. The reference
    /// is to be put back after this.
    #[inline]
    pub fn restore_state(&mut self, addr: u32, old: u64) -> Option<u64> {
        let loaded = self.reference(addr)?;
        // Keeps deltas that have been XORed in meanwhile.
        self.accum(addr, loaded ^ old)?;
        Some(loaded)
    }

    /// Sets the reference and the accumulator.
    #[inline]
    pub fn set(&mut self, addr: u32, reference: u64, accumulator: u64) -> Option<()> {
        let (mut state, word) = self.state_and_reference(addr)?;
        *word = reference;
        state.replace(reference ^ accumulator);
        Some(())
    }

    /// The state and the reference.
    #[inline]
    pub fn words(&mut self, addr: u32) -> Option<(u64, u64)> {
        Some((self.read(addr)?, self.reference(addr)?))
    }
}

// The driver has its own words, which are atomic.
#[cfg(not(MODULE))]
impl Word for u64 {
    fn word(&mut self) -> &mut u64 {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `f` with a table of one new context.
    fn with_context<R>(f: impl FnOnce(&mut TableMut<'_, &mut [u64], u64>) -> R) -> R {
        f(&mut TableMut::new(&mut [0], &mut [0]))
    }

    #[test]
    fn the_definition_on_examples() {
        with_context(|table| {
            assert_eq!(table.read(0), Some(0));
            assert_eq!(table.load(0, 0xCAFE_BABE), Some(0));
            table.accum(0, 1);
            assert_eq!(table.read(0), Some(0xCAFE_BABF));

            assert_eq!(table.load(0, 1000), Some(0xCAFE_BABF));
            table.accum(0, 50);
            assert_eq!(table.swap(0), Some(986));
            assert_eq!(table.read(0), Some(986));
            assert_eq!(table.reference(0), Some(986));

            table.load(0, 0xFF00);
            table.accum(0, 0x00FF);
            assert_eq!(table.read(0), Some(0xFFFF));
            assert_eq!(table.reference(0), Some(0xFF00));
        });
    }

    #[test]
    fn a_delta_undoes_itself_and_order_does_not_matter() {
        let accumulate = |deltas: [u64; 3]| {
            with_context(|table| {
                for delta in deltas {
                    table.accum(0, delta);
                }
                table.read(0)
            })
        };
        assert_eq!(accumulate([3, 5, 9]), accumulate([9, 3, 5]));
        assert_eq!(accumulate([3, 5, 3 ^ 5]), Some(0));
    }

    #[test]
    fn both_words_can_be_set() {
        with_context(|table| {
            table.set(0, 0xFF00, 0x00FF);
            assert_eq!(table.words(0), Some((0xFFFF, 0xFF00)));
        });
    }

    #[test]
    fn operations_beyond_the_table_do_nothing() {
        with_context(|table| {
            assert_eq!(table.load(1, 5), None);
            assert_eq!(table.accum(1, 5), None);
            assert_eq!(table.read(1), None);
            assert_eq!(table.swap(1), None);
            assert_eq!(table.set_state(1, 5), None);
            assert_eq!(table.set(1, 5, 6), None);
            assert_eq!(table.words(1), None);
        });
    }

    #[test]
    fn an_epoch_starts_from_the_state_or_from_a_given_value() {
        assert_eq!(epoch_start(7, 0), 7);
        assert_eq!(epoch_start(7, 9), 9);
    }
}
