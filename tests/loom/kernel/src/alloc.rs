// SPDX-License-Identifier: GPL-2.0

//! Allocations, which always succeed.

use crate::{error::Error, held};
use core::{
    ops::{BitOr, Deref, DerefMut},
    pin::Pin,
};
use pinned_init::PinInit;

/// As in the kernel.
#[derive(Clone, Copy)]
pub struct Flags(#[expect(dead_code, reason = "the driver makes it of a number")] u32);

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, _: Self) -> Self {
        self
    }
}

pub mod flags {
    use super::Flags;

    pub const GFP_KERNEL_ACCOUNT: Flags = Flags(0);
    pub const __GFP_NOWARN: Flags = Flags(0);
}

/// A record of accesses to memory that isn't atomic. loom finds those that may coincide.
pub struct Access(loom::cell::UnsafeCell<()>);

// SAFETY: it holds nothing. loom checks which threads access it.
unsafe impl Sync for Access {}

impl Access {
    #[expect(clippy::new_without_default, reason = "it is no value")]
    #[track_caller]
    pub fn new() -> Self {
        Self(loom::cell::UnsafeCell::new(()))
    }

    #[track_caller]
    pub fn read(&self) {
        self.0.with(|_| ());
    }

    #[track_caller]
    pub fn write(&self) {
        if !std::thread::panicking() {
            self.0.with_mut(|_| ());
        }
    }
}

/// As in the kernel.
pub struct KBox<T>(Box<T>);

impl<T> KBox<T> {
    #[track_caller]
    pub fn new(value: T, _: Flags) -> Result<Self, Error> {
        held::might_sleep();
        Ok(Self(Box::new(value)))
    }

    #[track_caller]
    pub fn try_pin_init<E>(init: impl PinInit<T, E>, _: Flags) -> Result<Pin<Self>, Error>
    where
        Error: From<E>,
    {
        held::might_sleep();
        let mut new = Box::<T>::new_uninit();
        // SAFETY: room for a `T`, which is pinned from here on.
        unsafe {
            init.__pinned_init(new.as_mut_ptr())?;
            Ok(Pin::new_unchecked(Self(new.assume_init())))
        }
    }
}

impl<T> Deref for KBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for KBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// As in the kernel. loom is told of each access: a shared borrow is a read; an exclusive borrow,
/// and freeing, are writes.
pub struct KVVec<T> {
    items: Vec<T>,
    access: Access,
}

/// The error of a full vector.
#[derive(Debug)]
pub struct PushError;

impl<T> KVVec<T> {
    #[expect(clippy::new_without_default, reason = "as in the kernel")]
    pub fn new() -> Self {
        Self {
            items: Vec::new(),
            access: Access::new(),
        }
    }

    #[track_caller]
    pub fn with_capacity(capacity: usize, _: Flags) -> Result<Self, Error> {
        held::might_sleep();
        Ok(Self {
            items: Vec::with_capacity(capacity),
            access: Access::new(),
        })
    }

    #[track_caller]
    pub fn from_elem(value: T, count: usize, _: Flags) -> Result<Self, Error>
    where
        T: Clone,
    {
        held::might_sleep();
        Ok(Self {
            items: vec![value; count],
            access: Access::new(),
        })
    }

    #[track_caller]
    pub fn reserve(&mut self, additional: usize, _: Flags) -> Result<(), Error> {
        held::might_sleep();
        self.items.reserve(additional);
        Ok(())
    }

    pub fn capacity(&self) -> usize {
        self.items.capacity()
    }

    #[track_caller]
    pub fn clear(&mut self) {
        self.access.write();
        self.items.clear();
    }

    pub fn push_within_capacity(&mut self, value: T) -> Result<(), PushError> {
        if self.items.len() == self.items.capacity() {
            return Err(PushError);
        }
        self.items.push(value);
        Ok(())
    }

    #[track_caller]
    pub fn truncate(&mut self, len: usize) {
        self.access.write();
        self.items.truncate(len);
    }

    #[track_caller]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.access.write();
        &mut self.items
    }
}

impl<T> Deref for KVVec<T> {
    type Target = [T];

    #[track_caller]
    fn deref(&self) -> &[T] {
        self.access.read();
        &self.items
    }
}

impl<T> DerefMut for KVVec<T> {
    #[track_caller]
    fn deref_mut(&mut self) -> &mut [T] {
        self.as_mut_slice()
    }
}

impl<'a, T> IntoIterator for &'a KVVec<T> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    #[track_caller]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Drop for KVVec<T> {
    fn drop(&mut self) {
        // Memory from `vmalloc` must not be freed under a spinlock.
        if !std::thread::panicking() {
            held::might_sleep();
        }
        self.access.write();
    }
}
