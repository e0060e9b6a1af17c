// SPDX-License-Identifier: GPL-2.0

//! [`MappedStates`], the states of a table in pages that programs map, with its control page, and
//! [`MapRequest`], the pages that one asks for.

use crate::{
    control_page::ControlPage,
    kernel_ext::{gfp, series::mapping::MAYSHARE},
    limit::Charge,
    logic::index,
    sequence::Sequence,
    uapi,
};
use core::{mem::MaybeUninit, ops::Range};
use kernel::{
    alloc::VVec,
    bindings,
    mm::virt::VmaNew,
    page::PAGE_SIZE,
    prelude::*,
    sync::{atomic::Atomic, Arc},
};

const STATE: usize = size_of::<u64>();
const STATES_IN_PAGE: usize = PAGE_SIZE / STATE;

/// Offsets in the file that each table has for itself, in pages.
const SPAN: usize = uapi::MAP_SPAN as usize / PAGE_SIZE;

/// The one of these at which the control page is, behind the states of the largest table.
const CONTROL: usize = uapi::MAP_CONTROL as usize / PAGE_SIZE;

const _: () = assert!(uapi::MAX_CONTEXTS as usize <= CONTROL * STATES_IN_PAGE && CONTROL < SPAN);

/// The states of a table in pages of their own, shared with programs that may change them at any
/// time, by any instruction. The programs reach no other memory but the control page, which they
/// only read.
///
/// Lives as long as the table or a mapping does.
///
/// # Invariants
///
/// The length of `states` is a power of two, a whole number of pages, and at least `count`. States
/// from `count` on mean nothing.
pub(crate) struct MappedStates {
    states: VVec<Atomic<u64>>,
    count: usize,
    charge: Charge,
    control: ControlPage,
}

/// The pages of a table that a program asks to map.
pub(crate) struct MapRequest {
    table_id: u32,
    /// The numbers of the first page and of the one after the last.
    first: usize,
    end: usize,
}

impl MapRequest {
    /// The request of a new mapping, by its offset in the file. Fails with EINVAL where it is
    /// private, executable or beyond the offsets of tables, and with EACCES where it is of a
    /// control page, to be written.
    pub(crate) fn new(vma: &VmaNew) -> Result<Self> {
        // A private mapping would keep its writes to itself.
        if vma.flags() & MAYSHARE == 0 {
            return Err(EINVAL);
        }
        vma.try_clear_mayexec()?;
        // SAFETY: the mapping may be read, as there is a reference to it.
        let offset = unsafe { (*vma.as_ptr()).vm_pgoff };
        let pages = vma.end().checked_sub(vma.start()).ok_or(EINVAL)? / PAGE_SIZE;
        let first = offset % SPAN;
        if first == CONTROL {
            // For good: mprotect fails with EACCES, too.
            vma.try_clear_maywrite().map_err(|_| EACCES)?;
        }
        Ok(Self {
            table_id: u32::try_from(offset / SPAN).map_err(|_| EINVAL)?,
            first,
            end: first.checked_add(pages).ok_or(EINVAL)?,
        })
    }

    pub(crate) fn table_id(&self) -> u32 {
        self.table_id
    }

    /// Fails with EINVAL where these are neither pages of the states of a table of `count` contexts
    /// nor its control page.
    pub(crate) fn check(&self, count: u32) -> Result {
        let states = 0..(count as usize).div_ceil(STATES_IN_PAGE);
        let control = CONTROL..CONTROL + 1;
        let are_of = |pages: Range<usize>| pages.start <= self.first && self.end <= pages.end;
        if are_of(states) || are_of(control) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }
}

impl MappedStates {
    /// Makes `count` states of 0. Fails with ENOMEM.
    pub(crate) fn new(count: u32) -> Result<Arc<Self>> {
        let control = ControlPage::new(count)?;
        let count = count as usize;
        let all = index::mask(count).checked_add(1).ok_or(ENOMEM)?;
        // INVARIANT: both are powers of two.
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
            control,
        };
        Ok(Arc::new(new, gfp::charged())?)
    }

    /// Bytes of kernel memory that are charged.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes().wrapping_add(self.control.bytes())
    }

    /// The states of the table's contexts.
    #[inline]
    pub(crate) fn states(&self) -> &[Atomic<u64>] {
        self.states.get(..self.count).unwrap_or(&[])
    }

    /// The sequence, for a user who has the table alone.
    #[inline]
    pub(crate) fn sequence(&self) -> Sequence<'_> {
        self.control.sequence()
    }

    /// Makes a new mapping show the pages that it is of. Its pages come when they are used.
    pub(crate) fn map(this: Arc<Self>, vma: &VmaNew) {
        vma.set_dontexpand();
        // So that `fork` copies the page table entries, as for other memory.
        vma.set_mixedmap();
        let vma = vma.as_ptr();
        // SAFETY: the mapping is being made, so nobody else uses it. The operations live as long as
        // this module, which the mapping's file holds; they own the reference in `vm_private_data`.
        unsafe {
            (*vma).vm_private_data = Arc::into_raw(this).cast_mut().cast();
            (*vma).vm_ops = &OPERATIONS.0;
        }
    }

    /// The page with this number, from 0.
    fn page(&self, number: usize) -> Option<*mut bindings::page> {
        if number == CONTROL {
            return Some(self.control.page());
        }
        let first = number.checked_mul(STATES_IN_PAGE)?;
        let mask = self.states.len().wrapping_sub(1);
        let first = self.states.get(index::checked(first, self.count, mask)?)?;
        // SAFETY: `first` lies in memory from `vmalloc`.
        Some(unsafe { bindings::vmalloc_to_page(first.as_ptr().cast()) })
    }
}

/// The operations of a mapping, which holds a reference to its states.
static OPERATIONS: Operations = Operations({
    // SAFETY: all zero is valid: no operation.
    let none: bindings::vm_operations_struct = unsafe { MaybeUninit::zeroed().assume_init() };
    bindings::vm_operations_struct {
        open: Some(open),
        close: Some(close),
        fault: Some(fault),
        ..none
    }
});

/// Mapping operations that any thread may read.
struct Operations(bindings::vm_operations_struct);

// SAFETY: it is never written to, and its functions may be called in any thread.
unsafe impl Sync for Operations {}

/// Called for a copy of a mapping: by `fork`, or where a part of the mapping is changed.
///
/// # Safety
///
/// `vma` is a mapping with these operations.
unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
    // SAFETY: its `vm_private_data` comes from `Arc::into_raw`, and the original still has its
    // reference.
    let states = unsafe { Arc::from_raw(states_of(vma)) };
    // One for the copy, one for the original.
    let _ = Arc::into_raw(states.clone());
    let _ = Arc::into_raw(states);
}

/// Called when a mapping goes.
///
/// # Safety
///
/// As for [`open`].
unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
    // SAFETY: as in `open`; this reference is the mapping's.
    drop(unsafe { Arc::from_raw(states_of(vma)) });
}

/// Called when a program uses a page that its mapping doesn't show yet, or not any more, as after
/// MADV_DONTNEED.
///
/// # Safety
///
/// `vmf` is a fault in a mapping with these operations.
unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
    // SAFETY: by the contract `vmf` is valid.
    let (vma, offset) = unsafe { ((*vmf).__bindgen_anon_1.vma, (*vmf).__bindgen_anon_1.pgoff) };
    // SAFETY: as in `open`; a mapping keeps its reference while a fault in it is served.
    let states = unsafe { &*states_of(vma) };
    match states.page(offset % SPAN) {
        // SAFETY: the page lives as long as the states. If one has been inserted meanwhile, it is
        // the same.
        Some(page) => unsafe { bindings::vmf_insert_page_mkwrite(vmf, page, false) },
        None => bindings::vm_fault_reason_VM_FAULT_SIGBUS,
    }
}

/// The states that a mapping holds.
///
/// # Safety
///
/// As for [`open`].
unsafe fn states_of(vma: *mut bindings::vm_area_struct) -> *const MappedStates {
    // SAFETY: by the contract `vma` is valid.
    unsafe { (*vma).vm_private_data }.cast_const().cast()
}
