// SPDX-License-Identifier: MIT OR Apache-2.0

//! Histories of operations on a file of the device, and a checker for them.
//!
//! A history is *linearizable* if each operation has a moment between its call and its return such
//! that, done at these moments one after another, all would have answered the same. A BATCH is one
//! operation of the model, so isolation needs no rule of its own: a batch that was seen half done,
//! or that another operation fell into, has no such moment.
//!
//! The checker is our own. `stateright`'s tries the same states again and again, too many for eight
//! threads, and brings a web server along. `todc-utils`' needs times, which the loom check does not
//! have (see [`check()`]).

pub mod check;
pub mod clock;
mod overlap;

pub use atomik_test_support::model::{Answer, Context, Entry, Op, Tables};
pub use check::{Call, Refused, check};
pub use overlap::{concurrent, note_changes_beside};
