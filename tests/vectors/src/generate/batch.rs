// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of batches.

use super::json::{Object, file as json_file, op};
use super::table::Steps;
use super::values::Values;
use crate::model::Value;

/// Batches are of words.
const WIDTHS: [u32; 6] = [1, 7, 8, 32, 63, 64];

pub fn file() -> String {
    let mut cases: Vec<_> = WIDTHS.map(many).into();
    cases.extend(WIDTHS.map(refused));
    cases.push(largest());
    json_file("batch", "operations as one: in order, all or none", cases)
}

/// An entry: what to do, where, with what.
#[derive(Clone)]
struct Entry {
    name: &'static str,
    addr: u32,
    value: Value,
}

fn entry(values: &mut Values, width: u32, names: &[&'static str]) -> Entry {
    Entry {
        name: values.one_of(names),
        addr: values.below(4),
        value: values.value(width),
    }
}

const ALL: [&str; 4] = ["load", "accum", "read", "swap"];

/// Runs a batch, if all its addresses are there.
fn run(steps: &mut Steps, entries: &[Entry]) {
    let count = steps.contexts.len();
    let well = entries.iter().all(|entry| (entry.addr as usize) < count);
    let mut done = vec![];
    for entry in entries {
        let step = op(entry.name).with("addr", entry.addr);
        // Of a batch that is refused nothing is done, and nothing expected.
        let mut context = steps.contexts.get_mut(entry.addr as usize).filter(|_| well);
        done.push(match (entry.name, &mut context) {
            ("load", context) => {
                context.iter_mut().for_each(|c| c.load(&entry.value));
                step.value("value", &entry.value)
            }
            ("accum", context) => {
                context.iter_mut().for_each(|c| c.accum(&entry.value));
                step.value("delta", &entry.value)
            }
            ("read", Some(context)) => step.value("expect", &context.read()),
            (_, Some(context)) => step.value("expect", &context.swap(None)),
            (_, None) => step,
        });
    }
    steps.steps.push(match well {
        true => batch(done),
        false => batch(done).with("error", "address"),
    });
}

fn batch(entries: Vec<Object>) -> Object {
    op("batch").array("entries", entries)
}

fn many(width: u32) -> String {
    let mut steps = Steps::new(4, width);
    let mut values = Values::new(4000 + u64::from(width));
    // All kinds of entries, two, and one.
    let kinds: [&[&'static str]; 8] = [
        &ALL,
        &ALL[..1],
        &ALL[1..2],
        &ALL[2..3],
        &ALL[3..],
        &ALL[1..3],
        &["load", "swap"],
        &ALL,
    ];
    for names in kinds {
        let count = 1 + values.below(20);
        let entries: Vec<_> = (0..count)
            .map(|_| entry(&mut values, width, names))
            .collect();
        run(&mut steps, &entries);
        steps.snapshot();
        steps.swap(values.below(4), None);
    }
    steps.case("many batches")
}

fn refused(width: u32) -> String {
    let mut steps = Steps::new(4, width);
    let mut values = Values::new(5000 + u64::from(width));
    for addr in 0..4 {
        steps.load(addr, &values.value(width));
        steps.accum(addr, &values.value(width));
    }
    for (place, addr) in [(0, 4), (3, 4), (6, u32::MAX)] {
        for name in ALL {
            let mut entries: Vec<_> = (0..7).map(|_| entry(&mut values, width, &ALL)).collect();
            entries[place].addr = addr;
            entries[place].name = name;
            run(&mut steps, &entries);
            steps.snapshot();
        }
    }
    for addr in 0..4 {
        steps.swap(addr, None);
    }
    steps.case("refused batches")
}

/// Many entries of one kind.
fn largest() -> String {
    let mut steps = Steps::new(4, 64);
    let entries: Vec<_> = (0..300u32)
        .map(|n| Entry {
            name: "accum",
            addr: n % 4,
            value: Value::from(n) << (n % 50),
        })
        .collect();
    run(&mut steps, &entries);
    steps.snapshot();
    steps.case("300 entries")
}
