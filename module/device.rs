// SPDX-License-Identifier: GPL-2.0

//! The file operations of `/dev/atomik`: they hand each system call to [`OpenFile`], and refuse
//! commands that need a file opened for writing.

use crate::{
    commands,
    exported::Exported,
    kernel_ext::{gfp, series::owner},
    mapped::{MapRequest, MappedStates},
    open_file::OpenFile,
    tables::Tables,
    uapi::{
        IOC_ACCUM, IOC_BATCH, IOC_CREATE_TABLE, IOC_DESTROY_TABLE, IOC_EXPORT, IOC_GET_INFO,
        IOC_LOAD, IOC_READ, IOC_RESTORE, IOC_SNAPSHOT, IOC_SWAP, IOC_TOUCH, IOC_WATCH,
    },
    watch_file::WatchFile,
};
use kernel::{
    fs::File,
    miscdevice::{MiscDevice, MiscDeviceRegistration},
    mm::virt::VmaNew,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    uaccess::UserPtr,
};

#[vtable]
impl MiscDevice for OpenFile {
    type Ptr = Pin<KBox<Self>>;

    fn open(file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        // First, so that the module stays loaded even if what follows fails.
        owner::hold_while_open(file)?;
        KBox::pin_init(OpenFile::new(), gfp::charged())
    }

    fn mmap(this: Pin<&Self>, _file: &File, vma: &VmaNew) -> Result {
        let states = commands::mapped(&*this, &MapRequest::new(vma)?)?;
        MappedStates::map(states, vma);
        Ok(())
    }

    fn ioctl(this: Pin<&Self>, file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = UserPtr::from_addr(arg);
        match cmd {
            IOC_READ => commands::read(&*this, arg),
            IOC_LOAD => writable(file).and_then(|()| commands::load(&*this, arg)),
            IOC_ACCUM => writable(file).and_then(|()| commands::accum(&*this, arg)),
            IOC_SWAP => writable(file).and_then(|()| commands::swap(&*this, arg)),
            IOC_BATCH => writable(file).and_then(|()| commands::batch(&*this, arg)),
            // SAFETY: `this` is what this file was opened with.
            _ => unsafe { seldom(this, file, cmd, arg) },
        }?;
        Ok(0)
    }

    fn show_fdinfo(this: Pin<&Self>, m: &SeqFile, _file: &File) {
        let all = this.tables();
        let places = || all.into_iter().flat_map(Tables::all_places);
        let (mut tables, mut contexts, mut watches) = (0u32, 0u64, 0u64);
        let (mut bytes, mut ops) = (this.bytes(), 0u64);
        for place in places() {
            if let Some((_, count)) = place.table() {
                tables = tables.wrapping_add(1);
                contexts = contexts.wrapping_add(u64::from(count));
            }
            bytes = bytes.wrapping_add(place.bytes());
            ops = ops.wrapping_add(place.ops());
            watches = watches.wrapping_add(place.watches());
        }
        seq_print!(m, "atomik-tables:\t{tables}\n");
        seq_print!(m, "atomik-contexts:\t{contexts}\n");
        seq_print!(m, "atomik-bytes:\t{bytes}\n");
        seq_print!(m, "atomik-ops:\t{ops}\n");
        seq_print!(m, "atomik-watches:\t{watches}\n");
        for (id, count) in places().filter_map(|place| place.table()) {
            seq_print!(m, "atomik-table:\t{id} contexts {count}\n");
        }
    }
}

/// Carries out the commands that are not single operations or batches: apart from those, which would
/// take longer to be found among them. Each is a function of its own, so that this needs no frame.
///
/// # Safety
///
/// `file` was opened with `this`.
#[inline(never)]
unsafe fn seldom(this: Pin<&OpenFile>, file: &File, cmd: u32, arg: UserPtr) -> Result {
    match cmd {
        IOC_GET_INFO => commands::get_info(arg),
        IOC_SNAPSHOT => commands::snapshot(&*this, arg),
        IOC_WATCH => WatchFile::open(&*this, arg),
        // SAFETY: by the contract.
        IOC_EXPORT => unsafe { Exported::export(this, file, arg) },
        IOC_CREATE_TABLE => writable(file).and_then(|()| this.create_table(arg)),
        IOC_DESTROY_TABLE => writable(file).and_then(|()| this.destroy_table(arg)),
        IOC_RESTORE => writable(file).and_then(|()| commands::restore(&*this, arg)),
        IOC_TOUCH => writable(file).and_then(|()| commands::touch(&*this, arg)),
        _ => Err(ENOTTY),
    }
}

/// Fails with EBADF where the file was not opened for writing.
#[inline]
fn writable(file: &File) -> Result {
    // The kernel computes FMODE_READ and FMODE_WRITE as the flags plus 1. (Both bits of O_ACCMODE
    // together mean neither.)
    const FMODE_WRITE: u32 = 2;
    if file.flags().wrapping_add(1) & FMODE_WRITE != 0 {
        Ok(())
    } else {
        Err(EBADF)
    }
}
