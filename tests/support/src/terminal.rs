// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Terminal`]: a terminal of its own for a program, and its screen.

use nix::{
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    pty::{OpenptyResult, Winsize, openpty},
    sys::{
        signal::{Signal, kill},
        termios::{FlowArg, Termios, tcflow, tcgetattr},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{self, Pid},
};
use std::{
    fs::File,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{fs::OpenOptionsExt, process::CommandExt},
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Longest time to wait for output: much longer than it takes in an emulated guest that has a small
/// share of a busy machine, as the guest's clock doesn't wait for it.
const PATIENCE: Duration = Duration::from_secs(600);

/// A program in a terminal.
pub struct Terminal {
    master: OwnedFd,
    screen: vt100::Parser,
    /// The modes that the program found.
    modes: Termios,
    /// All that the program has written, control sequences included.
    written: Vec<u8>,
    child: Child,
}

/// Result of a program in a terminal.
pub struct Left {
    pub status: ExitStatus,
    /// Text on the screen.
    pub screen: String,
    /// True where the terminal is as it was found.
    pub restored: bool,
    /// All that was ever written.
    pub written: String,
}

impl Terminal {
    /// Starts a program in a terminal of this size. With `only_errors` it has standard error there
    /// and nothing else.
    pub fn start(mut command: Command, rows: u16, columns: u16, only_errors: bool) -> Self {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).unwrap();
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        // Read before the program can change them.
        let modes = tcgetattr(&slave).unwrap();
        // A job of its own, which can be stopped.
        command
            .env("TERM", "xterm")
            .stderr(stdio())
            .process_group(0);
        if !only_errors {
            command.stdin(stdio()).stdout(stdio());
        }
        let child = command.spawn().unwrap();
        // The command has copies, and would keep the terminal open for itself.
        drop(command);
        Self {
            modes,
            master,
            screen: vt100::Parser::new(rows, columns, 0),
            written: vec![],
            child,
        }
    }

    /// Waits for a screen that `wanted` accepts.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen.screen().contents();
            if wanted(&screen) {
                return screen;
            }
            let more = Instant::now() < end && self.read();
            assert!(more, "no {what} on the screen:\n{screen}");
        }
    }

    /// Types keys.
    pub fn write(&self, keys: &[u8]) {
        assert_eq!(unistd::write(&self.master, keys).unwrap(), keys.len());
    }

    /// Lets the terminal take no more output, as where nobody reads it.
    pub fn suspend(&self) {
        let terminal = File::options()
            .read(true)
            .custom_flags(OFlag::O_NOCTTY.bits())
            .open(format!("/proc/{}/fd/1", self.pid()))
            .unwrap();
        tcflow(&terminal, FlowArg::TCOOFF).unwrap();
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Waits until the program is stopped. Returns true where the terminal is then as it was found.
    pub fn stopped(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        let flags = WaitPidFlag::WUNTRACED | WaitPidFlag::WNOHANG;
        loop {
            match waitpid(self.pid(), Some(flags)).unwrap() {
                WaitStatus::Stopped(..) => break,
                WaitStatus::StillAlive if Instant::now() < end => {
                    // It may write before it stops.
                    if self.has_more(PollTimeout::from(10u8)) {
                        self.read();
                    }
                }
                status => panic!("{status:?}"),
            }
        }
        // All that it has written is here.
        while self.has_more(PollTimeout::ZERO) && self.read() {}
        self.is_restored()
    }

    fn is_restored(&self) -> bool {
        let screen = self.screen.screen();
        let modes = tcgetattr(&self.master).unwrap();
        !screen.alternate_screen() && !screen.hide_cursor() && modes == self.modes
    }

    /// Waits until the program ends.
    pub fn end(mut self) -> Left {
        while self.read() {}
        Left {
            restored: self.is_restored(),
            screen: self.screen.screen().contents(),
            written: String::from_utf8_lossy(&self.written).into(),
            status: self.child.wait().unwrap(),
        }
    }

    /// Waits for output or the end of the program. Returns false when the time is over.
    fn has_more(&self, patience: PollTimeout) -> bool {
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, patience).unwrap() > 0
    }

    /// Reads output of the program. Returns false where no more will come.
    fn read(&mut self) -> bool {
        if !self.has_more(PATIENCE.try_into().unwrap()) {
            return false;
        }
        let mut bytes = [0; 4096];
        match unistd::read(&self.master, &mut bytes) {
            Ok(length) if length > 0 => {
                self.screen.process(&bytes[..length]);
                self.written.extend_from_slice(&bytes[..length]);
                true
            }
            // Nobody has the terminal open any more.
            _ => false,
        }
    }
}

impl Drop for Terminal {
    /// Ends the program of a test that has failed, for the sake of others.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
