// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boots the guest and has its program measure.

use crate::marks_file::{self, Marks};
use anyhow::{Context, Result, ensure};
use atomik_bench::{CONVENTIONAL_MODULE, CountsReport, TimesReport};
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The processor of x86-64: without string instructions, of which each repetition counts as one.
const CPU: &str = "max,-erms,-fsrm";
/// That of arm64, which has none in the functions that copy for the kernel.
const CPU_ARM: &str = "max";

#[derive(Debug, clap::Args)]
pub struct Guest {
    /// The plugin that counts.
    #[arg(long, value_name = "PATH")]
    pub plugin: PathBuf,
    /// The directory of programs for the guest, of which `tool` and `release` are in use; else
    /// that of this program.
    #[arg(long, value_name = "DIRECTORY")]
    pub programs: Option<PathBuf>,
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
        let mut program = self.program("counts", rounds)?;
        let mut plugin = String::new();
        if extra.profile {
            plugin.push_str(",profile=on");
            program.push("--symbols".to_owned());
        }
        if let Some(number) = extra.miss {
            plugin.push_str(&format!(",miss={number}"));
        }
        self.counted(&["--steady-time"], &plugin, &program)
    }

    /// Has calls counted on one of so many processors that use one table; with `in_turn` not those
    /// where all use it at once.
    pub fn growth(
        &self,
        processors: u16,
        in_turn: bool,
        rounds: usize,
    ) -> Result<(CountsReport, Marks)> {
        let mut program = self.program("growth", rounds)?;
        if in_turn {
            program.push("--in-turn".to_owned());
        }
        self.counted(&side_by_side(&processors.to_string()), "", &program)
    }

    /// Has the stores of two processors collected.
    pub fn written(&self, rounds: usize) -> Result<(CountsReport, Marks)> {
        let program = self.program("written", rounds)?;
        self.counted(&side_by_side("2"), ",stores=on", &program)
    }

    fn counted(
        &self,
        options: &[&str],
        plugin: &str,
        program: &[String],
    ) -> Result<(CountsReport, Marks)> {
        let directory = Path::new("target/bench");
        fs::create_dir_all(directory)?;
        // In the project's own directory, the only one that QEMU's Debian root has.
        let file = tempfile::NamedTempFile::new_in(directory)?;
        let path = fs::canonicalize(file.path())?;
        let plugin = format!(
            "{},out={}{plugin}",
            fs::canonicalize(&self.plugin)?.display(),
            path.display()
        );
        let for_all = [
            "--cpu",
            if self.is_arm()? { CPU_ARM } else { CPU },
            "--plugin",
            &plugin,
            // Debian's choice. Without it, another security module's hooks run in each system call.
            "--append",
            "apparmor=1",
        ];
        let report = self.run(&[&for_all, options].concat(), program)?;
        let marks = marks_file::parse(&fs::read_to_string(&path)?)?;
        Ok((report, marks))
    }

    /// Has the cases executed by the clock, and threads side by side.
    pub fn times(&self, rounds: usize) -> Result<TimesReport> {
        self.run(&["--smp", "4"], &self.program("times", rounds)?)
    }

    fn program(&self, what: &str, rounds: usize) -> Result<Vec<String>> {
        let program = self.programs()?.join("release/guest-bench");
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
        let conventional = output_of(Command::new("qemu/module").args([
            "--source",
            "bench/conventional",
            &self.kernel,
        ]))?;
        let conventional = (PathBuf::from(conventional), CONVENTIONAL_MODULE);
        for (host, guest) in self.carried()?.into_iter().chain([conventional]) {
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

    fn programs(&self) -> Result<PathBuf> {
        match &self.programs {
            Some(directory) => Ok(directory.clone()),
            None => Ok(std::env::current_exe()?.with_file_name("..")),
        }
    }

    fn is_arm(&self) -> Result<bool> {
        Ok(output_of(Command::new("qemu/arch").arg(&self.kernel))? == "arm64")
    }

    /// Programs to be measured, and their paths in the guest: atomikctl, and the Debian root's
    /// `true`. Each only where it exists, and this machine's only where the guest can run it.
    fn carried(&self) -> Result<Vec<(PathBuf, &'static str)>> {
        // Built with a profile of its own.
        let atomikctl = self.programs()?.join("tool/atomikctl");
        let mut paths = vec![(atomikctl, "/usr/bin/atomikctl")];
        if self.programs.is_none() {
            let root = output_of(&mut Command::new("qemu/root"))?;
            let of_root = Path::new(&root).join("usr/bin/true");
            paths.push((of_root, "/usr/lib/atomik/true"));
        }
        Ok(paths
            .into_iter()
            .filter(|(host, _)| host.exists())
            .collect())
    }
}

/// Options for a guest whose processors run side by side. Its time is not steady, and one of one
/// processor is no exception: where time is steady, QEMU counts each repetition of a string
/// instruction.
fn side_by_side(processors: &str) -> [&str; 6] {
    [
        "--smp",
        processors,
        // So that each of many processors needn't try how fast it is.
        "--append",
        "lpj=4000000",
        "--append",
        "tsc=reliable",
    ]
}

/// The last line that a command prints.
fn output_of(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{name}: call this in the project's directory"))?;
    ensure!(output.status.success(), "{name}: {}", output.status);
    let text = String::from_utf8(output.stdout).with_context(|| name.clone())?;
    let line = text
        .lines()
        .last()
        .with_context(|| format!("{name} printed nothing"))?;
    Ok(line.to_owned())
}
