// SPDX-License-Identifier: MIT OR Apache-2.0

//! The lines of Rust that `sdk/README.md` shows, as functions.

/// Executes them as they are there.
///
/// # Errors
///
/// Those of the table.
pub fn in_the_process() -> atomik::Result<()> {
    include!(concat!(env!("OUT_DIR"), "/in-the-process.rs"));
    Ok(())
}

/// Executes them with the one line changed, as it says there.
///
/// # Errors
///
/// Those of the device and its table.
pub fn on_the_device() -> atomik::Result<()> {
    include!(concat!(env!("OUT_DIR"), "/on-the-device.rs"));
    Ok(())
}
