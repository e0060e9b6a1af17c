// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Handle`]: a table or a file of the device for Python, which several threads may use and close.

use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;

use atomik::{Batch, Context, Device, Error, Result, TableRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::convert::{is_overflow, mask, number_in, word};
use crate::errors::{closed, from_device, shown, type_name};
use crate::lock::Lock;
use crate::transaction::Conditional;

/// A table of the device, or something else, until it is closed.
///
/// Never destroys the table: it ends with the last descriptor of its file. Other processes that
/// have a descriptor, by fork or over a socket, can still use it.
pub struct Handle<T = Open> {
    open: Lock<Option<Arc<T>>>,
    /// The class's name, for errors.
    name: &'static str,
}

/// The table and its file while the handle is open. Each call holds it, so that closing waits for
/// no call.
pub struct Open {
    pub device: Device,
    pub table: TableRef,
    pub contexts: u32,
    /// The width that values are masked to, here and not in the kernel.
    pub width: u32,
    /// The process in which the table is destroyed when nothing uses it any more, if it is.
    ends_in: Option<u32>,
}

impl Drop for Open {
    fn drop(&mut self) {
        // The child of a fork leaves the parent its table.
        if self.ends_in == Some(std::process::id()) {
            // Somebody else may have destroyed it already.
            let _ = self.table.clone().destroy();
        }
    }
}

impl Handle {
    /// Makes a table in a file that it opens, or in an open one, `file`, where it ends with the
    /// handle.
    pub fn making(
        py: Python<'_>,
        file: Option<&Bound<'_, PyAny>>,
        path: PathBuf,
        contexts: u32,
        width: u32,
        name: &'static str,
    ) -> PyResult<Self> {
        let open = if let Some(file) = file {
            let device = open_file(file)?;
            let made = py.detach(|| Open::create(device, contexts, width));
            let mut open = made.map_err(|error| from_device(error, None))?;
            open.ends_in = Some(std::process::id());
            open
        } else {
            py.detach(|| Open::create(Device::open_path(&path)?, contexts, width))
                .map_err(|error| from_device(error, Some(&path)))?
        };
        Ok(Self::new(open, name))
    }

    /// Takes a table of an open file: the one with this number, or the only one.
    pub fn in_file(
        file: &Bound<'_, PyAny>,
        table: Option<u32>,
        width: u32,
        name: &'static str,
    ) -> PyResult<Self> {
        let device = open_file(file)?;
        let open = Open::of(file.py(), &device, table, width)?;
        Ok(Self::new(open, name))
    }
}

impl<T: Send + Sync> Handle<T> {
    pub fn new(open: T, name: &'static str) -> Self {
        Self {
            open: Lock::new(Some(Arc::new(open))),
            name,
        }
    }

    /// What is open; ValueError once it is closed.
    pub fn get(&self) -> PyResult<Arc<T>> {
        // Held for a moment, and not across a system call, so that no thread waits long for it
        // while it has the interpreter.
        let open = self.open.hold(|open| open.clone());
        open.ok_or_else(|| closed(self.name))
    }

    pub fn is_closed(&self) -> bool {
        self.open.hold(|open| open.is_none())
    }

    pub fn close(&self) {
        // Closes the descriptor, unless a call still holds it.
        drop(self.take());
    }

    /// What was open until now.
    pub fn take(&self) -> Option<Arc<T>> {
        self.open.hold(Option::take)
    }
}

impl Open {
    pub fn create(device: Device, contexts: u32, width: u32) -> Result<Self> {
        let table = device.create_table(contexts)?.into_ref();
        Ok(Self {
            device,
            table,
            contexts,
            width,
            ends_in: None,
        })
    }

    /// The table of this number, or the only one.
    pub fn of(py: Python<'_>, device: &Device, id: Option<u32>, width: u32) -> PyResult<Self> {
        py.detach(|| {
            let device = device.try_clone()?;
            let table = match id {
                Some(id) => device.table(id)?,
                None => device.only_table()?,
            };
            Ok(Self {
                contexts: table.size()?,
                device,
                table,
                width,
                ends_in: None,
            })
        })
        .map_err(|error| from_device(error, None))
    }

    /// Does something with the table, without the interpreter.
    pub fn call<R: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&TableRef) -> Result<R> + Send,
    ) -> PyResult<R> {
        py.detach(|| f(&self.table))
            .map_err(|error| from_device(error, None))
    }

    pub fn read(&self, py: Python<'_>, addr: u32) -> PyResult<u64> {
        Ok(self.call(py, |table| table.read(addr))? & mask(self.width))
    }

    pub fn swap(&self, py: Python<'_>, addr: u32, new_reference: Option<u64>) -> PyResult<u64> {
        let state = self.call(py, |table| match new_reference {
            Some(value) => table.clone().swap_with(addr, value),
            None => table.swap(addr),
        })?;
        Ok(state & mask(self.width))
    }

    /// The references and accumulators of some contexts.
    pub fn words(
        &self,
        py: Python<'_>,
        range: Range<u32>,
    ) -> PyResult<impl Iterator<Item = (u64, u64)> + use<>> {
        let contexts = self.call(py, |table| table.snapshot(range))?;
        let mask = mask(self.width);
        let words = move |c: Context| (c.reference & mask, c.accumulator & mask);
        Ok(contexts.into_iter().map(words))
    }

    /// All states.
    pub fn states(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        let contexts = self.call(py, |table| table.snapshot(0..self.contexts))?;
        let mask = mask(self.width);
        Ok(contexts.iter().map(|c| c.state() & mask).collect())
    }

    /// The descriptor's number.
    pub fn number(&self) -> i32 {
        self.device.as_raw_fd()
    }
}

/// A state is the whole of the kernel's; Python has the bits of the table's width.
impl Conditional for Open {
    type State = u64;

    fn states(&self, py: Python<'_>, addrs: &[u32]) -> PyResult<Vec<u64>> {
        if addrs.is_empty() {
            return Ok(vec![]);
        }
        self.call(py, |table| {
            let mut batch = Batch::with_capacity(addrs.len());
            for &addr in addrs {
                batch.read(addr);
            }
            Ok(table.run(&mut batch)?.states().collect())
        })
    }

    fn exchange(
        &self,
        py: Python<'_>,
        addrs: &[u32],
        before: &[u64],
        after: &[u64],
    ) -> PyResult<std::result::Result<(), u32>> {
        let mut batch = Batch::with_capacity(2 * addrs.len());
        for (&addr, &before) in addrs.iter().zip(before) {
            batch.expect(addr, before);
        }
        for ((&addr, before), &after) in addrs.iter().zip(before).zip(after) {
            if *before != after {
                batch.set(addr, after);
            }
        }
        self.call(py, |table| match table.run(&mut batch) {
            Ok(_) => Ok(Ok(())),
            Err(Error::Canceled { addr, .. }) => Ok(Err(addr)),
            Err(error) => Err(error),
        })
    }

    fn integer_of<'py>(&self, py: Python<'py>, state: &u64) -> PyResult<Bound<'py, PyAny>> {
        Ok((state & mask(self.width)).into_pyobject(py)?.into_any())
    }

    fn state_of(&self, integer: &Bound<'_, PyAny>, before: &u64) -> PyResult<u64> {
        Ok(before & !mask(self.width) | word(integer, self.width, "a state")?)
    }
}

/// An open file of the device, with a descriptor of its own.
pub fn open_file(file: &Bound<'_, PyAny>) -> PyResult<Device> {
    let number = descriptor(file)?;
    file.py()
        .detach(|| Device::from_inherited(number))
        .map_err(|error| from_device(error, None))
}

/// The number of an open file, from an int or an object with a `fileno`.
fn descriptor(file: &Bound<'_, PyAny>) -> PyResult<i32> {
    let (number, name, kind) = match file.getattr_opt("fileno")? {
        Some(method) => (&method.call0()?, "fileno()", "an int"),
        None => (file, "fd", "an int or have a fileno()"),
    };
    number.extract().map_err(|error: PyErr| {
        if is_overflow(number, &error) {
            let number = shown(number);
            let most = i32::MAX;
            PyValueError::new_err(format!("{name} must be from 0 to {most}, not {number}"))
        } else if error.is_instance_of::<PyTypeError>(file.py()) {
            PyTypeError::new_err(format!("{name} must be {kind}, not {}", type_name(number)))
        } else {
            error
        }
    })
}

/// The number by which a file knows a table.
pub fn table_id(id: Option<&Bound<'_, PyAny>>) -> PyResult<Option<u32>> {
    id.map(|id| Ok(number_in(id, "table_id", 1..=u32::MAX.into(), "")? as u32))
        .transpose()
}

/// The default of path arguments.
pub fn default_path() -> PathBuf {
    atomik::DEFAULT_PATH.into()
}
