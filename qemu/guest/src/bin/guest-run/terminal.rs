// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's terminal while the guest has it.

use atomik_guest::protocol::Size;
use nix::libc;
use nix::pty::Winsize;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use std::io::{IsTerminal, stdin};
use std::os::fd::AsRawFd;

nix::ioctl_read_bad!(get_window_size, libc::TIOCGWINSZ, Winsize);

/// Puts the terminal into raw mode; dropping this restores it.
pub struct Raw(Termios);

impl Raw {
    /// Does nothing where standard input is no terminal.
    pub fn enter() -> nix::Result<Option<Self>> {
        if !stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(stdin(), SetArg::TCSADRAIN, &raw)?;
        Ok(Some(Self(before)))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // If this fails the terminal is gone.
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &self.0);
    }
}

/// The size of the host's terminal.
pub fn size() -> Option<Size> {
    let mut size = Winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the call writes one `Winsize`, and `size` is one that lives till it returns.
    unsafe { get_window_size(stdin().as_raw_fd(), &raw mut size) }.ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some(Size {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}
