// SPDX-License-Identifier: MIT OR Apache-2.0

//! The methods of [`AtomikContext`], a context in this process.

use std::sync::Arc;

use atomik::{LocalContext, Value};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySequence, PyTuple, PyType};

use crate::contexts::{AtomikContext, deltas_of};
use crate::convert::{Optional, number, padded, to_python, value};
use crate::errors::from_atomik;
use crate::many;
use crate::pickling::{self, Reduced};
use crate::store::Shared;

#[pymethods]
impl AtomikContext {
    #[new]
    #[pyo3(
        signature = (width=Optional::LeftOut, initial_state=Optional::LeftOut),
        text_signature = "(width=64, initial_state=0)"
    )]
    fn new(py: Python<'_>, width: Optional<'_>, initial_state: Optional<'_>) -> PyResult<Self> {
        let shared = Shared::new(1, width.width()?).map_err(from_atomik)?;
        let this = Self::of(Arc::new(shared), 0);
        if let Optional::Given(state) = initial_state {
            let state = this.value(&state, "initial_state")?;
            this.with(py, |store, addr| store.load(addr, &state))?;
        }
        Ok(this)
    }

    /// The width of values, in bits.
    #[getter]
    fn width(&self) -> u32 {
        self.shared.width
    }

    /// The state that the epoch started from.
    #[getter]
    fn reference<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, self.context(py)?.0.reference())
    }

    /// The XOR of all deltas of this epoch.
    #[getter]
    fn accumulator<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.context(py)?.0.accumulator())
    }

    /// True if the accumulator is 0: this epoch had no deltas, or all of them were undone.
    #[getter]
    fn is_clean(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.context(py)?.0.is_clean())
    }

    /// The number of deltas that were accumulated or rolled back since the last load or swap.
    #[getter]
    fn delta_count(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.context(py)?.1)
    }

    /// LOAD: the reference becomes ``value`` and the accumulator 0.
    fn load(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let state = self.value(value, "value")?;
        self.with(value.py(), |store, addr| store.load(addr, &state))
    }

    /// ACCUM: the state is XORed with ``delta``. The same delta again undoes it.
    fn accum(&self, delta: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = self.value(delta, "delta")?;
        self.with(delta.py(), |store, addr| store.accum(addr, &value))
    }

    /// READ: returns the state, reference ^ accumulator.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(
            py,
            &self.with(py, |store, addr| store.table.read_value(addr))?,
        )
    }

    /// SWAP: returns the state, and starts a new epoch from it, or from ``new_reference`` where
    /// that isn't None.
    ///
    /// The accumulator becomes 0. A ``new_reference`` of 0 starts from 0.
    #[pyo3(signature = (new_reference=None))]
    fn swap<'py>(
        &self,
        py: Python<'py>,
        new_reference: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let value = new_reference
            .map(|value| self.value(value, "new_reference"))
            .transpose()?;
        to_python(
            py,
            &self.with(py, |store, addr| store.swap(addr, value.as_ref()))?,
        )
    }

    /// Undoes an ``accum`` of the same delta, whatever came after it: the same as doing it again.
    fn rollback(&self, delta: &Bound<'_, PyAny>) -> PyResult<()> {
        self.accum(delta)
    }

    /// Folds in the deltas of another context of the same width: its accumulator is XORed into this
    /// one's.
    ///
    /// The reference stays, and so does the other context.
    fn merge(&self, other: &Bound<'_, PyAny>) -> PyResult<()> {
        let (accumulator, count) = deltas_of(other, self.shared.width)?;
        self.with(other.py(), |store, addr| {
            store.merge(addr, &accumulator, count)
        })
    }

    /// Accumulates all items of a buffer or an array of integers of 1, 2, 4 or 8 bytes, or of a
    /// list or another sequence.
    ///
    /// Of a buffer, no Python object is made for an item, and other Python threads run meanwhile. A
    /// delta of more than 64 bits takes several items of 64 bits there, the lowest first.
    fn accum_many(&self, py: Python<'_>, deltas: &Bound<'_, PyAny>) -> PyResult<()> {
        let deltas = many::words_of(deltas, "deltas", self.shared.width)?;
        let count = many::whole(&deltas, "deltas", self.shared.limbs())?;
        let delta = py.detach(|| many::fold(&deltas, self.shared.limbs()))?;
        let delta = Value::new(self.shared.width, delta).map_err(from_atomik)?;
        self.with(py, |store, addr| store.merge(addr, &delta, count))
    }

    /// All of the context as a dict of integers: its ``width``, ``reference``, ``accumulator``,
    /// ``state`` and ``delta_count``, all of one moment.
    ///
    /// >>> AtomikContext(8, 5).snapshot()
    /// {'width': 8, 'reference': 5, 'accumulator': 0, 'state': 5, 'delta_count': 0}
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (context, count) = self.context(py)?;
        let dict = PyDict::new(py);
        dict.set_item("width", self.shared.width)?;
        dict.set_item("reference", to_python(py, context.reference())?)?;
        dict.set_item("accumulator", to_python(py, &context.accumulator())?)?;
        dict.set_item("state", to_python(py, &context.read())?)?;
        dict.set_item("delta_count", count)?;
        Ok(dict)
    }

    /// The context of which ``snapshot`` has made a dict. It needs neither the ``state`` nor the
    /// ``delta_count``, which is 0 then.
    #[classmethod]
    fn from_snapshot<'py>(
        cls: &Bound<'py, PyType>,
        snap: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, item) = (cls.py(), |name| snap.get_item(name));
        let width = Optional::Given(item("width")?).width()?;
        let count = number(
            &snap.call_method1("get", ("delta_count", 0))?,
            "delta_count",
        )?;
        let reference = value(&item("reference")?, width, "reference")?;
        let accumulator = value(&item("accumulator")?, width, "accumulator")?;
        let context = LocalContext::with_words(width, reference, accumulator);
        let context = context.map_err(from_atomik)?;
        let made = cls.call1((width,))?;
        let this = made.cast::<Self>()?.get();
        this.with(py, |store, addr| store.set_context(addr, &context, count))?;
        Ok(made)
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// The end of a ``with`` block loads 0.
    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) -> PyResult<()> {
        let zero = Value::new(self.shared.width, 0).map_err(from_atomik)?;
        self.with(py, |store, addr| store.load(addr, &zero))
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        // One lock at a time: another thread may compare the same two in the other order.
        let state = self.with(py, |store, addr| store.table.read_value(addr))?;
        let equal = other
            .get()
            .with(py, |store, addr| Ok(store.table.read_value(addr)? == state))?;
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (context, count) = self.context(py)?;
        let hex = |value: &Value| padded(self.shared.width, value);
        Ok(format!(
            "<AtomikContext width={} state={} reference={} accumulator={} delta_count={count}>",
            self.shared.width,
            hex(&context.read()),
            hex(context.reference()),
            hex(&context.accumulator()),
        ))
    }

    /// For pickle and copy. A copy of a table's context is one by itself.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        pickling::reduce(slf, &[slf.get().shared.width])
    }

    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let (context, count) = slf.get().context(py)?;
        let reference = to_python(py, context.reference())?;
        let accumulator = to_python(py, &context.accumulator())?;
        (reference, accumulator, count, pickling::attributes(slf)?).into_pyobject(py)
    }

    fn __setstate__<'py>(slf: &Bound<'py, Self>, state: &Bound<'py, PySequence>) -> PyResult<()> {
        type Words<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);
        let (reference, accumulator, count): Words<'_> =
            pickling::restore(slf, state, 3)?.extract()?;
        let this = slf.get();
        let count = number(&count, "delta_count")?;
        let context = LocalContext::with_words(
            this.shared.width,
            this.value(&reference, "reference")?,
            this.value(&accumulator, "accumulator")?,
        )
        .map_err(from_atomik)?;
        this.with(slf.py(), |store, addr| {
            store.set_context(addr, &context, count)
        })
    }
}
