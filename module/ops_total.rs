// SPDX-License-Identifier: GPL-2.0

//! [`CountedTables`], the tables of a file that is on the list by which [`served`] sums up the
//! operations on all files.
//!
//! A file is on the list from its first table on. A [`Walk`] goes from file to file and holds the
//! list's lock for a few hundred instructions at a time: nobody who creates a first table or closes
//! a file waits for longer. The operations of files that close during a walk are neither lost nor
//! counted twice.

use crate::{kernel_ext::gfp, tables::Tables};
use core::ops::Deref;
use kernel::{
    prelude::*,
    rbtree::{CursorMut, RBTree, RBTreeNode, RBTreeNodeReservation},
    sync::Arc,
};

/// Places of a file that a walk sums up under one hold of the lock.
const PLACES_AT_ONCE: usize = 4;

/// The files with tables.
struct List {
    /// The files by their numbers, which grow. Present once [`init_list`] has been called.
    files: Option<RBTree<u64, Listed>>,
    /// The number of the next file.
    next: u64,
    /// Operations served on files that have left the list from behind all that are on it.
    ops_after_last: u64,
}

/// A file on the list.
struct Listed {
    state: State,
    /// Operations served on files that have left the list from just before this one.
    inherited: u64,
    /// How many walks are at this file. It stays on the list until they have gone on.
    walks: u64,
}

enum State {
    Open(Arc<Tables>),
    /// Closed, after so many operations.
    Closed(u64),
}

kernel::sync::global_lock! {
    // SAFETY: the module's `init` calls `init_list` before it registers the device, without which
    // nobody calls the rest.
    unsafe(uninit) static LIST: SpinLock<List> = List {
        files: None,
        next: 0,
        ops_after_last: 0,
    };
}

/// Makes the list ready.
///
/// # Safety
///
/// To be called once, and before anything else in this file.
pub(crate) unsafe fn init_list() {
    // SAFETY: by the contract.
    unsafe { LIST.init() };
    LIST.lock().files = Some(RBTree::new());
}

/// Takes the file at the cursor off the list if it is closed and no walk is at it. Its operations
/// go to the next file. The caller frees the node with no lock held.
fn remove_unused(
    mut cursor: CursorMut<'_, u64, Listed>,
    ops_after_last: &mut u64,
) -> Option<RBTreeNode<u64, Listed>> {
    let (ops, inherited) = match cursor.current_mut().1 {
        &mut Listed {
            state: State::Closed(ops),
            inherited,
            walks: 0,
        } => (ops, inherited),
        _ => return None,
    };
    let heir = match cursor.peek_next_mut() {
        Some((_, next)) => &mut next.inherited,
        None => ops_after_last,
    };
    *heir = heir.wrapping_add(ops).wrapping_add(inherited);
    Some(cursor.remove_current().1)
}

/// The tables of an open file.
///
/// # Invariants
///
/// The file is on the list, open, under `number`.
pub(crate) struct CountedTables {
    number: u64,
    tables: Arc<Tables>,
}

impl CountedTables {
    /// Puts a file without tables on the list. Fails with ENOMEM.
    pub(crate) fn new() -> Result<Self> {
        let tables = Arc::pin_init(Tables::new(), gfp::charged())?;
        let node = RBTreeNodeReservation::new(gfp::charged())?;
        let state = State::Open(tables.clone());
        let mut list = LIST.lock();
        let number = list.next;
        list.next = number.wrapping_add(1);
        let listed = Listed {
            state,
            inherited: core::mem::take(&mut list.ops_after_last),
            walks: 0,
        };
        if let Some(files) = &mut list.files {
            files.insert(node.into_node(number, listed));
        }
        drop(list);
        // INVARIANT: it has been put on the list.
        Ok(Self { number, tables })
    }
}

impl Deref for CountedTables {
    type Target = Tables;

    #[inline]
    fn deref(&self) -> &Tables {
        &self.tables
    }
}

impl Drop for CountedTables {
    fn drop(&mut self) {
        self.tables.close();
        // Final, as the file is being closed.
        let ops = self.tables.ops(0..self.tables.used());
        let mut list = LIST.lock();
        let List {
            files,
            ops_after_last,
            ..
        } = &mut *list;
        let cursor = files
            .as_mut()
            .and_then(|files| files.cursor_lower_bound_mut(&self.number));
        let freed = cursor.map(|mut cursor| {
            let state = &mut cursor.current_mut().1.state;
            let open = core::mem::replace(state, State::Closed(ops));
            (open, remove_unused(cursor, ops_after_last))
        });
        drop(list);
        // Freed with no lock held.
        drop(freed);
    }
}

/// Operations served since the module was loaded.
pub(crate) fn served() -> u64 {
    let mut walk = Walk::start();
    while walk.go_on() {}
    walk.sum
}

/// A walk along the list, which sums up the operations served on its files.
///
/// # Invariants
///
/// `sum` has each operation once that was served on a file which is listed before the one where the
/// walk is, or has left the list from there. (Operations served after the walk came by may be
/// missing.) A file that leaves the list passes its operations on to the next one:
///
/// - A file that the walk has passed leaves them to another that it has passed, or to the one where
///   it is, which stays on the list meanwhile. They are in the sum already, and aren't added again.
/// - A file that the walk has not reached leaves them to another such file, or to the end.
struct Walk {
    /// Where the walk ends. Files from this number on came after its start; with them it might
    /// never end.
    until: u64,
    /// The number of the file where the walk is; nothing at the end.
    at: Option<u64>,
    /// The next place to sum up in that file.
    place: usize,
    /// Operations served in the places before.
    here: u64,
    sum: u64,
}

impl Walk {
    /// Starts at the first file.
    fn start() -> Self {
        let mut list = LIST.lock();
        let List {
            files,
            next,
            ops_after_last,
        } = &mut *list;
        let mut walk = Self {
            until: *next,
            at: None,
            place: 0,
            here: 0,
            sum: 0,
        };
        let mut first = files.as_mut().and_then(|files| files.cursor_front_mut());
        walk.enter(
            first.as_mut().map(|file| file.current_mut()),
            *ops_after_last,
        );
        walk
    }

    /// Goes on by a few places, or to the next file. Returns false once it is at the end.
    fn go_on(&mut self) -> bool {
        let Some(number) = self.at else {
            return false;
        };
        let mut list = LIST.lock();
        let List {
            files,
            ops_after_last,
            ..
        } = &mut *list;
        let Some(mut file) = files
            .as_mut()
            .and_then(|files| files.cursor_lower_bound_mut(&number))
        else {
            return false;
        };

        let (_, listed) = file.current_mut();
        match &listed.state {
            State::Open(tables) if self.place < tables.used() => {
                let end = self.place.wrapping_add(PLACES_AT_ONCE).min(tables.used());
                self.here = self.here.wrapping_add(tables.ops(self.place..end));
                self.place = end;
                return true;
            }
            State::Open(_) => self.sum = self.sum.wrapping_add(self.here),
            State::Closed(ops) => self.sum = self.sum.wrapping_add(*ops),
        }
        listed.walks = listed.walks.wrapping_sub(1);
        self.enter(file.peek_next_mut(), *ops_after_last);
        // Only now, as it passes operations on that the sum has.
        let unused = remove_unused(file, ops_after_last);
        drop(list);
        // Freed with no lock held.
        drop(unused);
        self.at.is_some()
    }

    /// Enters the file `next`, or comes to the end, and adds what has been inherited there.
    fn enter(&mut self, next: Option<(&u64, &mut Listed)>, ops_after_last: u64) {
        let inherited = match &next {
            Some((_, listed)) => listed.inherited,
            None => ops_after_last,
        };
        self.sum = self.sum.wrapping_add(inherited);
        self.at = None;
        if let Some((&number, listed)) = next.filter(|(&number, _)| number < self.until) {
            listed.walks = listed.walks.wrapping_add(1);
            self.at = Some(number);
        }
        (self.place, self.here) = (0, 0);
    }
}
