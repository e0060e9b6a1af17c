// SPDX-License-Identifier: MIT OR Apache-2.0
//! `replicate-node`: runs in a guest, has the open file of a replicated table, changes the table,
//! and starts, kills and stops the agent. Each line of standard input is a command, and gets a line
//! as its answer: what was asked for, or `ok`, or `error` and why.
//!
//! | command | effect |
//! | --- | --- |
//! | `open N K ARGUMENT…` | opens another file; `atomik-replicate join` gets these arguments |
//! | `start` | starts the agent |
//! | `joined` | waits till the agent has joined |
//! | `stop`, `kill` | ends the agent by SIGTERM, by SIGKILL |
//! | `change COUNT SEED` | changes so many random contexts, in all ways |
//! | `load COUNT BATCHES KILLS SEED` | the same, till agents applied so many batches and were killed so often |
//! | `made` | tells the XOR of all that this program has changed, of each context |
//! | `states`, `shadow`, `outbox` | tells that part of the table |
//! | `position` | tells the position in the log, and how many contexts are not in the log yet |

mod agent;
mod load;
mod table;

use agent::Agent;
use anyhow::{Context, Result, bail};
use atomik::Device;
use atomik_replicate::Layout;
use atomik_replicate_test::words;
use std::io::{self, Write};
use table::Table;

/// The table, and its agent.
struct Node {
    layout: Layout,
    agent: Agent,
    table: Option<Table>,
}

fn main() -> Result<()> {
    let mut node = None;
    for line in io::stdin().lines() {
        let line = line?;
        let answer = match serve(&mut node, &line) {
            Ok(answer) => answer,
            Err(error) => format!("error {error:#}").replace('\n', "; "),
        };
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn serve(node: &mut Option<Node>, line: &str) -> Result<String> {
    let mut arguments = line.split(' ');
    let command = arguments.next().context("an empty line")?;
    let mut number = || -> Result<u64> { Ok(arguments.next().context("a number")?.parse()?) };
    if command == "open" {
        let layout = Layout::new(number()? as u32, number()? as u32)?;
        // The file of before, and its tables, end here.
        *node = None;
        *node = Some(Node {
            layout,
            agent: Agent::new(Device::open()?, arguments.map(str::to_owned).collect()),
            table: None,
        });
        return Ok("ok".into());
    }
    let node = node.as_mut().context("no file is open")?;
    match command {
        "start" => node.agent.start()?,
        "joined" => node.agent.joined()?,
        "stop" => node.agent.stop()?,
        "kill" => node.agent.kill()?,
        "change" => {
            let (count, seed) = (number()?, number()?);
            node.table()?.change(count, seed)?;
        }
        "load" => {
            let (count, batches) = (number()?, number()?);
            let (kills, seed) = (number()?, number()?);
            node.load(count, batches, kills, seed)?;
        }
        "made" => return Ok(words::to_text(&node.table()?.made)),
        "states" | "shadow" | "outbox" => {
            let [states, shadow, outbox] = node.table()?.parts()?;
            return Ok(words::to_text(&match command {
                "states" => states,
                "shadow" => shadow,
                _ => outbox,
            }));
        }
        "position" => {
            node.agent.supervise()?;
            let table = node.table()?;
            return Ok(format!("{} {}", table.position()?, table.untold()?));
        }
        other => bail!("no command is called {other}"),
    }
    Ok("ok".into())
}

impl Node {
    /// The table, which the agent makes.
    fn table(&mut self) -> Result<&mut Table> {
        if self.table.is_none() {
            let table = self.agent.device.only_table()?;
            self.table = Some(Table::new(table, self.layout));
        }
        self.table.as_mut().context("made above")
    }
}
