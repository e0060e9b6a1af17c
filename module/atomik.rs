// SPDX-License-Identifier: GPL-2.0

//! `/dev/atomik`: kernel-resident tables of delta-state contexts.
//!
//! This file registers the device and no more. [`device`] receives the system calls and
//! [`open_file`] carries out the commands. A file has its [`tables`], each in a [`place`], which
//! holds [`contexts`] behind a lock of [`sync`]. [`logic`] needs no kernel: it is compiled and
//! tested on the host as well. [`kernel_ext`] is what the kernel crate lacks.

use crate::kernel_ext::series::parameter::parameter;
use kernel::{
    miscdevice::{MiscDeviceOptions, MiscDeviceRegistration},
    prelude::*,
};

mod abi;
mod attempts;
mod batch;
mod commands;
mod contexts;
mod control_page;
mod device;
mod exported;
mod image;
mod kernel_ext;
mod limit;
#[allow(unreachable_pub, reason = "public where it is a crate of its own")]
mod logic;
mod mapped;
mod marks;
mod open_file;
mod ops_total;
mod pinned_results;
mod place;
mod quiet;
mod scratch;
mod sequence;
mod shared_states;
mod sync;
mod tables;
#[path = "../uapi/src/lib.rs"]
#[allow(unreachable_pub, dead_code, reason = "the mirror of the whole ABI")]
mod uapi;
mod watch;
mod watch_file;
mod watcher;
mod watchers;

module! {
    type: AtomikModule,
    name: "atomik",
    authors: ["The atomik developers"],
    description: "Kernel-resident tables of delta-state contexts",
    license: "GPL",
    params: {
        limit_kib: i64 {
            default: crate::logic::limit::UNSET,
            description: "KiB of memory for all files (-1: the smaller of 1 GiB and 1/4 of all)",
        },
    },
}

/// The loaded module, which lives as long as the device is registered.
#[pin_data]
struct AtomikModule {
    #[pin]
    _device: MiscDeviceRegistration<open_file::OpenFile>,
}

impl kernel::InPlaceModule for AtomikModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        limit::set_kib(parameter(module_parameters::limit_kib.value()));
        // SAFETY: once, and the device is not registered yet.
        unsafe { ops_total::init_list() };

        try_pin_init!(Self {
            _device <- MiscDeviceRegistration::register(MiscDeviceOptions { name: c"atomik" }),
        })
    }
}
