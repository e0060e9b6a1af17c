// SPDX-License-Identifier: MIT OR Apache-2.0

//! Two processes that mirror a state by deltas, and both change it.
//!
//! Each has tables of its own, as two machines would. Each sends its changes to the other as
//! address and delta, 12 bytes, and goes on without waiting. Deltas commute: in whatever order they
//! arrive, both end with the same states, without locks and without a master.

use std::error::Error;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use atomik::{Batch, Context, Device, TableRef};

const CONTEXTS: u32 = 64;
const CHANGES: u64 = 5000;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(_) => {
            let states = mirror(2, std::io::stdin(), std::io::stdout())?;
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
    let own = mirror(1, from, to)?;
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
    println!("bytes    {} from each to the other", 12 * CHANGES);
    if !output.status.success() || own != theirs || own.iter().all(|&state| state == 0) {
        return Err("the states differ".into());
    }
    println!("both have the same states");
    Ok(())
}

/// Changes its own states and tells the other, while it takes the other's changes. Returns the
/// states in the end.
fn mirror(
    seed: u64,
    from: impl Read + Send,
    mut to: impl Write,
) -> Result<Vec<u64>, Box<dyn Error>> {
    let table = Device::open()?.create_table(CONTEXTS)?;
    thread::scope(|scope| {
        let taking = scope.spawn(|| take(&table, from));
        let mut random = seed;
        for _ in 0..CHANGES {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(seed | 1);
            let (addr, delta) = ((random >> 33) as u32 % CONTEXTS, random);
            table.accum(addr, delta)?;
            let mut message = [0; 12];
            message[..4].copy_from_slice(&addr.to_le_bytes());
            message[4..].copy_from_slice(&delta.to_le_bytes());
            to.write_all(&message)?;
        }
        to.flush()?;
        match taking.join() {
            Ok(taken) => taken.map_err(|error| error.to_string())?,
            Err(_) => return Err("the other thread panicked".into()),
        }
        let image = table.snapshot(0..CONTEXTS)?;
        Ok(image.into_iter().map(Context::state).collect())
    })
}

/// Applies the changes of the other: as many of them at once as have arrived.
fn take(table: &TableRef, mut from: impl Read) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut bytes = vec![];
    let (mut buffer, mut taken) = ([0; 4096], 0);
    while taken < CHANGES {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Err("the other has ended early".into());
        }
        bytes.extend_from_slice(&buffer[..length]);
        let mut batch = Batch::new();
        let whole = bytes.len() / 12 * 12;
        for message in bytes[..whole].chunks_exact(12) {
            let (addr, delta) = message.split_at(4);
            let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, &b| (n << 8) | u64::from(b));
            batch.accum(number(addr) as u32, number(delta));
        }
        bytes.drain(..whole);
        if !batch.is_empty() {
            table.submit(&batch)?;
        }
        taken += batch.len() as u64;
    }
    Ok(())
}
