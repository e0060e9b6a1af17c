// SPDX-License-Identifier: MIT OR Apache-2.0

//! Contexts in this process, of any width. They need neither the driver nor its device.
//!
//! The algebra is the driver's own source, the crate `atomik-logic`. A value of more than 64 bits
//! is several contexts of 64 bits beside each other.

mod context;
mod error;
mod fingerprint;
mod ordered_fingerprint;
mod stream;
mod table;
mod value;
mod watchers;
mod width;

pub use context::LocalContext;
pub use error::{LocalError, Malformed};
pub use fingerprint::Fingerprint;
pub use ordered_fingerprint::{OrderedFingerprint, OrderedFold};
pub use stream::{DeltaMessage, DeltaStream, Received};
pub use table::LocalTable;
pub use value::{AsLimbs, Value};
pub(crate) use watchers::LocalWatch;
pub(crate) use width::check_u64;

/// The largest width of a value in this process, in bits: 2^24, or 2 MiB.
///
/// A single value of this width can always be allocated. A table of many wide contexts is
/// [`Error::NoMemory`](crate::Error::NoMemory) where it can't.
pub const MAX_WIDTH: u32 = 1 << 24;
