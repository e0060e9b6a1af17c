// SPDX-License-Identifier: GPL-2.0

//! The rules for batches: what is valid, what it does, and how it is undone.

#[cfg(MODULE)]
use crate::uapi;
#[cfg(not(MODULE))]
use atomik_uapi as uapi;

use super::context::{self, Words};
use uapi::{BatchOp, OP_ACCUM, OP_LOAD, OP_READ, OP_SWAP};

/// What a valid batch needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The highest address in it.
    pub max_addr: u32,
    /// Whether it has READ or SWAP entries, whose values go back to the caller.
    pub returns_values: bool,
    /// Whether it has LOAD or SWAP entries, which replace references.
    pub replaces_references: bool,
}

/// The batch has an unknown opcode or a reserved byte that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

impl Plan {
    /// Whether [`apply`] must save the references that it replaces, for [`undo`]: writing results
    /// can fail after a reference has been replaced.
    pub fn saves_references(&self) -> bool {
        self.returns_values && self.replaces_references
    }
}

/// Looks at each entry and says what the batch needs.
pub fn plan(ops: &[BatchOp]) -> Result<Plan, Invalid> {
    let mut plan = Plan {
        max_addr: 0,
        returns_values: false,
        replaces_references: false,
    };
    for op in ops {
        if op.opcode > OP_SWAP || op.reserved != [0; 3] {
            return Err(Invalid);
        }
        plan.max_addr = plan.max_addr.max(op.addr);
        plan.returns_values |= returns_value(op);
        plan.replaces_references |= matches!(op.opcode, OP_LOAD | OP_SWAP);
    }
    Ok(plan)
}

/// Whether the entry's value goes back to the caller.
#[inline]
pub fn returns_value(op: &BatchOp) -> bool {
    matches!(op.opcode, OP_READ | OP_SWAP)
}

/// Applies the entries in order.
///
/// The value of a READ or SWAP entry becomes its result, that of a LOAD entry the state that it
/// replaced. `references` gets the reference that each LOAD or SWAP replaced: it is as long as
/// `ops` where [`Plan::saves_references`] says so, otherwise empty.
///
/// The caller has compared [`Plan::max_addr`] with the number of contexts; an entry beyond them
/// would be left out.
pub fn apply<C: Words>(contexts: &mut [C], ops: &mut [BatchOp], references: &mut [u64]) {
    let mut references = references.iter_mut();
    for op in ops {
        let saved = references.next();
        let Some(context) = contexts.get_mut(op.addr as usize) else {
            continue;
        };
        if let Some(saved) = saved {
            *saved = context::reference(context);
        }
        match op.opcode {
            OP_LOAD => op.value = context::load(context, op.value),
            OP_ACCUM => context::accum(context, op.value),
            OP_READ => op.value = context::read(context),
            _ => op.value = context::swap(context),
        }
    }
}

/// Undoes what [`apply`] did, given its `ops` and `references`: both the contexts and the values of
/// LOAD entries are again what they were, so that `apply` can be tried once more.
pub fn undo<C: Words>(contexts: &mut [C], ops: &mut [BatchOp], references: &[u64]) {
    for (i, op) in ops.iter_mut().enumerate().rev() {
        let Some(context) = contexts.get_mut(op.addr as usize) else {
            continue;
        };
        match op.opcode {
            OP_LOAD => op.value = context::restore_state(context, op.value),
            OP_ACCUM => context::accum(context, op.value),
            _ => {}
        }
        if let Some(&reference) = references.get(i) {
            context::restore_reference(context, reference);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{vec, vec::Vec};

    /// A context as the definition has it, to compare with.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct Model {
        reference: u64,
        accumulator: u64,
    }

    impl Model {
        /// Does one entry of a batch and returns what its value becomes.
        fn step(&mut self, op: &BatchOp) -> u64 {
            let state = self.reference ^ self.accumulator;
            match op.opcode {
                OP_LOAD => {
                    (self.reference, self.accumulator) = (op.value, 0);
                    op.value
                }
                OP_ACCUM => {
                    self.accumulator ^= op.value;
                    op.value
                }
                OP_READ => state,
                _ => {
                    (self.reference, self.accumulator) = (state, 0);
                    state
                }
            }
        }
    }

    /// A context as the driver keeps it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct Kept {
        state: u64,
        reference: u64,
    }

    impl Words for Kept {
        fn words(&mut self) -> (&mut u64, &mut u64) {
            (&mut self.state, &mut self.reference)
        }
    }

    impl From<Model> for Kept {
        fn from(model: Model) -> Self {
            Kept {
                state: model.reference ^ model.accumulator,
                reference: model.reference,
            }
        }
    }

    const CONTEXTS: u32 = 5;

    /// Batches of all four opcodes, and of each two of them.
    fn ops() -> impl Strategy<Value = Vec<BatchOp>> {
        let all = vec![OP_LOAD, OP_ACCUM, OP_READ, OP_SWAP];
        let opcodes = prop_oneof![Just(all.clone()), prop::sample::subsequence(all, 2)];
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

    fn contexts() -> impl Strategy<Value = Vec<Model>> {
        let context = (any::<u64>(), any::<u64>()).prop_map(|(reference, accumulator)| Model {
            reference,
            accumulator,
        });
        prop::collection::vec(context, CONTEXTS as usize)
    }

    fn kept(models: &[Model]) -> Vec<Kept> {
        models.iter().map(|&model| model.into()).collect()
    }

    proptest! {
        #[test]
        fn applies_as_the_definition_says(mut models in contexts(), ops in ops()) {
            let mut contexts = kept(&models);
            let mut applied = ops.clone();
            apply(&mut contexts, &mut applied, &mut []);
            for (op, applied) in ops.iter().zip(&applied) {
                let value = models[op.addr as usize].step(op);
                if returns_value(op) {
                    prop_assert_eq!(applied.value, value);
                }
            }
            prop_assert_eq!(contexts, kept(&models));
        }

        #[test]
        fn undo_restores_contexts_and_inputs(models in contexts(), ops in ops()) {
            let mut contexts = kept(&models);
            let mut tried = ops.clone();
            // As the driver has it: room for references only where they may have to be put back.
            let plan = plan(&ops).unwrap();
            prop_assume!(plan.returns_values);
            let mut references = vec![0; if plan.saves_references() { ops.len() } else { 0 }];
            apply(&mut contexts, &mut tried, &mut references);
            undo(&mut contexts, &mut tried, &references);
            prop_assert_eq!(&contexts, &kept(&models));
            for (op, tried) in ops.iter().zip(&tried) {
                if !returns_value(op) {
                    prop_assert_eq!(op, tried);
                }
            }
        }

        #[test]
        fn the_plan_tells_what_is_needed(ops in ops()) {
            let plan = plan(&ops).unwrap();
            prop_assert_eq!(plan.max_addr, ops.iter().map(|op| op.addr).max().unwrap());
            let any = |opcodes: [u8; 2]| ops.iter().any(|op| opcodes.contains(&op.opcode));
            prop_assert_eq!(plan.returns_values, any([OP_READ, OP_SWAP]));
            prop_assert_eq!(plan.replaces_references, any([OP_LOAD, OP_SWAP]));
        }

        #[test]
        fn one_bad_entry_spoils_the_batch(
            mut ops in ops(),
            place in any::<prop::sample::Index>(),
            opcode in any::<u8>(),
            reserved in any::<[u8; 3]>(),
        ) {
            prop_assume!(opcode > OP_SWAP || reserved != [0; 3]);
            let place = place.index(ops.len());
            ops[place].opcode = opcode;
            ops[place].reserved = reserved;
            prop_assert_eq!(plan(&ops), Err(Invalid));
        }
    }
}
