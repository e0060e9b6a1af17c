// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Watch`]: tells which contexts of a table changed.

mod device;

use std::fmt;
use std::iter::FusedIterator;
use std::mem;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub(crate) use device::DeviceWatch;

use crate::local::LocalWatch;
use crate::{Error, Operation, Result};

/// A context that changed, or may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The context's address.
    pub addr: u32,
    /// Its state now. There may have been others since this watch last told of the context.
    pub state: u64,
}

/// A watch: tells which contexts of a range changed, and their states.
///
/// [`TableRef::watch`](crate::TableRef::watch) makes one, and so does
/// [`LocalTable::watch`](crate::LocalTable::watch). Every change of a context is followed by a read
/// that tells its last state, however many changes were folded into it. A change may be told where
/// there was none: a LOAD of the state that the context had, for example. All changes of one read
/// are of one moment, and never from the middle of a batch.
///
/// The first read tells the states of the whole range. So a program that starts to watch, then
/// reads, misses nothing between the two.
///
/// Changes through a mapping of a table aren't noticed:
/// [`TableRef::touch`](crate::TableRef::touch) tells of them.
///
/// ```no_run
/// # let table = atomik::Device::open()?.create_table(4)?;
/// let mut watch = table.watch(0..4)?;
/// assert_eq!(watch.read()?.len(), 4); // the states at the start
/// table.accum(3, 1)?;
/// for change in watch.read()? {
///     println!("context {} is {:#x}", change.addr, change.state);
/// }
/// # Ok::<(), atomik::Error>(())
/// ```
///
/// # Waiting
///
/// [`read`](Self::read), [`read_timeout`](Self::read_timeout) and the iterator wait, and a signal
/// doesn't end that; [`try_read`](Self::try_read) never waits. The descriptor is for poll(2), epoll
/// and async runtimes: it is readable while there is something to tell, and once the table is gone.
/// It is non-blocking.
///
/// A watch keeps neither the table nor its file open. Once the table is destroyed or its file
/// closed, reads return what is left, and then, at once and always, no changes. (On the device,
/// poll(2) says POLLHUP as well.)
pub struct Watch {
    range: Range<u32>,
    source: Source,
    /// The changes that were read last.
    changes: Vec<Change>,
    /// The first of them that the caller hasn't got yet.
    next: usize,
}

/// The kind of table that is watched.
pub(crate) enum Source {
    Device(DeviceWatch),
    Local(LocalWatch),
}

impl Watch {
    pub(crate) fn new(range: Range<u32>, source: Source) -> Self {
        Self {
            range,
            source,
            changes: vec![],
            next: 0,
        }
    }

    /// The addresses that are watched.
    pub fn range(&self) -> Range<u32> {
        self.range.clone()
    }

    /// Waits for changes, and returns them, lowest address first: each context once. None are left
    /// out. Once the table is gone and all has been told, it returns an empty slice at once.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`], [`Error::Os`]. All is still to be told then.
    pub fn read(&mut self) -> Result<&[Change]> {
        self.fill(None)?;
        Ok(self.rest())
    }

    /// The changes that there are, as [`read`](Self::read) returns them, without waiting; `None`
    /// where there is nothing to tell now.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn try_read(&mut self) -> Result<Option<&[Change]>> {
        self.read_timeout(Duration::ZERO)
    }

    /// Waits for changes, as [`read`](Self::read) does, but not longer than `timeout`; `None` where
    /// that is over and there is nothing to tell.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<Option<&[Change]>> {
        // One too long for the clock never ends.
        let end = Instant::now().checked_add(timeout);
        Ok(self.fill(end)?.then(|| self.rest()))
    }

    /// Sees to it that there are changes to return, or none any more. Waits until `end`; false
    /// where there is nothing to tell until then.
    fn fill(&mut self, end: Option<Instant>) -> Result<bool> {
        // What the iterator has left comes first.
        if self.next < self.changes.len() {
            return Ok(true);
        }
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, poll_timeout(left)) {
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(Error::other(Operation::ReadWatch, None, errno)),
                Ok(0) => {}
                // Others that have a duplicate of the descriptor may have been faster.
                Ok(_) => {
                    let changes = &mut self.changes;
                    let taken = match &mut self.source {
                        Source::Device(watch) => watch.take(changes)?,
                        Source::Local(watch) => watch.take(changes),
                    };
                    if taken {
                        self.next = 0;
                        return Ok(true);
                    }
                }
            }
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
        }
    }

    /// The changes that the caller hasn't got yet.
    fn rest(&mut self) -> &[Change] {
        let next = mem::replace(&mut self.next, self.changes.len());
        self.changes.get(next..).unwrap_or(&[])
    }
}

/// The time for poll(2), which counts milliseconds and is not to return too early. The longest is
/// some 24 days.
fn poll_timeout(left: Option<Duration>) -> PollTimeout {
    let Some(left) = left else {
        return PollTimeout::NONE;
    };
    PollTimeout::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
}

/// Waits for one change after the other; ends once the table is gone and all has been told.
///
/// Reading between two of them returns the rest of those that came with the first.
impl Iterator for Watch {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        if let Err(error) = self.fill(None) {
            return Some(Err(error));
        }
        let change = *self.changes.get(self.next)?;
        self.next += 1;
        Some(Ok(change))
    }
}

impl FusedIterator for Watch {}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("range", &self.range)
            .field("fd", &self.as_raw_fd())
            .finish_non_exhaustive()
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.source {
            Source::Device(watch) => watch.as_fd(),
            Source::Local(watch) => watch.as_fd(),
        }
    }
}

impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_waits_at_least_as_long() {
        let timeout = |left| poll_timeout(Some(left)).as_millis();
        assert_eq!(timeout(Duration::ZERO), Some(0));
        assert_eq!(timeout(Duration::from_nanos(1)), Some(1));
        assert_eq!(timeout(Duration::from_micros(1001)), Some(2));
        assert_eq!(timeout(Duration::MAX), Some(i32::MAX as u32));
        assert_eq!(poll_timeout(None), PollTimeout::NONE);
    }
}
