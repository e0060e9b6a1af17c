// SPDX-License-Identifier: MIT OR Apache-2.0
//! A full Debian in QEMU, booted from its disk, that runs jobs as its users.

use crate::firmware::Firmware;
use anyhow::{Context, Result, anyhow, bail, ensure};
use atomik_guest::log;
use atomik_guest::qemu::{Architecture, Qemu};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a busy machine.
const BOOT: Duration = Duration::from_secs(600);
const SHUTDOWN: Duration = Duration::from_secs(300);
const JOB: Duration = Duration::from_secs(2400);

/// The root disk is the only NVMe drive, as two may come in either order. Its driver is built into
/// the cloud kernels, so they need no initramfs.
pub const KERNEL_ARGUMENTS: [&str; 3] = ["root=/dev/nvme0n1", "rw", "systemd.show_status=no"];

/// The machine in which the guest runs.
pub fn qemu(in_root: &Path, architecture: Architecture, smp: u16) -> Qemu<'_> {
    Qemu {
        in_root,
        architecture,
        accel: "tcg,thread=multi,tb-size=512",
        cpu: "max",
        smp,
        mem: "3G",
    }
}

/// Starts the other processor. It takes no part in the boot; `atomik_guest::qemu` says why.
const START_PROCESSORS: &str = "echo 1 >/sys/devices/system/cpu/cpu1/online";

/// The guest ended or hung before it took a job, and before it loaded anything of ours.
#[derive(Debug)]
pub struct NotBooted;

impl std::error::Error for NotBooted {}

impl std::fmt::Display for NotBooted {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("the guest did not boot")
    }
}

/// The disks of a guest, and its logs.
pub struct Machine<'a> {
    pub in_root: &'a Path,
    /// The directory for its logs.
    pub directory: &'a Path,
    /// The overlay that takes all changes.
    pub disk: &'a Path,
    /// A tar as a second disk: the sources.
    pub sources: &'a Path,
}

/// What a boot loader would start.
pub struct Kernel {
    pub architecture: Architecture,
    pub image: PathBuf,
    pub initrd: Option<PathBuf>,
}

/// What starts the guest's kernel.
#[derive(Clone, Copy)]
pub enum Start<'a> {
    /// QEMU, with this one.
    Kernel(&'a Kernel),
    /// Firmware and the boot loader, with the one of the guest's disk.
    Firmware(&'a Firmware),
}

pub struct Guest {
    child: Child,
    jobs: ChildStdin,
    lines: Receiver<String>,
    log: PathBuf,
    data: PathBuf,
    transcript: File,
}

/// How a job ended, and what it said.
pub struct Outcome {
    pub status: i32,
    pub text: String,
    pub took: Duration,
}

impl Outcome {
    pub fn ok(&self) -> bool {
        self.status == 0
    }
}

impl Machine<'_> {
    /// Boots the `number`th time, and waits till the guest takes jobs. Returns the release that it
    /// says it runs.
    pub fn boot(&self, number: u32, start: Start) -> Result<(Guest, String, Duration)> {
        let started = Instant::now();
        let log = self.directory.join(format!("kernel-{number}.log"));
        let data = self.directory.join(format!("data-{number}"));
        let transcript = File::create(self.directory.join(format!("jobs-{number}.log")))?;
        let messages = File::create(self.directory.join(format!("qemu-{number}.log")))?;
        let (mut command, smp) = match start {
            Start::Kernel(kernel) => {
                let qemu = qemu(self.in_root, kernel.architecture, 2);
                let mut command = qemu.command(&kernel.image, KERNEL_ARGUMENTS);
                if let Some(initrd) = &kernel.initrd {
                    command.arg("-initrd").arg(initrd);
                }
                (command, qemu.smp)
            }
            Start::Firmware(firmware) => (firmware.command(self.in_root), Firmware::SMP),
        };
        let mut child = command
            .arg("-drive")
            .arg(format!(
                "if=none,id=disk,format=qcow2,cache=unsafe,file={}",
                self.disk.display()
            ))
            .args(["-device", "nvme,serial=disk,drive=disk"])
            .arg("-drive")
            .arg(format!(
                "if=none,id=sources,format=raw,read-only=on,file={}",
                self.sources.display()
            ))
            .args(["-device", "virtio-blk-pci,drive=sources"])
            .args([
                "-chardev",
                "stdio,id=job,signal=off",
                "-device",
                "virtserialport,chardev=job,name=atomik.job",
            ])
            .arg("-chardev")
            .arg(format!("file,id=data,path={}", data.display()))
            .args(["-device", "virtserialport,chardev=data,name=atomik.data"])
            .arg("-serial")
            .arg(format!("file:{}", log.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(messages)
            .spawn()
            .context("could not start QEMU")?;
        let jobs = child.stdin.take().context("no pipe to QEMU")?;
        let output = child.stdout.take().context("no pipe from QEMU")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            // Output of programs need not be text.
            while matches!(output.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line)
                    .trim_end_matches('\n')
                    .to_owned();
                line.clear();
                if sender.send(text).is_err() {
                    break;
                }
            }
        });
        let mut guest = Guest {
            child,
            jobs,
            lines,
            log,
            data,
            transcript,
        };
        match guest.await_boot(smp) {
            Ok(release) => Ok((guest, release, started.elapsed())),
            Err(error) if guest.log()?.contains("atomik: ") => Err(error),
            Err(error) => Err(error.context(NotBooted)),
        }
    }
}

impl Guest {
    /// Waits till the guest takes jobs, and has its processors. Returns the release that it says it
    /// runs.
    fn await_boot(&mut self, smp: u16) -> Result<String> {
        let release = self.expect('!', BOOT, &mut String::new())?;
        if smp > 1 {
            self.must("root", START_PROCESSORS)?;
        }
        Ok(release)
    }

    /// The kernel's.
    fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// Waits for a line that starts with `mark`; the lines of output before it are collected.
    fn expect(&mut self, mark: char, limit: Duration, text: &mut String) -> Result<String> {
        let end = Instant::now() + limit;
        loop {
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(mark) {
                        return Ok(rest.to_owned());
                    }
                    if let Some(rest) = line.strip_prefix('|') {
                        writeln!(self.transcript, "{rest}")?;
                        text.push_str(rest);
                        text.push('\n');
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "nothing came for {} s; the output so far:\n{text}",
                        limit.as_secs()
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the guest ended. Its log:\n{}", log::excerpt(&self.log()?))
                }
            }
        }
    }

    fn send(&mut self, user: &str, script: &str) -> Result<()> {
        writeln!(
            self.transcript,
            "\n[{user}] {}",
            script.replace('\n', "\n    ")
        )?;
        write!(self.jobs, "{user} {}\n{script}", script.len())?;
        self.jobs.flush()?;
        Ok(())
    }

    /// Runs a script in a fresh login of the user.
    pub fn run(&mut self, user: &str, script: &str) -> Result<Outcome> {
        let started = Instant::now();
        self.send(user, script)?;
        let mut text = String::new();
        let status = self
            .expect('=', JOB, &mut text)
            .with_context(|| format!("{user} could not run: {script}"))?
            .parse()?;
        let took = started.elapsed();
        writeln!(
            self.transcript,
            "[status {status} after {} s]",
            took.as_secs()
        )?;
        Ok(Outcome { status, text, took })
    }

    /// Runs a script that has to succeed, as otherwise there is nothing to test.
    pub fn must(&mut self, user: &str, script: &str) -> Result<String> {
        let outcome = self.run(user, script)?;
        ensure!(
            outcome.ok(),
            "{user}: status {} of: {script}\n{}",
            outcome.status,
            outcome.text
        );
        Ok(outcome.text)
    }

    /// Returns the bytes that a script of root's writes to file 4.
    pub fn data(&mut self, script: &str) -> Result<Vec<u8>> {
        let before = fs::metadata(&self.data)?.len();
        self.must(
            "root",
            &format!("exec 4>/dev/virtio-ports/atomik.data\n{script}"),
        )?;
        let mut file = File::open(&self.data)?;
        file.seek(SeekFrom::Start(before))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Shuts down as a user would, and fails if the kernel had anything to complain about. The
    /// guest stays off; whoever wants a reboot boots it again.
    pub fn shut_down(mut self) -> Result<()> {
        // Whether the job still gets to say that it has ended is a matter of luck, so nobody
        // listens.
        self.send("root", "systemctl --no-block reboot")?;
        let end = Instant::now() + SHUTDOWN;
        while self.child.try_wait()?.is_none() {
            ensure!(
                Instant::now() < end,
                "the guest did not shut down in {} s",
                SHUTDOWN.as_secs()
            );
            thread::sleep(Duration::from_millis(100));
        }
        let log = self.log()?;
        if log::complaints(&log).is_empty() {
            Ok(())
        } else {
            Err(anyhow!(
                "the guest's kernel complained:\n{}",
                log::excerpt(&log)
            ))
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Gone already after an orderly end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
