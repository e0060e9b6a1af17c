// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Counters`]: the part of the example that needs no device.

use std::collections::{BTreeMap, HashMap};

/// Names and values at one moment.
pub type Sample = BTreeMap<String, u64>;

/// A counter's index, and its value or a delta.
pub type Entry = (usize, u64);

/// The counters' indices in the mirror, and their last values. A counter that a sample lacks counts
/// as 0, as a new context does: so counters may appear and vanish at any time.
#[derive(Default)]
pub struct Counters {
    pub values: Vec<u64>,
    names: Vec<String>,
    indices: HashMap<String, usize>,
}

/// Reads lines of `NAME VALUE` or `NAME: VALUE unit`; others are left out.
pub fn parse(text: &str) -> Sample {
    let counter = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.trim_end_matches(':');
        Some((name.to_string(), words.next()?.parse().ok()?))
    };
    text.lines().filter_map(counter).collect()
}

impl Counters {
    /// Takes a new sample. Returns `old ^ new` of what changed, in the order of indices.
    pub fn update(&mut self, sample: &Sample) -> Vec<Entry> {
        for name in sample.keys() {
            if !self.indices.contains_key(name) {
                self.indices.insert(name.clone(), self.names.len());
                self.names.push(name.clone());
                self.values.push(0);
            }
        }
        let mut deltas = vec![];
        for (index, name) in self.names.iter().enumerate() {
            let new = sample.get(name).copied().unwrap_or(0);
            let old = std::mem::replace(&mut self.values[index], new);
            if old != new {
                deltas.push((index, old ^ new));
            }
        }
        deltas
    }

    /// Compares states with the expected ones. The error names the first counter that differs.
    pub fn compare(&self, states: &[u64], expected: &[u64]) -> Result<(), String> {
        if (states.len(), expected.len()) != (self.names.len(), self.names.len()) {
            let (got, n) = (states.len(), self.names.len());
            return Err(format!("{n} counters, {got} states"));
        }
        for ((name, got), expected) in self.names.iter().zip(states).zip(expected) {
            if got != expected {
                return Err(format!("counter {name}: expected {expected}, got {got}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_vmstat_and_meminfo() {
        let sample = parse("nr_free 12\nMemTotal:  2048 kB\nno number\n\nHugePages:  0\n");
        let expected = [("HugePages", 0), ("MemTotal", 2048), ("nr_free", 12)];
        assert!(sample.iter().map(|(k, v)| (k.as_str(), *v)).eq(expected));
    }

    #[test]
    fn deltas_follow_counters_that_come_and_go() {
        let mut counters = Counters::default();
        let mut update = |text| counters.update(&parse(text));
        assert_eq!(update("a 1\nb 2\nzero 0"), [(0, 1), (1, 2)]);
        assert_eq!(update("a 1\nb 2\nzero 0"), []);
        assert_eq!(update("Z 7\nb 3"), [(0, 1), (1, 1), (3, 7)]);
        assert_eq!(update("a 1\nb 3\nZ 7"), [(0, 1)]);
        assert_eq!(counters.names, ["a", "b", "zero", "Z"]);
        assert_eq!(counters.values, [1, 3, 0, 7]);
    }

    #[test]
    fn comparison_names_the_counter() {
        let mut counters = Counters::default();
        counters.update(&parse("a 1\nb 2"));
        assert_eq!(counters.compare(&[1, 2], &[1, 2]), Ok(()));
        let text = counters.compare(&[1, 3], &[1, 2]).unwrap_err();
        assert_eq!(text, "counter b: expected 2, got 3");
        assert!(counters.compare(&[1], &[1]).is_err());
    }
}
