// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl sdk check`.

use std::io;
use std::path::PathBuf;

use super::{mistakes, sources};
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{Output, count};

/// Show all mistakes of schemas, each with its place, what is allowed, and what a typo may mean
///
/// The schemas are also checked together, as `sdk generate` takes them: no two may have the same
/// object. The exit status is 2 where there are mistakes. With --json, each is one line of `file`,
/// `line` and `column` (from 1), `path`, `message`, and perhaps `allowed` and `suggestion`.
#[derive(clap::Args)]
pub struct Args {
    /// The schemas; `-` is standard input
    #[arg(value_name = "SCHEMA", required = true)]
    schemas: Vec<PathBuf>,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let sources = sources::read(&self.schemas)?;
        let mut out = Output::new(global.json);
        let problems = match atomik_sdk_generator::check(&sources) {
            Ok(schemas) => {
                for (schema, source) in schemas.iter().zip(&sources) {
                    let fields = count(schema.fields.len(), "field", "fields");
                    let version = &schema.catalogue.version;
                    let name = schema.full_name();
                    out.text(format_args!("{}: {name} {version}, {fields}", source.name))?;
                }
                return out.flush();
            }
            Err(problems) => problems,
        };
        let color = mistakes::in_color(&io::stdout());
        for problem in &problems {
            match global.json {
                true => out.record(problem, "")?,
                false => out.styled(format_args!(
                    "{}\n",
                    mistakes::text(problem, &sources, color)
                ))?,
            }
        }
        out.flush()?;
        Err(mistakes::failure(&problems))
    }
}
