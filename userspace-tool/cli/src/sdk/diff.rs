// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl sdk diff`.

use std::path::PathBuf;

use atomik_sdk_generator::{Diff, Effect, Schema, diff};
use serde::Serialize;

use super::{mistakes, sources};
use crate::failure::Failure;
use crate::global::Global;
use crate::output::Output;

/// Show what differs between two versions of a schema, and which version number that asks for
///
/// Each change breaks the layout (tables and messages of the old version mean something else), or
/// the API (programs no longer compile, or do something else), or is an addition, or none of these.
#[derive(clap::Args)]
#[command(after_help = STATUS)]
pub struct Args {
    /// The old schema; `-` is standard input
    old: PathBuf,
    /// The new schema; `-` is standard input
    new: PathBuf,
    /// Fail only where the new schema's version is lower than the changes ask for
    #[arg(long)]
    versioned: bool,
}

const STATUS: &str = "\
Exit status:
  0  nothing breaks; with --versioned, the new version is high enough
  4  with --versioned: it isn't
  5  the API breaks, and the layout doesn't
  6  the layout breaks

The version in the last commit against the file as it is now:

  git show HEAD:Tick.json | atomikctl sdk diff - Tick.json";

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    diff: &'a Diff,
    breaks: Option<Effect>,
    versioned: bool,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let sources = sources::read(&[self.old.clone(), self.new.clone()])?;
        // Together they would be one object in two files.
        let [old, new] = [&sources[..1], &sources[1..]];
        let (old, new) = (one(old, global), one(new, global));
        let (old, new) = (old?, new?);
        let diff = diff(&old, &new);
        let breaks = match (diff.breaks_layout(), diff.breaks_api()) {
            (true, _) => Some(Effect::Layout),
            (_, true) => Some(Effect::Api),
            _ => None,
        };
        let report = Report {
            diff: &diff,
            breaks,
            versioned: diff.is_versioned(),
        };
        let mut out = Output::new(global.json);
        out.whole(&report, text(&diff))?;
        out.flush()?;
        self.verdict(&diff, breaks)
    }

    fn verdict(&self, diff: &Diff, breaks: Option<Effect>) -> Result<(), Failure> {
        let (new, needed) = (&diff.new, &diff.needed);
        let failure = match breaks {
            _ if self.versioned && diff.is_versioned() => return Ok(()),
            _ if self.versioned => {
                Failure::plain(&format!("version {new} is too low for these changes"))
                    .with_status(4)
            }
            Some(Effect::Layout) => Failure::plain("the layout breaks").with_status(6),
            Some(_) => Failure::plain("the API breaks").with_status(5),
            None => return Ok(()),
        };
        Err(match diff.is_versioned() {
            true => failure,
            false => failure.with_hint(&format!("version {needed} or above says so to users")),
        })
    }
}

fn one(source: &[atomik_sdk_generator::Source], global: &Global) -> Result<Schema, Failure> {
    let mut schemas = mistakes::schemas(source, global)?;
    schemas
        .pop()
        .ok_or_else(|| Failure::usage("there is no schema"))
}

fn text(diff: &Diff) -> Vec<String> {
    let name = |effect| match effect {
        Effect::Layout => "layout",
        Effect::Api => "API",
        Effect::Addition => "addition",
        Effect::None => "none",
    };
    let line = |change: &atomik_sdk_generator::Change| {
        format!(
            "{:<8}  {}: {}",
            name(change.effect),
            change.path,
            change.message
        )
    };
    let mut lines: Vec<_> = diff.changes.iter().map(line).collect();
    let (old, new, needed) = (&diff.old, &diff.new, &diff.needed);
    lines.push(match (lines.is_empty(), diff.is_versioned()) {
        (true, true) if old == new => "nothing differs".into(),
        (true, true) => format!("nothing differs but the version: {old} became {new}"),
        (_, true) => format!("version {old} became {new}, as the changes ask for"),
        (_, false) if old == new => format!("version {old} stays, where {needed} is asked for"),
        (_, false) => format!("version {old} became {new}, where {needed} is asked for"),
    });
    lines
}
