// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl bench`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use atomik::{Batch, MAX_BATCH, TableRef};
use serde::Serialize;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;
use crate::target::AnyFile;

/// Measure how long operations take on this machine
///
/// One thread works on a table of its own; batches have 4096 entries. Prints the nanoseconds for
/// one operation or entry: the least of several rounds, as other load only adds to them.
#[derive(clap::Args)]
pub struct Args {
    /// Milliseconds for each operation
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 200,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    time: u64,
    #[command(flatten)]
    target: AnyFile,
}

#[derive(Serialize)]
struct Row {
    operation: &'static str,
    nanoseconds: f64,
    per_second: f64,
}

/// Rounds of one operation.
const ROUNDS: u32 = 10;

/// Contexts of the table.
const CONTEXTS: u32 = 256;

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let device = self.target.open()?;
        let table = device.create_table(CONTEXTS).map_err(|e| Failure::of(&e))?;
        let mut out = Output::new(global.json);
        out.text(format_args!(
            "{:<12}  {:>12}  {:>14}",
            "operation", "nanoseconds", "per second"
        ))?;
        let mut row = |operation, entries: u32, body: &mut dyn FnMut(u32) -> atomik::Result<()>| {
            let one = self.least(body).map_err(|e| Failure::of(&e))?;
            let nanoseconds = one / f64::from(entries);
            let per_second = 1e9 / nanoseconds;
            let text = format!("{operation:<12}  {nanoseconds:>12.1}  {per_second:>14.0}");
            out.record(
                &Row {
                    operation,
                    nanoseconds,
                    per_second,
                },
                text,
            )?;
            out.flush()
        };
        row("load", 1, &mut |n| table.load(n % CONTEXTS, n.into()))?;
        row("accum", 1, &mut |n| table.accum(n % CONTEXTS, n.into()))?;
        row("read", 1, &mut |n| {
            table.read(n % CONTEXTS).map(|state| {
                black_box(state);
            })
        })?;
        row("swap", 1, &mut |n| {
            table.swap(n % CONTEXTS).map(|state| {
                black_box(state);
            })
        })?;
        row(
            "batch/accum",
            MAX_BATCH,
            &mut batch(&table, |batch, addr| {
                batch.accum(addr, 1);
            }),
        )?;
        row(
            "batch/read",
            MAX_BATCH,
            &mut batch(&table, |batch, addr| {
                batch.read(addr);
            }),
        )?;
        row("snapshot", CONTEXTS, &mut |_| {
            table.snapshot(0..CONTEXTS).map(|state| {
                black_box(state);
            })
        })
    }

    /// Nanoseconds of one call, in the fastest round.
    fn least(&self, body: &mut dyn FnMut(u32) -> atomik::Result<()>) -> atomik::Result<f64> {
        let round = Duration::from_millis(self.time) / ROUNDS;
        let mut least = f64::INFINITY;
        for _ in 0..ROUNDS {
            let (start, mut calls) = (Instant::now(), 0u32);
            // Read the clock seldom, so that its cost doesn't count.
            while calls == 0 || start.elapsed() < round {
                for _ in 0..16 {
                    body(calls)?;
                    calls = calls.wrapping_add(1);
                }
            }
            least = least.min(start.elapsed().as_nanos() as f64 / f64::from(calls.max(1)));
        }
        Ok(least)
    }
}

/// Runs a full batch of one operation.
fn batch(
    table: &TableRef,
    push: fn(&mut Batch, u32),
) -> impl FnMut(u32) -> atomik::Result<()> + '_ {
    let mut batch = Batch::with_capacity(MAX_BATCH as usize);
    for n in 0..MAX_BATCH {
        push(&mut batch, n % CONTEXTS);
    }
    move |_| table.run(&mut batch).map(drop)
}
