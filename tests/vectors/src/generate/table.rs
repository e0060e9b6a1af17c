// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of tables.

use super::WIDTHS;
use super::json::{Object, file as json_file, hex, op, states};
use super::values::Values;
use crate::model::{Context, Value};

pub fn file() -> String {
    let mut cases = vec![readme()];
    cases.extend(WIDTHS.map(many));
    cases.extend(WIDTHS.map(refused));
    json_file(
        "table",
        "tables of several widths: the four operations, many deltas at once, addresses that are not there",
        cases,
    )
}

/// A table, and the steps that were done with it.
pub struct Steps {
    pub contexts: Vec<Context>,
    pub steps: Vec<Object>,
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

    fn push(&mut self, step: Object, result: Option<Result<Value, &str>>) {
        self.steps.push(match result {
            Some(result) => step.result(result.map(|value| hex(&value))),
            None => step,
        });
    }

    pub fn load(&mut self, addr: u32, value: &Value) {
        let step = op("load").with("addr", addr).value("value", value);
        match self.contexts.get_mut(addr as usize) {
            Some(context) => {
                context.load(value);
                self.push(step, None);
            }
            None => self.push(step, Some(Err("address"))),
        }
    }

    pub fn accum(&mut self, addr: u32, delta: &Value) {
        let step = op("accum").with("addr", addr).value("delta", delta);
        match self.contexts.get_mut(addr as usize) {
            Some(context) => {
                context.accum(delta);
                self.push(step, None);
            }
            None => self.push(step, Some(Err("address"))),
        }
    }

    pub fn read(&mut self, addr: u32) {
        let context = self.contexts.get(addr as usize);
        let state = context.map(Context::read).ok_or("address");
        self.push(op("read").with("addr", addr), Some(state));
    }

    pub fn swap(&mut self, addr: u32, new_reference: Option<&Value>) {
        let context = self.contexts.get_mut(addr as usize);
        let state = context.map(|c| c.swap(new_reference)).ok_or("address");
        let step = op("swap").with("addr", addr);
        let step = step.with("new_reference", new_reference.map(hex));
        self.push(step, Some(state));
    }

    fn accum_many(&mut self, addrs: &[u32], deltas: &[Value]) {
        let there = |addr: &u32| (*addr as usize) < self.contexts.len();
        let error = if addrs.len() != deltas.len() {
            Some("lengths")
        } else if !addrs.iter().all(there) {
            Some("address")
        } else {
            None
        };
        if error.is_none() {
            for (addr, delta) in addrs.iter().zip(deltas) {
                self.contexts[*addr as usize].accum(delta);
            }
        }
        let deltas: Vec<_> = deltas.iter().map(hex).collect();
        let step = op("accum_many").with("addrs", addrs).with("deltas", deltas);
        self.push(step, error.map(Err));
    }

    pub fn snapshot(&mut self) {
        let all = (0..).zip(self.contexts.iter().map(Context::read));
        let states = states(all.filter(|(_, state)| *state != Value::ZERO));
        self.steps.push(op("snapshot").with("expect", states));
    }

    pub fn case(self, name: &str) -> String {
        let width = self.contexts[0].width;
        let case = Object::named(format!("{name}, {width} bits"))
            .with("width", width)
            .with("contexts", self.contexts.len());
        case.steps(self.steps)
    }
}

fn readme() -> String {
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

fn many(width: u32) -> String {
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

fn refused(width: u32) -> String {
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
