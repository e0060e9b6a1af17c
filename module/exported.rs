// SPDX-License-Identifier: GPL-2.0

//! [`Exported`], one table of an open file behind a descriptor of its own, with rights of its own.

use crate::{
    commands::{self, read_arg, write_field, Access},
    kernel_ext::{
        anon_file::{self, AnonFile, Commands, Operations},
        gfp,
    },
    limit::Charge,
    mapped::{MapRequest, MappedStates},
    open_file::OpenFile,
    place::{Place, Serial},
    scratch::Scratch,
    uapi::{
        Export, EXPORT_READ_ONLY, IOC_ACCUM, IOC_BATCH, IOC_CREATE_TABLE, IOC_DESTROY_TABLE,
        IOC_EXPORT, IOC_GET_INFO, IOC_LOAD, IOC_READ, IOC_RESTORE, IOC_SNAPSHOT, IOC_SWAP,
        IOC_TOUCH, IOC_WATCH,
    },
    watch_file::WatchFile,
};
use core::{mem::offset_of, ptr::NonNull};
use kernel::{
    bindings,
    fs::{file::FileDescriptorReservation, File},
    mm::virt::VmaNew,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{aref::ARef, Arc},
    uaccess::UserPtr,
};

/// A table that EXPORT has given a descriptor.
///
/// # Invariants
///
/// `open_file` belongs to `_file`, and so stays while that is held.
pub(crate) struct Exported {
    /// Holds the table as a duplicate of the descriptor would.
    _file: ARef<File>,
    open_file: NonNull<OpenFile>,
    table_id: u32,
    /// Its id may be another table's in the end, which this must not reach.
    serial: Serial,
    contexts: u32,
    writable: bool,
    charge: Charge,
}

// SAFETY: any thread may use and drop the file, and what belongs to it.
unsafe impl Send for Exported {}
// SAFETY: as above.
unsafe impl Sync for Exported {}

static OPERATIONS: Operations<Exported> = Operations::of_commands();

impl Exported {
    /// EXPORT.
    ///
    /// # Safety
    ///
    /// `open_file` belongs to `file`.
    #[inline(never)] // As `seldom` in `device.rs` has it.
    pub(crate) unsafe fn export(open_file: Pin<&OpenFile>, file: &File, arg: UserPtr) -> Result {
        let Export {
            table_id,
            flags,
            reserved,
            ..
        } = read_arg(arg)?;
        if flags & !EXPORT_READ_ONLY != 0 || reserved != 0 {
            return Err(EINVAL);
        }
        let (serial, contexts) = open_file.place(table_id)?.identify(table_id)?;

        let descriptor = FileDescriptorReservation::get_unused_fd_flags(bindings::O_CLOEXEC)?;
        let writable = flags & EXPORT_READ_ONLY == 0;
        let flags = if writable {
            bindings::O_RDWR
        } else {
            bindings::O_RDONLY
        };
        // INVARIANT: by the contract.
        let exported = Self {
            _file: file.into(),
            open_file: NonNull::from(open_file.get_ref()),
            table_id,
            serial,
            contexts,
            writable,
            charge: Charge::new(size_of::<Self>())?,
        };
        let exported = anon_file::new_file(KBox::new(exported, gfp::charged())?, flags)?;
        let fd = descriptor.reserved_fd() as i32;
        write_field(arg, offset_of!(Export, fd), &fd)?;
        descriptor.fd_install(exported);
        Ok(())
    }

    fn open_file(&self) -> &OpenFile {
        // SAFETY: by the invariant.
        unsafe { self.open_file.as_ref() }
    }

    /// Carries out the commands that are not single operations or batches.
    #[inline(never)]
    fn seldom(&self, command: u32, arg: UserPtr) -> Result {
        match command {
            IOC_GET_INFO => commands::get_info(arg),
            IOC_SNAPSHOT => commands::snapshot(self, arg),
            IOC_WATCH => WatchFile::open(self, arg),
            IOC_RESTORE => self
                .check_writable()
                .and_then(|()| commands::restore(self, arg)),
            IOC_TOUCH => self
                .check_writable()
                .and_then(|()| commands::touch(self, arg)),
            IOC_CREATE_TABLE | IOC_DESTROY_TABLE | IOC_EXPORT => Err(EBADF),
            _ => Err(ENOTTY),
        }
    }

    /// Fails with EBADF where the descriptor is read-only.
    fn check_writable(&self) -> Result {
        if self.writable {
            Ok(())
        } else {
            Err(EBADF)
        }
    }
}

impl Access for Exported {
    type Name = Serial;

    fn find(&self, id: u32) -> Result<(&Place, Serial)> {
        if id == self.table_id {
            Ok((self.open_file().place(id)?, self.serial))
        } else {
            Err(ENOENT)
        }
    }

    fn share(&self, id: u32) -> Result<(Arc<Place>, Serial)> {
        if id == self.table_id {
            Ok((self.open_file().shared_place(id)?, self.serial))
        } else {
            Err(ENOENT)
        }
    }

    fn scratch(&self) -> &Scratch {
        self.open_file().scratch()
    }

    fn writable(&self) -> bool {
        self.writable
    }
}

impl AnonFile for Exported {
    const NAME: &'static CStr = c"[atomik]";

    fn operations() -> &'static Operations<Self> {
        &OPERATIONS
    }

    fn show_fdinfo(&self, m: &SeqFile) {
        let rights = if self.writable {
            "read-write"
        } else {
            "read-only"
        };
        seq_print!(m, "atomik-export:\t{} {rights}\n", self.table_id);
        seq_print!(m, "atomik-bytes:\t{}\n", self.charge.bytes());
        let place = self.open_file().place(self.table_id);
        if place.is_ok_and(|place| place.has(self.serial)) {
            let (id, contexts) = (self.table_id, self.contexts);
            seq_print!(m, "atomik-table:\t{id} contexts {contexts}\n");
        }
    }
}

impl Commands for Exported {
    fn ioctl(&self, command: u32, arg: usize) -> Result {
        let arg = UserPtr::from_addr(arg);
        match command {
            IOC_READ => commands::read(self, arg),
            // A batch shows only by its entries whether it changes anything.
            IOC_BATCH => commands::batch(self, arg),
            IOC_LOAD => self
                .check_writable()
                .and_then(|()| commands::load(self, arg)),
            IOC_ACCUM => self
                .check_writable()
                .and_then(|()| commands::accum(self, arg)),
            IOC_SWAP => self
                .check_writable()
                .and_then(|()| commands::swap(self, arg)),
            _ => self.seldom(command, arg),
        }
    }

    fn mmap(&self, vma: &VmaNew) -> Result {
        // The VFS has refused to write to a file that isn't open for it, now and by mprotect.
        let states = commands::mapped(self, &MapRequest::new(vma)?)?;
        MappedStates::map(states, vma);
        Ok(())
    }
}
