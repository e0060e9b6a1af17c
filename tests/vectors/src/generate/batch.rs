// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of batches.

use super::table::Steps;
use super::values::Values;
use crate::format::{Body, Entry, ErrorKind, File, Hex, TableCase, TableStep};
use crate::model::Value;

/// Batches are of words.
const WIDTHS: [u32; 6] = [1, 7, 8, 32, 63, 64];

pub fn file() -> File {
    let mut cases: Vec<_> = WIDTHS.map(many).into();
    cases.extend(WIDTHS.map(refused));
    cases.push(largest());
    File::Batch(Body::new("operations as one: in order, all or none", cases))
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
}

use Opcode::{Accum, Load, Read, Swap};

const ALL: [Opcode; 4] = [Load, Accum, Read, Swap];

fn request(values: &mut Values, width: u32, opcodes: &[Opcode]) -> Request {
    Request {
        opcode: values.one_of(opcodes),
        addr: values.below(4),
        value: values.value(width),
    }
}

/// Runs a batch, if all its addresses are there.
fn run(steps: &mut Steps, requests: &[Request]) {
    let count = steps.contexts.len();
    let good = (requests.iter()).all(|request| (request.addr as usize) < count);
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
        }
    };
    let entries = requests.iter().map(&mut entry).collect();
    let error = (!good).then_some(ErrorKind::Address);
    steps.steps.push(TableStep::Batch { entries, error });
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
