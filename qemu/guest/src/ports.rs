// SPDX-License-Identifier: MIT OR Apache-2.0
//! The virtio-serial ports, by name.

use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Ports appear while init is already running, on a busy host later.
const LIMIT: Duration = Duration::from_secs(120);

/// Opens a port once it is there.
pub fn open(name: &str) -> Result<File> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(path) = find(name) {
            return OpenOptions::new()
                .read(true)
                .write(true)
                .open(&path)
                .with_context(|| path.display().to_string());
        }
        if Instant::now() > deadline {
            bail!(
                "no virtio-serial port is called {name}; does the kernel have \
                 CONFIG_VIRTIO_CONSOLE and CONFIG_VIRTIO_PCI?"
            );
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// The device of a port.
pub fn find(name: &str) -> Option<PathBuf> {
    let ports = fs::read_dir("/sys/class/virtio-ports").ok()?;
    let port = ports.flatten().find(|port| {
        fs::read_to_string(port.path().join("name")).is_ok_and(|text| text.trim() == name)
    })?;
    let path = Path::new("/dev").join(port.file_name());
    path.exists().then_some(path)
}
