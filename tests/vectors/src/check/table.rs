// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks vectors of tables and batches.

use std::fmt::Display;

use atomik::{Batch, ContextTable, Error, LocalTable, Result, Value};

use super::expectation::{done, returned, same};
use super::own_methods::OwnMethods;
use super::{Outcome, Storage, steps};
use crate::format::{Canceled, Entry, ErrorKind, Hex, TableCase, TableStep};

/// The methods of a table that are used: those of words, or those of values of any width.
#[derive(Clone, Copy, PartialEq)]
enum Methods {
    Words,
    Values,
}

pub fn check<S: Storage>(storage: &S, case: &TableCase) -> Outcome {
    if !storage.has_width(case.width) {
        return Ok(false);
    }
    for methods in [Methods::Words, Methods::Values] {
        if methods == Methods::Words && case.width > 64 {
            continue;
        }
        let mut table = (storage.table(case.contexts, case.width)).map_err(|e| e.to_string())?;
        steps(&case.steps, |step| checked(&mut table, methods, step))?;
    }
    if S::PROCESS && case.width <= 64 {
        let table = LocalTable::with_width(case.contexts, case.width);
        let mut table = OwnMethods(table.map_err(|error| error.to_string())?);
        steps(&case.steps, |step| {
            checked(&mut table, Methods::Words, step)
        })?;
    }
    Ok(true)
}

/// Does a step, and checks that one that failed has changed nothing.
fn checked(
    table: &mut impl ContextTable,
    methods: Methods,
    step: &TableStep,
) -> std::result::Result<(), String> {
    let fails = fails(step);
    let before = if fails { image(table)? } else { vec![] };
    do_step(table, methods, step)?;
    if fails && image(table)? != before {
        return Err("it failed, and has changed something".into());
    }
    Ok(())
}

fn fails(step: &TableStep) -> bool {
    match step {
        TableStep::Batch {
            canceled: Some(_), ..
        } => true,
        TableStep::Load { error, .. }
        | TableStep::Accum { error, .. }
        | TableStep::Read { error, .. }
        | TableStep::Swap { error, .. }
        | TableStep::Set { error, .. }
        | TableStep::CompareExchange { error, .. }
        | TableStep::AccumMany { error, .. }
        | TableStep::Batch { error, .. } => error.is_some(),
        TableStep::Snapshot { .. } | TableStep::Words { .. } => false,
    }
}

/// Both words of each context.
fn image(table: &impl ContextTable) -> std::result::Result<Vec<(Value, Value)>, String> {
    let words = |addr| {
        let context = table.context(addr)?;
        Ok((context.read(), context.reference().clone()))
    };
    let size = table.size().map_err(|error| error.to_string())?;
    let all: Result<Vec<_>> = (0..size).map(words).collect();
    all.map_err(|error| error.to_string())
}

fn do_step(
    table: &mut impl ContextTable,
    methods: Methods,
    step: &TableStep,
) -> std::result::Result<(), String> {
    let (width, words) = (table.width(), methods == Methods::Words);
    let value = |state: Result<u64>| Ok(Value::new(width, state?)?);
    match step {
        TableStep::Load { addr, value, error } => done(
            match words {
                true => table.load(*addr, value.low()),
                false => table.load_value(*addr, &value.limbs()),
            },
            *error,
        ),
        TableStep::Accum { addr, delta, error } => done(
            match words {
                true => table.accum(*addr, delta.low()),
                false => table.accum_value(*addr, &delta.limbs()),
            },
            *error,
        ),
        TableStep::Read {
            addr,
            expect,
            error,
        } => {
            let state = match words {
                true => value(table.read(*addr)),
                false => table.read_value(*addr),
            };
            returned(state, expect.as_ref(), *error)
        }
        TableStep::Swap {
            addr,
            new_reference,
            expect,
            error,
        } => {
            let state = match (words, new_reference) {
                (true, Some(reference)) => value(table.swap_with(*addr, reference.low())),
                (true, None) => value(table.swap(*addr)),
                (false, Some(reference)) => table.swap_value_with(*addr, &reference.limbs()),
                (false, None) => table.swap_value(*addr),
            };
            returned(state, expect.as_ref(), *error)
        }
        TableStep::Set { addr, value, error } => done(
            match words {
                true => table.set(*addr, value.low()),
                false => table.set_value(*addr, &value.limbs()),
            },
            *error,
        ),
        TableStep::CompareExchange {
            addr,
            current,
            new,
            expect,
            error,
        } => {
            let state = match words {
                true => (table.compare_exchange(*addr, current.low(), new.low()))
                    .map(|compared| compared.map(Value::from).map_err(Value::from)),
                false => table.compare_exchange_value(*addr, &current.limbs(), &new.limbs()),
            };
            let shown = |exchanged, state: &dyn Display| match exchanged {
                true => format!("{state}, exchanged"),
                false => format!("{state}, not exchanged"),
            };
            let state = state.map(|compared| shown(compared.is_ok(), &merge(compared)));
            let expect = (expect.as_ref()).map(|expect| shown(expect.exchanged, &expect.state));
            returned(state, expect, *error)
        }
        TableStep::AccumMany {
            addrs,
            deltas,
            error,
        } => {
            let deltas: Vec<u64> = deltas
                .iter()
                .flat_map(|d| d.limbs_of_width(width))
                .collect();
            done(table.accum_many(addrs, &deltas), *error)
        }
        TableStep::Snapshot { expect } => {
            let states = table.nonzero().map_err(|error| error.to_string())?;
            same_states(&states, expect)
        }
        TableStep::Words {
            addr,
            reference,
            accumulator,
        } => {
            let context = table.context(*addr).map_err(|error| error.to_string())?;
            same("the reference", context.reference(), reference)?;
            same("the accumulator", context.accumulator(), accumulator)
        }
        TableStep::Batch {
            entries,
            error,
            canceled,
        } => batch(table, entries, *error, canceled.as_ref()),
    }
}

/// The state of either.
fn merge(compared: std::result::Result<Value, Value>) -> Value {
    compared.unwrap_or_else(|found| found)
}

/// Compares states by address.
pub fn same_states(
    found: &[(u32, Value)],
    expected: &[(u32, Hex)],
) -> std::result::Result<(), String> {
    let list = |pairs: &mut dyn Iterator<Item = (u32, String)>| {
        let pairs: Vec<_> = pairs
            .map(|(addr, state)| format!("{addr}: {state}"))
            .collect();
        pairs.join(", ")
    };
    same(
        "the list of states",
        list(&mut found.iter().map(|(addr, state)| (*addr, state.to_string()))),
        list(
            &mut expected
                .iter()
                .map(|(addr, state)| (*addr, state.to_string())),
        ),
    )
}

fn batch(
    table: &mut impl ContextTable,
    entries: &[Entry],
    error: Option<ErrorKind>,
    canceled: Option<&Canceled>,
) -> std::result::Result<(), String> {
    let mut batch = Batch::new();
    let mut expected = vec![];
    for entry in entries {
        match entry {
            Entry::Load { addr, value } => {
                batch.load(*addr, value.low());
            }
            Entry::Accum { addr, delta } => {
                batch.accum(*addr, delta.low());
            }
            Entry::Read { addr, expect } => expected.push((batch.read(*addr), expect)),
            Entry::Swap { addr, expect } => expected.push((batch.swap(*addr), expect)),
            Entry::Expect { addr, value } => {
                batch.expect(*addr, value.low());
            }
            Entry::Set { addr, value } => {
                batch.set(*addr, value.low());
            }
        }
    }
    if let Some(canceled) = canceled {
        if error.is_some() {
            return Err("the step expects an error, and to be canceled".into());
        }
        // The batch is as before, so that it may be run again.
        for _ in 0..2 {
            same_canceled(table.run(&mut batch).map(drop), entries, canceled)?;
        }
        if expected.is_empty() {
            same_canceled(table.submit(&batch), entries, canceled)?;
        }
        return Ok(());
    }
    if error.is_some() {
        // A batch that returns nothing may also be submitted, which writes nothing to it.
        if expected.is_empty() {
            done(table.submit(&batch), error)?;
        }
        return done(table.run(&mut batch), error);
    }
    if expected.is_empty() {
        return done(table.submit(&batch), None);
    }
    let width = table.width();
    let results = table.run(&mut batch).map_err(|error| error.to_string())?;
    for (handle, expect) in expected {
        let state = results
            .get(handle)
            .and_then(|state| Ok(Value::new(width, state)?));
        returned(state, expect.as_ref(), None)?;
    }
    Ok(())
}

/// Compares the end of a batch with the condition that must have canceled it.
fn same_canceled(
    result: Result<()>,
    entries: &[Entry],
    canceled: &Canceled,
) -> std::result::Result<(), String> {
    match result {
        Ok(()) => Err("the batch was done, and must be canceled".into()),
        Err(Error::Canceled {
            entry, addr, found, ..
        }) => {
            same("the entry", entry, canceled.entry)?;
            same("the state found", Value::from(found), &canceled.found)?;
            match entries.get(entry) {
                Some(Entry::Expect { addr: of, .. }) => same("its address", addr, of),
                _ => Err("the entry is no condition".into()),
            }
        }
        Err(other) => Err(other.to_string()),
    }
}
