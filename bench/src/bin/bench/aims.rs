// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's aims, and the counts of a conventional driver in C, counted in the same way on
//! 7.3.4. That one has a mutex and an IDR for each file, contexts of three words, and a fresh
//! kernel copy of each batch.

use crate::counts::{Counts, Line};
use atomik_bench::FLOOR;

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
        ["single", "read" | "swap"] => Aim::AboveFloor(80.0),
        ["batch", "load" | "accum", "4096"] => Aim::Whole(14.0),
        ["batch", "read" | "swap", "4096"] => Aim::Whole(20.0),
        ["batch", _, "16"] => Aim::Whole(55.0),
        ["mapped", "accum"] => Aim::Whole(8.0),
        _ => return None,
    })
}

impl Aim {
    /// The number of instructions that it stands for.
    pub fn limit(&self, floor: f64) -> f64 {
        match self {
            Self::Whole(limit) => *limit,
            Self::AboveFloor(limit) => floor + limit,
        }
    }
}

/// Instructions of the conventional driver.
pub fn conventional(id: &str) -> Option<f64> {
    Some(match id {
        FLOOR => 609.0,
        "single/load" => 796.0,
        "single/accum" => 802.0,
        "single/read" => 835.0,
        "single/swap" => 813.0,
        "batch/accum/4096" => 40.6,
        "batch/load/4096" => 42.1,
        "batch/read/4096" => 38.2,
        "batch/swap/4096" => 44.1,
        "batch/accum/16" => 131.0,
        _ => return None,
    })
}

/// The cases that have an aim and miss it.
pub fn missed(counts: &Counts, floor: f64) -> Vec<&Line> {
    let misses = |line: &&Line| aim(&line.id).is_some_and(|aim| line.all() > aim.limit(floor));
    counts.lines.iter().filter(misses).collect()
}
