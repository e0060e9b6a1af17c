// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of batches.

use super::table::Steps;
use super::values::Values;
use crate::format::{Body, Canceled, Entry, ErrorKind, File, Hex, TableCase, TableStep};
use crate::model::Value;

/// Batches are of words.
const WIDTHS: [u32; 6] = [1, 7, 8, 32, 63, 64];

pub fn file() -> File {
    let mut cases: Vec<_> = WIDTHS.map(many).into();
    cases.extend(WIDTHS.map(refused));
    cases.push(largest());
    cases.extend(WIDTHS.map(conditional));
    cases.extend(WIDTHS.map(canceled));
    let about = "operations as one: in order, all or none, with conditions";
    File::Batch(Body::new(about, cases))
}

/// An entry before the batch was run.
#[derive(Clone)]
struct Request {
    opcode: Opcode,
    addr: u32,
    value: Value,
}

#[derive(Clone, Copy)]
enum Opcode {
    Load,
    Accum,
    Read,
    Swap,
    Expect,
    Set,
}

use Opcode::{Accum, Expect, Load, Read, Set, Swap};

/// Those that do something with one context.
const ALL: [Opcode; 4] = [Load, Accum, Read, Swap];
const CHANGING: [Opcode; 4] = [Load, Accum, Swap, Set];

fn request(values: &mut Values, width: u32, opcodes: &[Opcode]) -> Request {
    Request {
        opcode: values.one_of(opcodes),
        addr: values.below(4),
        value: values.value(width),
    }
}

/// The first condition of a batch that doesn't hold.
fn unmet(steps: &Steps, requests: &[Request]) -> Option<Canceled> {
    let conditions = (requests.iter().enumerate()).filter(|(_, r)| matches!(r.opcode, Expect));
    let mut contexts = conditions.map(|(entry, r)| (entry, r, &steps.contexts[r.addr as usize]));
    let (entry, _, context) = contexts.find(|(_, r, context)| !context.is(&r.value))?;
    let found = Hex(context.read());
    Some(Canceled { entry, found })
}

/// Runs a batch, if all its addresses are there and all its conditions hold.
fn run(steps: &mut Steps, requests: &[Request]) {
    let count = steps.contexts.len();
    let there = (requests.iter()).all(|request| (request.addr as usize) < count);
    let canceled = if there { unmet(steps, requests) } else { None };
    let good = there && canceled.is_none();
    let mut entry = |request: &Request| {
        let addr = request.addr;
        // Nothing is done of a refused batch, and its entries expect nothing.
        let mut context = (steps.contexts.get_mut(addr as usize)).filter(|_| good);
        match request.opcode {
            Load => {
                context.iter_mut().for_each(|c| c.load(&request.value));
                let value = (&request.value).into();
                Entry::Load { addr, value }
            }
            Accum => {
                context.iter_mut().for_each(|c| c.accum(&request.value));
                let delta = (&request.value).into();
                Entry::Accum { addr, delta }
            }
            Read => {
                let expect = context.map(|context| Hex(context.read()));
                Entry::Read { addr, expect }
            }
            Swap => {
                let expect = context.map(|context| Hex(context.swap(None)));
                Entry::Swap { addr, expect }
            }
            Expect => {
                let value = (&request.value).into();
                Entry::Expect { addr, value }
            }
            Set => {
                context.iter_mut().for_each(|c| c.set(&request.value));
                let value = (&request.value).into();
                Entry::Set { addr, value }
            }
        }
    };
    let entries = requests.iter().map(&mut entry).collect();
    let error = (!there).then_some(ErrorKind::Address);
    steps.steps.push(TableStep::Batch {
        entries,
        error,
        canceled,
    });
}

fn many(width: u32) -> TableCase {
    let mut steps = Steps::new(4, width);
    let mut values = Values::new(4000 + u64::from(width));
    // Batches of all opcodes, of one and of two.
    let kinds: [&[Opcode]; 8] = [
        &ALL,
        &ALL[..1],
        &ALL[1..2],
        &ALL[2..3],
        &ALL[3..],
        &ALL[1..3],
        &[Load, Swap],
        &ALL,
    ];
    for opcodes in kinds {
        let count = 1 + values.below(20);
        let requests: Vec<_> = (0..count)
            .map(|_| request(&mut values, width, opcodes))
            .collect();
        run(&mut steps, &requests);
        steps.snapshot();
        steps.swap(values.below(4), None);
    }
    steps.case("many batches")
}

fn refused(width: u32) -> TableCase {
    let mut steps = Steps::new(4, width);
    let mut values = Values::new(5000 + u64::from(width));
    for addr in 0..4 {
        steps.load(addr, &values.value(width));
        steps.accum(addr, &values.value(width));
    }
    for (i, addr) in [(0, 4), (3, 4), (6, u32::MAX)] {
        for opcode in ALL {
            let mut requests: Vec<_> = (0..7).map(|_| request(&mut values, width, &ALL)).collect();
            requests[i].addr = addr;
            requests[i].opcode = opcode;
            run(&mut steps, &requests);
            steps.snapshot();
        }
    }
    for addr in 0..4 {
        steps.swap(addr, None);
    }
    steps.case("refused batches")
}

/// Many entries of one opcode.
fn largest() -> TableCase {
    let mut steps = Steps::new(4, 64);
    let requests: Vec<_> = (0..300u32)
        .map(|n| Request {
            opcode: Accum,
            addr: n % 4,
            value: Value::from(n) << (n % 50),
        })
        .collect();
    run(&mut steps, &requests);
    steps.snapshot();
    steps.case("300 entries")
}

/// A condition that holds, with bits beyond the width.
fn holding(steps: &Steps, addr: u32, width: u32) -> Request {
    let state = steps.contexts[addr as usize].read();
    Request {
        opcode: Expect,
        addr,
        value: state | (Value::from(5u32) << width),
    }
}

/// A condition that one bit of the state breaks.
fn broken(steps: &Steps, addr: u32, bit: u32) -> Request {
    let state = steps.contexts[addr as usize].read();
    Request {
        opcode: Expect,
        addr,
        value: state ^ (Value::from(1u32) << bit),
    }
}

/// A table whose contexts have some state.
fn started(values: &mut Values, width: u32) -> Steps {
    let mut steps = Steps::new(4, width);
    for addr in 0..4 {
        steps.load(addr, &values.value(width));
        steps.accum(addr, &values.value(width));
    }
    steps
}

/// Batches whose conditions hold, wherever they stand.
fn conditional(width: u32) -> TableCase {
    let mut values = Values::new(7000 + u64::from(width));
    let mut steps = started(&mut values, width);
    // Conditions alone, and one of each.
    let conditions = [0, 1, 1, 3].map(|addr| holding(&steps, addr, width));
    run(&mut steps, &conditions);
    let alone = holding(&steps, 2, width);
    run(&mut steps, &[alone]);
    run(&mut steps, &[request(&mut values, width, &[Set])]);
    for _ in 0..8 {
        let mut requests: Vec<_> = (0..1 + values.below(7))
            .map(|_| request(&mut values, width, &[Load, Accum, Read, Swap, Set]))
            .collect();
        for _ in 0..1 + values.below(3) {
            let (at, addr) = (values.below(1 + requests.len() as u32), values.below(4));
            // It is about the state before all of them.
            requests.insert(at as usize, holding(&steps, addr, width));
        }
        run(&mut steps, &requests);
        steps.snapshot();
    }
    // A load would have set the references.
    steps.words();
    steps.case("conditions that hold")
}

/// Batches of which conditions don't hold, or whose addresses aren't there.
fn canceled(width: u32) -> TableCase {
    let mut values = Values::new(8000 + u64::from(width));
    let mut steps = started(&mut values, width);
    let alone = broken(&steps, 1, 0);
    run(&mut steps, &[alone]);
    for _ in 0..8 {
        // The first of two is told of. Between and around are conditions that hold, and changes.
        let mut requests: Vec<_> = (0..6)
            .map(|_| match values.below(2) {
                0 => holding(&steps, values.below(4), width),
                _ => request(&mut values, width, &CHANGING),
            })
            .collect();
        for _ in 0..2 {
            let (at, addr) = (values.below(1 + requests.len() as u32), values.below(4));
            requests.insert(at as usize, broken(&steps, addr, values.below(width)));
        }
        run(&mut steps, &requests);
        steps.snapshot();
    }
    // With a state that only an entry before the condition would make.
    let changed = broken(&steps, 0, 0);
    let set = Request {
        opcode: Set,
        ..changed.clone()
    };
    run(&mut steps, &[set, changed]);
    // An address that isn't there goes first.
    for (opcode, value) in [
        (Set, Value::ZERO),
        (Expect, Value::ZERO),
        (Read, Value::ZERO),
    ] {
        let addr = 4;
        let bad = Request {
            opcode,
            addr,
            value,
        };
        let unmet = broken(&steps, 1, 0);
        run(&mut steps, &[unmet.clone(), bad.clone()]);
        run(&mut steps, &[bad, unmet]);
    }
    // And after all, nothing is in the way of a batch.
    steps.snapshot();
    let set = request(&mut values, width, &[Set]);
    let condition = holding(&steps, set.addr, width);
    run(&mut steps, &[condition, set]);
    steps.words();
    steps.case("conditions that don't hold")
}
