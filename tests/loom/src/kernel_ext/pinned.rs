// SPDX-License-Identifier: GPL-2.0

//! Stands in for the driver's file of this name. Pinning always fails here, so each batch that
//! returns values takes the way on which something can go wrong.

pub(crate) const PAGE_WORDS: usize = 512;

pub(crate) struct UserWord(());

impl UserWord {
    pub(crate) fn set(&self, _: u64) {
        unreachable!("no page is pinned");
    }
}

pub(crate) struct PinnedPages<const MAX: usize>(());

impl<const MAX: usize> PinnedPages<MAX> {
    pub(crate) fn none() -> Self {
        Self(())
    }

    pub(crate) fn count(&self) -> usize {
        0
    }

    pub(crate) fn pin(&mut self, _: usize, _: usize) -> bool {
        false
    }

    pub(crate) fn unpin(&mut self) {}

    pub(crate) fn for_each(&self, _: impl FnMut(&[UserWord; PAGE_WORDS])) {}
}
