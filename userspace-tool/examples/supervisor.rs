// SPDX-License-Identifier: MIT OR Apache-2.0

//! A supervisor whose workers crash or hang, and lose nothing.
//!
//! Each worker folds jobs into a checksum. The checksum and the number of the last job are two
//! contexts, changed by one BATCH: after a crash both are changed, or neither. The supervisor holds
//! the table, and restarts a worker, which goes on where the last one ended. A worker can change the
//! contexts, but not destroy the table.
//!
//! A worker that crashes ends. One that hangs doesn't: a third context, its heartbeat, stands still.
//! The supervisor watches that, and sleeps while all is well.

use std::error::Error;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::thread;

use atomik::{Batch, Device, Rights, TableRef, Watch};
use nix::poll::{PollFd, PollFlags, poll};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const WORKERS: u32 = 3;
const JOBS: u64 = 500;

/// The longest that a job takes, with much to spare, in milliseconds.
const PATIENCE: u16 = 5000;

fn main() -> Result<()> {
    match std::env::args().nth(1) {
        Some(worker) => work(worker.parse()?),
        None => supervise(),
    }
}

/// For each worker the address of its checksum, the number of its finished jobs, and the job that
/// it began last: its heartbeat.
fn addresses(worker: u32) -> [u32; 3] {
    [0, 1, 2].map(|n| 3 * worker + n)
}

/// The result of a job.
fn result(worker: u32, job: u64) -> u64 {
    ((job << 8) | u64::from(worker)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A worker: the exported table is its standard input.
fn work(worker: u32) -> Result<()> {
    let table = Device::from_inherited(0)?.only_table()?;
    let [checksum, done, began] = addresses(worker);
    for job in table.read(done)? + 1..=JOBS {
        // Some jobs crash the worker at the first try: before they count, or after. One hangs.
        let first = table.read(began)? != job;
        let bad = first && job % 100 == 50 + u64::from(worker);
        table.load(began, job)?;
        if first && job == 333 {
            thread::park();
        }
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

/// Starts a worker. Its standard output is a pipe, which tells of its end.
fn start(table: &TableRef, worker: u32) -> Result<Child> {
    let descriptor = OwnedFd::try_from(table.export(Rights::ReadWrite)?)?;
    Ok(Command::new(std::env::current_exe()?)
        .arg(worker.to_string())
        .stdin(Stdio::from(descriptor))
        .stdout(Stdio::piped())
        .spawn()?)
}

/// Waits until the worker ends, and returns true; or false where its heart stands still.
fn beats_until_the_end(heart: &mut Watch, worker: &Child) -> Result<bool> {
    let Some(end) = &worker.stdout else {
        return Err("no pipe".into());
    };
    loop {
        let mut fds = [heart.as_fd(), end.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        if poll(&mut fds, PATIENCE)? == 0 {
            return Ok(false);
        }
        // A pipe whose other end is closed has an event.
        if fds[1].any() == Some(true) {
            return Ok(true);
        }
        heart.try_read()?;
    }
}

/// Starts a worker again and again until its jobs are done. Returns how often it crashed, and how
/// often it hung.
fn keep_working(table: &TableRef, worker: u32) -> Result<(u32, u32)> {
    let [_, _, began] = addresses(worker);
    let mut heart = table.watch(began..began + 1)?;
    let (mut crashes, mut hangs) = (0, 0);
    loop {
        let mut child = start(table, worker)?;
        if !beats_until_the_end(&mut heart, &child)? {
            hangs += 1;
            child.kill()?;
            child.wait()?;
        } else if child.wait()?.success() {
            return Ok((crashes, hangs));
        } else {
            crashes += 1;
        }
    }
}

fn supervise() -> Result<()> {
    let table = Device::open()?.create_table(3 * WORKERS)?;
    let (mut crashes, mut hangs) = (0, 0);
    thread::scope(|scope| {
        let table = &table;
        let keepers = [0, 1, 2].map(|worker| scope.spawn(move || keep_working(table, worker)));
        for keeper in keepers {
            let (crashed, hung) = keeper.join().map_err(|_| "a thread panicked")??;
            crashes += crashed;
            hangs += hung;
        }
        Result::Ok(())
    })?;
    println!("jobs     {}", u64::from(WORKERS) * JOBS);
    println!("crashes  {crashes}");
    println!("hangs    {hangs}");
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
