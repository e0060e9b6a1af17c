// SPDX-License-Identifier: MIT OR Apache-2.0

//! Mistakes of schemas, as they are shown.

use std::io::{self, IsTerminal, Write};

use atomik_sdk_generator::{Problem, Schema, Source, check};

use crate::failure::Failure;
use crate::global::Global;
use crate::output::count;
use crate::printable::{printable, printable_styled};

/// The schemas, or the failure where there are mistakes, which are printed on standard error.
pub fn schemas(sources: &[Source], global: &Global) -> Result<Vec<Schema>, Failure> {
    let problems = match check(sources) {
        Ok(schemas) => return Ok(schemas),
        Err(problems) => problems,
    };
    if global.json {
        return Err(Failure::script(problems.iter().map(line).collect(), None));
    }
    let color = in_color(&io::stderr());
    for problem in &problems {
        // Where standard error is closed, the exit status has to do.
        let _ = writeln!(io::stderr(), "{}\n", text(problem, sources, color));
    }
    let failure = failure(&problems);
    Err(failure.with_hint("nothing was done; the schemas must be right first"))
}

pub fn failure(problems: &[Problem]) -> Failure {
    Failure::usage(&count(problems.len(), "mistake", "mistakes"))
}

/// A mistake with the line of its schema.
pub fn text(problem: &Problem, sources: &[Source], color: bool) -> String {
    let Some(source) = sources.iter().find(|source| source.name == problem.file) else {
        return printable(&line(problem)).into_owned();
    };
    let rendered = problem.render(source, color);
    let lines = rendered.lines().map(|line| match color {
        true => printable_styled(line),
        false => printable(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A mistake in a line.
fn line(problem: &Problem) -> String {
    let mut text = format!("{}:{}:{}: ", problem.file, problem.line, problem.column);
    if !problem.path.is_empty() {
        text += &format!("{}: ", problem.path);
    }
    text += &problem.message;
    if let Some(allowed) = &problem.allowed {
        text += &format!("; allowed: {allowed}");
    }
    if let Some(suggestion) = &problem.suggestion {
        text += &format!("; did you mean `{suggestion}`?");
    }
    text
}

/// Terminals get colors, unless the user wants none.
pub fn in_color(stream: &impl IsTerminal) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    stream.is_terminal() && !is_set("NO_COLOR") && !dumb
}
