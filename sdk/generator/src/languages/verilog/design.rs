// SPDX-License-Identifier: MIT OR Apache-2.0
//! The decisions that the files of one object share.

use num_bigint::BigUint;

use crate::schema::{Encoding, Field, FieldType, Goal, Schema};

pub(super) struct Design<'a> {
    pub schema: &'a Schema,
    /// The module's name.
    pub name: String,
    /// Bits of the widest field, which the shared datapath has.
    pub width: u32,
    /// Bits of a field's number in an entry of the history, 0 for a single field.
    pub number_bits: u32,
    /// A datapath for each field, instead of one that they share.
    pub parallel: bool,
    /// Operands are kept in registers from the edge that takes them.
    pub held: bool,
}

impl<'a> Design<'a> {
    pub fn of(schema: &'a Schema) -> Self {
        let count = schema.fields.len() as u32;
        Design {
            schema,
            name: schema.places().verilog,
            width: schema
                .fields
                .iter()
                .map(|field| field.width)
                .max()
                .unwrap_or(8),
            number_bits: bits(count - 1),
            // One field has one datapath.
            parallel: schema.hardware.enable_parallel && count > 1,
            held: schema.hardware.goal != Goal::Area,
        }
    }

    pub fn fields(&self) -> &'a [Field] {
        &self.schema.fields
    }

    pub fn count(&self) -> u32 {
        self.fields().len() as u32
    }

    pub fn depth(&self) -> Option<u32> {
        self.schema.operations.rollback
    }

    /// Bits of a count of entries.
    pub fn count_bits(&self) -> u32 {
        self.depth().map_or(0, bits)
    }

    pub fn response_bits(&self) -> u32 {
        self.width.max(self.count_bits())
    }

    pub fn is_readable(&self) -> bool {
        self.schema.operations.reconstruct.is_some()
    }

    pub fn is_settable(&self) -> bool {
        self.any(|field| field.kind != FieldType::DeltaStream)
    }

    pub fn any(&self, which: impl Fn(&Field) -> bool) -> bool {
        self.fields().iter().any(which)
    }

    /// A constant with a bit for each field.
    pub fn mask(&self, which: impl Fn(&Field) -> bool) -> String {
        let bits = self
            .fields()
            .iter()
            .rev()
            .map(|field| if which(field) { '1' } else { '0' });
        format!("{}'b{}", self.count(), bits.collect::<String>())
    }

    /// Bits of the number of a bit or a cell, 0 where no field has such.
    pub fn index_bits(&self) -> u32 {
        let bits = self.fields().iter().map(|field| match field {
            field if field.kind == FieldType::BitmaskDelta => bits(field.width - 1),
            field if field.has_cells() => 6,
            _ => 0,
        });
        bits.max().unwrap_or(0)
    }

    pub fn latency(&self, operation: Operation) -> u32 {
        let operations = self.schema.operations;
        match operation {
            Operation::Read | Operation::TestBit | Operation::ReadCell => {
                operations.reconstruct.unwrap_or(1)
            }
            _ => operations.accumulate,
        }
    }

    pub fn operations(&self) -> Vec<Operation> {
        let all = Operation::ALL.into_iter();
        all.filter(|one| match one {
            Operation::Load | Operation::Accum | Operation::Swap => true,
            Operation::Read => self.is_readable(),
            Operation::Set | Operation::Update => self.is_settable(),
            Operation::Rollback => self.depth().is_some(),
            Operation::SetBit | Operation::ClearBit | Operation::ToggleBit => self.has_bits(),
            Operation::TestBit => self.has_bits() && self.is_readable(),
            Operation::AccumCell => self.any(Field::has_cells),
            Operation::ReadCell => self.any(Field::has_cells) && self.is_readable(),
        })
        .collect()
    }

    fn has_bits(&self) -> bool {
        self.any(|field| field.kind == FieldType::BitmaskDelta)
    }

    pub fn has(&self, operation: Operation) -> bool {
        self.operations().contains(&operation)
    }
}

/// A command. Its number is that of `cmd_op`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Load = 0,
    Accum = 1,
    Read = 2,
    Swap = 3,
    Set = 4,
    Update = 5,
    Rollback = 6,
    SetBit = 8,
    ClearBit = 9,
    ToggleBit = 10,
    TestBit = 11,
    AccumCell = 12,
    ReadCell = 13,
}

impl Operation {
    pub const ALL: [Operation; 13] = [
        Operation::Load,
        Operation::Accum,
        Operation::Read,
        Operation::Swap,
        Operation::Set,
        Operation::Update,
        Operation::Rollback,
        Operation::SetBit,
        Operation::ClearBit,
        Operation::ToggleBit,
        Operation::TestBit,
        Operation::AccumCell,
        Operation::ReadCell,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Operation::Load => "LOAD",
            Operation::Accum => "ACCUM",
            Operation::Read => "READ",
            Operation::Swap => "SWAP",
            Operation::Set => "SET",
            Operation::Update => "UPDATE",
            Operation::Rollback => "ROLLBACK",
            Operation::SetBit => "SET_BIT",
            Operation::ClearBit => "CLEAR_BIT",
            Operation::ToggleBit => "TOGGLE_BIT",
            Operation::TestBit => "TEST_BIT",
            Operation::AccumCell => "ACCUM_CELL",
            Operation::ReadCell => "READ_CELL",
        }
    }

    /// It is a delta, and an entry of the history.
    pub fn accumulates(self) -> bool {
        !matches!(
            self,
            Operation::Load
                | Operation::Read
                | Operation::Swap
                | Operation::Rollback
                | Operation::TestBit
                | Operation::ReadCell
        )
    }
}

/// Bits that a number needs.
pub(super) fn bits(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// A constant of that many bits.
pub(super) fn constant(width: u32, value: &BigUint) -> String {
    format!("{width}'h{value:x}")
}

/// `[7:0]`.
pub(super) fn range(width: u32) -> String {
    format!("[{}:0]", width - 1)
}

/// An expression of `from` bits with zeros above it.
pub(super) fn extended(expression: &str, from: u32, to: u32) -> String {
    match to - from {
        0 => expression.to_string(),
        zeros => format!("{{{zeros}'b0, {expression}}}"),
    }
}

/// A value's bits as they lie.
pub(super) fn laid(field: &Field, expression: &str) -> String {
    match field.encoding {
        Encoding::Rle => format!("({expression} ^ ({expression} << 1))"),
        Encoding::Raw | Encoding::Cells => expression.to_string(),
    }
}
