// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl read`.

use crate::addresses::all_named;
use crate::apply::{Entry, addresses, apply};
use crate::failure::Failure;
use crate::format::Format;
use crate::global::Global;
use crate::output::Output;
use crate::record::Record;
use crate::target::OpenTable;

/// READ: print states
///
/// Of one address, the state alone is printed; of several or of a range, each with its address
/// before it. Several are one BATCH: as they are at one moment, up to 4096 of them.
#[derive(clap::Args)]
pub struct Args {
    /// An address, or a range: 0..15 (both included), 5.. or ..15, or .. for all; `-` reads them
    /// from standard input
    #[arg(value_name = "ADDR", required = true)]
    addresses: Vec<String>,
    /// How states are printed
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
            |addr| vec![Entry::Read { addr }],
        )
    }
}

/// Does what `entries` makes of each address, and prints what is returned.
pub fn states(
    global: &Global,
    target: &OpenTable,
    words: &[String],
    format: Format,
    op: &'static str,
    entries: impl Fn(u32) -> Vec<Entry>,
) -> Result<(), Failure> {
    let named = all_named(words)?;
    let table = target.open()?;
    let ranges = addresses(&table, &named)?;
    let entries: Vec<_> = ranges.into_iter().flatten().flat_map(entries).collect();
    // How many lines there are in a list doesn't change what they look like.
    let alone = words != ["-"] && matches!(named[..], [one] if one.is_single());
    let mut out = Output::new(global.json);
    apply(global, &table, &entries, |addr, state| {
        let record = Record::unnumbered(op, table.id(), addr, state);
        if alone {
            out.record(&record, format.value(state))
        } else {
            out.record(&record, format_args!("{addr} {}", format.value(state)))
        }
    })?;
    out.flush()
}
