// SPDX-License-Identifier: MIT OR Apache-2.0
//! `replicate-test SCRIPTS PROGRAMS DIRECTORY KERNEL short|long SEED`: replicated tables of guests,
//! over nats-server. `tests/replicate/run` calls it.
//!
//! The scenarios come one after the other, in the same guests. After each, all nodes and a model
//! must agree.

mod node;
mod scenarios;
mod world;

use anyhow::{Context, Result};
use node::Paths;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use world::World;

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

/// Whether all have passed.
fn run() -> Result<bool> {
    let mut arguments = env::args_os().skip(1);
    let mut next = |what: &str| {
        arguments
            .next()
            .with_context(|| format!("no {what} was given"))
    };
    let scripts = PathBuf::from(next("directory of scripts")?);
    let agent = PathBuf::from(next("atomik-replicate")?);
    let directory = TempDir::new_in(next("directory of runs")?)?;
    let text = |word: OsString| word.into_string().ok().context("an argument isn't UTF-8");
    let kernel = text(next("kernel")?)?;
    let long = next("form")? == "long";
    let seed = text(next("seed")?)?.parse()?;
    let paths = Paths {
        scripts,
        agent,
        node: env::current_exe()?.with_file_name("replicate-node"),
        directory: directory.path().to_owned(),
        kernel,
    };

    // Only a run that hangs takes so long.
    let minutes = if long { 180 } else { 30 };
    atomik_replicate_test::limit(Duration::from_secs(60 * minutes));
    let started = Instant::now();
    let all = scenarios::ALL;
    println!("running {} tests", all.len());
    println!("the seed is {seed}");
    let mut world = World::new(paths, directory, long, seed)?;
    let mut passed = 0;
    for (name, body) in all {
        let since = Instant::now();
        match body(&mut world) {
            Ok(()) => {
                println!("test {name} ... ok ({} s)", since.elapsed().as_secs());
                passed += 1;
            }
            Err(error) => {
                println!("test {name} ... FAILED: {error:#}");
                println!(
                    "what its guests and servers said: {}",
                    world.keep().display()
                );
                break;
            }
        }
    }
    // Those after one that failed would tell nothing.
    let failed = usize::from(passed < all.len());
    println!(
        "test result: {}. {passed} passed; {failed} failed; {} ignored; 0 measured; \
         0 filtered out; finished in {:.2}s",
        if failed == 0 { "ok" } else { "FAILED" },
        all.len() - passed - failed,
        started.elapsed().as_secs_f64()
    );
    Ok(failed == 0)
}
