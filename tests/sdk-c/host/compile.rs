// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Build`]: a way to compile programs that include the header.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

/// All of these are errors.
const WARNINGS: &[&str] = &[
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Wundef",
    "-Wcast-qual",
    "-Wcast-align",
    "-Werror",
];

/// A compiler and a standard.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    pub compiler: &'static str,
    pub standard: &'static str,
}

/// Each compiler with each standard.
pub const BUILDS: &[Build] = &[
    Build {
        compiler: "gcc",
        standard: "c99",
    },
    Build {
        compiler: "gcc",
        standard: "c11",
    },
    Build {
        compiler: "gcc",
        standard: "c17",
    },
    Build {
        compiler: "clang",
        standard: "c99",
    },
    Build {
        compiler: "clang",
        standard: "c11",
    },
    Build {
        compiler: "clang",
        standard: "c17",
    },
    Build {
        compiler: "g++",
        standard: "c++17",
    },
    Build {
        compiler: "clang++",
        standard: "c++17",
    },
];

/// The header's directory.
pub fn sdk() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/c"))
}

/// The source of a program of these tests.
pub fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("programs")
        .join(name)
}

/// The path of a new file, which nothing else writes.
pub fn output(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()))
}

impl Build {
    /// True for a compiler of C++.
    pub fn cpp(self) -> bool {
        self.standard.starts_with("c++")
    }

    /// Runs the compiler on these sources.
    pub fn compile(self, flags: &[&str], sources: &[&Path], out: &Path) -> Output {
        let mut compiler = Command::new(self.compiler);
        compiler
            .args(WARNINGS)
            .args(flags)
            .arg("-I")
            .arg(sdk())
            .arg("-o")
            .arg(out);
        compiler
            .arg(format!("-std={}", self.standard))
            .args(["-x", if self.cpp() { "c++" } else { "c" }]);
        // Checks that only one of them has.
        match self.compiler {
            "gcc" => compiler.arg("-fanalyzer"),
            "g++" => compiler.arg("-Wuseless-cast"),
            _ => &mut compiler,
        };
        if !self.cpp() {
            compiler.args(["-Wmissing-prototypes", "-Wstrict-prototypes"]);
        }
        let output = compiler.args(sources).output();
        output.unwrap_or_else(|error| {
            panic!("{}: {error}: the compilers are in sdk/root", self.compiler)
        })
    }

    /// Compiles a program; returns its path. Panics where the compiler says anything.
    #[track_caller]
    pub fn link(self, flags: &[&str], sources: &[&Path]) -> PathBuf {
        let name = sources[0]
            .file_stem()
            .expect("a source has a name")
            .to_string_lossy();
        let out = output(&name);
        let said = self.compile(flags, sources, &out);
        assert!(
            said.status.success() && said.stderr.is_empty(),
            "{self:?} {flags:?}: {}",
            String::from_utf8_lossy(&said.stderr)
        );
        out
    }
}

/// Runs a program, removes it, and returns its output. Panics where it fails, or complains.
#[track_caller]
pub fn run(program: &Path) -> String {
    let output = Command::new(program)
        .output()
        .expect("run what was compiled");
    std::fs::remove_file(program).expect("remove what was compiled");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{}: {said}",
        output.status
    );
    String::from_utf8(output.stdout).expect("text")
}
