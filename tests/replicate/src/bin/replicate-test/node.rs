// SPDX-License-Identifier: MIT OR Apache-2.0

use anyhow::{Context, Result, ensure};
use atomik_replicate_test::{Guest, Proxy, Server, words};
use std::path::PathBuf;
use std::rc::Rc;

/// The contexts of programs in the tables of these tests: more than a message has.
pub const CONTEXTS: u32 = 2000;
/// The most nodes that these tables may have.
const NODES: u32 = 8;
/// Few messages, so that the log is cut soon.
const SNAPSHOTS: &str = "--snapshot-every 40 --keep 20";

/// A guest with a table and an agent, and the network between it and the servers.
pub struct Node {
    pub name: &'static str,
    pub proxy: Proxy,
    paths: Rc<Paths>,
    guest: Guest,
}

/// The parts that a run is made of.
pub struct Paths {
    /// The directory `qemu`.
    pub scripts: PathBuf,
    /// atomik-replicate, as users have it.
    pub agent: PathBuf,
    /// What a guest runs beside it.
    pub node: PathBuf,
    /// The directory of this run, for what guests and servers say, and for what servers keep.
    pub directory: PathBuf,
    /// The kernel of the guests, as qemu/run takes it.
    pub kernel: String,
}

/// The place of a node in the log.
pub struct Place {
    pub position: u64,
    /// How many contexts have changes that may be missing from the log.
    pub untold: u64,
}

impl Node {
    /// Boots a guest. It may take a while until it answers.
    pub fn boot(paths: &Rc<Paths>, name: &'static str) -> Result<Self> {
        Ok(Self {
            name,
            proxy: Proxy::default(),
            guest: boot(paths, name)?,
            paths: Rc::clone(paths),
        })
    }

    /// Takes its power away, and boots it again.
    pub fn reboot(&mut self) -> Result<()> {
        self.guest = boot(&self.paths, self.name)?;
        Ok(())
    }

    /// Has a new file, whose table is to be joined to the replicated table of this name.
    pub fn open(&mut self, table: &str, servers: &[Server], more: &str) -> Result<()> {
        let urls = servers
            .iter()
            .map(|server| {
                let port = self.proxy.lead_to(server.port())?;
                Ok(format!("nats://10.0.2.2:{port}"))
            })
            .collect::<Result<Vec<_>>>()?;
        let name = self.name;
        let urls = urls.join(",");
        self.ask(&format!(
            "open {CONTEXTS} {NODES} {table} --node {name} --contexts {CONTEXTS} --nodes {NODES} \
             {SNAPSHOTS} --nats {urls}{more}"
        ))?;
        Ok(())
    }

    /// Starts the agent, and waits till it has joined.
    pub fn join(&mut self) -> Result<()> {
        self.ask("start")?;
        self.ask("joined")?;
        Ok(())
    }

    pub fn ask(&mut self, command: &str) -> Result<String> {
        self.guest.ask(command)
    }

    pub fn tell(&mut self, command: &str) -> Result<()> {
        self.guest.tell(command)
    }

    pub fn answer(&mut self) -> Result<String> {
        self.guest.answer()
    }

    /// A list of words, one for each context.
    pub fn words(&mut self, command: &str) -> Result<Vec<u64>> {
        let words = words::from_text(&self.ask(command)?)?;
        ensure!(words.len() == CONTEXTS as usize, "{}: {command}", self.name);
        Ok(words)
    }

    pub fn place(&mut self) -> Result<Place> {
        let text = self.ask("position")?;
        let (position, untold) = text.split_once(' ').context("position")?;
        Ok(Place {
            position: position.parse()?,
            untold: untold.parse()?,
        })
    }
}

fn boot(paths: &Paths, name: &str) -> Result<Guest> {
    let files = [paths.node.as_path(), &paths.agent];
    let log = paths.directory.join(format!("node-{name}"));
    Guest::boot(&paths.scripts, &paths.kernel, name, &files, &log)
}
