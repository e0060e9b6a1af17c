// SPDX-License-Identifier: MIT OR Apache-2.0

//! The parts of all tables' bulk calls: addresses and values in buffers.

use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::convert::{Optional, address, mask, value};
use crate::errors::{lengths_differ, no_such_address};
use crate::ints::{CHUNK, Ints, sequence_of};

/// The addresses of a bulk call, copied and checked before anything changes: later, when others may
/// have changed the buffer, the call couldn't be undone.
pub fn addresses(addrs: &Bound<'_, PyAny>, contexts: u32) -> PyResult<Vec<u32>> {
    if let Some(addrs) = sequence_of(addrs) {
        let mut all = room(addrs.len()?)?;
        for addr in addrs.try_iter()? {
            all.push(address(&addr?, contexts)?);
        }
        return Ok(all);
    }
    let py = addrs.py();
    let addrs = Ints::of(addrs, "addrs")?;
    let signed = addrs.signed();
    py.detach(|| {
        let mut all = room(addrs.len()).map_err(Failure::Memory)?;
        let mut chunk = [0; CHUNK];
        for range in addrs.chunks() {
            for &mut addr in addrs.read(range, &mut chunk) {
                match u32::try_from(addr) {
                    Ok(addr) if addr < contexts => all.push(addr),
                    _ => return Err(Failure::Address(addr)),
                }
            }
        }
        Ok(all)
    })
    .map_err(|failure| match failure {
        Failure::Memory(error) => error,
        Failure::Address(addr) if signed => no_such_address(addr as i64, contexts),
        Failure::Address(addr) => no_such_address(addr, contexts),
    })
}

/// Reasons to refuse addresses, which need no interpreter.
enum Failure {
    Memory(PyErr),
    Address(u64),
}

/// An empty array with room for so many items; MemoryError where there is none.
pub fn room<T>(items: usize) -> PyResult<Vec<T>> {
    let mut room = Vec::new();
    match room.try_reserve_exact(items) {
        Ok(()) => Ok(room),
        Err(_) => Err(PyMemoryError::new_err(format!(
            "no memory for {items} items"
        ))),
    }
}

/// A bulk call that reads: its addresses, checked, and the array for the states.
pub struct Reading<'py> {
    pub addrs: Vec<u32>,
    pub out: Bound<'py, PyAny>,
    /// The integers of `out`.
    pub into: Ints,
}

impl<'py> Reading<'py> {
    /// Of a table of so many contexts of this width. Without `out`, makes a new array.
    pub fn new(
        py: Python<'py>,
        addrs: &Bound<'py, PyAny>,
        out: Option<Bound<'py, PyAny>>,
        contexts: u32,
        width: u32,
    ) -> PyResult<Self> {
        let addrs = addresses(addrs, contexts)?;
        let limbs = limbs_of(width);
        let out = match out {
            Some(out) => out,
            None => new_array(py, addrs.len().saturating_mul(limbs))?,
        };
        let into = self::out(&out, addrs.len(), limbs, width)?;
        Ok(Self { addrs, out, into })
    }
}

/// The number of words of a value in arrays.
pub fn limbs_of(width: u32) -> usize {
    width.div_ceil(u64::BITS) as usize
}

/// The values of a bulk call, one of `width` bits for each address.
pub fn values(object: &Bound<'_, PyAny>, name: &str, addrs: usize, width: u32) -> PyResult<Ints> {
    let values = words_of(object, name, width)?;
    check(&values, name, addrs, limbs_of(width))?;
    Ok(values)
}

/// The words of many values of `width` bits: those of a buffer, or copies of a sequence's integers.
pub fn words_of(object: &Bound<'_, PyAny>, name: &str, width: u32) -> PyResult<Ints> {
    let Some(integers) = sequence_of(object) else {
        return Ints::of(object, name);
    };
    let mut words = room(integers.len()?.saturating_mul(limbs_of(width)))?;
    for integer in integers.try_iter()? {
        words.extend(value(&integer?, width, name)?.limbs());
    }
    Ints::of(&array_of(object.py(), &words)?, name)
}

/// An `array.array('Q')` of these words.
pub fn array_of<'py>(py: Python<'py>, words: &[u64]) -> PyResult<Bound<'py, PyAny>> {
    let bytes = PyBytes::new_with(py, 8 * words.len(), |bytes| {
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        Ok(())
    })?;
    array(py)?.call1(("Q", bytes))
}

/// The destination of a bulk call's states.
fn out(object: &Bound<'_, PyAny>, addrs: usize, limbs: usize, width: u32) -> PyResult<Ints> {
    let out = Ints::writable(object, "out")?;
    check(&out, "out", addrs, limbs)?;
    if out.item_bits() < width.min(u64::BITS) {
        return Err(PyTypeError::new_err(format!(
            "out has items of {} bits, and states have {width}",
            out.item_bits()
        )));
    }
    Ok(out)
}

fn check(values: &Ints, name: &str, addrs: usize, limbs: usize) -> PyResult<()> {
    if limbs == 1 {
        return if values.len() == addrs {
            Ok(())
        } else {
            Err(lengths_differ("addrs", addrs, name, values.len()))
        };
    }
    if values.item_bits() != u64::BITS {
        return Err(PyTypeError::new_err(format!(
            "{name} must have items of 64 bits, {limbs} for each value, the lowest first"
        )));
    }
    if addrs.checked_mul(limbs) != Some(values.len()) {
        return Err(PyValueError::new_err(format!(
            "addrs and {name} must be equally long, with {limbs} items of 64 bits for each value: \
             {addrs} addresses don't go with {} items",
            values.len()
        )));
    }
    Ok(())
}

/// An `array.array('Q')` of so many zeros.
fn new_array(py: Python<'_>, items: usize) -> PyResult<Bound<'_, PyAny>> {
    let one = array(py)?.call1(("Q", PyBytes::new(py, &[0; 8])))?;
    one.mul(items)
}

/// Python's own class.
pub fn array(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    ARRAY.import(py, "array", "array")
}

/// An Image of these words.
pub fn image<'py>(
    py: Python<'py>,
    references: &[u64],
    accumulators: &[u64],
) -> PyResult<Bound<'py, PyAny>> {
    static IMAGE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let words = (array_of(py, references)?, array_of(py, accumulators)?);
    IMAGE
        .import(py, "atomik_core._image", "Image")?
        .call1(words)
}

/// The words of an image, references and accumulators, masked, that fit a table of so many contexts
/// from the address `start` on. Returns that, too.
pub fn words_of_image(
    image: &Bound<'_, PyAny>,
    start: Optional<'_>,
    contexts: u32,
    width: u32,
) -> PyResult<(u32, [Vec<u64>; 2])> {
    let (references, accumulators): (Bound<'_, PyAny>, Bound<'_, PyAny>) = image.extract()?;
    let limbs = limbs_of(width);
    let references = words_of(&references, "references", width)?;
    let accumulators = words_of(&accumulators, "accumulators", width)?;
    let (count, others) = (references.len(), accumulators.len());
    if count != others {
        return Err(lengths_differ("references", count, "accumulators", others));
    }
    let count = whole(&references, "references", limbs)?;
    whole(&accumulators, "accumulators", limbs)?;
    if count == 0 {
        return Err(PyValueError::new_err("the image has no contexts"));
    }
    let first = start.address(contexts)?;
    if u64::from(contexts - first) < count {
        return Err(no_such_address(u64::from(first) + count - 1, contexts));
    }
    let copy = |ints: &Ints| {
        let mut words = room(ints.len())?;
        words.resize(ints.len(), 0);
        ints.read(0..ints.len(), &mut words);
        if limbs == 1 {
            words.iter_mut().for_each(|word| *word &= mask(width));
        }
        Ok::<_, PyErr>(words)
    };
    Ok((first, [copy(&references)?, copy(&accumulators)?]))
}

/// Room for the words of some values, each of so many limbs.
pub fn words(limbs: usize) -> PyResult<Vec<u64>> {
    let count = limbs.saturating_mul((CHUNK / limbs.max(1)).max(1));
    let mut words = room(count)?;
    words.resize(count, 0);
    Ok(words)
}

/// The number of values of `limbs` words in an array.
pub fn whole(values: &Ints, name: &str, limbs: usize) -> PyResult<u64> {
    check(values, name, values.len() / limbs, limbs)?;
    Ok((values.len() / limbs) as u64)
}

/// The XOR of all values, each of so many limbs.
pub fn fold(values: &Ints, limbs: usize) -> PyResult<Vec<u64>> {
    let mut words = words(limbs)?;
    let mut sum = room(limbs)?;
    sum.resize(limbs, 0);
    for start in (0..values.len()).step_by(words.len()) {
        let end = values.len().min(start + words.len());
        for value in values.read(start..end, &mut words).chunks_exact(limbs) {
            for (sum, limb) in sum.iter_mut().zip(value) {
                *sum ^= *limb;
            }
        }
    }
    Ok(sum)
}
