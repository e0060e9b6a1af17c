// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl wait`.

use std::time::{Duration, Instant};

use atomik::Error;

use crate::failure::Failure;
use crate::format::{Format, hex};
use crate::global::Global;
use crate::output::Output;
use crate::record::Record;
use crate::script::number::{parse_u32, parse_u64};
use crate::seconds;
use crate::target::OpenTable;

/// Wait until a context has a state, or with --not, another one
///
/// Ends at once where that is so already, and prints the state found, as `read` does. It sleeps
/// meanwhile. A state that the context has for a moment only may go unnoticed.
///
/// Where --timeout is over first, it prints the state of then, and the exit status is 124. The
/// table's end is an error.
#[derive(clap::Args)]
pub struct Args {
    /// The address
    #[arg(value_parser = parse_u32)]
    addr: u32,
    /// The state to wait for
    #[arg(value_parser = parse_u64, allow_negative_numbers = true)]
    value: u64,
    /// Wait until the state is another than VALUE
    #[arg(long)]
    not: bool,
    /// Compare these bits alone; the others of VALUE are 0
    #[arg(
        long,
        value_name = "BITS",
        default_value = "0xffffffffffffffff",
        value_parser = parse_u64,
        allow_negative_numbers = true
    )]
    mask: u64,
    /// Wait for SECONDS at most, such as 10 or 0.5
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse)]
    timeout: Option<Duration>,
    /// The format of the state
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: OpenTable,
}

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        if self.value & !self.mask != 0 {
            return Err(Failure::usage(&format!(
                "VALUE {} has bits that --mask {} leaves out",
                hex(self.value),
                hex(self.mask)
            )));
        }
        let table = self.target.open()?;
        let failed = |error| Failure::of(&error);
        // Its error names the address.
        let mut state = table.read(self.addr).map_err(failed)?;
        let mut watch = (table.watch(self.addr..self.addr.saturating_add(1))).map_err(failed)?;
        let end = seconds::end_of(self.timeout);
        let mut over = false;
        while !over && !self.holds(state) {
            let left = end.map_or(Duration::MAX, |end| {
                end.saturating_duration_since(Instant::now())
            });
            match watch.read_timeout(left).map_err(failed)? {
                None => over = true,
                Some([.., change]) => state = change.state,
                Some([]) => return Err(failed(Error::NoSuchTable { table: table.id() })),
            }
        }
        let mut out = Output::new(global.json);
        let record = Record::unnumbered("wait", table.id(), self.addr, state);
        out.record(&record, self.format.value(state))?;
        out.flush()?;
        match over {
            false => Ok(()),
            true => Err(Failure::over(&format!(
                "the state at address {} is {}",
                self.addr,
                hex(state)
            ))),
        }
    }

    fn holds(&self, state: u64) -> bool {
        (state & self.mask == self.value) != self.not
    }
}
