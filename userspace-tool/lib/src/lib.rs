// SPDX-License-Identifier: MIT OR Apache-2.0

#![doc = include_str!("../README.md")]
//!
//! # Operations
//!
//! | operation | effect | returns |
//! | --- | --- | --- |
//! | [`load`](TableRef::load)`(v)` | reference = v, accumulator = 0 | nothing |
//! | [`accum`](TableRef::accum)`(d)` | accumulator ^= d | nothing |
//! | [`read`](TableRef::read) | none | the state, reference ^ accumulator |
//! | [`swap`](TableRef::swap) | reference = state, accumulator = 0 | the state |
//! | [`set`](TableRef::set)`(s)` | accumulator = reference ^ s, so the state is s | nothing |
//!
//! On the device, each operation is atomic for its context, between threads and between processes;
//! a [`Batch`] of them is isolated, and applied whole or not at all.
//!
//! # Transactions
//!
//! A change that depends on the state before it must not miss what others do meanwhile:
//!
//! | call | effect |
//! | --- | --- |
//! | [`Batch::expect`] | a condition: the batch is applied only if a state is as expected |
//! | [`compare_exchange`](TableRef::compare_exchange) | sets a state, if it is as expected |
//! | [`update`](TableRef::update) | sets a state to a function of it: a counter, a flag |
//! | [`transact`](TableRef::transact) | changes several states as one: a transfer, a queue |
//!
//! The last two try again where somebody was faster, at most [`MAX_ATTEMPTS`] times. None of them
//! blocks others, and a process that ends in the middle of one has changed nothing or everything.
//!
//! ```
//! use atomik::LocalTable;
//!
//! let mut table = LocalTable::new(2)?; // or Device::open()?.create_table(2)?
//! table.update(0, |count| count + 3)?;
//! table.transact(&[0, 1], |states| states.swap(0, 1))?;
//! assert_eq!(table.compare_exchange(1, 3, 4)?, Ok(3));
//! assert_eq!(table.compare_exchange(1, 3, 5)?, Err(4));
//! # Ok::<(), atomik::Error>(())
//! ```
//!
//! # Watching
//!
//! [`TableRef::watch`] makes a [`Watch`], a descriptor that becomes readable when contexts change.
//! It tells which ones, and their states:
//!
//! | call | waits |
//! | --- | --- |
//! | [`Watch::read`], the iterator | until there are changes, or the table is gone |
//! | [`Watch::read_timeout`] | the same, but not longer than a time |
//! | [`Watch::try_read`] | never |
//! | `AsFd`, `AsRawFd` | in poll(2), in epoll, in an async runtime |
//!
//! Nobody waits for those who watch. The kernel doesn't see what programs do through a
//! [mapping](TableRef::map): [`TableRef::touch`] tells of it.
//!
//! # Mapping
//!
//! [`TableRef::view`] and [`TableRef::map`] map the states of a table into this process, where
//! operations need no system call:
//!
//! | call | effect |
//! | --- | --- |
//! | [`TableView::read`] | READ, by a load |
//! | [`TableView::read_consistent`] | READ of several contexts, as of one moment |
//! | [`TableView::read_consistently`] | the same for a closure, whose reads depend on each other |
//! | [`TableMap::accum`] | ACCUM, by one instruction |
//!
//! A mapping borrows its table; [`TableRef::into_map`] and [`TableRef::into_view`] make one that
//! borrows nothing, for a thread.
//!
//! # In the process
//!
//! Types that need no driver have any width from 1 bit to [`MAX_WIDTH`], and use the driver's own
//! algebra, from the same source:
//!
//! | type | purpose |
//! | --- | --- |
//! | [`Context`] | a context of 64 bits |
//! | [`LocalContext`] | a context of any width |
//! | [`LocalTable`] | a table of contexts, with the methods of the device's |
//! | [`Fingerprint`], [`OrderedFingerprint`] | tell whether bytes have changed, and by what delta |
//! | [`DeltaStream`] | a table whose changes are [`DeltaMessage`]s, for other streams |
//!
//! [`ContextTable`] is the trait of tables, wherever they are: code written for it serves both, and
//! a [`DeltaStream`] may be [on](DeltaStream::on) either.
//!
//! # Who sees a table
//!
//! A [`LocalTable`] belongs to one process. Tables of the device belong to the open *file*, not to
//! the process: [`Device::try_clone`], `fork` and a descriptor sent over a unix socket share them;
//! two calls of [`Device::open`] share nothing. So a table outlives a crashed worker as long as a
//! supervisor holds the descriptor. [`Device::send`] sends it over a unix socket; the process that
//! [receives](Device::receive) it finds the tables with [`Device::table`].
//!
//! Who has the descriptor can change and destroy everything. [`TableRef::export`] makes one of a
//! single table for processes that aren't trusted that far: to [read](Rights::ReadOnly), or to
//! [change](Rights::ReadWrite) the contexts.
//!
//! [`Table`] owns a table and destroys it when dropped; [`TableRef`] has all the operations and
//! destroys nothing. Both are `Send` and `Sync`, and stay usable after the [`Device`] is dropped.
//!
//! # When to use it, and when not
//!
//! Use the device for state that several processes change and that must survive any one of them,
//! for mirroring state by small deltas, and for undoing or merging changes that arrive in any
//! order.
//!
//! Each operation on it is a system call. Within one process, a [`LocalTable`] does an ACCUM in a
//! few nanoseconds, and `AtomicU64::fetch_xor` does it for many threads; between processes that
//! trust each other, the same in shared memory does. XOR deltas can't say "add 3": two processes
//! that each compute a delta from the same old value don't add up their changes, as those that call
//! [`update`](TableRef::update) do. And tables are memory: the device's end with the last
//! descriptor.
//!
//! # Errors and panics
//!
//! Tables return [`Error`], which names the table, the address and the reason, and gives a
//! [`hint`](Error::hint) where one helps. Contexts, fingerprints and messages of this process
//! return [`LocalError`], which `?` turns into an [`Error`].
//!
//! No function of this crate panics on any argument. System calls interrupted by a signal are made
//! again.
//!
//! # Blocking
//!
//! No function waits for another process unless its documentation says so, and none starts threads.
//! So the crate fits under any async runtime, and needs none:
//!
//! - Operations, batches and images, and calls that make, destroy, map or export tables, are system
//!   calls that touch memory. At most they wait until another such call on the same table is done:
//!   call them from a task directly. So are the attempts of `update` and `transact`.
//! - Calls that read `/proc` or files say so: [`Device::usage`] and those built on it, and in
//!   `snapshot` the files. They take as long as other small files do.
//! - Calls that wait for another process, or for time to pass, say so and say how long:
//!   [`Watch::read`], [`Device::send`] and [`Device::receive`] on a blocking socket, and in
//!   `session` those that talk to a holder. They belong on a thread for blocking work. A [`Watch`]
//!   is a descriptor too, which the runtime can wait for; [`Watch::try_read`] never waits.
//!
//! # The command
//!
//! `atomikctl`, a crate of its own, does its work with these calls:
//!
//! | command | calls |
//! | --- | --- |
//! | `create`, `destroy` | [`Device::create_table`], [`TableRef::destroy`] |
//! | `list` | [`Device::usage`] |
//! | `load`, `accum`, `read`, `swap`, `set` | one: the [`TableRef`]'s; several: [`TableRef::run`] |
//! | `cas` | [`TableRef::compare_exchange`] |
//! | `batch`, `run` | [`TableRef::run`]; how a stream or script is written is the command's own |
//! | `dump`, `snapshot`, `restore`, `diff` | [`TableRef::snapshot`], `snapshot::Snapshot` |
//! | `fingerprint` | [`Fingerprint`], [`OrderedFold`]; `--into`: [`Batch::set`] |
//! | `watch`, `wait` | [`TableRef::watch`] |
//! | `top` | `session::OpenFile`, [`TableRef::watch`] |
//! | `session start`, `hold` | `session::Sessions::hold_as_service`, `session::Holder::serve` |
//! | `session list`, `stop`; `-s` | `session::Sessions` |
//! | `session exec` | `session::Session::exec`, and `export` for one table |
//! | `--fd` | [`Device::from_inherited`] |
//! | `info` | [`Device::info`] |
//!
//! `doctor`, `bench`, `completions` and `man` are about the machine and the command themselves;
//! `replicate` starts another program.

#![deny(missing_docs)]

mod backend;
mod batch;
mod batch_results;
mod context;
mod context_table;
mod descriptors;
mod device;
mod error;
mod fdinfo;
mod info;
mod ioctl;
mod local;
mod operation;
mod rights;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "snapshot")]
pub mod snapshot;
mod table;
mod table_map;
mod table_ref;
mod transaction;
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
    MAX_WIDTH, Malformed, OrderedFingerprint, OrderedFold, Received, Value,
};
pub use operation::Operation;
pub use rights::Rights;
pub use table::Table;
pub use table_map::{ConsistentStates, TableMap, TableView};
pub use table_ref::TableRef;
pub use version::Version;
pub use watch::{Change, Watch};

/// The attempts of `update` and `transact` until they are
/// [contended](Error::Contended): many more than a counter of some dozens of threads ever needs.
pub const MAX_ATTEMPTS: u32 = 10_000;

/// The device's path, once the module is loaded.
pub const DEFAULT_PATH: &str = "/dev/atomik";

// Threads share these; a field that forbids it must not slip in.
const _: () = {
    const fn shared_by_threads<T: Send + Sync + 'static>() {}
    shared_by_threads::<Device>();
    shared_by_threads::<Table>();
    shared_by_threads::<TableRef>();
    shared_by_threads::<Watch>();
    shared_by_threads::<Batch>();
    shared_by_threads::<Error>();
    shared_by_threads::<LocalTable>();
    shared_by_threads::<LocalContext>();
    shared_by_threads::<Fingerprint>();
    shared_by_threads::<OrderedFingerprint>();
    shared_by_threads::<DeltaStream>();
    shared_by_threads::<DeltaStream<TableRef>>();
    shared_by_threads::<TableView<'static>>();
    shared_by_threads::<TableMap<'static>>();
};
