// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Writer`]: writes vectors in C.

use std::collections::HashMap;

use super::Replacement;
use super::step::{Case, Step};

/// Writes the source. Arrays of the same content are one.
#[derive(Default)]
pub struct Writer {
    text: String,
    /// The names of arrays, by what they are of and their content.
    names: HashMap<(&'static str, String), String>,
    files: Vec<String>,
}

impl Writer {
    /// Writes a file's arrays.
    pub fn file(
        &mut self,
        name: &str,
        cases: &[Option<Case>],
        expectations: &[Replacement],
        operands: &[Replacement],
    ) {
        let mut items = vec![];
        for case in cases {
            let (name, steps) = match case {
                Some(case) => (format!("{:?}", case.name), &case.steps[..]),
                // It keeps its number, by which changes name their case.
                None => ("NULL".into(), &[][..]),
            };
            let steps = steps.iter().map(|step| self.step(step)).collect();
            items.push(format!(
                "{{ {name}, {} }}",
                self.array("struct step", steps)
            ));
        }
        let cases = self.array("struct vector", items);
        let mut changes = |all: &[Replacement]| {
            let item = |change: &Replacement| {
                let with = self.step(&change.with);
                format!("{{ {}, {}, {with} }}", change.case, change.step)
            };
            let items = all.iter().map(item).collect();
            self.array("struct change", items)
        };
        let (expectations, operands) = (changes(expectations), changes(operands));
        let file = format!("{{ {name:?}, {cases}, {expectations}, {operands} }}");
        self.files.push(file);
    }

    /// The whole text.
    pub fn finish(self) -> String {
        let files = self.files.join(",\n");
        let text = self.text;
        let files = format!("const struct file files[NUM_FILES] = {{\n{files}\n}};\n");
        format!("#include \"vectors.h\"\n\n{text}{files}")
    }

    fn step(&mut self, step: &Step) -> String {
        let numbers = step.numbers.iter().map(|number| hex(*number)).collect();
        let (numbers, _) = self.named("uint64_t", numbers);
        let mut bytes = |bytes: &[u8]| {
            let bytes = bytes.iter().map(u8::to_string).collect();
            self.array("unsigned char", bytes)
        };
        let (data, old) = (bytes(&step.data), bytes(&step.old));
        format!(
            "{{ {}, {}, {}, {}, {}, {}, {}, {numbers}, {}, {data}, {old} }}",
            step.op,
            step.error,
            hex(step.addr),
            hex(step.value),
            hex(step.expect),
            hex(step.expect_delta),
            step.changed,
            step.count,
        )
    }

    /// Writes an array; returns its name and its length, as initializers.
    fn array(&mut self, of: &'static str, items: Vec<String>) -> String {
        let (name, count) = self.named(of, items);
        format!("{name}, {count}")
    }

    fn named(&mut self, of: &'static str, items: Vec<String>) -> (String, usize) {
        // C has no arrays of nothing.
        if items.is_empty() {
            return ("NULL".into(), 0);
        }
        let count = items.len();
        let key = (of, items.join(",\n"));
        if let Some(name) = self.names.get(&key) {
            return (name.clone(), count);
        }
        let name = format!("array_{}", self.names.len());
        self.text += &format!("static const {of} {name}[] = {{\n{}\n}};\n", key.1);
        self.names.insert(key, name.clone());
        (name, count)
    }
}

fn hex(number: u64) -> String {
    format!("{number:#x}u")
}
