// SPDX-License-Identifier: MIT OR Apache-2.0

//! Mirrors a live state, the kernel's own counters, through `/dev/atomik` while the machine works.
//!
//! Every counter is a context. The first sample is LOADed; each later one sends `old ^ new` of the
//! counters that changed, as one BATCH. In the end the device must know every counter's last
//! value, keep it over a SWAP, and undo the last sample when its deltas are sent once more.
//!
//! `cargo run --example mirror -- --source /proc/meminfo --samples 100`, with the module loaded.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use atomik::{Batch, Device};
use clap::Parser;
use serde_json::Value;

use counters::{Counters, Entry, Sample};
use mirror::Mirror;

mod counters;
mod mirror;
mod work;

/// Mirror live counters through /dev/atomik, and verify the mirror
#[derive(Parser)]
struct Args {
    /// Lines of `NAME VALUE` or `NAME: VALUE unit`
    #[arg(long, default_value = "/proc/vmstat")]
    source: PathBuf,
    /// Samples after the first one
    #[arg(long, value_name = "N", default_value_t = 50)]
    samples: usize,
    /// Work between the samples: compress data, start short processes
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    work: bool,
    /// The device to open
    #[arg(long, value_name = "PATH", default_value = atomik::DEFAULT_PATH)]
    device: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mirror: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut mirror = Mirror::new(Device::open_path(&args.device)?);
    let mut counters = Counters::default();

    counters.update(&sample(&args.source)?);
    let first: Vec<Entry> = counters.values.iter().copied().enumerate().collect();
    mirror.send(load, &first)?;

    let (mut sent, mut sampled) = (0, 0);
    let (mut before, mut deltas) = (counters.values.clone(), vec![]);
    for _ in 0..args.samples {
        if args.work {
            work::some()?;
        }
        let now = sample(&args.source)?;
        before = counters.values.clone();
        deltas = counters.update(&now);
        mirror.send(accum, &deltas)?;
        sent += deltas.len();
        sampled += now.len();
    }
    // Counters that the last sample brought were 0 before it.
    before.resize(counters.values.len(), 0);

    let all: Vec<Entry> = (0..counters.values.len()).map(|index| (index, 0)).collect();
    let states = mirror.send(read, &all)?;
    let swapped = mirror.send(swap, &all)?;
    let kept = mirror.send(read, &all)?;
    mirror.send(accum, &deltas)?; // the same deltas again
    let undone = mirror.send(read, &all)?;

    let last = &counters.values;
    let read = counters.compare(&states, last);
    let swap = (counters.compare(&swapped, last)).and(counters.compare(&kept, last));
    let undo = counters.compare(&undone, &before);
    let verdict = |check: &Result<(), String>| match check {
        Ok(()) => Value::from("verified"),
        Err(_) => Value::from("WRONG"),
    };
    #[rustfmt::skip]
    let rows = [
        ("counters", all.len().into(), ""),
        ("samples", args.samples.into(), "after the first, which was LOADed; the bytes are theirs"),
        ("deltas", sent.into(), ""),
        ("bytes_as_deltas", (16 * sent).into(), "16 each: a batch entry of opcode, address, value"),
        (
            "bytes_as_snapshots",
            (8 * sampled).into(),
            "8 a counter: values only, in an agreed order",
        ),
        ("bytes_as_entries", (16 * sampled).into(), "16 a counter: snapshots as batch entries"),
        ("ioctls", mirror.ioctls.into(), "including those that verify"),
        ("read", verdict(&read), "each state is the last sample's"),
        ("swap", verdict(&swap), "a new epoch returned the states, and kept them"),
        ("undo", verdict(&undo), "the last sample's deltas again gave the sample before"),
        ("deltas_undone", deltas.len().into(), ""),
    ];
    report(args.json, &rows)?;
    read.map_err(|e| format!("read: {e}"))?;
    swap.map_err(|e| format!("swap: {e}"))?;
    Ok(undo.map_err(|e| format!("undo: {e}"))?)
}

fn sample(source: &Path) -> Result<Sample, String> {
    let text = std::fs::read_to_string(source);
    let text = text.map_err(|e| format!("can't read {}: {e}", source.display()))?;
    match counters::parse(&text) {
        sample if sample.is_empty() => Err(format!("no counters in {}", source.display())),
        sample => Ok(sample),
    }
}

// The four operations, alike for `Mirror::send`.

fn load(batch: &mut Batch, addr: u32, value: u64) {
    batch.load(addr, value);
}

fn accum(batch: &mut Batch, addr: u32, delta: u64) {
    batch.accum(addr, delta);
}

fn read(batch: &mut Batch, addr: u32, _: u64) {
    batch.read(addr);
}

fn swap(batch: &mut Batch, addr: u32, _: u64) {
    batch.swap(addr);
}

/// Prints (name, value, remark) as a table, or names and values as JSON.
fn report(json: bool, rows: &[(&str, Value, &str)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        let pairs = rows
            .iter()
            .map(|(name, value, _)| (name.to_string(), value.clone()));
        return writeln!(out, "{}", Value::Object(pairs.collect()));
    }
    for (name, value, remark) in rows {
        let value = value.as_str().map_or(value.to_string(), Into::into);
        let row = format!("{name:<18}  {value:>10}  {remark}");
        writeln!(out, "{}", row.trim_end())?;
    }
    Ok(())
}
