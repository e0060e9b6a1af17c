// SPDX-License-Identifier: GPL-2.0

//! [`ControlPage`], a page beside the states of a mapped table, by which programs read several of
//! them as of one moment.

use crate::{
    kernel_ext::gfp,
    limit::Charge,
    sequence::Sequence,
    uapi::{Control, CONTROL_VERSION},
};
use core::mem::offset_of;
use kernel::{alloc::VBox, bindings, page::PAGE_SIZE, prelude::*, sync::atomic::Atomic};

/// A [`Control`] that fills a page. The kernel alone writes it.
#[repr(C)]
struct Page {
    version: u32,
    num_contexts: u32,
    sequence: Atomic<u64>,
    rest: [u64; (PAGE_SIZE - size_of::<Control>()) / size_of::<u64>()],
}

const _: () = assert!(size_of::<Page>() == PAGE_SIZE);
const _: () = assert!(offset_of!(Page, num_contexts) == offset_of!(Control, num_contexts));
const _: () = assert!(offset_of!(Page, sequence) == offset_of!(Control, sequence));

/// The control page of a mapped table.
pub(crate) struct ControlPage {
    page: VBox<Page>,
    charge: Charge,
}

impl ControlPage {
    /// Makes the page of a table of so many contexts. Fails with ENOMEM.
    pub(crate) fn new(num_contexts: u32) -> Result<Self> {
        let charge = Charge::new(PAGE_SIZE)?;
        let page = init!(Page {
            version: CONTROL_VERSION,
            num_contexts,
            sequence: Atomic::new(0),
            rest <- pin_init::init_zeroed(),
        });
        Ok(Self {
            page: VBox::init(page, gfp::charged())?,
            charge,
        })
    }

    /// Bytes of kernel memory that are charged.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes()
    }

    /// The sequence, for a user who has the table alone.
    #[inline]
    pub(crate) fn sequence(&self) -> Sequence<'_> {
        Sequence::new(&self.page.sequence)
    }

    /// The page itself.
    pub(crate) fn page(&self) -> *mut bindings::page {
        // SAFETY: it lies in memory from `vmalloc`.
        unsafe { bindings::vmalloc_to_page(core::ptr::from_ref(&*self.page).cast()) }
    }
}
