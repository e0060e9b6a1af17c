// SPDX-License-Identifier: MIT OR Apache-2.0

//! 10,000 random operations, compared with a model that follows the definitions.

use atomik_tests::{
    model::Context,
    raw::{RawFile, open_device},
};
use atomik_uapi::BatchOp;
use nix::errno::Errno;
use proptest::prelude::*;
use std::{cell::Cell, collections::BTreeMap};

/// A file by its definition. The ids of tables are the driver's to choose.
#[derive(Default)]
struct Model {
    tables: BTreeMap<u32, Vec<Context>>,
}

impl Model {
    fn context(&mut self, table: u32, addr: u32) -> Result<&mut Context, Errno> {
        let contexts = self.tables.get_mut(&table).ok_or(Errno::ENOENT)?;
        contexts.get_mut(addr as usize).ok_or(Errno::EINVAL)
    }

    /// Applies a batch; returns the values as they are afterwards.
    fn batch(&mut self, table: u32, ops: &[BatchOp]) -> Result<Vec<u64>, Errno> {
        let contexts = self.tables.get_mut(&table).ok_or(Errno::ENOENT)?;
        let mut after = contexts.clone();
        let mut values = Vec::new();
        for op in ops {
            let context = after.get_mut(op.addr as usize).ok_or(Errno::EINVAL)?;
            values.push(match op.opcode {
                0 => {
                    context.load(op.value);
                    op.value
                }
                1 => {
                    context.accum(op.value);
                    op.value
                }
                2 => context.read(),
                _ => context.swap(0),
            });
        }
        *contexts = after;
        Ok(values)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Create(u32),
    /// The table is one of those that exist, or was, or never will be.
    Destroy(prop::sample::Index),
    Load(prop::sample::Index, u32, u64),
    Accum(prop::sample::Index, u32, u64),
    Read(prop::sample::Index, u32),
    Swap(prop::sample::Index, u32, u64),
    Batch(prop::sample::Index, Vec<BatchOp>),
}

fn step() -> impl Strategy<Value = Step> {
    let table = any::<prop::sample::Index>;
    // A few addresses, so that operations meet; one or two beyond small tables.
    let addr = || 0..6u32;
    let value = || prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()];
    let op = (0..4u8, addr(), value()).prop_map(|(opcode, addr, value)| BatchOp {
        opcode,
        reserved: [0; 3],
        addr,
        value,
    });
    prop_oneof![
        1 => (1..8u32).prop_map(Step::Create),
        1 => table().prop_map(Step::Destroy),
        5 => (table(), addr(), value()).prop_map(|(t, a, v)| Step::Load(t, a, v)),
        8 => (table(), addr(), value()).prop_map(|(t, a, v)| Step::Accum(t, a, v)),
        8 => (table(), addr()).prop_map(|(t, a)| Step::Read(t, a)),
        5 => (table(), addr(), value()).prop_map(|(t, a, v)| Step::Swap(t, a, v)),
        5 => (table(), prop::collection::vec(op, 1..12)).prop_map(|(t, ops)| Step::Batch(t, ops)),
    ]
}

/// Does one step on both and compares.
fn compare(
    file: &RawFile,
    model: &mut Model,
    ids: &mut Vec<u32>,
    step: &Step,
) -> Result<(), TestCaseError> {
    let pick = |index: &prop::sample::Index| ids[index.index(ids.len())];
    match step {
        Step::Create(contexts) => {
            let id = file.create(*contexts).expect("CREATE_TABLE");
            prop_assert!(!ids.contains(&id));
            ids.push(id);
            model
                .tables
                .insert(id, vec![Context::default(); *contexts as usize]);
        }
        Step::Destroy(table) => {
            let id = pick(table);
            let expected = model.tables.remove(&id).map(drop).ok_or(Errno::ENOENT);
            prop_assert_eq!(file.destroy(id), expected);
        }
        Step::Load(table, addr, value) => {
            let id = pick(table);
            let expected = model.context(id, *addr).map(|c| c.load(*value));
            prop_assert_eq!(file.load(id, *addr, *value), expected);
        }
        Step::Accum(table, addr, delta) => {
            let id = pick(table);
            let expected = model.context(id, *addr).map(|c| c.accum(*delta));
            prop_assert_eq!(file.accum(id, *addr, *delta), expected);
        }
        Step::Read(table, addr) => {
            let id = pick(table);
            let expected = model.context(id, *addr).map(|c| c.read());
            prop_assert_eq!(file.read(id, *addr), expected);
        }
        Step::Swap(table, addr, new) => {
            let id = pick(table);
            let expected = model.context(id, *addr).map(|c| c.swap(*new));
            prop_assert_eq!(file.swap(id, *addr, *new), expected);
        }
        Step::Batch(table, ops) => {
            let id = pick(table);
            let expected = model.batch(id, ops);
            let mut ops = ops.clone();
            let result = file.batch(id, &mut ops);
            let values = ops.iter().map(|op| op.value).collect();
            prop_assert_eq!(result.map(|()| values), expected);
        }
    }
    Ok(())
}

#[test]
fn ten_thousand_operations_follow_the_model() {
    const CASES: u32 = 100;
    const STEPS: usize = 100;
    let operations = Cell::new(0);
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in prop::collection::vec(step(), STEPS))| {
        let file = open_device();
        let mut model = Model::default();
        // 0 is no table's id; this one is, from the start.
        let mut ids = vec![0];
        compare(&file, &mut model, &mut ids, &Step::Create(6))?;
        for step in &steps {
            compare(&file, &mut model, &mut ids, step)?;
            operations.set(operations.get() + 1);
        }
        for (&id, contexts) in &model.tables {
            let states: Vec<u64> = contexts.iter().map(Context::read).collect();
            prop_assert_eq!(file.states(id, contexts.len() as u32), states);
        }
    });
    assert!(operations.get() >= 10_000);
    println!("{} operations", operations.get());
}
