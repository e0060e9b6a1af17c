// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`RawFile`]: the ioctls as they are, so that tests see the driver and not the crate.

use atomik_uapi as uapi;
use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::Mode,
    unistd,
};
use std::{
    ffi::c_void,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

pub use uapi::{BatchOp, Context};

/// The device.
pub const DEVICE: &str = "/dev/atomik";

/// An open file of the device.
#[derive(Debug)]
pub struct RawFile(pub OwnedFd);

/// Opens the device for reading and writing.
pub fn open_device() -> RawFile {
    open_device_with(OFlag::O_RDWR).expect("open the device")
}

/// Opens the device with these flags.
pub fn open_device_with(flags: OFlag) -> Result<RawFile, Errno> {
    open(DEVICE, flags | OFlag::O_CLOEXEC, Mode::empty()).map(RawFile)
}

/// The descriptor of a watch.
#[derive(Debug)]
pub struct RawWatch(pub OwnedFd);

impl AsFd for RawWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl RawWatch {
    /// Reads up to `most` changes: addresses and states.
    pub fn read(&self, most: usize) -> Result<Vec<(u32, u64)>, Errno> {
        let mut bytes = vec![0; most * size_of::<uapi::Change>()];
        let count = unistd::read(&self.0, &mut bytes)?;
        Ok(changes(&bytes[..count]))
    }

    /// The events that are there: of POLLIN, POLLHUP and others.
    pub fn events(&self) -> PollFlags {
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::all())];
        poll(&mut fds, PollTimeout::ZERO).expect("poll");
        fds[0].revents().expect("known events")
    }
}

/// The records in what was read from a watch.
pub fn changes(bytes: &[u8]) -> Vec<(u32, u64)> {
    let records = bytes.chunks_exact(size_of::<uapi::Change>());
    assert!(records.remainder().is_empty());
    records
        .map(|record| {
            let word = |at| u32::from_ne_bytes(record[at..at + 4].try_into().expect("4 bytes"));
            assert_eq!(word(4), 0);
            let state = u64::from_ne_bytes(record[8..].try_into().expect("8 bytes"));
            (word(0), state)
        })
        .collect()
}

impl AsFd for RawFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl RawFile {
    /// The ioctl `command` with any argument, valid or not.
    #[expect(
        clippy::not_unsafe_ptr_arg_deref,
        reason = "it is the kernel that looks at it, and it checks"
    )]
    pub fn ioctl_at(&self, command: u32, arg: *mut c_void) -> Result<(), Errno> {
        // SAFETY: the kernel checks `arg` itself; tests point to memory without other references,
        // or to nothing.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), command.into(), arg) };
        Errno::result(result).map(drop)
    }

    /// The ioctl `command` with a struct of the ABI.
    pub fn ioctl<T>(&self, command: u32, arg: &mut T) -> Result<(), Errno> {
        self.ioctl_at(command, (arg as *mut T).cast())
    }

    /// CREATE_TABLE; returns the id.
    pub fn create(&self, num_contexts: u32) -> Result<u32, Errno> {
        let mut arg = uapi::CreateTable {
            num_contexts,
            table_id: 0,
        };
        self.ioctl(uapi::IOC_CREATE_TABLE, &mut arg)?;
        assert_eq!(arg.num_contexts, num_contexts);
        Ok(arg.table_id)
    }

    /// DESTROY_TABLE.
    pub fn destroy(&self, mut table: u32) -> Result<(), Errno> {
        self.ioctl(uapi::IOC_DESTROY_TABLE, &mut table)
    }

    /// LOAD.
    pub fn load(&self, table_id: u32, addr: u32, initial_state: u64) -> Result<(), Errno> {
        let mut arg = uapi::Load {
            table_id,
            addr,
            initial_state,
        };
        self.ioctl(uapi::IOC_LOAD, &mut arg)
    }

    /// ACCUM.
    pub fn accum(&self, table_id: u32, addr: u32, delta: u64) -> Result<(), Errno> {
        let mut arg = uapi::Accum {
            table_id,
            addr,
            delta,
        };
        self.ioctl(uapi::IOC_ACCUM, &mut arg)
    }

    /// READ.
    pub fn read(&self, table_id: u32, addr: u32) -> Result<u64, Errno> {
        let mut arg = uapi::Read {
            table_id,
            addr,
            state: !0,
        };
        self.ioctl(uapi::IOC_READ, &mut arg)?;
        assert_eq!((arg.table_id, arg.addr), (table_id, addr));
        Ok(arg.state)
    }

    /// SWAP.
    pub fn swap(&self, table_id: u32, addr: u32, new_reference: u64) -> Result<u64, Errno> {
        let mut arg = uapi::Swap {
            table_id,
            addr,
            new_reference,
            old_state: !0,
        };
        self.ioctl(uapi::IOC_SWAP, &mut arg)?;
        assert_eq!(arg.new_reference, new_reference);
        Ok(arg.old_state)
    }

    /// BATCH.
    pub fn batch(&self, table_id: u32, ops: &mut [BatchOp]) -> Result<(), Errno> {
        self.batch_at(table_id, ops.len() as u32, ops.as_mut_ptr() as u64)
    }

    /// BATCH of entries at any address, valid or not.
    pub fn batch_at(&self, table_id: u32, num_ops: u32, ops_ptr: u64) -> Result<(), Errno> {
        let mut arg = uapi::Batch {
            table_id,
            num_ops,
            ops_ptr,
        };
        self.ioctl(uapi::IOC_BATCH, &mut arg)
    }

    /// SNAPSHOT of `count` contexts from `addr`.
    pub fn snapshot(&self, table: u32, addr: u32, count: u32) -> Result<Vec<Context>, Errno> {
        let mut contexts = vec![Context::default(); count as usize];
        let arg = image(table, addr, count, contexts.as_mut_ptr() as u64);
        self.image(uapi::IOC_SNAPSHOT, arg)?;
        Ok(contexts)
    }

    /// RESTORE of contexts from `addr`.
    pub fn restore(&self, table: u32, addr: u32, contexts: &[Context]) -> Result<(), Errno> {
        let arg = image(table, addr, contexts.len() as u32, contexts.as_ptr() as u64);
        self.image(uapi::IOC_RESTORE, arg)
    }

    /// SNAPSHOT or RESTORE with any argument.
    pub fn image(&self, command: u32, mut arg: uapi::Image) -> Result<(), Errno> {
        self.ioctl(command, &mut arg)
    }

    /// EXPORT.
    pub fn export(&self, table_id: u32, flags: u32) -> Result<RawFile, Errno> {
        let mut arg = uapi::Export {
            table_id,
            flags,
            fd: -1,
            reserved: 0,
        };
        self.ioctl(uapi::IOC_EXPORT, &mut arg)?;
        assert_eq!((arg.table_id, arg.flags), (table_id, flags));
        // SAFETY: the driver has made this descriptor for us alone.
        Ok(RawFile(unsafe { OwnedFd::from_raw_fd(arg.fd) }))
    }

    /// WATCH.
    pub fn watch(
        &self,
        table_id: u32,
        addr: u32,
        count: u32,
        flags: u32,
    ) -> Result<RawWatch, Errno> {
        let mut arg = uapi::Watch {
            table_id,
            addr,
            count,
            flags,
            fd: -1,
            reserved: 0,
        };
        self.ioctl(uapi::IOC_WATCH, &mut arg)?;
        assert_eq!((arg.addr, arg.count, arg.flags), (addr, count, flags));
        // SAFETY: the driver has made this descriptor for us alone.
        Ok(RawWatch(unsafe { OwnedFd::from_raw_fd(arg.fd) }))
    }

    /// TOUCH.
    pub fn touch(&self, table_id: u32, addr: u32, count: u32) -> Result<(), Errno> {
        let mut arg = uapi::Touch {
            table_id,
            addr,
            count,
            reserved: 0,
        };
        self.ioctl(uapi::IOC_TOUCH, &mut arg)
    }

    /// GET_INFO.
    pub fn info(&self) -> Result<uapi::Info, Errno> {
        let mut arg = uapi::Info::default();
        self.ioctl(uapi::IOC_GET_INFO, &mut arg)?;
        Ok(arg)
    }

    /// The states of the first `count` contexts, one READ after another.
    pub fn states(&self, table_id: u32, count: u32) -> Vec<u64> {
        (0..count)
            .map(|addr| self.read(table_id, addr).expect("READ"))
            .collect()
    }
}

/// The argument of SNAPSHOT and RESTORE.
pub fn image(table_id: u32, addr: u32, count: u32, contexts_ptr: u64) -> uapi::Image {
    uapi::Image {
        table_id,
        addr,
        count,
        reserved: 0,
        contexts_ptr,
    }
}

/// A LOAD entry.
pub fn load(addr: u32, value: u64) -> BatchOp {
    entry(uapi::OP_LOAD, addr, value)
}

/// An ACCUM entry.
pub fn accum(addr: u32, value: u64) -> BatchOp {
    entry(uapi::OP_ACCUM, addr, value)
}

/// A READ entry.
pub fn read(addr: u32) -> BatchOp {
    entry(uapi::OP_READ, addr, 0)
}

/// A SWAP entry.
pub fn swap(addr: u32) -> BatchOp {
    entry(uapi::OP_SWAP, addr, 0)
}

/// An EXPECT entry.
pub fn expect(addr: u32, value: u64) -> BatchOp {
    entry(uapi::OP_EXPECT, addr, value)
}

/// A SET entry.
pub fn set(addr: u32, value: u64) -> BatchOp {
    entry(uapi::OP_SET, addr, value)
}

fn entry(opcode: u8, addr: u32, value: u64) -> BatchOp {
    BatchOp {
        opcode,
        reserved: [0; 3],
        addr,
        value,
    }
}
