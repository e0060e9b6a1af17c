// SPDX-License-Identifier: MIT OR Apache-2.0

//! The ioctl calls of `/dev/atomik`. The crate's other `unsafe` is the mapping of `table_map.rs`,
//! `getrandom` in `local/stream`, `descriptors.rs`, `session/raw.rs`, and the calls of
//! [`batch_updates`], where the entries are known.
//!
//! Each function but the last is one command of the ABI, with the kernel's error code as its error.
//! A call interrupted by a signal is made again: the driver changes nothing where it returns an
//! error.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use atomik_uapi::{
    Accum, Batch, BatchOp, Context, CreateTable, Export, Image, Info, Load, Read, Swap, Touch,
    WATCH_NONBLOCK, Watch,
};
use nix::errno::Errno;

/// The unsafe functions that nix's macros generate from magic, number and struct.
mod raw {
    use atomik_uapi as uapi;

    /// Defines one ioctl function, and proves at compile time that its request code is the ABI's.
    macro_rules! command {
        ($name:ident, $make:ident, $code:ident, $nr:ident, $arg:ty, $abi:ident) => {
            nix::$make!($name, uapi::IOC_MAGIC, uapi::$nr, $arg);
            const _: () = assert!(
                nix::$code!(uapi::IOC_MAGIC, uapi::$nr, size_of::<$arg>()) as u32 == uapi::$abi
            );
        };
        (readwrite $name:ident, $nr:ident, $arg:ty, $abi:ident) => {
            command!(
                $name,
                ioctl_readwrite,
                request_code_readwrite,
                $nr,
                $arg,
                $abi
            );
        };
        (write $name:ident, $nr:ident, $arg:ty, $abi:ident) => {
            command!($name, ioctl_write_ptr, request_code_write, $nr, $arg, $abi);
        };
        (read $name:ident, $nr:ident, $arg:ty, $abi:ident) => {
            command!($name, ioctl_read, request_code_read, $nr, $arg, $abi);
        };
    }

    command!(readwrite create_table, NR_CREATE_TABLE, uapi::CreateTable, IOC_CREATE_TABLE);
    command!(write destroy_table, NR_DESTROY_TABLE, u32, IOC_DESTROY_TABLE);
    command!(write load, NR_LOAD, uapi::Load, IOC_LOAD);
    command!(write accum, NR_ACCUM, uapi::Accum, IOC_ACCUM);
    command!(readwrite read, NR_READ, uapi::Read, IOC_READ);
    command!(readwrite swap, NR_SWAP, uapi::Swap, IOC_SWAP);
    command!(write batch, NR_BATCH, uapi::Batch, IOC_BATCH);
    command!(read get_info, NR_GET_INFO, uapi::Info, IOC_GET_INFO);
    command!(write snapshot, NR_SNAPSHOT, uapi::Image, IOC_SNAPSHOT);
    command!(write restore, NR_RESTORE, uapi::Image, IOC_RESTORE);
    command!(readwrite watch, NR_WATCH, uapi::Watch, IOC_WATCH);
    command!(write touch, NR_TOUCH, uapi::Touch, IOC_TOUCH);
    command!(readwrite export, NR_EXPORT, uapi::Export, IOC_EXPORT);
}

/// Calls until no signal interrupts.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            answer => return answer,
        }
    }
}

/// Calls until no signal interrupts, and drops the number that an ioctl returns.
fn retry(call: impl FnMut() -> nix::Result<i32>) -> nix::Result<()> {
    uninterrupted(call).map(drop)
}

// In each SAFETY comment below, "plain argument" says: the descriptor is borrowed, so it's open;
// the pointer comes from a reference that lives longer than the call, to the struct whose size the
// request code carries; the kernel accesses these bytes only, and only in the directions that the
// code says; and every bit pattern is a valid value of the struct.

/// CREATE_TABLE: returns the new table's id.
pub(crate) fn create_table(fd: BorrowedFd<'_>, num_contexts: u32) -> nix::Result<u32> {
    let mut arg = CreateTable {
        num_contexts,
        table_id: 0,
    };
    // SAFETY: plain argument.
    retry(|| unsafe { raw::create_table(fd.as_raw_fd(), &mut arg) })?;
    Ok(arg.table_id)
}

/// DESTROY_TABLE.
pub(crate) fn destroy_table(fd: BorrowedFd<'_>, table_id: u32) -> nix::Result<()> {
    // SAFETY: plain argument, which the kernel only reads.
    retry(|| unsafe { raw::destroy_table(fd.as_raw_fd(), &table_id) })
}

/// LOAD.
pub(crate) fn load(fd: BorrowedFd<'_>, arg: &Load) -> nix::Result<()> {
    // SAFETY: plain argument, which the kernel only reads.
    retry(|| unsafe { raw::load(fd.as_raw_fd(), arg) })
}

/// ACCUM.
pub(crate) fn accum(fd: BorrowedFd<'_>, arg: &Accum) -> nix::Result<()> {
    // SAFETY: plain argument, which the kernel only reads.
    retry(|| unsafe { raw::accum(fd.as_raw_fd(), arg) })
}

/// READ: returns the state.
pub(crate) fn read(fd: BorrowedFd<'_>, table_id: u32, addr: u32) -> nix::Result<u64> {
    let mut arg = Read {
        table_id,
        addr,
        state: 0,
    };
    // SAFETY: plain argument.
    retry(|| unsafe { raw::read(fd.as_raw_fd(), &mut arg) })?;
    Ok(arg.state)
}

/// SWAP: returns the state at the moment of the swap.
pub(crate) fn swap(
    fd: BorrowedFd<'_>,
    table_id: u32,
    addr: u32,
    new_reference: u64,
) -> nix::Result<u64> {
    let mut arg = Swap {
        table_id,
        addr,
        new_reference,
        old_state: 0,
    };
    // SAFETY: plain argument.
    retry(|| unsafe { raw::swap(fd.as_raw_fd(), &mut arg) })?;
    Ok(arg.old_state)
}

/// BATCH: the kernel writes into `value` of READ and SWAP entries, and into that of an EXPECT that
/// doesn't hold.
pub(crate) fn batch(fd: BorrowedFd<'_>, table_id: u32, ops: &mut [BatchOp]) -> nix::Result<()> {
    let arg = Batch {
        table_id,
        num_ops: u32::try_from(ops.len()).map_err(|_| Errno::EINVAL)?,
        // The kernel turns the address into a pointer again, so its provenance is exposed.
        ops_ptr: ops.as_mut_ptr().expose_provenance() as u64,
    };
    // SAFETY: plain argument, which the kernel only reads. Through `ops_ptr` it accesses `num_ops`
    // entries, which are the slice, borrowed mutably for the whole call; it stops doing so when
    // the call returns.
    retry(|| unsafe { raw::batch(fd.as_raw_fd(), &arg) })
}

/// BATCH of entries that the kernel only reads.
///
/// # Safety
///
/// Every opcode in `ops` is LOAD, ACCUM or SET.
pub(crate) unsafe fn batch_updates(
    fd: BorrowedFd<'_>,
    table_id: u32,
    ops: &[BatchOp],
) -> nix::Result<()> {
    let arg = Batch {
        table_id,
        num_ops: u32::try_from(ops.len()).map_err(|_| Errno::EINVAL)?,
        ops_ptr: ops.as_ptr().expose_provenance() as u64,
    };
    // SAFETY: plain argument, which the kernel only reads. Through `ops_ptr` it accesses `num_ops`
    // entries, which are the slice, borrowed for the whole call. It writes into READ, SWAP
    // and EXPECT entries only, and by this function's contract there are none: a shared borrow is
    // enough.
    retry(|| unsafe { raw::batch(fd.as_raw_fd(), &arg) })
}

/// GET_INFO: the only command for a descriptor that isn't known to be an atomik device.
pub(crate) fn get_info(fd: BorrowedFd<'_>) -> nix::Result<Info> {
    let mut arg = Info::default();
    // SAFETY: plain argument. A descriptor of anything else answers an error: the request code,
    // with its size, names this command and no other that the kernel knows.
    retry(|| unsafe { raw::get_info(fd.as_raw_fd(), &mut arg) })?;
    Ok(arg)
}

/// SNAPSHOT: copies the contexts from `addr` on, of one moment, to all of `contexts`.
pub(crate) fn snapshot(
    fd: BorrowedFd<'_>,
    table_id: u32,
    addr: u32,
    contexts: &mut [Context],
) -> nix::Result<()> {
    let pointer = contexts.as_mut_ptr().cast_const();
    let arg = image(table_id, addr, contexts.len(), pointer)?;
    // SAFETY: plain argument, which the kernel only reads. Through `contexts_ptr` it writes `count`
    // entries, which are the slice, borrowed mutably for the whole call.
    retry(|| unsafe { raw::snapshot(fd.as_raw_fd(), &arg) })
}

/// RESTORE: sets the contexts from `addr` on, all at one moment.
pub(crate) fn restore(
    fd: BorrowedFd<'_>,
    table_id: u32,
    addr: u32,
    contexts: &[Context],
) -> nix::Result<()> {
    let arg = image(table_id, addr, contexts.len(), contexts.as_ptr())?;
    // SAFETY: plain argument, which the kernel only reads. Through `contexts_ptr` it reads `count`
    // entries, which are the slice, borrowed for the whole call, and writes nothing.
    retry(|| unsafe { raw::restore(fd.as_raw_fd(), &arg) })
}

/// The argument of SNAPSHOT and RESTORE.
fn image(table_id: u32, addr: u32, count: usize, contexts: *const Context) -> nix::Result<Image> {
    Ok(Image {
        table_id,
        addr,
        count: u32::try_from(count).map_err(|_| Errno::EINVAL)?,
        reserved: 0,
        contexts_ptr: contexts.expose_provenance() as u64,
    })
}

/// WATCH: returns a new descriptor that tells of changes, non-blocking and close-on-exec.
pub(crate) fn watch(
    fd: BorrowedFd<'_>,
    table_id: u32,
    addr: u32,
    count: u32,
) -> nix::Result<OwnedFd> {
    let mut arg = Watch {
        table_id,
        addr,
        count,
        flags: WATCH_NONBLOCK,
        fd: -1,
        reserved: 0,
    };
    // SAFETY: plain argument.
    retry(|| unsafe { raw::watch(fd.as_raw_fd(), &mut arg) })?;
    // SAFETY: the driver has made the descriptor for this call, so nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(arg.fd) })
}

/// TOUCH.
pub(crate) fn touch(fd: BorrowedFd<'_>, table_id: u32, addr: u32, count: u32) -> nix::Result<()> {
    let arg = Touch {
        table_id,
        addr,
        count,
        reserved: 0,
    };
    // SAFETY: plain argument, which the kernel only reads.
    retry(|| unsafe { raw::touch(fd.as_raw_fd(), &arg) })
}

/// EXPORT: returns a new descriptor of the table, close-on-exec.
pub(crate) fn export(fd: BorrowedFd<'_>, table_id: u32, flags: u32) -> nix::Result<OwnedFd> {
    let mut arg = Export {
        table_id,
        flags,
        fd: -1,
        reserved: 0,
    };
    // SAFETY: plain argument.
    retry(|| unsafe { raw::export(fd.as_raw_fd(), &mut arg) })?;
    // SAFETY: the driver has made the descriptor for this call, so nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(arg.fd) })
}

/// Duplicates an inherited descriptor, of which only the number is known.
pub(crate) fn duplicate_number(number: RawFd) -> std::io::Result<OwnedFd> {
    if number < 0 {
        return Err(Errno::EBADF.into());
    }
    // SAFETY: not -1. It's borrowed for one call, which answers EBADF where no file is open under
    // this number, and otherwise makes a descriptor of its own: nobody's is closed or taken.
    unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_interrupted_calls_and_nothing_else() {
        let mut answers = [Err(Errno::EINTR), Err(Errno::EINTR), Ok(0), Ok(0)].into_iter();
        assert_eq!(retry(|| answers.next().unwrap()), Ok(()));
        assert_eq!(answers.len(), 1);

        let mut answers = [Err(Errno::EAGAIN), Ok(0)].into_iter();
        assert_eq!(retry(|| answers.next().unwrap()), Err(Errno::EAGAIN));
        assert_eq!(answers.len(), 1);
    }
}
