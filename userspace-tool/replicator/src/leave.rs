// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::Duration;

use atomik_command_line::seconds;
use atomik_replicate::NodeName;
use serde_json::json;

use crate::ask;
use crate::failure::Failure;
use crate::global::Global;
use crate::join::host_name;
use crate::nats::Nats;
use crate::table_name::TableName;

/// Take a node out of a replicated table, by its own agent
///
/// The agent tells the others all changes first, then that it leaves, and ends with status 0. The
/// kernel's table stays as it is; its node may join again. Where the agent doesn't run any more,
/// `remove` does it.
#[derive(clap::Args)]
pub struct Args {
    /// The name of the replicated table
    name: TableName,
    /// The name of the node; by default that of the host
    #[arg(long, value_name = "NODE", value_parser = NodeName::new)]
    node: Option<NodeName>,
    /// Seconds for the agent to do it
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds::parse)]
    timeout: Duration,
    #[command(flatten)]
    nats: Nats,
}

impl Args {
    pub async fn run(&self, global: &Global) -> Result<(), Failure> {
        let node = match self.node {
            Some(node) => node,
            None => host_name()?,
        };
        let connected = self.nats.connect().await?;
        let nobody = Failure::new(format!("no agent of {} answers as {node}", self.name))
            .with_hint("`status` shows the nodes; `remove` takes one out that is gone for good");
        let subject = self.name.leave(&node);
        ask::one(
            &connected.client,
            subject,
            String::new(),
            self.timeout,
            nobody,
        )
        .await?;
        let text = format!("{node} has left {}", self.name);
        global.print(text, json!({ "left": node.to_string() }))
    }
}
