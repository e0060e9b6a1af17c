// SPDX-License-Identifier: GPL-2.0

//! [`Place`], where a file keeps one table, and after it another.
//!
//! A place is made when the first table needs it and stays until the file is closed, so that
//! finding a table takes neither a lock nor a reference count. Only the contents come and go.

use crate::{
    contexts::Contexts,
    limit::Charge,
    logic::batch,
    mapped::MappedStates,
    quiet::Quiet,
    sync::brlock::{BrLock, WriteGuard},
    uapi::BatchOp,
    watch::Watch,
    watchers::{Node, Watchers},
};
use core::{hint::black_box, ops::Range};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};

/// A table: its id, its serial number, its contexts, and who watches them.
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) serial: Serial,
    pub(crate) contexts: Contexts,
    pub(crate) watchers: Option<KBox<Watchers>>,
    /// The contexts that they need not be told of.
    pub(crate) quiet: Quiet,
}

impl Table {
    /// Notes a change of the context at `addr`, if `changes` says so. The caller is inside the lock,
    /// so that who reads a watch sees the change, or finds the mark for it later.
    #[inline]
    fn changed(&self, addr: u32, changes: impl FnOnce() -> bool) {
        if !self.quiet.is_none() {
            // Where nobody watches, one comparison with memory comes before this and a jump. The
            // compiler would load the word there already, for use here.
            let quiet = black_box(&self.quiet);
            if !quiet.is_set(addr) && changes() {
                self.tell(addr);
            }
        }
    }

    #[cold]
    fn tell(&self, addr: u32) {
        if let Some(watchers) = &self.watchers {
            watchers.changed(addr);
        }
        self.quiet.set(addr);
    }

    /// Bytes that it uses.
    fn bytes(&self) -> u64 {
        self.contexts.bytes().wrapping_add(self.quiet.bytes())
    }
}

/// What is left of a table that is gone, to be freed with no lock held.
pub(crate) enum Freed {
    /// All of it.
    Table { _all: Option<Table> },
    /// All but the contexts, which its watches have.
    Watched { _left: (KBox<Watchers>, Quiet) },
}

/// A number that no other table of the file ever has, unlike the id, which comes back in the end.
/// From 1 on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serial(pub(crate) u64);

/// A name by which a place is asked for its table: the id or the serial number.
pub(crate) trait Name: Copy {
    fn is_of(self, table: &Table) -> bool;
}

impl Name for u32 {
    #[inline]
    fn is_of(self, table: &Table) -> bool {
        self == table.id
    }
}

impl Name for Serial {
    #[inline]
    fn is_of(self, table: &Table) -> bool {
        self == table.serial
    }
}

/// Where a file keeps a table.
///
/// # Invariants
///
/// What is published describes the table whenever nobody holds the write guard of `table`.
#[pin_data]
pub(crate) struct Place {
    #[pin]
    table: BrLock<Option<Table>>,
    charge: Charge,
    /// The id of the table in the upper half, the number of its contexts in the lower; 0 where
    /// there is none. For readers who must not wait for the lock.
    published: Atomic<u64>,
    /// The serial number of the table, or 0, for the same readers.
    published_serial: Atomic<u64>,
    /// How many watches there are on it, for the same readers.
    published_watches: Atomic<u64>,
    /// Bytes that the table uses, for the same readers.
    published_bytes: Atomic<u64>,
}

impl Place {
    /// Initialises an empty place, whose memory counts against the module's limit. Fails with
    /// ENOMEM.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: no table is published, and there is none.
        try_pin_init!(Self {
            table <- BrLock::new(None),
            charge: Charge::new(size_of::<Self>())?,
            published: Atomic::new(0),
            published_serial: Atomic::new(0),
            published_watches: Atomic::new(0),
            published_bytes: Atomic::new(0),
        })
    }

    /// Puts a table into the place, which is empty.
    pub(crate) fn put(&self, table: Table) {
        let mut content = self.table.write();
        self.publish(Some(&table));
        *content = Some(table);
    }

    /// Takes the table `id` out, once the operations on it have ended, and ends the watches on it.
    /// Fails with ENOENT.
    pub(crate) fn take(&self, id: u32) -> Result<Freed> {
        let mut content = self.table.write();
        match &*content {
            Some(table) if table.id == id => {
                self.publish(None);
                Ok(Self::end(&mut content))
            }
            _ => Err(ENOENT),
        }
    }

    /// Ends the watches on the table, if there is one. Nobody else can use it, as its file is being
    /// closed.
    pub(crate) fn close(&self) {
        if self.watches() > 0 {
            let mut content = self.table.write();
            self.publish(None);
            let freed = Self::end(&mut content);
            drop(content);
            drop(freed);
        }
    }

    /// Takes a table out, and leaves its contexts to the watches, if there are any.
    fn end(content: &mut Option<Table>) -> Freed {
        if let Some(Table {
            watchers: Some(_), ..
        }) = content
        {
            Self::end_watched(content)
        } else {
            Freed::Table {
                _all: content.take(),
            }
        }
    }

    #[cold]
    fn end_watched(content: &mut Option<Table>) -> Freed {
        match content.take() {
            Some(Table {
                contexts,
                watchers: Some(watchers),
                quiet,
                ..
            }) => {
                watchers.hang_up(contexts);
                Freed::Watched {
                    _left: (watchers, quiet),
                }
            }
            other => Freed::Table { _all: other },
        }
    }

    /// Notes what the place holds, for [`Self::table`], [`Self::has`] and [`Self::bytes`]. The
    /// caller has the write guard.
    fn publish(&self, table: Option<&Table>) {
        let published = table.map_or(0, |table| {
            (u64::from(table.id) << 32) | u64::from(table.contexts.count())
        });
        // Relaxed: each is one word, and they order nothing.
        self.published.store(published, Relaxed);
        let serial = table.map_or(0, |table| table.serial.0);
        self.published_serial.store(serial, Relaxed);
        let watchers = table.and_then(|table| table.watchers.as_ref());
        let watches = watchers.map_or(0, |all| all.count());
        self.published_watches.store(watches, Relaxed);
        let bytes = table.map_or(0, Table::bytes);
        self.published_bytes.store(bytes, Relaxed);
    }

    /// The serial number of a table, and the number of its contexts. Fails with ENOENT.
    pub(crate) fn identify(&self, name: impl Name) -> Result<(Serial, u32)> {
        self.table.read(0, |table| {
            let table = Self::existing(table, name)?;
            Ok((table.serial, table.contexts.count()))
        })
    }

    /// Calls `f` for one operation on a table, side by side with others, and counts it where
    /// it succeeds. Fails with ENOENT.
    ///
    /// `f` must not wait for userspace.
    #[inline]
    pub(crate) fn operate<R>(
        &self,
        name: impl Name,
        f: impl FnOnce(&Contexts) -> Result<R>,
    ) -> Result<R> {
        self.table
            .read(1, move |table| f(&Self::existing(table, name)?.contexts))
    }

    /// As [`Self::operate`], where `f` changes the context at `addr`, if `changes` says so: notes
    /// that for those who watch it.
    #[inline]
    pub(crate) fn change(
        &self,
        name: impl Name,
        addr: u32,
        changes: impl FnOnce() -> bool,
        f: impl FnOnce(&Contexts) -> Result,
    ) -> Result {
        self.table.read(1, move |table| {
            let table = Self::existing(table, name)?;
            f(&table.contexts)?;
            table.changed(addr, changes);
            Ok(())
        })
    }

    /// Notes that the contexts of a range may have changed, for those who watch them. Fails with
    /// EINVAL where it is empty or goes beyond the table, and with ENOENT.
    pub(crate) fn touch(&self, name: impl Name, addr: u32, count: u32) -> Result {
        self.table.read(0, |table| {
            let table = Self::existing(table, name)?;
            let range = table.contexts.range(addr, count)?;
            if let Some(watchers) = &table.watchers {
                watchers.changed_range(range);
            }
            Ok(())
        })
    }

    /// Calls `f` to inspect a table, side by side with operations, which counts as none.
    /// Fails with ENOENT.
    ///
    /// `f` must not wait for userspace.
    #[inline]
    pub(crate) fn inspect<R>(
        &self,
        name: impl Name,
        f: impl FnOnce(&Contexts) -> Result<R>,
    ) -> Result<R> {
        self.table
            .read(0, move |table| f(&Self::existing(table, name)?.contexts))
    }

    /// As [`Self::change`], while no other call of this runs for the context at `addr`.
    #[inline]
    pub(crate) fn change_keyed(
        &self,
        name: impl Name,
        addr: u32,
        changes: impl FnOnce() -> bool,
        f: impl FnOnce(&Contexts) -> Result,
    ) -> Result {
        self.table.read_keyed(addr, move |table| {
            let table = Self::existing(table, name)?;
            f(&table.contexts)?;
            table.changed(addr, changes);
            Ok(())
        })
    }

    /// Takes back the count of `n` operations whose results could not be handed over.
    #[cold]
    pub(crate) fn uncount_ops(&self, n: u32) {
        self.table.uncount_ops(n);
    }

    /// Takes a table for the caller alone. Fails with ENOENT.
    pub(crate) fn exclusive(&self, name: impl Name) -> Result<ExclusiveTable<'_>> {
        let guard = self.table.write();
        match &*guard {
            // INVARIANT: this is the table.
            Some(table) if name.is_of(table) => Ok(ExclusiveTable { place: self, guard }),
            _ => Err(ENOENT),
        }
    }

    #[inline]
    fn existing(table: &Option<Table>, name: impl Name) -> Result<&Table> {
        match table {
            Some(table) if name.is_of(table) => Ok(table),
            _ => Err(ENOENT),
        }
    }

    /// Operations served here, also on tables that are gone. Waits for nobody who uses the table.
    pub(crate) fn ops(&self) -> u64 {
        self.table.ops()
    }

    /// The id of the table and the number of its contexts, where there is one. Waits for nobody who
    /// uses the table.
    pub(crate) fn table(&self) -> Option<(u32, u32)> {
        match self.published.load(Relaxed) {
            0 => None,
            published => Some(((published >> 32) as u32, published as u32)),
        }
    }

    /// Whether the table with this serial number is here. Waits for nobody who uses it.
    pub(crate) fn has(&self, serial: Serial) -> bool {
        self.published_serial.load(Relaxed) == serial.0
    }

    /// How many watches there are on the table. Waits for nobody who uses it.
    pub(crate) fn watches(&self) -> u64 {
        self.published_watches.load(Relaxed)
    }

    /// Bytes of kernel memory. Waits for nobody who uses the table.
    pub(crate) fn bytes(&self) -> u64 {
        let table = self.published_bytes.load(Relaxed);
        self.charge.bytes().wrapping_add(table)
    }
}

/// A table that nobody else can use meanwhile.
///
/// # Invariants
///
/// `guard` holds a table.
pub(crate) struct ExclusiveTable<'a> {
    place: &'a Place,
    guard: WriteGuard<'a, Option<Table>>,
}

impl ExclusiveTable<'_> {
    /// Its contexts.
    pub(crate) fn contexts(&mut self) -> Result<&mut Contexts> {
        // Doesn't fail, by the invariant.
        self.guard
            .as_mut()
            .map(|table| &mut table.contexts)
            .ok_or(ENOENT)
    }

    /// Its states, to be mapped: see [`Contexts::map`].
    pub(crate) fn map(&mut self, new: Arc<MappedStates>) -> Result<Arc<MappedStates>> {
        let states = self.contexts()?.map(new)?;
        self.publish();
        Ok(states)
    }

    /// Notes a change of the context at `addr`.
    pub(crate) fn changed(&mut self, addr: u32) {
        if let Some(table) = &*self.guard {
            table.changed(addr, || true);
        }
    }

    /// Notes the changes of a batch that has been applied.
    #[inline]
    pub(crate) fn changed_by(&mut self, ops: &[BatchOp]) {
        if let Some(table) = self.guard.as_mut() {
            if !table.quiet.is_none() && !table.quiet.are_set(ops) {
                for addr in batch::changed(ops) {
                    table.changed(addr, || true);
                }
            }
        }
    }

    /// Notes that the contexts of a range may have changed.
    pub(crate) fn changed_range(&mut self, range: Range<u32>) {
        if let Some(Some(watchers)) = self.guard.as_ref().map(|table| &table.watchers) {
            watchers.changed_range(range);
        }
    }

    /// Those who watch the table, for a new watch; `spare` where nobody does yet.
    pub(crate) fn watchers_or(
        &mut self,
        spare: &mut Option<(KBox<Watchers>, Quiet)>,
    ) -> Option<&mut Watchers> {
        let table = self.guard.as_mut()?;
        if table.watchers.is_none() {
            let (watchers, quiet) = spare.take()?;
            (table.watchers, table.quiet) = (Some(watchers), quiet);
        }
        Some(table.watchers.as_mut()?)
    }

    /// Removes a watch. The caller frees what this returns with no lock held.
    pub(crate) fn unwatch(
        &mut self,
        number: u64,
    ) -> Option<(Option<Node>, Option<KBox<Watchers>>, Quiet)> {
        let table = self.guard.as_mut()?;
        let watchers = table.watchers.as_mut()?;
        let removed = watchers.remove(number);
        let (unused, quiet) = if watchers.count() == 0 {
            let quiet = core::mem::replace(&mut table.quiet, Quiet::none());
            (table.watchers.take(), quiet)
        } else {
            (None, Quiet::none())
        };
        self.publish();
        Some((removed, unused, quiet))
    }

    /// Takes up to `most` changes out of a watch on the table, and calls `f` with their addresses
    /// and states. Fails with ENOENT, which can't happen.
    pub(crate) fn take_changes(
        &mut self,
        watch: &Watch,
        most: usize,
        mut f: impl FnMut(u32, u64),
    ) -> Result {
        let table = self.guard.as_ref().ok_or(ENOENT)?;
        watch.take(most, |addr| {
            table.quiet.clear(addr);
            // In the table, as the watch is.
            if let Ok(state) = table.contexts.read(addr) {
                f(addr, state);
            }
        });
        Ok(())
    }

    /// Notes what the place holds now.
    pub(crate) fn publish(&self) {
        self.place.publish(self.guard.as_ref());
    }

    /// Counts `n` operations.
    pub(crate) fn count_ops(&mut self, n: u32) {
        self.guard.count_ops(n);
    }
}
