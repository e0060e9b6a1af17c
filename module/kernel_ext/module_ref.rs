// SPDX-License-Identifier: GPL-2.0

//! The module itself.

use kernel::{bindings, types::Opaque};

#[allow(improper_ctypes, reason = "the struct is the bindings'")]
extern "C" {
    /// The module itself: the kernel's build system adds it to each module.
    static __this_module: Opaque<bindings::module>;
}

/// Returns `THIS_MODULE`.
pub(crate) const fn this_module() -> *mut bindings::module {
    (&raw const __this_module).cast_mut().cast()
}
