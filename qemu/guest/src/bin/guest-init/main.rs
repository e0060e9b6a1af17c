// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's process 1: makes the system ready, runs one command, reports, and turns the machine
//! off.

mod churn;
mod command;
mod leaks;
mod network;
mod pump;
mod system;

use anyhow::{Context, Result};
use atomik_guest::ports;
use atomik_guest::protocol::{self, End, Report, SPEC_PATH, Spec, ToGuest, ToHost, port};
use nix::sys::reboot::{RebootMode, reboot};
use std::fs::{self, File};
use std::io::BufReader;
use std::sync::mpsc;
use std::thread;

fn main() {
    // Process 1 may not end: the kernel would panic, and hide the reason.
    if let Err(error) = run() {
        let text = format!("{error:#}");
        let told = ports::open(port::CONTROL)
            .and_then(|control| Ok(protocol::send(&control, &ToHost::Failed(text.clone()))?));
        if told.is_err() {
            log(&text);
        }
        // The host stops the machine once it has read the message; without a host to read it, it
        // goes by itself.
        if told.is_ok() {
            thread::sleep(std::time::Duration::from_secs(5));
        }
    }
    let _ = reboot(RebootMode::RB_POWER_OFF);
}

/// Says in the kernel's log why there is no guest.
fn log(why: &str) {
    let _ = fs::write("/dev/kmsg", format!("<3>atomik: init failed: {why}\n"));
}

fn run() -> Result<()> {
    system::mount()?;
    let spec: Spec = serde_json::from_slice(&fs::read(SPEC_PATH)?).context(SPEC_PATH)?;
    let control = ports::open(port::CONTROL)?;
    system::settle();
    if let Err(error) = system::start_processors() {
        // On a busy host one may come too late. Without an answer the host boots once more.
        log(&format!("{error:#}"));
        return Ok(());
    }
    protocol::send(&control, &ToHost::Booted)?;
    if spec.network {
        network::start()?;
    }
    if let Some(parameters) = &spec.module {
        system::load_module(parameters)?;
    }

    let (off, turned_off) = mpsc::channel();
    let receiver = BufReader::new(control.try_clone()?);
    let ended = match &spec.command {
        None => {
            protocol::send(&control, &ToHost::Ready)?;
            thread::spawn(move || serve(receiver, None, &off));
            command::Ended {
                end: End::Exited(0),
                stdout: 0,
                stderr: 0,
            }
        }
        Some(order) => {
            let streams = command::Streams::open(order.terminal)?;
            protocol::send(&control, &ToHost::Ready)?;
            let handles = streams.handles();
            thread::spawn(move || serve(receiver, Some(handles), &off));
            let ended = command::run(order, streams)?;
            leaks::look()?;
            ended
        }
    };
    let report = Report {
        end: ended.end,
        stdout: ended.stdout,
        stderr: ended.stderr,
        tainted: system::tainted()?,
        memory_available_kib: system::memory_available()?,
    };
    protocol::send(&control, &ToHost::Ended(report))?;
    // The host may still be reading output. Without a host there is nothing to wait for.
    let _ = turned_off.recv();
    Ok(())
}

/// Does what the host says.
fn serve(mut control: BufReader<File>, handles: Option<command::Handles>, off: &mpsc::Sender<()>) {
    while let Ok(Some(message)) = protocol::receive(&mut control) {
        match (message, &handles) {
            (ToGuest::PowerOff, _) => {
                let _ = off.send(());
            }
            (ToGuest::StdinEnd(count), Some(handles)) => handles.end_stdin(count),
            (ToGuest::Closed(output), Some(handles)) => handles.close(output),
            (ToGuest::Resize(size), Some(handles)) => handles.resize(size),
            (_, None) => {}
        }
    }
}
