// SPDX-License-Identifier: GPL-2.0

//! [`Place`], where one table of a file lives, and one after another.
//!
//! A place is made when the first table needs it and stays until the file is closed, so that
//! looking up a table takes neither a lock nor a reference count. What comes and goes are the
//! contexts inside.

use crate::{
    brlock::{BrLock, ReadGuard, WriteGuard},
    contexts::{Contexts, EpochLocks},
    limit::Charge,
};
use kernel::prelude::*;

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
    #[pin]
    epochs: EpochLocks,
    charge: Charge,
}

impl Place {
    /// Initialises an empty place, whose memory counts against the module's limit. Fails with
    /// ENOMEM.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            table <- BrLock::new(None),
            epochs <- EpochLocks::new(),
            charge: Charge::new(size_of::<Self>())?,
        })
    }

    /// Puts a table here. The place is empty.
    pub(crate) fn put(&self, table: Table) {
        *self.table.write() = Some(table);
    }

    /// Takes the table `id` away, once the operations on it have ended. Fails with ENOENT.
    pub(crate) fn take(&self, id: u32) -> Result<Table> {
        let mut place = self.table.write();
        match &*place {
            Some(table) if table.id == id => place.take().ok_or(ENOENT),
            _ => Err(ENOENT),
        }
    }

    /// Does one operation on the table `id`, side by side with others, and counts it where `f` says
    /// that it took place. Fails with ENOENT.
    ///
    /// `f` must not sleep.
    #[inline]
    pub(crate) fn operate<R>(
        &self,
        id: u32,
        f: impl FnOnce(&Contexts, &EpochLocks) -> Result<Served<R>>,
    ) -> Result<R> {
        let mut guard = self.table.read();
        let served = f(&Self::existing(&guard, id)?.contexts, &self.epochs)?;
        if served.counts {
            guard.count(1);
        }
        Ok(served.result)
    }

    /// Takes back the count of `n` operations whose results could not be handed over.
    pub(crate) fn discount(&self, n: u32) {
        self.table.read().discount(n);
    }

    /// Takes the table `id` for one caller alone. Fails with ENOENT.
    pub(crate) fn exclusive(&self, id: u32) -> Result<ExclusiveTable<'_>> {
        let guard = self.table.write();
        match &*guard {
            Some(table) if table.id == id => Ok(ExclusiveTable { guard }),
            _ => Err(ENOENT),
        }
    }

    fn existing<'a>(guard: &'a ReadGuard<'_, Option<Table>>, id: u32) -> Result<&'a Table> {
        guard.as_ref().filter(|table| table.id == id).ok_or(ENOENT)
    }

    /// What is here now.
    pub(crate) fn usage(&self) -> Usage {
        // The count comes first: its locks are those of the table.
        let ops = self.table.counted();
        let guard = self.table.read();
        let table = guard.as_ref();
        Usage {
            ops,
            bytes: self
                .charge
                .bytes()
                .wrapping_add(table.map_or(0, |table| table.contexts.bytes())),
            table: table.map(|table| (table.id, table.contexts.count())),
        }
    }
}

/// The result of an operation, and whether it took place.
pub(crate) struct Served<R> {
    pub(crate) result: R,
    pub(crate) counts: bool,
}

impl<R> Served<R> {
    /// An operation that took place.
    #[inline]
    pub(crate) fn new(result: R) -> Self {
        Self {
            result,
            counts: true,
        }
    }
}

/// A table that nobody else can use meanwhile.
pub(crate) struct ExclusiveTable<'a> {
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
