// SPDX-License-Identifier: GPL-2.0

//! [`WatchFile`], the descriptor of a watch.

use crate::{
    commands::{read_arg, write_field, Access},
    kernel_ext::{
        anon_file::{self, AnonFile, Operations, Stream},
        gfp,
    },
    uapi::{self, Change, WATCH_NONBLOCK},
    watcher::Watcher,
};
use core::mem::offset_of;
use kernel::{
    bindings,
    fs::{file::FileDescriptorReservation, File},
    iov::IovIterDest,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::poll::PollTable,
    uaccess::UserPtr,
};
use zerocopy::IntoBytes;

/// A watch that WATCH has given a descriptor.
pub(crate) struct WatchFile {
    watcher: Watcher,
    table_id: u32,
}

static OPERATIONS: Operations<WatchFile> = Operations::of_stream();

impl WatchFile {
    /// WATCH.
    #[inline(never)] // As `seldom` in `device.rs` has it.
    pub(crate) fn open(access: &impl Access, arg: UserPtr) -> Result {
        let uapi::Watch {
            table_id,
            addr,
            count,
            flags,
            reserved,
            ..
        } = read_arg(arg)?;
        if flags & !WATCH_NONBLOCK != 0 || reserved != 0 {
            return Err(EINVAL);
        }
        let (place, name) = access.share(table_id)?;
        let watch = Self {
            watcher: Watcher::new(place, name, addr, count)?,
            table_id,
        };
        let descriptor = FileDescriptorReservation::get_unused_fd_flags(bindings::O_CLOEXEC)?;
        let nonblock = if flags & WATCH_NONBLOCK != 0 {
            bindings::O_NONBLOCK
        } else {
            0
        };
        let watch = KBox::new(watch, gfp::charged())?;
        let watch = anon_file::new_file(watch, bindings::O_RDONLY | nonblock)?;
        let fd = descriptor.reserved_fd() as i32;
        write_field(arg, offset_of!(uapi::Watch, fd), &fd)?;
        descriptor.fd_install(watch);
        Ok(())
    }
}

impl AnonFile for WatchFile {
    const NAME: &'static CStr = c"[atomik-watch]";

    fn operations() -> &'static Operations<Self> {
        &OPERATIONS
    }

    fn show_fdinfo(&self, m: &SeqFile) {
        let (id, watch) = (self.table_id, self.watcher.watch());
        let range = watch.range();
        let (first, count) = (range.start, range.len());
        seq_print!(m, "atomik-watch:\t{id} addr {first} count {count}\n");
        seq_print!(m, "atomik-changed:\t{}\n", watch.count());
        seq_print!(m, "atomik-bytes:\t{}\n", self.watcher.bytes());
        if let Some(contexts) = self.watcher.table() {
            seq_print!(m, "atomik-table:\t{id} contexts {contexts}\n");
        }
    }
}

impl Stream for WatchFile {
    fn read(&self, waits: bool, to: &mut IovIterDest<'_>) -> Result<usize> {
        const RECORD: usize = size_of::<Change>();
        let most = to.len() / RECORD;
        if most == 0 {
            return Err(EINVAL);
        }
        let read = self.watcher.read(most, waits, |changes| {
            let bytes = changes.as_bytes();
            if to.copy_to_iter(bytes) == bytes.len() {
                Ok(())
            } else {
                Err(EFAULT)
            }
        })?;
        Ok(read.wrapping_mul(RECORD))
    }

    fn poll(&self, file: &File, table: &PollTable<'_>) -> u32 {
        let watch = self.watcher.watch();
        table.register_wait(file, watch.queue());
        if watch.is_gone() {
            bindings::POLLIN | POLLRDNORM | bindings::POLLHUP
        } else if watch.is_ready() {
            bindings::POLLIN | POLLRDNORM
        } else {
            0
        }
    }
}

/// As POLLIN, which all others say along with it. (The bindings lack it.)
const POLLRDNORM: u32 = 0x40;
