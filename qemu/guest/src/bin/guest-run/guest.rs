// SPDX-License-Identifier: MIT OR Apache-2.0
//! One guest, from its start to its end.

use crate::event::Event;
use crate::machine::{self, Machine, Streams};
use crate::signals::Signals;
use crate::{streams, terminal};
use anyhow::{Context, Result};
use atomik_guest::protocol::{self, End, Output, Report, ToGuest, ToHost};
use nix::sys::signal::Signal;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How a guest ended.
#[derive(Debug)]
pub enum Outcome {
    Ended(Report),
    /// QEMU could not or would not start it.
    Refused,
    /// Init had not answered within the limit.
    BootHung,
    /// It ended before init had answered.
    BootDied,
    /// Init had answered, and yet it was not ready within the limit.
    NotReady,
    /// The command took longer than it may.
    TimedOut,
    /// Init says why it could not go on.
    Failed(String),
    /// QEMU ended before the command did.
    Died,
    Interrupted(Signal),
    Escaped,
}

impl Outcome {
    /// Whether it may be the emulator's doing alone: nothing of ours has run.
    pub fn is_failed_boot(&self) -> bool {
        matches!(self, Self::BootHung | Self::BootDied)
    }
}

pub struct Limits {
    pub boot: Duration,
    pub command: Duration,
}

/// How long a guest may take to turn itself off.
const POWER_OFF: Duration = Duration::from_secs(30);
/// How often the counts of output are looked at once they are known.
const TICK: Duration = Duration::from_millis(5);

pub struct Options<'a> {
    pub signals: &'a Signals,
    /// The file for the kernel's log.
    pub log: &'a Path,
    pub limits: Limits,
    /// Whether the log is shown as it comes.
    pub verbose: bool,
    /// Whether the guest gets this process's standard streams.
    pub streams: bool,
}

/// Boots a machine, stays with it to its end, and returns how it ended and the kernel's log.
pub fn run(machine: &Machine, options: &Options) -> Result<(Outcome, String)> {
    let log = File::create(options.log).with_context(|| options.log.display().to_string())?;
    let (sender, events) = mpsc::channel();
    options.signals.hand_to(sender.clone());
    let (child, wires) = machine.start()?;
    let pid = child.id();
    let messages = receive(wires.control.try_clone()?, sender.clone());
    wait_for(child, messages, sender.clone());
    let (log, text) = streams::log(wires.log, log, options.verbose);

    let streams = options.streams.then_some(wires.streams);
    let mut guest = Guest {
        booted: false,
        events,
        sender,
        control: wires.control,
        outputs: Vec::new(),
        streams,
        stdin: None,
        raw: None,
    };
    let outcome = guest.stay(&options.limits);
    if !matches!(outcome, Ok(Outcome::Ended(_))) {
        machine::stop(pid);
    }
    let off = guest.wait_for_end(POWER_OFF);
    if !off {
        eprintln!(
            "atomik: the guest did not turn itself off within {} s; it was stopped",
            POWER_OFF.as_secs()
        );
        machine::stop(pid);
        guest.wait_for_end(POWER_OFF);
    }
    // All writers of the log are gone, so this ends. The outputs may have a reader that never reads
    // on.
    log.join();
    let outcome = outcome?;
    if matches!(outcome, Outcome::Ended(_) | Outcome::Died) {
        guest.outputs.drain(..).for_each(streams::Reader::join);
    }
    let text =
        String::from_utf8_lossy(&text.lock().expect("no thread panics with the log")).into_owned();
    Ok((outcome, text))
}

/// Tells of the end of QEMU, after all of its guest's messages.
fn wait_for(mut child: Child, messages: JoinHandle<()>, events: Sender<Event>) {
    thread::spawn(move || {
        let status = child.wait().ok();
        let _ = messages.join();
        let _ = events.send(Event::Gone(status));
    });
}

fn receive(control: UnixStream, events: Sender<Event>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut control = BufReader::new(control);
        while let Ok(Some(message)) = protocol::receive(&mut control) {
            if events.send(Event::Message(message)).is_err() {
                return;
            }
        }
    })
}

struct Guest {
    /// Whether init has answered.
    booted: bool,
    events: Receiver<Event>,
    sender: Sender<Event>,
    control: UnixStream,
    /// Standard output and standard error, in this order, or the terminal.
    outputs: Vec<streams::Reader>,
    /// Kept open, as QEMU drops unread bytes of a closed one.
    stdin: Option<UnixStream>,
    /// Kept until they are connected.
    streams: Option<Streams>,
    raw: Option<terminal::Raw>,
}

impl Guest {
    fn stay(&mut self, limits: &Limits) -> Result<Outcome> {
        let mut deadline = Instant::now() + limits.boot;
        let mut ready = false;
        loop {
            let Some(event) = self.next(deadline) else {
                return Ok(if ready {
                    Outcome::TimedOut
                } else if self.booted {
                    Outcome::NotReady
                } else {
                    Outcome::BootHung
                });
            };
            match event {
                Event::Message(ToHost::Booted) => self.booted = true,
                Event::Message(ToHost::Ready) => {
                    ready = true;
                    deadline = Instant::now() + limits.command;
                    self.connect()?;
                }
                Event::Message(ToHost::Failed(why)) => return Ok(Outcome::Failed(why)),
                Event::Message(ToHost::Ended(report)) => return self.finish(report, deadline),
                other => {
                    if let Some(outcome) = self.handle(other) {
                        return Ok(outcome);
                    }
                }
            }
        }
    }

    /// The command has ended; what it wrote may still be on its way.
    fn finish(&mut self, report: Report, deadline: Instant) -> Result<Outcome> {
        let expected = [report.stdout, report.stderr];
        while !self
            .outputs
            .iter()
            .zip(expected)
            .all(|(output, count)| output.count() >= count)
        {
            let event = self.next(Instant::now() + TICK);
            if let Some(outcome) = event.and_then(|event| self.handle(event)) {
                return Ok(outcome);
            }
            if Instant::now() > deadline {
                return Ok(Outcome::TimedOut);
            }
        }
        self.send(&ToGuest::PowerOff);
        Ok(Outcome::Ended(report))
    }

    /// Handles an event that may come at any time.
    fn handle(&mut self, event: Event) -> Option<Outcome> {
        match event {
            Event::Signal(Signal::SIGWINCH) => {
                if let Some(size) = terminal::size() {
                    self.send(&ToGuest::Resize(size));
                }
            }
            Event::Signal(signal) => return Some(Outcome::Interrupted(signal)),
            Event::Escape => return Some(Outcome::Escaped),
            Event::OutputClosed(output) => self.send(&ToGuest::Closed(output)),
            Event::InputEnd(count) => self.send(&ToGuest::StdinEnd(count)),
            Event::Gone(status) => {
                // For whoever waits for the end.
                let _ = self.sender.send(Event::Gone(status));
                return Some(if self.booted {
                    Outcome::Died
                } else if machine::refused(status) {
                    Outcome::Refused
                } else {
                    Outcome::BootDied
                });
            }
            Event::Message(_) => {}
        }
        None
    }

    fn connect(&mut self) -> Result<()> {
        match self.streams.take() {
            Some(Streams::Pipes {
                stdin,
                stdout,
                stderr,
            }) => {
                let told = |output| Some((output, self.sender.clone()));
                self.outputs
                    .push(streams::output(stdout, io::stdout(), told(Output::Stdout)));
                self.outputs
                    .push(streams::output(stderr, io::stderr(), told(Output::Stderr)));
                streams::input(stdin.try_clone()?, self.sender.clone());
                self.stdin = Some(stdin);
            }
            Some(Streams::Terminal(wire)) => {
                self.raw = terminal::Raw::enter()?;
                if let Some(size) = terminal::size() {
                    self.send(&ToGuest::Resize(size));
                }
                self.outputs
                    .push(streams::output(wire.try_clone()?, io::stdout(), None));
                streams::keys(wire, self.sender.clone());
            }
            None => {}
        }
        Ok(())
    }

    /// A guest that is gone takes no messages; its end is an event of its own.
    fn send(&self, message: &ToGuest) {
        let _ = protocol::send(&self.control, message);
    }

    fn next(&self, deadline: Instant) -> Option<Event> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.events.recv_timeout(left).ok()
    }

    fn wait_for_end(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            match self.next(deadline) {
                Some(Event::Gone(status)) => {
                    let _ = self.sender.send(Event::Gone(status));
                    return true;
                }
                Some(Event::Signal(Signal::SIGWINCH)) => {}
                // A second request to end is impatient.
                Some(Event::Signal(_)) | None => return false,
                Some(_) => {}
            }
        }
    }
}

/// The status that a shell would give.
pub fn status(end: &End) -> u8 {
    match end {
        End::Exited(status) => *status,
        End::Killed(signal) => 128 + signal,
        End::NotRun(errno) if *errno == nix::libc::ENOENT => 127,
        End::NotRun(_) => 126,
    }
}
