// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scenarios: what users do with install.sh, and what they may expect of it. Here is what all
//! share.

mod claims;
mod files;
mod metadata;
mod packages;
mod refusal;
mod secure_boot;
mod undo;
mod upgrade;

pub use metadata::metadata;
pub use packages::packages;
pub use refusal::refusal;
pub use secure_boot::secure_boot;
pub use undo::undo;
pub use upgrade::{install, point_release, upgrade};

use crate::guest::{Guest, Kernel, Machine, NotBooted, Outcome, Start};
use anyhow::{Context, Result, ensure};
use atomik_guest::{boots, qemu::Architecture};
use files::Files;
use std::cell::Cell;
use std::fmt::Display;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// For a fresh login of alice.
const INSTALL: &str = "cd atomik && sudo ./install.sh --yes";
const UNINSTALL: &str = "cd atomik && sudo ./install.sh --yes --uninstall";

/// Paths on the host.
pub struct Paths {
    /// The images; `tests/install/image` says what is in them.
    pub cloud: PathBuf,
    pub full: PathBuf,
    pub arm: PathBuf,
    pub in_root: PathBuf,
    /// The script that makes Debian roots with more packages.
    pub layer: PathBuf,
    pub sources: PathBuf,
    pub cache: PathBuf,
    /// The directory for records of kernels that passed, or failed; see `kernel-table`.
    pub records: PathBuf,
    pub started: Instant,
}

/// The flavour of a scenario's kernels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// cloud-amd64, which is small, and boots from the disk by drivers that are built in.
    Cloud,
    /// amd64, whose drivers are modules, so that it boots by an initramfs.
    Full,
    /// cloud-arm64, which is to arm64 what cloud-amd64 is to x86-64.
    Arm,
}

/// A disk of its own, and the claims that were tested with it.
pub struct Scenario<'a> {
    name: &'static str,
    flavour: Flavour,
    paths: &'a Paths,
    directory: TempDir,
    boots: u32,
    /// The logs of the boots that were repeated.
    repeated: Vec<String>,
    passed: u32,
    failed: u32,
    /// Kernels, and what was done with each.
    done: Vec<(String, &'static str)>,
}

impl Paths {
    fn image(&self, flavour: Flavour) -> &Path {
        match flavour {
            Flavour::Cloud => &self.cloud,
            Flavour::Full => &self.full,
            Flavour::Arm => &self.arm,
        }
    }
}

impl<'a> Scenario<'a> {
    /// Runs it. Returns how many claims held, how many did not, and a note to print last of all.
    pub fn run(
        name: &'static str,
        flavour: Flavour,
        paths: &'a Paths,
        body: impl FnOnce(&mut Scenario) -> Result<()>,
    ) -> (u32, u32, Option<String>) {
        let mut scenario = match Scenario::new(name, flavour, paths) {
            Ok(scenario) => scenario,
            Err(error) => {
                println!("test install::{name} ... FAILED: {error:#}");
                return (0, 1, None);
            }
        };
        if let Err(error) = body(&mut scenario) {
            scenario.check("goes_on", false, format!("{error:#}"));
        }
        if scenario.failed > 0 {
            match scenario.keep_logs() {
                Ok(kept) => eprintln!("atomik: the logs of {name} are in {}", kept.display()),
                Err(error) => eprintln!("atomik: the logs of {name} are lost: {error:#}"),
            }
        }
        if let Err(error) = scenario.record() {
            eprintln!("atomik: {name} could not be recorded: {error:#}");
        }
        let note = boots::note(&scenario.repeated);
        (scenario.passed, scenario.failed, note)
    }

    fn record(&self) -> Result<()> {
        fs::create_dir_all(&self.paths.records)?;
        let result = if self.failed == 0 { "passed" } else { "failed" };
        for (release, what) in &self.done {
            fs::write(
                self.paths.records.join(format!("{what}-{release}")),
                format!("{release}\t{what}\t{result}\n"),
            )?;
        }
        Ok(())
    }

    fn new(name: &'static str, flavour: Flavour, paths: &'a Paths) -> Result<Self> {
        let run = paths.cache.join("run");
        fs::create_dir_all(&run)?;
        let directory = TempDir::with_prefix_in(format!("{}-", std::process::id()), run)?;
        let status = Command::new(&paths.in_root)
            .args(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
            .arg(paths.image(flavour).join("disk.img"))
            .arg(directory.path().join("disk.qcow2"))
            .status()?;
        ensure!(status.success(), "qemu-img: {status}");
        Ok(Scenario {
            name,
            flavour,
            paths,
            directory,
            boots: 0,
            repeated: Vec::new(),
            passed: 0,
            failed: 0,
            done: Vec::new(),
        })
    }

    fn keep_logs(&self) -> Result<PathBuf> {
        let kept = self
            .paths
            .cache
            .join("log")
            .join(format!("install-{}", self.name));
        let _ = fs::remove_dir_all(&kept);
        fs::create_dir_all(&kept)?;
        for file in fs::read_dir(self.directory.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                fs::copy(
                    &path,
                    kept.join(path.file_name().context("a file without a name")?),
                )?;
            }
        }
        Ok(kept)
    }

    /// Keeps the log of one boot, as [`Scenario::keep_logs`] does when something failed.
    fn keep_log(&self, number: u32) -> Result<String> {
        let logs = self.paths.cache.join("log");
        fs::create_dir_all(&logs)?;
        let kept = logs.join(format!("install-{}-boot-{number}.log", self.name));
        fs::copy(
            self.directory.path().join(format!("kernel-{number}.log")),
            &kept,
        )?;
        Ok(kept.display().to_string())
    }

    fn say(&self, text: impl Display) {
        eprintln!(
            "atomik [{:4}s] {}: {text}",
            self.paths.started.elapsed().as_secs(),
            self.name
        );
    }

    /// Reports a claim, and where it does not hold, the text `otherwise`.
    fn check(&mut self, claim: &str, holds: bool, otherwise: impl Display) {
        let end = if holds {
            "ok".to_owned()
        } else {
            format!("FAILED\n{otherwise}")
        };
        println!("test install::{}::{claim} ... {end}", self.name);
        if holds {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    fn check_outcome(&mut self, claim: &str, outcome: &Outcome, holds: bool) {
        self.check(
            claim,
            holds,
            format!("status {}, output:\n{}", outcome.status, outcome.text),
        );
    }

    fn check_same(&mut self, claim: &str, before: &Files, after: &Files) {
        let changes = before.changes(after);
        self.check(claim, changes.is_empty(), changes.join("\n"));
    }

    fn image(&self) -> &Path {
        self.paths.image(self.flavour)
    }

    /// A release that the image names.
    fn release(&self, which: &str) -> Result<String> {
        Ok(fs::read_to_string(self.image().join(which))?
            .trim()
            .to_owned())
    }

    /// A kernel in a directory that has what /boot has.
    fn kernel(&self, directory: &Path, release: &str) -> Kernel {
        let initrd = directory.join(format!("initrd.img-{release}"));
        Kernel {
            architecture: Architecture::of_release(release),
            image: directory.join(format!("vmlinuz-{release}")),
            initrd: (self.flavour == Flavour::Full).then_some(initrd),
        }
    }

    /// Boots a kernel of the image.
    fn boot(&mut self, release: &str) -> Result<Guest> {
        let kernel = self.kernel(self.image(), release);
        self.start(release, Start::Kernel(&kernel))
    }

    fn start(&mut self, release: &str, start: Start) -> Result<Guest> {
        let disk = self.directory.path().join("disk.qcow2");
        let machine = Machine {
            in_root: &self.paths.in_root,
            directory: self.directory.path(),
            disk: &disk,
            sources: &self.paths.sources,
        };
        let count = Cell::new(self.boots);
        let mut repeated = Vec::new();
        let booted = boots::until_answered(
            || {
                count.set(count.get() + 1);
                self.say(format_args!("booting {release}"));
                Ok(machine.boot(count.get(), start))
            },
            |booted| booted.as_ref().is_err_and(|error| error.is::<NotBooted>()),
            |_, _| {
                self.say("the guest ended or hung before it took a job; booting it again");
                repeated.push(self.keep_log(count.get())?);
                Ok(())
            },
        )?;
        self.boots = count.get();
        self.repeated.extend(repeated);
        let (guest, running, took) = booted?;
        ensure!(
            running == release,
            "the guest runs {running} instead of {release}"
        );
        self.say(format_args!("booted in {} s", took.as_secs()));
        Ok(guest)
    }

    /// Reboots into a kernel that the guest has, as a boot loader would.
    fn reboot(&mut self, mut guest: Guest, release: &str) -> Result<Guest> {
        let kernel = self.kernel(self.directory.path(), release);
        for file in iter::once(&kernel.image).chain(&kernel.initrd) {
            let name = file.strip_prefix(self.directory.path())?;
            let data = guest.data(&format!("cat /boot/{} >&4", name.display()))?;
            fs::write(file, data)?;
        }
        guest.shut_down()?;
        self.start(release, Start::Kernel(&kernel))
    }

    /// Runs a command of alice's, and says how long it took.
    fn timed(&self, guest: &mut Guest, what: &str, script: &str) -> Result<Outcome> {
        self.say(what);
        let outcome = guest.run("alice", script)?;
        self.say(format_args!(
            "{what}: status {} after {} s",
            outcome.status,
            outcome.took.as_secs()
        ));
        Ok(outcome)
    }
}

/// Puts the sources into alice's home, with the programs as the newest files of all, since otherwise
/// install.sh would build them again. Puts links to the kernels' Rust metadata into install.sh's
/// cache.
fn unpack(guest: &mut Guest) -> Result<()> {
    have_metadata(guest)?;
    guest.must(
        "root",
        "mkdir ~alice/atomik && cd ~alice/atomik && tar -x --no-same-owner -f /dev/vda && \
         chown -R alice: . && touch target/guest/*/tool/atomik*",
    )?;
    Ok(())
}

fn have_metadata(guest: &mut Guest) -> Result<()> {
    guest.must(
        "root",
        "mkdir -p /var/cache/atomik/kernel && ln -sfn -t /var/cache/atomik/kernel /srv/metadata/*",
    )?;
    Ok(())
}
