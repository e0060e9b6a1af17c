// SPDX-License-Identifier: MIT OR Apache-2.0

use std::net::SocketAddr;

use atomik_replicate::{Config, Ended, Layout, NodeName};
use clap::value_parser;

use crate::discover::Founded;
use crate::failure::Failure;
use crate::global::Global;
use crate::kernel_table::{Found, random};
use crate::link::Link;
use crate::lock::Lock;
use crate::log::Log;
use crate::metrics::DEFAULT_ADDRESS;
use crate::metrics_server::MetricsServer;
use crate::nats::Nats;
use crate::open_file::OpenFile;
use crate::pump::Pump;
use crate::table_name::TableName;

/// Join a replicated table, and keep this machine's part of it in step
///
/// Makes the table where there is none of this name, by --contexts. Prints the id of the kernel's
/// table once the log has been read to its end, then a line for each piece of news, and runs until
/// it is told to stop. Programs use contexts 0 to N-1 of that table; the others are the agent's.
///
/// The agent may be killed at any moment and started again: the table has all that it must know.
#[derive(clap::Args)]
pub struct Args {
    /// The name of the replicated table: letters, digits, `-` and `_`
    name: TableName,
    /// The name of this node, which no other has; by default that of the host
    #[arg(long, value_name = "NODE", value_parser = NodeName::new)]
    node: Option<NodeName>,
    /// Contexts for programs. Needed to make the table, and checked where it exists
    #[arg(long, value_name = "N")]
    contexts: Option<u32>,
    /// Nodes at most, where the table is made; 64 by default
    #[arg(long, value_name = "K")]
    nodes: Option<u32>,
    /// Servers of a cluster that keep the log, where it is made
    #[arg(long, value_name = "R", default_value_t = 1)]
    replicas: usize,
    /// Store a snapshot each so many messages, and cut the log behind it; 0: never
    #[arg(long, value_name = "M", default_value_t = 10_000)]
    snapshot_every: u64,
    /// Messages before a snapshot that the log keeps, for nodes that are a little late
    #[arg(long, value_name = "M", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..))]
    keep: u64,
    /// Serve this node's status as metrics for Prometheus, by HTTP at this address
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true,
        default_missing_value = DEFAULT_ADDRESS)]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    file: OpenFile,
    #[command(flatten)]
    nats: Nats,
}

impl Args {
    pub async fn run(&self, global: &Global) -> Result<(), Failure> {
        let node = match self.node {
            Some(node) => node,
            None => host_name()?,
        };
        let device = self.file.open()?;
        let metrics = match self.metrics {
            Some(address) => Some(MetricsServer::listen(address).await?),
            None => None,
        };
        let founded = self.founded().await?;
        let layout = self.layout(founded)?;
        let found = Found::find_or_make(&device, layout, founded.map(|f| f.number), node)?;
        let incarnation = found.incarnation;
        let _lock = Lock::take(incarnation)?;
        let config = Config {
            name: node,
            layout,
            incarnation,
            table: random()?,
            snapshot_every: self.snapshot_every,
            keep: self.keep,
        };
        let link = Link::new(self.nats.clone(), self.name.clone(), node);
        let pump = Pump::new(
            self.name.clone(),
            config,
            found.watch()?,
            link,
            metrics,
            global,
        )?;
        match pump.run().await? {
            Ended::Stopped => global.say("stopped; the table stays as it is"),
            Ended::Left => global.say("left; the others know"),
        }
        Ok(())
    }

    /// The table in the log, which is made where it is missing.
    async fn founded(&self) -> Result<Option<Founded>, Failure> {
        let connected = self.nats.connect().await?;
        if let Some(log) = Log::find(&connected, &self.name).await? {
            return Founded::find(&log).await;
        }
        // Checks it before anything is made.
        self.layout(None)?;
        Log::make(&connected, &self.name, self.replicas).await?;
        Ok(None)
    }

    /// The layout that the table has, or gets.
    fn layout(&self, founded: Option<Founded>) -> Result<Layout, Failure> {
        let Some(Founded { layout, .. }) = founded else {
            let Some(contexts) = self.contexts else {
                return Err(Failure::usage(format!(
                    "there is no replicated table {} yet",
                    self.name
                ))
                .with_hint("--contexts N makes one"));
            };
            return Ok(Layout::new(
                contexts,
                self.nodes.unwrap_or(Layout::DEFAULT_NODES),
            )?);
        };
        let differs = |wanted: Option<u32>, is| wanted.is_some_and(|wanted| wanted != is);
        if differs(self.contexts, layout.states()) || differs(self.nodes, layout.nodes()) {
            return Err(Failure::new(format!(
                "{} has {} contexts and room for {} nodes",
                self.name,
                layout.states(),
                layout.nodes()
            ))
            .with_hint("leave --contexts and --nodes away to join it")
            .finally());
        }
        Ok(layout)
    }
}

pub fn host_name() -> Result<NodeName, Failure> {
    let name = nix::unistd::gethostname()
        .map_err(|error| Failure::new(format!("can't get the host's name: {error}")))?;
    NodeName::new(&name.to_string_lossy())
        .map_err(|error| Failure::usage(error.to_string()).with_hint("choose one by --node NODE"))
}
