// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports of the program in the guest to the one outside.

use serde::{Deserialize, Serialize};

/// The case that does nothing, once. With [`LOOP_MANY`] it gives the cost of a block and of its
/// loop.
pub const LOOP_ONCE: &str = "loop/1";
/// The case that does nothing, [`LOOP_ITERATIONS`] times.
pub const LOOP_MANY: &str = "loop/64";
pub const LOOP_ITERATIONS: u32 = 64;
/// The case that executes [`PROOF_INSTRUCTIONS`] instructions, [`PROOF_LOCKED`] of them locked.
pub const PROOF: &str = "proof/1000";
pub const PROOF_INSTRUCTIONS: f64 = 1000.0;
pub const PROOF_LOCKED: f64 = 3.0;
/// An ioctl that the driver doesn't know: the cost of a system call that does nothing.
pub const FLOOR: &str = "floor/unknown-ioctl";
/// Beginning of the names of the conventional driver's cases; the rest is that of atomik's. And
/// where the guest has its module.
pub const CONVENTIONAL: &str = "conventional/";
pub const CONVENTIONAL_MODULE: &str = "/usr/lib/atomik/conventional.ko";
/// A batch of EXPECT and SET on one context, and one of two ACCUMs, to compare it with.
pub const COMPARE_AND_SET: &str = "conditions/compare-and-set";
pub const TWO_ACCUMS: &str = "conditions/two-accums";

/// Beginnings of the names of cases whose stores are collected, by the processor.
pub const FIRST: &str = "first/";
pub const SECOND: &str = "second/";

/// How a table is used by a guest's processors, of which the first one's calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Use {
    /// By the first alone.
    One,
    /// Each of the others has made an ACCUM since the first one's last call.
    Turns,
    /// All make the same calls all the time.
    All,
}

impl Use {
    pub const ALL: [Self; 3] = [Self::One, Self::Turns, Self::All];

    /// Beginning of the names of its cases.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::One => "one/",
            Self::Turns => "turns/",
            Self::All => "all/",
        }
    }
}

/// A case to measure, in a block of some iterations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseInfo {
    /// Such as `batch/accum/16`.
    pub id: String,
    /// Turns of the loop in a block.
    pub iterations: u32,
    /// Operations in a turn.
    pub operations: u32,
}

/// Report of the cases that were executed while the plugin counted.
#[derive(Debug, Serialize, Deserialize)]
pub struct CountsReport {
    pub release: String,
    pub cases: Vec<CaseInfo>,
    /// The case of each block, as an index into `cases`, in the order in which they were executed.
    pub blocks: Vec<usize>,
    /// Address and name of the kernel's functions, where asked for.
    pub symbols: Vec<(u64, String)>,
}

/// Report of times, by the clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TimesReport {
    /// True where the guest was emulated: then a time says nothing by itself.
    pub emulated: bool,
    pub cases: Vec<CaseInfo>,
    /// Nanoseconds of one operation, by round and case.
    pub rounds: Vec<Vec<f64>>,
    pub threads: Vec<ThreadsReport>,
}

/// Throughput of several threads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ThreadsReport {
    /// Name, such as `accum/same-context`.
    pub scenario: String,
    pub threads: usize,
    /// Operations a second of all threads together, by round.
    pub rates: Vec<f64>,
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The value in the middle. Of none, it is not a number.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let values = sorted(values);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

/// The largest of the lowest quarter, or the lowest of less than four. Of none, it is not a number.
pub fn lower_quartile(values: impl IntoIterator<Item = f64>) -> f64 {
    let values = sorted(values);
    let rank = (values.len() / 4).saturating_sub(1);
    values.get(rank).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{lower_quartile, median};

    #[test]
    fn the_lower_quartile_is_the_end_of_the_first_quarter() {
        assert_eq!(
            lower_quartile([7.0, 1.0, 5.0, 3.0, 8.0, 2.0, 6.0, 4.0]),
            2.0
        );
        assert_eq!(lower_quartile([9.0, 4.0, 5.0]), 4.0);
        assert!(lower_quartile([]).is_nan());
    }

    #[test]
    fn the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([3.0, 1.0, 2.0, 100.0]), 2.5);
        assert!(median([]).is_nan());
    }
}
