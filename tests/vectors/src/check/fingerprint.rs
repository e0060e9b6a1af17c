// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks vectors of fingerprints: the types of the process, and their values in a context of a
//! table.

use atomik::{ContextTable, Fingerprint, OrderedFingerprint, Result, Value};

use super::expectation::{done, same};
use super::{Outcome, Storage, steps};
use crate::format::{FingerprintCase, FingerprintStep};

pub fn check<S: Storage>(storage: &S, case: &FingerprintCase) -> Outcome {
    both(storage, case, || Ok(Fingerprint::with_width(case.width)?))
}

pub fn check_ordered<S: Storage>(storage: &S, case: &FingerprintCase) -> Outcome {
    both(storage, case, || Ok(OrderedFingerprint::new()))
}

fn both<S: Storage, F: Print>(
    storage: &S,
    case: &FingerprintCase,
    new: impl Fn() -> Result<F>,
) -> Outcome {
    if !storage.has_width(case.width) {
        return Ok(false);
    }
    let text = |error: atomik::Error| error.to_string();
    if S::PROCESS {
        let mut print = new().map_err(text)?;
        steps(&case.steps, |s| step(&mut print, s))?;
    }
    let mut print = InTable {
        print: new().map_err(text)?,
        table: storage.table(1, case.width).map_err(text)?,
    };
    steps(&case.steps, |s| step(&mut print, s))
}

fn step(print: &mut impl Print, step: &FingerprintStep) -> std::result::Result<(), String> {
    let text = |error: atomik::Error| error.to_string();
    match step {
        FingerprintStep::Load { data, expect } => same(
            "the fingerprint",
            print.load(&data.0).map_err(text)?,
            expect,
        ),
        FingerprintStep::Update { data, expect } => same(
            "the fingerprint",
            print.update(&data.0).map_err(text)?,
            expect,
        ),
        FingerprintStep::AccumulateDelta {
            offset,
            old,
            new,
            error,
        } => {
            let before = print.words().map_err(text)?;
            done(print.accumulate_delta(*offset, &old.0, &new.0), *error)?;
            if error.is_some() && print.words().map_err(text)? != before {
                return Err("it failed, and has changed something".into());
            }
            Ok(())
        }
        FingerprintStep::Reset {} => print.reset().map_err(text),
        FingerprintStep::Words {
            value,
            delta,
            changed,
        } => {
            let words = print.words().map_err(text)?;
            same("the value", words.0, value)?;
            same("the delta", words.1, delta)?;
            same("changed", words.2, changed)
        }
    }
}

/// A fingerprint of either kind.
trait Print {
    fn load(&mut self, data: &[u8]) -> Result<Value>;
    fn update(&mut self, data: &[u8]) -> Result<Value>;
    fn accumulate_delta(&mut self, offset: Option<u64>, old: &[u8], new: &[u8]) -> Result<()>;
    fn reset(&mut self) -> Result<()>;
    /// Value, delta, and whether it has changed.
    fn words(&self) -> Result<(Value, Value, bool)>;
}

impl Print for Fingerprint {
    fn load(&mut self, data: &[u8]) -> Result<Value> {
        Ok(self.load(data))
    }

    fn update(&mut self, data: &[u8]) -> Result<Value> {
        Ok(self.update(data))
    }

    fn accumulate_delta(&mut self, _: Option<u64>, old: &[u8], new: &[u8]) -> Result<()> {
        self.accumulate_delta(old, new);
        Ok(())
    }

    fn reset(&mut self) -> Result<()> {
        self.reset();
        Ok(())
    }

    fn words(&self) -> Result<(Value, Value, bool)> {
        Ok((self.value(), self.delta(), self.changed()))
    }
}

impl Print for OrderedFingerprint {
    fn load(&mut self, data: &[u8]) -> Result<Value> {
        Ok(self.load(data).into())
    }

    fn update(&mut self, data: &[u8]) -> Result<Value> {
        Ok(self.update(data).into())
    }

    fn accumulate_delta(&mut self, offset: Option<u64>, old: &[u8], new: &[u8]) -> Result<()> {
        Ok(self.accumulate_delta(offset.unwrap_or(0), old, new)?)
    }

    fn reset(&mut self) -> Result<()> {
        self.reset();
        Ok(())
    }

    fn words(&self) -> Result<(Value, Value, bool)> {
        Ok((self.value().into(), self.delta().into(), self.changed()))
    }
}

/// A fingerprint whose value is kept in the first context of a table, by the deltas of another.
struct InTable<F, T> {
    print: F,
    table: T,
}

impl<F: Print, T: ContextTable> InTable<F, T> {
    /// Does something that changes the fingerprint, and takes the change into the table.
    fn changing<R>(&mut self, f: impl FnOnce(&mut F) -> Result<R>) -> Result<R> {
        let before = self.print.words()?.0;
        let result = f(&mut self.print)?;
        let after = self.print.words()?.0;
        self.table.accum_value(0, before.limbs())?;
        self.table.accum_value(0, after.limbs())?;
        Ok(result)
    }
}

impl<F: Print, T: ContextTable> Print for InTable<F, T> {
    fn load(&mut self, data: &[u8]) -> Result<Value> {
        let value = self.print.load(data)?;
        self.table.load_value(0, value.limbs())?;
        Ok(value)
    }

    fn update(&mut self, data: &[u8]) -> Result<Value> {
        self.changing(|print| print.update(data))
    }

    fn accumulate_delta(&mut self, offset: Option<u64>, old: &[u8], new: &[u8]) -> Result<()> {
        self.changing(|print| print.accumulate_delta(offset, old, new))
    }

    fn reset(&mut self) -> Result<()> {
        self.print.reset()?;
        self.table.swap_value(0).map(drop)
    }

    fn words(&self) -> Result<(Value, Value, bool)> {
        let context = self.table.context(0)?;
        Ok((context.read(), context.accumulator(), !context.is_clean()))
    }
}
