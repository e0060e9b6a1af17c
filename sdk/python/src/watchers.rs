// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Watchers`]: the watches on a table in this process, as the table sees them.

use std::ops::Range;
use std::sync::Arc;

use crate::bell::Bell;
use crate::changes::Changes;
use crate::marks::Marks;

/// The watches on a table.
#[derive(Default)]
pub struct Watchers {
    all: Vec<Watcher>,
    next: u64,
    /// True once nobody has the table any more but watches.
    pub ended: bool,
}

/// A watch on a table.
pub struct Watcher {
    id: u64,
    range: Range<u32>,
    marks: Marks,
    /// Rings while there are marks.
    bell: Arc<Bell>,
    marked: bool,
    pub changes: Changes,
}

impl Watchers {
    /// Adds a watch that has all contexts of the range to tell, and returns its number.
    pub fn add(&mut self, range: Range<u32>, marks: Marks, bell: Arc<Bell>) -> u64 {
        bell.ring();
        self.next += 1;
        self.all.push(Watcher {
            id: self.next,
            range,
            marks,
            bell,
            marked: true,
            changes: Changes::default(),
        });
        self.next
    }

    /// Removes a watch. The caller drops it, when the table isn't locked any more.
    pub fn remove(&mut self, id: u64) -> Option<Watcher> {
        let at = self.all.iter().position(|watcher| watcher.id == id)?;
        Some(self.all.swap_remove(at))
    }

    pub fn get(&mut self, id: u64) -> Option<&mut Watcher> {
        self.all.iter_mut().find(|watcher| watcher.id == id)
    }

    /// Says that a context has changed.
    pub fn changed(&mut self, addr: u32) {
        // Mostly, nobody watches.
        if !self.all.is_empty() {
            self.all_changed(addr..addr + 1);
        }
    }

    /// Says that contexts have changed.
    pub fn all_changed(&mut self, range: Range<u32>) {
        for watcher in &mut self.all {
            let own = &watcher.range;
            let (start, end) = (range.start.max(own.start), range.end.min(own.end));
            if start < end {
                watcher.marks.set(start - own.start..end - own.start);
                if !watcher.marked {
                    watcher.marked = true;
                    watcher.bell.ring();
                }
            }
        }
    }

    /// Says that the table has ended.
    pub fn end(&mut self) {
        self.ended = true;
        self.all.iter().for_each(|watcher| watcher.bell.ring());
    }
}

impl Watcher {
    /// The contexts to tell of, lowest first, and how many these are.
    pub fn marked(&self) -> (usize, impl Iterator<Item = u32>) {
        let first = self.range.start;
        (
            self.marks.count(),
            self.marks.iter().map(move |number| first + number),
        )
    }

    /// Says that all have been taken. The bell of a table that has ended rings for good.
    pub fn taken(&mut self, ended: bool) {
        self.marks.clear();
        self.marked = false;
        if !ended {
            self.bell.silence();
        }
    }
}
