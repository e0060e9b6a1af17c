// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Guard`]: takes the terminal, and restores it on every way out.

use std::io::{self, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{panic, thread};

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
            put_back();
            before(what);
        }));
        take()?;
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
        put_back();
    }
}

impl Shared {
    /// Obeys a signal, with the terminal restored. Returns where the program goes on: it was
    /// stopped, or ignores this signal.
    fn obey(&self, signal: Signal) {
        let _writing = stdout().lock();
        let over = self.over.load(Ordering::Relaxed);
        if !over {
            put_back();
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
            let _ = take();
            self.taken_back.store(true, Ordering::Relaxed);
            // Wake the drawing thread: the size may have changed.
            let _ = kill(Pid::this(), Signal::SIGWINCH);
        }
    }
}

/// Stops the program, as the terminal's stop key would.
pub fn stop() {
    let _ = kill(Pid::this(), Signal::SIGTSTP);
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen)
}

/// Restores the terminal as far as possible: it may be gone.
fn put_back() {
    let _ = disable_raw_mode();
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
}
