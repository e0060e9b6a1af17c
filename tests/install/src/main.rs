// SPDX-License-Identifier: MIT OR Apache-2.0
//! `install-test IMAGE SCRIPTS SOURCES CACHE`: install.sh in full Debian guests, in the ways that users meet it. `tests/install/run`
//! calls it.

mod guest;
mod scenario;

use anyhow::{Context, Result, anyhow};
use scenario::{Places, Scenario};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, thread};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("atomik: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let mut next = |what: &str| {
        arguments
            .next()
            .with_context(|| format!("no {what} was given"))
    };
    let places = Places {
        image: next("image")?,
        in_root: next("directory of scripts")?.join("in-root"),
        sources: next("tar of sources")?,
        cache: next("cache")?,
        started: Instant::now(),
    };
    let places = &places;
    // Two guests at a time, which is what two cores and a small machine's memory carry.
    let results = thread::scope(|scope| {
        let first = scope.spawn(|| vec![Scenario::run("upgrade", places, scenario::upgrade)]);
        let mut results = vec![
            Scenario::run("refusal", places, scenario::refusal),
            Scenario::run("undo", places, scenario::undo),
        ];
        results.extend(first.join().map_err(|_| anyhow!("a scenario panicked"))?);
        anyhow::Ok(results)
    })?;
    let passed: u32 = results.iter().map(|(passed, _)| passed).sum();
    let failed: u32 = results.iter().map(|(_, failed)| failed).sum();
    println!("test result: {passed} passed; {failed} failed");
    Ok(failed == 0 && passed > 0)
}
