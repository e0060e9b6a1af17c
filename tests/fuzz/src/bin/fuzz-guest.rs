// SPDX-License-Identifier: MIT OR Apache-2.0

//! The part of the fuzzer that runs in the guest.

use anyhow::{Context, Result};
use atomik_fuzz::{blocks, corpus, engine::Engine, program::Program};
use clap::{Parser, Subcommand};
use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

#[derive(Debug, Parser)]
struct Cli {
    /// The limit that the module was loaded with.
    #[arg(long)]
    limit_kib: u64,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Executes the programs of a directory, and then what a seed makes of them.
    Run {
        #[arg(long)]
        seed: u64,
        #[arg(long)]
        seconds: u64,
        given: PathBuf,
    },
    /// Executes the programs of a directory.
    Replay {
        /// Times to execute each.
        #[arg(long, default_value_t = 1)]
        times: usize,
        given: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let module = env::var_os("ATOMIK_MODULE").context("ATOMIK_MODULE says where the module is")?;
    let blocks = blocks::of(Path::new(&module))?;
    let mut engine = Engine::new(cli.limit_kib * 1024, blocks)?;
    let programs = |directory: &Path| -> Result<Vec<Program>> {
        let loaded = corpus::load(directory)?;
        Ok(loaded.into_iter().map(|(_, program)| program).collect())
    };
    let well = match &cli.action {
        Action::Run {
            seed,
            seconds,
            given,
        } => engine.fuzz(programs(given)?, *seed, Duration::from_secs(*seconds))?,
        Action::Replay { times, given } => engine.replay(&programs(given)?, *times)?,
    };
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
