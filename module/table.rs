// SPDX-License-Identifier: GPL-2.0

//! [`Place`], where one table of a file lives, and one after another.
//!
//! A place is made when the first table needs it and stays until the file is closed, so that
//! looking up a table takes neither a lock nor a reference count. What comes and goes are the
//! contexts inside.

use crate::{
    brlock::{BrLock, WriteGuard},
    contexts::Contexts,
    limit::Charge,
    mapped::MappedStates,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};

/// A table: its id and its contexts.
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) contexts: Contexts,
}

/// Where a table may live.
#[pin_data]
pub(crate) struct Place {
    #[pin]
    table: BrLock<Option<Table>>,
    charge: Charge,
    /// The id of the table in the upper half, the number of its contexts in the lower; 0 where
    /// there is none. Like the next, written by who has the table for itself, for who must not wait
    /// for it.
    shown: Atomic<u64>,
    /// Bytes that its contexts use.
    bytes_shown: Atomic<u64>,
}

impl Place {
    /// Initialises an empty place, whose memory counts against the module's limit. Fails with
    /// ENOMEM.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            table <- BrLock::new(None),
            charge: Charge::new(size_of::<Self>())?,
            shown: Atomic::new(0),
            bytes_shown: Atomic::new(0),
        })
    }

    /// Puts a table here. The place is empty.
    pub(crate) fn put(&self, table: Table) {
        let mut place = self.table.write();
        self.show(Some(&table));
        *place = Some(table);
    }

    /// Takes the table `id` away, once the operations on it have ended. Fails with ENOENT.
    pub(crate) fn take(&self, id: u32) -> Result<Table> {
        let mut place = self.table.write();
        match &*place {
            Some(table) if table.id == id => {
                self.show(None);
                place.take().ok_or(ENOENT)
            }
            _ => Err(ENOENT),
        }
    }

    /// Notes what is here, for [`Self::usage`]. The caller has the table for itself.
    fn show(&self, table: Option<&Table>) {
        let shown = table.map_or(0, |table| {
            (u64::from(table.id) << 32) | u64::from(table.contexts.count())
        });
        // Relaxed: each is one word, and they order nothing.
        self.shown.store(shown, Relaxed);
        let bytes = table.map_or(0, |table| table.contexts.bytes());
        self.bytes_shown.store(bytes, Relaxed);
    }

    /// Does one operation on the table `id`, side by side with others, and counts it where it
    /// succeeds. Fails with ENOENT.
    ///
    /// `f` must not wait for userspace.
    #[inline]
    pub(crate) fn operate<R>(&self, id: u32, f: impl FnOnce(&Contexts) -> Result<R>) -> Result<R> {
        self.table
            .read(1, move |table| f(Self::existing(table, id)?))
    }

    /// Has `f` look at the table `id`, side by side with operations, which counts as none. Fails
    /// with ENOENT.
    ///
    /// `f` must not wait for userspace.
    #[inline]
    pub(crate) fn look<R>(&self, id: u32, f: impl FnOnce(&Contexts) -> Result<R>) -> Result<R> {
        self.table
            .read(0, move |table| f(Self::existing(table, id)?))
    }

    /// As [`Self::operate`], while nobody else does this with the context at `addr`.
    #[inline]
    pub(crate) fn operate_alone<R>(
        &self,
        id: u32,
        addr: u32,
        f: impl FnOnce(&Contexts) -> Result<R>,
    ) -> Result<R> {
        self.table
            .read_alone(addr, move |table| f(Self::existing(table, id)?))
    }

    /// Takes back the count of `n` operations whose results could not be handed over.
    #[cold]
    pub(crate) fn discount(&self, n: u32) {
        self.table.discount(n);
    }

    /// Takes the table `id` for one caller alone. Fails with ENOENT.
    pub(crate) fn exclusive(&self, id: u32) -> Result<ExclusiveTable<'_>> {
        let guard = self.table.write();
        match &*guard {
            Some(table) if table.id == id => Ok(ExclusiveTable { place: self, guard }),
            _ => Err(ENOENT),
        }
    }

    #[inline]
    fn existing(table: &Option<Table>, id: u32) -> Result<&Contexts> {
        match table {
            Some(table) if table.id == id => Ok(&table.contexts),
            _ => Err(ENOENT),
        }
    }

    /// How many operations were served here, also on tables that are gone.
    pub(crate) fn ops(&self) -> u64 {
        self.table.counted()
    }

    /// What is here now. Waits for nobody who uses the table.
    pub(crate) fn usage(&self) -> Usage {
        let shown = self.shown.load(Relaxed);
        let contexts = self.bytes_shown.load(Relaxed);
        Usage {
            ops: self.ops(),
            bytes: self.charge.bytes().wrapping_add(contexts),
            table: (shown != 0).then_some(((shown >> 32) as u32, shown as u32)),
        }
    }
}

/// A table that nobody else can use meanwhile.
pub(crate) struct ExclusiveTable<'a> {
    place: &'a Place,
    guard: WriteGuard<'a, Option<Table>>,
}

impl ExclusiveTable<'_> {
    /// Its contexts.
    pub(crate) fn contexts(&mut self) -> Result<&mut Contexts> {
        // `Place::exclusive` has seen the table: the error can't come up.
        self.guard
            .as_mut()
            .map(|table| &mut table.contexts)
            .ok_or(ENOENT)
    }

    /// Its states, to be mapped: see [`Contexts::map`].
    pub(crate) fn map(&mut self, room: Arc<MappedStates>) -> Result<Arc<MappedStates>> {
        let states = self.contexts()?.map(room)?;
        self.place.show(self.guard.as_ref());
        Ok(states)
    }

    /// Counts `n` operations.
    pub(crate) fn count(&mut self, n: u32) {
        self.guard.count(n);
    }
}

/// What a [`Place`] holds.
pub(crate) struct Usage {
    /// The id of the table and the number of its contexts, where there is one.
    pub(crate) table: Option<(u32, u32)>,
    /// Bytes of kernel memory.
    pub(crate) bytes: u64,
    /// Operations served here, also on tables that are gone.
    pub(crate) ops: u64,
}
