// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Guard`]: takes the terminal, and restores it on every way out.

use std::io::{self, stdout};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{panic, thread};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill, raise};
use nix::unistd::Pid;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// Signals that end a program.
const ENDS: [Signal; 4] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
];
/// Signals that stop and continue it.
const STOPS: [Signal; 2] = [Signal::SIGTSTP, Signal::SIGCONT];
/// The milliseconds in which the terminal has to take what was drawn, before a signal is obeyed
/// without restoring the screen.
const PATIENCE: u16 = 1000;

/// Keeps the terminal until this is dropped, except while the program is stopped. Signals and
/// panics restore it as well.
pub struct Guard(Arc<Shared>);

/// State that is shared with the thread that waits for signals.
#[derive(Default)]
struct Shared {
    /// True after another program had the terminal.
    taken_back: AtomicBool,
    /// True once the terminal is given up. Set with standard output locked.
    over: AtomicBool,
}

impl Guard {
    /// Takes the terminal. The program must have no other thread yet.
    pub fn new() -> io::Result<Self> {
        // Blocked in all threads from now on; one waits for them.
        let signals: SigSet = ENDS.into_iter().chain(STOPS).collect();
        signals.thread_block()?;
        let guard = Self(Arc::default());
        let shared = Arc::clone(&guard.0);
        thread::Builder::new().spawn(move || {
            loop {
                if let Ok(signal) = signals.wait() {
                    shared.obey(signal);
                }
            }
        })?;
        // Restore before the panic's message, which belongs on the normal screen.
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            put_back(true);
            before(what);
        }));
        take(true)?;
        Ok(guard)
    }

    /// True where another program had the terminal since the last call.
    pub fn was_taken_back(&self) -> bool {
        self.0.taken_back.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _writing = stdout().lock();
        self.0.over.store(true, Ordering::Relaxed);
        put_back(true);
    }
}

impl Shared {
    /// Obeys a signal, with the terminal restored. Returns where the program goes on: it was
    /// stopped, or ignores this signal.
    fn obey(&self, signal: Signal) {
        // Where nobody reads the terminal, drawing waits for it, and has the lock.
        let writing = takes_more().then(|| stdout().lock());
        let screen = writing.is_some();
        let over = self.over.load(Ordering::Relaxed);
        if !over {
            put_back(screen);
        }
        if signal != Signal::SIGCONT {
            // A stopped program can be ended before it takes the terminal again.
            let mut these = SigSet::from(signal);
            if signal == Signal::SIGTSTP {
                these.extend(ENDS);
            }
            let _ = these.thread_unblock();
            let _ = raise(signal);
            let _ = these.thread_block();
        }
        if !over {
            // Drawing reports a terminal that is gone.
            let _ = take(screen);
            self.taken_back.store(true, Ordering::Relaxed);
            // Wake the drawing thread: the size may have changed.
            let _ = kill(Pid::this(), Signal::SIGWINCH);
        }
    }
}

/// False where nobody reads the terminal, so that a program which writes would wait.
fn takes_more() -> bool {
    let stdout = stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
    poll(&mut fds, PollTimeout::from(PATIENCE)) != Ok(0)
}

/// Stops the program, as the terminal's stop key would.
pub fn stop() {
    let _ = kill(Pid::this(), Signal::SIGTSTP);
}

/// Takes the terminal's modes and, with `screen`, its screen.
fn take(screen: bool) -> io::Result<()> {
    enable_raw_mode()?;
    match screen {
        true => execute!(stdout(), EnterAlternateScreen),
        false => Ok(()),
    }
}

/// Restores the same as far as possible: the terminal may be gone.
fn put_back(screen: bool) {
    let _ = disable_raw_mode();
    if screen {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    }
}
