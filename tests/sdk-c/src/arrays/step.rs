// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Case`] and [`Step`]: vectors as C calls.

use atomik_vectors::format::{
    ContextCase, ContextStep, Entry, ErrorCase, ErrorKind, File, FingerprintCase, FingerprintStep,
    Hex, Make, TableCase, TableStep,
};

/// The widest contexts of the header.
const WIDEST: u32 = 64;

/// A case, which begins with a step that makes its object.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub steps: Vec<Step>,
}

impl Case {
    /// The number of steps that can't be written in C.
    pub fn left_out(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| **step == left_out())
            .count()
    }
}

/// `struct step` of `programs/vectors.c`, which describes its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub op: &'static str,
    pub fails: bool,
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
        op,
        value: width.into(),
        addr: contexts.into(),
        ..Step::default()
    }
}

fn context(of: &ContextCase) -> Result<Option<Case>, String> {
    if of.width > WIDEST {
        return Ok(None);
    }
    let make = make("MAKE_CONTEXT", of.width, 1);
    case(&of.name, make, &of.steps, |step| {
        Ok(match step {
            ContextStep::Load { value } => Step {
                op: "LOAD",
                value: value.low(),
                ..Step::default()
            },
            ContextStep::Accum { delta } => Step {
                op: "ACCUM",
                value: delta.low(),
                ..Step::default()
            },
            ContextStep::Rollback { delta } => Step {
                op: "ROLLBACK",
                value: delta.low(),
                ..Step::default()
            },
            ContextStep::Read { expect } => Step {
                op: "READ",
                expect: word(expect)?,
                ..Step::default()
            },
            ContextStep::Swap {
                new_reference,
                expect,
            } => Step {
                expect: word(expect)?,
                ..swap(0, new_reference.as_ref())
            },
            ContextStep::Merge { reference, deltas } => Step {
                op: "MERGE",
                value: reference.low(),
                numbers: deltas.iter().map(Hex::low).collect(),
                count: deltas.len(),
                ..Step::default()
            },
            // A context in C doesn't count its deltas.
            ContextStep::Words {
                reference,
                accumulator,
                is_clean,
                delta_count: _,
            } => Step {
                op: "WORDS",
                expect: word(reference)?,
                expect_delta: word(accumulator)?,
                changed: !is_clean,
                ..Step::default()
            },
        })
    })
}

fn table(of: &TableCase) -> Result<Option<Case>, String> {
    if of.width > WIDEST {
        return Ok(None);
    }
    let make = make("MAKE_TABLE", of.width, of.contexts);
    case(&of.name, make, &of.steps, |step| {
        Ok(match step {
            TableStep::Load { addr, value, error } => Step {
                op: "LOAD",
                fails: error.is_some(),
                addr: (*addr).into(),
                value: value.low(),
                ..Step::default()
            },
            TableStep::Accum { addr, delta, error } => Step {
                op: "ACCUM",
                fails: error.is_some(),
                addr: (*addr).into(),
                value: delta.low(),
                ..Step::default()
            },
            TableStep::Read {
                addr,
                expect,
                error,
            } => Step {
                op: "READ",
                fails: error.is_some(),
                addr: (*addr).into(),
                expect: state(expect.as_ref(), *error)?,
                ..Step::default()
            },
            TableStep::Swap {
                addr,
                new_reference,
                expect,
                error,
            } => Step {
                fails: error.is_some(),
                expect: state(expect.as_ref(), *error)?,
                ..swap(*addr, new_reference.as_ref())
            },
            TableStep::AccumMany {
                addrs,
                deltas,
                error,
            } => {
                if addrs.len() != deltas.len() {
                    // C has one number for both.
                    return cannot_say(*error, ErrorKind::Lengths);
                }
                let pairs = addrs.iter().zip(deltas);
                Step {
                    op: "ACCUM_MANY",
                    fails: error.is_some(),
                    numbers: pairs.flat_map(|(&a, d)| [a.into(), d.low()]).collect(),
                    count: addrs.len(),
                    ..Step::default()
                }
            }
            TableStep::Snapshot { expect } => {
                let mut numbers = vec![];
                for (addr, value) in expect {
                    numbers.extend([(*addr).into(), word(value)?]);
                }
                Step {
                    op: "SNAPSHOT",
                    numbers,
                    count: expect.len(),
                    ..Step::default()
                }
            }
            TableStep::Batch { entries, error } => Step {
                op: "BATCH",
                fails: error.is_some(),
                numbers: batch(entries, *error)?,
                count: entries.len(),
                ..Step::default()
            },
        })
    })
}

/// Four numbers for each entry: opcode, address, value, and the value that it must have afterwards.
fn batch(entries: &[Entry], error: Option<ErrorKind>) -> Result<Vec<u64>, String> {
    let mut numbers = vec![];
    for entry in entries {
        let (opcode, addr, before, after) = match entry {
            Entry::Load { addr, value } => (0, addr, value.low(), value.low()),
            Entry::Accum { addr, delta } => (1, addr, delta.low(), delta.low()),
            Entry::Read { addr, expect } => (2, addr, 0, state(expect.as_ref(), error)?),
            Entry::Swap { addr, expect } => (3, addr, 0, state(expect.as_ref(), error)?),
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
        } => Ok(accumulate(0, &old.0, &new.0, false)),
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
        FingerprintStep::AccumulateDelta {
            offset: Some(offset),
            old,
            new,
            error,
        } => {
            if old.0.len() != new.0.len() {
                // C has one length for both.
                return cannot_say(*error, ErrorKind::Change);
            }
            Ok(accumulate(*offset, &old.0, &new.0, error.is_some()))
        }
        FingerprintStep::AccumulateDelta { offset: None, .. } => Err("there is no offset".into()),
        other => of_either(other),
    })
}

fn accumulate(offset: u64, old: &[u8], new: &[u8], fails: bool) -> Step {
    Step {
        op: "ACCUMULATE_DELTA",
        fails,
        addr: offset,
        data: new.to_vec(),
        old: old.to_vec(),
        ..Step::default()
    }
}

/// A step that both kinds of fingerprint have.
fn of_either(step: &FingerprintStep) -> Result<Step, String> {
    Ok(match step {
        FingerprintStep::Load { data, expect } => Step {
            op: "LOAD",
            data: data.0.clone(),
            expect: word(expect)?,
            ..Step::default()
        },
        FingerprintStep::Update { data, expect } => Step {
            op: "UPDATE",
            data: data.0.clone(),
            expect: word(expect)?,
            ..Step::default()
        },
        FingerprintStep::AccumulateDelta { .. } => unreachable!("they differ in it"),
        FingerprintStep::Reset {} => Step {
            op: "RESET",
            ..Step::default()
        },
        FingerprintStep::Words {
            value,
            delta,
            changed,
        } => Step {
            op: "WORDS",
            expect: word(value)?,
            expect_delta: word(delta)?,
            changed: *changed,
            ..Step::default()
        },
    })
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
    let step = Step {
        fails: of.error.is_some(),
        ..make(op, of.width, of.contexts.unwrap_or(1))
    };
    Some(Case {
        name: of.name.clone(),
        steps: vec![step],
    })
}

/// A step in place of one that can't be written in C. It does nothing.
fn left_out() -> Step {
    Step {
        op: "LEFT_OUT",
        ..Step::default()
    }
}

/// Leaves out a step, which must be one that has to fail.
fn cannot_say(error: Option<ErrorKind>, because: ErrorKind) -> Result<Step, String> {
    match error {
        Some(error) if error == because => Ok(left_out()),
        other => Err(format!("{other:?} where only {because:?} can be")),
    }
}

fn swap(addr: u32, new_reference: Option<&Hex>) -> Step {
    Step {
        op: if new_reference.is_some() {
            "SWAP_TO"
        } else {
            "SWAP"
        },
        addr: addr.into(),
        value: new_reference.map_or(0, Hex::low),
        ..Step::default()
    }
}

/// An expected value, which has no more than 64 bits. Those handed in may: C takes the lowest.
fn word(value: &Hex) -> Result<u64, String> {
    match value.limbs()[..] {
        [word] => Ok(word),
        _ => Err(format!("{value} has more than 64 bits")),
    }
}

/// The state that an operation returns, or 0 with an error.
fn state(expect: Option<&Hex>, error: Option<ErrorKind>) -> Result<u64, String> {
    match (expect, error) {
        (Some(value), None) => word(value),
        (None, Some(_)) => Ok(0),
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
