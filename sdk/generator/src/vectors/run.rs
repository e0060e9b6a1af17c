// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors held against the reference.

use std::collections::BTreeMap;

use num_bigint::BigUint;

use super::{Hex, Step, Vectors};
use crate::Schema;
use crate::reference::{Bit, Object};

/// The first step that returns something else, in words.
pub fn run(schema: &Schema, vectors: &Vectors) -> Result<(), String> {
    for case in &vectors.cases {
        let mut object = Object::new(schema);
        for (at, step) in case.steps.iter().enumerate() {
            if !agrees(schema, &mut object, step) {
                return Err(format!("{}, step {}: {step:?}", case.name, at + 1));
            }
        }
    }
    Ok(())
}

fn agrees(schema: &Schema, object: &mut Object<'_>, step: &Step) -> bool {
    let at = |field: &str| {
        let found = schema.fields.iter().position(|one| one.name == field);
        found.unwrap_or_else(|| panic!("the vectors name a field {field}"))
    };
    let values = |values: &BTreeMap<String, Hex>| -> Vec<(usize, BigUint)> {
        let mut values: Vec<_> = values
            .iter()
            .map(|(field, value)| (at(field), value.0.clone()))
            .collect();
        values.sort();
        values
    };
    match step {
        Step::Load { field, value } => {
            object.load(at(field), &value.0);
            true
        }
        Step::Accum {
            field,
            delta,
            message,
        } => object.accum(at(field), &delta.0) == message.as_ref().map(|m| m.0.clone()),
        Step::Read { field, expect } => object.read(at(field)) == expect.0,
        Step::Swap { field, expect } => object.swap(at(field)) == expect.0,
        Step::Set {
            field,
            value,
            expect,
        } => object.set(at(field), &value.0) == expect.0,
        Step::SetBit { field, bit, expect } => {
            object.change_bit(at(field), *bit, Bit::Set) == expect.0
        }
        Step::ClearBit { field, bit, expect } => {
            object.change_bit(at(field), *bit, Bit::Clear) == expect.0
        }
        Step::ToggleBit { field, bit, expect } => {
            object.change_bit(at(field), *bit, Bit::Toggle) == expect.0
        }
        Step::TestBit { field, bit, expect } => object.test_bit(at(field), *bit) == *expect,
        Step::ReadCell {
            field,
            cell,
            expect,
        } => object.read_cell(at(field), *cell) == expect.0,
        Step::AccumCell {
            field,
            cell,
            delta,
            message,
        } => {
            let made = object.accum_cell(at(field), *cell, &delta.0);
            made == message.as_ref().map(|m| m.0.clone())
        }
        Step::Update { values: new } => {
            object.update(&values(new));
            true
        }
        Step::CompareUpdate {
            expected,
            values: new,
            expect,
        } => object.compare_update(&values(expected), &values(new)) == *expect,
        Step::Rollback { steps, expect } => object.rollback(*steps as usize) == *expect as usize,
        Step::Apply {
            field,
            message,
            error,
        } => {
            let refused = object.apply(at(field), &message.0).err();
            refused.map(|refused| refused.name()) == error.as_deref()
        }
        Step::Contexts { expect } => {
            let expect = expect.iter().map(|word| &word.0);
            object
                .contexts()
                .into_iter()
                .map(BigUint::from)
                .eq(expect.cloned())
        }
    }
}
