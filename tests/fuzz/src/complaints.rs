// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel's complaints while programs are executed.

use anyhow::{Context, Result};
use atomik_guest::log;
use nix::{errno::Errno, libc};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
};

const LOG: &str = "/dev/kmsg";

/// A reader of the kernel's log.
pub struct Complaints(File);

impl Complaints {
    /// Opens the log at its end.
    pub fn open() -> Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(LOG)
            .context(LOG)?;
        file.seek(SeekFrom::End(0)).context(LOG)?;
        Ok(Self(file))
    }

    /// The first complaint since the last time.
    pub fn new_one(&mut self) -> Result<Option<String>> {
        let mut found = None;
        let mut record = [0; 8192];
        loop {
            match self.0.read(&mut record) {
                Ok(length) => {
                    let text = String::from_utf8_lossy(&record[..length]);
                    let message = text.split_once(';').map_or(&*text, |(_, message)| message);
                    if found.is_none() && !log::complaints(message).is_empty() {
                        found = Some(message.trim().to_owned());
                    }
                }
                Err(error) => match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
                    Errno::EAGAIN => return Ok(found),
                    // Records have been overwritten, or a signal came.
                    Errno::EPIPE | Errno::EINTR => {}
                    _ => return Err(error).context(LOG),
                },
            }
        }
    }
}
