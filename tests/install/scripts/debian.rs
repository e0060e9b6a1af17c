// SPDX-License-Identifier: MIT OR Apache-2.0
//! A Debian without a kernel, in which a script runs as root. Of its own are /etc, /home, /var,
//! /usr/src and the like, all in memory; programs and libraries are those of a root that is shared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const PRELUDE: &str = include_str!("prelude.sh");

/// Directories that are not taken over: the prelude makes them, or bwrap.
const OWN: &[&str] = &[
    "/dev",
    "/etc",
    "/home",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/tmp",
    "/usr/local",
    "/usr/src",
    "/var",
];

/// Directories of which something is not taken over.
const DIVIDED: &[&str] = &["/", "/usr", "/usr/lib"];

/// How a script ended, and what it said.
pub struct Said {
    pub status: i32,
    pub text: String,
}

impl Said {
    /// Asserts that it failed, and said all of this.
    #[track_caller]
    pub fn fails_with(&self, parts: &[&str]) {
        assert_ne!(self.status, 0, "it succeeded:\n{}", self.text);
        self.has(parts);
    }

    #[track_caller]
    pub fn succeeds_with(&self, parts: &[&str]) {
        assert_eq!(self.status, 0, "it failed:\n{}", self.text);
        self.has(parts);
    }

    #[track_caller]
    fn has(&self, parts: &[&str]) {
        for part in parts {
            assert!(
                self.text.contains(part),
                "nothing of {part:?} in:\n{}",
                self.text
            );
        }
        // The shell's own words about a line of a script are no message to a user.
        assert!(!self.text.contains(": line "), "{}", self.text);
    }
}

fn root() -> PathBuf {
    std::env::var_os("ATOMIK_ROOT")
        .expect("ATOMIK_ROOT has the path of a Debian root; tests/install/scripts/run sets it")
        .into()
}

/// bwrap's arguments for what is below `directory`.
fn take_over(root: &Path, directory: &str, arguments: &mut Vec<String>) {
    let from = root.join(&directory[1..]);
    let entries = fs::read_dir(&from).unwrap_or_else(|error| panic!("{from:?}: {error}"));
    for entry in entries {
        let source = entry.unwrap().path();
        let path = format!("/{}", source.strip_prefix(root).unwrap().display());
        if OWN.contains(&path.as_str()) {
            continue;
        }
        if DIVIDED.contains(&path.as_str()) {
            take_over(root, &path, arguments);
        } else if let Ok(target) = fs::read_link(&source) {
            arguments.extend(["--symlink".into(), target.display().to_string(), path]);
        } else {
            arguments.extend(["--ro-bind".into(), source.display().to_string(), path]);
        }
    }
}

static ARGUMENTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = root();
    let mut arguments = Vec::new();
    take_over(&root, "/", &mut arguments);
    arguments
});

/// Runs a script of bash's, which ends with the first command that fails, or that hangs.
pub fn run(script: &str) -> Said {
    // Users are only told apart by root, be it one of its own.
    let mut command = if nix::unistd::geteuid().is_root() {
        Command::new("timeout")
    } else {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-auto", "--map-root-user", "timeout"]);
        command
    };
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = command
        .args(["--kill-after=10", "300", "bwrap"])
        .args(["--die-with-parent", "--unshare-pid"])
        .args(ARGUMENTS.iter())
        .args(["--dev", "/dev", "--proc", "/proc", "--ro-bind"])
        .arg(root())
        .args(["/debian", "--ro-bind"])
        .arg(project)
        .args(["/project", "--clearenv", "--setenv", "HOME", "/root"])
        .args(["--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin"])
        .args(["--chdir", "/", "/bin/bash", "-c"])
        .arg(format!("exec 2>&1\n{PRELUDE}\n{script}"))
        .output()
        .expect("bwrap starts");
    let said = Said {
        status: output.status.code().unwrap_or(-1),
        text: String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
    };
    // Shown where the test fails.
    println!("{}", said.text);
    said
}

/// Runs a script that is to succeed.
#[track_caller]
pub fn must(script: &str) -> String {
    let said = run(script);
    said.succeeds_with(&[]);
    said.text
}
