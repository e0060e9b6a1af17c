// SPDX-License-Identifier: GPL-2.0

//! Red-black trees, which are the standard library's here. What uses one holds its lock.

use crate::{alloc::Flags, error::Error, held};
use std::collections::BTreeMap;

/// As in the kernel.
pub struct RBTree<K, V>(BTreeMap<K, V>);

/// As in the kernel.
pub struct RBTreeNode<K, V>(K, V);

/// As in the kernel.
pub struct RBTreeNodeReservation<K, V>(core::marker::PhantomData<(K, V)>);

/// As in the kernel.
pub struct Cursor<'a, K, V>(&'a K, &'a V);

impl<K: Ord + Copy, V> RBTree<K, V> {
    #[expect(clippy::new_without_default, reason = "as in the kernel")]
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub fn insert(&mut self, RBTreeNode(key, value): RBTreeNode<K, V>) -> Option<RBTreeNode<K, V>> {
        Some(RBTreeNode(key, self.0.insert(key, value)?))
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    pub fn remove_node(&mut self, key: &K) -> Option<RBTreeNode<K, V>> {
        let (key, value) = self.0.remove_entry(key)?;
        Some(RBTreeNode(key, value))
    }

    pub fn cursor_lower_bound(&self, key: &K) -> Option<Cursor<'_, K, V>> {
        let (key, value) = self.0.range(key..).next()?;
        Some(Cursor(key, value))
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

impl<K, V> Cursor<'_, K, V> {
    pub fn current(&self) -> (&K, &V) {
        (self.0, self.1)
    }
}
