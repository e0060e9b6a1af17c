// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Script`]: a file of vectors as lines for the runner, and the answers that they must get.

use crate::Place;
use atomik_vectors::format::{
    Bytes, ContextCase, ContextStep, Entry, ErrorCase, File, FingerprintCase, FingerprintStep, Hex,
    Make, TableCase, TableStep, Wrong,
};
use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

/// A line for the runner, and the answer that it must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The case, and the number of the step in it.
    pub at: String,
    /// Without the line's end.
    pub line: String,
    /// Likewise.
    pub answer: String,
}

/// A file of vectors as lines for the runner.
#[derive(Debug, Default)]
pub struct Script {
    /// In their order.
    pub exchanges: Vec<Exchange>,
    /// The number of cases in them.
    pub ran: usize,
    /// The number of cases that are not: of a kind that the header doesn't have, or of another width.
    pub skipped: usize,
    /// The number of steps that can't be said in C, in cases that are there.
    pub unsayable: usize,
}

impl Script {
    /// Of the text of a file.
    pub fn new(text: &str, place: Place) -> Result<Self, String> {
        let mut script = Self::default();
        match File::parse(text)? {
            File::Context(body) => {
                (body.cases.iter()).for_each(|case| script.context(case, place));
            }
            File::Table(body) | File::Batch(body) => {
                (body.cases.iter()).try_for_each(|case| script.table(case, place))?;
            }
            File::Fingerprint(body) => {
                (body.cases.iter()).try_for_each(|case| script.fingerprint(case))?;
            }
            File::OrderedFingerprint(body) => {
                (body.cases.iter()).try_for_each(|case| script.ordered(case))?;
            }
            File::Errors(body) => (body.cases.iter()).for_each(|case| script.making(case, place)),
            // The header has no streams.
            File::Stream(body) => script.skipped += body.cases.len(),
            File::Message(body) => script.skipped += body.cases.len(),
        }
        Ok(script)
    }

    /// Has the runner execute it; returns its answers, one for each line.
    pub fn play(&self, mut runner: Command, place: Place) -> Result<Vec<String>, String> {
        let mut child = runner
            .arg(place.word())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{runner:?}: {error}"))?;
        let mut lines = String::new();
        for exchange in &self.exchanges {
            lines += &exchange.line;
            lines.push('\n');
        }
        let mut stdin = child.stdin.take().expect("it is piped");
        let mut stderr = child.stderr.take().expect("it is piped");
        // All at once: either side of a pipe may have to wait for the other.
        let (output, said) = std::thread::scope(|scope| {
            // A runner that ends early is found out by its answers.
            scope.spawn(move || drop(stdin.write_all(lines.as_bytes())));
            let said = scope.spawn(move || {
                let mut said = String::new();
                stderr.read_to_string(&mut said).map(|_| said)
            });
            (
                child.wait_with_output(),
                said.join().expect("it doesn't panic"),
            )
        });
        let (output, said) = (
            output.map_err(|error| error.to_string())?,
            said.map_err(|error| error.to_string())?,
        );
        if !output.status.success() || !said.is_empty() {
            return Err(format!("the runner ended with {}: {said}", output.status));
        }
        let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Whether the answers are as they must be; the first that isn't is the error.
    pub fn compare(&self, answers: &[String]) -> Result<(), String> {
        for (exchange, answer) in self.exchanges.iter().zip(answers) {
            if exchange.answer != *answer {
                return Err(format!(
                    "{}: `{}` gave `{answer}`, not `{}`",
                    exchange.at, exchange.line, exchange.answer
                ));
            }
        }
        if answers.len() == self.exchanges.len() {
            Ok(())
        } else {
            Err(format!(
                "{} answers to {} lines",
                answers.len(),
                self.exchanges.len()
            ))
        }
    }

    fn say(&mut self, case: &str, step: usize, line: String, answer: String) {
        let at = format!("{case}, step {step}");
        self.exchanges.push(Exchange { at, line, answer });
    }

    /// What begins a case: step 0.
    fn begin(&mut self, case: &str, line: String) {
        self.ran += 1;
        self.say(case, 0, line, "ok".into());
    }

    fn context(&mut self, case: &ContextCase, place: Place) {
        if !place.has_width(case.width) {
            self.skipped += 1;
            return;
        }
        self.begin(&case.name, format!("new context {}", case.width));
        for (step, i) in case.steps.iter().zip(1..) {
            let (line, answer) = match step {
                ContextStep::Load { value } => (format!("load {}", handed_in(value)), "ok".into()),
                ContextStep::Accum { delta } => {
                    (format!("accum {}", handed_in(delta)), "ok".into())
                }
                ContextStep::Rollback { delta } => {
                    (format!("rollback {}", handed_in(delta)), "ok".into())
                }
                ContextStep::Read { expect } => ("read".into(), expect.to_string()),
                ContextStep::Swap {
                    new_reference,
                    expect,
                } => (
                    format!("swap{}", optional(new_reference.as_ref())),
                    expect.to_string(),
                ),
                ContextStep::Merge { reference, deltas } => {
                    let mut line = format!("merge {}", handed_in(reference));
                    for delta in deltas {
                        line += &optional(Some(delta));
                    }
                    (line, "ok".into())
                }
                ContextStep::Words {
                    reference,
                    accumulator,
                    is_clean,
                    ..
                } => {
                    let clean = if *is_clean { "clean" } else { "changed" };
                    ("words".into(), format!("{reference} {accumulator} {clean}"))
                }
            };
            self.say(&case.name, i, line, answer);
        }
    }

    fn table(&mut self, case: &TableCase, place: Place) -> Result<(), String> {
        if !place.has_width(case.width) {
            self.skipped += 1;
            return Ok(());
        }
        let line = format!("new table {} {}", case.contexts, case.width);
        self.begin(&case.name, line);
        for (step, i) in case.steps.iter().zip(1..) {
            let (line, answer) = match step {
                TableStep::Load { addr, value, error } => {
                    (format!("load {addr} {}", handed_in(value)), done(*error))
                }
                TableStep::Accum { addr, delta, error } => {
                    (format!("accum {addr} {}", handed_in(delta)), done(*error))
                }
                TableStep::Read {
                    addr,
                    expect,
                    error,
                } => (format!("read {addr}"), state(expect.as_ref(), *error)?),
                TableStep::Swap {
                    addr,
                    new_reference,
                    expect,
                    error,
                } => (
                    format!("swap {addr}{}", optional(new_reference.as_ref())),
                    state(expect.as_ref(), *error)?,
                ),
                TableStep::AccumMany {
                    addrs,
                    deltas,
                    error,
                } => {
                    if addrs.len() != deltas.len() {
                        // There is one number for both.
                        self.cannot_say(*error, Wrong::Lengths)?;
                        continue;
                    }
                    let mut line = format!("accum_many {}", addrs.len());
                    for (addr, delta) in addrs.iter().zip(deltas) {
                        line += &format!(" {addr} {}", handed_in(delta));
                    }
                    (line, done(*error))
                }
                TableStep::Snapshot { expect } => {
                    let mut answer = String::from("ok");
                    for (addr, value) in expect {
                        answer += &format!(" {addr} {value}");
                    }
                    ("snapshot".into(), answer)
                }
                TableStep::Batch { entries, error } => batch(entries, *error)?,
            };
            self.say(&case.name, i, line, answer);
        }
        Ok(())
    }

    fn fingerprint(&mut self, case: &FingerprintCase) -> Result<(), String> {
        if case.width > 64 {
            self.skipped += 1;
            return Ok(());
        }
        self.begin(&case.name, format!("new fingerprint {}", case.width));
        for (step, i) in case.steps.iter().zip(1..) {
            let (line, answer) = match step {
                FingerprintStep::AccumulateDelta {
                    offset: None,
                    old,
                    new,
                    error: None,
                } => (
                    format!("accumulate_delta {} {}", word(old), word(new)),
                    "ok".into(),
                ),
                FingerprintStep::AccumulateDelta { .. } => {
                    return Err(format!(
                        "{}, step {i}: a change of an ordered fingerprint",
                        case.name
                    ));
                }
                other => of_either(other),
            };
            self.say(&case.name, i, line, answer);
        }
        Ok(())
    }

    fn ordered(&mut self, case: &FingerprintCase) -> Result<(), String> {
        if case.width != 64 {
            return Err(format!(
                "{}: an ordered fingerprint of {} bits",
                case.name, case.width
            ));
        }
        self.begin(&case.name, "new ordered".into());
        for (step, i) in case.steps.iter().zip(1..) {
            let (line, answer) = match step {
                FingerprintStep::AccumulateDelta {
                    offset: Some(offset),
                    old,
                    new,
                    error,
                } => {
                    if old.0.len() != new.0.len() {
                        // There is one length for both.
                        self.cannot_say(*error, Wrong::Change)?;
                        continue;
                    }
                    (
                        format!("accumulate_delta {offset} {} {}", word(old), word(new)),
                        done(*error),
                    )
                }
                FingerprintStep::AccumulateDelta { offset: None, .. } => {
                    return Err(format!(
                        "{}, step {i}: a change without its offset",
                        case.name
                    ));
                }
                other => of_either(other),
            };
            self.say(&case.name, i, line, answer);
        }
        Ok(())
    }

    fn making(&mut self, case: &ErrorCase, place: Place) {
        let line = match (case.make, case.contexts) {
            (Make::Context, _) => format!("new context {}", case.width),
            (Make::Fingerprint, _) => format!("new fingerprint {}", case.width),
            (Make::Table, contexts) => {
                format!("new table {} {}", contexts.unwrap_or_default(), case.width)
            }
            (Make::Stream, _) => String::new(),
        };
        let fits = match case.make {
            Make::Fingerprint => case.width <= 64 || case.error.is_some(),
            _ => place.has_width(case.width),
        };
        if line.is_empty() || !fits {
            self.skipped += 1;
            return;
        }
        self.ran += 1;
        self.say(&case.name, 0, line, done(case.error));
    }

    /// Of a step that the header has no words for: it must be one that must fail.
    fn cannot_say(&mut self, error: Option<Wrong>, because: Wrong) -> Result<(), String> {
        self.unsayable += 1;
        if error == Some(because) {
            Ok(())
        } else {
            Err(format!("{error:?} where only {because:?} can be"))
        }
    }
}

/// What a C program can hand in of a value: the lowest 64 bits, to which it would be cut in any case.
fn handed_in(value: &Hex) -> String {
    format!("{:#x}", value.low())
}

/// Bytes as the runner takes them.
fn word(bytes: &Bytes) -> String {
    if bytes.0.is_empty() {
        "-".into()
    } else {
        bytes.to_string()
    }
}

/// A value as the last word, where there is one.
fn optional(value: Option<&Hex>) -> String {
    value
        .map(|value| format!(" {}", handed_in(value)))
        .unwrap_or_default()
}

/// The answer where nothing is returned. Each of these errors is EINVAL in C.
fn done(error: Option<Wrong>) -> String {
    if error.is_some() {
        "error 22".into()
    } else {
        "ok".into()
    }
}

/// The answer where a state is returned, or an error.
fn state(expect: Option<&Hex>, error: Option<Wrong>) -> Result<String, String> {
    match (expect, error) {
        (Some(value), None) => Ok(value.to_string()),
        (None, Some(_)) => Ok(done(error)),
        _ => Err("either a state or an error is to be expected".into()),
    }
}

fn batch(entries: &[Entry], error: Option<Wrong>) -> Result<(String, String), String> {
    let mut line = String::from("batch");
    let mut answer = done(error);
    for entry in entries {
        let expect = match entry {
            Entry::Load { addr, value } => {
                line += &format!(" 0 {addr} {}", handed_in(value));
                continue;
            }
            Entry::Accum { addr, delta } => {
                line += &format!(" 1 {addr} {}", handed_in(delta));
                continue;
            }
            Entry::Read { addr, expect } => {
                line += &format!(" 2 {addr} 0");
                expect
            }
            Entry::Swap { addr, expect } => {
                line += &format!(" 3 {addr} 0");
                expect
            }
        };
        match (expect, error) {
            (Some(value), None) => answer += &format!(" {value}"),
            (None, Some(_)) => {}
            _ => {
                return Err("an entry has a state where its batch succeeds, and only there".into());
            }
        }
    }
    Ok((line, answer))
}

/// What both kinds of fingerprint say alike.
fn of_either(step: &FingerprintStep) -> (String, String) {
    match step {
        FingerprintStep::Load { data, expect } => {
            (format!("load {}", word(data)), expect.to_string())
        }
        FingerprintStep::Update { data, expect } => {
            (format!("update {}", word(data)), expect.to_string())
        }
        FingerprintStep::AccumulateDelta { .. } => unreachable!("they differ in it"),
        FingerprintStep::Reset {} => ("reset".into(), "ok".into()),
        FingerprintStep::Words {
            value,
            delta,
            changed,
        } => {
            let changed = if *changed { "changed" } else { "clean" };
            ("words".into(), format!("{value} {delta} {changed}"))
        }
    }
}
