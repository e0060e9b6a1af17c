// SPDX-License-Identifier: GPL-2.0

//! [`PinnedBatch`], the memory of a caller's batch, held in place: the kernel crate has nothing for that.

use crate::{
    logic::batch::Target,
    uapi::{BatchOp, MAX_BATCH},
};
use core::{cell::UnsafeCell, mem::offset_of, ptr, slice};
use kernel::{bindings, page::PAGE_SIZE, uaccess::UserPtr};

const ENTRY: usize = size_of::<BatchOp>();
/// Pages that a batch lies in at most: one more than it fills.
const MAX_PAGES: usize = MAX_BATCH as usize * ENTRY / PAGE_SIZE + 1;

/// A word of the caller's memory, which the caller may read and write at any time.
#[repr(transparent)]
struct UserWord(UnsafeCell<u64>);

impl UserWord {
    #[inline]
    fn set(&self, value: u64) {
        // SAFETY: a live word, as there is a reference to it. That others may access it too is the
        // caller's affair; volatile, so that the compiler assumes nothing about what is in it.
        unsafe { self.0.get().write_volatile(value) }
    }
}

/// Two words, of which the one with this number is the `value` of an entry.
#[repr(transparent)]
pub(crate) struct UserValue<const NUMBER: usize>([UserWord; 2]);

impl<const NUMBER: usize> Target for UserValue<NUMBER> {
    #[inline]
    fn put(&self, value: u64) {
        if let Some(word) = self.0.get(NUMBER) {
            word.set(value);
        }
    }
}

/// The values in one page.
pub(crate) enum Values<'a> {
    /// The head of each entry lies before its value, in the same 16 bytes.
    AfterHeads(&'a [UserValue<1>]),
    /// The caller's memory is aligned to 8 bytes only: the head lies in the 16 bytes before.
    BeforeHeads(&'a [UserValue<0>]),
}

/// The pages in which the values of a batch lie. They are there, writable, and stay: what is written
/// to them arrives, and the writer needs to wait for nobody.
///
/// # Invariants
///
/// - The first `count` of `pages` are pinned for writing. They hold, from `start` bytes into the
///   first on, one after another, the values of `entries` entries.
/// - `start` is a multiple of 8.
pub(crate) struct PinnedBatch {
    pages: [*mut bindings::page; MAX_PAGES],
    count: usize,
    start: usize,
    entries: usize,
}

impl PinnedBatch {
    /// Brings in and pins the memory of `entries` entries at `user`. May sleep.
    ///
    /// Returns `None` where that can't be done, though an ordinary copy may be able to write there: to
    /// memory of a device, say, or to values that aren't aligned.
    pub(crate) fn new(user: UserPtr, entries: usize) -> Option<Self> {
        let start = user
            .as_mut_ptr()
            .addr()
            .checked_add(offset_of!(BatchOp, value))?;
        let bytes = entries
            .checked_mul(ENTRY)?
            .checked_sub(offset_of!(BatchOp, value))?;
        let offset = start % PAGE_SIZE;
        let count = offset.checked_add(bytes)?.div_ceil(PAGE_SIZE);
        if start % size_of::<u64>() != 0 || count > MAX_PAGES {
            return None;
        }

        let mut pages = [ptr::null_mut(); MAX_PAGES];
        // SAFETY: `pages` has room for `count`, which fits easily; the kernel checks the address.
        let pinned = unsafe {
            bindings::pin_user_pages_fast(
                start,
                count as i32,
                bindings::FOLL_WRITE,
                pages.as_mut_ptr(),
            )
        };
        let pinned = usize::try_from(pinned).ok()?;
        // INVARIANT: dropped below if some are missing.
        let batch = Self {
            pages,
            count: pinned,
            start: offset,
            entries,
        };
        (pinned == count).then_some(batch)
    }

    /// Calls `f` with the values in each page, in order.
    #[inline]
    pub(crate) fn for_each_page(&self, mut f: impl FnMut(Values<'_>)) {
        // From the first 16 bytes that have a value.
        let mut offset = self.start & !(ENTRY - 1);
        let mut left = self.entries;
        for &page in self.pages.iter().take(self.count) {
            let here = left.min((PAGE_SIZE - offset) / ENTRY);
            // SAFETY: by the invariants the page is pinned, thus valid.
            let mapped = unsafe { bindings::kmap_local_page(page) };
            let values = mapped.wrapping_byte_add(offset);
            // SAFETY: `here` times 16 bytes from a multiple of 16 on lie within the page, which stays
            // mapped while `f` has the slice. It is used through `UserWord` alone.
            let values = unsafe {
                if self.start % ENTRY == 0 {
                    Values::BeforeHeads(slice::from_raw_parts(values.cast(), here))
                } else {
                    Values::AfterHeads(slice::from_raw_parts(values.cast(), here))
                }
            };
            f(values);
            // SAFETY: the address that `kmap_local_page` has given, of the last page mapped.
            unsafe { bindings::kunmap_local(mapped) };
            left = left.saturating_sub(here);
            offset = 0;
        }
    }
}

impl Drop for PinnedBatch {
    fn drop(&mut self) {
        // SAFETY: by the invariants these are pinned; nobody uses them any more.
        unsafe {
            bindings::unpin_user_pages_dirty_lock(self.pages.as_mut_ptr(), self.count, true);
        }
    }
}
