// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::limit::waiting;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A guest that runs a program which answers a line with a line. It loses its power when dropped.
pub struct Guest {
    name: String,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Guest {
    /// Boots one with a network, and a kernel as qemu/run takes it. `files` go to /usr/bin; the
    /// first is the program. What it and the guest say besides goes to the end of the file `log`.
    pub fn boot(
        scripts: &Path,
        kernel: &str,
        name: &str,
        files: &[&Path],
        log: &Path,
    ) -> Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut run = Command::new(scripts.join("run"));
        // The run has a limit of its own.
        run.args(["--network", "--timeout", "1000000", "--kernel", kernel]);
        let mut program = None;
        for file in files {
            let inside = Path::new("/usr/bin").join(file.file_name().context("a file's name")?);
            run.arg("--file")
                .arg(format!("{}={}", file.display(), inside.display()));
            program.get_or_insert(inside);
        }
        let mut child = run
            .arg("--")
            .arg(program.context("a guest needs a program")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("qemu/run")?;
        Ok(Self {
            name: name.to_owned(),
            commands: child.stdin.take().context("stdin")?,
            answers: BufReader::new(child.stdout.take().context("stdout")?),
            child,
        })
    }

    /// Gives the program a line. [`answer`](Self::answer) must follow.
    pub fn tell(&mut self, command: &str) -> Result<()> {
        writeln!(self.commands, "{command}")
            .with_context(|| format!("{}: the guest has ended before: {command}", self.name))
    }

    /// The program's answer.
    pub fn answer(&mut self) -> Result<String> {
        waiting(&format!("for an answer of {}", self.name));
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("{}: the guest has ended", self.name);
        }
        match line.trim_end().split_once(' ') {
            Some(("error", why)) => bail!("{}: {why}", self.name),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Gives a line and waits for the answer.
    pub fn ask(&mut self, command: &str) -> Result<String> {
        self.tell(command)?;
        self.answer().with_context(|| command.to_owned())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // QEMU dies with its runner.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
