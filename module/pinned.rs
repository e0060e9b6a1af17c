// SPDX-License-Identifier: GPL-2.0

//! [`PinnedBatch`], the memory of a caller's batch, held in place: the kernel crate has nothing for that.

use crate::{
    logic::batch::Target,
    uapi::{BatchOp, MAX_BATCH},
};
use core::{
    cell::UnsafeCell,
    mem::{offset_of, MaybeUninit},
    slice,
};
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

/// The pages in which the values of a batch lie. Once they are pinned they are there, writable, and
/// stay: what is written to them arrives, and the writer needs to wait for nobody.
///
/// # Invariants
///
/// - The first `count` of `pages` are initialised and pinned for writing.
/// - Where `count` is not 0, they hold, from `start` bytes into the first on, one after another, the
///   values of `entries` entries.
/// - `start` is a multiple of 8.
pub(crate) struct PinnedBatch {
    pages: [MaybeUninit<*mut bindings::page>; MAX_PAGES],
    count: usize,
    start: usize,
    entries: usize,
}

impl PinnedBatch {
    /// No pages yet. (To be filled where it is: it is large to be moved.)
    #[inline]
    pub(crate) fn none() -> Self {
        // INVARIANT: `count` is 0.
        Self {
            pages: [const { MaybeUninit::uninit() }; MAX_PAGES],
            count: 0,
            start: 0,
            entries: 0,
        }
    }

    /// Whether pages are pinned.
    #[inline]
    pub(crate) fn is_pinned(&self) -> bool {
        self.count > 0
    }

    /// Brings in and pins the memory of `entries` entries at `user`. May sleep.
    ///
    /// Does nothing where that can't be done, though an ordinary copy may be able to write there: to
    /// memory of a device, say, or to values that aren't aligned.
    pub(crate) fn pin(&mut self, user: UserPtr, entries: usize) {
        self.unpin();
        if self.try_pin(user, entries).is_none() {
            self.unpin();
        }
    }

    fn try_pin(&mut self, user: UserPtr, entries: usize) -> Option<()> {
        let first = user
            .as_mut_ptr()
            .addr()
            .checked_add(offset_of!(BatchOp, value))?;
        let bytes = entries
            .checked_mul(ENTRY)?
            .checked_sub(offset_of!(BatchOp, value))?;
        let start = first % PAGE_SIZE;
        let count = start.checked_add(bytes)?.div_ceil(PAGE_SIZE);
        if first % size_of::<u64>() != 0 || count > MAX_PAGES {
            return None;
        }
        // SAFETY: `pages` has room for `count`, which fits easily; the kernel checks the address.
        let pinned = unsafe {
            bindings::pin_user_pages_fast(
                first,
                count as i32,
                bindings::FOLL_WRITE,
                self.pages.as_mut_ptr().cast(),
            )
        };
        // INVARIANT: so many are initialised and pinned. Where some are missing, the caller lets
        // them go.
        self.count = usize::try_from(pinned).ok()?;
        self.start = start;
        self.entries = entries;
        (self.count == count).then_some(())
    }

    fn unpin(&mut self) {
        if self.count > 0 {
            // SAFETY: by the invariants these are pinned; nobody uses them any more.
            unsafe {
                bindings::unpin_user_pages_dirty_lock(
                    self.pages.as_mut_ptr().cast(),
                    self.count,
                    true,
                );
            }
            self.count = 0;
        }
    }

    /// Calls `f` with the values in each page, in order.
    #[inline]
    pub(crate) fn for_each_page(&self, mut f: impl FnMut(Values<'_>)) {
        // From the first 16 bytes that have a value.
        let mut offset = self.start & !(ENTRY - 1);
        let mut left = self.entries;
        for &page in self.pages.iter().take(self.count) {
            let here = left.min((PAGE_SIZE - offset) / ENTRY);
            // SAFETY: by the invariants it is initialised, and the page pinned, thus valid.
            let mapped = unsafe { bindings::kmap_local_page(page.assume_init()) };
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
        self.unpin();
    }
}
