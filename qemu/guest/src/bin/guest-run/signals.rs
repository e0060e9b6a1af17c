// SPDX-License-Identifier: MIT OR Apache-2.0
//! The signals that end the runner, and that of the terminal's size.

use crate::event::Event;
use anyhow::Result;
use nix::sys::signal::{SigSet, Signal};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// All that are taken. They are blocked in every thread from the start.
fn taken() -> SigSet {
    [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGWINCH,
    ]
    .into_iter()
    .collect()
}

/// Takes the signals, for one guest after the other.
#[derive(Clone, Default)]
pub struct Signals(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The present guest's.
    events: Option<Sender<Event>>,
    /// The last signal that ends the runner. It may come between two guests, or too late for one.
    end: Option<Signal>,
}

impl Signals {
    /// Blocks the signals. To be called before there is any other thread.
    pub fn take() -> Result<Self> {
        taken().thread_block()?;
        let signals = Self::default();
        let receiver = signals.clone();
        thread::spawn(move || {
            while let Ok(signal) = taken().wait() {
                receiver.came(signal);
            }
        });
        Ok(signals)
    }

    /// Tells this guest of signals from now on, and of one that is to end the runner and came
    /// before.
    pub fn hand_to(&self, events: Sender<Event>) {
        let mut state = self.state();
        if let Some(signal) = state.end {
            let _ = events.send(Event::Signal(signal));
        }
        state.events = Some(events);
    }

    fn came(&self, signal: Signal) {
        let mut state = self.state();
        if signal != Signal::SIGWINCH {
            state.end = Some(signal);
        }
        if let Some(events) = &state.events {
            let _ = events.send(Event::Signal(signal));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no thread panics with the state")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// The signals that a guest is told of which comes now.
    fn told(signals: &Signals) -> Vec<Signal> {
        let (sender, events) = mpsc::channel();
        signals.hand_to(sender);
        let signal = |event| match event {
            Event::Signal(signal) => Some(signal),
            _ => None,
        };
        events.try_iter().filter_map(signal).collect()
    }

    #[test]
    fn a_signal_between_two_guests_is_for_the_next() {
        let signals = Signals::default();
        assert_eq!(told(&signals), []);
        signals.came(Signal::SIGTERM);
        assert_eq!(told(&signals), [Signal::SIGTERM]);
    }

    #[test]
    fn the_size_of_the_terminal_is_old_by_then() {
        let signals = Signals::default();
        signals.came(Signal::SIGWINCH);
        assert_eq!(told(&signals), []);
    }
}
