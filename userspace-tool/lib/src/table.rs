// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Table`]: a table that is destroyed when dropped.

use std::ops::Deref;

use crate::{Result, TableRef};

/// A table that is destroyed when this value is dropped.
///
/// It dereferences to [`TableRef`], which has the operations. For other threads, clone that, or
/// share this: every operation takes `&self`.
///
/// The table is destroyed for every descriptor of the open file, in other processes as well. A
/// child process that was forked with a copy of this value must not drop it: let it end by `exec`
/// or
/// `_exit`, or call [`into_ref`](Self::into_ref).
///
/// ```no_run
/// let device = atomik::Device::open()?;
/// let table = device.create_table(8)?;
/// std::thread::scope(|scope| {
///     for bit in 0..8 {
///         let table = &table;
///         scope.spawn(move || table.accum(0, 1 << bit));
///     }
/// });
/// assert_eq!(table.read(0)?, 0xff);
/// # Ok::<(), atomik::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the table is destroyed when this is dropped"]
pub struct Table {
    table: TableRef,
    destroy_on_drop: bool,
}

impl Table {
    pub(crate) fn owning(table: TableRef) -> Self {
        Self {
            table,
            destroy_on_drop: true,
        }
    }

    /// Destroys the table now, and returns the error that dropping would hide. Operations that race
    /// with this get their full effect, or [`Error::NoSuchTable`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTable`] where another holder of the open file destroyed it before.
    ///
    /// [`Error::NoSuchTable`]: crate::Error::NoSuchTable
    pub fn destroy(self) -> Result<()> {
        self.into_ref().destroy()
    }

    /// Keeps the table until the open file ends, or until it is destroyed explicitly.
    pub fn into_ref(mut self) -> TableRef {
        self.destroy_on_drop = false;
        self.table.clone()
    }

    /// Keeps the table as [`into_ref`](Self::into_ref) does, and returns its id, with which
    /// [`Device::table`](crate::Device::table) finds it in the same open file.
    pub fn into_id(self) -> u32 {
        self.into_ref().id()
    }
}

impl Deref for Table {
    type Target = TableRef;

    fn deref(&self) -> &TableRef {
        &self.table
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if self.destroy_on_drop {
            // The only likely error is that the table is gone already.
            let _ = self.table.clone().destroy();
        }
    }
}
