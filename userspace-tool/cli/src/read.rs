// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl read`.

use crate::addresses::all_named;
use crate::apply::{addresses, apply};
use crate::failure::Failure;
use crate::format::Format;
use crate::global::Global;
use crate::output::Output;
use crate::record::Record;
use crate::script::Op;
use crate::target::OpenTable;

/// READ: print states
///
/// For one address, prints the state alone; for several or a range, each after its address. Up to
/// 4096 are one BATCH: their states are of one moment.
#[derive(clap::Args)]
pub struct Args {
    /// An address, or a range: 0..15 (both included), 5.. or ..15, or .. for all; `-` reads them
    /// from standard input
    #[arg(value_name = "ADDR", required = true)]
    addresses: Vec<String>,
    /// The format of states
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        states(
            global,
            &self.target,
            &self.addresses,
            self.format,
            "read",
            |addr| vec![Op::Read { addr }],
        )
    }
}

/// Runs the operations that `ops` makes for each address, and prints the states that they return.
pub fn states(
    global: &Global,
    target: &OpenTable,
    words: &[String],
    format: Format,
    op: &'static str,
    ops: impl Fn(u32) -> Vec<Op>,
) -> Result<(), Failure> {
    let named = all_named(words)?;
    let table = target.open()?;
    let ranges = addresses(&table, &named)?;
    let ops: Vec<_> = ranges.into_iter().flatten().flat_map(ops).collect();
    // A list from standard input looks the same whatever its length.
    let alone = words != ["-"] && matches!(named[..], [one] if one.is_single());
    let mut out = Output::new(global.json);
    apply(global, &table, &ops, |addr, state| {
        let record = Record::unnumbered(op, table.id(), addr, state);
        if alone {
            out.record(&record, format.value(state))
        } else {
            out.record(&record, format_args!("{addr} {}", format.value(state)))
        }
    })?;
    out.flush()
}
