// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl dump`.

use atomik::Context;
use serde::Serialize;

use crate::addresses::all_named;
use crate::apply::addresses;
use crate::failure::Failure;
use crate::format::{Format, hex};
use crate::global::Global;
use crate::output::Output;
use crate::target::OpenTable;

/// Print references, accumulators and states, as they are at one moment
#[derive(clap::Args)]
pub struct Args {
    /// Addresses, or ranges: 0..15 (both included), 5.. or ..15; `-` reads them from standard input
    #[arg(value_name = "ADDR", default_value = "..")]
    addresses: Vec<String>,
    /// Leave out contexts whose reference and accumulator are 0
    #[arg(long)]
    nonzero: bool,
    /// Leave out contexts whose accumulator is 0: those whose state is their reference
    #[arg(long)]
    changed: bool,
    /// Leave out the line above the columns
    #[arg(long)]
    no_header: bool,
    /// The format of values
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
}

#[derive(Serialize)]
struct Row {
    addr: u32,
    reference: u64,
    reference_hex: String,
    accumulator: u64,
    accumulator_hex: String,
    value: u64,
    hex: String,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let named = all_named(&self.addresses)?;
        let table = self.target.open()?;
        let ranges = addresses(&table, &named)?;
        // All between the first and the last, so that the contexts are of one moment.
        let first = ranges.iter().map(|range| *range.start()).min();
        let last = ranges.iter().map(|range| *range.end()).max();
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(());
        };
        let contexts = table
            .snapshot(first..last.saturating_add(1))
            .map_err(|e| Failure::of(&e))?;
        let mut out = Output::new(global.json);
        let width = self.format.value(0).len().max(18);
        if !self.no_header {
            out.text(format_args!(
                "{:<5}  {:<width$}  {:<width$}  state",
                "addr", "reference", "accumulator"
            ))?;
        }
        for addr in ranges.into_iter().flatten() {
            let Some(&context) = contexts.get((addr - first) as usize) else {
                break;
            };
            if self.leaves_out(context) {
                continue;
            }
            let Context {
                reference,
                accumulator,
            } = context;
            let text = |value| self.format.value(value);
            let line = format!(
                "{addr:<5}  {:<width$}  {:<width$}  {}",
                text(reference),
                text(accumulator),
                text(context.state())
            );
            let row = Row {
                addr,
                reference,
                reference_hex: hex(reference),
                accumulator,
                accumulator_hex: hex(accumulator),
                value: context.state(),
                hex: hex(context.state()),
            };
            out.record(&row, line)?;
        }
        out.flush()
    }

    fn leaves_out(&self, context: Context) -> bool {
        (self.nonzero && context == Context::default())
            || (self.changed && context.accumulator == 0)
    }
}
