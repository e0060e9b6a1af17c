// SPDX-License-Identifier: MIT OR Apache-2.0

//! One thread that watches several tables, of the device and of this process, by poll(2).
//!
//! Each table belongs to a thread that changes it, and drops it in the end.

use std::error::Error;
use std::os::fd::AsFd;
use std::thread;

use atomik::{ContextTable, Device, LocalTable, Watch};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const CHANGES: u64 = 1000;

/// A table that is watched, and the last state that was told.
struct Watched {
    name: &'static str,
    watch: Watch,
    last: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::open()?;
    let tables: [(_, Box<dyn ContextTable + Send>); 3] = [
        (
            "the first table of the device",
            Box::new(device.create_table(8)?),
        ),
        (
            "the second table of the device",
            Box::new(device.create_table(8)?),
        ),
        ("the table in this process", Box::new(LocalTable::new(8)?)),
    ];
    let mut watches = vec![];
    for (name, mut table) in tables {
        let watch = table.watch(3..4)?;
        watches.push(Watched {
            name,
            watch,
            last: 0,
        });
        thread::spawn(move || (1..=CHANGES).try_for_each(|state| table.load(3, state)));
    }
    while !watches.is_empty() {
        wait(&watches)?;
        let mut left = vec![];
        for mut watched in watches {
            match watched.watch.try_read()? {
                Some([]) => end(&watched)?, // the table is gone
                Some(changes) => {
                    for change in changes {
                        watched.last = change.state;
                    }
                    left.push(watched);
                }
                None => left.push(watched),
            }
        }
        watches = left;
    }
    println!("all tables are gone, and nothing was missed");
    Ok(())
}

/// Waits until at least one of them has something to tell.
fn wait(watches: &[Watched]) -> Result<(), Errno> {
    let mut fds: Vec<_> = watches
        .iter()
        .map(|watched| PollFd::new(watched.watch.as_fd(), PollFlags::POLLIN))
        .collect();
    match poll(&mut fds, PollTimeout::NONE) {
        // A signal's handler has run: all are tried in vain.
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn end(watched: &Watched) -> Result<(), String> {
    println!("{}: {} was the last state", watched.name, watched.last);
    match watched.last {
        CHANGES => Ok(()),
        _ => Err(format!("{}: changes were lost", watched.name)),
    }
}
