// SPDX-License-Identifier: GPL-2.0

//! [`MappedStates`], the states of a table that programs have mapped.

use crate::{
    gfp,
    limit::Charge,
    logic::context::{State, States},
    uapi,
    xor::atomic_xor,
};
use core::{ffi::c_void, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    alloc::VVec,
    bindings,
    mm::virt::{flags, VmaNew},
    page::{BorrowedPage, PAGE_SIZE},
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};

const STATE: usize = size_of::<u64>();

/// The states of a table, in pages of their own, which are shared with programs that may change them
/// at any time, by any instruction. What they do reaches no other memory.
///
/// Lives as long as the table or a mapping does.
pub(crate) struct MappedStates {
    /// As many as fill whole pages: what is beyond `count` is of no meaning.
    states: VVec<Atomic<u64>>,
    count: usize,
    charge: Charge,
}

impl MappedStates {
    /// Makes `count` states of 0. Fails with ENOMEM.
    pub(crate) fn new(count: usize) -> Result<Arc<Self>> {
        let all = count.next_multiple_of(PAGE_SIZE / STATE);
        let charge = Charge::new(all.checked_mul(STATE).ok_or(ENOMEM)?)?;
        let mut states = VVec::with_capacity(all, gfp::charged())?;
        for _ in 0..all {
            states
                .push_within_capacity(Atomic::new(0))
                .map_err(|_| ENOMEM)?;
        }
        let new = Self {
            states,
            count,
            charge,
        };
        Ok(Arc::new(new, gfp::charged())?)
    }

    /// Bytes of kernel memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes()
    }

    #[inline]
    pub(crate) fn states(&self) -> &[Atomic<u64>] {
        self.states.get(..self.count).unwrap_or(&[])
    }

    /// Maps pages of the states into a process, as its new mapping says.
    ///
    /// Fails with EINVAL where these are more than there are, or the mapping is one of those that a
    /// table can't have.
    pub(crate) fn map(this: Arc<Self>, vma: &VmaNew) -> Result {
        // A private one would keep what it writes to itself.
        if vma.flags() & flags::SHARED == 0 {
            return Err(EINVAL);
        }
        vma.try_clear_mayexec()?;
        vma.set_dontexpand();

        let (_, first) = place_in_file(vma)?;
        let (start, end) = (vma.start(), vma.end());
        let wanted = end.checked_sub(start).ok_or(EINVAL)? / PAGE_SIZE;
        let pages = this.states.chunks(PAGE_SIZE / STATE).skip(first);
        if pages.len() < wanted {
            return Err(EINVAL);
        }
        let mixed = vma.set_mixedmap();
        for (page, address) in pages.zip((start..end).step_by(PAGE_SIZE)) {
            // SAFETY: `page` is in memory that `vmalloc` has given.
            let page = unsafe { bindings::vmalloc_to_page(page.as_ptr().cast()) };
            let page = NonNull::new(page).ok_or(EFAULT)?;
            // SAFETY: the page lives as long as the memory, which `this` holds.
            let page = unsafe { BorrowedPage::from_raw(page) };
            mixed.vm_insert_page(address, &page)?;
        }

        let vma = vma.as_ptr();
        // SAFETY: the mapping is being made, so that nobody else uses it. The operations are there as
        // long as this module, which the mapping's file holds; they own what they find in
        // `vm_private_data`.
        unsafe {
            (*vma).vm_private_data = Arc::into_raw(this).cast_mut().cast();
            (*vma).vm_ops = &OPERATIONS.0;
        }
        Ok(())
    }
}

/// The table that a new mapping is of, and the page of it with which it starts: what the offset in the
/// file says.
pub(crate) fn place_in_file(vma: &VmaNew) -> Result<(u32, usize)> {
    const PAGES: usize = uapi::MAP_SPAN as usize / PAGE_SIZE;

    // SAFETY: the reference says that the mapping may be read.
    let offset = unsafe { (*vma.as_ptr()).vm_pgoff };
    let id = u32::try_from(offset / PAGES).map_err(|_| EINVAL)?;
    Ok((id, offset % PAGES))
}

/// A mapping holds the states that it shows.
static OPERATIONS: Operations = Operations({
    // SAFETY: all zero is a value: no operation.
    let none: bindings::vm_operations_struct = unsafe { MaybeUninit::zeroed().assume_init() };
    bindings::vm_operations_struct {
        open: Some(open),
        close: Some(close),
        ..none
    }
});

/// Operations that every thread may look at.
struct Operations(bindings::vm_operations_struct);

// SAFETY: nobody writes to it, and the functions in it may be called in any thread.
unsafe impl Sync for Operations {}

/// A mapping has been copied: by `fork`, or because a part of it has been changed.
///
/// # Safety
///
/// `vma` is a mapping with these operations.
unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
    // SAFETY: its `vm_private_data` comes from `Arc::into_raw`, and the original's reference is there.
    let states = unsafe { Arc::from_raw(held_by(vma)) };
    // One for the copy, one for the original.
    let _ = Arc::into_raw(states.clone());
    let _ = Arc::into_raw(states);
}

/// A mapping goes.
///
/// # Safety
///
/// As for [`open`].
unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
    // SAFETY: as in `open`; this reference is the mapping's.
    drop(unsafe { Arc::from_raw(held_by(vma)) });
}

/// # Safety
///
/// As for [`open`].
unsafe fn held_by(vma: *mut bindings::vm_area_struct) -> *const MappedStates {
    // SAFETY: by the contract `vma` is valid.
    let data: *mut c_void = unsafe { (*vma).vm_private_data };
    data.cast()
}

/// The states of a table that nobody uses but programs that have mapped it.
pub(crate) struct Shared<'a>(pub(crate) &'a [Atomic<u64>]);

/// A state that programs may change at any time.
pub(crate) struct SharedState<'a>(&'a Atomic<u64>);

impl States for Shared<'_> {
    type State<'b>
        = SharedState<'b>
    where
        Self: 'b;

    #[inline]
    fn state(&mut self, number: usize) -> Option<SharedState<'_>> {
        self.0.get(number).map(SharedState)
    }
}

impl State for SharedState<'_> {
    // The orderings are those of `contexts.rs`.
    #[inline]
    fn get(&mut self) -> u64 {
        self.0.load(Relaxed)
    }

    #[inline]
    fn replace(&mut self, value: u64) -> u64 {
        self.0.xchg(value, Full)
    }

    #[inline]
    fn xor(&mut self, delta: u64) {
        atomic_xor(self.0, delta);
    }
}
