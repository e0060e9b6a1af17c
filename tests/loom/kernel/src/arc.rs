// SPDX-License-Identifier: GPL-2.0

//! [`Arc`].

use crate::{
    alloc::{Flags, KBox},
    error::Error,
};
use core::{convert::Infallible, mem::ManuallyDrop, ops::Deref, pin::Pin};
use pinned_init::PinInit;

/// As in the kernel: the content is pinned.
pub struct Arc<T>(ManuallyDrop<loom::sync::Arc<Pin<KBox<T>>>>);

impl<T> Arc<T> {
    #[track_caller]
    pub fn new(value: T, flags: Flags) -> Result<Self, Error> {
        Self::pin_init::<Infallible>(value, flags)
    }

    #[track_caller]
    pub fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Self, Error>
    where
        Error: From<E>,
    {
        let new = loom::sync::Arc::new(KBox::try_pin_init(init, flags)?);
        Ok(Self(ManuallyDrop::new(new)))
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: once, and last. Where the case has failed, loom can't be called: see
            // `lock::Guard`.
            unsafe { ManuallyDrop::drop(&mut self.0) };
        }
    }
}
