// SPDX-License-Identifier: MIT OR Apache-2.0

//! One program for both kinds of tables: in the kernel where the driver is, else in this process.
//!
//! It keeps fingerprints of texts, one context each, and finds the texts that have changed. Only
//! the line that makes the table knows where it is.

use std::error::Error;

use atomik::{Batch, ContextTable, Device, LocalTable, OrderedFingerprint};

/// Makes the table: in the kernel where the driver is.
fn table(contexts: u32) -> atomik::Result<(Box<dyn ContextTable>, &'static str)> {
    match Device::open() {
        Ok(device) => Ok((Box::new(device.create_table(contexts)?), "in the kernel")),
        Err(_) => Ok((Box::new(LocalTable::new(contexts)?), "in this process")),
    }
}

/// Records the texts' fingerprints: from now on, nothing has changed.
fn note(table: &mut dyn ContextTable, texts: &[&str]) -> atomik::Result<()> {
    let mut batch = Batch::new();
    for (addr, text) in (0..).zip(texts) {
        batch.load(addr, OrderedFingerprint::of(text.as_bytes()));
    }
    table.submit(&batch)
}

/// Finds the texts that differ from the recorded ones.
fn changed(table: &mut dyn ContextTable, texts: &[&str]) -> atomik::Result<Vec<usize>> {
    let mut numbers = vec![];
    for (addr, text) in (0..).zip(texts) {
        let now = OrderedFingerprint::of(text.as_bytes());
        let delta = table.read(addr)? ^ now;
        table.accum(addr, delta)?;
        if !table.context(addr)?.is_clean() {
            numbers.push(addr as usize);
        }
    }
    Ok(numbers)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut table, location) = table(3)?;
    println!("the table is {location}");
    let before = ["first second", "a text", "another"];
    let after = ["second first", "a text", "another one"];
    note(&mut *table, &before)?;
    let found = changed(&mut *table, &after)?;
    println!("changed  {found:?}");
    if found != [0, 2] {
        return Err("these are not the ones that changed".into());
    }
    // With the old texts again, the deltas cancel each other.
    if !changed(&mut *table, &before)?.is_empty() {
        return Err("something has changed that was put back".into());
    }
    println!("and put back");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_what_changed() {
        super::main().unwrap();
    }
}
