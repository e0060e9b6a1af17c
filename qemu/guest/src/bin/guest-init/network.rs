// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes QEMU's user network usable.

use anyhow::{Context, Result, bail, ensure};
use atomik_guest::protocol::NETWORK_PATH;
use nix::kmod::{ModuleInitFlags, finit_module};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// The card, as the kernel calls the first one.
const CARD: &str = "eth0";
/// The guest's address, and that of the host: those that QEMU's own DHCP server would tell, without
/// the time that asking takes.
const ADDRESS: &str = "10.0.2.15/24";
const HOST: &str = "10.0.2.2";

/// Loads the drivers, and gives the card its address.
pub fn start() -> Result<()> {
    let mut drivers: Vec<PathBuf> = fs::read_dir(NETWORK_PATH)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .context(NETWORK_PATH)?;
    drivers.sort();
    for path in drivers {
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        if let Err(error) = finit_module(&file, c"", ModuleInitFlags::empty()) {
            bail!("the kernel did not load {} ({error})", path.display());
        }
    }
    ip(&["address", "add", ADDRESS, "dev", CARD])?;
    ip(&["link", "set", CARD, "up"])?;
    ip(&["route", "add", "default", "via", HOST])
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("/bin/busybox")
        .arg("ip")
        .args(arguments)
        .output()
        .context("/bin/busybox ip")?;
    ensure!(
        output.status.success(),
        "`ip {}` failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
