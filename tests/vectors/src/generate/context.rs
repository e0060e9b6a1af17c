// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of one context.

use super::WIDTHS;
use super::values::Values;
use crate::format::{Body, ContextCase, ContextStep, File, Hex};
use crate::model::{Context, Value};

pub fn file() -> File {
    let mut cases = vec![readme()];
    cases.extend(WIDTHS.map(every_operation));
    cases.extend(WIDTHS.map(many));
    let about = "one context of several widths: the four operations, undoing, merging";
    File::Context(Body::new(about, cases))
}

/// A context, and the steps that were done with it.
struct Steps {
    context: Context,
    steps: Vec<ContextStep>,
}

impl Steps {
    fn new(width: u32) -> Self {
        let context = Context {
            width,
            ..Context::default()
        };
        let steps = vec![];
        Self { context, steps }
    }

    fn load(&mut self, value: &Value) {
        self.context.load(value);
        let value = value.into();
        self.steps.push(ContextStep::Load { value });
    }

    fn accum(&mut self, delta: &Value) {
        self.context.accum(delta);
        let delta = delta.into();
        self.steps.push(ContextStep::Accum { delta });
    }

    fn rollback(&mut self, delta: &Value) {
        self.context.accum(delta);
        let delta = delta.into();
        self.steps.push(ContextStep::Rollback { delta });
    }

    fn read(&mut self) {
        let expect = Hex(self.context.read());
        self.steps.push(ContextStep::Read { expect });
    }

    fn swap(&mut self, new_reference: Option<&Value>) {
        let expect = Hex(self.context.swap(new_reference));
        self.steps.push(ContextStep::Swap {
            new_reference: new_reference.map(Hex::from),
            expect,
        });
    }

    fn merge(&mut self, reference: &Value, deltas: &[Value]) {
        let mut other = Context {
            width: self.context.width,
            ..Context::default()
        };
        other.load(reference);
        deltas.iter().for_each(|delta| other.accum(delta));
        self.context.merge(&other);
        self.steps.push(ContextStep::Merge {
            reference: reference.into(),
            deltas: deltas.iter().map(Hex::from).collect(),
        });
    }

    fn words(&mut self) {
        let context = &self.context;
        self.steps.push(ContextStep::Words {
            reference: (&context.reference).into(),
            accumulator: (&context.accumulator).into(),
            is_clean: context.accumulator == Value::ZERO,
            delta_count: context.delta_count,
        });
    }

    fn case(self, name: &str) -> ContextCase {
        let width = self.context.width;
        ContextCase {
            name: format!("{name}, {width} bits"),
            width,
            steps: self.steps,
        }
    }
}

fn readme() -> ContextCase {
    let mut steps = Steps::new(64);
    let value = |v: u64| Value::from(v);
    steps.read();
    steps.load(&value(0xcafe_babe));
    steps.accum(&value(1));
    steps.read();
    steps.rollback(&value(1));
    steps.read();
    steps.words();
    steps.load(&value(1000));
    steps.accum(&value(50));
    steps.swap(None);
    steps.read();
    steps.words();
    steps.case("the examples of the README")
}

fn every_operation(width: u32) -> ContextCase {
    let mut steps = Steps::new(width);
    let mut values = Values::new(width.into());
    let ones = (Value::from(1u32) << width) - 1u32;
    let all = (Value::from(1u32) << (width + 3)) - 1u32;
    steps.words();
    // Everything that comes in is masked.
    steps.load(&all);
    steps.read();
    steps.accum(&all);
    steps.read();
    steps.words();
    steps.swap(Some(&all));
    steps.words();
    let [a, b, c] = [(); 3].map(|()| values.value(width));
    steps.accum(&a);
    steps.accum(&b);
    steps.accum(&c);
    steps.read();
    steps.rollback(&b);
    steps.read();
    steps.rollback(&c);
    steps.rollback(&a);
    steps.words();
    // A new epoch from the state, from a value, and from 0.
    steps.accum(&ones);
    steps.swap(None);
    steps.words();
    steps.accum(&a);
    steps.swap(Some(&ones));
    steps.words();
    steps.accum(&b);
    steps.swap(Some(&Value::ZERO));
    steps.words();
    steps.read();
    // The other's deltas are folded in, its reference is not.
    steps.load(&c);
    steps.accum(&a);
    steps.merge(&b, &[b.clone(), ones, all]);
    steps.words();
    steps.merge(&b, &[]);
    steps.words();
    steps.read();
    steps.case("every operation")
}

fn many(width: u32) -> ContextCase {
    let mut steps = Steps::new(width);
    let mut values = Values::new(1000 + u64::from(width));
    for _ in 0..48 {
        let value = values.value(width);
        match values.below(10) {
            0 => steps.load(&value),
            1 | 2 => steps.read(),
            3 => steps.swap(None),
            4 => steps.swap(Some(&value)),
            5 => steps.rollback(&value),
            6 => steps.words(),
            7 => {
                let delta = values.value(width);
                steps.merge(&value, &[delta]);
            }
            _ => steps.accum(&value),
        }
    }
    steps.read();
    steps.words();
    steps.case("many operations")
}
