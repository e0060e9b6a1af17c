// SPDX-License-Identifier: GPL-2.0

//! [`Scratch`], memory that a file keeps for its next batch.

use crate::gfp;
use kernel::{alloc::KVVec, new_mutex, prelude::*, sync::Mutex, uaccess::UserSlice};

/// Room for the kernel's copy of a batch, which would otherwise be allocated, cleared and freed
/// for each. There is room for one: of batches at the same time, all but one allocate theirs.
///
/// It is 64 KiB at most, charged to the memory cgroup of who needed it first. The module's limit is
/// about tables.
#[pin_data]
pub(crate) struct Scratch {
    #[pin]
    kept: Mutex<Option<KVVec<u8>>>,
}

impl Scratch {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            kept <- new_mutex!(None, "atomik::open_file::scratch"),
        })
    }

    /// Copies `len` bytes from userspace and calls `f` with them. Fails with ENOMEM or EFAULT.
    pub(crate) fn with_copy(
        &self,
        from: UserSlice,
        len: usize,
        f: impl FnOnce(&mut [u8]) -> Result,
    ) -> Result {
        let kept = self.kept.lock().take();
        let mut room = match kept {
            Some(room) if room.capacity() >= len => room,
            _ => new_room(len)?,
        };
        room.clear();
        let result = from
            .read_all(&mut room, gfp::charged())
            .and_then(|()| f(&mut room));
        let other = self.kept.lock().replace(room);
        // If there is another, its memory is freed with no lock held.
        drop(other);
        result
    }
}

fn new_room(len: usize) -> Result<KVVec<u8>> {
    // A power of two, so that batches that grow a little find it large enough.
    let len = len.checked_next_power_of_two().ok_or(ENOMEM)?;
    let room = KVVec::with_capacity(len, gfp::charged())?;
    Ok(room)
}
