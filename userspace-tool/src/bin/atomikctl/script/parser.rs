// SPDX-License-Identifier: MIT OR Apache-2.0

//! Text to [`Script`], with an error for every line that isn't right.

use std::num::NonZeroU64;

use super::number::{NumberError, parse_u32, parse_u64};
use super::{BatchLine, Line, Op, Script, Step, SyntaxError};

/// One line of text.
enum Statement {
    Begin,
    End,
    Step(Step),
}

/// A `begin` whose `end` is still to come.
struct OpenBatch {
    begin: usize,
    lines: Vec<BatchLine>,
    /// Lines in it, right or wrong.
    statements: usize,
}

pub fn parse(text: &str) -> Result<Script, Vec<SyntaxError>> {
    let mut lines = vec![];
    let mut errors = vec![];
    let mut open: Option<OpenBatch> = None;

    for (number, line) in (1..).zip(text.lines()) {
        let code = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = code.split_whitespace().collect();
        let Some((name, args)) = words.split_first() else {
            continue;
        };
        let result = statement(name, args).and_then(|statement| match open.take() {
            None => outside(number, statement, &mut lines, &mut open),
            Some(batch) => inside(number, statement, batch, &mut lines, &mut open),
        });
        if let Err(message) = result {
            // A wrong line in a batch still is a line of it.
            if let Some(batch) = &mut open {
                batch.statements += 1;
            }
            errors.push(SyntaxError {
                line: number,
                message,
            });
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

/// Takes a statement where no batch is open.
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

/// Takes a statement where a batch is open; unless that ends it, it's open again afterwards.
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
            Err("expected load, accum, read, swap or end, as a batch is open".into())
        }
    };
    *open = Some(batch);
    result
}

/// Understands one line by itself.
fn statement(name: &str, args: &[&str]) -> Result<Statement, String> {
    let step = match (name, args) {
        ("begin", []) => return Ok(Statement::Begin),
        ("end", []) => return Ok(Statement::End),
        ("create", [contexts]) => Step::Create {
            contexts: small("N", contexts)?,
        },
        ("table", [id]) => Step::Table {
            id: small("ID", id)?,
        },
        ("destroy", []) => Step::Destroy { id: None },
        ("destroy", [id]) => Step::Destroy {
            id: Some(small("ID", id)?),
        },
        ("load", [addr, value]) => Step::Op(Op::Load {
            addr: small("ADDR", addr)?,
            value: large("VALUE", value)?,
        }),
        ("accum", [addr, delta]) => Step::Op(Op::Accum {
            addr: small("ADDR", addr)?,
            delta: large("DELTA", delta)?,
        }),
        ("read", [addr]) => Step::Op(Op::Read {
            addr: small("ADDR", addr)?,
        }),
        ("swap", [addr]) => Step::Op(Op::Swap {
            addr: small("ADDR", addr)?,
            new: None,
        }),
        ("swap", [addr, new]) => {
            let addr = small("ADDR", addr)?;
            // The interface takes 0 for "keep the state": hardly what is meant by writing it.
            let new = NonZeroU64::new(large("NEW", new)?).ok_or_else(|| {
                format!("NEW can't be 0; `swap {addr}` keeps the state, `load {addr} 0` clears it")
            })?;
            Step::Op(Op::Swap {
                addr,
                new: Some(new),
            })
        }
        _ => return Err(wrong_form(name, args)),
    };
    Ok(Statement::Step(step))
}

/// What was expected instead of this.
fn wrong_form(name: &str, args: &[&str]) -> String {
    let form = match name {
        "create" => "create N",
        "table" => "table ID",
        "destroy" => "destroy [ID]",
        "load" => "load ADDR VALUE",
        "accum" => "accum ADDR DELTA",
        "read" => "read ADDR",
        "swap" => "swap ADDR [NEW]",
        "begin" => "begin",
        "end" => "end",
        _ => {
            return format!(
                "expected create, table, destroy, load, accum, read, swap, begin or end, found {}",
                quoted(name)
            );
        }
    };
    let found = [&[name], args].concat().join(" ");
    format!("expected `{form}`, found {}", quoted(&found))
}

fn small(what: &str, word: &str) -> Result<u32, String> {
    parse_u32(word).map_err(|error| explain(what, word, u32::MAX.into(), error))
}

fn large(what: &str, word: &str) -> Result<u64, String> {
    parse_u64(word).map_err(|error| explain(what, word, u64::MAX, error))
}

fn explain(what: &str, word: &str, max: u64, error: NumberError) -> String {
    let word = quoted(word);
    match error {
        NumberError::Malformed => {
            format!("expected the number {what} (such as 10, 0xa or 0b1010), found {word}")
        }
        NumberError::TooLarge => format!("{what} is {max} at most, found {word}"),
    }
}

/// What stands in the script, short and without control characters, whatever it was.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let start: String = text.chars().take(SHOWN).collect();
    let more = if text.chars().nth(SHOWN).is_some() {
        "…"
    } else {
        ""
    };
    format!("`{}{more}`", start.escape_debug())
}
