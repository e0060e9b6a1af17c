// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boots the guest and has its program measure.

use crate::marks_file::{self, Marks};
use anyhow::{Context, Result, ensure};
use atomik_bench::{CountsReport, TimesReport};
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The processor: without string instructions, of which each repetition counts as one.
const CPU: &str = "max,-erms,-fsrm";

#[derive(Debug, clap::Args)]
pub struct Guest {
    /// The plugin that counts.
    #[arg(long, value_name = "PATH")]
    pub plugin: PathBuf,
    /// The driver, built already; else that of this tree.
    #[arg(long, value_name = "PATH")]
    pub module: Option<PathBuf>,
    /// The guest's kernel, as qemu/run takes it.
    #[arg(long, value_name = "WHICH", default_value = "")]
    pub kernel: String,
    /// Measure only cases whose name begins so.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
}

/// Requests to the plugin besides counting.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extra {
    /// Count the executions of each instruction.
    pub profile: bool,
    /// Overlook this mark, which must not go unnoticed.
    pub miss: Option<usize>,
}

impl Guest {
    /// Has the cases executed and their instructions counted.
    pub fn counts(&self, rounds: usize, extra: Extra) -> Result<(CountsReport, Marks)> {
        let directory = Path::new("target/bench");
        fs::create_dir_all(directory)?;
        // In the project's own directory, the only one that QEMU's Debian root has.
        let file = tempfile::NamedTempFile::new_in(directory)?;
        let path = fs::canonicalize(file.path())?;
        let mut plugin = format!(
            "{},out={}",
            fs::canonicalize(&self.plugin)?.display(),
            path.display()
        );
        if extra.profile {
            plugin.push_str(",profile=on");
        }
        if let Some(number) = extra.miss {
            plugin.push_str(&format!(",miss={number}"));
        }
        let mut program = self.program("counts", rounds)?;
        if extra.profile {
            program.push("--symbols".to_owned());
        }
        let options = [
            "--steady-time",
            "--cpu",
            CPU,
            "--plugin",
            &plugin,
            // Debian's choice. Without it, another security module's hooks run in each system call.
            "--append",
            "apparmor=1",
        ];
        let report = self.run(&options, &program)?;
        let marks = marks_file::parse(&fs::read_to_string(&path)?)?;
        Ok((report, marks))
    }

    /// Has the cases executed by the clock, and threads side by side.
    pub fn times(&self, rounds: usize) -> Result<TimesReport> {
        self.run(&["--smp", "4"], &self.program("times", rounds)?)
    }

    fn program(&self, what: &str, rounds: usize) -> Result<Vec<String>> {
        let program = std::env::current_exe()?.with_file_name("guest-bench");
        let mut words = vec![
            program.display().to_string(),
            "--rounds".to_owned(),
            rounds.to_string(),
        ];
        words.extend(self.only.iter().map(|name| format!("--only={name}")));
        words.push(what.to_owned());
        Ok(words)
    }

    fn run<T: DeserializeOwned>(&self, options: &[&str], program: &[String]) -> Result<T> {
        let mut command = Command::new("qemu/run");
        if let Some(module) = &self.module {
            command.arg("--module").arg(module);
        }
        if !self.kernel.is_empty() {
            command.args(["--kernel", &self.kernel]);
        }
        for (host, guest) in programs()? {
            command
                .arg("--file")
                .arg(format!("{}={guest}", host.display()));
        }
        command.args(options).arg("--").args(program);
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("qemu/run: call this in the project's directory")?;
        ensure!(
            output.status.success(),
            "the guest's program failed: {}",
            output.status
        );
        serde_json::from_slice(&output.stdout).context("the guest's report")
    }
}

/// Programs to be measured, and their paths in the guest: atomikctl, and the Debian root's `true`.
/// Each only where it exists.
fn programs() -> Result<Vec<(PathBuf, &'static str)>> {
    // Built with a profile of its own, in a directory beside this one's.
    let atomikctl = std::env::current_exe()?.with_file_name("../tool/atomikctl");
    let root = Command::new("qemu/root")
        .stderr(Stdio::inherit())
        .output()
        .context("qemu/root")?;
    ensure!(root.status.success(), "qemu/root: {}", root.status);
    let root = String::from_utf8(root.stdout).context("the root's path")?;
    let paths = [
        (atomikctl, "/usr/bin/atomikctl"),
        (
            Path::new(root.trim_end()).join("usr/bin/true"),
            "/usr/lib/atomik/true",
        ),
    ];
    Ok(paths
        .into_iter()
        .filter(|(host, _)| host.exists())
        .collect())
}
