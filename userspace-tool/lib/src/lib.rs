// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tables of *delta-state contexts*: in this process, or in the kernel, where `/dev/atomik` keeps them.
//!
//! A context is a 64-bit *reference* and a 64-bit *accumulator*. Four operations make the algebra:
//!
//! | operation | effect | returns |
//! | --- | --- | --- |
//! | [`load`](TableRef::load)`(v)` | reference = v, accumulator = 0 | nothing |
//! | [`accum`](TableRef::accum)`(d)` | accumulator ^= d | nothing |
//! | [`read`](TableRef::read) | none | the state, reference ^ accumulator |
//! | [`swap`](TableRef::swap) | reference = state, accumulator = 0 | the state |
//!
//! XOR deltas may arrive in any order, are undone by applying them again, and many collapse into
//! one. On the device, each operation is atomic for its context, between threads and between processes; a
//! [`Batch`] of them is isolated, and applied whole or not at all.
//!
//! A program starts without the driver:
//!
//! ```
//! use atomik::LocalTable;
//!
//! let mut table = LocalTable::new(256)?;
//! table.load(0, 0xcafe_babe)?;
//! table.accum(0, 0x0000_0001)?;
//! assert_eq!(table.read(0)?, 0xcafe_babf);
//! # Ok::<(), atomik::Error>(())
//! ```
//!
//! and moves to it by changing the line that makes the table:
//!
//! ```no_run
//! use atomik::{Batch, Device};
//!
//! let device = Device::open()?;
//! let table = device.create_table(256)?;
//!
//! table.load(0, 0xcafe_babe)?;
//! table.accum(0, 0x0000_0001)?;
//! assert_eq!(table.read(0)?, 0xcafe_babf);
//! table.accum(0, 0x0000_0001)?; // the same delta again: undone
//! assert_eq!(table.read(0)?, 0xcafe_babe);
//!
//! let mut batch = Batch::new();
//! batch.load(1, 5).accum(1, 7);
//! let state = batch.read(1);
//! assert_eq!(table.run(&mut batch)?.get(state)?, 2);
//! # Ok::<(), atomik::Error>(())
//! ```
//!
//! # In the process
//!
//! What needs no driver has any width from 1 bit to `MAX_WIDTH`, and is the driver's own algebra, from the same source:
//!
//! | type | what it is |
//! | --- | --- |
//! | [`Context`], [`LocalContext`] | a context of 64 bits, of any width |
//! | [`LocalTable`] | a table of them, with the calls of the device's |
//! | [`Fingerprint`], [`OrderedFingerprint`] | whether bytes have changed, and by what |
//! | [`DeltaStream`] | a table that tells others of its changes, in [`DeltaMessage`]s that may come in any order, twice, or late |
//!
//! [`ContextTable`] is what tables have in common, wherever they are: code that is written against it
//! serves both, and so does a [`DeltaStream`], which may be [on](DeltaStream::on) either.
//!
//! # Who sees a table
//!
//! A [`LocalTable`] is one process's. Tables of the device belong to the open *file*, not to the process. [`Device::try_clone`], `fork` and a
//! descriptor sent over a unix socket share them; two calls of [`Device::open`] share nothing. So a
//! table outlives a crashed worker as long as a supervisor holds the descriptor, and a process that
//! receives a descriptor reaches an existing table through [`Device::table`].
//!
//! [`Table`] owns a table and destroys it when dropped; [`TableRef`] has all the operations and
//! destroys nothing. Both are `Send` and `Sync`, and stay usable after the [`Device`] is dropped.
//!
//! # When to use it, and when not
//!
//! Use the device for a state that several processes change and that must survive any one of them, for
//! mirroring a state by small deltas, and for undoing or merging changes that arrive in no order.
//!
//! Each operation on it is a system call. Within one process, a [`LocalTable`] does an ACCUM in a
//! few nanoseconds, and `AtomicU64::fetch_xor` does it for many threads; between processes that
//! trust each other, the same in shared memory does. Deltas of XOR also can't say "add 3": two
//! processes that each compute a delta from the same old value don't add up their changes. And
//! tables are memory: the device's end with the last descriptor.
//!
//! # Panics
//!
//! No function of this crate panics on any argument; what can't be served is an [`Error`], which
//! names the table, the address and the reason, and gives a [`hint`](Error::hint) where one helps.
//! System calls interrupted by a signal are made again.
//!
//! # Blocking
//!
//! Nothing here waits for somebody else without saying so, and nothing starts threads. So the crate
//! fits under any async runtime, and needs none:
//!
//! - Operations, batches and images, and what makes, destroys or maps tables, are system calls that
//!   touch memory. At most they wait until another such call on the same table is done: call them
//!   from a task directly.
//! - What is read from `/proc` or from the disk says so: [`Device::usage`] and what rests on it, in
//!   `snapshot` the files. These take as long as other small files do.
//! - What waits for another process, or for time to pass, says so and says how long:
//!   [`Watch::wait`], and in `session` what talks to a holder. These belong on a thread for blocking
//!   work; with a timer of the runtime's, [`Watch::poll`] replaces the former.
//!
//! # The command
//!
//! What `atomikctl`, a crate of its own, does with tables and sessions are calls of this crate:
//!
//! | command | calls |
//! | --- | --- |
//! | `create`, `destroy` | [`Device::create_table`], [`TableRef::destroy`] |
//! | `list` | [`Device::usage`] |
//! | `load`, `accum`, `read`, `swap` | one: the [`TableRef`]'s; several: [`TableRef::run`] |
//! | `batch`, `run` | [`TableRef::run`]; how a stream or script is written is the command's own |
//! | `dump`, `snapshot`, `restore` | [`TableRef::snapshot`], `snapshot::Snapshot` |
//! | `watch` | [`Watch`] |
//! | `top` | `session::OpenFile`, [`TableRef::snapshot`] |
//! | `session start`, `hold` | `session::Sessions::hold_as_service`, `session::Holder::serve` |
//! | `session list`, `stop`, `exec`; `-s`, `--fd` | `session::Sessions`, `session::Session::exec`, [`Device::from_inherited`] |
//! | `info` | [`Device::info`] |
//!
//! `doctor`, `bench`, `completions` and `man` are about the machine and the command themselves.
//!
//! # Features
//!
//! None is on by default, which leaves two small dependencies, `nix` and `thiserror`, and what this
//! project has of its own, the interface and the algebra.
//!
//! | feature | brings | with |
//! | --- | --- | --- |
//! | `session` | `session`: sessions, inherited descriptors, who has the device open | sd-notify, command-fds |
//! | `snapshot` | `snapshot`: snapshot files | crc32fast, tempfile |

#![deny(missing_docs)]

mod backend;
mod batch;
mod batch_results;
mod context;
mod context_table;
mod device;
mod error;
mod fdinfo;
mod info;
mod ioctl;
mod local;
mod operation;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "snapshot")]
pub mod snapshot;
mod table;
mod table_map;
mod table_ref;
mod version;
mod watch;

pub use atomik_uapi::{MAX_BATCH, MAX_CONTEXTS, MAX_TABLES};
pub use backend::Backend;
pub use batch::{Batch, BatchRead};
pub use batch_results::{BatchResult, BatchResults};
pub use context::Context;
pub use context_table::ContextTable;
pub use device::Device;
pub use error::{Error, Result};
pub use fdinfo::{TableUsage, Usage};
pub use info::Info;
pub use local::{
    AsLimbs, DeltaMessage, DeltaStream, Fingerprint, LocalContext, LocalError, LocalTable,
    MAX_WIDTH, OrderedFingerprint, OrderedFold, Received, Value,
};
pub use operation::Operation;
pub use table::Table;
pub use table_map::{TableMap, TableView};
pub use table_ref::TableRef;
pub use version::Version;
pub use watch::{Change, Watch};

/// The device's path, once the module is loaded.
pub const DEFAULT_PATH: &str = "/dev/atomik";

// Threads share these; a field that forbids it must not slip in.
const _: () = {
    const fn shared_by_threads<T: Send + Sync + 'static>() {}
    shared_by_threads::<Device>();
    shared_by_threads::<Table>();
    shared_by_threads::<TableRef>();
    shared_by_threads::<Batch>();
    shared_by_threads::<Error>();
    shared_by_threads::<LocalTable>();
    shared_by_threads::<LocalContext>();
    shared_by_threads::<Fingerprint>();
    shared_by_threads::<OrderedFingerprint>();
    shared_by_threads::<DeltaStream>();
    shared_by_threads::<DeltaStream<TableRef>>();
};
