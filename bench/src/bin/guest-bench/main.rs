// SPDX-License-Identifier: MIT OR Apache-2.0
//! Executes the cases, in the guest. Its report is JSON, printed at the end, as output in between
//! would be measured too.

mod block;
mod bpf;
mod cases;
mod consistent;
mod conventional;
mod ioctl;
mod others;
mod peers;
mod processors;
mod programs;
mod shared;
mod symbols;
mod threads;

use anyhow::{Context, Result, ensure};
use atomik_bench::{CountsReport, TimesReport};
use block::Case;
use clap::{Parser, Subcommand};
use serde::Serialize;
use std::io::{self, Write};
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Times to do each case.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Leave out cases whose name begins with none of these.
    #[arg(long = "only")]
    only: Vec<String>,
}

#[derive(Subcommand)]
enum What {
    /// Execute the cases between marks.
    Counts {
        /// Report the addresses of the kernel's functions.
        #[arg(long)]
        symbols: bool,
    },
    /// Execute single calls between marks where several processors use one table.
    Growth {
        /// Leave out those where all use it at once.
        #[arg(long)]
        in_turn: bool,
    },
    /// Execute single calls between marks on two processors in turn.
    Written,
    /// Execute the cases, and threads side by side, by the clock.
    Times,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.what {
        What::Counts { symbols } => counts(&cli, symbols),
        What::Growth { in_turn } => {
            let processors = std::thread::available_parallelism()?.get();
            single_calls(processors::growth(processors, in_turn, cli.rounds)?)
        }
        What::Written => single_calls(processors::written(cli.rounds)?),
        What::Times => times(&cli),
    }
}

fn counts(cli: &Cli, symbols: bool) -> Result<()> {
    let mut cases = chosen(cli, 1)?;
    let mut blocks = Vec::new();
    // Apart, as the memory that so many files give back changes the cost of others.
    let (others, rest): (Vec<usize>, _) =
        (0..cases.len()).partition(|&index| cases[index].info.id.starts_with(others::NAME));
    for group in [rest, others] {
        for _ in 0..cli.rounds {
            for &index in &group {
                pause(blocks.len() as u64);
                cases[index].run();
                blocks.push(index);
            }
        }
    }
    tell(&CountsReport {
        release: release()?,
        cases: cases.into_iter().map(|case| case.info).collect(),
        blocks,
        symbols: if symbols {
            symbols::functions()?
        } else {
            Vec::new()
        },
    })
}

/// Waits before the block with this number, up to 262 us, by turns of no pattern.
///
/// What one case makes the kernel do later, at a fixed time, would else fall into the same other
/// case in each round.
fn pause(block: u64) {
    const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    let nanoseconds = block.wrapping_mul(block).wrapping_mul(GOLDEN_RATIO) >> 46;
    let start = Instant::now();
    while start.elapsed() < Duration::from_nanos(nanoseconds) {}
}

fn single_calls(executed: processors::Executed) -> Result<()> {
    tell(&CountsReport {
        release: release()?,
        cases: executed.infos,
        blocks: executed.blocks,
        symbols: Vec::new(),
    })
}

/// The kernel's.
fn release() -> Result<String> {
    let names = nix::sys::utsname::uname()?;
    Ok(names.release().to_string_lossy().into_owned())
}

fn times(cli: &Cli) -> Result<()> {
    // Longer blocks, so that the clock's own time does not show.
    let mut cases = chosen(cli, 4)?;
    let rounds = (0..cli.rounds)
        .map(|_| cases.iter_mut().map(Case::nanoseconds).collect())
        .collect();
    tell(&TimesReport {
        emulated: emulated(),
        cases: cases.into_iter().map(|case| case.info).collect(),
        rounds,
        threads: threads::measure(cli.rounds)?,
    })
}

/// The cases to do, with blocks `factor` times as long as is enough for counting.
fn chosen(cli: &Cli, factor: u32) -> Result<Vec<Case>> {
    let mut cases = cases::all(factor)?;
    if !cli.only.is_empty() {
        let only = |id: &str| cli.only.iter().any(|start| id.starts_with(start.as_str()));
        cases.retain(|case| case.is_basic() || only(&case.info.id));
        ensure!(
            cases.iter().any(|case| only(&case.info.id)),
            "no case has such a name"
        );
    }
    Ok(cases)
}

fn tell(report: &impl Serialize) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer(&mut out, report)?;
    out.flush().context("standard output")
}

/// True where the processor says that it is QEMU's emulation.
#[cfg(target_arch = "x86_64")]
fn emulated() -> bool {
    const HYPERVISOR: u32 = 0x4000_0000;
    // SAFETY: every x86-64 processor has the instruction, and a leaf that it doesn't know gives
    // other values.
    #[allow(unused_unsafe, reason = "later versions of Rust know that it is safe")]
    let leaf = unsafe { std::arch::x86_64::__cpuid(HYPERVISOR) };
    leaf.ebx.to_le_bytes() == *b"TCGT"
}

/// True where the processor says that it is QEMU's emulation, whose maker's number is 0: the one
/// that is kept for software.
#[cfg(target_arch = "aarch64")]
fn emulated() -> bool {
    let path = "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1";
    let read = std::fs::read_to_string(path).ok();
    let midr = read.and_then(|text| u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok());
    midr.is_some_and(|midr| midr >> 24 & 0xff == 0)
}
