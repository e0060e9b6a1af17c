// SPDX-License-Identifier: MIT OR Apache-2.0
//! A schema that is right, with the defaults filled in.

use num_bigint::BigUint;
use serde::Serialize;

use crate::names::Places;

#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub catalogue: Catalogue,
    /// In the order of the table; one at least.
    pub fields: Vec<Field>,
    pub operations: Operations,
    pub constraints: Constraints,
    pub hardware: Hardware,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    pub vertical: String,
    /// The key `field`, the second part of the name; not a field of the object.
    pub group: String,
    pub object: String,
    pub version: semver::Version,
    pub author: Option<String>,
    pub license: Option<String>,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub kind: FieldType,
    /// Bits: 8, 16, 32, 64, 128 or 256.
    pub width: u32,
    pub encoding: Encoding,
    pub compression: Compression,
    /// The state of a new object, less than 2^width.
    pub default: BigUint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    DeltaStream,
    BitmaskDelta,
    ParameterDelta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Encoding {
    #[serde(rename = "raw")]
    Raw,
    #[serde(rename = "rle")]
    Rle,
    #[serde(rename = "spatiotemporal_4x4x4")]
    Cells,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    None,
    Xor,
    Rle,
}

/// Operations of all fields. accum is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    /// Cycles of accum.
    pub accumulate: u32,
    /// Cycles of read, where there is one.
    pub reconstruct: Option<u32>,
    /// Accums that rollback can undo, where there is one.
    pub rollback: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constraints {
    pub max_memory_mb: Option<f64>,
    pub max_power_mw: Option<f64>,
    pub update_latency_ms: Option<f64>,
    pub target_frequency_mhz: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    pub target_device: Option<String>,
    pub data_width: Option<u32>,
    pub enable_parallel: bool,
    pub clock_domain: Option<String>,
    pub goal: Goal,
    /// JSON, as it is written.
    pub timing_constraints: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Area,
    Speed,
    Power,
}

impl Field {
    /// Contexts that the field lies in.
    pub fn contexts(&self) -> u32 {
        self.width.div_ceil(64)
    }

    /// Bytes of a value.
    pub fn bytes(&self) -> usize {
        self.width as usize / 8
    }

    pub fn has_cells(&self) -> bool {
        self.encoding == Encoding::Cells
    }

    pub fn mask(&self) -> BigUint {
        (BigUint::from(1u8) << self.width) - 1u8
    }
}

impl FieldType {
    pub fn name(self) -> &'static str {
        match self {
            FieldType::DeltaStream => "delta_stream",
            FieldType::BitmaskDelta => "bitmask_delta",
            FieldType::ParameterDelta => "parameter_delta",
        }
    }
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Raw => "raw",
            Encoding::Rle => "rle",
            Encoding::Cells => crate::format::CELLS,
        }
    }
}

impl Compression {
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Xor => "xor",
            Compression::Rle => "rle",
        }
    }
}

impl Schema {
    pub fn places(&self) -> Places {
        let Catalogue {
            vertical,
            group,
            object,
            ..
        } = &self.catalogue;
        Places::of(vertical, group, object)
    }

    /// `Video.Stream.H264Delta`.
    pub fn full_name(&self) -> String {
        let Catalogue {
            vertical,
            group,
            object,
            ..
        } = &self.catalogue;
        format!("{vertical}.{group}.{object}")
    }

    /// Contexts of one object.
    pub fn contexts(&self) -> u32 {
        self.fields.iter().map(Field::contexts).sum()
    }
}
