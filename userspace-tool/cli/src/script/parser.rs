// SPDX-License-Identifier: MIT OR Apache-2.0

//! Parses text to a [`Script`], with an error for every wrong line.

use std::num::NonZeroU64;

use super::number::{named_u32, named_u64, quoted};
use super::{BatchLine, Line, OPERATIONS, Op, Script, Step, SyntaxError};
use crate::lines::Lines;

/// One line of text.
enum Statement {
    Begin,
    End,
    Step(Step),
}

/// A `begin` without its `end` so far.
struct OpenBatch {
    begin: usize,
    lines: Vec<BatchLine>,
    /// The number of its lines, right and wrong.
    statements: usize,
}

/// The most errors that are reported: in a file that isn't a script, every line is wrong.
const TOLD: usize = 20;

pub fn parse(input: &mut Lines) -> Result<Script, Vec<SyntaxError>> {
    let mut lines = vec![];
    let mut errors = vec![];
    let mut open: Option<OpenBatch> = None;

    loop {
        let read = input.next().map(|line| line.map(|line| statement(&line)));
        let number = input.number();
        let result = match read {
            Ok(None) => break,
            Ok(Some(Ok(None))) => continue,
            Ok(Some(Ok(Some(statement)))) => match open.take() {
                None => outside(number, statement, &mut lines, &mut open),
                Some(batch) => inside(number, statement, batch, &mut lines, &mut open),
            },
            Ok(Some(Err(message))) => Err(message),
            Err(message) => {
                errors.push(SyntaxError {
                    line: number,
                    message,
                });
                return Err(errors);
            }
        };
        if let Err(message) = result {
            // A wrong line counts as one of the batch's.
            if let Some(batch) = &mut open {
                batch.statements += 1;
            }
            errors.push(SyntaxError {
                line: number,
                message,
            });
        }
        if errors.len() == TOLD {
            errors.push(SyntaxError {
                line: number,
                message: "too many mistakes; the rest wasn't checked".into(),
            });
            return Err(errors);
        }
    }
    if let Some(batch) = open {
        errors.push(SyntaxError {
            line: batch.begin,
            message: "this `begin` has no `end`".into(),
        });
    }
    if errors.is_empty() {
        Ok(Script { lines })
    } else {
        Err(errors)
    }
}

/// Parses a line of a stream, which has operations only. None where it has none.
pub fn operation(line: &str) -> Result<Option<Op>, String> {
    match statement(line)? {
        None => Ok(None),
        Some(Statement::Step(Step::Op(op))) => Ok(Some(op)),
        Some(_) => Err(format!("expected {OPERATIONS}: a stream is for one table")),
    }
}

/// Adds a statement where no batch is open.
fn outside(
    number: usize,
    statement: Statement,
    lines: &mut Vec<Line>,
    open: &mut Option<OpenBatch>,
) -> Result<(), String> {
    match statement {
        Statement::Step(step) => lines.push(Line { number, step }),
        Statement::Begin => {
            *open = Some(OpenBatch {
                begin: number,
                lines: vec![],
                statements: 0,
            });
        }
        Statement::End => return Err("`end` without `begin`".into()),
    }
    Ok(())
}

/// Adds a statement to an open batch, which stays open unless the statement ends it.
fn inside(
    number: usize,
    statement: Statement,
    mut batch: OpenBatch,
    lines: &mut Vec<Line>,
    open: &mut Option<OpenBatch>,
) -> Result<(), String> {
    let max = atomik::MAX_BATCH as usize;
    let result = match statement {
        Statement::End if batch.statements == 0 => return Err("the batch is empty".into()),
        Statement::End if batch.statements > max => {
            return Err(format!(
                "the batch has {} operations, and {max} is the most",
                batch.statements
            ));
        }
        Statement::End => {
            lines.push(Line {
                number: batch.begin,
                step: Step::Batch(batch.lines),
            });
            return Ok(());
        }
        Statement::Step(Step::Op(Op::Swap {
            addr,
            new: Some(new),
        })) => Err(format!(
            "in a batch, `swap` takes no new reference; write `swap {addr}` and \
             `load {addr} {new:#x}`"
        )),
        Statement::Step(Step::Op(op)) => {
            batch.lines.push(BatchLine { number, op });
            batch.statements += 1;
            Ok(())
        }
        Statement::Step(_) | Statement::Begin => {
            Err(format!("expected {OPERATIONS}, or end, as a batch is open"))
        }
    };
    *open = Some(batch);
    result
}

/// Parses one line by itself. None where it has no statement.
fn statement(line: &str) -> Result<Option<Statement>, String> {
    let code = line.split('#').next().unwrap_or_default();
    let words: Vec<&str> = code.split_whitespace().collect();
    let Some((&name, args)) = words.split_first() else {
        return Ok(None);
    };
    let step = match (name, args) {
        ("begin", []) => return Ok(Some(Statement::Begin)),
        ("end", []) => return Ok(Some(Statement::End)),
        ("create", [contexts]) => Step::Create {
            contexts: named_u32("N", contexts)?,
        },
        ("table", [id]) => Step::Table {
            id: named_u32("ID", id)?,
        },
        ("destroy", []) => Step::Destroy { id: None },
        ("destroy", [id]) => Step::Destroy {
            id: Some(named_u32("ID", id)?),
        },
        ("load", [addr, value]) => Step::Op(Op::Load {
            addr: named_u32("ADDR", addr)?,
            value: named_u64("VALUE", value)?,
        }),
        ("accum", [addr, delta]) => Step::Op(Op::Accum {
            addr: named_u32("ADDR", addr)?,
            delta: named_u64("DELTA", delta)?,
        }),
        ("set", [addr, value]) => Step::Op(Op::Set {
            addr: named_u32("ADDR", addr)?,
            value: named_u64("VALUE", value)?,
        }),
        ("expect", [addr, value]) => Step::Op(Op::Expect {
            addr: named_u32("ADDR", addr)?,
            value: named_u64("VALUE", value)?,
        }),
        ("read", [addr]) => Step::Op(Op::Read {
            addr: named_u32("ADDR", addr)?,
        }),
        ("swap", [addr]) => Step::Op(Op::Swap {
            addr: named_u32("ADDR", addr)?,
            new: None,
        }),
        ("swap", [addr, new]) => {
            let addr = named_u32("ADDR", addr)?;
            // In the interface 0 means "keep the state", which a script's author hardly expects.
            let new = NonZeroU64::new(named_u64("NEW", new)?).ok_or_else(|| {
                format!("NEW can't be 0; `swap {addr}` keeps the state, `load {addr} 0` clears it")
            })?;
            Step::Op(Op::Swap {
                addr,
                new: Some(new),
            })
        }
        _ => return Err(wrong_form(name, args)),
    };
    Ok(Some(Statement::Step(step)))
}

/// The error for a wrong form, with the expected one.
fn wrong_form(name: &str, args: &[&str]) -> String {
    let form = match name {
        "create" => "create N",
        "table" => "table ID",
        "destroy" => "destroy [ID]",
        "load" => "load ADDR VALUE",
        "accum" => "accum ADDR DELTA",
        "set" => "set ADDR VALUE",
        "expect" => "expect ADDR VALUE",
        "read" => "read ADDR",
        "swap" => "swap ADDR [NEW]",
        "begin" => "begin",
        "end" => "end",
        _ => {
            return format!(
                "expected create, table, destroy, begin, end, {OPERATIONS}, found {}",
                quoted(name)
            );
        }
    };
    let found = [&[name], args].concat().join(" ");
    format!("expected `{form}`, found {}", quoted(&found))
}
