// SPDX-License-Identifier: GPL-2.0

//! Does one wrong thing when it is loaded, so that a test can see the debug kernel notice it. Never
//! to be loaded elsewhere.

use core::ptr::{read_volatile, NonNull};
use kernel::{
    alloc::Flags,
    new_mutex, new_spinlock,
    prelude::*,
    sync::{Mutex, SpinLock},
};

module! {
    type: Bad,
    name: "bad",
    authors: ["The atomik developers"],
    description: "Does wrong on demand, for a test of the debug kernel",
    license: "GPL",
    params: {
        fault: u64 {
            default: 0,
            description: "What to do: 0 nothing, 1 use after free, 2 beyond a slab object, 3 beyond a vmalloc area, 4 locks in two orders, 5 sleep under a spinlock, 6 lose memory, 7 lose memory that is charged",
        },
    },
}

struct Bad;

impl kernel::Module for Bad {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        match module_parameters::fault.value() {
            0 => Ok(()),
            1 => use_after_free(),
            2 => beyond(KVec::from_elem(0u8, 60, GFP_KERNEL)?.as_ptr(), 60),
            3 => beyond(VVec::from_elem(0u8, 5000, GFP_KERNEL)?.as_ptr(), 5000),
            4 => locks_in_two_orders(),
            5 => sleep_under_a_spinlock(),
            6 => lose_memory::<64>(GFP_KERNEL),
            7 => lose_memory::<128>(GFP_KERNEL_ACCOUNT),
            _ => Err(EINVAL),
        }?;
        Ok(Self)
    }
}

fn use_after_free() -> Result {
    let value = KBox::new(7u64, GFP_KERNEL)?;
    let gone = NonNull::from(&*value);
    drop(value);
    // SAFETY: none. That it is wrong is what it is for.
    let _ = unsafe { read_volatile(gone.as_ptr()) };
    Ok(())
}

/// Reads the byte after `len` others. The temporary that they belong to is alive till the caller's
/// statement ends.
fn beyond(start: *const u8, len: usize) -> Result {
    // SAFETY: none. That it is wrong is what it is for.
    let _ = unsafe { read_volatile(start.wrapping_add(len)) };
    Ok(())
}

fn locks_in_two_orders() -> Result {
    let a = KBox::pin_init(new_mutex!((), "bad::a"), GFP_KERNEL)?;
    let b = KBox::pin_init(new_mutex!((), "bad::b"), GFP_KERNEL)?;
    let lock = |first: &Mutex<()>, second: &Mutex<()>| {
        let _first = first.lock();
        let _second = second.lock();
    };
    lock(&a, &b);
    lock(&b, &a);
    Ok(())
}

fn sleep_under_a_spinlock() -> Result {
    let spinlock: Pin<KBox<SpinLock<()>>> =
        KBox::pin_init(new_spinlock!((), "bad::spinlock"), GFP_KERNEL)?;
    let mutex: Pin<KBox<Mutex<()>>> = KBox::pin_init(new_mutex!((), "bad::mutex"), GFP_KERNEL)?;
    let _held = spinlock.lock();
    let _sleeps = mutex.lock();
    Ok(())
}

/// Loses several pieces of so many bytes, as a stale word anywhere can hide one of them from the
/// search.
fn lose_memory<const BYTES: usize>(flags: Flags) -> Result {
    for _ in 0..16 {
        // Nobody knows where it is any more.
        let _ = KBox::into_raw(KBox::new([0u8; BYTES], flags)?);
    }
    Ok(())
}
