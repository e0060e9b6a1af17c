// SPDX-License-Identifier: MIT OR Apache-2.0

//! One writer, and readers that it need not trust: their descriptor changes nothing.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use atomik::{Batch, Device, Error, Rights, TableRef};

use crate::race::{Owned, Race, Result};
use crate::{Pattern, Work};

pub const PATTERN: Pattern = Pattern {
    name: "readers",
    run,
    work: Work::Alone(work),
    without: false,
};

/// Two words that the writer keeps equal.
const WORDS: [u32; 2] = [0, 1];
/// Value of both words in the end.
const END: u64 = u64::MAX;
const READERS: u32 = 3;

/// Gives a table to the program at the other end of a socket, for reading alone.
fn give(table: &TableRef, socket: impl AsFd) -> atomik::Result<()> {
    table.export(Rights::ReadOnly)?.send(socket)
}

/// Takes the table that the program at the other end gives.
fn take(socket: impl AsFd) -> atomik::Result<TableRef> {
    Device::receive(socket)?.only_table()
}

/// Reads both words, as they are at one moment.
fn read(table: &TableRef) -> atomik::Result<[u64; 2]> {
    let mut batch = Batch::new();
    let handles = WORDS.map(|addr| batch.read(addr));
    let states = table.run(&mut batch)?;
    Ok([states.get(handles[0])?, states.get(handles[1])?])
}

/// A reader, whose standard input is a socket.
fn work() -> Result {
    let table = take(io::stdin())?;
    for attempt in [
        table.set(0, END),
        table.accum(0, 1),
        table.load(0, END),
        table.swap(0).map(drop),
        table.map().map(drop),
        table.clone().destroy(),
    ] {
        assert!(
            matches!(attempt, Err(Error::ReadOnly { .. })),
            "{attempt:?}"
        );
    }
    let view = table.view()?;
    let mut last = 0;
    while last != END {
        let [one, other] = read(&table)?;
        assert!(
            one == other && one >= last,
            "{one} and {other} after {last}"
        );
        last = one;
        // Without a system call, and so not at one moment with others.
        assert!(view.read(0)? >= last);
    }
    Ok(())
}

/// Starts a reader, and gives it the table.
fn start(race: &Race, table: &TableRef, number: u32) -> Result<Owned> {
    let (own, its) = UnixStream::pair()?;
    give(table, own)?;
    let mut reader = race.program(number, READERS)?;
    Owned::spawn(reader.stdin(Stdio::from(OwnedFd::from(its))))
}

fn run(race: &Race) -> Result {
    let table = race.table(2)?;
    let readers = (0..READERS).map(|number| start(race, &table, number));
    let mut readers = readers.collect::<Result<Vec<_>>>()?;
    for round in (1..=u64::from(race.rounds)).chain([END]) {
        let mut batch = Batch::new();
        batch.set(0, round).set(1, round);
        table.submit(&batch)?;
    }
    for reader in &mut readers {
        let status = reader.wait()?;
        assert!(status.success(), "{status}");
    }
    race.tell("readers that can't write", 0)
}
