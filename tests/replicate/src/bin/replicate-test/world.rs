// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::node::{CONTEXTS, Node, Paths};
use anyhow::{Context, Result, bail, ensure};
use atomik_replicate_test::{Log, Server, until, words};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::rc::Rc;
use tempfile::TempDir;

/// The servers, the guests, and a model of the replicated table.
pub struct World {
    /// Those that have joined come first.
    pub nodes: Vec<Node>,
    pub servers: Vec<Server>,
    pub log: Log,
    /// How many of them have joined.
    pub joined: usize,
    /// The XOR of what counted of the tables that are gone.
    pub gone: Vec<u64>,
    pub long: bool,
    table: &'static str,
    random: ChaCha8Rng,
    paths: Rc<Paths>,
    directory: TempDir,
}

impl World {
    /// Starts the servers and the guests, which boot while this goes on. `directory` is the run's
    /// own, and vanishes with this.
    pub fn new(paths: Paths, directory: TempDir, long: bool, seed: u64) -> Result<Self> {
        let paths = Rc::new(paths);
        let nodes = ["a", "b", "c", "d"].map(|name| Node::boot(&paths, name));
        let servers = vec![Server::start(&paths.scripts, &paths.directory)?];
        Ok(Self {
            nodes: nodes.into_iter().collect::<Result<_>>()?,
            log: Log::new(&servers, "single")?,
            servers,
            joined: 0,
            gone: vec![0; CONTEXTS as usize],
            long,
            table: "single",
            random: ChaCha8Rng::seed_from_u64(seed),
            paths,
            directory,
        })
    }

    /// Keeps the directory with all that was said, and returns its path.
    pub fn keep(&mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }

    pub fn seed(&mut self) -> u64 {
        self.random.random()
    }

    pub fn random(&mut self, below: u64) -> u64 {
        self.random.random_range(0..below)
    }

    /// The nodes that have joined.
    pub fn members(&mut self) -> &mut [Node] {
        &mut self.nodes[..self.joined]
    }

    /// Joins the next node.
    pub fn join_next(&mut self) -> Result<()> {
        let node = &mut self.nodes[self.joined];
        node.open(self.table, &self.servers, more(&self.servers))?;
        node.join()?;
        self.joined += 1;
        Ok(())
    }

    /// Boots a node again, without a word to its agent, and joins its new table.
    pub fn reboot(&mut self, number: usize) -> Result<()> {
        let node = &mut self.nodes[number];
        node.reboot()?;
        node.open(self.table, &self.servers, more(&self.servers))?;
        node.join()
    }

    /// Leaves the tables of before for new ones, of a cluster of three servers.
    pub fn move_to_cluster(&mut self) -> Result<()> {
        for node in self.members() {
            node.ask("stop")?;
        }
        self.servers = Server::cluster(&self.paths.scripts, &self.paths.directory)?;
        self.table = "cluster";
        self.log = Log::new(&self.servers, self.table)?;
        self.log.wait_for_jetstream()?;
        self.gone.fill(0);
        self.joined = 0;
        Ok(())
    }

    /// Has all members change at least so many contexts each, while their agents are killed so
    /// often; and once there are so many messages more in the log, does something meanwhile.
    pub fn load(
        &mut self,
        count: u64,
        kills: u64,
        messages: u64,
        meanwhile: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let end = self.log.ends()?.last + messages;
        // An agent applies a batch for each message, and another for each of its own.
        let batches = 2 * messages;
        for number in 0..self.joined {
            let seed = self.seed();
            self.nodes[number].tell(&format!("load {count} {batches} {kills} {seed}"))?;
        }
        let loaded = self.joined;
        until("for messages in the log", || {
            Ok((self.log.ends()?.last >= end).then_some(()))
        })?;
        meanwhile(self)?;
        for node in &mut self.nodes[..loaded] {
            node.answer()?;
        }
        Ok(())
    }

    /// Waits till these nodes have told everything, and read the log to its end.
    pub fn settle(&mut self, numbers: &[usize]) -> Result<()> {
        until("for nodes that agree with the log", || {
            let mut positions = Vec::new();
            for &number in numbers {
                let place = self.nodes[number].place()?;
                if place.untold > 0 {
                    return Ok(None);
                }
                positions.push(place.position);
            }
            let last = self.log.ends()?.last;
            Ok(positions
                .iter()
                .all(|&position| position == last)
                .then_some(()))
        })
    }

    /// What all states should be.
    pub fn model(&mut self) -> Result<Vec<u64>> {
        let mut sum = self.gone.clone();
        for node in self.members() {
            words::xor(&mut sum, &node.words("made")?);
        }
        Ok(sum)
    }

    /// All members have the same states, which are those of the model. So says `verify`, too.
    pub fn check(&mut self) -> Result<()> {
        let all: Vec<usize> = (0..self.joined).collect();
        self.settle(&all)?;
        let model = self.model()?;
        for node in self.members() {
            compare(node.name, &node.words("states")?, &model)?;
        }
        self.command("verify", &[])?;
        self.settle(&all)
    }

    /// Runs a command of `atomik-replicate` about the table, which must succeed.
    pub fn command(&self, command: &str, arguments: &[&str]) -> Result<()> {
        let output = Command::new(&self.paths.agent)
            .args([command, self.table, "--nats", &self.log.url()])
            // Servers of a cluster may be choosing leaders, and this machine be busy.
            .args(["--timeout", "300"])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("atomik-replicate")?;
        ensure!(
            output.status.success(),
            "atomik-replicate {command}: {}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

/// More arguments for `join`.
fn more(servers: &[Server]) -> &'static str {
    if servers.len() > 1 {
        " --replicas 3"
    } else {
        ""
    }
}

/// Fails where the states of a node are not these.
pub fn compare(name: &str, states: &[u64], model: &[u64]) -> Result<()> {
    let wrong: Vec<usize> = (0..model.len())
        .filter(|&i| states[i] != model[i])
        .collect();
    if let Some(&first) = wrong.first() {
        bail!(
            "node {name} differs from the model in {} contexts; the first is {first}, with {:#x} \
             instead of {:#x}",
            wrong.len(),
            states[first],
            model[first]
        );
    }
    Ok(())
}
