// SPDX-License-Identifier: MIT OR Apache-2.0

//! Loading and unloading the driver.

use crate::raw::DEVICE;
use nix::{
    errno::Errno,
    fcntl::OFlag,
    kmod::{DeleteModuleFlags, ModuleInitFlags, delete_module, finit_module},
};
use std::{env, ffi::CString, fs::File, path::Path};

/// Loads the driver with these parameters.
pub fn load(parameters: &str) -> Result<(), Errno> {
    let path = env::var_os("ATOMIK_MODULE").expect("the guest says in ATOMIK_MODULE where it is");
    let module = File::open(path).expect("open the module");
    let parameters = CString::new(parameters).expect("no NUL");
    finit_module(&module, &parameters, ModuleInitFlags::empty())
}

/// Unloads the driver, without waiting.
pub fn unload() -> Result<(), Errno> {
    let flags = DeleteModuleFlags::from_bits_retain(OFlag::O_NONBLOCK.bits());
    delete_module(c"atomik", flags)
}

/// True where the device is there.
pub fn is_there() -> bool {
    Path::new(DEVICE).exists()
}
