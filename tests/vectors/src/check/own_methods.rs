// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`OwnMethods`]: the methods of `u64` that a table of this process has of its own.

use atomik::{Batch, BatchResults, ContextTable, LocalContext, LocalTable, Result, Value, Watch};
use std::ops::Range;

/// A table whose methods of `u64` are those of the type, where the trait's would go through values
/// of any width.
pub struct OwnMethods(pub LocalTable);

/// Hands methods on, to the trait's or to the type's own.
macro_rules! hand_on {
    ($to:ident: $(
        fn $name:ident(&$($this:ident)+ $(, $argument:ident: $type:ty)*) -> $returns:ty;
    )*) => {$(
        fn $name(&$($this)+ $(, $argument: $type)*) -> $returns {
            $to::$name(&$($this)+.0 $(, $argument)*)
        }
    )*};
}

impl ContextTable for OwnMethods {
    fn run<'b>(&mut self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        self.0.run(batch)
    }

    hand_on! {
        ContextTable:
        fn size(&self) -> Result<u32>;
        fn width(&self) -> u32;
        fn load_value(&mut self, addr: u32, value: &[u64]) -> Result<()>;
        fn accum_value(&mut self, addr: u32, delta: &[u64]) -> Result<()>;
        fn read_value(&self, addr: u32) -> Result<Value>;
        fn swap_value(&mut self, addr: u32) -> Result<Value>;
        fn swap_value_with(&mut self, addr: u32, new_reference: &[u64]) -> Result<Value>;
        fn set_value(&mut self, addr: u32, state: &[u64]) -> Result<()>;
        fn compare_exchange_value(
            &mut self, addr: u32, current: &[u64], new: &[u64]
        ) -> Result<Result<Value, Value>>;
        fn submit(&mut self, batch: &Batch) -> Result<()>;
        fn accum_many(&mut self, addrs: &[u32], deltas: &[u64]) -> Result<()>;
        fn load_many(&mut self, addrs: &[u32], values: &[u64]) -> Result<()>;
        fn read_many(&self, addrs: &[u32], states: &mut [u64]) -> Result<()>;
        fn context(&self, addr: u32) -> Result<LocalContext>;
        fn nonzero(&self) -> Result<Vec<(u32, Value)>>;
        fn watch(&self, range: Range<u32>) -> Result<Watch>;
    }

    hand_on! {
        LocalTable:
        fn load(&mut self, addr: u32, value: u64) -> Result<()>;
        fn accum(&mut self, addr: u32, delta: u64) -> Result<()>;
        fn read(&self, addr: u32) -> Result<u64>;
        fn swap(&mut self, addr: u32) -> Result<u64>;
        fn swap_with(&mut self, addr: u32, new_reference: u64) -> Result<u64>;
        fn set(&mut self, addr: u32, state: u64) -> Result<()>;
        fn compare_exchange(
            &mut self, addr: u32, current: u64, new: u64
        ) -> Result<Result<u64, u64>>;
    }
}
