// SPDX-License-Identifier: GPL-2.0

//! Keeps the module loaded while a file is open.
//!
//! From 7.3 on, the kernel crate's `MiscDevice` says in its `file_operations` to which module they
//! belong, and the VFS then holds that module. Before, it doesn't, and a module could be unloaded
//! under an open file. [`hold_while_open`] makes up for it in the way in which C drivers replace
//! the operations of a file while it is being opened.

use core::ptr;
use kernel::{
    bindings,
    fs::File,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        SetOnce,
    },
};

/// `THIS_MODULE`, set before the device is registered.
static THIS_MODULE: Atomic<*mut bindings::module> = Atomic::new(ptr::null_mut());

/// Our operations with their owner filled in, where the kernel crate left it out.
static OWNED: SetOnce<Operations> = SetOnce::new();

/// File operations that every thread may look at.
struct Operations(bindings::file_operations);

// SAFETY: it is only read after it has been made, and what it points to is this module's code and
// this module, both valid in every thread for as long as this static is.
unsafe impl Send for Operations {}
// SAFETY: as above.
unsafe impl Sync for Operations {}

/// Remembers the module for [`hold_while_open`].
pub(crate) fn set_this_module(module: &'static ThisModule) {
    // Relaxed: no file can be opened before the device is registered, which orders this.
    THIS_MODULE.store(module.as_ptr(), Relaxed);
}

/// Makes sure that the module stays loaded until `file` is closed, or its opening has failed.
///
/// To be called first in `open`: the VFS looks at the file's operations once more where that fails,
/// and by then the module may be gone. Fails with ENODEV where the module is being unloaded.
/// (Before it, the kernel crate refuses files of 2 GiB and more to callers without O_LARGEFILE. A
/// device's node has no size.)
pub(crate) fn hold_while_open(file: &File) -> Result {
    let file = file.as_ptr();
    // SAFETY: `file` is being opened, so that nobody else uses it and its `f_op`, set by
    // `misc_open()`, points to valid file operations.
    let current = unsafe { *(*file).f_op };
    if !current.owner.is_null() {
        return Ok(());
    }

    let held = hold(current);
    // Without a reference, no operations: the VFS reads their `owner` after the mutex is dropped,
    // when the module may be gone. `fops_put()` takes NULL.
    let operations = held.as_ref().map_or(ptr::null(), |owned| &owned.0);
    // SAFETY: as above, nobody else uses the file. The operations live in this module, which they
    // keep loaded: the VFS drops the reference that `hold` took through `owner`, in `fops_put()`,
    // when it is done with the file.
    unsafe { (*file).f_op = operations };
    held.map(|_| ())
}

/// Takes a reference to the module, and returns `current` with that as their owner.
fn hold(current: bindings::file_operations) -> Result<&'static Operations> {
    let module = THIS_MODULE.load(Relaxed);
    // SAFETY: `module` is this module, whose code runs: `misc_open()` holds the mutex that
    // `misc_deregister()` needs before the module can go.
    if !unsafe { bindings::try_module_get(module) } {
        return Err(ENODEV);
    }
    // Where another open has been first, its copy is the same.
    OWNED.populate(Operations(bindings::file_operations {
        owner: module,
        ..current
    }));
    OWNED.as_ref().ok_or_else(|| {
        // Another open is about to make the copy. Opens of misc devices exclude each other, so this
        // does not happen; were it to, the caller may try again.
        // SAFETY: gives back the reference taken above. Until `open` has returned, the mutex that
        // `misc_open()` holds keeps the module.
        unsafe { bindings::module_put(module) };
        EAGAIN
    })
}
