// SPDX-License-Identifier: MIT OR Apache-2.0

//! Work that moves the kernel's counters.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Compresses 64 KiB in two ways, and starts a process that does nothing.
pub fn some() -> Result<(), String> {
    let data: Vec<u8> = (0..1_u32 << 16)
        .map(|i| (i.wrapping_mul(i) >> 7) as u8)
        .collect();
    for (command, input) in [("gzip", data.as_slice()), ("bzip2", &data), ("true", &[])] {
        feed(command, input).map_err(|e| format!("{command}: {e}; `--work false` does without"))?;
    }
    Ok(())
}

/// Runs a command with this input, and drops its output.
fn feed(command: &str, input: &[u8]) -> io::Result<()> {
    let mut child = Command::new(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    // The pipe is closed at the end of this statement.
    let sent = child
        .stdin
        .take()
        .map_or(Ok(()), |mut pipe| pipe.write_all(input));
    let status = child.wait()?;
    sent?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}
