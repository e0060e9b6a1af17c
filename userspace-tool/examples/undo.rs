// SPDX-License-Identifier: MIT OR Apache-2.0

//! Undo for an editor, in any order.
//!
//! The text is in contexts, 8 bytes each. An edit is the deltas that it XORs into them. Applying
//! them again undoes it, at any time, even after later edits; and again redoes it. Each is one
//! BATCH: readers of the text see an edit whole or not at all.

use std::error::Error;

use atomik::{Batch, Context, Device, TableRef};

/// A text of fixed size, which several processes could show and edit at once.
struct Document {
    table: TableRef,
    contexts: u32,
}

/// An edit: addresses and deltas.
struct Edit(Vec<(u32, u64)>);

impl Document {
    fn text(&self) -> atomik::Result<String> {
        let image = self.table.snapshot(0..self.contexts)?;
        let words = image.into_iter().map(Context::state);
        let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        let end = bytes
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    /// Overwrites the bytes at `at`. Returns the edit.
    fn write(&self, at: usize, text: &str) -> Result<Edit, Box<dyn Error>> {
        if at + text.len() > 8 * self.contexts as usize {
            return Err("beyond the document's end".into());
        }
        let addrs: Vec<u32> = (0..self.contexts).collect();
        // Another process may write meanwhile: the deltas are those of the text that is replaced.
        let edit = self.table.transact(&addrs, |words| {
            let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
            let mut edit = vec![];
            for ((addr, word), new) in (0..).zip(words).zip(bytes.chunks(8)) {
                let new = new.iter().rev().fold(0, |n, &b| (n << 8) | u64::from(b));
                let old = std::mem::replace(word, new);
                edit.push((addr, old ^ new));
            }
            edit.retain(|&(_, delta)| delta != 0);
            edit
        })?;
        Ok(Edit(edit))
    }

    /// Applies an edit: does, undoes or redoes it.
    fn toggle(&self, edit: &Edit) -> atomik::Result<()> {
        let mut batch = Batch::new();
        for &(addr, delta) in &edit.0 {
            batch.accum(addr, delta);
        }
        if batch.is_empty() {
            Ok(())
        } else {
            self.table.submit(&batch)
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::open()?;
    let table = device.create_table(8)?;
    let document = Document {
        table: table.clone(),
        contexts: 8,
    };
    let show = |what: &str| -> atomik::Result<String> {
        let text = document.text()?;
        println!("{what:<28} {text}");
        Ok(text)
    };
    document.write(0, "Edits are undone in the order of time.")?;
    let beginning = show("the text")?;
    let first = document.write(0, "Words")?;
    show("an edit")?;
    let second = document.write(20, "any")?;
    show("another")?;
    document.toggle(&first)?;
    // The second edit stays, though it came later.
    if show("the first undone")? != "Edits are undone in any order of time." {
        return Err("more was undone than the first edit".into());
    }
    document.toggle(&first)?;
    show("and done again")?;
    document.toggle(&first)?;
    document.toggle(&second)?;
    if show("both undone")? != beginning {
        return Err("the text isn't what it was".into());
    }
    println!("the text is as it was at the beginning");
    Ok(())
}
