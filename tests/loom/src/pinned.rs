// SPDX-License-Identifier: GPL-2.0

//! The pinning of pages, which never succeeds here: so each batch that returns values goes the way
//! on which something can go wrong.

use crate::logic::batch::{Nowhere, Target};
use kernel::uaccess::UserPtr;

pub(crate) struct UserValue<const NUMBER: usize>(Nowhere);

impl<const NUMBER: usize> Target for UserValue<NUMBER> {
    fn put(&self, value: u64) {
        self.0.put(value);
    }
}

pub(crate) enum Values<'a> {
    #[expect(dead_code, reason = "never made")]
    AfterHeads(&'a [UserValue<1>]),
    #[expect(dead_code, reason = "never made")]
    BeforeHeads(&'a [UserValue<0>]),
}

pub(crate) struct PinnedBatch;

impl PinnedBatch {
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) fn is_pinned(&self) -> bool {
        false
    }

    pub(crate) fn pin(&mut self, _: UserPtr, _: usize) {}

    pub(crate) fn for_each_page(&self, _: impl FnMut(Values<'_>)) {}
}
