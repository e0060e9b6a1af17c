// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Bell`]: a descriptor that is readable while it rings.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::lock::Lock;

/// All bells of this process: their descriptors, and whether they ring after a fork.
static BELLS: Lock<Vec<(RawFd, bool)>> = Lock::new(Vec::new());

/// A descriptor that is readable while it rings.
///
/// The child of a fork has one of its own under the same number. Otherwise one process would
/// silence what rings for the other.
pub struct Bell(EventFd);

impl Bell {
    /// A silent bell. `in_child` says whether it rings in the child of a fork, where nobody knows
    /// whether it did in the parent.
    pub fn new(in_child: bool) -> Result<Self, Errno> {
        let bell = Self(eventfd(false)?);
        BELLS.hold(|bells| bells.push((bell.0.as_raw_fd(), in_child)));
        Ok(bell)
    }

    /// Rings until it is silenced.
    pub fn ring(&self) {
        // It fails if it has been rung 2^64 times, and then it rings.
        let _ = self.0.write(1);
    }

    /// Ends the ringing.
    pub fn silence(&self) {
        // It fails if it doesn't ring.
        let _ = self.0.read();
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let number = self.0.as_raw_fd();
        BELLS.hold(|bells| bells.retain(|&(bell, _)| bell != number));
    }
}

/// Gives the child of a fork bells of its own.
pub fn forked() {
    BELLS.hold(|bells| {
        for &(number, rings) in bells.iter() {
            // Where no descriptor is left, it stays the parent's as well.
            if let Ok(own) = eventfd(rings) {
                // SAFETY: the number is a bell's, whose descriptor becomes another one.
                unsafe { libc::dup3(own.as_raw_fd(), number, libc::O_CLOEXEC) };
            }
        }
    });
}

fn eventfd(rings: bool) -> Result<EventFd, Errno> {
    let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
    EventFd::from_value_and_flags(rings.into(), flags)
}
