// SPDX-License-Identifier: GPL-2.0

//! [`OpenFile`], one `struct file` of the device, and the commands on its tables.
//!
//! Each open of the device makes one. Duplicated descriptors, forked processes and receivers of a
//! passed descriptor share the `struct file`, and with it this.

use crate::{
    attempts::SWAP_ATTEMPTS,
    batch::{Outcome, UserBatch},
    image::Image,
    kernel_ext::uaccess::write_nofault,
    mapped::{MapRequest, MappedStates},
    ops_total::{self, CountedTables},
    place::Place,
    scratch::Scratch,
    tables::Tables,
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

    /// LOAD.
    #[inline]
    pub(crate) fn load(&self, arg: UserPtr) -> Result {
        let arg: Load = read_arg(arg)?;
        let place = self.place(arg.table_id)?;
        place.operate_keyed(arg.table_id, arg.addr, move |contexts| {
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
        write_field(user, offset_of!(Read, state), &state).inspect_err(|_| place.uncount_ops(1))
    }

    /// SWAP.
    pub(crate) fn swap(&self, user: UserPtr) -> Result {
        let arg: Swap = read_arg(user)?;
        let place = self.place(arg.table_id)?;
        for _ in 0..SWAP_ATTEMPTS {
            // The result goes out first, and the swap is done only if the result is still right: so
            // a caller whose memory can't be written has changed nothing.
            let state = place.inspect(arg.table_id, move |contexts| contexts.read(arg.addr))?;
            write_field(user, offset_of!(Swap, old_state), &state)?;
            match place.operate_keyed(arg.table_id, arg.addr, move |contexts| {
                contexts.swap_if(arg.addr, state, arg.new_reference)
            }) {
                Err(error) if error == EAGAIN => {}
                result => return result,
            }
        }
        Self::swap_exclusive(&place, &arg, user)
    }

    /// SWAP with the table for the caller alone, where others keep changing the context.
    #[cold]
    fn swap_exclusive(place: &Place, arg: &Swap, user: UserPtr) -> Result {
        let to = user.wrapping_byte_add(offset_of!(Swap, old_state));
        loop {
            let mut table = place.exclusive(arg.table_id)?;
            let contexts = table.contexts()?;
            match contexts.swap_exclusive(arg.addr, arg.new_reference, |s| write_nofault(to, s)) {
                Err(error) if error == EFAULT || error == EAGAIN => {}
                result => {
                    table.count_ops(result.is_ok().into());
                    return result;
                }
            }
            drop(table);
            // The page comes in while others may use the table, as with a batch.
            write_field(to, 0, &0u64)?;
            restart_if_signalled()?;
        }
    }

    /// BATCH.
    pub(crate) fn batch(&self, arg: UserPtr) -> Result {
        let arg: Batch = read_arg(arg)?;
        UserBatch::with_copy(&arg, &self.scratch, |batch| self.serve(arg.table_id, batch))
    }

    fn serve(&self, table_id: u32, batch: &mut UserBatch<'_>) -> Result {
        let place = self.place(table_id)?;
        batch.prepare()?;
        loop {
            let mut table = place.exclusive(table_id)?;
            match batch.apply(table.contexts()?)? {
                Outcome::Applied => {
                    table.count_ops(batch.count());
                    drop(table);
                    return batch
                        .finish()
                        .inspect_err(|_| place.uncount_ops(batch.count()));
                }
                Outcome::Canceled(unmet) => {
                    drop(table);
                    batch.tell_unmet(&unmet)?;
                    return Err(ECANCELED);
                }
                Outcome::PageMissing => {
                    drop(table);
                    batch.fault_in()?;
                    restart_if_signalled()?;
                }
            }
        }
    }

    /// SNAPSHOT.
    pub(crate) fn snapshot(&self, arg: UserPtr) -> Result {
        let mut image = Image::empty(&read_arg(arg)?)?;
        let place = self.place(image.table_id())?;
        let mut table = place.exclusive(image.table_id())?;
        image.take(table.contexts()?)?;
        table.count_ops(image.count());
        drop(table);
        // With the table released: a page fault keeps only the caller waiting.
        image
            .write()
            .inspect_err(|_| place.uncount_ops(image.count()))
    }

    /// RESTORE.
    pub(crate) fn restore(&self, arg: UserPtr) -> Result {
        let image = Image::read(&read_arg(arg)?)?;
        let place = self.place(image.table_id())?;
        let mut table = place.exclusive(image.table_id())?;
        image.put(table.contexts()?)?;
        table.count_ops(image.count());
        Ok(())
    }

    /// The states of a table, to be mapped. Fails with EINVAL where the table has fewer pages than
    /// requested, and with ENOENT or ENOMEM.
    pub(crate) fn mapped(&self, request: &MapRequest) -> Result<Arc<MappedStates>> {
        let id = request.table_id();
        let place = self.place(id)?;
        loop {
            let (count, states) =
                place.inspect(id, |contexts| Ok((contexts.count(), contexts.mapped())))?;
            request.check(count)?;
            if let Some(states) = states {
                return Ok(states);
            }
            // Allocated while others may use the table, or destroy it and create another with the
            // same id.
            let new = MappedStates::new(count)?;
            let mut table = place.exclusive(id)?;
            match table.map(new) {
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
            ops_total: ops_total::served(),
            ..Info::default()
        };
        write_field(arg, 0, &info)
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

/// Restarts the system call after the caller has handled a signal, if there is one. To be called
/// where nothing has changed yet, so that the caller doesn't notice.
fn restart_if_signalled() -> Result {
    if current!().signal_pending() {
        Err(ERESTARTNOINTR)
    } else {
        Ok(())
    }
}
