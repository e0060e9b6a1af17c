// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Mirror`]: contexts of the device for any number of counters.

use atomik::{Batch, Device, MAX_BATCH, Table};

use crate::counters::Entry;

/// As many tables as the counters need. A table has as many contexts as a batch has entries, so
/// one batch for each table is always enough.
pub struct Mirror {
    device: Device,
    tables: Vec<Table>,
    /// System calls on the device so far.
    pub ioctls: usize,
}

const TABLE_SIZE: usize = MAX_BATCH as usize;

impl Mirror {
    pub fn new(device: Device) -> Self {
        Self {
            device,
            tables: vec![],
            ioctls: 1, // opening asked for the version
        }
    }

    /// Makes an `op` of each entry and sends them, in one batch for each table. The entries are in
    /// the order of their indices. Returns the states, where `op` returns one.
    pub fn send(
        &mut self,
        op: fn(&mut Batch, u32, u64),
        entries: &[Entry],
    ) -> atomik::Result<Vec<u64>> {
        let mut states = vec![];
        for entries in entries.chunk_by(|a, b| table_of(a) == table_of(b)) {
            let mut batch = Batch::with_capacity(entries.len());
            for (index, value) in entries {
                op(&mut batch, (index % TABLE_SIZE) as u32, *value);
            }
            let table = self.table(table_of(&entries[0]))?;
            states.extend(table.run(&mut batch)?.states());
            self.ioctls += 1;
        }
        Ok(states)
    }

    /// The table of this number, which is made with all before it where it's missing.
    fn table(&mut self, number: usize) -> atomik::Result<&Table> {
        while self.tables.len() <= number {
            self.tables.push(self.device.create_table(MAX_BATCH)?);
            self.ioctls += 1;
        }
        Ok(&self.tables[number])
    }
}

fn table_of(entry: &Entry) -> usize {
    entry.0 / TABLE_SIZE
}
