// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Bytes`]: the bytes of Python objects, for the fingerprints, without copying them.
//!
//! No reference is ever made to memory that others may write to, as in [`crate::ints`]: it is
//! copied through a small buffer, block by block. Python's `bytes` never change, and are read in
//! place.

use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU64};

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::ints::buffer_of;

/// The block's size: large enough that copying costs no more than reading the memory, small enough
/// for the nearest cache.
const BLOCK: usize = 8192;

/// The size from which other Python threads run meanwhile. Below it, letting them takes longer than
/// the work.
const RELEASE: usize = 2048;

/// The bytes of an object that has a buffer.
pub enum Bytes<'py> {
    /// Bytes that never change.
    Fixed(Bound<'py, PyBytes>),
    Changing(Changing),
}

/// Bytes that others may write to.
///
/// # Invariants
///
/// The buffer is contiguous: `len_bytes` bytes lie at `buf_ptr`, and stay there while it isn't
/// released.
pub struct Changing(PyUntypedBuffer);

impl<'py> Bytes<'py> {
    /// The bytes of an object. `name` is the argument's, for errors.
    pub fn of(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        Self::of_at_most(object, name, usize::MAX)
    }

    /// The same, with a limit of the length, which is checked before any byte is read.
    pub fn of_at_most(object: &Bound<'py, PyAny>, name: &str, most: usize) -> PyResult<Self> {
        let short = |length| match length {
            length if length <= most => Ok(()),
            length => Err(PyValueError::new_err(format!(
                "{name} is not to have more than {most} bytes, and has {length}"
            ))),
        };
        if let Ok(bytes) = object.cast::<PyBytes>() {
            short(bytes.as_bytes().len())?;
            return Ok(Self::Fixed(bytes.clone()));
        }
        let buffer = buffer_of(object, name, "bytes or another object with a buffer")?;
        if let Some(buffer) = buffer {
            short(buffer.len_bytes())?;
            if buffer.is_c_contiguous() {
                // INVARIANT: checked just now.
                return Ok(Self::Changing(Changing(buffer)));
            }
        }
        // A copy puts bytes with gaps in order. A single item is short.
        let bytes = PyMemoryView::from(object)?.call_method0("tobytes")?;
        Ok(Self::Fixed(bytes.cast_into()?))
    }

    /// All bytes in one piece: a copy where they may change, so for short ones.
    pub fn whole(&self, py: Python<'_>) -> Cow<'_, [u8]> {
        match self {
            Self::Fixed(bytes) => bytes.as_bytes().into(),
            Self::Changing(_) => {
                let mut all = Vec::with_capacity(self.len());
                self.pieces(py, 1, |piece| all.extend(piece));
                all.into()
            }
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Fixed(bytes) => bytes.as_bytes().len(),
            Self::Changing(changing) => changing.0.len_bytes(),
        }
    }

    /// Calls `f` with the bytes from the first to the last, in pieces. All pieces but the last are
    /// a multiple of `unit` bytes.
    pub fn pieces(&self, py: Python<'_>, unit: usize, f: impl FnMut(&[u8]) + Send) {
        let release = self.len() >= RELEASE;
        match self {
            Self::Fixed(bytes) => either(py, release, bytes.as_bytes(), f),
            Self::Changing(changing) => either(py, release, changing, move |changing| {
                changing.pieces(unit, f);
            }),
        }
    }
}

/// Calls `f`, with or without the interpreter.
fn either<T: Sync + ?Sized>(py: Python<'_>, release: bool, with: &T, f: impl FnOnce(&T) + Send) {
    if release {
        py.detach(|| f(with));
    } else {
        f(with);
    }
}

impl Changing {
    fn pieces(&self, unit: usize, mut f: impl FnMut(&[u8])) {
        let all = self.0.len_bytes();
        let size = unit.max(1) * (BLOCK / unit.max(1)).max(1);
        let mut block = vec![0; size.min(all)];
        for start in (0..all).step_by(size) {
            let block = &mut block[..size.min(all - start)];
            self.read(start, block);
            f(block);
        }
    }

    /// Copies bytes out, from the index `start` on.
    fn read(&self, start: usize, out: &mut [u8]) {
        let end = start.checked_add(out.len());
        assert!(end.is_some_and(|end| end <= self.0.len_bytes()));
        let from = self
            .0
            .buf_ptr()
            .cast::<u8>()
            .wrapping_add(start)
            .cast_const();
        // Bytes up to the first whole word, then words, then the remaining bytes.
        let head = from.align_offset(align_of::<AtomicU64>()).min(out.len());
        let (out_head, out) = out.split_at_mut(head);
        let (out_words, out_tail) = out.split_at_mut(out.len() / 8 * 8);
        let words = from.wrapping_add(head);
        let tail = words.wrapping_add(out_words.len());
        for (from, out_bytes) in [(from, out_head), (tail, out_tail)] {
            for (number, out) in out_bytes.iter_mut().enumerate() {
                // SAFETY: one of the bytes that `start` and the length, which were checked, choose
                // of those that are there by the invariants. It may be read-only: a relaxed load of
                // a size that the processor has doesn't write.
                *out = unsafe { &*from.wrapping_add(number).cast::<AtomicU8>() }.load(Relaxed);
            }
        }
        for (number, out) in out_words.chunks_exact_mut(8).enumerate() {
            // SAFETY: as above, 8 bytes; the first of all is aligned, so each is.
            let word = unsafe { &*words.cast::<AtomicU64>().wrapping_add(number) };
            out.copy_from_slice(&word.load(Relaxed).to_ne_bytes());
        }
    }
}
