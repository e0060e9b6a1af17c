// SPDX-License-Identifier: GPL-2.0

//! Stands in for the driver's file of this name, without a limit: loom's atomics can't be static.
//! (The driver's is one word, changed by compare-and-exchange.)

use kernel::prelude::*;

pub(crate) struct Charge(usize);

impl Charge {
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        Ok(Self(bytes))
    }

    pub(crate) fn halve(&mut self) {
        self.0 /= 2;
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0 as u64
    }
}
