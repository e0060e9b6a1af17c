// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of one context.

use super::WIDTHS;
use super::json::{Object, file as json_file, hex, op};
use super::values::Values;
use crate::model::{Context, Value};

pub fn file() -> String {
    let mut cases = vec![readme()];
    cases.extend(WIDTHS.map(every_operation));
    cases.extend(WIDTHS.map(many));
    json_file(
        "context",
        "one context of several widths: the four operations, undoing, merging",
        cases,
    )
}

/// A context, and the steps that were done with it.
struct Steps {
    context: Context,
    steps: Vec<Object>,
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
        self.steps.push(op("load").value("value", value));
    }

    fn accum(&mut self, name: &str, delta: &Value) {
        self.context.accum(delta);
        self.steps.push(op(name).value("delta", delta));
    }

    fn read(&mut self) {
        let state = self.context.read();
        self.steps.push(op("read").value("expect", &state));
    }

    fn swap(&mut self, new_reference: Option<&Value>) {
        let state = self.context.swap(new_reference);
        let step = op("swap").with("new_reference", new_reference.map(hex));
        self.steps.push(step.value("expect", &state));
    }

    fn merge(&mut self, reference: &Value, deltas: &[Value]) {
        let mut other = Context {
            width: self.context.width,
            ..Context::default()
        };
        other.load(reference);
        deltas.iter().for_each(|delta| other.accum(delta));
        self.context.merge(&other);
        let deltas: Vec<_> = deltas.iter().map(hex).collect();
        let step = op("merge").value("reference", reference);
        self.steps.push(step.with("deltas", deltas));
    }

    fn words(&mut self) {
        let context = &self.context;
        self.steps.push(
            op("words")
                .value("reference", &context.reference)
                .value("accumulator", &context.accumulator)
                .with("is_clean", context.accumulator == Value::ZERO)
                .with("delta_count", context.delta_count),
        );
    }

    fn case(self, name: &str) -> String {
        let width = self.context.width;
        let name = format!("{name}, {width} bits");
        Object::named(name).with("width", width).steps(self.steps)
    }
}

fn readme() -> String {
    let mut steps = Steps::new(64);
    let value = |v: u64| Value::from(v);
    steps.read();
    steps.load(&value(0xcafe_babe));
    steps.accum("accum", &value(1));
    steps.read();
    steps.accum("rollback", &value(1));
    steps.read();
    steps.words();
    steps.load(&value(1000));
    steps.accum("accum", &value(50));
    steps.swap(None);
    steps.read();
    steps.words();
    steps.case("the examples of the README")
}

fn every_operation(width: u32) -> String {
    let mut steps = Steps::new(width);
    let mut values = Values::new(width.into());
    let ones = (Value::from(1u32) << width) - 1u32;
    let all = (Value::from(1u32) << (width + 3)) - 1u32;
    steps.words();
    // Everything that comes in is masked.
    steps.load(&all);
    steps.read();
    steps.accum("accum", &all);
    steps.read();
    steps.words();
    steps.swap(Some(&all));
    steps.words();
    let [a, b, c] = [(); 3].map(|()| values.value(width));
    steps.accum("accum", &a);
    steps.accum("accum", &b);
    steps.accum("accum", &c);
    steps.read();
    steps.accum("rollback", &b);
    steps.read();
    steps.accum("rollback", &c);
    steps.accum("rollback", &a);
    steps.words();
    // A new epoch from the state, from a value, and from 0.
    steps.accum("accum", &ones);
    steps.swap(None);
    steps.words();
    steps.accum("accum", &a);
    steps.swap(Some(&ones));
    steps.words();
    steps.accum("accum", &b);
    steps.swap(Some(&Value::ZERO));
    steps.words();
    steps.read();
    // The other's deltas are folded in, its reference is not.
    steps.load(&c);
    steps.accum("accum", &a);
    steps.merge(&b, &[b.clone(), ones, all]);
    steps.words();
    steps.merge(&b, &[]);
    steps.words();
    steps.read();
    steps.case("every operation")
}

fn many(width: u32) -> String {
    let mut steps = Steps::new(width);
    let mut values = Values::new(1000 + u64::from(width));
    for _ in 0..48 {
        let value = values.value(width);
        match values.below(10) {
            0 => steps.load(&value),
            1 | 2 => steps.read(),
            3 => steps.swap(None),
            4 => steps.swap(Some(&value)),
            5 => steps.accum("rollback", &value),
            6 => steps.words(),
            7 => {
                let delta = values.value(width);
                steps.merge(&value, &[delta]);
            }
            _ => steps.accum("accum", &value),
        }
    }
    steps.read();
    steps.words();
    steps.case("many operations")
}
