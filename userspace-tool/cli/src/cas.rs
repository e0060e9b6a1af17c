// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl cas`.

use serde::Serialize;

use crate::failure::Failure;
use crate::format::Format;
use crate::global::Global;
use crate::output::Output;
use crate::record::Record;
use crate::script::number::{parse_u32, parse_u64};
use crate::target::OpenTable;

/// Compare and set: change a state only where it is the expected one
///
/// Prints the state before, as `read` does. Where that is OLD, the state has become NEW, and the
/// reference is the same. Where it is another, nothing has changed and the exit status is 4: a
/// script may try again from the state that was printed. `batch` and `run` do so with several
/// contexts, by `expect` and `set`.
#[derive(clap::Args)]
pub struct Args {
    /// The address
    #[arg(value_parser = parse_u32)]
    addr: u32,
    /// The expected state
    #[arg(value_parser = parse_u64, allow_negative_numbers = true)]
    old: u64,
    /// The new state
    #[arg(value_parser = parse_u64, allow_negative_numbers = true)]
    new: u64,
    /// The format of the state
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
}

#[derive(Serialize)]
struct Exchange {
    #[serde(flatten)]
    before: Record,
    exchanged: bool,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let table = self.target.open()?;
        let result = table
            .compare_exchange(self.addr, self.old, self.new)
            .map_err(|e| Failure::of(&e))?;
        let exchanged = result.is_ok();
        let (Ok(state) | Err(state)) = result;
        let exchange = Exchange {
            before: Record::unnumbered("cas", table.id(), self.addr, state),
            exchanged,
        };
        let mut out = Output::new(global.json);
        out.record(&exchange, self.format.value(state))?;
        out.flush()?;
        match exchanged {
            true => Ok(()),
            false => Err(Failure::unmet()),
        }
    }
}
