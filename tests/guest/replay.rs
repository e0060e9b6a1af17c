// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fuzzer's programs: those it begins with, and those it has found.

use atomik_fuzz::{execute::Executor, oracle::Rules, program::Program};
use atomik_test_support::task;
use atomik_tests::FUZZER;
use nix::libc;

/// How often to execute a program whose threads race.
const TIMES: usize = 20;

#[test]
fn the_fuzzers_programs_do_what_the_oracle_says() {
    // In a process of its own, as it closes all descriptors with numbers that are for programs.
    task::run(|| {
        // SAFETY: these are copies of other tests' descriptors, which nobody here knows.
        unsafe { libc::close_range(3, u32::MAX, 0) };
        // Other tests use the driver too, so its totals tell nothing.
        let mut executor = Executor::new(Rules::default(), None).unwrap();
        for (name, text) in FUZZER {
            let program = Program::parse(text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            let times = if program.threads.is_empty() { 1 } else { TIMES };
            for _ in 0..times {
                let outcome = executor.run(&program).unwrap();
                assert_eq!(outcome.failure, None, "{name}");
                assert!(!outcome.unchecked, "{name}");
            }
        }
        println!("{} programs", FUZZER.len());
    });
}
