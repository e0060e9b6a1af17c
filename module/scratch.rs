// SPDX-License-Identifier: GPL-2.0

//! [`Scratch`], memory that a file keeps for its next batch.

use crate::{kernel_ext::gfp, limit::Charge};
use kernel::{alloc::KVVec, new_mutex, prelude::*, sync::Mutex, uaccess::UserSlice};

/// A buffer for the kernel's copy of a batch, which would otherwise be allocated, cleared and freed
/// for each. A file keeps one: of several batches at the same time, all but one allocate theirs.
///
/// The buffer is 64 KiB at most, charged to the module's limit and to the memory cgroup of the
/// first process that needs it.
#[pin_data]
pub(crate) struct Scratch {
    #[pin]
    kept: Mutex<Option<Buffer>>,
}

struct Buffer {
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
        kept.as_ref().map_or(0, |buffer| buffer.charge.bytes())
    }

    /// Copies `len` bytes from userspace and calls `f` with them. Fails with ENOMEM or EFAULT.
    pub(crate) fn with_copy(
        &self,
        from: UserSlice,
        len: usize,
        f: impl FnOnce(&mut [u8]) -> Result,
    ) -> Result {
        let kept = self.kept.lock().take();
        let mut buffer = match kept {
            Some(buffer) if buffer.bytes.capacity() >= len => buffer,
            // A buffer that is too small is freed first: there may not be memory for both. If there
            // is none for the larger one either, the file is left without.
            other => {
                drop(other);
                Buffer::new(len)?
            }
        };
        buffer.bytes.clear();
        let result = from
            .read_all(&mut buffer.bytes, gfp::charged())
            .and_then(|()| f(&mut buffer.bytes));
        let other = self.kept.lock().replace(buffer);
        // Freed with no lock held.
        drop(other);
        result
    }
}

impl Buffer {
    /// A buffer for `len` bytes. Fails with ENOMEM.
    fn new(len: usize) -> Result<Self> {
        // A power of two, so that it is large enough for batches that grow a little.
        let len = len.checked_next_power_of_two().ok_or(ENOMEM)?;
        Ok(Self {
            charge: Charge::new(len)?,
            bytes: KVVec::with_capacity(len, gfp::charged())?,
        })
    }
}
