// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`System`]: the system that the checks inspect.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::stat::{major, minor};

/// A system: the files below a directory, which tests make up.
pub struct System {
    root: PathBuf,
    /// The output of `rustc --version`.
    pub rustc: Option<String>,
    /// The file at `/dev/atomik`.
    pub node: Option<Node>,
}

/// A file where the device is expected.
#[derive(Clone, Debug)]
pub struct Node {
    /// Major and minor number as in sysfs, `10:124`; none where it isn't a character device.
    pub number: Option<String>,
    /// The permissions.
    pub mode: u32,
    pub gid: u32,
}

impl Node {
    fn at(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        let number = || {
            let (major, minor) = (major(found.rdev()), minor(found.rdev()));
            format!("{major}:{minor}")
        };
        Some(Self {
            number: found.file_type().is_char_device().then(number),
            mode: found.mode() & 0o7777,
            gid: found.gid(),
        })
    }
}

impl System {
    pub fn at(root: &Path) -> Self {
        // The system's own rustc, as DKMS uses that.
        let output = Command::new(root.join("usr/bin/rustc"))
            .arg("--version")
            .output();
        let rustc = output
            .ok()
            .and_then(|o| Some(String::from_utf8(o.stdout).ok()?.trim().to_owned()));
        Self {
            root: root.to_owned(),
            rustc,
            node: Node::at(&root.join("dev/atomik")),
        }
    }

    /// The path of the absolute `path` in this system.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// A file's content, without white space around it.
    pub fn read(&self, path: &str) -> Option<String> {
        let bytes = fs::read(self.path(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.path(path)).ok()
    }

    /// The names in a directory, sorted.
    pub fn list(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else {
            return vec![];
        };
        let mut names: Vec<_> = entries
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// The release of the kernel, as `uname -r` prints it.
    pub fn release(&self) -> String {
        self.read("/proc/sys/kernel/osrelease").unwrap_or_default()
    }

    /// The value of an option of the running kernel's configuration: none where the configuration
    /// isn't found, empty where the option isn't set.
    pub fn config(&self, option: &str) -> Option<String> {
        let release = self.release();
        let text = [
            format!("/lib/modules/{release}/build/.config"),
            format!("/boot/config-{release}"),
            format!("/lib/modules/{release}/config"),
        ]
        .iter()
        .find_map(|path| self.read(path))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(option)?.strip_prefix('='))
            .unwrap_or_default();
        Some(value.trim_matches('"').to_owned())
    }
}

#[cfg(test)]
pub mod fake {
    use super::*;
    use std::process;
    use std::sync::atomic::{AtomicU32, Ordering};

    pub const RELEASE: &str = "7.3.4+deb13-cloud-amd64";
    pub const RUSTC: &str = "rustc 1.85.1 (4eb161250 2025-03-15)";

    /// A made-up root directory.
    pub struct Fake {
        root: PathBuf,
        pub rustc: Option<String>,
        pub node: Option<Node>,
    }

    impl Fake {
        pub fn empty() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("atomikctl-doctor-{}-{number}", process::id());
            let root = std::env::temp_dir().join(name);
            fs::create_dir_all(&root).unwrap();
            Self {
                root,
                rustc: None,
                node: None,
            }
        }

        /// A machine on which all is well.
        pub fn installed() -> Self {
            let mut fake = Self::empty();
            fake.rustc = Some(RUSTC.into());
            let modules = format!("/lib/modules/{RELEASE}");
            let config = format!("CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"{RUSTC}\"\n");
            fake.write("/proc/sys/kernel/osrelease", RELEASE);
            fake.write(&format!("{modules}/build/.config"), &config);
            fake.write(
                &format!("/var/cache/atomik/kernel/{RELEASE}/rust/libkernel.rmeta"),
                "",
            );
            let version = env!("CARGO_PKG_VERSION");
            fake.write(&format!("/usr/src/atomik-{version}/dkms.conf"), "");
            fake.write(
                &format!("/var/lib/dkms/atomik/{version}/{RELEASE}/x86_64/log"),
                "",
            );
            fake.write(&format!("{modules}/updates/dkms/atomik.ko.xz"), "");
            fake.write("/sys/module/atomik/initstate", "live");
            fake.write(
                "/etc/modprobe.d/atomik.conf",
                "options atomik limit_kib=1024",
            );
            fake.write("/proc/meminfo", "MemTotal:        4000000 kB");
            fake.write("/etc/modules-load.d/atomik.conf", "atomik");
            fake.write(
                "/etc/udev/rules.d/60-atomik.rules",
                "KERNEL==\"atomik\", GROUP=\"atomik\", MODE=\"0660\"",
            );
            fake.write("/sys/class/misc/atomik/dev", "10:124\n");
            fake.node = Some(Node {
                number: Some("10:124".into()),
                mode: 0o660,
                gid: 990,
            });
            fake.write("/etc/group", "atomik:x:990:alice");
            fake.write("/etc/passwd", "alice:x:1000:1000::/home/alice:/bin/sh");
            fake.write("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\n");
            fake.groups("1000 990");
            fake
        }

        pub fn write(&self, path: &str, text: &str) {
            let path = self.root.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        pub fn remove(&self, path: &str) {
            let path = self.root.join(path.trim_start_matches('/'));
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }

        /// Makes the process one of user 1000 with these groups.
        pub fn groups(&self, groups: &str) {
            let status = format!(
                "Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t{groups}\n"
            );
            self.write("/proc/self/status", &status);
        }

        pub fn system(&self) -> System {
            System {
                root: self.root.clone(),
                rustc: self.rustc.clone(),
                node: self.node.clone(),
            }
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}
