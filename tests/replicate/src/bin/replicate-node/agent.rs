// SPDX-License-Identifier: MIT OR Apache-2.0

use anyhow::{Context, Result, ensure};
use atomik::Device;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// The status by which an agent ends that may be started again.
const AGAIN: i32 = 1;

/// The agent of the table, a child that inherits the open file.
pub struct Agent {
    pub device: Device,
    arguments: Vec<String>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// Tells once that it has joined, and ends with its output.
    joined: Receiver<()>,
}

impl Agent {
    pub fn new(device: Device, arguments: Vec<String>) -> Self {
        Self {
            device,
            arguments,
            running: None,
        }
    }

    /// Starts it. The device's file is its standard input, so it has the number 0.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.running.is_none(), "the agent is running");
        let mut child = Command::new("/usr/bin/atomik-replicate")
            .arg("join")
            .args(&self.arguments)
            .args(["--fd", "0"])
            .stdin(self.device.try_clone()?.into_fd()?)
            .stdout(Stdio::piped())
            .spawn()
            .context("/usr/bin/atomik-replicate")?;
        let joined = follow(child.stdout.take().context("its output")?);
        self.running = Some(Running { child, joined });
        Ok(())
    }

    /// Waits till it says that it has joined.
    pub fn joined(&mut self) -> Result<()> {
        loop {
            let running = self.running.as_mut().context("no agent is running")?;
            if running.joined.recv().is_ok() {
                return Ok(());
            }
            running.child.wait()?;
            self.supervise()?;
        }
    }

    /// Starts it again where it has ended by status 1, as systemd would: where it finds no server,
    /// say. Fails where it has ended otherwise.
    pub fn supervise(&mut self) -> Result<()> {
        if let Some(running) = &mut self.running {
            if let Some(status) = running.child.try_wait()? {
                ensure!(status.code() == Some(AGAIN), "the agent ended: {status}");
                self.running = None;
                self.start()?;
            }
        }
        Ok(())
    }

    /// Ends it at whatever it is doing.
    pub fn kill(&mut self) -> Result<()> {
        let status = self.end(Signal::SIGKILL)?;
        ensure!(
            status.signal() == Some(Signal::SIGKILL as i32) || status.code() == Some(AGAIN),
            "the agent had ended: {status}"
        );
        Ok(())
    }

    /// Tells it to end.
    pub fn stop(&mut self) -> Result<()> {
        let status = self.end(Signal::SIGTERM)?;
        ensure!(status.success(), "the agent, told to end, ended: {status}");
        Ok(())
    }

    fn end(&mut self, signal: Signal) -> Result<ExitStatus> {
        let Running { mut child, .. } = self.running.take().context("no agent is running")?;
        kill(Pid::from_raw(child.id() as i32), signal)?;
        Ok(child.wait()?)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// Passes what an agent prints on to standard error.
fn follow(output: ChildStdout) -> Receiver<()> {
    let (tell, joined) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            eprintln!("{line}");
            if line.starts_with("joined ") {
                // Nobody may be waiting any more.
                let _ = tell.send(());
            }
        }
    });
    joined
}
