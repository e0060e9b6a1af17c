// SPDX-License-Identifier: GPL-2.0

//! Red-black trees, which are the standard library's here. The users of one hold its lock.

use crate::{alloc::Flags, error::Error, held};
use core::ops::Bound;
use std::collections::BTreeMap;

/// As in the kernel.
pub struct RBTree<K, V>(BTreeMap<K, V>);

/// As in the kernel.
pub struct RBTreeNode<K, V>(K, V);

/// As in the kernel.
pub struct RBTreeNodeReservation<K, V>(core::marker::PhantomData<(K, V)>);

/// As in the kernel.
pub struct CursorMut<'a, K, V> {
    tree: &'a mut BTreeMap<K, V>,
    key: K,
}

impl<K: Ord + Copy, V> RBTree<K, V> {
    #[expect(clippy::new_without_default, reason = "as in the kernel")]
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub fn insert(&mut self, RBTreeNode(key, value): RBTreeNode<K, V>) -> Option<RBTreeNode<K, V>> {
        Some(RBTreeNode(key, self.0.insert(key, value)?))
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }

    pub fn cursor_front_mut(&mut self) -> Option<CursorMut<'_, K, V>> {
        let key = *self.0.first_key_value()?.0;
        Some(CursorMut {
            tree: &mut self.0,
            key,
        })
    }

    pub fn cursor_lower_bound_mut(&mut self, key: &K) -> Option<CursorMut<'_, K, V>> {
        let key = *self.0.range(key..).next()?.0;
        Some(CursorMut {
            tree: &mut self.0,
            key,
        })
    }
}

impl<K, V> RBTreeNodeReservation<K, V> {
    #[track_caller]
    pub fn new(_: Flags) -> Result<Self, Error> {
        held::might_sleep();
        Ok(Self(core::marker::PhantomData))
    }

    pub fn into_node(self, key: K, value: V) -> RBTreeNode<K, V> {
        RBTreeNode(key, value)
    }
}

impl<K: Ord + Copy, V> CursorMut<'_, K, V> {
    pub fn current_mut(&mut self) -> (&K, &mut V) {
        (&self.key, self.tree.get_mut(&self.key).expect("a node"))
    }

    pub fn peek_next_mut(&mut self) -> Option<(&K, &mut V)> {
        let after = (Bound::Excluded(self.key), Bound::Unbounded);
        self.tree.range_mut(after).next()
    }

    /// As in the kernel, but for the cursor to a neighbour, which comes to nothing here.
    pub fn remove_current(self) -> (Option<Self>, RBTreeNode<K, V>) {
        let (key, value) = self.tree.remove_entry(&self.key).expect("a node");
        (None, RBTreeNode(key, value))
    }
}
