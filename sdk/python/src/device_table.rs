// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeviceTable`]: a table of the device.

use std::path::PathBuf;
use std::sync::Arc;

use atomik::{Batch, Context, MAX_ATTEMPTS, MAX_BATCH, Rights};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::contexts::DeviceContext;
use crate::convert::{Optional, address, mask, word};
use crate::descriptor::{Device, info, spawned};
use crate::device::{Handle, Open, default_path};
use crate::errors::contended;
use crate::many::{self, Reading};
use crate::operations::{Operations, pairs};
use crate::table_map::TableMap;
use crate::transaction;
use crate::watch::Watch;

const NAME: &str = "DeviceTable";

/// A table of contexts in the kernel, with the calls of AtomikTable.
///
/// ``num_contexts`` is 1 to 65536. ``width`` is 1 to 64 bits: the kernel's contexts have 64, and
/// narrower values are masked here.
///
/// The table belongs to the open file. It outlives this process while another process has a
/// descriptor of that file, by fork or over a socket: ``from_fd`` with ``table_id`` takes it there.
/// Each call is atomic between all of them. ``close``, or the end of a ``with`` block, closes only
/// this descriptor. A closed table equals only itself. To wait for changes, take a ``watch``, and
/// not the table's own descriptor: see ``fileno``.
///
/// Making one raises FileNotFoundError if the driver isn't loaded, and PermissionError if the user
/// isn't in the group atomik. All calls raise OSError with its ``errno`` for the system's other
/// errors.
#[pyclass(module = "atomik_core", frozen, subclass, weakref)]
pub struct DeviceTable {
    handle: Arc<Handle>,
}

impl DeviceTable {
    /// A table of the device.
    pub fn of(open: Open) -> Self {
        Self {
            handle: Arc::new(Handle::new(open, NAME)),
        }
    }

    pub fn open(&self) -> PyResult<Arc<Open>> {
        self.handle.get()
    }
}

#[pymethods]
impl DeviceTable {
    #[new]
    #[pyo3(
        signature = (
            num_contexts=Optional::LeftOut, path=default_path(), *, width=Optional::LeftOut,
            fd=None, device=None
        ),
        text_signature =
            "(num_contexts=256, path=\"/dev/atomik\", *, width=64, fd=None, device=None)"
    )]
    fn new(
        py: Python<'_>,
        num_contexts: Optional<'_>,
        path: PathBuf,
        width: Optional<'_>,
        fd: Option<&Bound<'_, PyAny>>,
        device: Option<PathBuf>,
    ) -> PyResult<Self> {
        let contexts = num_contexts.num_contexts_on_device()?;
        let width = width.width_on_device()?;
        let handle = Handle::making(py, fd, device.unwrap_or(path), contexts, width, NAME)?;
        Ok(Self {
            handle: Arc::new(handle),
        })
    }

    /// Takes a table of an open file of the device: the one with the number ``table_id``, or the
    /// only one. Raises OSError where there is no such table, or, without a number, several.
    ///
    /// ``fd`` is a descriptor's number, or an object with a ``fileno``. It is duplicated and stays
    /// open. ``Device.create_table`` makes a table in an open file.
    #[classmethod]
    #[pyo3(
        signature = (fd, *, table_id=None, width=Optional::LeftOut),
        text_signature = "($cls, fd, *, table_id=None, width=64)"
    )]
    fn from_fd(
        cls: &Bound<'_, PyType>,
        fd: &Bound<'_, PyAny>,
        table_id: Option<&Bound<'_, PyAny>>,
        width: Optional<'_>,
    ) -> PyResult<Py<Self>> {
        let handle = Arc::new(Handle::in_file(
            fd,
            crate::device::table_id(table_id)?,
            width.width_on_device()?,
            NAME,
        )?);
        Py::new(cls.py(), Self { handle })
    }

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

    /// The number by which the open file knows the table.
    #[getter]
    fn table_id(&self) -> PyResult<u32> {
        Ok(self.handle.get()?.table.id())
    }

    /// LOAD: the context's reference becomes ``initial_state`` and its accumulator 0.
    fn load(&self, addr: &Bound<'_, PyAny>, initial_state: &Bound<'_, PyAny>) -> PyResult<()> {
        let open = self.handle.get()?;
        let at = address(addr, open.contexts)?;
        let value = word(initial_state, open.width, "initial_state")?;
        open.call(addr.py(), |table| table.load(at, value))
    }

    /// ACCUM: the context's state is XORed with ``delta``. The same delta again undoes it.
    fn accum(&self, addr: &Bound<'_, PyAny>, delta: &Bound<'_, PyAny>) -> PyResult<()> {
        let open = self.handle.get()?;
        let at = address(addr, open.contexts)?;
        let delta = word(delta, open.width, "delta")?;
        open.call(addr.py(), |table| table.accum(at, delta))
    }

    /// READ: returns the context's state, reference ^ accumulator.
    fn read(&self, addr: &Bound<'_, PyAny>) -> PyResult<u64> {
        let open = self.handle.get()?;
        let at = address(addr, open.contexts)?;
        open.read(addr.py(), at)
    }

    /// SWAP: returns the context's state, and starts a new epoch from it, or from ``new_reference``
    /// where that isn't None.
    ///
    /// The accumulator becomes 0. A ``new_reference`` of 0 starts from 0.
    #[pyo3(signature = (addr, new_reference=None))]
    fn swap(
        &self,
        addr: &Bound<'_, PyAny>,
        new_reference: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let open = self.handle.get()?;
        let at = address(addr, open.contexts)?;
        let value = new_reference
            .map(|value| word(value, open.width, "new_reference"))
            .transpose()?;
        open.swap(addr.py(), at, value)
    }

    /// SET: the context's state becomes ``state``, and its reference stays, as after an accum of
    /// the difference. Bits of the kernel's above a narrower width become 0, as by ``load``.
    fn set(&self, addr: &Bound<'_, PyAny>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let open = self.handle.get()?;
        let at = address(addr, open.contexts)?;
        let state = word(state, open.width, "state")?;
        open.call(addr.py(), |table| table.set(at, state))
    }

    /// Sets the context's state to ``new`` if it is ``expected``, as one operation. Returns whether
    /// it was.
    ///
    /// Both are of the table's width: bits of the kernel's above it aren't compared, and stay. If
    /// others change these in each of 10000 attempts, that is Contended.
    fn compare_exchange(
        &self,
        addr: &Bound<'_, PyAny>,
        expected: &Bound<'_, PyAny>,
        new: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let open = self.handle.get()?;
        let at = address(addr, open.contexts)?;
        let expected = word(expected, open.width, "expected")?;
        let new = word(new, open.width, "new")?;
        let mask = mask(open.width);
        let mut before = expected;
        for _ in 0..MAX_ATTEMPTS {
            let after = before & !mask | new;
            match open.call(addr.py(), |table| table.compare_exchange(at, before, after))? {
                Ok(_) => return Ok(true),
                Err(found) if found & mask == expected => before = found,
                Err(_) => return Ok(false),
            }
        }
        Err(contended(addr.py(), at, MAX_ATTEMPTS))
    }

    /// Changes the context's state to ``f(state)``, and returns the state before.
    ///
    /// Where others change it meanwhile, ``f`` is called again with the new state. After 10000
    /// such attempts that is Contended. Exceptions of ``f`` go through, and nothing has changed.
    fn update<'py>(
        &self,
        addr: &Bound<'py, PyAny>,
        f: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let open = self.handle.get()?;
        transaction::update(&*open, addr.py(), address(addr, open.contexts)?, f)
    }

    /// Changes the states at several addresses as one, and returns the result of ``f``.
    ///
    /// ``f`` gets a list of the states, as they are at one moment, and changes it in place. Where
    /// it changes none, nothing is written. Where others change one of them meanwhile, ``f`` is
    /// called again, with the new states; see ``update``. Raises ValueError for an address that is
    /// given twice, or more than 2048.
    fn transact<'py>(
        &self,
        addrs: &Bound<'py, PyAny>,
        f: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let open = self.handle.get()?;
        let addresses = transaction::addresses(addrs, |addr| address(addr, open.contexts))?;
        transaction::transact(&*open, addrs.py(), &addresses, f)
    }

    /// A descriptor of this table alone, for others: it can neither make nor destroy tables, and,
    /// with ``read_only``, change nothing. It holds the table until it is closed.
    #[pyo3(signature = (read_only=false))]
    fn export(&self, py: Python<'_>, read_only: bool) -> PyResult<Device> {
        let rights = if read_only {
            Rights::ReadOnly
        } else {
            Rights::ReadWrite
        };
        let open = self.handle.get()?;
        Ok(Device::new(open.call(py, |table| table.export(rights))?))
    }

    /// WATCH: watches the contexts from ``start`` to before ``stop``, or to the end: see Watch.
    ///
    /// Each ``accum`` of another delta than 0, ``load``, ``set``, and ``swap`` with a reference, of
    /// any process, counts as a change, also in a batch. A table that can only be read can be
    /// watched, too. In the child of a fork a watch is the parent's as well, and each change is
    /// told to one of them: the child makes its own.
    #[pyo3(
        signature = (start=Optional::LeftOut, stop=None),
        text_signature = "($self, start=0, stop=None)"
    )]
    fn watch(
        &self,
        py: Python<'_>,
        start: Optional<'_>,
        stop: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Watch> {
        let open = self.handle.get()?;
        let range = start.range_to(stop, open.contexts)?;
        let watch = open.call(py, |table| table.watch(range))?;
        Ok(Watch::on_device(watch, open.width))
    }

    /// TOUCH: tells all who watch them that the contexts from ``start`` to before ``stop``, or to
    /// the end, have changed: for what a program does through a mapping, which the kernel can't
    /// see.
    #[pyo3(
        signature = (start=Optional::LeftOut, stop=None),
        text_signature = "($self, start=0, stop=None)"
    )]
    fn touch(
        &self,
        py: Python<'_>,
        start: Optional<'_>,
        stop: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let open = self.handle.get()?;
        let range = start.range_to(stop, open.contexts)?;
        open.call(py, |table| table.touch(range))
    }

    /// The context at an address. It is the table's own, and closed with it.
    fn context(&self, addr: &Bound<'_, PyAny>) -> PyResult<DeviceContext> {
        let addr = address(addr, self.handle.get()?.contexts)?;
        Ok(DeviceContext::of_table(Arc::clone(&self.handle), addr))
    }

    /// Accumulates a delta at each address of a mapping.
    ///
    /// All addresses are checked first. Up to 4096 deltas are one batch of the device, which others
    /// see whole or not at all; more are several batches.
    fn batch_accum(&self, py: Python<'_>, deltas: &Bound<'_, PyAny>) -> PyResult<()> {
        let open = self.handle.get()?;
        let deltas = pairs(deltas, |addr, delta| {
            let addr = address(addr, open.contexts)?;
            Ok((addr, word(delta, open.width, "delta")?))
        })?;
        open.call(py, |table| {
            let mut batch = Batch::new();
            for deltas in deltas.chunks(MAX_BATCH as usize) {
                batch.clear();
                for &(addr, delta) in deltas {
                    batch.accum(addr, delta);
                }
                table.submit(&batch)?;
            }
            Ok(())
        })
    }

    /// The states that are not 0, by ascending address, all of one moment.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (addr, state) in self.handle.get()?.states(py)?.into_iter().enumerate() {
            if state != 0 {
                dict.set_item(addr, state)?;
            }
        }
        Ok(dict)
    }

    /// Does operations in order as one batch of the device, all of them or none, and returns the
    /// states of the reads and swaps. No other operation on the table, of any process, sees it half
    /// done.
    ///
    /// Each is a tuple: ``("load", addr, value)``, ``("accum", addr, delta)``, ``("read", addr)``,
    /// ``("swap", addr)``, which keeps the state, ``("set", addr, state)``, which keeps the
    /// reference, or ``("expect", addr, state)``: a condition on the states before all of them. If
    /// one doesn't hold, the call raises Canceled. Conditions are on all of the kernel's 64 bits,
    /// also where the table has a narrower width here: those above it are expected to be 0.
    /// ``compare_exchange``, ``update`` and ``transact`` leave them alone. Raises ValueError unless
    /// there are 1 to 4096.
    fn batch(&self, py: Python<'_>, operations: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let open = self.handle.get()?;
        let mut operations = Operations::of(operations, open.contexts, open.width)?;
        let mask = mask(open.width);
        open.call(py, |table| {
            let states = table.run(&mut operations.batch)?.states();
            Ok(states.map(|state| state & mask).collect())
        })
    }

    /// The deltas since their epochs began of the contexts from ``start`` to before ``stop``, or to
    /// the end, that aren't 0, by ascending address: their accumulators, all of one moment.
    #[pyo3(
        signature = (start=Optional::LeftOut, stop=None),
        text_signature = "($self, start=0, stop=None)"
    )]
    fn changed<'py>(
        &self,
        py: Python<'py>,
        start: Optional<'_>,
        stop: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let open = self.handle.get()?;
        let range = start.range_to(stop, open.contexts)?;
        let dict = PyDict::new(py);
        for (addr, (_, delta)) in range.clone().zip(open.words(py, range)?) {
            if delta != 0 {
                dict.set_item(addr, delta)?;
            }
        }
        Ok(dict)
    }

    /// SNAPSHOT: an image of both words of the contexts from ``start`` to before ``stop``, or to
    /// the end, all of one moment, for ``restore``.
    #[pyo3(
        signature = (start=Optional::LeftOut, stop=None),
        text_signature = "($self, start=0, stop=None)"
    )]
    fn image<'py>(
        &self,
        py: Python<'py>,
        start: Optional<'_>,
        stop: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let open = self.handle.get()?;
        let range = start.range_to(stop, open.contexts)?;
        let (references, accumulators): (Vec<_>, Vec<_>) = open.words(py, range)?.unzip();
        many::image(py, &references, &accumulators)
    }

    /// RESTORE: sets both words of the contexts from ``start`` on to those of an ``image``, of this
    /// or another table, all of them at one moment.
    ///
    /// ``image`` is two equally long arrays or sequences of integers: references and accumulators.
    /// Raises IndexError where it has more contexts than the table has from there.
    #[pyo3(
        signature = (image, start=Optional::LeftOut),
        text_signature = "($self, image, start=0)"
    )]
    fn restore(&self, image: &Bound<'_, PyAny>, start: Optional<'_>) -> PyResult<()> {
        let open = self.handle.get()?;
        let (first, [references, accumulators]) =
            many::words_of_image(image, start, open.contexts, open.width)?;
        let words = references.into_iter().zip(accumulators);
        let contexts: Vec<_> = words
            .map(|(reference, accumulator)| Context {
                reference,
                accumulator,
            })
            .collect();
        open.call(image.py(), |table| table.restore(first, &contexts))
    }

    /// Accumulates many deltas: ``deltas[i]`` at ``addrs[i]``, for all ``i``.
    ///
    /// Both are equally long buffers or arrays of integers of 1, 2, 4 or 8 bytes, or lists, ranges
    /// or other sequences. An address may occur any number of times. Of buffers, no Python object
    /// is made for an item, and other Python threads run meanwhile. All addresses are checked
    /// first: if one is outside the table, the call raises IndexError and nothing has changed. Each
    /// 4096 deltas are one batch of the device. If others write to the arrays meanwhile, old or new
    /// deltas are taken.
    fn accum_many(
        &self,
        py: Python<'_>,
        addrs: &Bound<'_, PyAny>,
        deltas: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.many(py, addrs, deltas, "deltas", |batch, addr, delta| {
            batch.accum(addr, delta);
        })
    }

    /// Loads many contexts: ``states[i]`` into the one at ``addrs[i]``, for all ``i``; see
    /// ``accum_many``.
    fn load_many(
        &self,
        py: Python<'_>,
        addrs: &Bound<'_, PyAny>,
        states: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.many(py, addrs, states, "states", |batch, addr, state| {
            batch.load(addr, state);
        })
    }

    /// Sets many states: ``states[i]`` of the context at ``addrs[i]``, for all ``i``; see
    /// ``accum_many``.
    fn set_many(
        &self,
        py: Python<'_>,
        addrs: &Bound<'_, PyAny>,
        states: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.many(py, addrs, states, "states", |batch, addr, state| {
            batch.set(addr, state);
        })
    }

    /// Reads many contexts: the states of those at ``addrs``, in that order; see ``accum_many``.
    ///
    /// Writes them to ``out``, a writable buffer or array of integers of enough bits, and returns
    /// it; without ``out``, a new ``array.array("Q")``. Each 4096 are read at one moment.
    #[pyo3(signature = (addrs, out=None))]
    fn read_many<'py>(
        &self,
        py: Python<'py>,
        addrs: &Bound<'py, PyAny>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let open = self.handle.get()?;
        let reading = Reading::new(py, addrs, out, open.contexts, open.width)?;
        let mask = mask(open.width);
        open.call(py, |table| {
            let (mut batch, mut states, mut start) = (Batch::new(), vec![], 0);
            for addrs in reading.addrs.chunks(MAX_BATCH as usize) {
                batch.clear();
                for &addr in addrs {
                    batch.read(addr);
                }
                states.clear();
                states.extend(table.run(&mut batch)?.states().map(|state| state & mask));
                reading.into.write(start, &states);
                start += states.len();
            }
            Ok(())
        })?;
        Ok(reading.out)
    }

    /// Maps the states into this process, for reads and deltas without a system call: see TableMap.
    ///
    /// With ``read_only`` the mapping can change nothing. A table that was exported read-only needs
    /// it: otherwise OSError with EBADF.
    #[pyo3(signature = (read_only=false))]
    fn map(&self, py: Python<'_>, read_only: bool) -> PyResult<TableMap> {
        TableMap::on_device(py, &self.handle.get()?, read_only)
    }

    /// The descriptor's number, to hand on to others. It is nothing to wait for: ``select`` and
    /// ``poll`` always find it ready, and epoll and the ``add_reader`` of asyncio refuse it with
    /// PermissionError, whatever the user's groups are. ``watch`` makes one that changes wake.
    fn fileno(&self) -> PyResult<i32> {
        Ok(self.handle.get()?.number())
    }

    /// The driver's version and counters, as a DeviceInfo.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        info(py, &self.handle.get()?.device)
    }

    /// Closes the descriptor. The table ends with the last descriptor of its file; one that was
    /// made with ``fd=`` ends now. Closing again does nothing; other calls then raise ValueError.
    fn close(&self) {
        self.handle.close();
    }

    /// True once it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Destroys the table now, for all descriptors of its file, and closes this one.
    fn destroy(&self, py: Python<'_>) -> PyResult<()> {
        self.handle
            .get()?
            .call(py, |table| table.clone().destroy())?;
        self.close();
        Ok(())
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

    /// For multiprocessing: an argument of a process that it spawns takes the descriptor along.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let open = slf.get().open()?;
        spawned(slf.as_any(), &[open.table.id(), open.width])
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let other = other.get();
        let equal = match (self.handle.get(), other.handle.get()) {
            (Ok(this), Ok(that)) => {
                Arc::ptr_eq(&this, &that)
                    || (this.width == that.width
                        && this.contexts == that.contexts
                        && this.states(py)? == that.states(py)?)
            }
            // A closed table has no states.
            _ => std::ptr::eq(self, other),
        };
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self) -> String {
        match self.handle.get() {
            Ok(open) => format!(
                "<DeviceTable num_contexts={} width={} fd={} table_id={}>",
                open.contexts,
                open.width,
                open.number(),
                open.table.id()
            ),
            Err(_) => "<DeviceTable closed>".into(),
        }
    }
}

impl DeviceTable {
    /// Runs batches of entries that `add` makes, each of an address and a value.
    fn many(
        &self,
        py: Python<'_>,
        addrs: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        name: &str,
        add: impl Fn(&mut Batch, u32, u64) + Sync + Send,
    ) -> PyResult<()> {
        let open: Arc<Open> = self.handle.get()?;
        let addrs = many::addresses(addrs, open.contexts)?;
        let values = many::values(values, name, addrs.len(), open.width)?;
        let mask = mask(open.width);
        open.call(py, |table| {
            let mut batch = Batch::with_capacity(addrs.len().min(MAX_BATCH as usize));
            let mut words = vec![0; MAX_BATCH as usize];
            let mut start = 0;
            for addrs in addrs.chunks(words.len()) {
                batch.clear();
                let values = values.read(start..start + addrs.len(), &mut words);
                for (&addr, &mut value) in addrs.iter().zip(values) {
                    add(&mut batch, addr, value & mask);
                }
                table.submit(&batch)?;
                start += addrs.len();
            }
            Ok(())
        })
    }
}
