// SPDX-License-Identifier: GPL-2.0

//! The commands on the contexts of tables, whatever descriptor gives [`Access`] to them.

use crate::{
    batch::{Outcome, Results, UserBatch},
    image::Image,
    kernel_ext::{series::errno::ecanceled, user_word},
    logic::batch::Unmet,
    mapped::{MapRequest, MappedStates},
    ops_total,
    place::{Name, Place},
    scratch::Scratch,
    uapi::{self, Accum, Batch, Info, Load, Read, Swap, Touch},
};
use core::mem::offset_of;
use kernel::{
    current,
    prelude::*,
    sync::Arc,
    transmute::{AsBytes, FromBytes},
    uaccess::{UserPtr, UserSlice},
};
use zerocopy::IntoBytes;

/// Access to tables through one descriptor.
pub(crate) trait Access {
    /// A name by which one of them is found in its place.
    type Name: Name;

    /// The place where the table `id` is if it exists, and its name there. Fails with ENOENT.
    fn find(&self, id: u32) -> Result<(&Place, Self::Name)>;

    /// The same place, to be kept. Fails with ENOENT.
    fn share(&self, id: u32) -> Result<(Arc<Place>, Self::Name)>;

    /// Memory for a large batch.
    fn scratch(&self) -> &Scratch;

    /// Whether a batch may change contexts. (Commands that always do are refused before.)
    fn writable(&self) -> bool;
}

/// LOAD.
#[inline]
pub(crate) fn load(access: &impl Access, arg: UserPtr) -> Result {
    let arg: Load = read_words(arg, 2)?;
    let (place, table) = access.find(arg.table_id)?;
    place.change_keyed(
        table,
        arg.addr,
        || true,
        move |contexts| contexts.load(arg.addr, arg.initial_state),
    )
}

/// ACCUM.
#[inline]
pub(crate) fn accum(access: &impl Access, arg: UserPtr) -> Result {
    let arg: Accum = read_words(arg, 2)?;
    let (place, table) = access.find(arg.table_id)?;
    let changes = move || arg.delta != 0;
    place.change(table, arg.addr, changes, move |contexts| {
        contexts.accum(arg.addr, arg.delta)
    })
}

/// READ.
#[inline]
pub(crate) fn read(access: &impl Access, user: UserPtr) -> Result {
    let arg: Read = read_words(user, 1)?;
    let (place, table) = access.find(arg.table_id)?;
    let state = place.operate(table, move |contexts| contexts.read(arg.addr))?;
    let to = user.wrapping_byte_add(offset_of!(Read, state));
    user_word::write(to, state).inspect_err(|_| place.uncount_ops(1))
}

/// SWAP.
#[inline]
pub(crate) fn swap(access: &impl Access, user: UserPtr) -> Result {
    let arg: Swap = read_words(user, 2)?;
    let (place, table) = access.find(arg.table_id)?;
    let to = user.wrapping_byte_add(offset_of!(Swap, old_state));
    let changes = move || arg.new_reference != 0;
    match place.change_keyed(table, arg.addr, changes, move |contexts| {
        user_word::without_faults(|write| {
            contexts.swap(arg.addr, arg.new_reference, |state| write(to, state))
        })
    }) {
        Err(error) if error == EFAULT || error == EAGAIN => swap_exclusive(access, user, error),
        result => result,
    }
}

/// SWAP after an attempt that failed with EFAULT, or with EAGAIN, as another has changed the
/// context: with the table for the caller alone.
#[cold]
#[inline(never)]
fn swap_exclusive(access: &impl Access, user: UserPtr, mut error: Error) -> Result {
    // Read anew, so that the first attempt need not keep it. Nothing has changed yet, so another
    // argument than the first does no harm.
    let arg: Swap = read_words(user, 2)?;
    let (place, name) = access.find(arg.table_id)?;
    let to = user.wrapping_byte_add(offset_of!(Swap, old_state));
    loop {
        if error == EFAULT {
            // The page comes in while others may use the table, as with a batch.
            user_word::write(to, 0)?;
        }
        restart_if_signalled()?;
        let mut table = place.exclusive(name)?;
        let contexts = table.contexts()?;
        match user_word::without_faults(|write| {
            contexts.swap(arg.addr, arg.new_reference, |state| write(to, state))
        }) {
            Err(again) if again == EFAULT || again == EAGAIN => error = again,
            result => {
                if result.is_ok() && arg.new_reference != 0 {
                    table.changed(arg.addr);
                }
                table.count_ops(result.is_ok().into());
                return result;
            }
        }
    }
}

/// BATCH.
#[inline]
pub(crate) fn batch(access: &impl Access, arg: UserPtr) -> Result {
    let arg: Batch = read_words(arg, 2)?;
    UserBatch::with_copy(&arg, access.scratch(), |batch| {
        if !access.writable() && batch.changes() {
            return Err(EBADF);
        }
        if batch.is_plain() {
            serve_plain(access, arg.table_id, batch)
        } else if batch.tells_first() {
            serve_telling(access, arg.table_id, batch)
        } else {
            serve(access, arg.table_id, batch)
        }
    })
}

/// Serves a batch that has no results.
#[inline]
fn serve_plain(access: &impl Access, table_id: u32, batch: &UserBatch<'_>) -> Result {
    let (place, name) = access.find(table_id)?;
    let mut table = place.exclusive(name)?;
    if let Some(unmet) = batch.apply_plain(table.contexts()?)? {
        drop(table);
        return cancel(batch, &unmet);
    }
    table.changed_by(batch.ops());
    table.count_ops(batch.count());
    Ok(())
}

/// Fails with ECANCELED, or with EFAULT where the state found can't be told.
#[cold]
fn cancel(batch: &UserBatch<'_>, unmet: &Unmet) -> Result {
    batch.tell_unmet(unmet)?;
    Err(ecanceled())
}

/// Serves a batch that tells its results before it is applied.
#[inline(never)]
fn serve_telling(access: &impl Access, table_id: u32, batch: &mut UserBatch<'_>) -> Result {
    let (place, name) = access.find(table_id)?;
    loop {
        let mut table = place.exclusive(name)?;
        if batch.tell_and_apply(table.contexts()?)? {
            table.count_ops(batch.count());
            return Ok(());
        }
        drop(table);
        batch.write_results()?;
        restart_if_signalled()?;
    }
}

/// Serves any other batch.
#[inline(never)]
fn serve(access: &impl Access, table_id: u32, batch: &mut UserBatch<'_>) -> Result {
    let (place, name) = access.find(table_id)?;
    let mut results = Results::none();
    batch.prepare(&mut results)?;
    loop {
        let mut table = place.exclusive(name)?;
        match batch.apply(table.contexts()?, &mut results)? {
            Outcome::Applied => {
                table.changed_by(batch.ops());
                table.count_ops(batch.count());
                return Ok(());
            }
            Outcome::Canceled(unmet) => {
                drop(table);
                return cancel(batch, &unmet);
            }
            Outcome::PageMissing => {
                drop(table);
                batch.fault_in(&mut results)?;
                restart_if_signalled()?;
            }
        }
    }
}

/// SNAPSHOT.
#[inline(never)] // As `seldom` in `device.rs` has it.
pub(crate) fn snapshot(access: &impl Access, arg: UserPtr) -> Result {
    let mut image = Image::empty(&read_arg(arg)?)?;
    let (place, name) = access.find(image.table_id())?;
    let mut table = place.exclusive(name)?;
    image.take(table.contexts()?)?;
    table.count_ops(image.count());
    drop(table);
    // With the table released: a page fault keeps only the caller waiting.
    image
        .write()
        .inspect_err(|_| place.uncount_ops(image.count()))
}

/// RESTORE.
#[inline(never)] // As `seldom` in `device.rs` has it.
pub(crate) fn restore(access: &impl Access, arg: UserPtr) -> Result {
    let image = Image::read(&read_arg(arg)?)?;
    let (place, name) = access.find(image.table_id())?;
    let mut table = place.exclusive(name)?;
    let addresses = image.put(table.contexts()?)?;
    table.changed_range(addresses);
    table.count_ops(image.count());
    Ok(())
}

/// TOUCH.
#[inline(never)] // As `seldom` in `device.rs` has it.
pub(crate) fn touch(access: &impl Access, arg: UserPtr) -> Result {
    let arg: Touch = read_arg(arg)?;
    if arg.reserved != 0 {
        return Err(EINVAL);
    }
    let (place, name) = access.find(arg.table_id)?;
    place.touch(name, arg.addr, arg.count)
}

/// The states of a table, to be mapped. Fails with EINVAL where the table has fewer pages than
/// requested, and with ENOENT or ENOMEM.
pub(crate) fn mapped(access: &impl Access, request: &MapRequest) -> Result<Arc<MappedStates>> {
    let (place, name) = access.find(request.table_id())?;
    loop {
        let (count, states) =
            place.inspect(name, |contexts| Ok((contexts.count(), contexts.mapped())))?;
        request.check(count)?;
        if let Some(states) = states {
            return Ok(states);
        }
        // Allocated while others may use the table, or destroy it and create another with the
        // same id.
        let new = MappedStates::new(count)?;
        let mut table = place.exclusive(name)?;
        match table.map(new) {
            Err(error) if error == EAGAIN => {}
            result => return result,
        }
    }
}

/// GET_INFO.
#[inline(never)] // As `seldom` in `device.rs` has it.
pub(crate) fn get_info(arg: UserPtr) -> Result {
    let info = Info {
        version: uapi::VERSION,
        backend: uapi::BACKEND_SOFTWARE,
        ops_total: ops_total::served(),
        ..Info::default()
    };
    write_field(arg, 0, &info)
}

/// Reads the first words of the argument of a command; the rest, which only goes out, is 0. Fails
/// with EFAULT.
#[inline(always)] // So that the number of words is known.
fn read_words<T: zerocopy::FromBytes + IntoBytes>(from: UserPtr, words: usize) -> Result<T> {
    const WORD: usize = size_of::<u64>();
    let mut arg = T::new_zeroed();
    let bytes = arg.as_mut_bytes().chunks_exact_mut(WORD).take(words);
    for (bytes, offset) in bytes.zip((0..).step_by(WORD)) {
        let word = user_word::read(from.wrapping_byte_add(offset))?;
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    Ok(arg)
}

/// Reads the argument of a command. Fails with EFAULT.
pub(crate) fn read_arg<T: FromBytes>(from: UserPtr) -> Result<T> {
    UserSlice::new(from, size_of::<T>()).reader().read()
}

/// Writes a field of the argument of a command, `offset` bytes from its start. Fails with EFAULT.
pub(crate) fn write_field<T: AsBytes>(to: UserPtr, offset: usize, value: &T) -> Result {
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
