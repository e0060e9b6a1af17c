// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::Duration;

use atomik_command_line::seconds;
use atomik_replicate::NodeName;
use serde_json::json;

use crate::ask;
use crate::failure::Failure;
use crate::global::Global;
use crate::nats::Nats;
use crate::table_name::TableName;

/// Take a node out of a replicated table that is gone for good
///
/// Any other node's agent does it. Its number is free then. What the node had not told is lost;
/// where its agent runs after all, it ends with an error. To take out a node that runs, use
/// `leave`.
#[derive(clap::Args)]
pub struct Args {
    /// The name of the replicated table
    name: TableName,
    /// The name of the node
    #[arg(value_parser = NodeName::new)]
    node: NodeName,
    /// Seconds for an agent to do it
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds::parse)]
    timeout: Duration,
    #[command(flatten)]
    nats: Nats,
}

impl Args {
    pub async fn run(&self, global: &Global) -> Result<(), Failure> {
        let node = self.node;
        let connected = self.nats.connect().await?;
        let nobody = Failure::new(format!("no agent of {} answers", self.name))
            .with_hint("one must run, of any node: `join` starts it");
        let subject = self.name.remove();
        ask::one(
            &connected.client,
            subject,
            node.to_string(),
            self.timeout,
            nobody,
        )
        .await?;
        let text = format!("{node} is removed from {}", self.name);
        global.print(text, json!({ "removed": node.to_string() }))
    }
}
