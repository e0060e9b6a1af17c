// SPDX-License-Identifier: GPL-2.0

//! [`Place`], where a file keeps one table, and after it another.
//!
//! A place is made when the first table needs it and stays until the file is closed, so that
//! finding a table takes neither a lock nor a reference count. Only the contents come and go.

use crate::{
    contexts::Contexts,
    limit::Charge,
    mapped::MappedStates,
    sync::brlock::{BrLock, WriteGuard},
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};

/// A table: its id, its serial number and its contexts.
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) serial: Serial,
    pub(crate) contexts: Contexts,
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
    /// Bytes that the table's contexts use, for the same readers.
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
            published_bytes: Atomic::new(0),
        })
    }

    /// Puts a table into the place, which is empty.
    pub(crate) fn put(&self, table: Table) {
        let mut content = self.table.write();
        self.publish(Some(&table));
        *content = Some(table);
    }

    /// Takes the table `id` out, once the operations on it have ended. Fails with ENOENT.
    pub(crate) fn take(&self, id: u32) -> Result<Table> {
        let mut content = self.table.write();
        match &*content {
            Some(table) if table.id == id => {
                self.publish(None);
                content.take().ok_or(ENOENT)
            }
            _ => Err(ENOENT),
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
        let bytes = table.map_or(0, |table| table.contexts.bytes());
        self.published_bytes.store(bytes, Relaxed);
    }

    /// The serial number of the table `id`, and the number of its contexts. Fails with ENOENT.
    pub(crate) fn identify(&self, id: u32) -> Result<(Serial, u32)> {
        self.table.read(0, |table| {
            let table = Self::existing(table, id)?;
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

    /// As [`Self::operate`], while no other call of this runs for the context at `addr`.
    #[inline]
    pub(crate) fn operate_keyed<R>(
        &self,
        name: impl Name,
        addr: u32,
        f: impl FnOnce(&Contexts) -> Result<R>,
    ) -> Result<R> {
        self.table
            .read_keyed(addr, move |table| f(&Self::existing(table, name)?.contexts))
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

    /// Bytes of kernel memory. Waits for nobody who uses the table.
    pub(crate) fn bytes(&self) -> u64 {
        let contexts = self.published_bytes.load(Relaxed);
        self.charge.bytes().wrapping_add(contexts)
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
        self.place.publish(self.guard.as_ref());
        Ok(states)
    }

    /// Counts `n` operations.
    pub(crate) fn count_ops(&mut self, n: u32) {
        self.guard.count_ops(n);
    }
}
