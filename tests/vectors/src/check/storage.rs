// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Storage`]: where tables are.

use atomik::{ContextTable, Device, LocalTable, Result, Table};

/// Makes tables, in the process or on the device.
pub trait Storage {
    /// The tables that are there.
    type Table: ContextTable;

    /// True for the process, which also has objects without a table.
    const PROCESS: bool;

    /// True if there are contexts of this width.
    fn has_width(&self, width: u32) -> bool;

    /// Makes a table.
    ///
    /// # Errors
    ///
    /// Those of making it.
    fn table(&self, contexts: u32, width: u32) -> Result<Self::Table>;
}

/// Tables of this process.
pub struct InProcess;

impl Storage for InProcess {
    type Table = LocalTable;

    const PROCESS: bool = true;

    fn has_width(&self, _width: u32) -> bool {
        true
    }

    fn table(&self, contexts: u32, width: u32) -> Result<LocalTable> {
        LocalTable::with_width(contexts, width)
    }
}

/// Tables of the device.
pub struct OnDevice(pub Device);

impl Storage for OnDevice {
    type Table = Table;

    const PROCESS: bool = false;

    fn has_width(&self, width: u32) -> bool {
        width == 64
    }

    fn table(&self, contexts: u32, _width: u32) -> Result<Table> {
        self.0.create_table(contexts)
    }
}
