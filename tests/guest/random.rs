// SPDX-License-Identifier: MIT OR Apache-2.0

//! 10,000 random operations, one after another, compared with the model.

use crate::serve::serve;
use atomik_test_support::{
    model::{Answer, Entry, Op, Tables},
    raw::open_device,
    rounds::steps,
};
use proptest::{prelude::*, sample::Index};
use std::cell::Cell;

/// An operation on a table that exists, was destroyed, or never existed.
type Step = (Index, Op);

fn step() -> impl Strategy<Value = Step> {
    let op = prop_oneof![
        1 => (1..8u32).prop_map(Op::Create),
        1 => Just(Op::Destroy { table: 0 }),
        26 => entry(true).prop_map(|entry| Op::Single { table: 0, entry }),
        5 => prop::collection::vec(entry(false), 1..12)
            .prop_map(|entries| Op::Batch { table: 0, entries }),
        5 => prop::collection::vec(entry_of_any_kind(), 1..12)
            .prop_map(|entries| Op::Batch { table: 0, entries }),
    ];
    (any::<Index>(), op)
}

/// An entry. SWAP may set a new reference in a single operation.
fn entry(single: bool) -> impl Strategy<Value = Entry> {
    // A few addresses, so that operations meet; one or two beyond small tables.
    let addr = || 0..6u32;
    let value = || prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()];
    let new = move |new| if single { new } else { 0 };
    prop_oneof![
        5 => (addr(), value()).prop_map(|(addr, value)| Entry::Load { addr, value }),
        8 => (addr(), value()).prop_map(|(addr, delta)| Entry::Accum { addr, delta }),
        8 => addr().prop_map(|addr| Entry::Read { addr }),
        5 => (addr(), value()).prop_map(move |(addr, value)| Entry::Swap { addr, new: new(value) }),
    ]
}

/// An entry of a batch, EXPECT and SET included.
fn entry_of_any_kind() -> impl Strategy<Value = Entry> {
    let addr = || 0..6u32;
    let value = || prop_oneof![Just(0), Just(HOLDS), any::<u64>()];
    prop_oneof![
        4 => entry(false),
        2 => (addr(), value()).prop_map(|(addr, state)| Entry::Set { addr, state }),
        2 => (addr(), Just(HOLDS)).prop_map(|(addr, state)| Entry::Expect { addr, state }),
        1 => (addr(), value()).prop_map(|(addr, state)| Entry::Expect { addr, state }),
    ]
}

/// In an EXPECT, stands for the state that the context has.
const HOLDS: u64 = 1 << 63;

#[test]
fn ten_thousand_operations_follow_the_model() {
    let cases = steps(100);
    const STEPS: usize = 100;
    let operations = Cell::new(0_u64);
    let config = ProptestConfig {
        cases: cases as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in prop::collection::vec(step(), STEPS))| {
        let file = open_device();
        let mut model = Tables::default();
        let first = serve(&file, &Op::Create(6));
        prop_assert!(model.step(&Op::Create(6), &first));
        // 0 is no table's id.
        let mut ids: Vec<u32> = [0].into_iter().chain(model.ids()).collect();
        for (index, mut op) in steps {
            if let Op::Destroy { table } | Op::Single { table, .. } | Op::Batch { table, .. } =
                &mut op
            {
                *table = ids[index.index(ids.len())];
            }
            if let Op::Batch { table, entries } = &mut op {
                for entry in entries {
                    if let Entry::Expect { addr, state: state @ HOLDS } = entry {
                        let words = model.words(*table).unwrap_or_default();
                        *state = words.get(*addr as usize).map_or(0, |(state, _)| *state);
                    }
                }
            }
            let answer = serve(&file, &op);
            let before = model.clone();
            prop_assert!(
                model.step(&op, &answer),
                "{:x?} gave {:x?} in {:x?}", op, answer, before
            );
            if let Answer::Created(id) = answer {
                ids.push(id);
            }
            operations.set(operations.get() + 1);
        }
        for id in model.ids() {
            let words = model.words(id).expect("the table");
            let states: Vec<u64> = words.into_iter().map(|(state, _)| state).collect();
            prop_assert_eq!(file.states(id, states.len() as u32), states);
        }
    });
    assert!(operations.get() >= cases * STEPS as u64);
    println!("{} operations", operations.get());
}
