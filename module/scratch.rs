// SPDX-License-Identifier: GPL-2.0

//! [`Scratch`], memory that a file keeps for its next batch.

use crate::{gfp, limit::Charge};
use kernel::{alloc::KVVec, new_mutex, prelude::*, sync::Mutex, uaccess::UserSlice};

/// Room for the kernel's copy of a batch, which would otherwise be allocated, cleared and freed
/// for each. There is room for one: of batches at the same time, all but one allocate theirs.
///
/// It is 64 KiB at most, charged to the memory cgroup of who needed it first, and to the module's
/// limit.
#[pin_data]
pub(crate) struct Scratch {
    #[pin]
    kept: Mutex<Option<Room>>,
}

struct Room {
    bytes: KVVec<u8>,
    charge: Charge,
}

impl Scratch {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            kept <- new_mutex!(None, "atomik::open_file::scratch"),
        })
    }

    /// Bytes of kernel memory that are kept.
    pub(crate) fn bytes(&self) -> u64 {
        let kept = self.kept.lock();
        kept.as_ref().map_or(0, |room| room.charge.bytes())
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
            Some(room) if room.bytes.capacity() >= len => room,
            // One that is too small is freed first: both together might be more than there is.
            // Where there isn't enough for the larger one either, the file is left without.
            other => {
                drop(other);
                Room::new(len)?
            }
        };
        room.bytes.clear();
        let result = from
            .read_all(&mut room.bytes, gfp::charged())
            .and_then(|()| f(&mut room.bytes));
        let other = self.kept.lock().replace(room);
        // If there is another, its memory is freed with no lock held.
        drop(other);
        result
    }
}

impl Room {
    /// Room for `len` bytes. Fails with ENOMEM.
    fn new(len: usize) -> Result<Self> {
        // A power of two, so that batches that grow a little find it large enough.
        let len = len.checked_next_power_of_two().ok_or(ENOMEM)?;
        Ok(Self {
            charge: Charge::new(len)?,
            bytes: KVVec::with_capacity(len, gfp::charged())?,
        })
    }
}
