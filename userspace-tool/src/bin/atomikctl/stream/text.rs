// SPDX-License-Identifier: MIT OR Apache-2.0

//! A line as a script has it.

use crate::script::{Op, Script, Step};

pub fn text(line: &str) -> Result<Option<Op>, String> {
    let script = Script::parse(line).map_err(|errors| {
        errors
            .into_iter()
            .next()
            .map_or_else(String::new, |e| e.message)
    })?;
    match script.lines.first().map(|line| &line.step) {
        None => Ok(None),
        Some(Step::Op(op)) => Ok(Some(*op)),
        Some(_) => Err("expected load, accum, read or swap: a stream is for one table".into()),
    }
}
