// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's aims.

use crate::counts::{Counts, Line};

pub enum Aim {
    /// Instructions of one operation, at most.
    Whole(f64),
    /// Instructions above those of an unknown ioctl, at most.
    AboveFloor(f64),
}

/// Returns the aim for a case, where there is one.
pub fn aim(id: &str) -> Option<Aim> {
    let parts: Vec<&str> = id.split('/').collect();
    Some(match parts.as_slice() {
        ["single", "load" | "accum"] => Aim::AboveFloor(60.0),
        ["single", "read"] => Aim::AboveFloor(80.0),
        ["single", "swap"] => Aim::AboveFloor(110.0),
        ["batch", "load" | "accum", "16"] => Aim::Whole(65.0),
        ["batch", "read", "16"] => Aim::Whole(85.0),
        ["batch", "swap", "16"] => Aim::Whole(95.0),
        ["batch", "load" | "accum", "4096"] => Aim::Whole(14.0),
        ["batch", "read" | "swap", "4096"] => Aim::Whole(20.0),
        ["mapped", "accum"] => Aim::Whole(8.0),
        ["consistent", "read", count] => Aim::Whole(12.0 + 8.0 * count.parse::<f64>().ok()?),
        _ => return None,
    })
}

impl Aim {
    /// Processors, of which one alone uses the table; an operation; and the multiple of one
    /// processor's count that its count may be.
    pub const BESIDE_IDLE: (u16, &str, f64) = (32, "batch/accum/16", 1.05);

    /// The number as people say it.
    pub fn value(&self) -> f64 {
        match self {
            Self::Whole(value) | Self::AboveFloor(value) => *value,
        }
    }

    /// The number of instructions that it stands for.
    pub fn limit(&self, floor: f64) -> f64 {
        match self {
            Self::Whole(limit) => *limit,
            Self::AboveFloor(limit) => floor + limit,
        }
    }
}

/// The cases that have an aim and miss it.
pub fn missed(counts: &Counts, floor: f64) -> Vec<&Line> {
    let misses = |line: &&Line| aim(&line.id).is_some_and(|aim| line.all() > aim.limit(floor));
    counts.lines.iter().filter(misses).collect()
}
