// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Watchers`]: the watches on a table of this process, and [`LocalWatch`]: the other end of one.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::{Change, Error, Operation, Result};

/// The watches on a table. A copy of the table has none, and they make no difference between two
/// tables.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    // A lock, as `watch` takes the table shared. Changes have the table alone, and never take it.
    watches: Mutex<Vec<Weak<Watched>>>,
}

/// The part of a watch that the table and the watch share.
#[derive(Debug)]
struct Watched {
    range: Range<u32>,
    untold: Mutex<Untold>,
    /// Readable while there is something to tell, and once the table is gone.
    readable: EventFd,
}

#[derive(Debug)]
struct Untold {
    /// The contexts that may have changed since the last read, and their states.
    states: BTreeMap<u32, u64>,
    /// Whether the table is gone.
    gone: bool,
}

impl Watchers {
    /// Makes a watch on `range`, whose states are those given.
    pub(super) fn watch(&self, range: Range<u32>, states: &[u64]) -> Result<LocalWatch> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        // Readable from the start: there are all states to tell.
        let readable = EventFd::from_value_and_flags(1, flags)
            .map_err(|errno| Error::other(Operation::Watch, None, errno))?;
        let untold = Untold {
            states: range.clone().zip(states.iter().copied()).collect(),
            gone: false,
        };
        let watched = Arc::new(Watched {
            range,
            untold: Mutex::new(untold),
            readable,
        });
        let mut watches = lock(&self.watches);
        watches.push(Arc::downgrade(&watched));
        Ok(LocalWatch(watched))
    }

    /// Whether nobody watches, as far as is known.
    #[inline]
    pub(super) fn is_empty(&mut self) -> bool {
        self.watches().is_empty()
    }

    /// Tells of changes that are to be seen together: addresses and their states.
    pub(super) fn tell(&mut self, changes: &[(u32, u64)]) {
        self.watches().retain(|watch| {
            let watched = watch.upgrade();
            if let Some(watched) = &watched {
                watched.tell(changes);
            }
            // A watch that was dropped costs nothing from now on.
            watched.is_some()
        });
    }

    fn watches(&mut self) -> &mut Vec<Weak<Watched>> {
        let watches = self.watches.get_mut();
        watches.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Watchers {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Watchers {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Watchers {}

impl Drop for Watchers {
    fn drop(&mut self) {
        for watched in self.watches().iter().filter_map(Weak::upgrade) {
            lock(&watched.untold).gone = true;
            watched.wake();
        }
    }
}

impl Watched {
    fn tell(&self, changes: &[(u32, u64)]) {
        let mut untold = lock(&self.untold);
        let nothing = untold.states.is_empty();
        let watched = changes.iter().filter(|(addr, _)| self.range.contains(addr));
        untold.states.extend(watched.copied());
        if nothing && !untold.states.is_empty() {
            self.wake();
        }
    }

    /// Makes the descriptor readable.
    fn wake(&self) {
        // It can't fail: `wake` is called at most twice between two reads, and the counter has
        // room for 2^64 - 2.
        let _ = self.readable.write(1);
    }
}

/// A watch on a table of this process.
pub(crate) struct LocalWatch(Arc<Watched>);

impl LocalWatch {
    /// Replaces `changes` by those that there are to tell: none once the table is gone. Returns
    /// false, and leaves them, where there is nothing to tell now.
    pub(crate) fn take(&mut self, changes: &mut Vec<Change>) -> bool {
        let mut untold = lock(&self.0.untold);
        if untold.states.is_empty() && !untold.gone {
            return false;
        }
        if !untold.gone {
            // What others may have read from a duplicate, they have taken.
            let _ = self.0.readable.read();
        }
        let states = mem::take(&mut untold.states);
        changes.clear();
        changes.extend((states.into_iter()).map(|(addr, state)| Change { addr, state }));
        true
    }
}

impl AsFd for LocalWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.readable.as_fd()
    }
}

/// Locks. Nobody panics while holding one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
