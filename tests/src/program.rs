// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that a test carries with it.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// Writes a program to `path`, ready to be run.
///
/// Another process does it: were the file open for writing here, a child that another thread is just making would
/// have it open too, and running it would fail with ETXTBSY.
///
/// # Panics
///
/// Where it can't be written.
pub fn place(path: &Path, bytes: &[u8]) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", r#"cat >"$1" && chmod 755 "$1""#, "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut input = writer.stdin.take().expect("its input");
    input.write_all(bytes).expect("write the program");
    drop(input);
    assert!(writer.wait().expect("the shell's end").success());
}
