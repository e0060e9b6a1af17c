// SPDX-License-Identifier: MIT OR Apache-2.0
//! The conventional driver of `bench/conventional`.

use anyhow::{Context, Result};
use atomik_bench::CONVENTIONAL_MODULE;
use atomik_test_support::raw::RawFile;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open as open_at};
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::ErrorKind;

const DEVICE: &str = "/dev/conventional";

/// Opens it, where the guest has it.
pub fn open() -> Result<Option<RawFile>> {
    let module = match File::open(CONVENTIONAL_MODULE) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        module => module.context(CONVENTIONAL_MODULE)?,
    };
    match finit_module(&module, c"", ModuleInitFlags::empty()) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(error).context(CONVENTIONAL_MODULE),
    }
    let file = open_at(DEVICE, OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty());
    Ok(Some(RawFile(file.context(DEVICE)?)))
}
