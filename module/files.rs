// SPDX-License-Identifier: GPL-2.0

//! [`ListedFile`], an open file on the module's list of them, which is there for the statistics.

use crate::{gfp, open_file::OpenFile};
use kernel::{
    list::{impl_list_arc_safe, impl_list_item, List, ListArc, ListLinks},
    prelude::*,
    sync::Arc,
};

/// The open files, and what closed ones have left.
struct Files {
    open: List<ListedFile>,
    /// Operations served on files that are closed.
    ops_of_closed: u64,
}

kernel::sync::global_lock! {
    // SAFETY: the module's `init` calls `init_list` before it registers the device, without which
    // nobody calls the rest.
    unsafe(uninit) static FILES: Mutex<Files> = Files {
        open: List::new(),
        ops_of_closed: 0,
    };
}

/// Makes the list ready.
///
/// # Safety
///
/// To be called once, and before anything else in this file.
pub(crate) unsafe fn init_list() {
    // SAFETY: by the contract.
    unsafe { FILES.init() };
}

/// An open file.
#[pin_data]
pub(crate) struct ListedFile {
    #[pin]
    links: ListLinks,
    #[pin]
    file: OpenFile,
}

impl_list_arc_safe! {
    impl ListArcSafe<0> for ListedFile { untracked; }
}

impl_list_item! {
    impl ListItem<0> for ListedFile { using ListLinks { self.links }; }
}

impl ListedFile {
    /// A file without tables, not on the list yet. Fails with ENOMEM.
    pub(crate) fn new() -> Result<ListArc<Self>> {
        let file = try_pin_init!(Self {
            links <- ListLinks::new(),
            file <- OpenFile::new(),
        });
        ListArc::pin_init(file, gfp::charged())
    }

    /// Puts the file on the list.
    pub(crate) fn enlist(file: ListArc<Self>) -> Arc<Self> {
        let this = file.clone_arc();
        FILES.lock().open.push_back(file);
        this
    }

    /// Takes a file that is being closed off the list.
    pub(crate) fn strike_off(this: &Arc<Self>) {
        let mut files = FILES.lock();
        files.ops_of_closed = files.ops_of_closed.wrapping_add(this.file.ops());
        // SAFETY: there is no other list.
        let listed = unsafe { files.open.remove(this) };
        drop(files);
        // What may be the last reference but one goes with no lock held.
        drop(listed);
    }

    #[inline]
    pub(crate) fn file(&self) -> &OpenFile {
        &self.file
    }
}

/// Operations served since the module was loaded.
pub(crate) fn served() -> u64 {
    let files = FILES.lock();
    files.open.iter().fold(files.ops_of_closed, |sum, listed| {
        sum.wrapping_add(listed.file.ops())
    })
}
