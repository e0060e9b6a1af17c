// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Watch`]: tells which contexts of a table have changed.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use atomik::{Error, Operation, Value};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pyo3::exceptions::{PyStopAsyncIteration, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::bell::Bell;
use crate::changes::{Change, Changes, change, watching};
use crate::convert::mask;
use crate::device::Handle;
use crate::errors::{from_atomik, from_device};
use crate::lock::Lock;
use crate::store::{Shared, Store};

/// A watch on contexts of a table, made by its ``watch``: tells which of them have changed, and
/// their states now.
///
/// After the last change of a context it always tells its last state, however many changes came
/// before. It may tell of a context that hasn't changed, but never of one outside its range. The
/// first read tells the states of all. All that one read tells is of one moment: of a batch, all or
/// nothing.
///
/// ``for`` and ``async for`` go through the changes one by one, wait for more, and end with the
/// table: when it is destroyed, when its file is closed, or when nobody has a table of this process
/// any more. A watch keeps none of these. Each change is told once, to one of the threads or tasks
/// that share a watch. What a loop leaves when it ends early, the next loop or ``read`` gets.
///
/// ``close``, or the end of a ``with`` block, closes it. Whoever is reading then gets ValueError.
///
/// >>> table = AtomikTable(4)
/// >>> watch = table.watch()
/// >>> len(watch.read())
/// 4
/// >>> table.accum(2, 5)
/// >>> watch.read()
/// [Change(addr=2, state=5)]
#[pyclass(module = "atomik_core", frozen, weakref)]
pub struct Watch {
    handle: Handle<Open>,
}

/// A watch that is open. Each call holds it, so that its descriptors stay open until the call ends.
struct Open {
    source: Source,
    /// Rings when the watch is closed. It exists once somebody has waited.
    closing: OnceLock<Bell>,
}

/// The place where changes come from.
enum Source {
    Device {
        watch: Lock<(atomik::Watch, Changes)>,
        /// The number of its descriptor.
        number: RawFd,
        width: u32,
    },
    Process {
        store: Arc<Lock<Store>>,
        id: u64,
        bell: Arc<Bell>,
    },
}

#[pymethods]
impl Watch {
    /// Waits for changes and returns all that there are, lowest address first: each context once,
    /// with its state. The list is empty once the table has ended and nothing is left to tell.
    ///
    /// Waits ``timeout`` seconds at most, and forever where that is None. Raises TimeoutError if
    /// there was nothing to tell, with a ``timeout`` of 0 without waiting.
    #[pyo3(signature = (timeout=None))]
    fn read<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyList>> {
        let until = match timeout {
            Some(seconds) if seconds.is_nan() || seconds < 0.0 => {
                return Err(PyValueError::new_err(format!(
                    "timeout must be a number of seconds from 0, or None, not {seconds}"
                )));
            }
            // One too long for the clock never ends.
            Some(seconds) => Duration::try_from_secs_f64(seconds)
                .ok()
                .and_then(|timeout| Instant::now().checked_add(timeout)),
            None => None,
        };
        match self.next_changes(py, usize::MAX, until)? {
            Some(changes) => {
                let changes = changes.iter().map(|told| change(py, told));
                PyList::new(py, changes.collect::<PyResult<Vec<_>>>()?)
            }
            None => Err(PyTimeoutError::new_err(match timeout {
                Some(seconds) if seconds > 0.0 => format!("nothing has changed for {seconds} s"),
                _ => "nothing has changed".into(),
            })),
        }
    }

    /// The number of a descriptor that is readable while ``read`` wouldn't wait, for ``select``,
    /// ``poll`` and the ``add_reader`` of asyncio. Not for ``os.read``. It doesn't know of what a
    /// loop has left.
    fn fileno(&self) -> PyResult<i32> {
        Ok(self.handle.get()?.source.descriptor().as_raw_fd())
    }

    /// Closes the watch. Closing again does nothing; other calls, and those that are waiting, then
    /// raise ValueError.
    fn close(&self) {
        if let Some(open) = self.handle.take() {
            open.closing.get().inspect(|closing| closing.ring());
        }
    }

    /// True once it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    fn __iter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().handle.get()?;
        Ok(slf)
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let changes = self.next_changes(py, 1, None)?;
        let change = changes.iter().flatten().next().map(|told| change(py, told));
        change.transpose()
    }

    fn __aiter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        Self::__iter__(slf)
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let next = watching(py)?.getattr(py, "next_change")?;
        next.into_bound(py).call1((slf,))
    }

    /// For ``async for``: the next change, or None if there is none now. Takes more from the table
    /// if ``fresh``; otherwise only what has been taken already.
    fn _next<'py>(&self, py: Python<'py>, fresh: bool) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(changes) = self.handle.get()?.take(py, 1, fresh)? else {
            return Ok(None);
        };
        match changes.first() {
            Some(told) => change(py, told).map(Some),
            None => Err(PyStopAsyncIteration::new_err(())),
        }
    }

    /// For ``async for``: new descriptors, of which one is readable when there are changes, or when
    /// the watch has been closed. The caller closes them.
    fn _descriptors(&self) -> PyResult<[i32; 2]> {
        let open = self.handle.get()?;
        let closing = open.closing()?.as_fd();
        // One that was closed before it had a bell.
        self.handle.get()?;
        let own = |of: BorrowedFd<'_>| of.try_clone_to_owned();
        let own = own(open.source.descriptor()).and_then(|one| Ok([one, own(closing)?]));
        Ok(own.map_err(failed)?.map(IntoRawFd::into_raw_fd))
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        Self::__iter__(slf)
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __repr__(&self) -> String {
        match self.fileno() {
            Ok(number) => format!("<Watch fd={number}>"),
            Err(_) => "<Watch closed>".into(),
        }
    }
}

impl Watch {
    /// A watch that the device has made.
    pub fn on_device(watch: atomik::Watch, width: u32) -> Self {
        Self::new(Source::Device {
            number: watch.as_raw_fd(),
            watch: Lock::new((watch, Changes::default())),
            width,
        })
    }

    /// A watch on contexts that a table in this process has.
    pub fn in_process(py: Python<'_>, shared: &Shared, range: Range<u32>) -> PyResult<Self> {
        let bell = Arc::new(Bell::new(true).map_err(failed)?);
        let id = shared.watch(py, range, Arc::clone(&bell))?;
        Ok(Self::new(Source::Process {
            store: Arc::clone(&shared.store),
            id,
            bell,
        }))
    }

    fn new(source: Source) -> Self {
        let open = Open {
            source,
            closing: OnceLock::new(),
        };
        Self {
            handle: Handle::new(open, "Watch"),
        }
    }

    /// Waits until there are changes to tell, and hands out up to `most` of them: none once the
    /// table has ended. None where there is nothing to tell until then.
    fn next_changes(
        &self,
        py: Python<'_>,
        most: usize,
        until: Option<Instant>,
    ) -> PyResult<Option<Vec<Change>>> {
        loop {
            let open = self.handle.get()?;
            if let Some(changes) = open.take(py, most, true)? {
                return Ok(Some(changes));
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            let closing = open.closing()?;
            // Whoever closes it from now on finds the bell.
            if !self.handle.is_closed() {
                open.wait(py, closing, left)?;
            }
        }
    }
}

impl Open {
    /// Hands out up to `most` changes: none once the table has ended. None where there is nothing
    /// to tell now. Takes more from the table if `fresh`; otherwise only what has been taken.
    fn take(&self, py: Python<'_>, most: usize, fresh: bool) -> PyResult<Option<Vec<Change>>> {
        match &self.source {
            Source::Device { watch, width, .. } => watch
                .with(py, |(watch, changes)| {
                    if changes.0.is_empty() {
                        let taken = if fresh { watch.try_read()? } else { None };
                        let Some(taken) = taken else {
                            return Ok(None);
                        };
                        for told in taken {
                            let state = Value::new(*width, told.state & mask(*width))?;
                            changes.0.push_back((told.addr, state));
                        }
                    }
                    Ok(Some(changes.hand_out(most)))
                })
                .map_err(|error| from_device(error, None)),
            Source::Process { store, id, .. } => store
                .with(py, |store| store.tell(*id, most, fresh))
                .map_err(from_atomik),
        }
    }

    /// The bell that rings when the watch is closed.
    fn closing(&self) -> PyResult<&Bell> {
        if let Some(bell) = self.closing.get() {
            return Ok(bell);
        }
        let bell = Bell::new(false).map_err(failed)?;
        // Another thread may have been faster.
        Ok(self.closing.get_or_init(|| bell))
    }

    /// Waits until there may be something to tell, until the watch is closed, or for some time.
    fn wait(&self, py: Python<'_>, closing: &Bell, left: Option<Duration>) -> PyResult<()> {
        // Milliseconds, rounded up. The longest time is some 24 days, and the caller waits again.
        let left = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
        });
        let polled = py.detach(|| {
            let all = [self.source.descriptor(), closing.as_fd()];
            poll(&mut all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)), left)
        });
        match polled {
            Ok(_) => Ok(()),
            // The handler is Python's, and may raise an exception.
            Err(Errno::EINTR) => py.check_signals(),
            Err(errno) => Err(failed(errno)),
        }
    }
}

impl Source {
    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            // SAFETY: the watch has it, and is dropped with this.
            Self::Device { number, .. } => unsafe { BorrowedFd::borrow_raw(*number) },
            Self::Process { bell, .. } => bell.as_fd(),
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Self::Process { store, id, .. } = self {
            // Dropped after the lock, as a bell has one too.
            drop(store.hold(|store| store.watchers.remove(*id)));
        }
    }
}

/// OSError, where the system has no descriptor left.
fn failed(source: impl Into<io::Error>) -> PyErr {
    from_atomik(Error::Os {
        op: Operation::Watch,
        table: None,
        source: source.into(),
    })
}
