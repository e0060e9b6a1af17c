// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fuzzer's programs: what it begins with, and what it has found.

use atomik_fuzz::{execute::Executor, model::Rules, program::Program};

/// The text of each, by name.
const PROGRAMS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/programs.rs"));

/// How often those are executed in which threads race.
const TIMES: usize = 20;

#[test]
fn the_fuzzers_programs_follow_the_model() {
    // Other tests use the driver, too, so that its totals tell nothing.
    let mut executor = Executor::new(Rules::default(), None).unwrap();
    for (name, text) in PROGRAMS {
        let program = Program::parse(text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let times = if program.threads.is_empty() { 1 } else { TIMES };
        for _ in 0..times {
            let outcome = executor.run(&program).unwrap();
            assert_eq!(outcome.failure, None, "{name}");
            assert!(!outcome.unchecked, "{name}");
        }
    }
    println!("{} programs", PROGRAMS.len());
}
