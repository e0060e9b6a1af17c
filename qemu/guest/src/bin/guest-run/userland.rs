// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of every guest: busybox, users, and process 1.

use crate::initramfs::{Node, Tree};
use anyhow::{Context, Result, bail};
use atomik_guest::protocol::DEVICE_GROUP;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The guest's PATH.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The programs of every guest, as files of the host.
pub struct Parts {
    /// Process 1.
    pub init: PathBuf,
    pub busybox: PathBuf,
    /// The same busybox for this machine, which tells what it can do.
    pub busybox_here: PathBuf,
}

/// Busybox of a Debian root.
pub fn busybox(root: &Path) -> PathBuf {
    root.join("usr/bin/busybox")
}

/// A tree with the base in it. The host's files come after, so that they replace busybox's applets.
pub fn base(parts: &Parts) -> Result<Tree> {
    let mut tree = Tree::default();
    for directory in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let usr = Path::new("usr").join(directory);
        tree.add(Path::new("/").join(&usr), Node::Directory)?;
        tree.add(Path::new("/").join(directory), Node::Symlink(usr))?;
    }
    for directory in [
        "/dev",
        "/proc",
        "/run",
        "/sys",
        "/tmp",
        "/root",
        "/home/user",
        "/var",
    ] {
        tree.add(directory, Node::Directory)?;
    }
    tree.add("/var/run", Node::Symlink("/run".into()))?;
    tree.add("/var/tmp", Node::Symlink("/tmp".into()))?;

    tree.add_file(Path::new("/bin/busybox"), &parts.busybox)?;
    let here = &parts.busybox_here;
    let list = Command::new(here)
        .arg("--list-full")
        .output()
        .with_context(|| here.display().to_string())?;
    if !list.status.success() {
        bail!("{} --list-full failed", here.display());
    }
    for applet in String::from_utf8(list.stdout)?.lines() {
        tree.add(
            Path::new("/").join(applet),
            Node::Default("/bin/busybox".into()),
        )?;
    }

    tree.add_file(Path::new("/init"), &parts.init)?;
    tree.add_bytes(
        "/etc/passwd",
        0o644,
        "root::0:0:root:/root:/bin/sh\n\
         user::1000:1000:user:/home/user:/bin/sh\n\
         nobody:*:65534:65534:nobody:/:/bin/false\n",
    )?;
    tree.add_bytes(
        "/etc/group",
        0o644,
        format!("root:x:0:\natomik:x:{DEVICE_GROUP}:\nuser:x:1000:\nnogroup:x:65534:\n"),
    )?;
    tree.add_bytes(
        "/etc/hosts",
        0o644,
        "127.0.0.1 localhost atomik\n::1 localhost\n",
    )?;
    Ok(tree)
}
