// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Script`]: a file of vectors as lines for the runner, and the answers that they must get.

use crate::{
    Place,
    vectors::{
        Case, ContextStep, Entry, ErrorKind, Failure, File, FingerprintStep, Kind, Making,
        TableStep, Thing, Value,
    },
};
use serde::de::DeserializeOwned;
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
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if file.format != 1 {
            return Err(format!("format {} is unknown", file.format));
        }
        let mut script = Self::default();
        for case in file.cases {
            match file.kind {
                Kind::Context => script.context(parse(case)?, place),
                Kind::Table | Kind::Batch => script.table(parse(case)?, place)?,
                Kind::Fingerprint => script.fingerprint(parse(case)?)?,
                Kind::OrderedFingerprint => script.ordered(parse(case)?)?,
                Kind::Errors => script.making(&parse(case)?, place),
                // The header has no streams.
                Kind::Stream | Kind::Message => script.skipped += 1,
            }
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

    fn context(&mut self, case: Case<ContextStep>, place: Place) {
        if !place.has_width(case.width) {
            self.skipped += 1;
            return;
        }
        self.begin(&case.name, format!("new context {}", case.width));
        for (step, i) in case.steps.iter().zip(1..) {
            let (line, answer) = match step {
                ContextStep::Load { value } => (format!("load {}", value.handed_in()), "ok".into()),
                ContextStep::Accum { delta } => {
                    (format!("accum {}", delta.handed_in()), "ok".into())
                }
                ContextStep::Rollback { delta } => {
                    (format!("rollback {}", delta.handed_in()), "ok".into())
                }
                ContextStep::Read { expect } => ("read".into(), expect.printed()),
                ContextStep::Swap {
                    new_reference,
                    expect,
                } => (
                    format!("swap{}", optional(new_reference.as_ref())),
                    expect.printed(),
                ),
                ContextStep::Merge { reference, deltas } => {
                    let mut line = format!("merge {}", reference.handed_in());
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
                    (
                        "words".into(),
                        format!("{} {} {clean}", reference.printed(), accumulator.printed()),
                    )
                }
            };
            self.say(&case.name, i, line, answer);
        }
    }

    fn table(&mut self, case: Case<TableStep>, place: Place) -> Result<(), String> {
        if !place.has_width(case.width) {
            self.skipped += 1;
            return Ok(());
        }
        let contexts = case
            .contexts
            .ok_or_else(|| format!("{}: a table of how many contexts?", case.name))?;
        self.begin(&case.name, format!("new table {contexts} {}", case.width));
        for (step, i) in case.steps.iter().zip(1..) {
            let (line, answer) = match step {
                TableStep::Load { addr, value, error } => {
                    (format!("load {addr} {}", value.handed_in()), done(*error))
                }
                TableStep::Accum { addr, delta, error } => {
                    (format!("accum {addr} {}", delta.handed_in()), done(*error))
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
                        self.cannot_say(*error, ErrorKind::Lengths)?;
                        continue;
                    }
                    let mut line = format!("accum_many {}", addrs.len());
                    for (addr, delta) in addrs.iter().zip(deltas) {
                        line += &format!(" {addr} {}", delta.handed_in());
                    }
                    (line, done(*error))
                }
                TableStep::Snapshot { expect } => {
                    let mut answer = String::from("ok");
                    for (addr, value) in expect {
                        answer += &format!(" {addr} {}", value.printed());
                    }
                    ("snapshot".into(), answer)
                }
                TableStep::Batch { entries, error } => batch(entries, *error)?,
            };
            self.say(&case.name, i, line, answer);
        }
        Ok(())
    }

    fn fingerprint(&mut self, case: Case<FingerprintStep>) -> Result<(), String> {
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
                    format!("accumulate_delta {} {}", old.word(), new.word()),
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

    fn ordered(&mut self, case: Case<FingerprintStep>) -> Result<(), String> {
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
                    if old.len() != new.len() {
                        // There is one length for both.
                        self.cannot_say(*error, ErrorKind::Change)?;
                        continue;
                    }
                    (
                        format!("accumulate_delta {offset} {} {}", old.word(), new.word()),
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

    fn making(&mut self, case: &Making, place: Place) {
        let line = match (case.make, case.contexts) {
            (Thing::Context, _) => format!("new context {}", case.width),
            (Thing::Fingerprint, _) => format!("new fingerprint {}", case.width),
            (Thing::Table, contexts) => {
                format!("new table {} {}", contexts.unwrap_or_default(), case.width)
            }
            (Thing::Stream, _) => String::new(),
        };
        let fits = match case.make {
            Thing::Fingerprint => case.width <= 64 || case.error.is_some(),
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
    fn cannot_say(&mut self, error: Failure, because: ErrorKind) -> Result<(), String> {
        self.unsayable += 1;
        if error == Some(because) {
            Ok(())
        } else {
            Err(format!("{error:?} where only {because:?} can be"))
        }
    }
}

fn parse<T: DeserializeOwned>(case: serde_json::Value) -> Result<T, String> {
    let name = case["name"].to_string();
    serde_json::from_value(case).map_err(|error| format!("{name}: {error}"))
}

/// A value as the last word, where there is one.
fn optional(value: Option<&Value>) -> String {
    value
        .map(|value| format!(" {}", value.handed_in()))
        .unwrap_or_default()
}

/// The answer where nothing is returned. Each of these errors is EINVAL in C.
fn done(error: Failure) -> String {
    if error.is_some() {
        "error 22".into()
    } else {
        "ok".into()
    }
}

/// The answer where a state is returned, or an error.
fn state(expect: Option<&Value>, error: Failure) -> Result<String, String> {
    match (expect, error) {
        (Some(value), None) => Ok(value.printed()),
        (None, Some(_)) => Ok(done(error)),
        _ => Err("either a state or an error is to be expected".into()),
    }
}

fn batch(entries: &[Entry], error: Failure) -> Result<(String, String), String> {
    let mut line = String::from("batch");
    let mut answer = done(error);
    for entry in entries {
        let expect = match entry {
            Entry::Load { addr, value } => {
                line += &format!(" 0 {addr} {}", value.handed_in());
                continue;
            }
            Entry::Accum { addr, delta } => {
                line += &format!(" 1 {addr} {}", delta.handed_in());
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
            (Some(value), None) => answer += &format!(" {}", value.printed()),
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
            (format!("load {}", data.word()), expect.printed())
        }
        FingerprintStep::Update { data, expect } => {
            (format!("update {}", data.word()), expect.printed())
        }
        FingerprintStep::AccumulateDelta { .. } => unreachable!("they differ in it"),
        FingerprintStep::Reset => ("reset".into(), "ok".into()),
        FingerprintStep::Words {
            value,
            delta,
            changed,
        } => {
            let changed = if *changed { "changed" } else { "clean" };
            (
                "words".into(),
                format!("{} {} {changed}", value.printed(), delta.printed()),
            )
        }
    }
}
