// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note

//! The ioctl interface of `/dev/atomik`, version 0.4.0: the Rust mirror of `atomik.h`.
//!
//! One source for the driver, which includes this file as a module, and for userspace, where it is
//! the crate `atomik-uapi`. The header documents the interface and its errors; the test `header`
//! of this crate proves the two equal, as a C compiler sees it for 64-bit and for 32-bit callers.
//!
//! The structs are `repr(C)`, have no padding and accept every bit pattern.

#![cfg_attr(not(MODULE), no_std)]
#![deny(missing_docs)]

#[cfg(MODULE)]
use zerocopy_derive::{FromBytes, Immutable, IntoBytes};

/// The version of this interface, as [`Info::version`] reports it: 0.4.0.
// `0 << 16` is written out to show the major version's place.
#[allow(clippy::identity_op)]
pub const VERSION: u32 = (0 << 16) | (4 << 8) | 0;

/// [`Info::backend`]: software, in the kernel.
pub const BACKEND_SOFTWARE: u32 = 0;

/// Contexts in a table, at most.
pub const MAX_CONTEXTS: u32 = 65536;
/// Tables in an open file, at most.
pub const MAX_TABLES: u32 = 256;
/// Entries in a batch, at most.
pub const MAX_BATCH: u32 = 4096;

/// Opcode of a batch entry: LOAD.
pub const OP_LOAD: u8 = 0;
/// Opcode of a batch entry: ACCUM.
pub const OP_ACCUM: u8 = 1;
/// Opcode of a batch entry: READ.
pub const OP_READ: u8 = 2;
/// Opcode of a batch entry: SWAP that keeps the state.
pub const OP_SWAP: u8 = 3;
/// Opcode of a batch entry: EXPECT, a condition of the whole batch.
pub const OP_EXPECT: u8 = 4;
/// Opcode of a batch entry: SET.
pub const OP_SET: u8 = 5;

/// `struct atomik_create_table`, argument of [`IOC_CREATE_TABLE`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct CreateTable {
    /// In: 1..=[`MAX_CONTEXTS`].
    pub num_contexts: u32,
    /// Out: the table's id in this open file, at least 1 and below 2^24.
    pub table_id: u32,
}

/// `struct atomik_load`, argument of [`IOC_LOAD`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Load {
    /// In: the table.
    pub table_id: u32,
    /// In: the context, from 0.
    pub addr: u32,
    /// In: the new reference; the accumulator becomes 0.
    pub initial_state: u64,
}

/// `struct atomik_accum`, argument of [`IOC_ACCUM`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Accum {
    /// In: the table.
    pub table_id: u32,
    /// In: the context, from 0.
    pub addr: u32,
    /// In: XORed into the accumulator.
    pub delta: u64,
}

/// `struct atomik_read`, argument of [`IOC_READ`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Read {
    /// In: the table.
    pub table_id: u32,
    /// In: the context, from 0.
    pub addr: u32,
    /// Out: reference ^ accumulator.
    pub state: u64,
}

/// `struct atomik_swap`, argument of [`IOC_SWAP`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Swap {
    /// In: the table.
    pub table_id: u32,
    /// In: the context, from 0.
    pub addr: u32,
    /// In: 0 keeps the state as the new reference; another value becomes the new reference.
    pub new_reference: u64,
    /// Out: the state at the moment of the swap.
    pub old_state: u64,
}

/// `struct atomik_batch_op`, one entry of a batch.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct BatchOp {
    /// In: one of [`OP_LOAD`], [`OP_ACCUM`], [`OP_READ`], [`OP_SWAP`], [`OP_EXPECT`], [`OP_SET`].
    pub opcode: u8,
    /// In: zero.
    pub reserved: [u8; 3],
    /// In: the context, from 0.
    pub addr: u32,
    /// In for LOAD (the reference), ACCUM (the delta), EXPECT (the state that the context must
    /// have) and SET (the new state); out for READ and SWAP (the state), and for the first EXPECT
    /// that doesn't hold (the state found).
    pub value: u64,
}

/// `struct atomik_batch`, argument of [`IOC_BATCH`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Batch {
    /// In: the table.
    pub table_id: u32,
    /// In: 1..=[`MAX_BATCH`].
    pub num_ops: u32,
    /// In: address of `num_ops` entries of [`BatchOp`].
    pub ops_ptr: u64,
}

/// `struct atomik_info`, argument of [`IOC_GET_INFO`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Info {
    /// Out: [`VERSION`].
    pub version: u32,
    /// Out: [`BACKEND_SOFTWARE`].
    pub backend: u32,
    /// Out: 0 for the software backend.
    pub hw_banks: u32,
    /// Out: 1 where the fingerprint commands are served.
    pub fp_enabled: u32,
    /// Out: operations served through ioctls since the module was loaded, batch entries and the
    /// contexts of images one by one.
    pub ops_total: u64,
    /// Out: fingerprint checks served.
    pub fp_checks: u64,
    /// Out: bytes that these checks found unchanged.
    pub fp_bytes_saved: u64,
}

/// `struct atomik_context`, one context of an [`Image`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Context {
    /// The reference.
    pub reference: u64,
    /// The accumulator; the state is reference ^ accumulator.
    pub accumulator: u64,
}

/// `struct atomik_image`, argument of [`IOC_SNAPSHOT`] and [`IOC_RESTORE`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Image {
    /// In: the table.
    pub table_id: u32,
    /// In: the first context, from 0.
    pub addr: u32,
    /// In: 1..=[`MAX_CONTEXTS`], and `addr + count` is at most the table's number of contexts.
    pub count: u32,
    /// In: zero.
    pub reserved: u32,
    /// In: address of `count` entries of [`Context`].
    pub contexts_ptr: u64,
}

/// Flag of [`Watch`]: reading the descriptor doesn't wait.
pub const WATCH_NONBLOCK: u32 = 1;

/// `struct atomik_watch`, argument of [`IOC_WATCH`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Watch {
    /// In: the table.
    pub table_id: u32,
    /// In: the first context to watch, from 0.
    pub addr: u32,
    /// In: at least 1, and `addr + count` is at most the table's number of contexts.
    pub count: u32,
    /// In: 0 or [`WATCH_NONBLOCK`].
    pub flags: u32,
    /// Out: the new descriptor.
    pub fd: i32,
    /// In: zero.
    pub reserved: u32,
}

/// `struct atomik_change`, what reading a watch returns.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Change {
    /// The context.
    pub addr: u32,
    /// Zero.
    pub reserved: u32,
    /// Its state.
    pub state: u64,
}

/// `struct atomik_touch`, argument of [`IOC_TOUCH`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Touch {
    /// In: the table.
    pub table_id: u32,
    /// In: the first context, from 0.
    pub addr: u32,
    /// In: at least 1, and `addr + count` is at most the table's number of contexts.
    pub count: u32,
    /// In: zero.
    pub reserved: u32,
}

/// Flag of [`Export`]: the descriptor serves what changes nothing, and no mapping for writing.
pub const EXPORT_READ_ONLY: u32 = 1;

/// `struct atomik_export`, argument of [`IOC_EXPORT`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct Export {
    /// In: the table.
    pub table_id: u32,
    /// In: 0 or [`EXPORT_READ_ONLY`].
    pub flags: u32,
    /// Out: the new descriptor.
    pub fd: i32,
    /// In: zero.
    pub reserved: u32,
}

/// `struct atomik_fp_register`, argument of [`IOC_FP_REGISTER`]; reserved.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct FpRegister {
    /// In: start of the memory.
    pub user_addr: u64,
    /// In: its length in bytes.
    pub length: u64,
    /// Out: the fingerprint's id.
    pub fp_id: u32,
    /// In: zero.
    pub pad: u32,
}

/// `struct atomik_fp_check`, argument of [`IOC_FP_CHECK`]; reserved.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(MODULE, derive(FromBytes, IntoBytes, Immutable))]
pub struct FpCheck {
    /// In: the fingerprint's id.
    pub fp_id: u32,
    /// Out: 1 where the memory changed.
    pub changed: u32,
    /// Out: XOR of the old and the new fingerprint.
    pub delta: u64,
    /// Out: pages looked at.
    pub pages_checked: u64,
    /// Out: pages that changed.
    pub pages_changed: u64,
}

/// Bytes of the file's offsets that each table has for itself: the states of table `id`, 8 bytes
/// each, can be mapped from `id * MAP_SPAN` on, which is below 2^44 and a multiple of any page's
/// size (4, 16 or 64 KiB).
pub const MAP_SPAN: u64 = 1 << 20;
/// Where the control page of a table is within them: a [`Control`], mapped read-only.
pub const MAP_CONTROL: u64 = 1 << 19;

/// [`Control::version`] that has these fields.
pub const CONTROL_VERSION: u32 = 1;

/// `struct atomik_control`, the start of a table's control page; the rest of the page is zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// [`CONTROL_VERSION`]. A reader doesn't rely on the page where it finds another.
    pub version: u32,
    /// The table's number of contexts.
    pub num_contexts: u32,
    /// Odd while a BATCH that changes states, or RESTORE, is at work. Each makes it grow by 2, or by
    /// more if it has to begin again.
    pub sequence: u64,
}

/// The `type` field of every command number.
pub const IOC_MAGIC: u8 = b'A';

/// Direction of a command: userspace writes, the kernel reads.
const WRITE: u32 = 1;
/// Direction of a command: the kernel writes, userspace reads.
const READ: u32 = 2;

/// A command number as `_IOC()` of the kernel's `asm-generic/ioctl.h` composes it: direction in
/// bits 30 and 31, size of the argument in bits 16 to 29, type in 8 to 15, number in 0 to 7.
const fn ioc<T>(direction: u32, number: u8) -> u32 {
    let size = size_of::<T>();
    assert!(size < 1 << 14);
    (direction << 30) | ((size as u32) << 16) | ((IOC_MAGIC as u32) << 8) | number as u32
}

/// A command of the interface, as [`COMMANDS`] lists them.
#[cfg(not(MODULE))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// The name without `ATOMIK_IOC_`.
    pub name: &'static str,
    /// The whole number, as `ioctl` takes it.
    pub ioc: u32,
    /// The open files that it is served on.
    pub served: Served,
}

#[cfg(not(MODULE))]
impl Command {
    /// The command with this number, one of [`COMMANDS`].
    pub fn find(ioc: u32) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| command.ioc == ioc)
    }

    /// The commands that the driver serves.
    pub fn all_served() -> impl Iterator<Item = &'static Self> {
        let reserved = |command: &&Self| command.served == Served::Never;
        COMMANDS.iter().filter(move |command| !reserved(command))
    }

    /// Bytes of the argument.
    pub fn size(&self) -> usize {
        argument_size(self.ioc)
    }
}

/// Bytes of the argument that a command number names.
#[cfg(not(MODULE))]
pub const fn argument_size(ioc: u32) -> usize {
    (ioc >> 16) as usize & 0x3fff
}

/// The open files on which the driver serves a command.
#[cfg(not(MODULE))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// All, as it changes nothing.
    Always,
    /// Those open for writing.
    ForWriting,
    /// None: the number is reserved.
    Never,
}

/// Makes the constants of each command, and the list of all.
macro_rules! commands {
    ($($(#[$doc:meta])* $ioc:ident, $nr:ident = $number:literal, $name:literal, $direction:expr,
        $argument:ty, $served:ident;)+) => {
        $(
            #[doc = concat!("Number of ", $name, " within [`IOC_MAGIC`].")]
            pub const $nr: u8 = $number;
            $(#[$doc])*
            pub const $ioc: u32 = ioc::<$argument>($direction, $nr);
        )+

        /// Every command of the interface, reserved ones too.
        #[cfg(not(MODULE))]
        pub const COMMANDS: &[Command] = &[$(
            Command { name: $name, ioc: $ioc, served: Served::$served },
        )+];
    };
}

// A new command takes a number from 0x50 up.
commands! {
    /// Creates a table: [`CreateTable`].
    IOC_CREATE_TABLE, NR_CREATE_TABLE = 0x01, "CREATE_TABLE", READ | WRITE, CreateTable, ForWriting;
    /// Destroys the table whose id the `u32` argument holds.
    IOC_DESTROY_TABLE, NR_DESTROY_TABLE = 0x02, "DESTROY_TABLE", WRITE, u32, ForWriting;
    /// Sets a context's reference and clears its accumulator: [`Load`].
    IOC_LOAD, NR_LOAD = 0x10, "LOAD", WRITE, Load, ForWriting;
    /// XORs a delta into a context's accumulator: [`Accum`].
    IOC_ACCUM, NR_ACCUM = 0x11, "ACCUM", WRITE, Accum, ForWriting;
    /// Returns a context's state: [`Read`].
    IOC_READ, NR_READ = 0x12, "READ", READ | WRITE, Read, Always;
    /// Starts a new epoch and returns the state that ended the old one: [`Swap`].
    IOC_SWAP, NR_SWAP = 0x13, "SWAP", READ | WRITE, Swap, ForWriting;
    /// Reserved: [`FpRegister`].
    IOC_FP_REGISTER, NR_FP_REGISTER = 0x20, "FP_REGISTER", READ | WRITE, FpRegister, Never;
    /// Reserved: [`FpCheck`].
    IOC_FP_CHECK, NR_FP_CHECK = 0x21, "FP_CHECK", READ | WRITE, FpCheck, Never;
    /// Reserved: the `u32` id of a fingerprint.
    IOC_FP_UNREGISTER, NR_FP_UNREGISTER = 0x22, "FP_UNREGISTER", WRITE, u32, Never;
    /// Applies many operations in order, isolated, all or nothing: [`Batch`].
    IOC_BATCH, NR_BATCH = 0x30, "BATCH", WRITE, Batch, ForWriting;
    /// Reports version and counters: [`Info`].
    IOC_GET_INFO, NR_GET_INFO = 0x40, "GET_INFO", READ, Info, Always;
    /// Copies contexts out of a table, as they are at one moment: [`Image`].
    IOC_SNAPSHOT, NR_SNAPSHOT = 0x50, "SNAPSHOT", WRITE, Image, Always;
    /// Sets contexts of a table, all at one moment or none: [`Image`].
    IOC_RESTORE, NR_RESTORE = 0x51, "RESTORE", WRITE, Image, ForWriting;
    /// Makes a descriptor that tells of changes: [`Watch`].
    IOC_WATCH, NR_WATCH = 0x52, "WATCH", READ | WRITE, Watch, Always;
    /// Reports contexts as changed to those who watch them: [`Touch`].
    IOC_TOUCH, NR_TOUCH = 0x53, "TOUCH", WRITE, Touch, ForWriting;
    /// Makes a descriptor of one table, with rights of its own: [`Export`].
    IOC_EXPORT, NR_EXPORT = 0x54, "EXPORT", READ | WRITE, Export, Always;
}
