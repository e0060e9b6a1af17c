// SPDX-License-Identifier: MIT OR Apache-2.0

//! A supervisor whose workers crash and lose nothing.
//!
//! Each worker folds jobs into a checksum. The checksum and the number of the last job are two
//! contexts, changed by one BATCH: after a crash both are changed, or neither. The supervisor holds
//! the table, and restarts a worker, which goes on where the last one ended. A worker can change the
//! contexts, but not destroy the table.

use std::error::Error;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use atomik::{Batch, Device, Rights};

const WORKERS: u32 = 3;
const JOBS: u64 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(worker) => work(worker.parse()?),
        None => supervise(),
    }
}

/// For each worker the address of its checksum, the number of its finished jobs, and the job that
/// it tried last.
fn addresses(worker: u32) -> [u32; 3] {
    [0, 1, 2].map(|n| 3 * worker + n)
}

/// The result of a job.
fn result(worker: u32, job: u64) -> u64 {
    ((job << 8) | u64::from(worker)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A worker: the exported table is its standard input.
fn work(worker: u32) -> Result<(), Box<dyn Error>> {
    let table = Device::from_inherited(0)?.only_table()?;
    let [checksum, done, tried] = addresses(worker);
    for job in table.read(done)? + 1..=JOBS {
        // Some jobs crash the worker at the first try: before they count, or after.
        let bad = job % 100 == 50 + u64::from(worker) && table.read(tried)? != job;
        table.load(tried, job)?;
        if bad && worker % 2 == 0 {
            std::process::abort();
        }
        let mut batch = Batch::new();
        batch.accum(checksum, result(worker, job)).load(done, job);
        table.submit(&batch)?;
        if bad {
            std::process::abort();
        }
    }
    Ok(())
}

fn supervise() -> Result<(), Box<dyn Error>> {
    let table = Device::open()?.create_table(3 * WORKERS)?;
    let mut crashes = 0;
    for worker in 0..WORKERS {
        loop {
            let descriptor = OwnedFd::try_from(table.export(Rights::ReadWrite)?)?;
            let status = Command::new(std::env::current_exe()?)
                .arg(worker.to_string())
                .stdin(Stdio::from(descriptor))
                .status()?;
            if status.success() {
                break;
            }
            crashes += 1;
        }
    }
    println!("jobs     {}", u64::from(WORKERS) * JOBS);
    println!("crashes  {crashes}");
    for worker in 0..WORKERS {
        let [checksum, done, _] = addresses(worker);
        let expected = (1..=JOBS).fold(0, |sum, job| sum ^ result(worker, job));
        if (table.read(checksum)?, table.read(done)?) != (expected, JOBS) {
            return Err(format!("worker {worker}: something was lost, or done twice").into());
        }
    }
    println!("nothing was lost, and nothing was done twice");
    Ok(())
}
