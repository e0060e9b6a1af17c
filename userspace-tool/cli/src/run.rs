// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl run`.

use std::io::{self, BufWriter};
use std::path::PathBuf;

use crate::executor::Executor;
use crate::failure::Failure;
use crate::global::Global;
use crate::lines::Lines;
use crate::script::number::parse_u32;
use crate::script::{Script, SyntaxError};
use crate::target::AnyFile;

/// Run a script of operations on tables of its own
#[derive(clap::Args)]
#[command(after_help = SCRIPT_HELP)]
pub struct Args {
    /// The script; `-` is standard input
    #[arg(default_value = "-")]
    script: PathBuf,
    /// Contexts of the table that is made where the script doesn't begin with `create`
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = parse_u32)]
    contexts: u32,
    /// Only check the script's syntax; the device isn't opened
    #[arg(long)]
    check: bool,
    /// Print on standard error how much was done
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    target: AnyFile,
}

const SCRIPT_HELP: &str = "\
Script:
One operation a line; `#` starts a comment. Numbers are decimal, 0x hexadecimal or
0b binary, and may contain `_`.

  create N           make a table of N contexts, and make it current
  table ID           make table ID of this script current
  destroy [ID]       destroy table ID, or the current one
  load ADDR VALUE    state = VALUE
  accum ADDR DELTA   state = state XOR DELTA
  set ADDR VALUE     state = VALUE, and the reference stays
  read ADDR          print the state
  swap ADDR [NEW]    print the state, and start a new epoch from it, or
                     from NEW (not 0)
  expect ADDR VALUE  go on only where this is the state
  begin              the operations up to `end`, at most 4096, are one
  end                batch: isolated from all others, and all or nothing;
                     `swap` has no NEW there; each `expect` is checked
                     before all the others, wherever it stands

The whole script is checked before anything is executed. The first operation that fails ends it;
after an `expect` that doesn't hold, the exit status is 4. Its tables end with it.

--json prints one object a line, such as, in two:

  {\"line\":3,\"op\":\"read\",\"table\":1,\"addr\":0,
   \"value\":3405691583,\"hex\":\"0x00000000cafebabf\"}

Many JSON readers round numbers above 2^53: take `hex`, which is always exact.";

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let mut lines = Lines::open(&self.script)?.whole();
        let script = Script::parse(&mut lines).map_err(|errors| {
            let at = |e: &SyntaxError| format!("{}: {}", lines.location(e.line), e.message);
            let hint = "nothing was executed; `atomikctl run --help` shows the operations";
            Failure::script(errors.iter().map(at).collect(), Some(hint.into()))
        })?;
        if self.check {
            return Ok(());
        }

        let device = self.target.open()?;
        let out = BufWriter::new(io::stdout().lock());
        let mut executor = Executor::new(&device, lines.name(), self.contexts, global.json, out);
        let result = executor.run(&script);
        if self.verbose {
            global.say(executor.counts());
        }
        result
    }
}
