// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for conditions. There is one limit for the whole run, which ends one that hangs.

use anyhow::Result;
use std::process;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// How often a condition is looked at.
const TICK: Duration = Duration::from_millis(50);

static WAITING: Mutex<String> = Mutex::new(String::new());

/// Ends the process with status 1 after this time, and says what it was waiting for.
pub fn limit(time: Duration) {
    thread::spawn(move || {
        thread::sleep(time);
        eprintln!(
            "atomik: after {} s this run is still waiting: {}",
            time.as_secs(),
            WAITING.lock().expect("no thread panics with it")
        );
        process::exit(1);
    });
}

/// Says what the process is about to wait for.
pub(crate) fn waiting(what: &str) {
    what.clone_into(&mut WAITING.lock().expect("no thread panics with it"));
}

/// Looks till there is an answer, or an error.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    loop {
        waiting(what);
        if let Some(answer) = look()? {
            return Ok(answer);
        }
        thread::sleep(TICK);
    }
}
