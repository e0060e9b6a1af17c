// SPDX-License-Identifier: GPL-2.0

//! References to the module by the device's open files, in 7.2.
//!
//! The kernel crate's `MiscDevice` leaves the owner out of its `file_operations` there, and the
//! module could be unloaded under an open file. [`hold_while_open`] replaces the operations of a
//! file while it is being opened, as C drivers do.

use crate::kernel_ext::module_ref::this_module;
use core::ptr;
use kernel::{bindings, fs::File, prelude::*, sync::SetOnce};

/// The device's file operations with the owner that the kernel crate left out.
static OWNED: SetOnce<Operations> = SetOnce::new();

/// File operations that any thread may read.
struct Operations(bindings::file_operations);

// SAFETY: it is only read once it has been made. It points to this module and its code, which are
// valid in every thread for as long as this static is.
unsafe impl Send for Operations {}
// SAFETY: as above.
unsafe impl Sync for Operations {}

/// Keeps the module loaded until `file` is closed, or its opening has failed.
///
/// To be called first in `open`: if that fails, the VFS reads the file's operations once more, when
/// the module may be gone. Fails with ENODEV where the module is being unloaded. (One error of the
/// kernel crate's comes earlier, but can't happen: it refuses files of 2 GiB and more to callers
/// without O_LARGEFILE, and a device's node has no size.)
pub(crate) fn hold_while_open(file: &File) -> Result {
    let file = file.as_ptr();
    // SAFETY: `file` is being opened, so nobody else uses it, and its `f_op`, set by `misc_open()`,
    // points to valid file operations.
    let current = unsafe { *(*file).f_op };
    if !current.owner.is_null() {
        return Ok(());
    }

    let held = hold(current);
    // No operations without a reference: the VFS reads their `owner` after the mutex is released,
    // when the module may be gone. `fops_put()` accepts NULL.
    let operations = held.as_ref().map_or(ptr::null(), |owned| &owned.0);
    // SAFETY: as above, nobody else uses the file. The operations live in this module, which they
    // keep loaded: the VFS drops the reference that `hold` took through `owner`, in `fops_put()`,
    // when it is done with the file.
    unsafe { (*file).f_op = operations };
    held.map(|_| ())
}

/// Takes a reference to the module, and returns `current` with the module as their owner.
fn hold(current: bindings::file_operations) -> Result<&'static Operations> {
    let module = this_module();
    // SAFETY: `module` is this module, which can't go meanwhile: `misc_open()` holds the mutex that
    // `misc_deregister()` takes first.
    if !unsafe { bindings::try_module_get(module) } {
        return Err(ENODEV);
    }
    // If another open was first, its copy is the same.
    OWNED.populate(Operations(bindings::file_operations {
        owner: module,
        ..current
    }));
    OWNED.as_ref().ok_or_else(|| {
        // Another open is making the copy. That can't happen, as opens of misc devices exclude each
        // other; if it did, the caller could try again.
        // SAFETY: gives back the reference taken above. The mutex that `misc_open()` holds keeps
        // the module until `open` has returned.
        unsafe { bindings::module_put(module) };
        EAGAIN
    })
}
