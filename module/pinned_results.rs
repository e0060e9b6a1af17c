// SPDX-License-Identifier: GPL-2.0

//! [`PinnedResults`], a caller's batch in pinned memory, for its results.

use crate::{
    kernel_ext::pinned::{PinnedPages, UserWord},
    logic::batch::Target,
    uapi::{BatchOp, MAX_BATCH},
};
use core::{mem::offset_of, slice};
use kernel::{page::PAGE_SIZE, uaccess::UserPtr};

const ENTRY: usize = size_of::<BatchOp>();
/// Pages that a batch lies in at most: one more than it fills.
const MAX_PAGES: usize = MAX_BATCH as usize * ENTRY / PAGE_SIZE + 1;

/// Two words of the caller's memory. The one with this number is the `value` of an entry.
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

/// The values of the entries in one page.
pub(crate) enum Values<'a> {
    /// The head of each entry lies before its value, in the same 16 bytes.
    AfterHeads(&'a [UserValue<1>]),
    /// The caller's memory is aligned to 8 bytes only: the head lies in the 16 bytes before.
    BeforeHeads(&'a [UserValue<0>]),
}

/// The values of a batch, in pinned pages: storing a result there can't fail.
///
/// # Invariants
///
/// - Pinned pages hold the values of `entries` entries one after another, from `start` bytes into
///   the first on.
/// - `start` is a multiple of 8, and below `PAGE_SIZE`.
pub(crate) struct PinnedResults {
    pages: PinnedPages<MAX_PAGES>,
    start: usize,
    entries: usize,
}

impl PinnedResults {
    /// No pages yet. (Pinning fills it where it is: it is too large to be moved cheaply.)
    #[inline]
    pub(crate) fn none() -> Self {
        // INVARIANT: no pages, and `start` is 0.
        Self {
            pages: PinnedPages::none(),
            start: 0,
            entries: 0,
        }
    }

    /// Whether pages are pinned.
    #[inline]
    pub(crate) fn is_pinned(&self) -> bool {
        self.pages.count() > 0
    }

    /// Brings in and pins the memory of `entries` entries at `user`. May sleep.
    ///
    /// Pins nothing where that can't be done, though an ordinary copy may be able to write there:
    /// to memory of a device, say, or to values that aren't aligned.
    pub(crate) fn pin(&mut self, user: UserPtr, entries: usize) {
        self.pages.unpin();
        if let Some((first, pages)) = Self::extent(user, entries) {
            // INVARIANT: these are the pages of the values, of which the first is at `first`, which
            // is a multiple of 8.
            self.pages.pin(first, pages);
            self.start = first % PAGE_SIZE;
            self.entries = entries;
        }
    }

    /// The address of the first value of `entries` entries at `user`, and the number of pages that
    /// the values lie in; nothing where they aren't aligned.
    fn extent(user: UserPtr, entries: usize) -> Option<(usize, usize)> {
        let first = user
            .as_mut_ptr()
            .addr()
            .checked_add(offset_of!(BatchOp, value))?;
        let bytes = entries
            .checked_mul(ENTRY)?
            .checked_sub(offset_of!(BatchOp, value))?;
        let pages = (first % PAGE_SIZE).checked_add(bytes)?.div_ceil(PAGE_SIZE);
        (first % size_of::<u64>() == 0).then_some((first, pages))
    }

    /// Calls `f` with the values in each page, in order.
    #[inline(always)] // Calls would cost large batches.
    pub(crate) fn for_each_page(&self, mut f: impl FnMut(Values<'_>)) {
        // From the first 16 bytes that have a value.
        let mut offset = self.start & !(ENTRY - 1);
        let mut left = self.entries;
        self.pages.for_each(|words| {
            let here = left.min((PAGE_SIZE - offset) / ENTRY);
            let first = words.as_ptr().wrapping_byte_add(offset);
            // SAFETY: `here` times two words, from a multiple of 16 bytes on, lie within the page.
            let values = unsafe {
                if self.start % ENTRY == 0 {
                    Values::BeforeHeads(slice::from_raw_parts(first.cast(), here))
                } else {
                    Values::AfterHeads(slice::from_raw_parts(first.cast(), here))
                }
            };
            f(values);
            left = left.saturating_sub(here);
            offset = 0;
        });
    }
}
