// SPDX-License-Identifier: GPL-2.0

//! Stands in for the driver's file of this name. Nobody polls: who waits does so as a blocking read.

use core::ops::Deref;
use kernel::{prelude::*, sync::CondVar};

#[pin_data]
pub(crate) struct PollQueue {
    #[pin]
    inner: CondVar,
}

impl PollQueue {
    pub(crate) unsafe fn new(inner: impl PinInit<CondVar>) -> impl PinInit<Self> {
        pin_init!(Self { inner <- inner })
    }
}

impl Deref for PollQueue {
    type Target = CondVar;

    fn deref(&self) -> &CondVar {
        &self.inner
    }
}
