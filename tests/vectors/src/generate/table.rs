// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of tables.

use super::WIDTHS;
use super::values::Values;
use crate::format::{Body, Compared, ErrorKind, File, Hex, TableCase, TableStep};
use crate::model::{Context, Value};

pub fn file() -> File {
    let mut cases = vec![readme()];
    cases.extend(WIDTHS.map(many));
    cases.extend(WIDTHS.map(refused));
    cases.extend(WIDTHS.map(conditional));
    let about = "tables of several widths: the four operations, many deltas at once, \
                 states that are set and compared, addresses that are not there";
    File::Table(Body::new(about, cases))
}

/// A table, and the steps that were done with it.
pub struct Steps {
    pub contexts: Vec<Context>,
    pub steps: Vec<TableStep>,
}

impl Steps {
    pub fn new(contexts: usize, width: u32) -> Self {
        let context = Context {
            width,
            ..Context::default()
        };
        Self {
            contexts: vec![context; contexts],
            steps: vec![],
        }
    }

    /// The context at an address, or the error of asking for it.
    fn at(&mut self, addr: u32) -> Result<&mut Context, ErrorKind> {
        let context = self.contexts.get_mut(addr as usize);
        context.ok_or(ErrorKind::Address)
    }

    pub fn load(&mut self, addr: u32, value: &Value) {
        let error = self.at(addr).map(|context| context.load(value)).err();
        let value = value.into();
        self.steps.push(TableStep::Load { addr, value, error });
    }

    pub fn accum(&mut self, addr: u32, delta: &Value) {
        let error = self.at(addr).map(|context| context.accum(delta)).err();
        let delta = delta.into();
        self.steps.push(TableStep::Accum { addr, delta, error });
    }

    pub fn read(&mut self, addr: u32) {
        let (expect, error) = split(self.at(addr).map(|context| Hex(context.read())));
        self.steps.push(TableStep::Read {
            addr,
            expect,
            error,
        });
    }

    pub fn swap(&mut self, addr: u32, new_reference: Option<&Value>) {
        let state = self.at(addr).map(|context| context.swap(new_reference));
        let (expect, error) = split(state.map(Hex));
        self.steps.push(TableStep::Swap {
            addr,
            new_reference: new_reference.map(Hex::from),
            expect,
            error,
        });
    }

    fn set(&mut self, addr: u32, state: &Value) {
        let error = self.at(addr).map(|context| context.set(state)).err();
        let value = state.into();
        self.steps.push(TableStep::Set { addr, value, error });
    }

    fn compare_exchange(&mut self, addr: u32, current: &Value, new: &Value) {
        let compared = self.at(addr).map(|context| {
            let (exchanged, state) = (context.is(current), Hex(context.read()));
            if exchanged {
                context.set(new);
            }
            Compared { exchanged, state }
        });
        let (expect, error) = split(compared);
        self.steps.push(TableStep::CompareExchange {
            addr,
            current: current.into(),
            new: new.into(),
            expect,
            error,
        });
    }

    fn accum_many(&mut self, addrs: &[u32], deltas: &[Value]) {
        let there = |addr: &u32| (*addr as usize) < self.contexts.len();
        let error = if addrs.len() != deltas.len() {
            Some(ErrorKind::Lengths)
        } else if !addrs.iter().all(there) {
            Some(ErrorKind::Address)
        } else {
            None
        };
        if error.is_none() {
            for (addr, delta) in addrs.iter().zip(deltas) {
                self.contexts[*addr as usize].accum(delta);
            }
        }
        self.steps.push(TableStep::AccumMany {
            addrs: addrs.to_vec(),
            deltas: deltas.iter().map(Hex::from).collect(),
            error,
        });
    }

    pub fn snapshot(&mut self) {
        let expect = nonzero((0..).zip(self.contexts.iter().map(Context::read)));
        self.steps.push(TableStep::Snapshot { expect });
    }

    /// Both words of each context.
    pub fn words(&mut self) {
        let words = (0..)
            .zip(&self.contexts)
            .map(|(addr, context)| TableStep::Words {
                addr,
                reference: (&context.reference).into(),
                accumulator: (&context.accumulator).into(),
            });
        self.steps.extend(words);
    }

    pub fn case(self, name: &str) -> TableCase {
        let width = self.contexts[0].width;
        TableCase {
            name: format!("{name}, {width} bits"),
            width,
            contexts: self.contexts.len() as u32,
            steps: self.steps,
        }
    }
}

/// A step's `expect` and `error`, of which it has one.
pub fn split<T>(result: Result<T, ErrorKind>) -> (Option<T>, Option<ErrorKind>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    }
}

/// The states that are not 0.
pub fn nonzero(states: impl Iterator<Item = (u32, Value)>) -> Vec<(u32, Hex)> {
    let nonzero = states.filter(|(_, state)| *state != Value::ZERO);
    nonzero.map(|(addr, state)| (addr, Hex(state))).collect()
}

fn readme() -> TableCase {
    let mut steps = Steps::new(256, 64);
    let value = |v: u64| Value::from(v);
    steps.load(0, &value(0xcafe_babe));
    steps.accum(0, &value(1));
    steps.read(0);
    steps.load(1, &value(1000));
    steps.accum(1, &value(50));
    steps.swap(1, None);
    steps.read(1);
    steps.accum(0, &value(1));
    steps.snapshot();
    steps.swap(255, Some(&value(7)));
    steps.read(255);
    steps.swap(255, Some(&value(0)));
    steps.snapshot();
    steps.case("the examples of the README")
}

fn many(width: u32) -> TableCase {
    let mut steps = Steps::new(5, width);
    let mut values = Values::new(2000 + u64::from(width));
    steps.snapshot();
    for _ in 0..60 {
        let value = values.value(width);
        let addr = values.below(5);
        match values.below(10) {
            0 | 1 => steps.load(addr, &value),
            2 | 3 => steps.read(addr),
            4 => steps.swap(addr, None),
            5 => steps.swap(addr, Some(&value)),
            6 => {
                let count = values.below(9);
                let addrs: Vec<_> = (0..count).map(|_| values.below(5)).collect();
                let deltas: Vec<_> = addrs.iter().map(|_| values.value(width)).collect();
                steps.accum_many(&addrs, &deltas);
            }
            7 => steps.snapshot(),
            _ => steps.accum(addr, &value),
        }
    }
    steps.snapshot();
    steps.case("many operations")
}

fn conditional(width: u32) -> TableCase {
    let mut steps = Steps::new(3, width);
    let mut values = Values::new(6000 + u64::from(width));
    for _ in 0..40 {
        let (addr, value) = (values.below(3), values.value(width));
        let state = steps.contexts[addr as usize].read();
        match values.below(8) {
            0 => steps.load(addr, &value),
            1 => steps.accum(addr, &value),
            2 | 3 => steps.set(addr, &value),
            // The state, with bits beyond the width; and one that differs in one bit.
            4 | 5 => steps.compare_exchange(addr, &(state | (Value::from(5u32) << width)), &value),
            6 => {
                let other = state ^ (Value::from(1u32) << values.below(width));
                steps.compare_exchange(addr, &other, &value);
            }
            _ => steps.compare_exchange(addr, &values.value(width), &value),
        }
        steps.snapshot();
    }
    // A load would have set the references.
    steps.words();
    for addr in [3, u32::MAX] {
        let value = values.value(width);
        steps.set(addr, &value);
        steps.compare_exchange(addr, &Value::ZERO, &value);
        steps.snapshot();
    }
    steps.case("states set and compared")
}

fn refused(width: u32) -> TableCase {
    let mut steps = Steps::new(3, width);
    let mut values = Values::new(3000 + u64::from(width));
    for addr in 0..3 {
        steps.load(addr, &values.value(width));
    }
    for addr in [3, 4, 255, 65536, u32::MAX] {
        let value = values.value(width);
        steps.load(addr, &value);
        steps.accum(addr, &value);
        steps.read(addr);
        steps.swap(addr, None);
        steps.swap(addr, Some(&value));
        steps.accum_many(&[0, 1, addr], &[(); 3].map(|()| values.value(width)));
        steps.accum_many(&[addr, 1, 0], &[(); 3].map(|()| values.value(width)));
        steps.snapshot();
    }
    steps.accum_many(&[0, 1], &[values.value(width)]);
    steps.accum_many(&[0], &[(); 2].map(|()| values.value(width)));
    steps.accum_many(&[], &[values.value(width)]);
    steps.accum_many(&[], &[]);
    steps.snapshot();
    steps.case("refused operations")
}
