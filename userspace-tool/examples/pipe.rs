// SPDX-License-Identifier: MIT OR Apache-2.0

//! A mirror over a pipe: one process changes a table, another has the same states.
//!
//! The mirror joins with a copy of all that the other knows by then, and gets packets of deltas.
//! Some come twice, which does no harm.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

use atomik::{DeltaMessage, DeltaStream, Device, OrderedFingerprint, TableRef};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CONTEXTS: u32 = 256;
const ROUNDS: u64 = 100;

fn main() -> Result<()> {
    match env::args().nth(1) {
        Some(_) => mirror(),
        None => change(),
    }
}

fn table() -> atomik::Result<TableRef> {
    Ok(Device::open()?.create_table(CONTEXTS)?.into_ref())
}

/// The fingerprint of all states.
fn fingerprint(table: &TableRef) -> atomik::Result<u64> {
    let contexts = table.snapshot(0..CONTEXTS)?;
    let states = contexts.iter().flat_map(|c| c.state().to_le_bytes());
    Ok(OrderedFingerprint::of(&states.collect::<Vec<_>>()))
}

fn change() -> Result<()> {
    let mut stream = DeltaStream::on(table()?, DeltaStream::random_sender()?)?;
    for addr in 0..CONTEXTS {
        stream.load(addr, 1000 * u64::from(addr))?;
        stream.accum(addr, 7)?;
    }
    let mut mirror = Command::new(env::current_exe()?)
        .arg("mirror")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut pipe = mirror.stdin.take().ok_or("no pipe")?;

    let state = stream.encode()?;
    pipe.write_all(&[&(state.len() as u32).to_le_bytes()[..], &state].concat())?;
    let (mut deltas, mut bytes) = (0, 0);
    for round in 0..ROUNDS {
        for n in 0..50 {
            stream.accum((round * 31 + n * 7) as u32 % CONTEXTS, round ^ n)?;
        }
        // The first of them has messages that are in the state already.
        let messages = stream.pending();
        let packet = DeltaMessage::encode_many(&messages);
        (deltas, bytes) = (deltas + messages.len(), bytes + packet.len());
        for _ in 0..1 + round % 2 {
            pipe.write_all(&packet)?;
        }
    }
    drop(pipe);

    let output = mirror.wait_with_output()?;
    let found = String::from_utf8(output.stdout)?;
    let expected = format!("{:#018x}\n", fingerprint(stream.table())?);
    assert_eq!(found, expected, "the mirror has other states");
    println!("{deltas} deltas in {bytes} bytes; both have the same states");
    Ok(())
}

/// The mirror: its standard input is the pipe.
fn mirror() -> Result<()> {
    let (mut input, mut length) = (io::stdin().lock(), [0; 4]);
    input.read_exact(&mut length)?;
    let mut state = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut state)?;
    let mut stream = DeltaStream::join(table()?, DeltaStream::random_sender()?, &state)?;

    let (mut received, mut buffer) = (vec![], [0; 1000]);
    loop {
        let mut rest = &received[..];
        for result in stream.apply_many(&DeltaMessage::take_many(&mut rest)?)? {
            result?;
        }
        received = rest.to_vec();
        match input.read(&mut buffer)? {
            0 => break,
            more => received.extend_from_slice(&buffer[..more]),
        }
    }
    assert!(received.is_empty(), "a packet without its end");
    println!("{:#018x}", fingerprint(stream.table())?);
    Ok(())
}
