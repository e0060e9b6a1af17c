// SPDX-License-Identifier: MIT OR Apache-2.0
//! `install-test IMAGE SCRIPTS SOURCES CACHE RECORDS [SCENARIO…]`: install.sh in full Debian
//! guests, in the ways that users meet it. `tests/install/run` calls it.

mod guest;
mod scenario;

use anyhow::{Context, Result, anyhow, ensure};
use scenario::{Paths, Scenario};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;
use std::{env, iter, thread};

type Body = fn(&mut Scenario) -> Result<()>;

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
    let paths = Paths {
        image: next("image")?,
        in_root: next("directory of scripts")?.join("in-root"),
        sources: next("tar of sources")?,
        cache: next("cache")?,
        records: next("directory for records")?,
        started: Instant::now(),
    };
    let paths = &paths;
    let chosen: Vec<PathBuf> = arguments.collect();
    // By default all but `install`, which is a part of `upgrade`.
    const SCENARIOS: [(&str, Body, bool); 5] = [
        ("upgrade", scenario::upgrade, true),
        ("undo", scenario::undo, true),
        ("packages", scenario::packages, true),
        ("install", scenario::install, false),
        ("refusal", scenario::refusal, true),
    ];
    for name in &chosen {
        ensure!(
            SCENARIOS
                .iter()
                .any(|(known, ..)| name.as_os_str() == *known),
            "no scenario is called {}",
            name.display()
        );
    }
    let mut left = SCENARIOS
        .iter()
        .filter(|(name, _, default)| match &chosen[..] {
            [] => *default,
            chosen => chosen.iter().any(|other| other.as_os_str() == *name),
        });
    let left = Mutex::new(&mut left);
    let next = || left.lock().expect("no thread panics with it").next();
    // Two guests at a time, which is what two cores and a small machine's memory carry.
    let work = || -> Vec<_> {
        let run = |(name, body, _): &(&'static str, Body, bool)| Scenario::run(name, paths, *body);
        iter::from_fn(next).map(run).collect()
    };
    let results = thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut results = work();
        results.extend(other.join().map_err(|_| anyhow!("a scenario panicked"))?);
        anyhow::Ok(results)
    })?;
    let passed: u32 = results.iter().map(|(passed, ..)| passed).sum();
    let failed: u32 = results.iter().map(|(_, failed, _)| failed).sum();
    println!("test result: {passed} passed; {failed} failed");
    for note in results.iter().filter_map(|(.., note)| note.as_ref()) {
        eprintln!("{note}");
    }
    Ok(failed == 0 && passed > 0)
}
