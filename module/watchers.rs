// SPDX-License-Identifier: GPL-2.0

//! [`Watchers`], the watches on one table.

use crate::{contexts::Contexts, kernel_ext::gfp, watch::Watch};
use core::ops::Range;
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNode, RBTreeNodeReservation},
    sync::{Arc, Mutex},
};

/// A watch in the tree, under its number.
pub(crate) type Node = RBTreeNode<u64, Arc<Watch>>;

/// The watches on a table, inside its lock. There is at least one.
pub(crate) struct Watchers {
    watches: RBTree<u64, Arc<Watch>>,
    /// How many watches there are, and the number of the next one.
    count: u64,
    next: u64,
    remains: Arc<Remains>,
}

/// The contexts of a watched table, once that is destroyed. The watches share it.
#[pin_data]
pub(crate) struct Remains {
    #[pin]
    contexts: Mutex<Option<Contexts>>,
}

impl Remains {
    /// Calls `f` with the contexts, which nobody else uses meanwhile. Fails with ENOENT where the
    /// table isn't destroyed.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&Contexts) -> Result<R>) -> Result<R> {
        f(self.contexts.lock().as_ref().ok_or(ENOENT)?)
    }
}

impl Watchers {
    /// No watches yet. Fails with ENOMEM.
    pub(crate) fn new() -> Result<Self> {
        let remains = pin_init!(Remains {
            contexts <- new_mutex!(None, "atomik::watchers::remains"),
        });
        Ok(Self {
            watches: RBTree::new(),
            count: 0,
            next: 0,
            remains: Arc::pin_init(remains, gfp::charged())?,
        })
    }

    /// How many watches there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Adds a watch that has everything to tell. Returns its number here.
    pub(crate) fn add(
        &mut self,
        node: RBTreeNodeReservation<u64, Arc<Watch>>,
        watch: Arc<Watch>,
    ) -> (u64, Arc<Remains>) {
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.count = self.count.wrapping_add(1);
        self.watches.insert(node.into_node(number, watch));
        (number, self.remains.clone())
    }

    /// Removes the watch with this number. The caller frees it with no lock held.
    pub(crate) fn remove(&mut self, number: u64) -> Option<Node> {
        let cursor = self.watches.cursor_lower_bound_mut(&number)?;
        self.count = self.count.wrapping_sub(1);
        Some(cursor.remove_current().1)
    }

    /// Tells all watches of a change of the context at `addr`.
    pub(crate) fn changed(&self, addr: u32) {
        for watch in self.watches.values() {
            watch.changed(addr);
        }
    }

    /// Tells them that the contexts of a range may have changed.
    pub(crate) fn changed_range(&self, range: Range<u32>) {
        for watch in self.watches.values() {
            watch.changed_range(range.clone());
        }
    }

    /// Ends all watches: the table is destroyed, and these are its contexts. The caller has it
    /// alone.
    pub(crate) fn hang_up(&self, contexts: Contexts) {
        *self.remains.contexts.lock() = Some(contexts);
        for watch in self.watches.values() {
            watch.hang_up();
        }
    }
}
