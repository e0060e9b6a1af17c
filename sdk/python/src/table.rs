// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`AtomikTable`]: a table in this process.

use std::ops::Range;
use std::sync::Arc;

use atomik::{Error, LocalContext, Value};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySequence, PyTuple};

use crate::contexts::AtomikContext;
use crate::convert::{Optional, address, to_python, value};
use crate::errors::from_atomik;
use crate::many;
use crate::operations::{Operations, pairs};
use crate::pickling::{self, Reduced};
use crate::store::{Shared, Store, nonzero};
use crate::table_map::TableMap;
use crate::transaction::{self, Conditional};
use crate::watch::Watch;

/// A table of contexts in this process.
///
/// ``num_contexts`` is 1 or more, and the addresses are 0 to ``num_contexts - 1``. Values have
/// ``width`` bits, 1 to 2**24; arguments are masked to them. All contexts begin with reference and
/// accumulator 0.
///
/// Raises IndexError for an address outside the table and TypeError for a wrong type; then nothing
/// has changed. Threads may share a table: each call is atomic.
///
/// >>> table = AtomikTable(256)
/// >>> table.load(0, 0xCAFEBABE)
/// >>> table.accum(0, 1)
/// >>> hex(table.read(0))
/// '0xcafebabf'
#[pyclass(module = "atomik_core", frozen, subclass, weakref)]
pub struct AtomikTable {
    shared: Arc<Shared>,
}

#[pymethods]
impl AtomikTable {
    #[new]
    #[pyo3(
        signature = (num_contexts=Optional::LeftOut, width=Optional::LeftOut),
        text_signature = "(num_contexts=256, width=64)"
    )]
    fn new(num_contexts: Optional<'_>, width: Optional<'_>) -> PyResult<Self> {
        let shared =
            Shared::new(num_contexts.num_contexts()?, width.width()?).map_err(from_atomik)?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The number of contexts.
    #[getter]
    fn num_contexts(&self) -> u32 {
        self.shared.contexts
    }

    /// The width of values, in bits.
    #[getter]
    fn width(&self) -> u32 {
        self.shared.width
    }

    /// LOAD: the context's reference becomes ``initial_state`` and its accumulator 0.
    fn load(&self, addr: &Bound<'_, PyAny>, initial_state: &Bound<'_, PyAny>) -> PyResult<()> {
        let at = self.address(addr)?;
        let value = self.value(initial_state, "initial_state")?;
        self.with(addr.py(), |store| store.load(at, &value))
    }

    /// ACCUM: the context's state is XORed with ``delta``. The same delta again undoes it.
    fn accum(&self, addr: &Bound<'_, PyAny>, delta: &Bound<'_, PyAny>) -> PyResult<()> {
        let at = self.address(addr)?;
        let delta = self.value(delta, "delta")?;
        self.with(addr.py(), |store| store.accum(at, &delta))
    }

    /// READ: returns the context's state, reference ^ accumulator.
    fn read<'py>(&self, addr: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, at) = (addr.py(), self.address(addr)?);
        to_python(py, &self.with(py, |store| store.table.read_value(at))?)
    }

    /// SWAP: returns the context's state, and starts a new epoch from it, or from ``new_reference``
    /// where that isn't None.
    ///
    /// The accumulator becomes 0. A ``new_reference`` of 0 starts from 0.
    #[pyo3(signature = (addr, new_reference=None))]
    fn swap<'py>(
        &self,
        addr: &Bound<'py, PyAny>,
        new_reference: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, at) = (addr.py(), self.address(addr)?);
        let value = new_reference
            .map(|value| self.value(value, "new_reference"))
            .transpose()?;
        to_python(py, &self.with(py, |store| store.swap(at, value.as_ref()))?)
    }

    /// SET: the context's state becomes ``state``, and its reference stays, as after an accum of
    /// the difference.
    fn set(&self, addr: &Bound<'_, PyAny>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let at = self.address(addr)?;
        let state = self.value(state, "state")?;
        self.with(addr.py(), |store| store.set(at, &state))
    }

    /// Sets the context's state to ``new`` if it is ``expected``, as one operation. Returns whether
    /// it was.
    fn compare_exchange(
        &self,
        addr: &Bound<'_, PyAny>,
        expected: &Bound<'_, PyAny>,
        new: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let at = self.address(addr)?;
        let expected = self.value(expected, "expected")?;
        let new = self.value(new, "new")?;
        self.with(addr.py(), |store| {
            store.compare_exchange(at, &expected, &new)
        })
    }

    /// Changes the context's state to ``f(state)``, and returns the state before.
    ///
    /// Where others change it meanwhile, ``f`` is called again with the new state. After 10000
    /// such attempts that is Contended. Exceptions of ``f`` go through, and nothing has changed.
    ///
    /// >>> table = AtomikTable(256)
    /// >>> table.update(0, lambda count: count + 1), table.read(0)
    /// (0, 1)
    fn update<'py>(
        &self,
        addr: &Bound<'py, PyAny>,
        f: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        transaction::update(self, addr.py(), self.address(addr)?, f)
    }

    /// Changes the states at several addresses as one, and returns the result of ``f``.
    ///
    /// ``f`` gets a list of the states, as they are at one moment, and changes it in place. Where
    /// it changes none, nothing is written. Where others change one of them meanwhile, ``f`` is
    /// called again, with the new states; see ``update``. Raises ValueError for an address that is
    /// given twice, or more than 2048.
    ///
    /// >>> table = AtomikTable(256)
    /// >>> table.load(1, 100)
    /// >>> def move(states):
    /// ...     states[0] -= 70
    /// ...     states[1] += 70
    /// >>> table.transact([1, 2], move)
    /// >>> table.snapshot()
    /// {1: 30, 2: 70}
    fn transact<'py>(
        &self,
        addrs: &Bound<'py, PyAny>,
        f: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let addresses = transaction::addresses(addrs, |addr| self.address(addr))?;
        transaction::transact(self, addrs.py(), &addresses, f)
    }

    /// The context at an address. It is the table's own, not a copy.
    fn context(&self, addr: &Bound<'_, PyAny>) -> PyResult<AtomikContext> {
        let addr = self.address(addr)?;
        Ok(AtomikContext::of(Arc::clone(&self.shared), addr))
    }

    /// Accumulates a delta at each address of a mapping: all of them, or none if one is wrong.
    fn batch_accum(&self, py: Python<'_>, deltas: &Bound<'_, PyAny>) -> PyResult<()> {
        let deltas = pairs(deltas, |addr, delta| {
            Ok((self.address(addr)?, self.value(delta, "delta")?))
        })?;
        self.with(py, |store| {
            let mut deltas = deltas.iter();
            deltas.try_for_each(|(addr, delta)| store.accum(*addr, delta))
        })
    }

    /// The states that are not 0, by ascending address.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (addr, state) in self.with(py, |store| nonzero(&store.table))? {
            dict.set_item(addr, to_python(py, &state)?)?;
        }
        Ok(dict)
    }

    /// Does operations in order as one, all of them or none, and returns the states of the reads
    /// and swaps.
    ///
    /// Each is a tuple: ``("load", addr, value)``, ``("accum", addr, delta)``, ``("read", addr)``,
    /// ``("swap", addr)``, which keeps the state, ``("set", addr, state)``, which keeps the
    /// reference, or ``("expect", addr, state)``: a condition on the states before all of them. If
    /// one doesn't hold, the call raises Canceled. Raises ValueError unless there are 1 to 4096,
    /// as on the device, with values of up to 64 bits.
    fn batch(&self, py: Python<'_>, operations: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let mut operations = Operations::of(operations, self.shared.contexts, self.shared.width)?;
        self.with(py, |store| {
            let states = store.table.run(&mut operations.batch)?.states().collect();
            for effect in &operations.effects {
                match effect.count {
                    Some(count) => store.counts[effect.addr as usize] = count,
                    None => store.count(effect.addr, 1),
                }
                if effect.changes {
                    store.watchers.changed(effect.addr);
                }
            }
            Ok(states)
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
        let range = start.range_to(stop, self.shared.contexts)?;
        let changed = self.with(py, |store| {
            let mut changed = Vec::new();
            for addr in range {
                let delta = store.table.context(addr)?.accumulator();
                if !delta.is_zero() {
                    changed.push((addr, delta));
                }
            }
            Ok(changed)
        })?;
        let dict = PyDict::new(py);
        for (addr, delta) in changed {
            dict.set_item(addr, to_python(py, &delta)?)?;
        }
        Ok(dict)
    }

    /// An image of both words of the contexts from ``start`` to before ``stop``, or to the end, all
    /// of one moment, for ``restore``.
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
        let range = start.range_to(stop, self.shared.contexts)?;
        let [references, accumulators, _] = self.parts(py, range)?;
        many::image(py, &references, &accumulators)
    }

    /// Sets both words of the contexts from ``start`` on to those of an ``image``, of this or
    /// another table, all of them at one moment.
    ///
    /// ``image`` is two equally long arrays or sequences of integers: references and accumulators.
    /// Raises IndexError where it has more contexts than the table has from there.
    #[pyo3(
        signature = (image, start=Optional::LeftOut),
        text_signature = "($self, image, start=0)"
    )]
    fn restore(&self, image: &Bound<'_, PyAny>, start: Optional<'_>) -> PyResult<()> {
        let Shared {
            contexts, width, ..
        } = *self.shared;
        let (first, [references, accumulators]) =
            many::words_of_image(image, start, contexts, width)?;
        let limbs = self.shared.limbs();
        let words = references.chunks(limbs).zip(accumulators.chunks(limbs));
        self.with(image.py(), |store| {
            for (addr, (reference, accumulator)) in (first..).zip(words) {
                let words = [reference, accumulator].map(|words| Value::new(width, words));
                let [reference, accumulator] = words;
                let context = LocalContext::with_words(width, reference?, accumulator?)?;
                store.set_context(addr, &context, 0)?;
            }
            Ok(())
        })
    }

    /// Accumulates many deltas: ``deltas[i]`` at ``addrs[i]``, for all ``i``.
    ///
    /// Both are equally long buffers or arrays of integers of 1, 2, 4 or 8 bytes, or lists, ranges
    /// or other sequences. An address may occur any number of times. Of buffers, no Python object
    /// is made for an item, and other Python threads run meanwhile. All addresses are checked
    /// first: if one is outside the table, the call raises IndexError and nothing has changed. If
    /// others write to the arrays meanwhile, old or new deltas are taken.
    ///
    /// A delta of more than 64 bits takes several items of 64 bits in ``deltas``, the lowest first.
    fn accum_many(
        &self,
        py: Python<'_>,
        addrs: &Bound<'_, PyAny>,
        deltas: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let limbs = self.shared.limbs();
        self.many(py, addrs, deltas, "deltas", |store, addrs, deltas| {
            store.table.accum_many(addrs, deltas)?;
            for (&addr, delta) in addrs.iter().zip(deltas.chunks(limbs)) {
                store.count(addr, 1);
                if delta.iter().any(|&limb| limb != 0) {
                    store.watchers.changed(addr);
                }
            }
            Ok(())
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
        self.many(py, addrs, states, "states", |store, addrs, states| {
            store.table.load_many(addrs, states)?;
            for &addr in addrs {
                store.counts[addr as usize] = 0;
                store.watchers.changed(addr);
            }
            Ok(())
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
        let limbs = self.shared.limbs();
        self.many(py, addrs, states, "states", |store, addrs, states| {
            for (&addr, state) in addrs.iter().zip(states.chunks(limbs)) {
                store.set(addr, state)?;
            }
            Ok(())
        })
    }

    /// Reads many contexts: the states of those at ``addrs``, in that order; see ``accum_many``.
    ///
    /// Writes them to ``out``, a writable buffer or array of integers of enough bits, and returns
    /// it; without ``out``, a new ``array.array("Q")``. All are read at one moment.
    #[pyo3(signature = (addrs, out=None))]
    fn read_many<'py>(
        &self,
        py: Python<'py>,
        addrs: &Bound<'py, PyAny>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.shared.read_many(py, addrs, out)
    }

    /// A mapping as tables on the device have it, so that programs are the same for both: see
    /// TableMap. It uses the table itself. With ``read_only`` it can change nothing.
    #[pyo3(signature = (read_only=false))]
    fn map(&self, read_only: bool) -> TableMap {
        TableMap::in_process(&self.shared, read_only)
    }

    /// Watches the contexts from ``start`` to before ``stop``, or to the end: see Watch.
    ///
    /// Each ``accum`` of another delta than 0, ``load``, ``set``, and ``swap`` with a reference
    /// counts as a change, also in a batch. A watch takes a bit for each context, and a descriptor.
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
        Watch::in_process(
            py,
            &self.shared,
            start.range_to(stop, self.shared.contexts)?,
        )
    }

    /// Tells all who watch them that the contexts from ``start`` to before ``stop``, or to the end,
    /// have changed, without changing them.
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
        let range = start.range_to(stop, self.shared.contexts)?;
        self.with(py, |store| {
            store.watchers.all_changed(range);
            Ok(())
        })
    }

    fn __len__(&self) -> usize {
        self.shared.contexts as usize
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let (this, that) = (&self.shared, &other.get().shared);
        let equal = Arc::ptr_eq(this, that)
            || (this.width == that.width
                && this.contexts == that.contexts
                && py.detach(|| {
                    (this.store).hold_both(&that.store, |this, that| {
                        this.table.states() == that.table.states()
                    })
                }));
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self) -> String {
        let Shared {
            contexts, width, ..
        } = *self.shared;
        format!("AtomikTable(num_contexts={contexts}, width={width})")
    }

    /// For pickle and copy.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let Shared {
            contexts, width, ..
        } = *slf.get().shared;
        pickling::reduce(slf, &[contexts, width])
    }

    /// References, accumulators and numbers of deltas, little-endian words.
    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let (py, this) = (slf.py(), slf.get());
        let bytes = |words: Vec<u64>| {
            PyBytes::new_with(py, 8 * words.len(), |bytes| {
                for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                }
                Ok(())
            })
        };
        let [references, accumulators, counts] = this.parts(py, 0..this.shared.contexts)?;
        let attributes = pickling::attributes(slf)?;
        (
            bytes(references)?,
            bytes(accumulators)?,
            bytes(counts)?,
            attributes,
        )
            .into_pyobject(py)
    }

    fn __setstate__<'py>(slf: &Bound<'py, Self>, state: &Bound<'py, PySequence>) -> PyResult<()> {
        let this = slf.get();
        let state = pickling::restore(slf, state, 3)?;
        let [references, accumulators, counts]: [Bound<'_, PyBytes>; 3] = state.extract()?;
        let [references, accumulators, counts] =
            [&references, &accumulators, &counts].map(|part| part.as_bytes());
        let (limbs, contexts) = (this.shared.limbs(), this.shared.contexts as usize);
        let fits = |part: &[u8], limbs: usize| Some(part.len()) == contexts.checked_mul(8 * limbs);
        if !fits(references, limbs) || !fits(accumulators, limbs) || !fits(counts, 1) {
            return Err(PyValueError::new_err(
                "the pickled state is of another table",
            ));
        }
        this.with(slf.py(), |store| {
            let words = references
                .chunks(8 * limbs)
                .zip(accumulators.chunks(8 * limbs));
            for (addr, ((reference, accumulator), count)) in (0..).zip(words.zip(counts.chunks(8)))
            {
                let words = |bytes| Value::from_le_bytes(this.shared.width, bytes);
                let context = LocalContext::with_words(
                    this.shared.width,
                    words(reference)?,
                    words(accumulator)?,
                )?;
                let count = Value::from_le_bytes(64, count)?.to_u64().unwrap_or(0);
                store.set_context(addr, &context, count)?;
            }
            Ok(())
        })
    }
}

impl Conditional for AtomikTable {
    type State = Value;

    fn states(&self, py: Python<'_>, addrs: &[u32]) -> PyResult<Vec<Value>> {
        self.with(py, |store| {
            let states = addrs.iter().map(|&addr| store.table.read_value(addr));
            states.collect()
        })
    }

    fn exchange(
        &self,
        py: Python<'_>,
        addrs: &[u32],
        before: &[Value],
        after: &[Value],
    ) -> PyResult<Result<(), u32>> {
        self.with(py, |store| {
            for (&addr, before) in addrs.iter().zip(before) {
                if store.table.read_value(addr)? != *before {
                    return Ok(Err(addr));
                }
            }
            for ((&addr, before), after) in addrs.iter().zip(before).zip(after) {
                if before != after {
                    store.set(addr, after)?;
                }
            }
            Ok(Ok(()))
        })
    }

    fn integer_of<'py>(&self, py: Python<'py>, state: &Value) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, state)
    }

    fn state_of(&self, integer: &Bound<'_, PyAny>, _before: &Value) -> PyResult<Value> {
        self.value(integer, "a state")
    }
}

impl AtomikTable {
    fn address(&self, addr: &Bound<'_, PyAny>) -> PyResult<u32> {
        address(addr, self.shared.contexts)
    }

    fn value(&self, object: &Bound<'_, PyAny>, name: &str) -> PyResult<Value> {
        value(object, self.shared.width, name)
    }

    fn with<R: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&mut Store) -> atomik::Result<R> + Send,
    ) -> PyResult<R> {
        self.shared.store.with(py, f).map_err(from_atomik)
    }

    /// References, accumulators and numbers of deltas, as words.
    fn parts(&self, py: Python<'_>, range: Range<u32>) -> PyResult<[Vec<u64>; 3]> {
        let words = range.len().saturating_mul(self.shared.limbs());
        let mut parts = [
            many::room(words)?,
            many::room(words)?,
            many::room(range.len())?,
        ];
        self.with(py, |store| {
            let [references, accumulators, counts] = &mut parts;
            for addr in range {
                let (context, count) = store.context(addr)?;
                references.extend(context.reference().limbs());
                accumulators.extend(context.accumulator().limbs());
                counts.push(count);
            }
            Ok(())
        })?;
        Ok(parts)
    }

    /// Calls `f` with addresses and a value for each, piece by piece, as one operation and without
    /// the interpreter.
    fn many(
        &self,
        py: Python<'_>,
        addrs: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        name: &str,
        f: impl Fn(&mut Store, &[u32], &[u64]) -> atomik::Result<()> + Sync + Send,
    ) -> PyResult<()> {
        let limbs = self.shared.limbs();
        let addrs = many::addresses(addrs, self.shared.contexts)?;
        let values = many::values(values, name, addrs.len(), self.shared.width)?;
        let mut words = many::words(limbs)?;
        py.detach(|| {
            self.shared.store.hold(|store| {
                let mut start = 0;
                for addrs in addrs.chunks((words.len() / limbs).max(1)) {
                    let end = start + addrs.len() * limbs;
                    f(store, addrs, values.read(start..end, &mut words))?;
                    start = end;
                }
                Ok::<_, Error>(())
            })
        })
        .map_err(from_atomik)
    }
}
