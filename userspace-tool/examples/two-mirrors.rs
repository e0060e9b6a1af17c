// SPDX-License-Identifier: MIT OR Apache-2.0

//! Two processes that mirror a state by deltas, and both change it.
//!
//! Each has a table of its own, as two machines would, and a thread that changes it. Another thread
//! watches the table, and sends to the other process what has changed: address and delta, 12 bytes.
//! A context that changes often meanwhile is one delta. Deltas commute: in whatever order they
//! arrive, both end with the same states, without locks and without a master.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::thread;

use atomik::{Batch, Context, Device, TableRef};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const CONTEXTS: u32 = 64;
const CHANGES: u64 = 5000;

/// These contexts become 1 when a process has made its changes: of the parent, and of the child.
const DONE: [u32; 2] = [CONTEXTS, CONTEXTS + 1];
const ALL: u32 = CONTEXTS + 2;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(_) => {
            // Without a buffer, of which poll wouldn't know.
            let from = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
            let (states, _) = mirror(1, from, std::io::stdout())?;
            // The child's final states.
            let bytes: Vec<u8> = states
                .iter()
                .flat_map(|state| state.to_le_bytes())
                .collect();
            Ok(std::io::stderr().write_all(&bytes)?)
        }
        None => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("child")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (to, from) = (child.stdin.take(), child.stdout.take());
    let (Some(to), Some(from)) = (to, from) else {
        return Err("no pipes".into());
    };
    let (own, sent) = mirror(0, from, to)?;
    let output = child.wait_with_output()?;
    let theirs: Vec<u64> = (output.stderr.chunks_exact(8))
        .map(|bytes| {
            bytes
                .iter()
                .rev()
                .fold(0, |n, &byte| (n << 8) | u64::from(byte))
        })
        .collect();
    println!("changes  {} in each process", CHANGES);
    println!("deltas   {sent} sent by the parent, of 12 bytes");
    if !output.status.success()
        || own != theirs
        || own[..CONTEXTS as usize] == [0; CONTEXTS as usize]
    {
        return Err("the states differ".into());
    }
    println!("both have the same states");
    Ok(())
}

/// Changes its own table, and follows the other's changes while that follows these. Returns the
/// states in the end, and how many deltas it has sent.
fn mirror(
    process: usize,
    mut from: impl Read + AsFd,
    mut to: impl Write,
) -> Result<(Vec<u64>, u64), Box<dyn Error>> {
    let table = Device::open()?.create_table(ALL)?;
    let mut watch = table.watch(0..ALL)?;
    // The states that both processes know of.
    let mut known = [0; ALL as usize];
    let (mut arrived, mut sent) = (vec![], 0);
    thread::scope(|scope| {
        let changing = scope.spawn(|| change(&table, process));
        while DONE.iter().any(|&addr| known[addr as usize] == 0) {
            let mut fds =
                [watch.as_fd(), from.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            poll(&mut fds, PollTimeout::NONE)?;
            if fds[1].any() == Some(true) {
                take(&table, &mut known, &mut from, &mut arrived)?;
            }
            for change in watch.try_read()?.unwrap_or_default() {
                let known = &mut known[change.addr as usize];
                let delta = change.state ^ *known;
                // What came from the other is known already.
                if delta != 0 {
                    *known = change.state;
                    let mut message = [0; 12];
                    message[..4].copy_from_slice(&change.addr.to_le_bytes());
                    message[4..].copy_from_slice(&delta.to_le_bytes());
                    to.write_all(&message)?;
                    sent += 1;
                }
            }
            to.flush()?;
        }
        match changing.join() {
            Ok(changed) => changed?,
            Err(_) => return Err("the other thread panicked".into()),
        }
        let image = table.snapshot(0..ALL)?;
        Ok((image.into_iter().map(Context::state).collect(), sent))
    })
}

/// Makes the changes of this process.
fn change(table: &TableRef, process: usize) -> atomik::Result<()> {
    let seed = process as u64;
    let mut random = seed;
    for _ in 0..CHANGES {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(2 * seed + 1);
        table.accum((random >> 33) as u32 % CONTEXTS, random)?;
    }
    // A read that tells this has told all before it.
    table.load(DONE[process], 1)
}

/// Applies the changes of the other: as many of them at once as have arrived.
fn take(
    table: &TableRef,
    known: &mut [u64],
    from: &mut impl Read,
    arrived: &mut Vec<u8>,
) -> Result<(), Box<dyn Error>> {
    let mut buffer = [0; 4096];
    let length = from.read(&mut buffer)?;
    if length == 0 {
        return Err("the other has ended early".into());
    }
    arrived.extend_from_slice(&buffer[..length]);
    let mut batch = Batch::new();
    let whole = arrived.len() / 12 * 12;
    for message in arrived.drain(..whole).as_slice().chunks_exact(12) {
        let (addr, delta) = message.split_at(4);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, &b| (n << 8) | u64::from(b));
        let (addr, delta) = (number(addr) as u32, number(delta));
        batch.accum(addr, delta);
        known[addr as usize] ^= delta;
    }
    if !batch.is_empty() {
        table.submit(&batch)?;
    }
    Ok(())
}
