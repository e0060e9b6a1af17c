// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! The rules for batches: what is valid, what it does, and how it is undone.

#[cfg(MODULE)]
use crate::uapi;
#[cfg(not(MODULE))]
use atomik_uapi as uapi;

use super::context::{States, TableMut, Word};
use uapi::{BatchOp, OP_ACCUM, OP_EXPECT, OP_LOAD, OP_READ, OP_SET, OP_SWAP};

/// Entries in one turn of an unrolled loop.
const UNROLLED: usize = 8;

/// A summary of a valid batch, by which it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// All opcodes, ORed.
    any: u8,
    /// All opcodes, ANDed.
    all: u8,
    /// A bit for each opcode that occurs, if EXPECT or SET does; otherwise 0.
    kinds: u8,
    /// All addresses, ORed.
    addrs: u32,
}

/// An EXPECT entry that doesn't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Number of the entry in its batch, from 0.
    pub entry: usize,
    /// State that its context has instead.
    pub state: u64,
}

/// The error of a batch with an unknown opcode or a reserved byte that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

impl Plan {
    /// Whether there are READ or SWAP entries, whose values go back to the caller.
    #[inline]
    pub fn returns_values(&self) -> bool {
        // The bit of these two opcodes alone.
        self.any & OP_READ != 0
    }

    /// True if all entries are READs and SWAPs, which keep the states.
    #[inline]
    pub fn keeps_states(&self) -> bool {
        self.kinds == 0 && self.all & OP_READ != 0
    }

    /// Whether all entries are READs and EXPECTs, which change nothing.
    #[inline]
    pub fn changes_nothing(&self) -> bool {
        if self.kinds == 0 {
            self.only() == Some(OP_READ)
        } else {
            self.kinds & !(kind(OP_READ) | kind(OP_EXPECT)) == 0
        }
    }

    /// Whether there are EXPECT entries, which [`unmet`] checks.
    #[inline]
    pub fn expects(&self) -> bool {
        self.kinds & kind(OP_EXPECT) != 0
    }

    /// Whether [`attempt`] must save a word of each entry for [`undo`], as writing the results can
    /// fail.
    pub fn saves_words(&self, ops: &[BatchOp]) -> bool {
        let replaces = |op: &BatchOp| matches!(op.opcode, OP_LOAD | OP_SWAP | OP_SET);
        self.returns_values() && ops.iter().any(replaces)
    }

    /// Whether all addresses are below `count`.
    #[inline]
    pub fn fits(&self, ops: &[BatchOp], count: u32) -> bool {
        // ORed, they are no less than any of them.
        self.addrs < count || ops.iter().all(|op| op.addr < count)
    }

    /// The opcode of all entries, if it is the same.
    #[inline]
    fn only(&self) -> Option<u8> {
        (self.any == self.all).then_some(self.any)
    }
}

/// Checks each entry and sums the batch up.
#[inline(never)] // As `apply`.
pub fn plan(ops: &[BatchOp]) -> Result<Plan, Invalid> {
    // Opcodes, reserved bytes and addresses at once.
    let mut heads = 0;
    for_each(ops, |op| heads |= head(op));
    let any = heads as u32;
    // The first four opcodes are the numbers of two bits.
    if any & !u32::from(OP_SWAP) != 0 {
        return plan_of_all_kinds(ops, heads);
    }
    let any = any as u8;
    let mut all = any;
    if any != OP_LOAD {
        for_each(ops, |op| all &= op.opcode);
    }
    Ok(Plan {
        any,
        all,
        kinds: 0,
        addrs: (heads >> 32) as u32,
    })
}

/// Sums up a batch with other opcodes than the first four, given its [heads](head), ORed.
#[inline]
fn plan_of_all_kinds(ops: &[BatchOp], heads: u64) -> Result<Plan, Invalid> {
    let any = heads as u32;
    // Opcodes of three bits, each of which has a bit in `kinds`.
    if any & !u32::from(OP_EXPECT | OP_SWAP) != 0 {
        return Err(Invalid);
    }
    let mut kinds = 0;
    for_each(ops, |op| kinds |= kind(op.opcode));
    if kinds > kind(OP_SET) | (kind(OP_SET) - 1) {
        return Err(Invalid);
    }
    let any = any as u8;
    Ok(Plan {
        any,
        // Other than `any`, which isn't 0, unless all opcodes are the same.
        all: if kinds.is_power_of_two() { any } else { 0 },
        kinds,
        addrs: (heads >> 32) as u32,
    })
}

/// The bit of an opcode in [`Plan::kinds`].
#[inline]
const fn kind(opcode: u8) -> u8 {
    1u8.wrapping_shl(opcode as u32)
}

/// Checks the EXPECT entries, before any entry is applied. Returns the first that doesn't hold.
///
/// The caller has checked that the batch [fits](Plan::fits).
#[inline]
pub fn unmet<S: States, W: Word>(table: &mut TableMut<'_, S, W>, ops: &[BatchOp]) -> Option<Unmet> {
    for (entry, op) in ops.iter().enumerate() {
        if op.opcode == OP_EXPECT {
            let state = table.read(op.addr)?;
            if state != op.value {
                return Some(Unmet { entry, state });
            }
        }
    }
    None
}

/// The part of an entry before its value. From the lowest bits on: the opcode, the reserved bytes,
/// the address.
#[inline]
fn head(op: &BatchOp) -> u64 {
    let [a, b, c] = op.reserved;
    u64::from(u32::from_le_bytes([op.opcode, a, b, c])) | (u64::from(op.addr) << 32)
}

/// Whether the entry's value goes back to the caller.
#[inline]
pub fn returns_value(op: &BatchOp) -> bool {
    matches!(op.opcode, OP_READ | OP_SWAP)
}

/// Destination of an entry's result. Storing to it can't fail.
pub trait Target {
    fn put(&self, value: u64);
}

/// A target that drops what it gets, for batches without results.
#[derive(Clone, Copy)]
pub struct Discard;

impl Target for Discard {
    #[inline]
    fn put(&self, _: u64) {}
}

/// One of these for each entry that a batch can have.
pub const DISCARD: [Discard; uapi::MAX_BATCH as usize] = [Discard; uapi::MAX_BATCH as usize];

/// Applies entries in order, and stores the results of READ and SWAP entries to `targets`, of which
/// each entry has one.
///
/// The caller has checked that the batch [fits](Plan::fits): an entry beyond the table would be
/// skipped.
#[inline(never)] // Alone, its loops get the registers they need.
pub fn apply<S: States, W: Word, T: Target>(
    table: &mut TableMut<'_, S, W>,
    plan: &Plan,
    ops: &[BatchOp],
    targets: &[T],
) {
    let put = |target: &T, value: Option<u64>| {
        if let Some(value) = value {
            target.put(value);
        }
    };
    // Separate loops, as most batches have entries of one kind.
    match plan.only() {
        Some(OP_LOAD) => for_each(ops, |op| {
            table.load(op.addr, op.value);
        }),
        Some(OP_ACCUM) => for_each(ops, |op| {
            table.accum(op.addr, op.value);
        }),
        Some(OP_READ) => for_each_pair(ops, targets, |op, target| put(target, table.read(op.addr))),
        Some(OP_SWAP) => for_each_pair(ops, targets, |op, target| put(target, table.swap(op.addr))),
        Some(OP_SET) => for_each(ops, |op| {
            table.set_state(op.addr, op.value);
        }),
        Some(OP_EXPECT) => {}
        // Separate, so that an entry of the other batches costs no more for these opcodes.
        _ if plan.kinds != 0 => {
            for (op, target) in ops.iter().zip(targets) {
                match op.opcode {
                    OP_LOAD => {
                        table.load(op.addr, op.value);
                    }
                    OP_ACCUM => {
                        table.accum(op.addr, op.value);
                    }
                    OP_READ => put(target, table.read(op.addr)),
                    OP_SWAP => put(target, table.swap(op.addr)),
                    OP_SET => {
                        table.set_state(op.addr, op.value);
                    }
                    _ => {}
                }
            }
        }
        _ => {
            for (op, target) in ops.iter().zip(targets) {
                match op.opcode {
                    OP_LOAD => {
                        table.load(op.addr, op.value);
                    }
                    OP_ACCUM => {
                        table.accum(op.addr, op.value);
                    }
                    OP_READ => put(target, table.read(op.addr)),
                    _ => put(target, table.swap(op.addr)),
                }
            }
        }
    }
}

#[inline]
fn for_each(ops: &[BatchOp], mut f: impl FnMut(&BatchOp)) {
    let mut chunks = ops.chunks_exact(UNROLLED);
    for chunk in &mut chunks {
        for op in chunk {
            f(op);
        }
    }
    for op in chunks.remainder() {
        f(op);
    }
}

#[inline]
fn for_each_pair<T>(ops: &[BatchOp], targets: &[T], mut f: impl FnMut(&BatchOp, &T)) {
    let (mut ops, mut targets) = (ops.chunks_exact(UNROLLED), targets.chunks_exact(UNROLLED));
    for (ops, targets) in (&mut ops).zip(&mut targets) {
        for (op, target) in ops.iter().zip(targets) {
            f(op, target);
        }
    }
    for (op, target) in ops.remainder().iter().zip(targets.remainder()) {
        f(op, target);
    }
}

/// Applies a batch that [keeps the states](Plan::keeps_states). First `tell` hands each result to
/// the caller; where it fails, nothing has changed. The value of each entry becomes its result.
///
/// The caller has checked that the batch [fits](Plan::fits).
#[inline]
pub fn tell_and_apply<S: States, W: Word, E>(
    table: &mut TableMut<'_, S, W>,
    plan: &Plan,
    ops: &mut [BatchOp],
    mut tell: impl FnMut(u64) -> Result<(), E>,
) -> Result<(), E> {
    for op in ops.iter_mut() {
        if let Some(state) = table.read(op.addr) {
            op.value = state;
            tell(state)?;
        }
    }
    if plan.any == OP_SWAP {
        for_each(ops, |op| {
            if op.opcode == OP_SWAP {
                table.set_reference(op.addr, op.value);
            }
        });
    }
    Ok(())
}

/// Applies the entries in order, so that [`undo`] can follow.
///
/// The value of a READ or SWAP entry becomes its result, that of a LOAD or SET entry the state that
/// it replaced. `saved` receives a word of each entry: the value of a SET, otherwise the reference
/// of the context. It is as long as `ops` where [`Plan::saves_words`] says so, otherwise empty.
///
/// The caller has checked that the batch [fits](Plan::fits).
#[inline(always)] // A call would cost small batches.
pub fn attempt<S: States, W: Word>(
    table: &mut TableMut<'_, S, W>,
    plan: &Plan,
    ops: &mut [BatchOp],
    saved: &mut [u64],
) {
    if plan.kinds == 0 {
        attempt_each::<false, _, _>(table, ops, saved);
    } else {
        attempt_each::<true, _, _>(table, ops, saved);
    }
}

/// Does the work of [`attempt`]. EXPECT and SET occur only where `ALL_KINDS` is true; where it is
/// not, an entry costs less.
#[inline(always)]
fn attempt_each<const ALL_KINDS: bool, S: States, W: Word>(
    table: &mut TableMut<'_, S, W>,
    ops: &mut [BatchOp],
    saved: &mut [u64],
) {
    let mut saved = saved.iter_mut();
    for op in ops {
        if let (Some(saved), Some(reference)) = (saved.next(), table.reference(op.addr)) {
            *saved = match op.opcode {
                OP_SET if ALL_KINDS => op.value,
                _ => reference,
            };
        }
        let value = match op.opcode {
            OP_LOAD => table.load(op.addr, op.value),
            OP_ACCUM => table.accum(op.addr, op.value).map(|()| op.value),
            OP_READ => table.read(op.addr),
            OP_SET if ALL_KINDS => table.set_state(op.addr, op.value),
            OP_EXPECT if ALL_KINDS => None,
            _ => table.swap(op.addr),
        };
        op.value = value.unwrap_or(op.value);
    }
}

/// Undoes what [`attempt`] did, given its `ops` and `saved`. Restores the contexts and the values
/// of LOAD and SET entries, so that it can be tried again.
pub fn undo<S: States, W: Word>(
    table: &mut TableMut<'_, S, W>,
    ops: &mut [BatchOp],
    saved: &[u64],
) {
    for (i, op) in ops.iter_mut().enumerate().rev() {
        let saved = saved.get(i).copied();
        match op.opcode {
            OP_LOAD => op.value = table.restore_state(op.addr, op.value).unwrap_or(op.value),
            OP_ACCUM => table.accum(op.addr, op.value).unwrap_or(()),
            OP_SET => {
                let value = saved.unwrap_or(op.value);
                // What has been XORed in meanwhile stays.
                table.accum(op.addr, op.value ^ value);
                op.value = value;
                continue;
            }
            _ => {}
        }
        if let Some(reference) = saved {
            table.set_reference(op.addr, reference);
        }
    }
}

/// A flag in memory that nobody else uses meanwhile.
pub trait Flag {
    fn flag(&mut self) -> bool;
}

/// Whether the flags at the addresses of all entries are set. There is one for each context; their
/// number is a power of two, so that an address is masked, safe against speculation.
#[inline(never)] // As `apply`.
pub fn all_set(flags: &mut [impl Flag], ops: &[BatchOp]) -> bool {
    let Some(mask) = flags.len().checked_sub(1) else {
        return true;
    };
    let mut all = true;
    for_each(ops, |op| {
        if let Some(flag) = flags.get_mut(op.addr as usize & mask) {
            all &= flag.flag();
        }
    });
    all
}

/// The addresses of the entries that change a state, of a batch that has been applied.
pub fn changed(ops: &[BatchOp]) -> impl Iterator<Item = u32> + '_ {
    let changes = |op: &&BatchOp| match op.opcode {
        OP_LOAD | OP_SET => true,
        OP_ACCUM => op.value != 0,
        // SWAP keeps the state here.
        _ => false,
    };
    ops.iter().filter(changes).map(|op| op.addr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use atomik_test_support::model::{self, Entry};
    use core::cell::Cell;
    use proptest::prelude::*;
    use std::{vec, vec::Vec};

    /// Contexts as the driver stores them.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Stored {
        states: Vec<u64>,
        references: Vec<u64>,
    }

    impl Stored {
        fn new(model: &model::Table) -> Self {
            let contexts = || (0..model.count()).map(|addr| model.get(addr).unwrap());
            Self {
                states: contexts().map(|context| context.state()).collect(),
                references: contexts().map(|context| context.reference).collect(),
            }
        }

        fn table(&mut self) -> TableMut<'_, &mut [u64], u64> {
            TableMut::new(&mut self.states, &mut self.references)
        }
    }

    /// The entry of the model that says the same.
    fn entry(op: &BatchOp) -> Entry {
        let BatchOp { addr, value, .. } = *op;
        match op.opcode {
            OP_LOAD => Entry::Load { addr, value },
            OP_ACCUM => Entry::Accum { addr, delta: value },
            OP_READ => Entry::Read { addr },
            OP_SWAP => Entry::Swap { addr, new: 0 },
            OP_EXPECT => Entry::Expect { addr, state: value },
            _ => Entry::Set { addr, state: value },
        }
    }

    /// The batch with conditions that hold.
    fn holding(model: &model::Table, mut ops: Vec<BatchOp>) -> Vec<BatchOp> {
        for op in ops.iter_mut().filter(|op| op.opcode == OP_EXPECT) {
            op.value = model.get(op.addr).unwrap().state();
        }
        ops
    }

    impl Target for Cell<Option<u64>> {
        fn put(&self, value: u64) {
            assert_eq!(self.replace(Some(value)), None);
        }
    }

    const CONTEXTS: u32 = 5;

    /// Batches of all opcodes, of the first four, of two of them, and of one.
    fn ops() -> impl Strategy<Value = Vec<BatchOp>> {
        let all = vec![OP_LOAD, OP_ACCUM, OP_READ, OP_SWAP, OP_EXPECT, OP_SET];
        let opcodes = prop_oneof![
            Just(all.clone()),
            Just(all[..4].to_vec()),
            prop::sample::subsequence(all.clone(), 2),
            prop::sample::subsequence(all, 1),
        ];
        opcodes.prop_flat_map(|opcodes| {
            let op = (prop::sample::select(opcodes), 0..CONTEXTS, any::<u64>());
            let op = op.prop_map(|(opcode, addr, value)| BatchOp {
                opcode,
                addr,
                value,
                ..BatchOp::default()
            });
            prop::collection::vec(op, 1..40)
        })
    }

    fn contexts() -> impl Strategy<Value = model::Table> {
        prop::collection::vec(any::<[u64; 2]>(), CONTEXTS as usize).prop_map(|words| {
            let mut table = model::Table::new(CONTEXTS);
            for (addr, [reference, accumulator]) in (0..).zip(words) {
                *table.get_mut(addr).unwrap() = model::Context {
                    reference,
                    accumulator,
                };
            }
            table
        })
    }

    proptest! {
        #[test]
        fn applies_as_the_model_does(mut model in contexts(), ops in ops()) {
            let mut stored = Stored::new(&model);
            let ops = holding(&model, ops);
            let targets = vec![Cell::new(None); ops.len()];
            apply(&mut stored.table(), &plan(&ops).unwrap(), &ops, &targets);
            let entries: Vec<Entry> = ops.iter().map(entry).collect();
            let mut states = model.apply(&entries).unwrap().into_iter();
            for (op, target) in ops.iter().zip(&targets) {
                let state = if returns_value(op) { states.next() } else { None };
                prop_assert_eq!(target.get(), state);
            }
            prop_assert_eq!(stored, Stored::new(&model));
        }

        #[test]
        fn an_attempt_does_the_same(model in contexts(), ops in ops()) {
            let (mut applied, mut attempted) = (Stored::new(&model), Stored::new(&model));
            let targets = vec![Cell::new(None); ops.len()];
            apply(&mut applied.table(), &plan(&ops).unwrap(), &ops, &targets);
            let mut tried = ops.clone();
            attempt(&mut attempted.table(), &plan(&ops).unwrap(), &mut tried, &mut []);
            prop_assert_eq!(applied, attempted);
            for (tried, target) in tried.iter().zip(&targets) {
                prop_assert_eq!(returns_value(tried).then_some(tried.value), target.get());
            }
        }

        #[test]
        fn telling_first_does_the_same(
            model in contexts(),
            mut ops in ops(),
            swaps in any::<u64>(),
            room in 0usize..80,
        ) {
            for (i, op) in ops.iter_mut().enumerate() {
                op.opcode = if (swaps >> i) & 1 == 0 { OP_READ } else { OP_SWAP };
            }
            let plan = plan(&ops).unwrap();
            let (mut applied, mut told) = (Stored::new(&model), Stored::new(&model));
            let targets = vec![Cell::new(None); ops.len()];
            apply(&mut applied.table(), &plan, &ops, &targets);
            let mut results = vec![];
            let tell = |state| {
                let fits = results.len() < room;
                results.push(Some(state));
                fits.then_some(()).ok_or(())
            };
            if tell_and_apply(&mut told.table(), &plan, &mut ops, tell).is_ok() {
                prop_assert_eq!(told, applied);
                prop_assert_eq!(results, targets.iter().map(Cell::get).collect::<Vec<_>>());
            } else {
                prop_assert_eq!(told, Stored::new(&model));
            }
        }

        #[test]
        fn undo_restores_contexts_and_inputs(model in contexts(), ops in ops()) {
            let mut stored = Stored::new(&model);
            let mut tried = ops.clone();
            // As in the driver: words are saved only where they may have to be put back.
            let plan = plan(&ops).unwrap();
            prop_assume!(plan.returns_values());
            let mut saved = vec![0; if plan.saves_words(&ops) { ops.len() } else { 0 }];
            attempt(&mut stored.table(), &plan, &mut tried, &mut saved);
            undo(&mut stored.table(), &mut tried, &saved);
            prop_assert_eq!(&stored, &Stored::new(&model));
            for (op, tried) in ops.iter().zip(&tried) {
                if !returns_value(op) {
                    prop_assert_eq!(op, tried);
                }
            }
        }

        #[test]
        fn the_plan_sums_the_batch_up(ops in ops()) {
            let plan = plan(&ops).unwrap();
            let highest = ops.iter().map(|op| op.addr).max().unwrap();
            prop_assert!(plan.fits(&ops, highest + 1));
            prop_assert!(!plan.fits(&ops, highest));
            let any = |opcodes: &[u8]| ops.iter().any(|op| opcodes.contains(&op.opcode));
            let returns = any(&[OP_READ, OP_SWAP]);
            prop_assert_eq!(plan.returns_values(), returns);
            prop_assert_eq!(plan.expects(), any(&[OP_EXPECT]));
            let changes = any(&[OP_LOAD, OP_ACCUM, OP_SWAP, OP_SET]);
            prop_assert_eq!(plan.changes_nothing(), !changes);
            let others = any(&[OP_LOAD, OP_ACCUM, OP_EXPECT, OP_SET]);
            prop_assert_eq!(plan.keeps_states(), !others);
            let replaces = any(&[OP_LOAD, OP_SWAP, OP_SET]);
            prop_assert_eq!(plan.saves_words(&ops), returns && replaces);
            let same = ops.iter().all(|op| op.opcode == ops[0].opcode);
            prop_assert_eq!(plan.only(), same.then_some(ops[0].opcode));
        }

        #[test]
        fn the_first_that_does_not_hold(model in contexts(), mut ops in ops(), hold in 0usize..40) {
            let state = |op: &BatchOp| model.get(op.addr).unwrap().state();
            let expects = ops.iter_mut().filter(|op| op.opcode == OP_EXPECT);
            for op in expects.take(hold) {
                op.value = state(op);
            }
            let entries: Vec<Entry> = ops.iter().map(entry).collect();
            let mut stored = Stored::new(&model);
            let unmet = unmet(&mut stored.table(), &ops).map(|unmet| (unmet.entry, unmet.state));
            prop_assert_eq!(unmet, model.unmet(&entries));
            prop_assert_eq!(stored, Stored::new(&model));
        }

        #[test]
        fn one_bad_entry_spoils_the_batch(
            mut ops in ops(),
            bad in any::<prop::sample::Index>(),
            opcode in any::<u8>(),
            reserved in any::<[u8; 3]>(),
        ) {
            prop_assume!(opcode > OP_SET || reserved != [0; 3]);
            let bad = bad.index(ops.len());
            ops[bad].opcode = opcode;
            ops[bad].reserved = reserved;
            prop_assert_eq!(plan(&ops), Err(Invalid));
        }
    }
}
