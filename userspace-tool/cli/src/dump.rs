// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl dump`.

use atomik::Context;
use serde::Serialize;

use crate::addresses::Addresses;
use crate::apply::addresses;
use crate::failure::Failure;
use crate::format::{Format, hex};
use crate::global::Global;
use crate::output::Output;
use crate::target::OpenTable;

/// Print references, accumulators and states, as they are at one moment
#[derive(clap::Args)]
pub struct Args {
    /// An address, or a range such as 0..15 (both included)
    #[arg(value_name = "ADDR", default_value = "..")]
    addresses: Addresses,
    /// Leave out contexts whose reference and accumulator are 0
    #[arg(long)]
    nonzero: bool,
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
    accumulator: u64,
    value: u64,
    hex: String,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let table = self.target.open()?;
        let ranges = addresses(&table, &[self.addresses])?;
        let mut out = Output::new(global.json);
        for range in ranges {
            let contexts = table
                .snapshot(*range.start()..range.end().saturating_add(1))
                .map_err(|e| Failure::of(&e))?;
            let width = self.format.value(0).len().max(18);
            out.text(format_args!(
                "{:<5}  {:<width$}  {:<width$}  state",
                "addr", "reference", "accumulator"
            ))?;
            for (addr, context) in range.zip(contexts) {
                if self.nonzero && context == Context::default() {
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
                    accumulator,
                    value: context.state(),
                    hex: hex(context.state()),
                };
                out.record(&row, line)?;
            }
        }
        out.flush()
    }
}
