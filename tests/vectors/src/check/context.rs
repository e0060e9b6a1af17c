// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks vectors of one context: in a table, and by itself.

use atomik::{Context, ContextTable, LocalContext, Result, Value};

use super::expectation::same;
use super::{Outcome, Storage, steps};
use crate::format::{ContextCase, ContextStep, Hex};

pub fn check<S: Storage>(storage: &S, case: &ContextCase) -> Outcome {
    if !storage.has_width(case.width) {
        return Ok(false);
    }
    let text = |error: atomik::Error| error.to_string();
    on(
        case,
        &mut InTable(storage.table(1, case.width).map_err(text)?),
    )?;
    if S::PROCESS {
        let context = LocalContext::new(case.width);
        on(case, &mut context.map_err(|error| error.to_string())?)?;
    }
    if S::PROCESS && case.width == 64 {
        on(case, &mut Context::default())?;
    }
    Ok(true)
}

/// A context by itself or in a table.
trait One {
    fn load(&mut self, value: &[u64]) -> Result<()>;
    fn accum(&mut self, delta: &[u64]) -> Result<()>;
    fn rollback(&mut self, delta: &[u64]) -> Result<()>;
    fn read(&self) -> Result<Value>;
    fn swap(&mut self, new_reference: Option<&[u64]>) -> Result<Value>;
    fn merge(&mut self, other: &LocalContext) -> Result<()>;
    /// Reference, accumulator, whether it is clean, and the number of deltas where it is known.
    fn words(&self) -> Result<(Value, Value, bool, Option<u64>)>;
}

fn on(case: &ContextCase, context: &mut impl One) -> Outcome {
    steps(&case.steps, |s| step(case.width, context, s))
}

fn step(width: u32, context: &mut impl One, step: &ContextStep) -> std::result::Result<(), String> {
    let text = |error: atomik::Error| error.to_string();
    match step {
        ContextStep::Load { value } => context.load(&value.limbs()).map_err(text),
        ContextStep::Accum { delta } => context.accum(&delta.limbs()).map_err(text),
        ContextStep::Rollback { delta } => context.rollback(&delta.limbs()).map_err(text),
        ContextStep::Read { expect } => same("the state", context.read().map_err(text)?, expect),
        ContextStep::Swap {
            new_reference,
            expect,
        } => {
            let state = context.swap(new_reference.as_ref().map(Hex::limbs).as_deref());
            same("the state", state.map_err(text)?, expect)
        }
        ContextStep::Merge { reference, deltas } => {
            let mut other = LocalContext::new(width).map_err(|error| error.to_string())?;
            other.load(reference.limbs());
            deltas.iter().for_each(|delta| other.accum(delta.limbs()));
            context.merge(&other).map_err(text)
        }
        ContextStep::Words {
            reference,
            accumulator,
            is_clean,
            delta_count,
        } => {
            let words = context.words().map_err(text)?;
            same("the reference", words.0, reference)?;
            same("the accumulator", words.1, accumulator)?;
            same("is_clean", words.2, is_clean)?;
            same("delta_count", words.3.unwrap_or(*delta_count), delta_count)
        }
    }
}

impl One for LocalContext {
    fn load(&mut self, value: &[u64]) -> Result<()> {
        self.load(value);
        Ok(())
    }

    fn accum(&mut self, delta: &[u64]) -> Result<()> {
        self.accum(delta);
        Ok(())
    }

    fn rollback(&mut self, delta: &[u64]) -> Result<()> {
        self.rollback(delta);
        Ok(())
    }

    fn read(&self) -> Result<Value> {
        Ok(self.read())
    }

    fn swap(&mut self, new_reference: Option<&[u64]>) -> Result<Value> {
        Ok(match new_reference {
            Some(new_reference) => self.swap_with(new_reference),
            None => LocalContext::swap(self),
        })
    }

    fn merge(&mut self, other: &LocalContext) -> Result<()> {
        self.merge(other);
        Ok(())
    }

    fn words(&self) -> Result<(Value, Value, bool, Option<u64>)> {
        let (reference, accumulator) = (self.reference().clone(), self.accumulator());
        let deltas = Some(self.delta_count());
        Ok((reference, accumulator, self.is_clean(), deltas))
    }
}

impl One for Context {
    fn load(&mut self, value: &[u64]) -> Result<()> {
        self.load(value[0]);
        Ok(())
    }

    fn accum(&mut self, delta: &[u64]) -> Result<()> {
        self.accum(delta[0]);
        Ok(())
    }

    fn rollback(&mut self, delta: &[u64]) -> Result<()> {
        self.rollback(delta[0]);
        Ok(())
    }

    fn read(&self) -> Result<Value> {
        Ok(self.state().into())
    }

    fn swap(&mut self, new_reference: Option<&[u64]>) -> Result<Value> {
        let state = match new_reference {
            Some(new_reference) => self.swap_with(new_reference[0]),
            None => Context::swap(self),
        };
        Ok(state.into())
    }

    fn merge(&mut self, other: &LocalContext) -> Result<()> {
        let word = |value: &Value| value.limbs()[0];
        self.merge(Context {
            reference: word(other.reference()),
            accumulator: word(&other.accumulator()),
        });
        Ok(())
    }

    fn words(&self) -> Result<(Value, Value, bool, Option<u64>)> {
        let (reference, accumulator) = (self.reference.into(), self.accumulator.into());
        Ok((reference, accumulator, self.is_clean(), None))
    }
}

/// The first context of a table.
struct InTable<T>(T);

impl<T: ContextTable> One for InTable<T> {
    fn load(&mut self, value: &[u64]) -> Result<()> {
        self.0.load_value(0, value)
    }

    fn accum(&mut self, delta: &[u64]) -> Result<()> {
        self.0.accum_value(0, delta)
    }

    fn rollback(&mut self, delta: &[u64]) -> Result<()> {
        self.0.accum_value(0, delta)
    }

    fn read(&self) -> Result<Value> {
        self.0.read_value(0)
    }

    fn swap(&mut self, new_reference: Option<&[u64]>) -> Result<Value> {
        match new_reference {
            Some(new_reference) => self.0.swap_value_with(0, new_reference),
            None => self.0.swap_value(0),
        }
    }

    fn merge(&mut self, other: &LocalContext) -> Result<()> {
        self.0.accum_value(0, other.accumulator().limbs())
    }

    fn words(&self) -> Result<(Value, Value, bool, Option<u64>)> {
        let (reference, accumulator, is_clean, _) = One::words(&self.0.context(0)?)?;
        Ok((reference, accumulator, is_clean, None))
    }
}
