// SPDX-License-Identifier: GPL-2.0

//! The module's limit, which is none here: loom's atomics can't be static. The driver's is one word,
//! changed by compare-and-exchange.

use kernel::prelude::*;

pub(crate) struct Charge(usize);

impl Charge {
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        Ok(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0 as u64
    }
}
