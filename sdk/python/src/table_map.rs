// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`TableMap`]: a table's states as memory of this process.

use std::sync::Arc;

use atomik::{Error, Operation};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::{address, mask, to_python, value, word};
use crate::device::{Handle, Open};
use crate::errors::{from_atomik, from_device};
use crate::many::{self, Reading};
use crate::store::Shared;

/// The states of a table, mapped into this process by its ``map``: reads and deltas without a
/// system call.
///
/// ``read_consistent`` reads any number of states as of one moment. A table in the process needs no
/// mapping; its ``map`` uses the table itself, so that programs are the same for both.
///
/// It holds the table's descriptor open until it is closed, by ``close`` or the end of a ``with``
/// block. After another process has destroyed the table, it has states that no command changes any
/// more.
///
/// >>> from array import array
/// >>> table = AtomikTable(4)
/// >>> with table.map() as states:
/// ...     table.batch([("set", 1, 30), ("set", 2, 70)])
/// ...     states.read_consistent(array("I", [1, 2]))
/// []
/// array('Q', [30, 70])
#[pyclass(module = "atomik_core", frozen, weakref)]
pub struct TableMap {
    handle: Handle<Mapped>,
}

/// A mapping that is open. Each call holds it, so that the memory stays until the call ends.
struct Mapped {
    source: Source,
    contexts: u32,
    width: u32,
}

/// The place where the states are.
enum Source {
    Device {
        states: States,
        /// A table that ends with what uses it doesn't end before its mapping.
        _table: Arc<Open>,
    },
    Process {
        shared: Arc<Shared>,
        read_only: bool,
    },
}

enum States {
    ReadOnly(atomik::TableView<'static>),
    Writable(atomik::TableMap<'static>),
}

#[pymethods]
impl TableMap {
    /// The number of contexts.
    #[getter]
    fn num_contexts(&self) -> PyResult<u32> {
        Ok(self.handle.get()?.contexts)
    }

    /// The width of values, in bits.
    #[getter]
    fn width(&self) -> PyResult<u32> {
        Ok(self.handle.get()?.width)
    }

    /// READ: returns the context's state. On the device it isn't isolated from batches: of one that
    /// is at work now, some changes may be seen.
    fn read<'py>(&self, addr: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, mapped) = (addr.py(), self.handle.get()?);
        let at = address(addr, mapped.contexts)?;
        match &mapped.source {
            Source::Device { states, .. } => {
                let state = states.view().read(at).map_err(from_atomik)?;
                Ok((state & mask(mapped.width)).into_pyobject(py)?.into_any())
            }
            Source::Process { shared, .. } => {
                let state = shared.store.with(py, |store| store.table.read_value(at));
                to_python(py, &state.map_err(from_atomik)?)
            }
        }
    }

    /// Reads many states, isolated: of each batch, of whatever process, all changes are seen or
    /// none. ``addrs`` and ``out`` are as for the table's ``read_many``.
    ///
    /// It takes no system call, unless batches are at work all the time: then it waits for its turn
    /// after some tries. Other operations are each seen or not, and two of them possibly in either
    /// order: make changes that belong together in a batch.
    #[pyo3(signature = (addrs, out=None))]
    fn read_consistent<'py>(
        &self,
        py: Python<'py>,
        addrs: &Bound<'py, PyAny>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mapped = self.handle.get()?;
        let states = match &mapped.source {
            Source::Device { states, .. } => states,
            Source::Process { shared, .. } => return shared.read_many(py, addrs, out),
        };
        let reading = Reading::new(py, addrs, out, mapped.contexts, mapped.width)?;
        let mut words = many::room(reading.addrs.len())?;
        words.resize(reading.addrs.len(), 0);
        let mask = mask(mapped.width);
        py.detach(|| {
            states.view().read_consistent(&reading.addrs, &mut words)?;
            words.iter_mut().for_each(|word| *word &= mask);
            reading.into.write(0, &words);
            Ok(())
        })
        .map_err(|error| from_device(error, None))?;
        Ok(reading.out)
    }

    /// ACCUM: the context's state is XORed with ``delta``, by one atomic instruction.
    ///
    /// On the device it may come between two operations of a batch, and no watch tells of it, unless
    /// the table's ``touch`` follows. Raises OSError where the mapping is read-only.
    fn accum(&self, addr: &Bound<'_, PyAny>, delta: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, mapped) = (addr.py(), self.handle.get()?);
        let at = address(addr, mapped.contexts)?;
        let refused = Error::ReadOnly {
            op: Operation::Accum,
        };
        match &mapped.source {
            Source::Device { states, .. } => {
                let delta = word(delta, mapped.width, "delta")?;
                match states {
                    States::Writable(map) => map.accum(at, delta),
                    States::ReadOnly(_) => Err(refused),
                }
            }
            Source::Process { shared, read_only } => {
                let delta = value(delta, mapped.width, "delta")?;
                if *read_only {
                    Err(refused)
                } else {
                    shared.store.with(py, |store| store.accum(at, &delta))
                }
            }
        }
        .map_err(from_atomik)
    }

    /// Ends the mapping. Closing again does nothing; other calls then raise ValueError.
    fn close(&self) {
        self.handle.close();
    }

    /// True once it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().handle.get()?;
        Ok(slf)
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(self.handle.get()?.contexts as usize)
    }

    fn __repr__(&self) -> String {
        match self.handle.get() {
            Ok(mapped) => format!(
                "<TableMap num_contexts={} width={}>",
                mapped.contexts, mapped.width
            ),
            Err(_) => "<TableMap closed>".into(),
        }
    }
}

impl TableMap {
    /// Maps a table of the device.
    pub fn on_device(py: Python<'_>, table: &Arc<Open>, read_only: bool) -> PyResult<Self> {
        let states = table.call(py, |of| {
            Ok(if read_only {
                States::ReadOnly(of.clone().into_view()?)
            } else {
                States::Writable(of.clone().into_map()?)
            })
        })?;
        let source = Source::Device {
            states,
            _table: Arc::clone(table),
        };
        Ok(Self::new(source, table.contexts, table.width))
    }

    /// A table in this process, which is its own mapping.
    pub fn in_process(shared: &Arc<Shared>, read_only: bool) -> Self {
        let source = Source::Process {
            shared: Arc::clone(shared),
            read_only,
        };
        Self::new(source, shared.contexts, shared.width)
    }

    fn new(source: Source, contexts: u32, width: u32) -> Self {
        let mapped = Mapped {
            source,
            contexts,
            width,
        };
        Self {
            handle: Handle::new(mapped, "TableMap"),
        }
    }
}

impl States {
    fn view(&self) -> &atomik::TableView<'static> {
        match self {
            Self::ReadOnly(view) => view,
            Self::Writable(map) => map,
        }
    }
}
