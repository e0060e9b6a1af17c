// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Ints`]: many integers in the memory of a Python object, without a Python object for each. The
//! crate's root lists the other files with `unsafe`.
//!
//! Others may write to the memory meanwhile: Python's other threads, once the interpreter is
//! released, and extensions such as numpy at any time. So there is never a reference to it: each
//! item is read or written once, by relaxed atomic accesses. A result may then mix old and new
//! values, but nothing worse happens.

use std::ffi::CStr;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
};

use pyo3::buffer::{ElementType, PyUntypedBuffer};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PySequence, PyString};

use crate::errors::type_name;

/// The number of items that are copied out at once: enough to hide the cost of the checks, few
/// enough for the nearest cache.
pub const CHUNK: usize = 512;

/// A buffer of integers of 1, 2, 4 or 8 bytes, in any byte order and with any gaps between them.
///
/// # Invariants
///
/// `count` items of `size` bytes lie at `buffer.buf_ptr()`, `stride` bytes from one to the next.
/// The memory stays there until the buffer is released, as the buffer protocol promises.
pub struct Ints {
    buffer: PyUntypedBuffer,
    count: usize,
    stride: isize,
    size: Size,
    signed: bool,
    /// True for the byte order that isn't the processor's.
    swapped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    One,
    Two,
    Four,
    Eight,
}

impl Ints {
    /// The integers of an object that has a buffer. `name` is the argument's, for errors.
    pub fn of(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        let buffer = buffer_of(object, name, "a buffer, an array or a list of integers")?;
        let buffer = buffer.ok_or_else(|| {
            PyTypeError::new_err(format!(
                "{name} must be an array, and is a single item: it has no dimensions"
            ))
        })?;
        let format = buffer.format();
        let signed = match ElementType::from_format(format) {
            ElementType::UnsignedInteger { .. } if !format.to_bytes().ends_with(b"c") => false,
            ElementType::SignedInteger { .. } => true,
            _ => return Err(wrong_items(name, format)),
        };
        // The format may say another size: ctypes says that a long has 4 bytes.
        let bytes = buffer.item_size();
        let size = match bytes {
            1 => Size::One,
            2 => Size::Two,
            4 => Size::Four,
            8 => Size::Eight,
            _ => return Err(wrong_items(name, format)),
        };
        let swapped = match format.to_bytes().first() {
            Some(b'<') => cfg!(target_endian = "big"),
            Some(b'>' | b'!') => cfg!(target_endian = "little"),
            _ => false,
        };
        let (count, stride) = match buffer.dimensions() {
            // One dimension may have gaps, and go backwards.
            1 if buffer.suboffsets().is_none() => (buffer.shape()[0], buffer.strides()[0]),
            _ if buffer.is_c_contiguous() => (buffer.item_count(), bytes as isize),
            dimensions => {
                return Err(PyValueError::new_err(format!(
                    "{name} has {dimensions} dimensions and gaps: make a contiguous copy"
                )));
            }
        };
        // INVARIANT: shape, strides and item size are the exporter's own, for memory that it keeps
        // there.
        Ok(Self {
            buffer,
            count,
            stride,
            size,
            signed,
            swapped,
        })
    }

    /// The same, for writing.
    pub fn writable(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        let ints = Self::of(object, name)?;
        if ints.buffer.readonly() {
            return Err(PyValueError::new_err(format!("{name} is read-only")));
        }
        Ok(ints)
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// True if the integers may be negative.
    pub fn signed(&self) -> bool {
        self.signed
    }

    /// The number of bits of an item.
    pub fn item_bits(&self) -> u32 {
        match self.size {
            Size::One => 8,
            Size::Two => 16,
            Size::Four => 32,
            Size::Eight => 64,
        }
    }

    /// The items' indices, in ranges of at most [`CHUNK`].
    pub fn chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let count = self.count;
        (0..count)
            .step_by(CHUNK)
            .map(move |start| start..count.min(start.saturating_add(CHUNK)))
    }

    /// Reads items into the beginning of `out`, which is long enough, and returns that. Signed ones
    /// are sign-extended.
    pub fn read<'o>(&self, range: Range<usize>, out: &'o mut [u64]) -> &'o mut [u64] {
        match (self.size, self.signed) {
            (Size::One, false) => self.read_as::<u8>(range, out),
            (Size::One, true) => self.read_as::<i8>(range, out),
            (Size::Two, false) => self.read_as::<u16>(range, out),
            (Size::Two, true) => self.read_as::<i16>(range, out),
            (Size::Four, false) => self.read_as::<u32>(range, out),
            (Size::Four, true) => self.read_as::<i32>(range, out),
            (Size::Eight, _) => self.read_as::<u64>(range, out),
        }
    }

    /// Writes the lowest bits of items, from the index `start` on.
    pub fn write(&self, start: usize, values: &[u64]) {
        match self.size {
            Size::One => self.write_as::<u8>(start, values),
            Size::Two => self.write_as::<u16>(start, values),
            Size::Four => self.write_as::<u32>(start, values),
            Size::Eight => self.write_as::<u64>(start, values),
        }
    }

    fn read_as<'o, T: Item>(&self, range: Range<usize>, out: &'o mut [u64]) -> &'o mut [u64] {
        let out = &mut out[..range.len()];
        for (number, value) in range.zip(out.iter_mut()) {
            let item = self.item::<T>(number);
            // SAFETY: `item` checked the number and the size, so by the invariants it points to an
            // item.
            let item = unsafe { T::load(item) };
            *value = if self.swapped { item.swapped() } else { item }.widened();
        }
        out
    }

    fn write_as<T: Item>(&self, start: usize, values: &[u64]) {
        assert!(!self.buffer.readonly());
        for (number, &value) in (start..).zip(values) {
            let value = T::narrowed(value);
            let value = if self.swapped { value.swapped() } else { value };
            // SAFETY: as above, and the buffer isn't read-only.
            unsafe { value.store(self.item::<T>(number)) };
        }
    }

    /// The address of the item with this index.
    fn item<T: Item>(&self, number: usize) -> *mut T {
        assert!(number < self.count && size_of::<T>() == self.item_bits() as usize / 8);
        let offset = (number as isize).wrapping_mul(self.stride);
        self.buffer
            .buf_ptr()
            .cast::<u8>()
            .wrapping_offset(offset)
            .cast()
    }
}

/// A type of integers.
trait Item: Copy {
    /// Reads an integer that others may write meanwhile.
    ///
    /// # Safety
    ///
    /// So many bytes lie at `at`, which need not be aligned and may be read-only.
    unsafe fn load(at: *const Self) -> Self;

    /// Writes an integer that others may access meanwhile.
    ///
    /// # Safety
    ///
    /// So many bytes lie at `at`, which need not be aligned; they may be written.
    unsafe fn store(self, at: *mut Self);

    fn swapped(self) -> Self;

    fn widened(self) -> u64;

    fn narrowed(value: u64) -> Self;
}

macro_rules! items {
    ($($integer:ty: $atomic:ty),*) => {$(
        impl Item for $integer {
            #[inline]
            unsafe fn load(at: *const Self) -> Self {
                if at.is_aligned() {
                    // SAFETY: aligned, and there by the contract. It may be read-only, as relaxed
                    // loads of the processor's own sizes don't write.
                    return unsafe { &*at.cast::<$atomic>() }.load(Relaxed);
                }
                Self::from_ne_bytes(std::array::from_fn(|byte| {
                    // SAFETY: one of the bytes that are there by the contract, and a byte is always
                    // aligned.
                    unsafe { &*at.cast::<AtomicU8>().add(byte) }.load(Relaxed)
                }))
            }

            #[inline]
            unsafe fn store(self, at: *mut Self) {
                if at.is_aligned() {
                    // SAFETY: aligned, and there and writable by the contract.
                    return unsafe { &*at.cast::<$atomic>() }.store(self, Relaxed);
                }
                for (byte, value) in self.to_ne_bytes().into_iter().enumerate() {
                    // SAFETY: one of the bytes that are there and writable by the contract.
                    unsafe { &*at.cast::<AtomicU8>().add(byte) }.store(value, Relaxed);
                }
            }

            fn swapped(self) -> Self {
                self.swap_bytes()
            }

            fn widened(self) -> u64 {
                self as u64
            }

            fn narrowed(value: u64) -> Self {
                value as Self
            }
        }
    )*};
}

items!(
    u8: AtomicU8, i8: AtomicI8, u16: AtomicU16, i16: AtomicI16, u32: AtomicU32, i32: AtomicI32,
    u64: AtomicU64
);

/// The object as a sequence of Python's integers, such as a list or a range, where it has no buffer
/// of them.
pub fn sequence_of<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, PySequence>> {
    match PyUntypedBuffer::get(object) {
        Err(error) if error.is_instance_of::<PyTypeError>(object.py()) => {}
        _ => return None,
    }
    if object.is_instance_of::<PyString>() {
        return None;
    }
    object.cast::<PySequence>().ok()
}

/// The buffer of an object, or None for a single item without dimensions. Errors name the argument,
/// `name`, and the wanted `kind`.
pub fn buffer_of(
    object: &Bound<'_, PyAny>,
    name: &str,
    kind: &str,
) -> PyResult<Option<PyUntypedBuffer>> {
    let py = object.py();
    PyUntypedBuffer::get(object).map(Some).or_else(|error| {
        if error.is_instance_of::<PyTypeError>(py) {
            let found = type_name(object);
            return Err(PyTypeError::new_err(format!(
                "{name} must be {kind}, not {found}"
            )));
        }
        if !error.is_instance_of::<PyBufferError>(py) {
            return Err(error);
        }
        // Buffers of ctypes have no strides. A memoryview adds them.
        let view = PyMemoryView::from(object)?;
        if view.getattr("ndim")?.eq(0)? {
            return Ok(None);
        }
        PyUntypedBuffer::get(view.as_any()).map(Some)
    })
}

fn wrong_items(name: &str, format: &CStr) -> PyErr {
    PyTypeError::new_err(format!(
        "{name} must have integers of 1, 2, 4 or 8 bytes, and its items have the format {:?}",
        format.to_string_lossy()
    ))
}
