// SPDX-License-Identifier: GPL-2.0

//! [`MappedStates`], the states of a table that programs have mapped.

use crate::{
    gfp,
    limit::Charge,
    logic::{
        context::{State, States},
        index,
    },
    uapi,
    xor::atomic_xor,
};
use core::mem::MaybeUninit;
use kernel::{
    alloc::VVec,
    bindings,
    mm::virt::{vm_flags_t, VmaNew},
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};

const STATE: usize = size_of::<u64>();
const STATES_IN_PAGE: usize = PAGE_SIZE / STATE;

/// The mapping is MAP_SHARED, be the file open for writing or not. (The kernel crate's
/// `flags::MAYSHARE` is another flag in 7.2, by mistake.)
const MAYSHARE: vm_flags_t = 1 << bindings::VMA_MAYSHARE_BIT;

/// Pages of the file's offsets that each table has for itself.
const SPAN: usize = uapi::MAP_SPAN as usize / PAGE_SIZE;

/// The states of a table, in pages of their own, which are shared with programs that may change
/// them at any time, by any instruction. What they do reaches no other memory.
///
/// Lives as long as the table or a mapping does.
pub(crate) struct MappedStates {
    /// Whole pages, and as many as the mask lets through: what is beyond `count` is of no meaning.
    states: VVec<Atomic<u64>>,
    count: usize,
    charge: Charge,
}

/// What a program wants to map: pages of a table.
pub(crate) struct Wanted {
    table_id: u32,
    /// The number of the page after the last.
    end: usize,
}

impl Wanted {
    /// What a new mapping is of, as its offset in the file says. Fails with EINVAL where it is one
    /// of those that a table can't have.
    pub(crate) fn of(vma: &VmaNew) -> Result<Self> {
        // A private one would keep what it writes to itself.
        if vma.flags() & MAYSHARE == 0 {
            return Err(EINVAL);
        }
        vma.try_clear_mayexec()?;
        // SAFETY: the reference says that the mapping may be read.
        let offset = unsafe { (*vma.as_ptr()).vm_pgoff };
        let pages = vma.end().checked_sub(vma.start()).ok_or(EINVAL)? / PAGE_SIZE;
        Ok(Self {
            table_id: u32::try_from(offset / SPAN).map_err(|_| EINVAL)?,
            end: pages.checked_add(offset % SPAN).ok_or(EINVAL)?,
        })
    }

    pub(crate) fn table_id(&self) -> u32 {
        self.table_id
    }

    /// Fails with EINVAL where a table of `count` contexts has fewer pages.
    pub(crate) fn check(&self, count: u32) -> Result {
        if self.end <= (count as usize).div_ceil(STATES_IN_PAGE) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }
}

impl MappedStates {
    /// Makes `count` states of 0. Fails with ENOMEM.
    pub(crate) fn new(count: u32) -> Result<Arc<Self>> {
        let count = count as usize;
        let all = index::mask(count).checked_add(1).ok_or(ENOMEM)?;
        let all = all.max(STATES_IN_PAGE);
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

    /// Lets a new mapping show the states. Its pages come when they are used.
    pub(crate) fn map(this: Arc<Self>, vma: &VmaNew) {
        vma.set_dontexpand();
        // So `fork` copies what is there of the pages, as for other memory.
        vma.set_mixedmap();
        let vma = vma.as_ptr();
        // SAFETY: the mapping is being made, so that nobody else uses it. The operations are there
        // as long as this module, which the mapping's file holds; they own what they find in
        // `vm_private_data`.
        unsafe {
            (*vma).vm_private_data = Arc::into_raw(this).cast_mut().cast();
            (*vma).vm_ops = &OPERATIONS.0;
        }
    }

    /// The page with this number, from 0.
    fn page(&self, number: usize) -> Option<*mut bindings::page> {
        let first = number.checked_mul(STATES_IN_PAGE)?;
        let mask = self.states.len().wrapping_sub(1);
        let first = self.states.get(index::checked(first, self.count, mask)?)?;
        // SAFETY: in memory that `vmalloc` has given.
        Some(unsafe { bindings::vmalloc_to_page(first.as_ptr().cast()) })
    }
}

/// A mapping holds the states that it shows.
static OPERATIONS: Operations = Operations({
    // SAFETY: all zero is a value: no operation.
    let none: bindings::vm_operations_struct = unsafe { MaybeUninit::zeroed().assume_init() };
    bindings::vm_operations_struct {
        open: Some(open),
        close: Some(close),
        fault: Some(fault),
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
    // SAFETY: its `vm_private_data` comes from `Arc::into_raw`, and the original's reference is
    // there.
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

/// A program uses a page that its mapping doesn't show: not yet, or not any more, as after
/// MADV_DONTNEED.
///
/// # Safety
///
/// `vmf` is a fault in a mapping with these operations.
unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
    // SAFETY: by the contract `vmf` is valid.
    let (vma, offset) = unsafe { ((*vmf).__bindgen_anon_1.vma, (*vmf).__bindgen_anon_1.pgoff) };
    // SAFETY: as in `open`; a mapping and its reference stay while a fault in it is served.
    let states = unsafe { &*held_by(vma) };
    match states.page(offset % SPAN) {
        // SAFETY: the page is there as long as the states. Where a page has come meanwhile, it is
        // this.
        Some(page) => unsafe { bindings::vmf_insert_page_mkwrite(vmf, page, false) },
        None => bindings::vm_fault_reason_VM_FAULT_SIGBUS,
    }
}

/// # Safety
///
/// As for [`open`].
unsafe fn held_by(vma: *mut bindings::vm_area_struct) -> *const MappedStates {
    // SAFETY: by the contract `vma` is valid.
    unsafe { (*vma).vm_private_data }.cast_const().cast()
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
    fn state(&mut self, number: usize, mask: usize) -> Option<SharedState<'_>> {
        let number = index::checked(number, self.0.len(), mask)?;
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
