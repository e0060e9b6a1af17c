// SPDX-License-Identifier: MIT OR Apache-2.0

//! Histories of operations on a file of the device, and a checker for them.
//!
//! A history is *linearizable* if each of its operations can be given a moment between its call
//! and its return such that, one after another at these moments, they would have answered the same.
//! A BATCH is one operation of the model, so isolation needs no rule of its own: a batch that
//! was seen half done, or into which something fell, has no such moment.
//!
//! The checker is our own. `stateright`'s repeats what it has tried already, which is beyond reach
//! for eight threads, and brings a web server along; `todc-utils`' knows no order but that of
//! time, whereas the model of the driver has none (see [`check()`]).

pub mod check;
pub mod clock;
mod overlap;

pub use atomik_test_support::model::{Answer, Entry, Op, Tables};
pub use check::{Call, Refused, check};
pub use overlap::concurrent;
