// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that a program needs besides itself: its dynamic loader and libraries, or its script's
//! interpreter.

use crate::initramfs::{Tree, below};
use anyhow::{Context, Result, bail};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// A program with a dynamic loader.
    Dynamic(PathBuf),
    /// A script with the words of its first line.
    Script(Vec<String>),
    /// Static, or nothing that the kernel would execute.
    Alone,
}

/// How much of a file to read: the program headers follow the ELF header, and the loader's name
/// comes soon.
const HEAD: u64 = 1 << 16;

/// Programs of the host; those that were built in the Debian root take libraries from there.
pub struct Programs<'a> {
    pub in_root: &'a Path,
    pub root: &'a Path,
    /// The host's PATH.
    pub path: &'a OsStr,
    /// Whether the guest is of another architecture than the host, whose own programs it can't run.
    pub foreign: bool,
}

impl Programs<'_> {
    /// Finds a name as a shell would.
    pub fn find(&self, name: &OsStr) -> Option<PathBuf> {
        std::env::split_paths(self.path)
            .map(|directory| directory.join(name))
            .find(|path| is_executable(path) && self.runs(path))
    }

    /// Whether the guest can run what is at a path of the host.
    pub fn runs(&self, path: &Path) -> bool {
        path.exists() && (!self.foreign || !is_of_host(path))
    }

    /// Carries into the guest all that the program at a path of the host needs.
    pub fn add_needs(&self, tree: &mut Tree, program: &Path) -> Result<()> {
        let mut head = Vec::new();
        File::open(program)
            .and_then(|file| file.take(HEAD).read_to_end(&mut head))
            .with_context(|| program.display().to_string())?;
        match kind(&head) {
            Kind::Alone => Ok(()),
            Kind::Dynamic(loader) => self.add_libraries(tree, &loader, program),
            Kind::Script(words) => self
                .add_interpreter(tree, &words)
                .with_context(|| format!("the script {}", program.display())),
        }
    }

    fn add_libraries(&self, tree: &mut Tree, loader: &Path, program: &Path) -> Result<()> {
        // A program that was built in the Debian root may ask for newer libraries than the host has.
        let mut on_host = Command::new(loader);
        let mut in_root = Command::new(self.in_root);
        in_root.arg(loader);
        let mut failure = String::new();
        for (root, command) in [(Path::new("/"), &mut on_host), (self.root, &mut in_root)] {
            match libraries(command.arg("--list").arg(program)) {
                Ok(found) => {
                    for path in found.iter().map(PathBuf::as_path).chain([loader]) {
                        tree.carry(root, path)?;
                    }
                    return Ok(());
                }
                Err(error) => failure.push_str(&format!("\n{error:#}")),
            }
        }
        bail!(
            "the libraries of {} were found neither on the host nor in the Debian root:{failure}",
            program.display()
        )
    }

    fn add_interpreter(&self, tree: &mut Tree, words: &[String]) -> Result<()> {
        let Some(interpreter) = words.first() else {
            bail!("its #! names no interpreter");
        };
        self.add_program(tree, Path::new(interpreter))?;
        if Path::new(interpreter).file_name() == Some(OsStr::new("env")) {
            let name = words[1..]
                .iter()
                .find(|word| !word.starts_with('-') && !word.contains('='));
            let name = name.context("its #! names no program after env")?;
            let found = self
                .find(OsStr::new(name))
                .with_context(|| format!("{name}: not in PATH"))?;
            self.add_program(tree, &found)?;
        }
        Ok(())
    }

    /// Carries a program of the host with what it needs. Where the guest can't run it, the guest's
    /// own has to do.
    pub fn add_program(&self, tree: &mut Tree, program: &Path) -> Result<()> {
        if program.exists() && !self.runs(program) {
            if tree.contains(program) {
                return Ok(());
            }
            bail!(
                "{} is a program of this machine, which the guest, of another architecture, can't \
                 run. Build it for the guest, or take one of busybox's",
                program.display()
            );
        }
        let real = tree.carry(Path::new("/"), program)?;
        self.add_needs(tree, &below(Path::new("/"), &real))
    }
}

/// Whether a program is for this machine, as this one is.
fn is_of_host(path: &Path) -> bool {
    let machine = |path: &Path| -> Option<[u8; 2]> {
        let mut head = [0; 20];
        File::open(path).ok()?.read_exact(&mut head).ok()?;
        let [rest @ .., a, b] = head;
        rest.starts_with(&elf::ELFMAG).then_some([a, b])
    };
    machine(path).is_some_and(|of| machine(Path::new("/proc/self/exe")) == Some(of))
}

fn is_executable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file()
}

fn kind(head: &[u8]) -> Kind {
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|&b| b == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        return Kind::Script(line.split_whitespace().map(str::to_owned).collect());
    }
    let loader = match head.get(4) {
        Some(&elf::ELFCLASS64) => loader::<elf::FileHeader64<Endianness>>(head),
        Some(&elf::ELFCLASS32) => loader::<elf::FileHeader32<Endianness>>(head),
        _ => None,
    };
    match loader {
        Some(path) => Kind::Dynamic(path),
        None => Kind::Alone,
    }
}

fn loader<Elf: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<PathBuf> {
    let header = Elf::parse(head).ok()?;
    let endian = header.endian().ok()?;
    header
        .program_headers(endian, head)
        .ok()?
        .iter()
        .find_map(|segment| {
            let name = segment.interpreter(endian, head).ok()??;
            Some(PathBuf::from(OsStr::from_bytes(name)))
        })
}

/// Runs a loader with `--list`.
fn libraries(command: &mut Command) -> Result<Vec<PathBuf>> {
    let output = command
        .env_remove("LD_PRELOAD")
        .output()
        .with_context(|| format!("{command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || text.contains("=> not found") {
        bail!(
            "{}{}",
            text,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(listed(&text))
}

/// The paths in a loader's list. The kernel's own vdso has none.
fn listed(text: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let line = line.rsplit_once(" (0x").map_or(line, |(before, _)| before);
        let path = line
            .split_once(" => ")
            .map_or(line, |(_, after)| after)
            .trim();
        path.starts_with('/').then(|| PathBuf::from(path))
    };
    text.lines().filter_map(path).collect()
}

/// Whether a file of the host is one that the kernel could execute.
pub fn is_program(path: &Path) -> bool {
    is_executable(path) && fs::metadata(path).is_ok_and(|m| m.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_of_scripts() {
        let words = |text: &str| Kind::Script(text.split_whitespace().map(str::to_owned).collect());
        assert_eq!(kind(b"#!/bin/sh\necho"), words("/bin/sh"));
        assert_eq!(
            kind(b"#! /usr/bin/env -S python3 -E\n"),
            words("/usr/bin/env -S python3 -E")
        );
        assert_eq!(kind(b"just text"), Kind::Alone);
        assert_eq!(kind(b""), Kind::Alone);
        assert_eq!(kind(b"\x7fELF\x02 but cut"), Kind::Alone);
    }

    #[test]
    fn a_dynamic_program_names_its_loader() {
        let program = fs::read("/bin/sh").unwrap();
        let Kind::Dynamic(loader) = kind(&program) else {
            panic!("the test's shell is not dynamic");
        };
        assert!(loader.to_str().unwrap().contains("ld"), "{loader:?}");
    }

    #[test]
    fn lists_of_loaders() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
                    \t/opt/with space/lib.so (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n\
                    \tstatically linked\n";
        let expected = [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/opt/with space/lib.so",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(listed(text), expected.map(PathBuf::from));
    }

    #[test]
    fn needs_of_programs_and_scripts() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        let programs = Programs {
            in_root: Path::new("/bin/false"),
            root: Path::new("/"),
            path: OsStr::new("/usr/bin:/bin"),
            foreign: false,
        };
        let mut tree = Tree::default();
        programs
            .add_program(&mut tree, Path::new("/bin/sh"))
            .unwrap();
        assert!(tree.contains(Path::new("/bin/sh")));
        let Kind::Dynamic(loader) = kind(&fs::read("/bin/sh").unwrap()) else {
            panic!("the test's shell is not dynamic");
        };
        assert!(tree.contains(&loader));

        let script = here.join("script");
        fs::write(&script, "#!/usr/bin/env sh\n").unwrap();
        let mut tree = Tree::default();
        programs.add_program(&mut tree, &script).unwrap();
        assert!(tree.contains(&script) && tree.contains(&programs.find(OsStr::new("sh")).unwrap()));

        fs::write(&script, "#!/no/such/interpreter\n").unwrap();
        assert!(programs.add_program(&mut Tree::default(), &script).is_err());
        fs::write(&script, "#!\n").unwrap();
        assert!(programs.add_program(&mut Tree::default(), &script).is_err());
        assert!(programs.find(OsStr::new("no-such-program")).is_none());
    }

    #[test]
    fn a_guest_of_another_architecture_takes_none_of_the_hosts_programs() {
        let directory = tempfile::tempdir().unwrap();
        let programs = Programs {
            in_root: Path::new("/bin/false"),
            root: Path::new("/"),
            path: OsStr::new("/usr/bin:/bin"),
            foreign: true,
        };
        assert!(programs.find(OsStr::new("sh")).is_none());
        let mut tree = Tree::default();
        let sh = Path::new("/bin/sh");
        assert!(programs.add_program(&mut tree, sh).is_err());
        tree.add_bytes("/bin/sh", 0o755, "the guest's").unwrap();
        programs.add_program(&mut tree, sh).unwrap();

        let script = directory.path().join("script");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        assert!(programs.runs(&script));
        programs.add_program(&mut tree, &script).unwrap();
        assert!(tree.contains(&script));
    }
}
