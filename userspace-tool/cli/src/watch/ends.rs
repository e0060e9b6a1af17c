// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Ends`]: signals that end the program, once all has been told.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals that end the program, as a descriptor to wait for. They do nothing until
/// [`obey`](Self::obey) is called.
pub struct Ends(SignalFd);

impl Ends {
    pub fn new() -> io::Result<Self> {
        let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
        signals.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self(SignalFd::with_flags(&signals, flags)?))
    }

    /// Lets the signals that have come end the program. Returns where there are none, or the
    /// program was started to ignore them, as by `nohup`.
    pub fn obey(&self) -> io::Result<()> {
        while let Some(came) = self.0.read_signal()? {
            let signal = Signal::try_from(came.ssi_signo as i32)?;
            let only = SigSet::from(signal);
            raise(signal)?;
            only.thread_unblock()?;
            only.thread_block()?;
        }
        Ok(())
    }
}

impl AsFd for Ends {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
