// SPDX-License-Identifier: MIT OR Apache-2.0

//! The two classes of contexts, as Rust sees them, and [`deltas_of`] either. Their methods in
//! Python are in modules of their own, as each class merges the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use atomik::{LocalContext, Value};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::convert::{value, word};
use crate::device::{Handle, Open};
use crate::errors::{closed, from_atomik, type_name};
use crate::store::{Shared, Store};

/// A context in this process: a reference, and an accumulator of all deltas since.
///
/// Its state is reference ^ accumulator. Values have ``width`` bits, 1 to 2**24; arguments are
/// masked to them. Contexts of equal states and widths are equal. Threads may share one: each call
/// is atomic.
///
/// >>> context = AtomikContext(width=64, initial_state=0xFF00)
/// >>> context.accum(0x00FF)
/// >>> hex(context.read()), hex(context.reference)
/// ('0xffff', '0xff00')
/// >>> context.rollback(0x00FF)
/// >>> context.is_clean
/// True
#[pyclass(module = "atomik_core", frozen, subclass, weakref)]
pub struct AtomikContext {
    /// A table, which may be of this context alone.
    pub shared: Arc<Shared>,
    pub addr: u32,
}

impl AtomikContext {
    /// The context of a table at an address that it has.
    pub fn of(shared: Arc<Shared>, addr: u32) -> Self {
        Self { shared, addr }
    }

    /// A context by itself, equal to this one.
    pub fn copy_of(py: Python<'_>, context: &LocalContext) -> PyResult<Self> {
        let shared = Shared::new(1, context.reference().width()).map_err(from_atomik)?;
        let this = Self::of(Arc::new(shared), 0);
        this.with(py, |store, addr| store.set_context(addr, context, 0))?;
        Ok(this)
    }

    /// A copy of the context, and the number of deltas.
    pub fn context(&self, py: Python<'_>) -> PyResult<(LocalContext, u64)> {
        self.with(py, |store, addr| store.context(addr))
    }

    pub fn value(&self, object: &Bound<'_, PyAny>, name: &str) -> PyResult<Value> {
        value(object, self.shared.width, name)
    }

    pub fn with<R: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&mut Store, u32) -> atomik::Result<R> + Send,
    ) -> PyResult<R> {
        (self.shared.store)
            .with(py, |store| f(store, self.addr))
            .map_err(from_atomik)
    }
}

/// A context in the kernel, with the calls of AtomikContext: a table of one, or one of a
/// DeviceTable.
///
/// ``width`` is 1 to 64 bits: the kernel's contexts have 64, and narrower values are masked here.
/// For errors and closing see DeviceTable.
#[pyclass(module = "atomik_core", frozen, subclass, weakref)]
pub struct DeviceContext {
    pub handle: Arc<Handle>,
    pub addr: u32,
    /// True if the handle is a table's, which stays open when this is closed.
    pub of_table: bool,
    pub closed: AtomicBool,
    /// The number of deltas through this object since the last load or swap.
    pub deltas: AtomicU64,
}

impl DeviceContext {
    /// The class's name, for errors.
    pub const NAME: &str = "DeviceContext";

    /// The context of a table at an address that it has.
    pub fn of_table(handle: Arc<Handle>, addr: u32) -> Self {
        Self::with_handle(handle, addr, true)
    }

    /// The accumulator and the number of deltas.
    pub fn deltas(&self, py: Python<'_>) -> PyResult<(Value, u64)> {
        let open = self.open()?;
        let (_, accumulator) = self.words(py)?;
        let accumulator = Value::new(open.width, accumulator).map_err(from_atomik)?;
        Ok((accumulator, self.deltas.load(Relaxed)))
    }

    pub fn with_handle(handle: Arc<Handle>, addr: u32, of_table: bool) -> Self {
        Self {
            handle,
            addr,
            of_table,
            closed: AtomicBool::new(false),
            deltas: AtomicU64::new(0),
        }
    }

    pub fn open(&self) -> PyResult<Arc<Open>> {
        if self.closed.load(Relaxed) {
            return Err(closed(DeviceContext::NAME));
        }
        self.handle.get()
    }

    /// The reference and the accumulator.
    pub fn words(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let range = self.addr..self.addr.saturating_add(1);
        Ok(self.open()?.words(py, range)?.next().unwrap_or_default())
    }

    pub fn load_as(&self, value: &Bound<'_, PyAny>, name: &str) -> PyResult<()> {
        let open = self.open()?;
        let state = word(value, open.width, name)?;
        open.call(value.py(), |table| table.load(self.addr, state))?;
        self.deltas.store(0, Relaxed);
        Ok(())
    }

    pub fn add(&self, py: Python<'_>, open: &Open, delta: u64, count: u64) -> PyResult<()> {
        open.call(py, |table| table.accum(self.addr, delta))?;
        self.deltas.fetch_add(count, Relaxed);
        Ok(())
    }
}

/// The accumulator and the number of deltas of a context that must have this width.
pub fn deltas_of(other: &Bound<'_, PyAny>, width: u32) -> PyResult<(Value, u64)> {
    let py = other.py();
    let (accumulator, count) = if let Ok(other) = other.cast::<AtomikContext>() {
        let (context, count) = other.get().context(py)?;
        (context.accumulator(), count)
    } else if let Ok(other) = other.cast::<DeviceContext>() {
        other.get().deltas(py)?
    } else {
        return Err(PyTypeError::new_err(format!(
            "other must be an AtomikContext or a DeviceContext, not {}",
            type_name(other)
        )));
    };
    if accumulator.width() != width {
        return Err(PyValueError::new_err(format!(
            "a context of {} bits can't be merged into one of {width}",
            accumulator.width()
        )));
    }
    Ok((accumulator, count))
}
