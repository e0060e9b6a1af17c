// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Operations`]: the arguments of `batch`, and the pairs of `batch_accum`.

use atomik::{Batch, MAX_BATCH};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::convert::{address, word};
use crate::errors::{shown, type_name};

/// Operations as a batch, all of them checked.
pub struct Operations {
    pub batch: Batch,
    /// The effect of each on its context.
    pub effects: Vec<Effect>,
}

/// The effect of an operation on a context.
pub struct Effect {
    pub addr: u32,
    /// The new number of deltas; None for one more.
    pub count: Option<u64>,
    /// False where the state stays.
    pub changes: bool,
}

impl Operations {
    /// The operations on a table of so many contexts of so many bits.
    pub fn of(operations: &Bound<'_, PyAny>, contexts: u32, width: u32) -> PyResult<Self> {
        if width > u64::BITS {
            return Err(PyValueError::new_err(format!(
                "batch is for widths up to 64 bits, and the table has {width}"
            )));
        }
        let mut all = Self {
            batch: Batch::new(),
            effects: Vec::new(),
        };
        for operation in operations.try_iter()? {
            // An iterator may have no end.
            if all.batch.len() == MAX_BATCH as usize {
                return Err(PyValueError::new_err(format!(
                    "the batch has {} entries or more, and {MAX_BATCH} is the most; run it as \
                     several batches",
                    MAX_BATCH + 1
                )));
            }
            all.add(&operation?, contexts, width)?;
        }
        if all.batch.is_empty() {
            return Err(PyValueError::new_err("the batch is empty"));
        }
        Ok(all)
    }

    fn add(&mut self, operation: &Bound<'_, PyAny>, contexts: u32, width: u32) -> PyResult<()> {
        let tuple = operation.cast::<PyTuple>().map_err(|_| {
            PyTypeError::new_err(format!(
                "an operation is a tuple, not {}",
                type_name(operation)
            ))
        })?;
        let name = match tuple.get_item(0) {
            Ok(name) => name.cast_into::<PyString>().ok(),
            Err(_) => None,
        };
        let name = name.as_ref().map(|name| name.to_str()).transpose()?;
        let (Some(name), Ok(addr)) = (name, tuple.get_item(1)) else {
            return Err(unknown(operation));
        };
        let addr = address(&addr, contexts)?;
        match (name, tuple.len()) {
            ("load", 3) => {
                let value = word(&tuple.get_item(2)?, width, "value")?;
                self.batch.load(addr, value);
                self.affect(addr, Some(0), true);
            }
            ("accum", 3) => {
                let delta = word(&tuple.get_item(2)?, width, "delta")?;
                self.batch.accum(addr, delta);
                self.affect(addr, None, delta != 0);
            }
            ("expect", 3) => {
                let state = word(&tuple.get_item(2)?, width, "state")?;
                self.batch.expect(addr, state);
            }
            ("set", 3) => {
                let state = word(&tuple.get_item(2)?, width, "state")?;
                self.batch.set(addr, state);
                self.affect(addr, None, true);
            }
            ("read", 2) => {
                self.batch.read(addr);
            }
            ("swap", 2) => {
                self.batch.swap(addr);
                self.affect(addr, Some(0), false);
            }
            _ => return Err(unknown(operation)),
        }
        Ok(())
    }

    fn affect(&mut self, addr: u32, count: Option<u64>, changes: bool) {
        self.effects.push(Effect {
            addr,
            count,
            changes,
        });
    }
}

fn unknown(operation: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!(
        "an operation is (\"load\", addr, value), (\"accum\", addr, delta), (\"read\", addr), \
         (\"swap\", addr), (\"expect\", addr, state) or (\"set\", addr, state), not {}",
        shown(operation)
    ))
}

/// The results of `f` for the keys and values of a mapping.
pub fn pairs<T>(
    mapping: &Bound<'_, PyAny>,
    f: impl Fn(&Bound<'_, PyAny>, &Bound<'_, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let items = mapping.getattr_opt("items")?.ok_or_else(|| {
        PyTypeError::new_err(format!(
            "deltas must be a mapping of addresses to deltas, not {}",
            type_name(mapping)
        ))
    })?;
    let items = items.call0()?;
    let pair = |item: PyResult<Bound<'_, PyAny>>| {
        let (addr, delta) = item?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        f(&addr, &delta)
    };
    items.try_iter()?.map(pair).collect()
}
