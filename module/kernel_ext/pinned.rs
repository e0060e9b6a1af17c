// SPDX-License-Identifier: GPL-2.0

//! [`PinnedPages`], pages of a caller's memory that are held where they are.

use core::{cell::UnsafeCell, mem::MaybeUninit};
use kernel::{bindings, page::PAGE_SIZE};

/// Words in a page.
pub(crate) const PAGE_WORDS: usize = PAGE_SIZE / size_of::<u64>();

/// A word of a caller's memory, which the caller may read and write at any time.
#[repr(transparent)]
pub(crate) struct UserWord(UnsafeCell<u64>);

impl UserWord {
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        // SAFETY: a live word, as there is a reference to it. That others may access it too is the
        // caller's affair; the write is volatile, so that the compiler assumes nothing about what
        // the word holds.
        unsafe { self.0.get().write_volatile(value) }
    }
}

/// Up to `MAX` pages of a caller's memory. While they are pinned they exist and are writable:
/// writing to them can't fail, and waits for nobody.
///
/// # Invariants
///
/// The first `count` of `pages` are initialised and pinned for writing.
pub(crate) struct PinnedPages<const MAX: usize> {
    pages: [MaybeUninit<*mut bindings::page>; MAX],
    count: usize,
}

impl<const MAX: usize> PinnedPages<MAX> {
    /// No pages yet.
    #[inline]
    pub(crate) fn none() -> Self {
        // INVARIANT: `count` is 0.
        Self {
            pages: [const { MaybeUninit::uninit() }; MAX],
            count: 0,
        }
    }

    /// How many pages are pinned.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Brings in and pins `count` pages, from the one that `address` lies in. May sleep. Returns
    /// whether all of them are pinned; otherwise none is.
    pub(crate) fn pin(&mut self, address: usize, count: usize) -> bool {
        self.unpin();
        if count > MAX {
            return false;
        }
        // SAFETY: `pages` has room for `count`, which is small; the kernel checks the address.
        let pinned = unsafe {
            bindings::pin_user_pages_fast(
                address,
                count as i32,
                bindings::FOLL_WRITE,
                self.pages.as_mut_ptr().cast(),
            )
        };
        // INVARIANT: so many are initialised and pinned; after an error, none.
        self.count = usize::try_from(pinned).unwrap_or(0);
        if self.count < count {
            self.unpin();
            return false;
        }
        true
    }

    /// Lets the pages go.
    pub(crate) fn unpin(&mut self) {
        if self.count > 0 {
            // SAFETY: by the invariant these are pinned; nobody uses them any more.
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

    /// Calls `f` with the words of each page, in order.
    #[inline(always)] // Two callers, of which each has its own closure.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&[UserWord; PAGE_WORDS])) {
        for &page in self.pages.iter().take(self.count) {
            // SAFETY: by the invariant it is initialised, and the page pinned, thus valid.
            let mapped = unsafe { bindings::kmap_local_page(page.assume_init()) };
            // SAFETY: a page is mapped there for as long as `f` has the reference, and aligned as
            // one. It is used through `UserWord` alone.
            f(unsafe { &*mapped.cast() });
            // SAFETY: the address that `kmap_local_page` has given, of the last page mapped.
            unsafe { bindings::kunmap_local(mapped) };
        }
    }
}

impl<const MAX: usize> Drop for PinnedPages<MAX> {
    fn drop(&mut self) {
        self.unpin();
    }
}
