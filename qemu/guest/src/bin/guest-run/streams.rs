// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moves bytes between this process's standard streams and the guest's ports, each in a thread of
//! its own.

use crate::event::Event;
use atomik_guest::protocol::Output;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

const BUFFER: usize = 1 << 16;

/// Ctrl-], which ends a guest that has the terminal, as it ends telnet.
const ESCAPE: u8 = 0x1d;

/// An output that is being passed on.
pub struct Reader {
    thread: JoinHandle<()>,
    count: Arc<AtomicU64>,
}

impl Reader {
    /// How many bytes have been passed on.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Waits for the end of the stream, which is that of QEMU.
    pub fn join(self) {
        let _ = self.thread.join();
    }
}

/// Passes an output of the guest on. When nobody takes it any more, `closed` is told to the guest's
/// thread and the rest read and dropped, so that the guest doesn't wait.
pub fn output(
    mut from: UnixStream,
    mut to: impl Write + Send + 'static,
    closed: Option<(Output, Sender<Event>)>,
) -> Reader {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let thread = thread::spawn(move || {
        let mut buffer = vec![0; BUFFER];
        let mut open = true;
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if open
                && to
                    .write_all(&buffer[..length])
                    .and_then(|()| to.flush())
                    .is_err()
            {
                open = false;
                if let Some((output, events)) = &closed {
                    let _ = events.send(Event::OutputClosed(*output));
                }
            }
            counter.fetch_add(length as u64, Ordering::Release);
        }
    });
    Reader { thread, count }
}

/// Passes standard input on and tells the guest's thread where it ended. `to` must be a copy of a
/// wire that stays open: when one is closed, QEMU drops what it has not read of it yet.
pub fn input(mut to: UnixStream, events: Sender<Event>) {
    thread::spawn(move || {
        let mut from = io::stdin().lock();
        let mut buffer = vec![0; BUFFER];
        let mut total = 0;
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    if to.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                    total += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let _ = events.send(Event::InputEnd(total));
    });
}

/// Passes keys on.
pub fn keys(mut to: UnixStream, events: Sender<Event>) {
    thread::spawn(move || {
        let mut from = io::stdin().lock();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if buffer[..length].contains(&ESCAPE) {
                let _ = events.send(Event::Escape);
                return;
            }
            if to.write_all(&buffer[..length]).is_err() {
                return;
            }
        }
    });
}

/// Keeps the kernel's log: in a file, in memory, and on standard error when asked.
pub fn log(from: UnixStream, file: File, show: bool) -> (Reader, Arc<Mutex<Vec<u8>>>) {
    struct Keeper {
        file: File,
        text: Arc<Mutex<Vec<u8>>>,
        show: bool,
    }
    impl Write for Keeper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.text
                .lock()
                .expect("no thread panics with the log")
                .extend_from_slice(bytes);
            self.file.write_all(bytes)?;
            if self.show {
                // Not to be shown any more is no reason to keep nothing.
                let _ = io::stderr().write_all(bytes);
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let text = Arc::default();
    let keeper = Keeper {
        file,
        text: Arc::clone(&text),
        show,
    };
    (output(from, keeper, None), text)
}
