// SPDX-License-Identifier: GPL-2.0

//! [`OpenFile`], one `struct file` of the device, and the commands on its tables.
//!
//! There is one for each open of the device. What shares the `struct file` shares this: duplicated
//! descriptors, forked processes, receivers of a passed descriptor.

use crate::{
    batch::UserBatch,
    files::{self, ListedTables},
    image::Image,
    mapped::{MappedStates, Wanted},
    patience::SWAP_ATTEMPTS,
    scratch::Scratch,
    table::Place,
    tables::Tables,
    uaccess::write_nofault,
    uapi::{self, Accum, Batch, CreateTable, Info, Load, Read, Swap},
};
use core::mem::offset_of;
use kernel::{
    current, new_mutex,
    prelude::*,
    sync::{Arc, Mutex, SetOnce},
    transmute::{AsBytes, FromBytes},
    uaccess::{UserPtr, UserSlice},
};

/// An open file.
///
/// Opening makes no more than this: it happens under a mutex of all misc devices, so that what
/// takes longer is made by the first CREATE_TABLE.
#[pin_data]
pub(crate) struct OpenFile {
    tables: SetOnce<ListedTables>,
    /// Held by who makes `tables`.
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
    pub(crate) fn destroy_table(&self, arg: UserPtr) -> Result {
        let id = read_arg(arg)?;
        self.tables.as_ref().ok_or(ENOENT)?.destroy(id)
    }

    /// The tables, made if need be. Fails with ENOMEM.
    fn make_tables(&self) -> Result<&ListedTables> {
        if self.tables.as_ref().is_none() {
            let _making = self.making.lock();
            if self.tables.as_ref().is_none() {
                self.tables.populate(ListedTables::new()?);
            }
        }
        self.tables.as_ref().ok_or(ENOMEM)
    }

    /// LOAD.
    #[inline]
    pub(crate) fn load(&self, arg: UserPtr) -> Result {
        let arg: Load = read_arg(arg)?;
        let place = self.place(arg.table_id)?;
        place.operate_alone(arg.table_id, arg.addr, move |contexts| {
            contexts.load(arg.addr, arg.initial_state)
        })
    }

    /// ACCUM.
    #[inline]
    pub(crate) fn accum(&self, arg: UserPtr) -> Result {
        let arg: Accum = read_arg(arg)?;
        let place = self.place(arg.table_id)?;
        place.operate(arg.table_id, move |contexts| {
            contexts.accum(arg.addr, arg.delta)
        })
    }

    /// READ.
    #[inline]
    pub(crate) fn read(&self, user: UserPtr) -> Result {
        let arg: Read = read_arg(user)?;
        let place = self.place(arg.table_id)?;
        let state = place.operate(arg.table_id, move |contexts| contexts.read(arg.addr))?;
        write_field(user, offset_of!(Read, state), &state).inspect_err(|_| place.discount(1))
    }

    /// SWAP.
    pub(crate) fn swap(&self, user: UserPtr) -> Result {
        let arg: Swap = read_arg(user)?;
        let place = self.place(arg.table_id)?;
        for _ in 0..SWAP_ATTEMPTS {
            // The result goes out before the swap is done, and the swap is done only if the result
            // is still right: so a caller whose memory can't be written has changed nothing.
            let state = place.look(arg.table_id, move |contexts| contexts.read(arg.addr))?;
            write_field(user, offset_of!(Swap, old_state), &state)?;
            match place.operate_alone(arg.table_id, arg.addr, move |contexts| {
                contexts.swap_if(arg.addr, state, arg.new_reference)
            }) {
                Err(error) if error == EAGAIN => {}
                result => return result,
            }
        }
        Self::swap_exclusive(&place, &arg, user)
    }

    /// SWAP with the table for itself, where others keep changing the context.
    #[cold]
    fn swap_exclusive(place: &Place, arg: &Swap, user: UserPtr) -> Result {
        let to = user.wrapping_byte_add(offset_of!(Swap, old_state));
        loop {
            let mut table = place.exclusive(arg.table_id)?;
            let contexts = table.contexts()?;
            match contexts.swap_exclusive(arg.addr, arg.new_reference, |s| write_nofault(to, s)) {
                Err(error) if error == EFAULT || error == EAGAIN => {}
                result => {
                    table.count(result.is_ok().into());
                    return result;
                }
            }
            drop(table);
            // As with a batch: the page comes in while the table is free for others.
            write_field(to, 0, &0u64)?;
            restart_if_signalled()?;
        }
    }

    /// BATCH.
    pub(crate) fn batch(&self, arg: UserPtr) -> Result {
        let arg: Batch = read_arg(arg)?;
        UserBatch::with(&arg, &self.scratch, |batch| self.serve(arg.table_id, batch))
    }

    fn serve(&self, table_id: u32, batch: &mut UserBatch<'_>) -> Result {
        let place = self.place(table_id)?;
        batch.prepare()?;
        loop {
            let mut table = place.exclusive(table_id)?;
            if batch.apply(table.contexts()?)? {
                table.count(batch.count());
                drop(table);
                return batch
                    .finish()
                    .inspect_err(|_| place.discount(batch.count()));
            }
            drop(table);
            batch.fault_in()?;
            restart_if_signalled()?;
        }
    }

    /// SNAPSHOT.
    pub(crate) fn snapshot(&self, arg: UserPtr) -> Result {
        let mut image = Image::empty(&read_arg(arg)?)?;
        let place = self.place(image.table_id())?;
        let mut table = place.exclusive(image.table_id())?;
        image.take(table.contexts()?)?;
        table.count(image.count());
        drop(table);
        // What waits for a page of the caller's, waits alone.
        image.write().inspect_err(|_| place.discount(image.count()))
    }

    /// RESTORE.
    pub(crate) fn restore(&self, arg: UserPtr) -> Result {
        let image = Image::read(&read_arg(arg)?)?;
        let place = self.place(image.table_id())?;
        let mut table = place.exclusive(image.table_id())?;
        image.put(table.contexts()?)?;
        table.count(image.count());
        Ok(())
    }

    /// The states of a table, to be mapped. Fails with EINVAL where it has fewer than are wanted,
    /// and with ENOENT or ENOMEM.
    pub(crate) fn mapped(&self, wanted: &Wanted) -> Result<Arc<MappedStates>> {
        let id = wanted.table_id();
        let place = self.place(id)?;
        loop {
            let (count, states) =
                place.look(id, |contexts| Ok((contexts.count(), contexts.mapped())))?;
            wanted.check(count)?;
            if let Some(states) = states {
                return Ok(states);
            }
            // Allocated while others may use the table, or destroy it, and create another that has
            // its id.
            let room = MappedStates::new(count)?;
            let mut table = place.exclusive(id)?;
            match table.map(room) {
                Err(error) if error == EAGAIN => {}
                result => return result,
            }
        }
    }

    /// GET_INFO.
    pub(crate) fn get_info(&self, arg: UserPtr) -> Result {
        let info = Info {
            version: uapi::VERSION,
            backend: uapi::BACKEND_SOFTWARE,
            ops_total: files::served(),
            ..Info::default()
        };
        write_field(arg, 0, &info)
    }

    /// The tables, for `/proc/PID/fdinfo/FD`, where there have been any.
    pub(crate) fn tables(&self) -> Option<&Tables> {
        self.tables.as_ref().map(|tables| &**tables)
    }

    /// Bytes of kernel memory that count against the module's limit, beside what the places of
    /// tables hold.
    pub(crate) fn bytes(&self) -> u64 {
        let tables = self.tables().map_or(0, Tables::bytes);
        tables.wrapping_add(self.scratch.bytes())
    }

    /// The place where the table `id` is if it exists. Fails with ENOENT.
    #[inline]
    pub(crate) fn place(&self, id: u32) -> Result<Pin<&Place>> {
        self.tables.as_ref().ok_or(ENOENT)?.place(id)
    }
}

/// Reads the argument of a command. Fails with EFAULT.
fn read_arg<T: FromBytes>(from: UserPtr) -> Result<T> {
    UserSlice::new(from, size_of::<T>()).reader().read()
}

/// Writes a field of the argument of a command, `offset` bytes from its start. Fails with EFAULT.
fn write_field<T: AsBytes>(to: UserPtr, offset: usize, value: &T) -> Result {
    UserSlice::new(to.wrapping_byte_add(offset), size_of::<T>())
        .writer()
        .write(value)
}

/// Has the system call made again, from the start, where the caller has a signal to see to first.
/// Nothing has been done so far, and the caller does not notice.
fn restart_if_signalled() -> Result {
    if current!().signal_pending() {
        Err(ERESTARTNOINTR)
    } else {
        Ok(())
    }
}
