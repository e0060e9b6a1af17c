// SPDX-License-Identifier: MIT OR Apache-2.0

//! How install.sh finds and names the processes that have the device open: here, another file.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A process of a given name that has a file open a number of times.
struct User(Child);

impl User {
    fn new(file: &Path, descriptors: u32, name: &str) -> Self {
        let script = r#"for ((i = 10; i < 10 + $2; i++)); do eval "exec $i<\"\$1\""; done
            printf '%s' "$3" >/proc/$$/comm; echo; read -r"#;
        let mut child = Command::new("bash")
            .args(["-c", script, "bash"])
            .arg(file)
            .args([&descriptors.to_string(), name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut ready = BufReader::new(child.stdout.take().unwrap());
        ready.read_line(&mut line).unwrap();
        assert_eq!(line, "\n");
        Self(child)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // It reads its input to the end.
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// Output of `users_of` for a file, with programs found by this PATH.
fn users_of(file: &Path, path: &str) -> String {
    let script = r#"set -euo pipefail
        . packaging/install/messages.sh
        . packaging/install/device.sh
        users_of "$1""#;
    let output = Command::new("/bin/bash")
        .args(["-c", script, "bash"])
        .arg(file)
        .current_dir(PROJECT)
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn names_have_nothing_that_a_terminal_obeys() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let user = User::new(&file, 1, "\x1b[2J\u{9b}é\u{202e} x");
    let expected = format!("{} (?[2J?é? x)\n", user.0.id());
    assert_eq!(users_of(&file, "/usr/bin:/bin"), expected);
}

/// On a machine with thousands of descriptors, a program for each of them takes many seconds.
#[test]
fn programs_are_run_for_all_descriptors_together() {
    let directory = tempfile::tempdir().unwrap();
    let [file, log, programs] = ["file", "log", "programs"].map(|name| directory.path().join(name));
    fs::write(&file, "").unwrap();
    fs::create_dir(&programs).unwrap();
    // Another process writes them: were they open for writing here, a child that another test is
    // just making would have them open too, and executing them would fail with ETXTBSY.
    let script = r#"for program in cat cut find readlink sort; do
            printf '#!/bin/sh\necho >>%s\nexec /usr/bin/%s "$@"\n' "$2" "$program" >"$1/$program"
            chmod 755 "$1/$program"
        done"#;
    let written = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .args([&programs, &log])
        .status()
        .unwrap();
    assert!(written.success());
    let run = |descriptors| {
        fs::write(&log, "").unwrap();
        let user = User::new(&file, descriptors, "user");
        let users = users_of(&file, programs.to_str().unwrap());
        assert_eq!(users, format!("{} (user)\n", user.0.id()));
        fs::read_to_string(&log).unwrap().len()
    };
    assert_eq!(run(200), run(1));
}
