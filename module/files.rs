// SPDX-License-Identifier: GPL-2.0

//! The module's list of files with tables, and the count of all operations that were served.
//!
//! A file is on the list from its first table on. Who counts goes from file to file and holds the
//! list's lock for a few hundred instructions at a time, so that nobody who creates a first table,
//! or closes a file, waits for longer. What closed files have served is not lost on the way, and
//! not counted twice: see [`Count`].

use crate::{gfp, tables::Tables};
use core::ops::Deref;
use kernel::{
    prelude::*,
    rbtree::{RBTree, RBTreeNode, RBTreeNodeReservation},
    sync::Arc,
};

/// Places of a file that are looked at under one hold of the lock.
const PLACES_AT_ONCE: usize = 4;

/// The files with tables.
struct Files {
    /// By their numbers, which grow. It is there once [`init_list`] has been called.
    listed: Option<RBTree<u64, Listed>>,
    /// The number that the next file gets.
    next: u64,
    /// Operations served on files that have left the list, and came after all that are on it.
    ops_of_last: u64,
}

/// A file on the list.
struct Listed {
    state: State,
    /// Operations served on files that have left the list, and came after the one that is before
    /// this.
    inherited: u64,
    /// How many counts stand here. Until they have gone on, the file stays on the list.
    counts: u64,
}

enum State {
    Open(Arc<Tables>),
    /// With so many operations served.
    Closed(u64),
}

kernel::sync::global_lock! {
    // SAFETY: the module's `init` calls `init_list` before it registers the device, without which
    // nobody calls the rest.
    unsafe(uninit) static FILES: SpinLock<Files> = Files {
        listed: None,
        next: 0,
        ops_of_last: 0,
    };
}

/// Makes the list ready.
///
/// # Safety
///
/// To be called once, and before anything else in this file.
pub(crate) unsafe fn init_list() {
    // SAFETY: by the contract.
    unsafe { FILES.init() };
    FILES.lock().listed = Some(RBTree::new());
}

impl Files {
    fn get(&mut self, number: u64) -> Option<&mut Listed> {
        self.listed.as_mut()?.get_mut(&number)
    }

    /// The first file whose number is at least `from`.
    fn first_from(&self, from: u64) -> Option<u64> {
        let found = self.listed.as_ref()?.cursor_lower_bound(&from)?;
        Some(*found.current().0)
    }

    /// Takes a file off the list that is closed and at which no count stands. Its operations go to
    /// the next one.
    fn take_off_unused(&mut self, number: u64) -> Option<RBTreeNode<u64, Listed>> {
        let (ops, inherited) = match self.get(number)? {
            &mut Listed {
                state: State::Closed(ops),
                inherited,
                counts: 0,
            } => (ops, inherited),
            _ => return None,
        };
        let gone = self.listed.as_mut()?.remove_node(&number);
        let heir = match self.first_from(number) {
            Some(next) => &mut self.get(next)?.inherited,
            None => &mut self.ops_of_last,
        };
        *heir = heir.wrapping_add(ops).wrapping_add(inherited);
        gone
    }
}

/// The tables of a file, which is on the list at least as long as this lives.
pub(crate) struct ListedTables {
    number: u64,
    tables: Arc<Tables>,
}

impl ListedTables {
    /// No tables yet. Fails with ENOMEM.
    pub(crate) fn new() -> Result<Self> {
        let tables = Arc::pin_init(Tables::new(), gfp::charged())?;
        let room = RBTreeNodeReservation::new(gfp::charged())?;
        let state = State::Open(tables.clone());
        let mut files = FILES.lock();
        let number = files.next;
        files.next = number.wrapping_add(1);
        let listed = Listed {
            state,
            inherited: core::mem::take(&mut files.ops_of_last),
            counts: 0,
        };
        if let Some(list) = &mut files.listed {
            list.insert(room.into_node(number, listed));
        }
        drop(files);
        Ok(Self { number, tables })
    }
}

impl Deref for ListedTables {
    type Target = Tables;

    #[inline]
    fn deref(&self) -> &Tables {
        &self.tables
    }
}

impl Drop for ListedTables {
    fn drop(&mut self) {
        // The file is being closed: there will be no more.
        let ops = self.tables.ops(0..self.tables.used());
        let mut files = FILES.lock();
        let was = files
            .get(self.number)
            .map(|listed| core::mem::replace(&mut listed.state, State::Closed(ops)));
        let gone = files.take_off_unused(self.number);
        drop(files);
        // What is freed, is freed with no lock held.
        drop((was, gone));
    }
}

/// Operations served since the module was loaded.
pub(crate) fn served() -> u64 {
    let mut count = Count {
        // Files that come while it goes on would never let it end.
        until: FILES.lock().next,
        at: None,
        place: 0,
        here: 0,
        sum: 0,
    };
    while count.go_on() {}
    count.sum
}

/// A count on its way through the list.
///
/// # Invariants
///
/// `sum` has all operations, and each once, that were served on files which are listed before the
/// one where the count stands, or have left the list from there. (So far they were served when the
/// count came by.) A file that leaves the list leaves its operations to the next one:
///
/// - One that the count has passed leaves them to one that it has passed, or stands at: it stays
///   where a count stands. They are in the sum, and don't come into it again.
/// - One that it has not reached leaves them to another that it has not reached, or to the end.
struct Count {
    /// Where it ends: files with this number and above came later.
    until: u64,
    /// The number of the file where it stands.
    at: Option<u64>,
    /// The place with which it goes on there.
    place: usize,
    /// Operations served in the places before.
    here: u64,
    sum: u64,
}

impl Count {
    /// Goes on by a few places, or to the next file. Returns whether there is more.
    fn go_on(&mut self) -> bool {
        let mut files = FILES.lock();
        if let Some(at) = self.at.and_then(|number| files.get(number)) {
            match &at.state {
                State::Open(tables) if self.place < tables.used() => {
                    let end = self.place.wrapping_add(PLACES_AT_ONCE).min(tables.used());
                    self.here = self.here.wrapping_add(tables.ops(self.place..end));
                    self.place = end;
                    return true;
                }
                State::Open(_) => self.sum = self.sum.wrapping_add(self.here),
                State::Closed(ops) => self.sum = self.sum.wrapping_add(*ops),
            }
        }

        let left = self.at;
        let next = files.first_from(left.map_or(0, |number| number.wrapping_add(1)));
        let inherited = match next.and_then(|number| files.get(number)) {
            Some(listed) => listed.inherited,
            None => files.ops_of_last,
        };
        self.sum = self.sum.wrapping_add(inherited);
        self.at = next.filter(|&number| number < self.until);
        (self.place, self.here) = (0, 0);
        if let Some(listed) = self.at.and_then(|number| files.get(number)) {
            listed.counts = listed.counts.wrapping_add(1);
        }
        // Only now, as it leaves its operations to the next one.
        let gone = left.and_then(|number| {
            let listed = files.get(number)?;
            listed.counts = listed.counts.wrapping_sub(1);
            files.take_off_unused(number)
        });
        drop(files);
        drop(gone);
        self.at.is_some()
    }
}
