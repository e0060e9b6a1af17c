// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moves bytes between the command's pipes and the ports.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

const BUFFER: usize = 1 << 16;

/// A number that one thread tells another, which is waiting for data at the time.
#[derive(Debug, Clone)]
pub struct Notice(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    value: AtomicU64,
    wake: EventFd,
}

/// Not told yet.
const NONE: u64 = u64::MAX;

impl Notice {
    pub fn new() -> nix::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Self(Arc::new(Inner {
            value: AtomicU64::new(NONE),
            wake,
        })))
    }

    pub fn tell(&self, value: u64) {
        self.0.value.store(value, Ordering::Release);
        // The counter can't overflow: it is told a few times at most.
        let _ = self.0.wake.write(1);
    }

    fn told(&self) -> Option<u64> {
        Some(self.0.value.load(Ordering::Acquire)).filter(|&value| value != NONE)
    }

    /// Waits till `source` has something, or the notice is there.
    fn wait(&self, source: &impl AsFd) -> nix::Result<()> {
        let mut sources = [
            PollFd::new(source.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.0.wake.as_fd(), PollFlags::POLLIN),
        ];
        let wanted = if self.told().is_some() {
            &mut sources[..1]
        } else {
            &mut sources[..]
        };
        match poll(wanted, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// Passes the port's data on to the command, till as many bytes as `end` tells have come.
pub fn input(mut port: File, mut pipe: File, end: Notice) {
    thread::spawn(move || -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        let mut total = 0;
        // A command that doesn't read all its input closes the pipe, which ends this.
        while end.told() != Some(total) {
            if end.told().is_none() {
                end.wait(&port)?;
                if end.told() == Some(total) {
                    break;
                }
                if !readable(&port)? {
                    continue;
                }
            }
            let length = port.read(&mut buffer)?;
            if length == 0 {
                // The host has closed the port.
                break;
            }
            pipe.write_all(&buffer[..length])?;
            total += length as u64;
        }
        Ok(())
    });
}

fn readable(source: &impl AsFd) -> nix::Result<bool> {
    let mut sources = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
    poll(&mut sources, PollTimeout::ZERO)?;
    Ok(sources[0].any().unwrap_or(false))
}

/// Passes the command's output on, till its end or till `closed` tells that nobody wants it. Gives
/// the number of bytes that the port took.
pub fn output(mut pipe: File, mut port: File, closed: Notice) -> JoinHandle<u64> {
    thread::spawn(move || {
        let mut buffer = vec![0; BUFFER];
        let mut total = 0;
        while closed.wait(&pipe).is_ok() && closed.told().is_none() {
            match pipe.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(length) => {
                    if port.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                    total += length as u64;
                }
            }
        }
        // Dropping the pipe's end gives a command that writes on SIGPIPE, as it would get outside.
        total
    })
}
