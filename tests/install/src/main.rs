// SPDX-License-Identifier: MIT OR Apache-2.0
//! `install-test CLOUD FULL SCRIPTS SOURCES CACHE RECORDS [SCENARIO…]`: install.sh in full Debian
//! guests, in the ways that users meet it. CLOUD and FULL are the images of the flavours cloud-amd64
//! and amd64, empty where no scenario needs them. `tests/install/run` calls it.

mod firmware;
mod guest;
mod scenario;

use anyhow::{Context, Result, anyhow, ensure};
use scenario::{Flavour, Paths, Scenario};
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
    let [cloud, full, arm] = [
        next("image of the flavour cloud-amd64")?,
        next("image of the flavour amd64")?,
        next("image of the flavour cloud-arm64")?,
    ];
    let scripts = next("directory of scripts")?;
    let paths = Paths {
        cloud,
        full,
        arm,
        in_root: scripts.join("in-root"),
        layer: scripts.join("roots/layer"),
        sources: next("tar of sources")?,
        cache: next("cache")?,
        records: next("directory for records")?,
        started: Instant::now(),
    };
    let paths = &paths;
    let chosen: Vec<PathBuf> = arguments.collect();
    // By default all but `install`, which is a part of `upgrade`.
    const SCENARIOS: [(&str, Flavour, Body, bool); 10] = [
        (
            "point-release-amd64",
            Flavour::Full,
            scenario::point_release,
            true,
        ),
        ("upgrade", Flavour::Cloud, scenario::upgrade, true),
        ("undo", Flavour::Cloud, scenario::undo, true),
        ("secure-boot", Flavour::Cloud, scenario::secure_boot, true),
        ("packages", Flavour::Cloud, scenario::packages, true),
        ("install-amd64", Flavour::Full, scenario::install, true),
        ("install-arm64", Flavour::Arm, scenario::install, true),
        ("metadata", Flavour::Cloud, scenario::metadata, true),
        ("install", Flavour::Cloud, scenario::install, false),
        ("refusal", Flavour::Cloud, scenario::refusal, true),
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
        .filter(|(name, .., default)| match &chosen[..] {
            [] => *default,
            chosen => chosen.iter().any(|other| other.as_os_str() == *name),
        });
    let left = Mutex::new(&mut left);
    let next = || left.lock().expect("no thread panics with it").next();
    // Two guests at a time, which is what two cores and a small machine's memory carry.
    let work = || -> Vec<_> {
        let run = |(name, flavour, body, _): &(&'static str, Flavour, Body, bool)| {
            Scenario::run(name, *flavour, paths, *body)
        };
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
