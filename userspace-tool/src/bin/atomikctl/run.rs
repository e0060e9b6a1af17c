// SPDX-License-Identifier: MIT OR Apache-2.0

//! `atomikctl run`.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::Global;
use crate::failure::Failure;
use crate::runner::Runner;
use crate::script::Script;

/// Run a script of operations on tables of its own
#[derive(clap::Args)]
#[command(after_help = SCRIPT_HELP)]
pub struct Args {
    /// The script; `-` is standard input
    #[arg(default_value = "-")]
    script: PathBuf,
    /// Contexts of the table that is made where the script doesn't begin with `create`
    #[arg(long, value_name = "N", default_value_t = 256)]
    contexts: u32,
    /// Only check the script's syntax; the device isn't opened
    #[arg(long)]
    check: bool,
    /// Print on standard error how much was done
    #[arg(short, long)]
    verbose: bool,
}

const SCRIPT_HELP: &str = "\
Script: one operation a line; `#` starts a comment. Numbers are decimal, 0x hexadecimal or
0b binary, and may contain `_`.

  create N           make a table of N contexts; it becomes the current one
  table ID           make table ID of this script the current one
  destroy [ID]       destroy table ID, or the current one
  load ADDR VALUE    state = VALUE
  accum ADDR DELTA   state = state XOR DELTA
  read ADDR          print the state
  swap ADDR [NEW]    print the state, and start a new epoch from it, or from NEW (not 0)
  begin              the operations up to `end`, at most 4096, are one batch: isolated from all
  end                others, and all or nothing; `swap` has no NEW there

The whole script is checked before anything is executed. The first operation that fails ends it.
Its tables end with it.

--json prints one object a line:
  {\"line\":3,\"op\":\"read\",\"table\":1,\"addr\":0,\"value\":3405691583,\"hex\":\"0x00000000cafebabf\"}
Many JSON readers round numbers above 2^53: take `hex`, which is always exact. Errors remain text
on standard error.";

impl Args {
    pub fn run(&self, global: &Global) -> Result<(), Failure> {
        let (name, text) = read(&self.script)?;
        let script = Script::parse(&text).map_err(|errors| {
            let at = |e: &crate::script::SyntaxError| format!("{name}:{}: {}", e.line, e.message);
            let hint = "nothing was executed; `atomikctl run --help` shows the operations";
            Failure::script(errors.iter().map(at).collect(), Some(hint.into()))
        })?;
        if self.check {
            return Ok(());
        }

        let device = global.target.open()?;
        let out = BufWriter::new(io::stdout().lock());
        let mut runner = Runner::new(&device, &name, self.contexts, global.json, out);
        let result = runner.run(&script);
        if self.verbose {
            // As with errors: nobody to tell if it's closed.
            let _ = writeln!(io::stderr(), "atomikctl: {}", runner.counts());
        }
        result
    }
}

/// The script's name in messages, and its text. What isn't UTF-8 may stand in comments; elsewhere
/// it becomes a syntax error, as no operation has such characters.
fn read(path: &Path) -> Result<(String, String), Failure> {
    let (name, bytes) = if path == Path::new("-") {
        let mut bytes = vec![];
        let result = io::stdin().read_to_end(&mut bytes);
        ("<stdin>".into(), result.map(|_| bytes))
    } else {
        (path.display().to_string(), std::fs::read(path))
    };
    match bytes {
        Ok(bytes) => Ok((name, String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => Err(Failure::script(
            vec![format!("can't read {name}: {error}")],
            None,
        )),
    }
}
