// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Program`]: a program that a test carries with it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A program in a file of its own, which is removed when this is dropped.
#[derive(Debug)]
pub struct Program(PathBuf);

impl Program {
    /// Writes the program to a file of this test, ready to be executed.
    ///
    /// Another process writes it: were the file open for writing here, a child that another thread
    /// is just making would have it open too, and executing it would fail with ETXTBSY.
    ///
    /// # Panics
    ///
    /// Where it can't be written.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default().replace("::", "-");
        let path = PathBuf::from(format!("/tmp/{name}-{test}-{}", std::process::id()));
        let mut writer = Command::new("/bin/sh")
            .args(["-c", r#"cat >"$1" && chmod 755 "$1""#, "sh"])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut input = writer.stdin.take().expect("its input");
        input.write_all(bytes).expect("write the program");
        drop(input);
        assert!(writer.wait().expect("the shell's end").success());
        Self(path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Executes it, expects success without a complaint, and returns its output.
    #[track_caller]
    pub fn output(&self) -> String {
        let output = Command::new(&self.0).output().expect("execute it");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{}: {said}",
            output.status
        );
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}
