// SPDX-License-Identifier: MIT OR Apache-2.0

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;

pub fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A value whose fingerprint is computed once after each change.
#[derive(Clone)]
pub struct Known<T> {
    value: T,
    fingerprint: Cell<Option<u64>>,
}

impl<T: Hash> Known<T> {
    pub fn new(value: T) -> Self {
        Self {
            value,
            fingerprint: Cell::new(None),
        }
    }

    pub fn change(&mut self) -> &mut T {
        self.fingerprint.set(None);
        &mut self.value
    }

    pub fn fingerprint(&self) -> u64 {
        let known = self
            .fingerprint
            .get()
            .unwrap_or_else(|| fingerprint(&self.value));
        self.fingerprint.set(Some(known));
        known
    }
}

impl<T> Deref for Known<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
