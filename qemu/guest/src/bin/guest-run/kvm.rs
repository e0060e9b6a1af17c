// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether KVM runs this kernel. /dev/kvm may open and QEMU hang or abort all the same, so this
//! boots one guest to see, with a time limit, and remembers the answer till the host boots again.

use crate::guest::Outcome;
use anyhow::{Context, Result};
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// `names` says which kernel and which QEMU; `boot` tries a guest with KVM within a time limit.
pub fn works(
    cache: &Path,
    names: &[&str],
    boot: impl FnOnce(Duration) -> Result<Outcome>,
) -> Result<bool> {
    if OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_err()
    {
        return Ok(false);
    }
    let host_boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").context("boot_id")?;
    let prefix = format!("kvm-{}-", host_boot.trim());
    let answer = cache.join(format!("{prefix}{}", names.join("-")));
    if let Ok(known) = fs::read_to_string(&answer) {
        return Ok(known.trim() == "yes");
    }
    eprintln!(
        "atomik: trying whether KVM works (at most {} s, once until the host boots again)",
        LIMIT.as_secs()
    );
    let outcome = boot(LIMIT)?;
    if matches!(outcome, Outcome::Interrupted(_)) {
        // No answer. The signal ends the next guest too.
        return Ok(false);
    }
    let works = matches!(outcome, Outcome::Ended(_));
    eprintln!(
        "atomik: {}",
        if works {
            "it does"
        } else {
            "it does not; guests are emulated"
        }
    );
    for old in kept(cache, "kvm-")? {
        if !old
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        {
            fs::remove_file(old)?;
        }
    }
    fs::write(&answer, if works { "yes\n" } else { "no\n" })?;
    Ok(works)
}

fn kept(cache: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
