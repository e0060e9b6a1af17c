// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Tool`]: the command `atomikctl`, as a user of its own runs it.

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// Result of a command.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    /// The exit status.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Expects success without a message, and returns the output.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    /// Expects success, and returns output and messages.
    #[track_caller]
    pub fn said(self) -> (String, String) {
        assert_eq!(self.status, 0, "{self:?}");
        (self.stdout, self.stderr)
    }

    /// Expects this status, no output, and all of these parts in the messages.
    #[track_caller]
    pub fn failed(self, status: i32, said: &[&str]) {
        assert_eq!(
            (self.status, self.stdout.as_str()),
            (status, ""),
            "{self:?}"
        );
        for part in said {
            assert!(self.stderr.contains(part), "{part} in {self:?}");
        }
    }
}

/// `atomikctl` with a runtime directory of its own. Stops sessions that are left when dropped.
#[derive(Debug)]
pub struct Tool {
    directory: PathBuf,
}

impl Tool {
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = PathBuf::from(format!("/tmp/tool-{}-{number}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .expect("make a directory");
        Self { directory }
    }

    /// Makes one with a session `s`.
    pub fn with_session() -> Self {
        let tool = Self::new();
        assert_eq!(tool.run("session start s").ok(), "");
        tool
    }

    /// The runtime directory, for files too.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A command in the same surroundings.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("XDG_RUNTIME_DIR", &self.directory)
            .env_remove("ATOMIK_SESSION")
            .current_dir(&self.directory);
        command
    }

    /// Runs `atomikctl` with these words.
    pub fn run(&self, words: &str) -> Ran {
        self.run_with(words, b"")
    }

    /// Runs `atomikctl` with these words and this input.
    pub fn run_with(&self, words: &str, input: &[u8]) -> Ran {
        let mut command = self.command("atomikctl");
        command.args(words.split_whitespace());
        finish(command, input)
    }

    /// Runs a script of the shell.
    pub fn shell(&self, script: &str) -> Ran {
        let mut command = self.command("/bin/sh");
        command.args(["-c", script]);
        finish(command, b"")
    }
}

/// Runs a command with this input to its end.
pub fn finish(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run the command");
    let mut stdin = child.stdin.take().expect("its input");
    std::thread::scope(|scope| {
        // It may end without reading all.
        scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output().expect("its output");
        Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    })
}

impl Drop for Tool {
    fn drop(&mut self) {
        let sockets = fs::read_dir(self.directory.join("atomik"));
        for entry in sockets.into_iter().flatten().flatten() {
            let file = entry.file_name();
            if let Some(name) = file.to_str().and_then(|file| file.strip_suffix(".socket")) {
                self.run(&format!("session stop {name}"));
            }
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
