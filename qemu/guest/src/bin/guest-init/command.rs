// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the command, and cleans up after it.

use crate::pump::{self, Notice};
use anyhow::{Context, Result};
use atomik_guest::ports;
use atomik_guest::protocol::{Command as Order, End, Output, Size, port};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::pty::Winsize;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::tcdrain;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2, setsid};
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

const TERMINAL: &str = "/dev/hvc0";

nix::ioctl_write_ptr_bad!(set_window_size, libc::TIOCSWINSZ, Winsize);
nix::ioctl_write_int_bad!(take_terminal, libc::TIOCSCTTY);

/// The source of the command's input and the destination of its output.
pub enum Streams {
    Terminal(Arc<File>),
    Ports {
        stdin: File,
        stdout: File,
        stderr: File,
        notices: Notices,
    },
}

#[derive(Clone)]
pub struct Notices {
    stdin_end: Notice,
    stdout_closed: Notice,
    stderr_closed: Notice,
}

/// The part of the streams for the thread that listens to the host.
pub enum Handles {
    Terminal(Arc<File>),
    Ports(Notices),
}

impl Streams {
    pub fn open(terminal: bool) -> Result<Self> {
        if terminal {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(TERMINAL)
                .context(TERMINAL)?;
            return Ok(Self::Terminal(Arc::new(file)));
        }
        let notices = Notices {
            stdin_end: Notice::new()?,
            stdout_closed: Notice::new()?,
            stderr_closed: Notice::new()?,
        };
        Ok(Self::Ports {
            stdin: ports::open(port::STDIN)?,
            stdout: ports::open(port::STDOUT)?,
            stderr: ports::open(port::STDERR)?,
            notices,
        })
    }

    pub fn handles(&self) -> Handles {
        match self {
            Self::Terminal(file) => Handles::Terminal(Arc::clone(file)),
            Self::Ports { notices, .. } => Handles::Ports(notices.clone()),
        }
    }
}

impl Handles {
    pub fn end_stdin(&self, count: u64) {
        if let Self::Ports(notices) = self {
            notices.stdin_end.tell(count);
        }
    }

    pub fn close(&self, output: Output) {
        if let Self::Ports(notices) = self {
            match output {
                Output::Stdout => notices.stdout_closed.tell(0),
                Output::Stderr => notices.stderr_closed.tell(0),
            }
        }
    }

    pub fn resize(&self, size: Size) {
        if let Self::Terminal(file) = self {
            let size = Winsize {
                ws_row: size.rows,
                ws_col: size.columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            };
            // SAFETY: the call reads one `Winsize`, and `size` is one that lives till it returns.
            let _ = unsafe { set_window_size(file.as_raw_fd(), &raw const size) };
        }
    }
}

pub struct Ended {
    pub end: End,
    pub stdout: u64,
    pub stderr: u64,
}

pub fn run(order: &Order, streams: Streams) -> Result<Ended> {
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments[1..])
        .arg0(&order.arguments[0]);
    command
        .env_clear()
        .envs(order.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(&order.directory);
    let terminal = matches!(streams, Streams::Terminal(_));
    // SAFETY: between fork and exec this makes system calls only, and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            if terminal {
                take_terminal(libc::STDIN_FILENO, 0)?;
            }
            Ok(())
        });
    }

    let mut outputs = None;
    match &streams {
        Streams::Terminal(file) => {
            command
                .stdin(file.try_clone()?)
                .stdout(file.try_clone()?)
                .stderr(file.try_clone()?);
        }
        Streams::Ports {
            stdin,
            stdout,
            stderr,
            notices,
        } => {
            let (stdin_read, stdin_write) = pipe()?;
            let (stdout_read, stdout_write) = pipe()?;
            let (stderr_read, stderr_write) = pipe()?;
            command
                .stdin(stdin_read)
                .stdout(stdout_write)
                .stderr(stderr_write);
            pump::input(stdin.try_clone()?, stdin_write, notices.stdin_end.clone());
            outputs = Some((
                pump::output(
                    stdout_read,
                    stdout.try_clone()?,
                    notices.stdout_closed.clone(),
                ),
                pump::output(
                    stderr_read,
                    stderr.try_clone()?,
                    notices.stderr_closed.clone(),
                ),
            ));
        }
    }

    let started = command.spawn();
    // It holds the pipes' other ends.
    drop(command);
    let end = match started {
        Ok(child) => wait_for(Pid::from_raw(child.id() as i32))?,
        Err(error) => End::NotRun(error.raw_os_error().unwrap_or(libc::EINVAL)),
    };
    // Processes that the command left behind would keep the pipes open.
    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    reap_all();

    let (mut stdout, mut stderr) = (0, 0);
    if let Some((out, err)) = outputs {
        stdout = out.join().unwrap_or(0);
        stderr = err.join().unwrap_or(0);
    }
    if let Streams::Terminal(file) = &streams {
        let _ = tcdrain(file);
    }
    Ok(Ended {
        end,
        stdout,
        stderr,
    })
}

/// Waits for a process, and takes orphans along.
fn wait_for(pid: Pid) -> Result<End> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(ended, status)) if ended == pid => {
                return Ok(End::Exited(status as u8));
            }
            Ok(WaitStatus::Signaled(ended, signal, _)) if ended == pid => {
                return Ok(End::Killed(signal as u8));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("waiting for the command"),
        }
    }
}

/// A pipe of which only what is handed on reaches the command.
fn pipe() -> nix::Result<(File, File)> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((read.into(), write.into()))
}

fn reap_all() {
    while !matches!(waitpid(None, None), Err(Errno::ECHILD)) {}
}
