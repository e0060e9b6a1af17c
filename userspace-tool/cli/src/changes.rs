// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Changes`]: what changes in neighbouring contexts, with the states before.

use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd};

use atomik::{Result, TableRef, Watch};

/// A context whose state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub addr: u32,
    /// The state that was told last; none the first time.
    pub before: Option<u64>,
    pub after: u64,
}

/// A watch on neighbouring contexts, and the states that it told last.
pub struct Changes {
    watch: Watch,
    /// By address, from the first that is watched on.
    states: Vec<Option<u64>>,
}

impl Changes {
    pub fn of(table: &TableRef, addresses: RangeInclusive<u32>) -> Result<Self> {
        let (first, last) = addresses.into_inner();
        let watch = table.watch(first..last.saturating_add(1))?;
        let states = vec![None; watch.range().len()];
        Ok(Self { watch, states })
    }

    /// The changes that there are now, lowest address first; at first, all states. None once the
    /// table is gone and all has been told. This never waits.
    pub fn take(&mut self) -> Result<Option<impl Iterator<Item = Change>>> {
        let first = self.watch.range().start;
        let told = match self.watch.try_read()? {
            None => &[],
            Some([]) => return Ok(None),
            Some(told) => told,
        };
        let states = &mut self.states;
        Ok(Some(told.iter().filter_map(move |told| {
            let state = states.get_mut(told.addr.checked_sub(first)? as usize)?;
            let before = state.replace(told.state);
            // It may have changed and changed back.
            (before != Some(told.state)).then_some(Change {
                addr: told.addr,
                before,
                after: told.state,
            })
        })))
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}
