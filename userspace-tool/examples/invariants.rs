// SPDX-License-Identifier: MIT OR Apache-2.0

//! A reader of invariants, which has got a descriptor of one table, and can only read.
//!
//! A bank moves money between accounts; whatever it does, the sum stays. An auditor in another
//! process gets the table over a unix socket, maps it, and sees all accounts as of one moment,
//! without a system call and without the bank waiting.

use std::env;
use std::error::Error;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;

use atomik::{Device, Rights};

const ACCOUNTS: u32 = 8;
const EACH: u64 = 100;

/// How many different pictures the auditor wants to see.
const PICTURES: u32 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1) {
        Some(_) => audit(),
        None => bank(),
    }
}

fn bank() -> Result<(), Box<dyn Error>> {
    let table = Device::open()?.create_table(ACCOUNTS)?;
    let accounts: Vec<u32> = (0..ACCOUNTS).collect();
    table.load_many(&accounts, &[EACH; ACCOUNTS as usize])?;

    let (ours, theirs) = UnixStream::pair()?;
    table.export(Rights::ReadOnly)?.send(&ours)?;
    let mut auditor = Command::new(env::current_exe()?)
        .arg("audit")
        .stdin(OwnedFd::from(theirs))
        .spawn()?;

    let mut moves = 0;
    let status = loop {
        if let Some(status) = auditor.try_wait()? {
            break status;
        }
        let (from, to) = (moves % ACCOUNTS, (moves / ACCOUNTS) % ACCOUNTS);
        if from != to {
            table.transact(&[from, to], |states| {
                let amount = states[0].min(u64::from(moves % 7));
                states[0] -= amount;
                states[1] += amount;
            })?;
        }
        moves = moves.wrapping_add(1);
    };
    assert!(status.success(), "the auditor has found something");
    println!("the bank didn't wait for the auditor");
    Ok(())
}

/// The auditor: its standard input is the socket.
fn audit() -> Result<(), Box<dyn Error>> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let table = Device::receive(&socket)?.only_table()?;
    assert!(table.load(0, 0).is_err(), "it could change an account");
    let view = table.into_view()?;

    let accounts: Vec<u32> = (0..view.contexts()).collect();
    let (mut before, mut now) = (vec![0; accounts.len()], vec![0; accounts.len()]);
    let mut pictures = 0;
    while pictures < PICTURES {
        view.read_consistent(&accounts, &mut now)?;
        let sum: u64 = now.iter().sum();
        assert_eq!(sum, u64::from(ACCOUNTS) * EACH, "{now:?}");
        if now != before {
            pictures += 1;
            before.copy_from_slice(&now);
        }
    }
    println!("{pictures} pictures, each of {ACCOUNTS} accounts with {EACH} on average");
    Ok(())
}
