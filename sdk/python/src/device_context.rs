// SPDX-License-Identifier: MIT OR Apache-2.0

//! The methods of [`DeviceContext`], a context of the device.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use atomik::{MAX_CONTEXTS, Value};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::contexts::{DeviceContext, deltas_of};
use crate::convert::{Optional, word};
use crate::descriptor::spawned;
use crate::device::{Handle, default_path};
use crate::errors::from_atomik;
use crate::many;

#[pymethods]
impl DeviceContext {
    #[new]
    #[pyo3(
        signature = (
            width=Optional::LeftOut, initial_state=Optional::LeftOut, path=default_path(), *,
            device=None, fd=None, addr=Optional::LeftOut
        ),
        text_signature =
            "(width=64, initial_state=0, path=\"/dev/atomik\", *, device=None, fd=None, addr=0)"
    )]
    fn new(
        py: Python<'_>,
        width: Optional<'_>,
        initial_state: Optional<'_>,
        path: PathBuf,
        device: Option<PathBuf>,
        fd: Option<&Bound<'_, PyAny>>,
        addr: Optional<'_>,
    ) -> PyResult<Self> {
        let addr = addr.address(MAX_CONTEXTS)?;
        let (path, width) = (device.unwrap_or(path), width.width_on_device()?);
        let handle = Handle::making(py, fd, path, addr + 1, width, Self::NAME)?;
        let this = Self::with_handle(Arc::new(handle), addr, false);
        if let Optional::Given(state) = initial_state {
            this.load_as(&state, "initial_state")?;
        }
        Ok(this)
    }

    /// Takes the context at ``addr`` of a table of an open file of the device: of the table with
    /// the number ``table_id``, or of the only one. Raises OSError where there is no such table,
    /// or, without a number, several.
    ///
    /// ``fd`` is a descriptor's number, or an object with a ``fileno``. It is duplicated and stays
    /// open.
    #[classmethod]
    #[pyo3(
        signature = (fd, *, table_id=None, addr=Optional::LeftOut, width=Optional::LeftOut),
        text_signature = "($cls, fd, *, table_id=None, addr=0, width=64)"
    )]
    fn from_fd(
        cls: &Bound<'_, PyType>,
        fd: &Bound<'_, PyAny>,
        table_id: Option<&Bound<'_, PyAny>>,
        addr: Optional<'_>,
        width: Optional<'_>,
    ) -> PyResult<Py<Self>> {
        let table_id = crate::device::table_id(table_id)?;
        let handle = Handle::in_file(fd, table_id, width.width_on_device()?, Self::NAME)?;
        let addr = addr.address(handle.get()?.contexts)?;
        Py::new(cls.py(), Self::with_handle(Arc::new(handle), addr, false))
    }

    /// The width of values, in bits.
    #[getter]
    fn width(&self) -> PyResult<u32> {
        Ok(self.open()?.width)
    }

    /// The state that the epoch started from.
    #[getter]
    fn reference(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.words(py)?.0)
    }

    /// The XOR of all deltas of this epoch.
    #[getter]
    fn accumulator(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.words(py)?.1)
    }

    /// True if the accumulator is 0: this epoch had no deltas, or all of them were undone.
    #[getter]
    fn is_clean(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.accumulator(py)? == 0)
    }

    /// The number of deltas that were accumulated or rolled back through this object since the last
    /// load or swap. The kernel doesn't count them.
    #[getter]
    fn delta_count(&self) -> PyResult<u64> {
        self.open()?;
        Ok(self.deltas.load(Relaxed))
    }

    /// The number by which the open file knows the table.
    #[getter]
    fn table_id(&self) -> PyResult<u32> {
        Ok(self.open()?.table.id())
    }

    /// LOAD: the reference becomes ``value`` and the accumulator 0.
    fn load(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.load_as(value, "value")
    }

    /// ACCUM: the state is XORed with ``delta``. The same delta again undoes it.
    fn accum(&self, delta: &Bound<'_, PyAny>) -> PyResult<()> {
        let open = self.open()?;
        let value = word(delta, open.width, "delta")?;
        self.add(delta.py(), &open, value, 1)
    }

    /// READ: returns the state, reference ^ accumulator.
    fn read(&self, py: Python<'_>) -> PyResult<u64> {
        self.open()?.read(py, self.addr)
    }

    /// SWAP: returns the state, and starts a new epoch from it, or from ``new_reference`` where
    /// that isn't None.
    ///
    /// The accumulator becomes 0. A ``new_reference`` of 0 starts from 0.
    #[pyo3(signature = (new_reference=None))]
    fn swap(&self, py: Python<'_>, new_reference: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        let open = self.open()?;
        let value = new_reference
            .map(|value| word(value, open.width, "new_reference"))
            .transpose()?;
        let state = open.swap(py, self.addr, value)?;
        self.deltas.store(0, Relaxed);
        Ok(state)
    }

    /// Undoes an ``accum`` of the same delta, whatever came after it: the same as doing it again.
    fn rollback(&self, delta: &Bound<'_, PyAny>) -> PyResult<()> {
        self.accum(delta)
    }

    /// Folds in the deltas of another context of the same width, here or in the process: its
    /// accumulator is XORed into this one's.
    ///
    /// The reference stays, and so does the other context.
    fn merge(&self, other: &Bound<'_, PyAny>) -> PyResult<()> {
        let open = self.open()?;
        let (accumulator, count) = deltas_of(other, open.width)?;
        let delta = accumulator.to_u64().unwrap_or(0);
        self.add(other.py(), &open, delta, count)
    }

    /// Accumulates all items of a buffer or an array of integers of 1, 2, 4 or 8 bytes, or of a
    /// list or another sequence, as one delta.
    ///
    /// Of a buffer, no Python object is made for an item, and other Python threads run meanwhile.
    fn accum_many(&self, py: Python<'_>, deltas: &Bound<'_, PyAny>) -> PyResult<()> {
        let open = self.open()?;
        let deltas = many::words_of(deltas, "deltas", open.width)?;
        let sum = py.detach(|| many::fold(&deltas, 1))?;
        let delta = Value::new(open.width, sum).map_err(from_atomik)?;
        let delta = delta.to_u64().unwrap_or(0);
        self.add(py, &open, delta, deltas.len() as u64)
    }

    /// The descriptor's number, to hand on to others. It is nothing to wait for: see
    /// ``DeviceTable.fileno``.
    fn fileno(&self) -> PyResult<i32> {
        Ok(self.open()?.number())
    }

    /// Closes the descriptor. For the context of a DeviceTable it closes only this object. Closing
    /// again does nothing; other calls then raise ValueError.
    fn close(&self) {
        self.closed.store(true, Relaxed);
        if !self.of_table {
            self.handle.close();
        }
    }

    /// True once it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.open().is_err()
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().open()?;
        Ok(slf)
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, PyTuple>) {
        self.close();
    }

    /// For multiprocessing: an argument of a process that it spawns takes the descriptor along.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (this, open) = (slf.get(), slf.get().open()?);
        spawned(slf.as_any(), &[open.table.id(), open.width, this.addr])
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let other = other.get();
        let equal = match (self.open(), other.open()) {
            (Ok(this), Ok(that)) => {
                this.width == that.width
                    && this.read(py, self.addr)? == that.read(py, other.addr)?
            }
            // A closed context has no state.
            _ => std::ptr::eq(self, other),
        };
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self) -> String {
        match self.open() {
            Ok(open) => format!(
                "<DeviceContext width={} fd={} table_id={} addr={}>",
                open.width,
                open.number(),
                open.table.id(),
                self.addr
            ),
            Err(_) => "<DeviceContext closed>".into(),
        }
    }
}
