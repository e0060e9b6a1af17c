// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes the freshly booted kernel into a system.

use anyhow::{Context, Result, bail, ensure};
use atomik_guest::protocol::{DEVICE_GROUP, MODULE_PATH};
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount as mount_at};
use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

const DEVICE: &str = "/dev/atomik";

pub fn mount() -> Result<()> {
    let none = MsFlags::empty();
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    // The essential ones first. A kernel may lack the others.
    for (kind, path, flags, options) in [
        ("proc", "/proc", safe, ""),
        ("sysfs", "/sys", safe, ""),
        ("devtmpfs", "/dev", MsFlags::MS_NOSUID, "mode=755"),
    ] {
        mount_one(kind, path, flags, options)?;
    }
    for (kind, path, flags, options) in [
        (
            "devpts",
            "/dev/pts",
            MsFlags::MS_NOSUID,
            "gid=0,mode=620,ptmxmode=666",
        ),
        ("tmpfs", "/dev/shm", safe, "mode=1777"),
        ("tmpfs", "/tmp", safe, "mode=1777"),
        ("tmpfs", "/run", safe, "mode=755"),
        ("cgroup2", "/sys/fs/cgroup", safe, ""),
        ("debugfs", "/sys/kernel/debug", none, ""),
        ("tracefs", "/sys/kernel/tracing", none, ""),
    ] {
        // Files that the host has carried into /tmp must not be covered.
        let empty = fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
        if empty || kind != "tmpfs" {
            let _ = mount_one(kind, path, flags, options);
        }
    }
    for (target, path) in [
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ] {
        let _ = symlink(target, Path::new("/dev").join(path));
    }
    Ok(())
}

fn mount_one(kind: &str, path: &str, flags: MsFlags, options: &str) -> Result<()> {
    if !Path::new(path).exists() {
        fs::create_dir(path).with_context(|| path.to_owned())?;
    }
    mount_at(Some(kind), path, Some(kind), flags, Some(options))
        .with_context(|| format!("mounting {kind} at {path}"))
}

/// Starts the processors that the kernel has left alone so far, and fails unless all run.
pub fn start_processors() -> Result<()> {
    const PROCESSORS: &str = "/sys/devices/system/cpu";
    let list = |name: &str| -> Result<String> {
        let path = format!("{PROCESSORS}/{name}");
        Ok(fs::read_to_string(&path).context(path)?.trim().to_owned())
    };
    for number in 1.. {
        let switch = format!("{PROCESSORS}/cpu{number}/online");
        match fs::write(&switch, "1") {
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            result => result.context(switch)?,
        }
    }
    let (online, present) = (list("online")?, list("present")?);
    ensure!(
        online == present,
        "of the processors {present}, only {online} started"
    );
    Ok(())
}

/// The rest, none of which a command must have: a kernel made for tests may lack any of it.
pub fn settle() {
    for (path, value) in [
        // From here on the log is to have everything.
        ("/proc/sys/kernel/printk", "8"),
        ("/proc/sys/kernel/hung_task_panic", "1"),
        // Under emulation on a busy host, a processor may stand still for long without any fault of
        // its own.
        ("/proc/sys/kernel/watchdog_thresh", "30"),
        ("/proc/sys/kernel/softlockup_panic", "1"),
        ("/sys/fs/cgroup/cgroup.subtree_control", "+memory"),
        ("/sys/fs/cgroup/cgroup.subtree_control", "+pids"),
    ] {
        let _ = fs::write(path, value);
    }
    let _ = nix::unistd::sethostname("atomik");
    let _ = Command::new("/bin/busybox")
        .args(["ip", "link", "set", "lo", "up"])
        .status();
    let _ = chown("/home/user", Some(1000), Some(1000));
}

pub fn load_module(parameters: &str) -> Result<()> {
    let file = File::open(MODULE_PATH).context(MODULE_PATH)?;
    let parameters = CString::new(parameters)?;
    if let Err(error) = finit_module(&file, &parameters, ModuleInitFlags::empty()) {
        bail!("the kernel did not load the module ({error})");
    }
    if !Path::new(DEVICE).exists() {
        bail!("the module was loaded, but there is no {DEVICE}");
    }
    chown(DEVICE, Some(0), Some(DEVICE_GROUP)).context(DEVICE)?;
    fs::set_permissions(DEVICE, Permissions::from_mode(0o660)).context(DEVICE)?;
    Ok(())
}

pub fn tainted() -> Result<u64> {
    let path = "/proc/sys/kernel/tainted";
    fs::read_to_string(path)
        .context(path)?
        .trim()
        .parse()
        .context(path)
}

pub fn memory_available() -> Result<u64> {
    let path = "/proc/meminfo";
    let text = fs::read_to_string(path).context(path)?;
    let value = text.lines().find_map(|line| {
        line.strip_prefix("MemAvailable:")?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    });
    value.context("no MemAvailable in /proc/meminfo")
}
