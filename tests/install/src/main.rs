// SPDX-License-Identifier: MIT OR Apache-2.0
//! `install-test IMAGE SCRIPTS SOURCES CACHE RECORDS [SCENARIO…]`: install.sh in full Debian guests, in the ways that users meet
//! it. `tests/install/run` calls it.

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
        records: next("directory for records")?,
        started: Instant::now(),
    };
    let places = &places;
    let chosen: Vec<PathBuf> = arguments.collect();
    let run = |name: &'static str, body: fn(&mut Scenario) -> Result<()>| {
        (chosen.is_empty() || chosen.iter().any(|other| other.as_os_str() == name))
            .then(|| Scenario::run(name, places, body))
    };
    // Two guests at a time, which is what two cores and a small machine's memory carry.
    let results = thread::scope(|scope| {
        let first = scope.spawn(|| {
            [
                run("upgrade", scenario::upgrade),
                run("packages", scenario::packages),
            ]
        });
        let mut results = vec![
            run("undo", scenario::undo),
            run("refusal", scenario::refusal),
        ];
        results.extend(first.join().map_err(|_| anyhow!("a scenario panicked"))?);
        anyhow::Ok(results)
    })?;
    let results: Vec<_> = results.into_iter().flatten().collect();
    let passed: u32 = results.iter().map(|(passed, ..)| passed).sum();
    let failed: u32 = results.iter().map(|(_, failed, _)| failed).sum();
    println!("test result: {passed} passed; {failed} failed");
    for note in results.iter().filter_map(|(.., note)| note.as_ref()) {
        eprintln!("{note}");
    }
    Ok(failed == 0 && passed > 0)
}
