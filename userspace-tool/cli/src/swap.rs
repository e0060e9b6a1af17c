// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl swap`.

use crate::failure::Failure;
use crate::format::Format;
use crate::global::Global;
use crate::read::states;
use crate::script::Op;
use crate::script::number::parse_u64;
use crate::target::OpenTable;

/// SWAP: print states, and start new epochs from them
///
/// The reference becomes the state and the accumulator 0, so that the state stays the same; with
/// --to, the new epoch starts from another state. Up to 4096 addresses, or 2048 with --to, are one
/// BATCH: isolated from all other operations, and all or nothing. Prints as `read` does.
#[derive(clap::Args)]
pub struct Args {
    /// An address, or a range: 0..15 (both included), 5.. or ..15, or .. for all; `-` reads them
    /// from standard input
    #[arg(value_name = "ADDR", required = true)]
    addresses: Vec<String>,
    /// The state that the new epochs start from
    #[arg(long, value_name = "VALUE", value_parser = parse_u64, allow_negative_numbers = true)]
    to: Option<u64>,
    /// The format of states
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let to = self.to;
        states(
            global,
            &self.target,
            &self.addresses,
            self.format,
            "swap",
            |addr| {
                // The second sets what a SWAP with a new reference would, and takes 0 as well. A
                // batch is never divided between the two: it has an even number of entries.
                let load = to.map(|value| Op::Load { addr, value });
                [Op::Swap { addr, new: None }]
                    .into_iter()
                    .chain(load)
                    .collect()
            },
        )
    }
}
