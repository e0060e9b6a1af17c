// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Patient`]: standard output, which a signal needn't wait for.

use std::io::{self, Write, stdout};
use std::os::fd::AsFd;
use std::rc::Rc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd;

use super::ends::Ends;

/// The bytes that a pipe takes at once when it has room (PIPE_BUF).
const AT_ONCE: usize = 4096;

/// Standard output. While its reader leaves it full, signals end the program; while there is room,
/// they wait until all is written.
pub struct Patient(pub Rc<Ends>);

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stdout = stdout();
        loop {
            let mut fds = [
                PollFd::new(stdout.as_fd(), PollFlags::POLLOUT),
                PollFd::new(self.0.as_fd(), PollFlags::POLLIN),
            ];
            poll(&mut fds, PollTimeout::NONE)?;
            if fds[0].any() == Some(true) {
                let some = bytes.get(..AT_ONCE).unwrap_or(bytes);
                return Ok(unistd::write(&stdout, some)?);
            }
            self.0.obey()?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
