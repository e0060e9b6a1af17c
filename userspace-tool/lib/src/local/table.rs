// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`LocalTable`]: a table of contexts in this process.

use std::borrow::Cow;
use std::cell::Cell;
use std::num::NonZeroU64;
use std::ops::Range;

use atomik_logic::batch::{self, DISCARD, Target};
use atomik_logic::context::TableMut;
use atomik_uapi::BatchOp;

use super::context::LocalContext;
use super::value::{AsLimbs, Value};
use super::watchers::Watchers;
use super::width::{Width, check_u64};
use crate::watch::Source;
use crate::{Batch, BatchResults, Error, LocalError, Result, Watch, transaction};

/// A table of contexts in the memory of this process, of any width from 1 bit to
/// [`MAX_WIDTH`](crate::MAX_WIDTH). It has the methods of the device's [`Table`](crate::Table): a
/// program starts with this and moves to the driver by changing the line that makes the table.
/// [`ContextTable`](crate::ContextTable) is for code that serves both.
///
/// ```
/// use atomik::LocalTable;
///
/// let mut table = LocalTable::new(256)?;
/// table.load(0, 0xcafe_babe)?;
/// table.accum(0, 1)?;
/// assert_eq!(table.read(0)?, 0xcafe_babf);
/// table.accum(0, 1)?; // the same delta again: undone
/// assert_eq!(table.swap(0)?, 0xcafe_babe);
/// # Ok::<(), atomik::Error>(())
/// ```
///
/// Operations that change a context take `&mut self`: threads that share a table put it behind a
/// lock, or use the device's. A context's address is its number, from 0; one that isn't below
/// [`size`](Self::size) is [`Error::Address`], and nothing has changed then. Arguments are masked
/// to the width. A context takes two words of memory, each of the width rounded up to 64 bits.
///
/// The methods that take or return `u64` are for widths up to 64 bits: in wider tables an argument
/// is filled up with zeros, and methods that would return a state return [`LocalError::TooWide`].
/// Methods with `value` in their names, and those of many contexts, serve any width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalTable {
    width: Width,
    contexts: u32,
    /// For each context as many limbs as the width needs.
    states: Vec<u64>,
    references: Vec<u64>,
    watchers: Watchers,
}

/// The result of a batch's entry.
#[derive(Clone, Default)]
struct Slot(Cell<u64>);

impl Target for Slot {
    fn put(&self, value: u64) {
        self.0.set(value);
    }
}

impl LocalTable {
    /// Makes a table of `contexts` contexts of 64 bits, all with reference and accumulator 0.
    ///
    /// # Errors
    ///
    /// [`LocalError::NoContexts`] for none, [`Error::NoMemory`].
    pub fn new(contexts: u32) -> Result<Self> {
        Self::with_width(contexts, 64)
    }

    /// Makes a table of `contexts` contexts of `width` bits, all with reference and accumulator 0.
    ///
    /// # Errors
    ///
    /// [`LocalError::InvalidWidth`] for a width of 0, or above
    /// [`MAX_WIDTH`](crate::MAX_WIDTH); [`LocalError::NoContexts`], [`Error::NoMemory`].
    pub fn with_width(contexts: u32, width: u32) -> Result<Self> {
        let width = Width::new(width)?;
        if contexts == 0 {
            return Err(LocalError::NoContexts.into());
        }
        let zeros = || {
            let limbs = (contexts as usize).checked_mul(width.limbs())?;
            let mut words = vec![];
            words.try_reserve_exact(limbs).ok()?;
            words.resize(limbs, 0);
            Some(words)
        };
        let no_memory = Error::NoMemory { contexts };
        let (Some(states), Some(references)) = (zeros(), zeros()) else {
            return Err(no_memory);
        };
        Ok(Self {
            width,
            contexts,
            states,
            references,
            watchers: Watchers::default(),
        })
    }

    /// The number of contexts.
    pub fn size(&self) -> u32 {
        self.contexts
    }

    /// The width in bits.
    pub fn width(&self) -> u32 {
        self.width.bits()
    }

    /// The number of 64-bit words of a value in arrays: width / 64, rounded up.
    pub fn limbs(&self) -> usize {
        self.width.limbs()
    }

    /// LOAD: the context's reference becomes `value` and its accumulator 0, so its state is
    /// `value`.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    #[inline]
    pub fn load(&mut self, addr: u32, value: u64) -> Result<()> {
        if self.limbs() > 1 {
            return self.load_value(addr, value);
        }
        let value = value & self.width.mask();
        let done = self.words().load(addr, value);
        done.ok_or_else(|| self.outside(addr, None))?;
        self.tell(addr);
        Ok(())
    }

    /// ACCUM: the context's state is XORed with `delta`. The same delta again undoes it.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    #[inline]
    pub fn accum(&mut self, addr: u32, delta: u64) -> Result<()> {
        if self.limbs() > 1 {
            return self.accum_value(addr, delta);
        }
        let delta = delta & self.width.mask();
        let done = self.words().accum(addr, delta);
        done.ok_or_else(|| self.outside(addr, None))?;
        if delta != 0 {
            self.tell(addr);
        }
        Ok(())
    }

    /// READ: returns the context's state, reference ^ accumulator.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::TooWide`].
    #[inline]
    pub fn read(&self, addr: u32) -> Result<u64> {
        check_u64(self.width())?;
        let state = self.states.get(addr as usize).copied();
        state.ok_or_else(|| self.outside(addr, None))
    }

    /// SWAP: starts a new epoch of the context from its present state, and returns that state.
    /// The reference becomes the state and the accumulator 0.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::TooWide`].
    #[inline]
    pub fn swap(&mut self, addr: u32) -> Result<u64> {
        check_u64(self.width())?;
        let state = self.words().swap(addr);
        state.ok_or_else(|| self.outside(addr, None))
    }

    /// SWAP: starts a new epoch of the context from `new_reference`, and returns the state that
    /// ended the old one; the same as [`TableRef::swap_to`](crate::TableRef::swap_to).
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::TooWide`].
    pub fn swap_to(&mut self, addr: u32, new_reference: NonZeroU64) -> Result<u64> {
        self.swap_with(addr, new_reference.get())
    }

    /// SWAP: as [`swap_to`](Self::swap_to), where `new_reference` may be 0.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::TooWide`].
    pub fn swap_with(&mut self, addr: u32, new_reference: u64) -> Result<u64> {
        let state = self.read(addr)?;
        self.load(addr, new_reference)?;
        Ok(state)
    }

    /// SET: the context's state becomes `state`, and its reference stays.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    #[inline]
    pub fn set(&mut self, addr: u32, state: u64) -> Result<()> {
        if self.limbs() > 1 {
            return self.set_value(addr, state);
        }
        let state = state & self.width.mask();
        let done = self.words().set_state(addr, state);
        done.ok_or_else(|| self.outside(addr, None))?;
        self.tell(addr);
        Ok(())
    }

    /// Sets the state to `new` if it is `current`, as
    /// [`TableRef::compare_exchange`](crate::TableRef::compare_exchange) does: `Ok` with the state
    /// before, or `Err` with the state found.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::TooWide`].
    pub fn compare_exchange(
        &mut self,
        addr: u32,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>> {
        let state = self.read(addr)?;
        if state != current & self.width.mask() {
            return Ok(Err(state));
        }
        self.set(addr, new)?;
        Ok(Ok(state))
    }

    /// Changes the state to what `f` makes of it, and returns the state before, as
    /// [`TableRef::update`](crate::TableRef::update) does.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::TooWide`].
    pub fn update(&mut self, addr: u32, mut f: impl FnMut(u64) -> u64) -> Result<u64> {
        let state = self.read(addr)?;
        let new = f(state);
        if new != state {
            self.set(addr, new)?;
        }
        Ok(state)
    }

    /// Changes the states at `addrs` as `f` does, and returns its result, as
    /// [`TableRef::transact`](crate::TableRef::transact) does.
    ///
    /// # Errors
    ///
    /// [`Error::RepeatedAddress`]; [`Error::BatchTooLong`] of more than half of
    /// [`MAX_BATCH`](crate::MAX_BATCH) addresses, as the device has it; [`Error::Address`],
    /// [`LocalError::TooWide`]. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut table = atomik::LocalTable::new(2)?;
    /// table.set(0, 100)?;
    /// let moved = table.transact(&[0, 1], |accounts| {
    ///     let enough = accounts[0] >= 10;
    ///     if enough {
    ///         accounts[0] -= 10;
    ///         accounts[1] += 10;
    ///     }
    ///     enough
    /// })?;
    /// assert!(moved);
    /// assert_eq!(table.states(), [90, 10]);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn transact<R>(&mut self, addrs: &[u32], f: impl FnMut(&mut [u64]) -> R) -> Result<R> {
        transaction::transact(addrs, f, |batch| self.run(batch))
    }

    /// Runs a batch, as [`TableRef::run`](crate::TableRef::run) does: its operations in order, all
    /// of them or none. Returns the states that its READs and SWAPs returned.
    ///
    /// # Errors
    ///
    /// [`Error::BatchEmpty`]; [`Error::BatchTooLong`] beyond [`MAX_BATCH`](crate::MAX_BATCH)
    /// entries, as the device has it; [`Error::Address`], which names the entry;
    /// [`Error::Canceled`] where a condition doesn't hold; [`LocalError::TooWide`] where the width
    /// is above 64 bits. Nothing has been applied then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use atomik::{Batch, LocalTable};
    /// let mut table = LocalTable::new(2)?;
    /// let mut batch = Batch::new();
    /// batch.load(1, 1000).accum(1, 50);
    /// let state = batch.swap(1);
    /// assert_eq!(table.run(&mut batch)?.get(state)?, 986);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn run<'b>(&mut self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        let plan = self.plan(batch)?;
        if plan.returns_values() {
            let results = vec![Slot::default(); batch.len()];
            self.apply(&plan, batch, &results)?;
            for (op, result) in batch.ops_mut().iter_mut().zip(&results) {
                if batch::returns_value(op) {
                    op.value = result.0.get();
                }
            }
        } else {
            self.apply(&plan, batch, &DISCARD)?;
        }
        Ok(BatchResults::new(batch.ops()))
    }

    /// Runs a batch that returns nothing, as [`run`](Self::run) does, without writing to it.
    ///
    /// # Errors
    ///
    /// [`Error::BatchReturns`] where there is a READ or a SWAP in it; and those of
    /// [`run`](Self::run). Nothing has been applied then.
    pub fn submit(&mut self, batch: &Batch) -> Result<()> {
        batch.check_length()?;
        if let Some(entry) = batch.ops().iter().position(Batch::returns) {
            return Err(Error::BatchReturns { entry });
        }
        let plan = self.plan(batch)?;
        self.apply(&plan, batch, &DISCARD)
    }

    /// Checks that the batch can be applied, and returns what `apply` needs to know of it.
    fn plan(&self, batch: &Batch) -> Result<batch::Plan> {
        batch.check_length()?;
        check_u64(self.width())?;
        // A `Batch` has no other opcodes.
        let plan = batch::plan(batch.ops()).map_err(|_| Error::BatchEmpty)?;
        if !plan.fits(batch.ops(), self.contexts) {
            if let Some((entry, addr)) = batch.wrong_address(Some(self.contexts)) {
                return Err(self.outside(addr, Some(entry)));
            }
        }
        Ok(plan)
    }

    /// Applies the batch, if its conditions hold.
    fn apply<T: Target>(&mut self, plan: &batch::Plan, batch: &Batch, targets: &[T]) -> Result<()> {
        let mask = self.width.mask();
        let masked = |op: &BatchOp| BatchOp {
            value: op.value & mask,
            ..*op
        };
        let ops = match mask {
            u64::MAX => Cow::Borrowed(batch.ops()),
            _ => Cow::Owned(batch.ops().iter().map(masked).collect()),
        };
        if plan.expects() {
            let unmet = batch::unmet(&mut self.words(), &ops);
            if let Some((unmet, op)) = unmet.and_then(|unmet| Some((unmet, ops.get(unmet.entry)?)))
            {
                return Err(Error::Canceled {
                    entry: unmet.entry,
                    addr: op.addr,
                    expected: op.value,
                    found: unmet.state,
                });
            }
        }
        batch::apply(&mut self.words(), plan, &ops, targets);
        self.tell_many(batch::changed(&ops));
        Ok(())
    }

    /// LOAD with a value of any width.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn load_value(&mut self, addr: u32, value: impl AsLimbs) -> Result<()> {
        let (width, mut words) = (self.width, self.context_words(addr)?);
        for (i, limb) in (0..).zip(width.fit(value.as_limbs())) {
            words.load(i, limb);
        }
        self.tell(addr);
        Ok(())
    }

    /// ACCUM with a delta of any width.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn accum_value(&mut self, addr: u32, delta: impl AsLimbs) -> Result<()> {
        let (width, mut words) = (self.width, self.context_words(addr)?);
        let mut changes = false;
        for (i, limb) in (0..).zip(width.fit(delta.as_limbs())) {
            words.accum(i, limb);
            changes |= limb != 0;
        }
        if changes {
            self.tell(addr);
        }
        Ok(())
    }

    /// READ of any width.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn read_value(&self, addr: u32) -> Result<Value> {
        Ok(Value::fit(self.width, self.state_limbs(addr)?))
    }

    /// The limbs of a context's state, the lowest first, borrowed.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn state_limbs(&self, addr: u32) -> Result<&[u64]> {
        (self.limbs_of(&self.states, addr)).ok_or_else(|| self.outside(addr, None))
    }

    /// SWAP of any width, which keeps the state.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn swap_value(&mut self, addr: u32) -> Result<Value> {
        let (limbs, mut words) = (self.limbs(), self.context_words(addr)?);
        for i in 0..limbs as u32 {
            words.swap(i);
        }
        self.read_value(addr)
    }

    /// SWAP of any width, which starts the new epoch from `new_reference`.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn swap_value_with(&mut self, addr: u32, new_reference: impl AsLimbs) -> Result<Value> {
        let state = self.read_value(addr)?;
        self.load_value(addr, new_reference)?;
        Ok(state)
    }

    /// SET with a state of any width: the reference stays.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn set_value(&mut self, addr: u32, state: impl AsLimbs) -> Result<()> {
        let (width, mut words) = (self.width, self.context_words(addr)?);
        for (i, limb) in (0..).zip(width.fit(state.as_limbs())) {
            words.set_state(i, limb);
        }
        self.tell(addr);
        Ok(())
    }

    /// Sets the state to `new` if it is `current`, of any width: `Ok` with the state before, or
    /// `Err` with the state found.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn compare_exchange_value(
        &mut self,
        addr: u32,
        current: impl AsLimbs,
        new: impl AsLimbs,
    ) -> Result<Result<Value, Value>> {
        let state = self.read_value(addr)?;
        if state != Value::fit(self.width, current.as_limbs()) {
            return Ok(Err(state));
        }
        self.set_value(addr, new)?;
        Ok(Ok(state))
    }

    /// A copy of a context. Its [`delta_count`](LocalContext::delta_count) is 0: tables don't
    /// count.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn context(&self, addr: u32) -> Result<LocalContext> {
        let words = self
            .limbs_of(&self.states, addr)
            .zip(self.limbs_of(&self.references, addr));
        let (state, reference) = words.ok_or_else(|| self.outside(addr, None))?;
        Ok(LocalContext::of(self.width, state, reference))
    }

    /// Sets both words of a context, which are masked to the table's width.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn set_context(&mut self, addr: u32, context: &LocalContext) -> Result<()> {
        let (width, mut words) = (self.width, self.context_words(addr)?);
        let accumulator = context.accumulator();
        let words_of = width
            .fit(context.reference().limbs())
            .zip(width.fit(accumulator.limbs()));
        for (i, (reference, accumulator)) in (0..).zip(words_of) {
            words.set(i, reference, accumulator);
        }
        self.tell(addr);
        Ok(())
    }

    /// The contexts whose state isn't 0, by address: the address, and the state's limbs, the lowest
    /// first.
    pub fn nonzero(&self) -> impl Iterator<Item = (u32, &[u64])> {
        let all = (0..).zip(self.states.chunks_exact(self.limbs()));
        all.filter(|(_, limbs)| limbs.iter().any(|&limb| limb != 0))
    }

    /// All states, by address, [`limbs`](Self::limbs) words each.
    pub fn states(&self) -> &[u64] {
        &self.states
    }

    /// LOADs many contexts, in order: `values` has [`limbs`](Self::limbs) words for each address.
    ///
    /// # Errors
    ///
    /// [`LocalError::Lengths`]; [`Error::Address`], which names the first entry that is wrong, and
    /// `u32::MAX` for an address that is larger. Nothing has changed then.
    pub fn load_many<A: Copy + TryInto<u32>>(&mut self, addrs: &[A], values: &[u64]) -> Result<()> {
        self.many(addrs, values, |words, i, limb| {
            words.load(i, limb);
        })?;
        self.tell_many(addrs.iter().map(|&addr| index(addr)));
        Ok(())
    }

    /// ACCUMs many deltas: `deltas` has [`limbs`](Self::limbs) words for each address. An address
    /// may occur any number of times.
    ///
    /// # Errors
    ///
    /// Those of [`load_many`](Self::load_many). Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut table = atomik::LocalTable::new(4)?;
    /// table.accum_many(&[3u32, 1, 3], &[1, 2, 4])?;
    /// assert_eq!(table.states(), [0, 2, 0, 5]);
    /// assert!(table.accum_many(&[0u64, 4], &[1, 1]).is_err());
    /// assert_eq!(table.states(), [0, 2, 0, 5]);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn accum_many<A: Copy + TryInto<u32>>(
        &mut self,
        addrs: &[A],
        deltas: &[u64],
    ) -> Result<()> {
        self.many(addrs, deltas, |words, i, limb| {
            words.accum(i, limb);
        })?;
        // One word for each address: wider tables aren't watched.
        let mask = self.width.mask();
        let changed = addrs
            .iter()
            .zip(deltas)
            .filter(|(_, delta)| *delta & mask != 0);
        self.tell_many(changed.map(|(&addr, _)| index(addr)));
        Ok(())
    }

    /// READs many contexts into `states`, which has [`limbs`](Self::limbs) words for each address.
    ///
    /// # Errors
    ///
    /// Those of [`load_many`](Self::load_many). Nothing has been written then.
    pub fn read_many<A: Copy + TryInto<u32>>(&self, addrs: &[A], states: &mut [u64]) -> Result<()> {
        self.check_many(addrs, states.len())?;
        for (addr, out) in addrs.iter().zip(states.chunks_exact_mut(self.limbs())) {
            if let Some(limbs) = self.limbs_of(&self.states, index(*addr)) {
                out.copy_from_slice(limbs);
            }
        }
        Ok(())
    }

    /// Watches the contexts of `range`, as [`TableRef::watch`](crate::TableRef::watch) does: the
    /// first read tells the states of all. The table may change in one thread, and the watch be
    /// read in another. Dropping the table ends the watch.
    ///
    /// A watch takes a descriptor, and memory for each context that is still to be told. Moving
    /// the table keeps its watches; a clone has none. In the child of a fork the table is a copy,
    /// but the descriptor of a watch is still the parent's too: the child makes its own. Without
    /// watches, a change costs a comparison more.
    ///
    /// # Errors
    ///
    /// [`Error::Range`] where the range is empty or goes beyond the table; [`LocalError::TooWide`]
    /// where the width is above 64 bits; [`Error::Os`] where the process has too many descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut table = atomik::LocalTable::new(4)?;
    /// let mut watch = table.watch(0..4)?;
    /// assert_eq!(watch.read()?.len(), 4);
    /// table.accum(3, 5)?;
    /// table.accum(3, 2)?;
    /// assert_eq!(watch.read()?, [atomik::Change { addr: 3, state: 7 }]);
    /// drop(table);
    /// assert_eq!(watch.read()?, []);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn watch(&self, range: Range<u32>) -> Result<Watch> {
        check_u64(self.width())?;
        match self.states.get(range.start as usize..range.end as usize) {
            Some(states) if !states.is_empty() => {
                let watch = self.watchers.watch(range.clone(), states)?;
                Ok(Watch::new(range, Source::Local(watch)))
            }
            _ => Err(Error::Range {
                table: 0,
                addr: range.start,
                count: range.end.saturating_sub(range.start).into(),
                contexts: Some(self.contexts),
            }),
        }
    }

    /// Tells those who watch of a change.
    #[inline]
    fn tell(&mut self, addr: u32) {
        if !self.watchers.is_empty() {
            self.tell_many([addr].into_iter());
        }
    }

    /// Tells those who watch of changes that are to be seen together.
    fn tell_many(&mut self, addrs: impl Iterator<Item = u32>) {
        // Before `addrs` is looked at.
        if self.watchers.is_empty() {
            return;
        }
        let change = |addr| Some((addr, *self.states.get(addr as usize)?));
        let changes: Vec<_> = addrs.filter_map(change).collect();
        self.watchers.tell(&changes);
    }

    fn many<A: Copy + TryInto<u32>>(
        &mut self,
        addrs: &[A],
        values: &[u64],
        f: impl Fn(&mut TableMut<'_, &mut [u64], u64>, u32, u64),
    ) -> Result<()> {
        self.check_many(addrs, values.len())?;
        let width = self.width;
        if self.limbs() == 1 {
            let mut words = self.words();
            for (addr, value) in addrs.iter().zip(values) {
                f(&mut words, index(*addr), value & width.mask());
            }
            return Ok(());
        }
        for (addr, value) in addrs.iter().zip(values.chunks_exact(width.limbs())) {
            let mut words = self.context_words(index(*addr))?;
            for (i, limb) in (0..).zip(width.fit(value)) {
                f(&mut words, i, limb);
            }
        }
        Ok(())
    }

    /// Refuses many operations before the first of them.
    fn check_many<A: Copy + TryInto<u32>>(&self, addrs: &[A], words: usize) -> Result<()> {
        if addrs.len().checked_mul(self.limbs()) != Some(words) {
            return Err(LocalError::Lengths {
                addresses: addrs.len(),
                words,
                limbs: self.limbs(),
            }
            .into());
        }
        let wrong = |addr: &A| index(*addr) >= self.contexts;
        match addrs.iter().position(wrong) {
            Some(entry) => Err(self.outside(index(addrs[entry]), Some(entry))),
            None => Ok(()),
        }
    }

    /// The limbs as contexts of 64 bits.
    #[inline]
    fn words(&mut self) -> TableMut<'_, &mut [u64], u64> {
        TableMut::new(&mut self.states, &mut self.references)
    }

    /// The limbs of one context as contexts of 64 bits.
    fn context_words(&mut self, addr: u32) -> Result<TableMut<'_, &mut [u64], u64>> {
        if addr >= self.contexts {
            return Err(self.outside(addr, None));
        }
        let limbs = self.limbs();
        let range = addr as usize * limbs..(addr as usize + 1) * limbs;
        Ok(TableMut::new(
            &mut self.states[range.clone()],
            &mut self.references[range],
        ))
    }

    fn limbs_of<'a>(&self, words: &'a [u64], addr: u32) -> Option<&'a [u64]> {
        let start = (addr as usize).checked_mul(self.limbs())?;
        words.get(start..start.checked_add(self.limbs())?)
    }

    fn outside(&self, addr: u32, entry: Option<usize>) -> Error {
        Error::Address {
            table: 0,
            addr,
            contexts: Some(self.contexts),
            entry,
        }
    }
}

/// Converts an address. Larger ones become `u32::MAX`, which no table has.
#[inline]
fn index<A: TryInto<u32>>(addr: A) -> u32 {
    addr.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTEXTS: u32 = 4;

    /// A table, and single contexts that must agree with it.
    struct Both(LocalTable, Vec<LocalContext>);

    impl Both {
        fn new(width: u32) -> Self {
            let context = LocalContext::new(width).unwrap();
            let table = LocalTable::with_width(CONTEXTS, width).unwrap();
            Self(table, vec![context; CONTEXTS as usize])
        }

        fn agree(&self) {
            for (addr, context) in (0..).zip(&self.1) {
                let there = self.0.context(addr).unwrap();
                assert_eq!(there.read(), context.read());
                assert_eq!(there.reference(), context.reference());
            }
            let nonzero = self.0.nonzero().map(|(addr, limbs)| (addr, limbs.to_vec()));
            let expected = (0..)
                .zip(&self.1)
                .filter(|(_, context)| !context.read().is_zero());
            assert!(nonzero.eq(expected.map(|(addr, c)| (addr, c.read().limbs().to_vec()))));
        }
    }

    fn limbs() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(any::<u64>(), 0..4)
    }

    fn ops() -> impl Strategy<Value = Vec<(u8, u32, Vec<u64>)>> {
        prop::collection::vec((0..14u8, 0..CONTEXTS, limbs()), 0..40)
    }

    fn is_address(error: Error, wrong: u32, at: Option<usize>) -> bool {
        matches!(error, Error::Address { table: 0, addr, contexts: Some(CONTEXTS), entry }
            if addr == wrong && entry == at)
    }

    proptest! {
        #[test]
        fn a_table_is_its_contexts(width in 1..200u32, ops in ops()) {
            let mut both = Both::new(width);
            for (op, addr, limbs) in &ops {
                let Both(table, contexts) = &mut both;
                let (addr, context) = (*addr, &mut contexts[*addr as usize]);
                let first = limbs.first().copied().unwrap_or(0);
                let narrow = width <= 64;
                match op {
                    0 => {
                        table.load_value(addr, limbs).unwrap();
                        context.load(limbs);
                    }
                    1 => {
                        table.load(addr, first).unwrap();
                        context.load(first);
                    }
                    2 => {
                        table.accum_value(addr, limbs).unwrap();
                        context.accum(limbs);
                    }
                    3 => {
                        table.accum(addr, first).unwrap();
                        context.accum(first);
                    }
                    4 => prop_assert_eq!(table.swap_value(addr).unwrap(), context.swap()),
                    8 | 9 => {
                        // A SET is an ACCUM of the difference.
                        let new = if *op == 8 { &limbs[..] } else { &[first] };
                        let mut delta = context.read();
                        delta.xor(new);
                        context.accum(&delta);
                        if *op == 8 {
                            table.set_value(addr, new).unwrap();
                        } else {
                            table.set(addr, first).unwrap();
                        }
                    }
                    10 => {
                        let state = context.read();
                        // Bits beyond the width don't count.
                        let same = [state.limbs(), &[first]].concat();
                        let mut other = state.limbs().to_vec();
                        other[0] ^= 1;
                        let found = table.compare_exchange_value(addr, &other, limbs).unwrap();
                        prop_assert_eq!(found, Err(state.clone()));
                        let before = table.compare_exchange_value(addr, &same, limbs).unwrap();
                        prop_assert_eq!(before, Ok(state.clone()));
                        let mut delta = state;
                        delta.xor(limbs);
                        context.accum(&delta);
                    }
                    11 if narrow => {
                        let state = context.read().to_u64().unwrap();
                        let found = table.compare_exchange(addr, state ^ 1, first).unwrap();
                        prop_assert_eq!(found, Err(state));
                        let beyond = !table.width.mask() & first;
                        let before = table.compare_exchange(addr, state | beyond, first).unwrap();
                        prop_assert_eq!(before, Ok(state));
                        context.accum(state ^ first);
                    }
                    12 if narrow => {
                        let state = context.read().to_u64().unwrap();
                        let before = table.update(addr, |state| state.wrapping_add(first)).unwrap();
                        prop_assert_eq!(before, state);
                        context.accum(state ^ state.wrapping_add(first));
                    }
                    13 if narrow => {
                        let next = (addr + 1) % CONTEXTS;
                        let seen = table
                            .transact(&[next, addr], |states| {
                                let seen = states.to_vec();
                                states[1] = first;
                                seen
                            })
                            .unwrap();
                        let state = contexts[addr as usize].read();
                        prop_assert_eq!(&contexts[next as usize].read(), &seen[0]);
                        prop_assert_eq!(&state, &seen[1]);
                        contexts[addr as usize].accum(seen[1] ^ first);
                    }
                    5 => {
                        let state = table.swap_value_with(addr, limbs).unwrap();
                        prop_assert_eq!(state, context.swap_with(limbs));
                    }
                    6 if narrow => prop_assert_eq!(context.swap(), table.swap(addr).unwrap()),
                    7 if narrow => {
                        let state = table.swap_with(addr, first).unwrap();
                        prop_assert_eq!(context.swap_with(first), state);
                    }
                    _ => {
                        let wide = LocalError::TooWide { width }.to_string();
                        let refused = [
                            table.read(addr),
                            table.swap(addr),
                            table.swap_with(addr, 1),
                            table.update(addr, |_| panic!()),
                            table.compare_exchange(addr, 0, 1).map(|_| 0),
                            table.transact(&[addr], |_| panic!()),
                        ];
                        for result in refused {
                            prop_assert_eq!(result.unwrap_err().to_string(), wide.clone());
                        }
                    }
                }
                if narrow {
                    prop_assert_eq!(both.1[addr as usize].read(), both.0.read(addr).unwrap());
                }
                both.agree();
            }
        }

        #[test]
        fn many_are_one_after_another(
            width in 1..200u32,
            addrs in prop::collection::vec(0..CONTEXTS, 0..30),
            seed in any::<u64>(),
        ) {
            let Both(mut table, mut contexts) = Both::new(width);
            let limbs = table.limbs();
            let values: Vec<u64> = (0..(addrs.len() * limbs) as u64)
                .map(|n| seed.wrapping_mul(2 * n + 1))
                .collect();
            for (addr, value) in addrs.iter().zip(values.chunks(limbs)) {
                contexts[*addr as usize].accum(value);
            }
            table.accum_many(&addrs, &values).unwrap();
            let wide: Vec<u64> = addrs.iter().map(|&addr| addr.into()).collect();
            let mut states = vec![0; values.len()];
            table.read_many(&wide, &mut states).unwrap();
            for (addr, state) in addrs.iter().zip(states.chunks(limbs)) {
                prop_assert_eq!(contexts[*addr as usize].state().limbs(), state);
            }
            for (addr, value) in addrs.iter().zip(values.chunks(limbs)) {
                contexts[*addr as usize].load(value);
            }
            table.load_many(&wide, &values).unwrap();
            Both(table, contexts).agree();
        }

        #[test]
        fn many_fail_before_the_first(
            addrs in prop::collection::vec(0..CONTEXTS + 2, 1..9),
            width in 1..200u32,
        ) {
            let Both(mut table, _) = Both::new(width);
            let values = vec![1; addrs.len() * table.limbs()];
            let wrong = addrs.iter().position(|&addr| addr >= CONTEXTS);
            prop_assume!(wrong.is_some());
            let before = table.clone();
            let expected = |error| is_address(error, addrs[wrong.unwrap()], wrong);
            prop_assert!(expected(table.accum_many(&addrs, &values).unwrap_err()));
            prop_assert!(expected(table.load_many(&addrs, &values).unwrap_err()));
            let mut states = values.clone();
            prop_assert!(expected(table.read_many(&addrs, &mut states).unwrap_err()));
            prop_assert_eq!(states, values);
            prop_assert_eq!(table, before);
        }

        #[test]
        fn a_batch_is_its_operations(
            width in 1..65u32,
            start in any::<[u64; CONTEXTS as usize]>(),
            ops in prop::collection::vec((0..6u8, 0..CONTEXTS, any::<u64>()), 1..40),
        ) {
            let mut table = Both::new(width).0;
            for (addr, state) in (0..).zip(start) {
                table.load(addr, state).unwrap();
            }
            let mut single = table.clone();
            let mut batch = Batch::new();
            let mut expected = vec![];
            for &(op, addr, value) in &ops {
                match op {
                    0 => {
                        batch.load(addr, value);
                        single.load(addr, value).unwrap();
                    }
                    1 => {
                        batch.accum(addr, value);
                        single.accum(addr, value).unwrap();
                    }
                    2 => {
                        batch.read(addr);
                        expected.push(single.read(addr).unwrap());
                    }
                    3 => {
                        batch.swap(addr);
                        expected.push(single.swap(addr).unwrap());
                    }
                    4 => {
                        batch.set(addr, value);
                        single.set(addr, value).unwrap();
                    }
                    // A condition on the state before all entries.
                    _ => {
                        batch.expect(addr, start[addr as usize]);
                    }
                }
            }
            if expected.is_empty() {
                table.clone().submit(&batch).unwrap();
            } else {
                let first = batch.ops().iter().position(Batch::returns);
                let error = table.submit(&batch).unwrap_err();
                let right = matches!(error, Error::BatchReturns { entry } if Some(entry) == first);
                prop_assert!(right);
            }
            let states: Vec<u64> = table.run(&mut batch).unwrap().states().collect();
            prop_assert_eq!(&states, &expected);
            prop_assert_eq!(&table, &single);
            // Nothing of it, if a condition fails: the first is named, and the batch stays.
            let entries = batch.ops().to_vec();
            let (addr, found) = (ops[0].1, table.read(ops[0].1).unwrap());
            batch.expect(addr, found ^ 1).expect(addr, found ^ 1);
            let conditions = || batch.ops().iter().enumerate().filter(|(_, op)| op.opcode == 4);
            let fails = |op: &BatchOp| {
                op.value & table.width.mask() != table.read(op.addr).unwrap()
            };
            let first = conditions().find(|(_, op)| fails(op)).unwrap().0;
            let before = batch.clone();
            let mut results = vec![table.run(&mut batch).map(drop)];
            if expected.is_empty() {
                results.push(table.submit(&batch));
            }
            for error in results.into_iter().map(Result::unwrap_err) {
                let right = matches!(error, Error::Canceled { entry, addr, expected, found }
                    if entry == first
                        && addr == before.ops()[first].addr
                        && expected == before.ops()[first].value & table.width.mask()
                        && found == table.read(addr).unwrap());
                prop_assert!(right, "{error}");
            }
            prop_assert_eq!(batch.ops(), before.ops());
            prop_assert_eq!(&table, &single);
            prop_assert_eq!(&batch.ops()[..ops.len()], entries);
            // Nothing of it, if one entry is wrong.
            batch.clear();
            for op in ops.iter().filter(|op| op.0 < 2) {
                batch.accum(op.1, op.2);
            }
            let wrong = batch.len();
            batch.load(CONTEXTS, 1);
            let error = table.run(&mut batch).unwrap_err();
            prop_assert!(is_address(error, CONTEXTS, Some(wrong)));
            prop_assert_eq!(&table, &single);
        }
    }

    #[test]
    fn refuses_what_is_not_there() {
        for width in [1, 64, 65] {
            let Both(mut table, _) = Both::new(width);
            table.load(1, 1).unwrap();
            let before = table.clone();
            let context = table.context(1).unwrap();
            for addr in [CONTEXTS, u32::MAX] {
                let mut errors = vec![
                    table.load(addr, 1).unwrap_err(),
                    table.accum(addr, 1).unwrap_err(),
                    table.load_value(addr, 1).unwrap_err(),
                    table.accum_value(addr, 1).unwrap_err(),
                    table.read_value(addr).unwrap_err(),
                    table.state_limbs(addr).unwrap_err(),
                    table.swap_value(addr).unwrap_err(),
                    table.swap_value_with(addr, 1).unwrap_err(),
                    table.context(addr).unwrap_err(),
                    table.set_context(addr, &context).unwrap_err(),
                    table.set(addr, 1).unwrap_err(),
                    table.set_value(addr, 1).unwrap_err(),
                    table.compare_exchange_value(addr, 0, 1).unwrap_err(),
                ];
                if width <= 64 {
                    errors.push(table.read(addr).unwrap_err());
                    errors.push(table.swap(addr).unwrap_err());
                    errors.push(table.swap_with(addr, 1).unwrap_err());
                    errors.push(table.swap_to(addr, NonZeroU64::MIN).unwrap_err());
                    errors.push(table.compare_exchange(addr, 0, 1).unwrap_err());
                    errors.push(table.update(addr, |_| panic!()).unwrap_err());
                }
                for error in errors {
                    assert!(is_address(error, addr, None));
                }
            }
            assert_eq!(table, before);
        }
        let error = LocalTable::new(16).unwrap().read(16).unwrap_err();
        assert_eq!(
            error.to_string(),
            "address 16 is outside the table, which has 16 contexts"
        );
    }

    #[test]
    fn addresses_beyond_32_bits_are_none() {
        let mut table = LocalTable::new(CONTEXTS).unwrap();
        for addr in [u64::from(CONTEXTS), 1 << 32, u64::MAX] {
            let error = table.accum_many(&[0, addr], &[1, 1]).unwrap_err();
            let shown = u32::try_from(addr).unwrap_or(u32::MAX);
            assert!(is_address(error, shown, Some(1)));
        }
        assert!(table.accum_many(&[-1i64], &[1]).is_err());
        assert_eq!(table.states(), [0; CONTEXTS as usize]);
    }

    #[test]
    fn lengths_belong_together() {
        let mut table = LocalTable::with_width(CONTEXTS, 65).unwrap();
        for words in [0, 1, 3] {
            let error = table.accum_many(&[0u32], &vec![1; words]).unwrap_err();
            assert!(matches!(
                error,
                Error::Local(LocalError::Lengths { addresses: 1, words: w, limbs: 2 })
                    if w == words
            ));
        }
        assert!(table.accum_many::<u32>(&[], &[]).is_ok());
    }

    #[test]
    fn refuses_the_batches_that_the_device_does() {
        let mut table = LocalTable::new(1).unwrap();
        let mut batch = Batch::new();
        assert!(matches!(table.run(&mut batch), Err(Error::BatchEmpty)));
        assert!(matches!(table.submit(&batch), Err(Error::BatchEmpty)));
        for _ in 0..4096 {
            batch.accum(0, 1);
        }
        table.submit(&batch).unwrap();
        table.run(&mut batch).unwrap();
        batch.accum(0, 1);
        assert!(matches!(
            table.submit(&batch),
            Err(Error::BatchTooLong { entries: 4097 })
        ));
        assert_eq!(table.read(0).unwrap(), 0);
        let mut wide = LocalTable::with_width(1, 65).unwrap();
        batch.clear();
        batch.accum(0, 1);
        assert!(matches!(
            wide.run(&mut batch),
            Err(Error::Local(LocalError::TooWide { width: 65 }))
        ));
    }

    #[test]
    fn sizes() {
        assert!(matches!(
            LocalTable::new(0),
            Err(Error::Local(LocalError::NoContexts))
        ));
        assert!(matches!(
            LocalTable::with_width(1, 0),
            Err(Error::Local(LocalError::InvalidWidth { width: 0 }))
        ));
        let error = LocalTable::with_width(u32::MAX, crate::MAX_WIDTH).unwrap_err();
        assert!(matches!(error, Error::NoMemory { contexts: u32::MAX }));
        let table = LocalTable::with_width(1 << 17, 1).unwrap();
        assert_eq!(
            (table.size(), table.width(), table.limbs()),
            (1 << 17, 1, 1)
        );
        assert_eq!(table.read((1 << 17) - 1).unwrap(), 0);
    }

    #[test]
    fn contexts_come_and_go() {
        let mut table = LocalTable::with_width(2, 100).unwrap();
        let context = LocalContext::with_words(100, [1, 2], [4, 8]).unwrap();
        table.set_context(1, &context).unwrap();
        assert_eq!(table.context(1).unwrap().accumulator().limbs(), [4, 8]);
        assert_eq!(table.state_limbs(1).unwrap(), [5, 10]);
        // Of a wider one the rest is left out.
        let context = LocalContext::with_words(200, [1, u64::MAX, 7], [0, 1, 7]).unwrap();
        table.set_context(0, &context).unwrap();
        let context = table.context(0).unwrap();
        assert_eq!(context.reference().limbs(), [1, (1 << 36) - 1]);
        assert_eq!(context.accumulator().limbs(), [0, 1]);
    }
}
