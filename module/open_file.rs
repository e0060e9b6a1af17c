// SPDX-License-Identifier: GPL-2.0

//! [`OpenFile`], one `struct file` of the device, and the commands that make and destroy its tables.
//!
//! Each open of the device makes one. Duplicated descriptors, forked processes and receivers of a
//! passed descriptor share the `struct file`, and with it this.

use crate::{
    commands::{read_arg, write_field, Access},
    ops_total::CountedTables,
    place::Place,
    scratch::Scratch,
    tables::Tables,
    uapi::{self, CreateTable},
};
use core::mem::offset_of;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex, SetOnce},
    uaccess::UserPtr,
};

/// An open file.
///
/// Opening makes no more than this, as it happens under a mutex of all misc devices. The first
/// CREATE_TABLE makes what takes longer.
#[pin_data]
pub(crate) struct OpenFile {
    tables: SetOnce<CountedTables>,
    /// Held while `tables` is made.
    #[pin]
    making: Mutex<()>,
    #[pin]
    scratch: Scratch,
}

impl OpenFile {
    /// Initialises a file without tables.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tables: SetOnce::new(),
            making <- new_mutex!((), "atomik::open_file::making"),
            scratch <- Scratch::new(),
        })
    }

    /// CREATE_TABLE.
    #[inline(never)] // As `seldom` in `device.rs` has it.
    pub(crate) fn create_table(&self, arg: UserPtr) -> Result {
        let CreateTable { num_contexts, .. } = read_arg(arg)?;
        if !(1..=uapi::MAX_CONTEXTS).contains(&num_contexts) {
            return Err(EINVAL);
        }
        self.make_tables()?.create(num_contexts, |id| {
            write_field(arg, offset_of!(CreateTable, table_id), id)
        })
    }

    /// DESTROY_TABLE.
    #[inline(never)] // As `seldom` in `device.rs` has it.
    pub(crate) fn destroy_table(&self, arg: UserPtr) -> Result {
        let id = read_arg(arg)?;
        self.tables.as_ref().ok_or(ENOENT)?.destroy(id)
    }

    /// The file's tables, made if need be. Fails with ENOMEM.
    fn make_tables(&self) -> Result<&CountedTables> {
        if self.tables.as_ref().is_none() {
            let _making = self.making.lock();
            if self.tables.as_ref().is_none() {
                self.tables.populate(CountedTables::new()?);
            }
        }
        self.tables.as_ref().ok_or(ENOMEM)
    }

    /// The place where the table `id` is if it exists. Fails with ENOENT.
    #[inline]
    pub(crate) fn place(&self, id: u32) -> Result<&Place> {
        self.tables.as_ref().ok_or(ENOENT)?.place(id)
    }

    /// The same place, to be kept. Fails with ENOENT.
    pub(crate) fn shared_place(&self, id: u32) -> Result<Arc<Place>> {
        self.tables.as_ref().ok_or(ENOENT)?.shared_place(id)
    }

    /// The file's tables, once it has had one, for `/proc/PID/fdinfo/FD`.
    pub(crate) fn tables(&self) -> Option<&Tables> {
        self.tables.as_ref().map(|tables| &**tables)
    }

    /// Bytes of kernel memory that count against the module's limit, without those of the places.
    pub(crate) fn bytes(&self) -> u64 {
        let tables = self.tables().map_or(0, Tables::bytes);
        tables.wrapping_add(self.scratch.bytes())
    }
}

impl Access for OpenFile {
    type Name = u32;

    #[inline]
    fn find(&self, id: u32) -> Result<(&Place, u32)> {
        Ok((self.place(id)?, id))
    }

    fn share(&self, id: u32) -> Result<(Arc<Place>, u32)> {
        Ok((self.shared_place(id)?, id))
    }

    fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    fn writable(&self) -> bool {
        // A batch is not served at all where the file isn't open for writing.
        true
    }
}
