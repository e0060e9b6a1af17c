// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Case`] and [`Step`]: vectors as C calls.

use atomik_vectors::format::{
    Bytes, Canceled, Compared, ContextCase, ContextStep, Entry, ErrorCase, ErrorKind, File,
    FingerprintCase, FingerprintStep, Hex, Make, TableCase, TableStep,
};

/// The widest contexts of the header.
const WIDEST: u32 = 64;
/// Stands in place of a step that can't be written in C, and does nothing.
const LEFT_OUT: &str = "LEFT_OUT";

/// A case, which begins with a step that makes its object.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub steps: Vec<Step>,
}

impl Case {
    /// The number of steps that can't be written in C.
    pub fn left_out(&self) -> usize {
        let left_out = self.steps.iter().filter(|step| step.op == LEFT_OUT);
        left_out.count()
    }
}

/// `struct step` of `programs/vectors.h`, which describes its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub op: &'static str,
    pub error: &'static str,
    pub addr: u64,
    pub value: u64,
    pub expect: u64,
    pub expect_delta: u64,
    pub changed: bool,
    pub numbers: Vec<u64>,
    pub count: usize,
    pub data: Vec<u8>,
    pub old: Vec<u8>,
}

/// The cases of a file. None stands for one that the header can't do.
pub fn cases(file: &File) -> Result<Vec<Option<Case>>, String> {
    match file {
        File::Context(body) => body.cases.iter().map(context).collect(),
        File::Table(body) | File::Batch(body) => body.cases.iter().map(table).collect(),
        File::Fingerprint(body) => body.cases.iter().map(fingerprint).collect(),
        File::OrderedFingerprint(body) => body.cases.iter().map(ordered).collect(),
        File::Errors(body) => Ok(body.cases.iter().map(making).collect()),
        // The header has no streams.
        File::Stream(body) => Ok(vec![None; body.cases.len()]),
        File::Message(body) => Ok(vec![None; body.cases.len()]),
        File::Packet(body) => Ok(vec![None; body.cases.len()]),
        File::State(body) => Ok(vec![None; body.cases.len()]),
    }
}

/// A step that succeeds and whose other fields are 0.
fn step(op: &'static str) -> Step {
    Step {
        op,
        error: "ATOMIK_OK",
        ..Step::default()
    }
}

impl Step {
    fn addr(self, addr: impl Into<u64>) -> Self {
        let addr = addr.into();
        Self { addr, ..self }
    }

    /// The lowest 64 bits of a value, which are all that C can hand in.
    fn value(self, value: &Hex) -> Self {
        let value = value.low();
        Self { value, ..self }
    }

    /// Ends with an error, if there is one.
    fn fails(self, error: Option<ErrorKind>) -> Self {
        match error {
            Some(_) => self.ends("ATOMIK_EINVAL"),
            None => self,
        }
    }

    fn ends(self, error: &'static str) -> Self {
        Self { error, ..self }
    }

    fn expect(self, value: &Hex) -> Result<Self, String> {
        let expect = word(value)?;
        Ok(Self { expect, ..self })
    }

    /// The state that it returns, or the error.
    fn returns(self, value: Option<&Hex>, error: Option<ErrorKind>) -> Result<Self, String> {
        let expect = state(value, error.is_some())?;
        Ok(Self { expect, ..self }.fails(error))
    }

    fn words(first: &Hex, second: &Hex, changed: bool) -> Result<Self, String> {
        let expect_delta = word(second)?;
        let words = step("WORDS").expect(first)?;
        Ok(Self {
            expect_delta,
            changed,
            ..words
        })
    }

    fn numbers(self, numbers: Vec<u64>, count: usize) -> Self {
        Self {
            numbers,
            count,
            ..self
        }
    }

    fn data(self, data: &Bytes) -> Self {
        let data = data.0.clone();
        Self { data, ..self }
    }
}

fn case<S>(
    name: &str,
    make: Step,
    steps: &[S],
    step: impl Fn(&S) -> Result<Step, String>,
) -> Result<Option<Case>, String> {
    let mut all = vec![make];
    for (i, s) in steps.iter().enumerate() {
        all.push(step(s).map_err(|wrong| format!("{name}, step {i}: {wrong}"))?);
    }
    Ok(Some(Case {
        name: name.into(),
        steps: all,
    }))
}

fn make(op: &'static str, width: u32, contexts: u32) -> Step {
    Step {
        value: width.into(),
        ..step(op).addr(contexts)
    }
}

fn context(of: &ContextCase) -> Result<Option<Case>, String> {
    if of.width > WIDEST {
        return Ok(None);
    }
    let make = make("MAKE_CONTEXT", of.width, 1);
    case(&of.name, make, &of.steps, |s| match s {
        ContextStep::Load { value } => Ok(step("LOAD").value(value)),
        ContextStep::Accum { delta } => Ok(step("ACCUM").value(delta)),
        ContextStep::Rollback { delta } => Ok(step("ROLLBACK").value(delta)),
        ContextStep::Read { expect } => step("READ").expect(expect),
        ContextStep::Swap {
            new_reference,
            expect,
        } => swap(new_reference.as_ref()).expect(expect),
        ContextStep::Merge { reference, deltas } => {
            let low = deltas.iter().map(Hex::low).collect();
            Ok(step("MERGE").value(reference).numbers(low, deltas.len()))
        }
        // A context in C doesn't count its deltas.
        ContextStep::Words {
            reference,
            accumulator,
            is_clean,
            delta_count: _,
        } => Step::words(reference, accumulator, !is_clean),
    })
}

fn table(of: &TableCase) -> Result<Option<Case>, String> {
    if of.width > WIDEST {
        return Ok(None);
    }
    let make = make("MAKE_TABLE", of.width, of.contexts);
    case(&of.name, make, &of.steps, |s| match s {
        TableStep::Load { addr, value, error } => {
            Ok(step("LOAD").addr(*addr).value(value).fails(*error))
        }
        TableStep::Accum { addr, delta, error } => {
            Ok(step("ACCUM").addr(*addr).value(delta).fails(*error))
        }
        TableStep::Read {
            addr,
            expect,
            error,
        } => (step("READ").addr(*addr)).returns(expect.as_ref(), *error),
        TableStep::Swap {
            addr,
            new_reference,
            expect,
            error,
        } => (swap(new_reference.as_ref()).addr(*addr)).returns(expect.as_ref(), *error),
        TableStep::Set { addr, value, error } => {
            Ok(step("SET").addr(*addr).value(value).fails(*error))
        }
        TableStep::CompareExchange {
            addr,
            current,
            new,
            expect,
            error,
        } => {
            let step = step("COMPARE_EXCHANGE").addr(*addr).value(new);
            compare_exchange(
                step.numbers(vec![current.low()], 1),
                expect.as_ref(),
                *error,
            )
        }
        TableStep::Words {
            addr,
            reference,
            accumulator,
        } => {
            let changed = word(accumulator)? != 0;
            Ok(Step::words(reference, accumulator, changed)?.addr(*addr))
        }
        // C has one number for both.
        TableStep::AccumMany {
            addrs,
            deltas,
            error,
        } if addrs.len() != deltas.len() => cannot_say(*error, ErrorKind::Lengths),
        TableStep::AccumMany {
            addrs,
            deltas,
            error,
        } => {
            let pairs = addrs.iter().zip(deltas);
            let pairs = pairs.flat_map(|(&addr, delta)| [addr.into(), delta.low()]);
            let step = step("ACCUM_MANY").numbers(pairs.collect(), addrs.len());
            Ok(step.fails(*error))
        }
        TableStep::Snapshot { expect } => {
            let mut pairs = vec![];
            for (addr, value) in expect {
                pairs.extend([u64::from(*addr), word(value)?]);
            }
            Ok(step("SNAPSHOT").numbers(pairs, expect.len()))
        }
        TableStep::Batch {
            entries,
            error,
            canceled,
        } => {
            let numbers = batch(entries, error.is_some() || canceled.is_some())?;
            let step = step("BATCH").numbers(numbers, entries.len());
            match canceled {
                None => Ok(step.fails(*error)),
                Some(Canceled { entry, found }) => {
                    let step = step.addr(*entry as u64).expect(found)?;
                    Ok(step.ends("ATOMIK_ECANCELED"))
                }
            }
        }
    })
}

fn compare_exchange(
    step: Step,
    expect: Option<&Compared>,
    error: Option<ErrorKind>,
) -> Result<Step, String> {
    let found = state(expect.map(|expect| &expect.state), error.is_some())?;
    let step = Step {
        expect: found,
        ..step
    };
    Ok(match expect {
        Some(Compared {
            exchanged: false, ..
        }) => step.ends("ATOMIK_ECANCELED"),
        _ => step.fails(error),
    })
}

/// Four numbers for each entry: opcode, address, value, and the value that it must have afterwards.
fn batch(entries: &[Entry], fails: bool) -> Result<Vec<u64>, String> {
    let mut numbers = vec![];
    for entry in entries {
        let (opcode, addr, before, after) = match entry {
            Entry::Load { addr, value } => (0, addr, value.low(), value.low()),
            Entry::Accum { addr, delta } => (1, addr, delta.low(), delta.low()),
            Entry::Read { addr, expect } => (2, addr, 0, state(expect.as_ref(), fails)?),
            Entry::Swap { addr, expect } => (3, addr, 0, state(expect.as_ref(), fails)?),
            Entry::Expect { addr, value } => (4, addr, value.low(), value.low()),
            Entry::Set { addr, value } => (5, addr, value.low(), value.low()),
        };
        numbers.extend([opcode, u64::from(*addr), before, after]);
    }
    Ok(numbers)
}

fn fingerprint(of: &FingerprintCase) -> Result<Option<Case>, String> {
    if of.width > WIDEST {
        return Ok(None);
    }
    let make = make("MAKE_FINGERPRINT", of.width, 0);
    case(&of.name, make, &of.steps, |step| match step {
        FingerprintStep::AccumulateDelta {
            offset: None,
            old,
            new,
            error: None,
        } => Ok(accumulate(0, old, new)),
        FingerprintStep::AccumulateDelta { .. } => Err("a change of an ordered one".into()),
        other => of_either(other),
    })
}

fn ordered(of: &FingerprintCase) -> Result<Option<Case>, String> {
    if of.width != 64 {
        return Err(format!("{}: it has {} bits", of.name, of.width));
    }
    let make = make("MAKE_ORDERED", of.width, 0);
    case(&of.name, make, &of.steps, |step| match step {
        // C has one length for both.
        FingerprintStep::AccumulateDelta {
            old, new, error, ..
        } if old.0.len() != new.0.len() => cannot_say(*error, ErrorKind::Change),
        FingerprintStep::AccumulateDelta {
            offset: Some(offset),
            old,
            new,
            error,
        } => Ok(accumulate(*offset, old, new).fails(*error)),
        FingerprintStep::AccumulateDelta { offset: None, .. } => Err("there is no offset".into()),
        other => of_either(other),
    })
}

fn accumulate(offset: u64, old: &Bytes, new: &Bytes) -> Step {
    let step = step("ACCUMULATE_DELTA").addr(offset).data(new);
    let old = old.0.clone();
    Step { old, ..step }
}

/// A step that both kinds of fingerprint have.
fn of_either(of: &FingerprintStep) -> Result<Step, String> {
    match of {
        FingerprintStep::Load { data, expect } => step("LOAD").data(data).expect(expect),
        FingerprintStep::Update { data, expect } => step("UPDATE").data(data).expect(expect),
        FingerprintStep::AccumulateDelta { .. } => unreachable!("they differ in it"),
        FingerprintStep::Reset {} => Ok(step("RESET")),
        FingerprintStep::Words {
            value,
            delta,
            changed,
        } => Step::words(value, delta, *changed),
    }
}

fn making(of: &ErrorCase) -> Option<Case> {
    let op = match of.make {
        Make::Context => "MAKE_CONTEXT",
        Make::Table => "MAKE_TABLE",
        Make::Fingerprint => "MAKE_FINGERPRINT",
        Make::Stream => return None,
    };
    // A fingerprint that is too wide everywhere is too wide here.
    let wrong = matches!(of.make, Make::Fingerprint) && of.error.is_some();
    if of.width > WIDEST && !wrong {
        return None;
    }
    Some(Case {
        name: of.name.clone(),
        steps: vec![make(op, of.width, of.contexts.unwrap_or(1)).fails(of.error)],
    })
}

/// Leaves out a step, which must be one that has to fail.
fn cannot_say(error: Option<ErrorKind>, because: ErrorKind) -> Result<Step, String> {
    match error {
        Some(error) if error == because => Ok(step(LEFT_OUT)),
        other => Err(format!("{other:?} where only {because:?} can be")),
    }
}

fn swap(new_reference: Option<&Hex>) -> Step {
    match new_reference {
        Some(value) => step("SWAP_TO").value(value),
        None => step("SWAP"),
    }
}

/// An expected value, which has no more than 64 bits.
fn word(value: &Hex) -> Result<u64, String> {
    match value.limbs()[..] {
        [word] => Ok(word),
        _ => Err(format!("{value} has more than 64 bits")),
    }
}

/// The state that an operation returns, or 0 with an error.
fn state(expect: Option<&Hex>, fails: bool) -> Result<u64, String> {
    match (expect, fails) {
        (Some(value), false) => word(value),
        (None, true) => Ok(0),
        _ => Err("either a state or an error must be expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector without a meaning in C is refused, not left out.
    #[test]
    fn unclear_vectors_are_refused() {
        let cases = |kind: &str, step: &str| {
            let contexts = if kind == "table" {
                r#""contexts": 1, "#
            } else {
                ""
            };
            let text = format!(
                r#"{{"kind": "{kind}", "format": 1, "about": "", "cases": [
                    {{"name": "n", "width": 64, {contexts}"steps": [{step}]}}]}}"#
            );
            cases(&File::parse(&text).unwrap())
        };
        for (kind, step) in [
            ("table", r#"{"op": "read", "addr": 0}"#),
            (
                "table",
                r#"{"op": "read", "addr": 0, "expect": "0x10000000000000000"}"#,
            ),
            (
                "table",
                r#"{"op": "read", "addr": 0, "expect": "0x0", "error": "address"}"#,
            ),
            (
                "table",
                r#"{"op": "accum_many", "addrs": [0], "deltas": []}"#,
            ),
            (
                "table",
                r#"{"op": "batch", "entries": [{"op": "read", "addr": 0}]}"#,
            ),
            (
                "fingerprint",
                r#"{"op": "accumulate_delta", "offset": 0, "old": "", "new": ""}"#,
            ),
            (
                "ordered_fingerprint",
                r#"{"op": "accumulate_delta", "old": "", "new": ""}"#,
            ),
        ] {
            assert!(cases(kind, step).is_err(), "{kind}: {step}");
        }
        let good = cases("table", r#"{"op": "read", "addr": 0, "expect": "0x0"}"#).unwrap();
        assert_eq!(good[0].as_ref().unwrap().steps.len(), 2);
    }
}
