// SPDX-License-Identifier: GPL-2.0

//! [`AnonFile`], the type behind a descriptor that has no name in the file system.
//!
//! The kernel crate can make files of misc devices only.

use super::module_ref::this_module;
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings,
    error::from_err_ptr,
    ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void},
    fs::File,
    iov::IovIterDest,
    mm::virt::VmaNew,
    prelude::*,
    seq_file::SeqFile,
    sync::{aref::ARef, poll::PollTable},
};

#[allow(improper_ctypes, reason = "the structs are the bindings'")]
extern "C" {
    /// `include/linux/anon_inodes.h` is not among the headers of the kernel crate's bindings.
    fn anon_inode_getfile(
        name: *const c_char,
        operations: *const bindings::file_operations,
        private_data: *mut c_void,
        flags: c_int,
    ) -> *mut bindings::file;
}

/// What a file without a name does.
pub(crate) trait AnonFile: Send + Sync + Sized + 'static {
    /// The name in `/proc/PID/fd`, behind "anon_inode:".
    const NAME: &'static CStr;

    /// The operations, which each implementation has in a static.
    fn operations() -> &'static Operations<Self>;

    /// Writes to `/proc/PID/fdinfo/FD`.
    fn show_fdinfo(&self, m: &SeqFile);
}

/// A file that is used by commands and mapped.
pub(crate) trait Commands: AnonFile {
    /// Serves `ioctl`.
    fn ioctl(&self, command: u32, arg: usize) -> Result;

    /// Serves `mmap`.
    fn mmap(&self, vma: &VmaNew) -> Result;
}

/// A file that is read as a stream, and polled.
pub(crate) trait Stream: AnonFile {
    /// Serves `read` and its like. Returns how many bytes have been copied.
    fn read(&self, waits: bool, to: &mut IovIterDest<'_>) -> Result<usize>;

    /// Serves `poll` and its like. Returns the events that are there, POLLIN and others.
    fn poll(&self, file: &File, table: &PollTable<'_>) -> u32;
}

/// Makes a file, opened with these flags. Fails with ENFILE or ENOMEM.
pub(crate) fn new_file<T: AnonFile>(data: KBox<T>, flags: u32) -> Result<ARef<File>> {
    let data = KBox::into_raw(data);
    // SAFETY: the name is a C string, and the operations are those of what `data` points to.
    let file = from_err_ptr(unsafe {
        anon_inode_getfile(
            T::NAME.as_char_ptr(),
            &T::operations().table,
            data.cast(),
            flags as c_int,
        )
    })
    .inspect_err(|_| {
        // SAFETY: there is no file that could own it.
        drop(unsafe { KBox::from_raw(data) });
    })?;
    let file = NonNull::new(file.cast()).ok_or(ENOMEM)?;
    // SAFETY: the reference is ours, and no thread has the file in a descriptor yet.
    Ok(unsafe { ARef::from_raw(file) })
}

/// The file operations of a `T`.
pub(crate) struct Operations<T> {
    table: bindings::file_operations,
    of: PhantomData<fn(T)>,
}

// SAFETY: nobody writes to it, and the functions in it may be called in any thread.
unsafe impl<T> Sync for Operations<T> {}

impl<T: AnonFile> Operations<T> {
    /// Those that all files have.
    const fn basic() -> bindings::file_operations {
        // SAFETY: all zero is a value: no operation.
        let none: bindings::file_operations = unsafe { MaybeUninit::zeroed().assume_init() };
        bindings::file_operations {
            // The VFS keeps the module loaded while there is such a file.
            owner: this_module(),
            release: Some(Self::release),
            #[cfg(CONFIG_PROC_FS)]
            show_fdinfo: Some(Self::show_fdinfo),
            ..none
        }
    }

    /// Returns what is behind a file.
    ///
    /// # Safety
    ///
    /// `file` has these operations, and has not been released while the result is used.
    unsafe fn data<'a>(file: *mut bindings::file) -> &'a T {
        // SAFETY: by the contract this is what `new_file` has set.
        unsafe { &*(*file).private_data.cast() }
    }

    /// # Safety
    ///
    /// `file` is the last reference to a file with these operations.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `new_file` has set it, and nobody uses it any more.
        drop(unsafe { KBox::<T>::from_raw((*file).private_data.cast()) });
        0
    }

    /// # Safety
    ///
    /// `m` is a sequence file that is being shown, and `file` a file with these operations.
    unsafe extern "C" fn show_fdinfo(m: *mut bindings::seq_file, file: *mut bindings::file) {
        // SAFETY: by the contract.
        let m = unsafe { SeqFile::from_raw(m) };
        // SAFETY: the caller holds the file.
        unsafe { Self::data(file) }.show_fdinfo(m);
    }
}

impl<T: Commands> Operations<T> {
    /// The operations, to be kept in a static.
    pub(crate) const fn of_commands() -> Self {
        Self {
            table: bindings::file_operations {
                unlocked_ioctl: Some(Self::ioctl),
                #[cfg(CONFIG_COMPAT)]
                compat_ioctl: bindings::compat_ptr_ioctl,
                mmap: Some(Self::mmap),
                ..Self::basic()
            },
            of: PhantomData,
        }
    }

    /// # Safety
    ///
    /// `file` is a file with these operations.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, command: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: the caller holds the file.
        match unsafe { Self::data(file) }.ioctl(command, arg) {
            Ok(()) => 0,
            Err(error) => error.to_errno() as c_long,
        }
    }

    /// # Safety
    ///
    /// `file` is a file with these operations, and `vma` a mapping of it that is being made.
    unsafe extern "C" fn mmap(
        file: *mut bindings::file,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        // SAFETY: by the contract.
        let vma = unsafe { VmaNew::from_raw(vma) };
        // SAFETY: the caller holds the file.
        match unsafe { Self::data(file) }.mmap(vma) {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        }
    }
}

/// The flag of a request that must not wait, as io_uring makes them. (The bindings lack
/// `IOCB_NOWAIT`, which is `RWF_NOWAIT` of the ABI.)
const IOCB_NOWAIT: i32 = 8;

impl<T: Stream> Operations<T> {
    /// The operations, to be kept in a static.
    pub(crate) const fn of_stream() -> Self {
        Self {
            table: bindings::file_operations {
                read_iter: Some(Self::read_iter),
                poll: Some(Self::poll),
                ..Self::basic()
            },
            of: PhantomData,
        }
    }

    /// # Safety
    ///
    /// `kiocb` is a request to read from a file with these operations, into `iter`.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: by the contract.
        let (file, flags) = unsafe { ((*kiocb).ki_filp, (*kiocb).ki_flags) };
        // SAFETY: the request holds the file.
        let nonblock = unsafe { File::from_raw_file(file) }.flags() & bindings::O_NONBLOCK != 0;
        // SAFETY: by the contract; the request has it alone.
        let to = unsafe { IovIterDest::from_raw(iter) };
        let waits = !nonblock && flags & IOCB_NOWAIT == 0;
        // SAFETY: the request holds the file.
        match unsafe { Self::data(file) }.read(waits, to) {
            Ok(bytes) => bytes as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// `file` is a file with these operations, and `table` null or valid.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table_struct,
    ) -> bindings::__poll_t {
        // SAFETY: by the contract.
        let table = unsafe { PollTable::from_raw(table) };
        // SAFETY: the caller holds the file.
        unsafe { Self::data(file).poll(File::from_raw_file(file), &table) }
    }
}
