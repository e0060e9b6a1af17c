// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Guard`]: the terminal is `top`'s, and put back on every way out.

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

/// What ends a program.
const ENDS: [Signal; 4] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
];
/// What stops it, or has it go on.
const STOPS: [Signal; 2] = [Signal::SIGTSTP, Signal::SIGCONT];

/// The terminal is this program's until this is dropped, but for the time that the program is
/// stopped. What ends the program puts the terminal back as well.
pub struct Guard(Arc<Shared>);

/// What the thread that waits for signals needs to know, or tells.
#[derive(Default)]
struct Shared {
    /// Somebody else has had the terminal meanwhile.
    taken_back: AtomicBool,
    /// The terminal isn't this program's any more. It changes while nobody else writes there.
    over: AtomicBool,
}

impl Guard {
    /// The program must have no other thread yet.
    pub fn new() -> io::Result<Self> {
        // For all threads from now on: one waits for them.
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
        // Before the message, which belongs on the screen that stays.
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            put_back();
            before(what);
        }));
        take()?;
        Ok(guard)
    }

    /// Whether somebody else has had the terminal since this was asked last.
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
    /// Does what a signal is for, with the terminal put back. Returns where the program goes on: it
    /// was stopped, or whoever started it has it ignore this signal.
    fn obey(&self, signal: Signal) {
        let _writing = stdout().lock();
        let over = self.over.load(Ordering::Relaxed);
        if !over {
            put_back();
        }
        if signal != Signal::SIGCONT {
            // While it is stopped it can be ended, too, before it takes the terminal again.
            let mut these = SigSet::from(signal);
            if signal == Signal::SIGTSTP {
                these.extend(ENDS);
            }
            let _ = these.thread_unblock();
            let _ = raise(signal);
            let _ = these.thread_block();
        }
        if !over {
            // Where the terminal is gone, drawing says so.
            let _ = take();
            self.taken_back.store(true, Ordering::Relaxed);
            // Whoever waits for an event has one: the size may be another by now.
            let _ = kill(Pid::this(), Signal::SIGWINCH);
        }
    }
}

/// Stops the program as a terminal does at this key.
pub fn stop() {
    let _ = kill(Pid::this(), Signal::SIGTSTP);
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen)
}

/// Each step as far as it goes: the terminal may be gone.
fn put_back() {
    let _ = disable_raw_mode();
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
}
