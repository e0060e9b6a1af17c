// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::BTreeMap;
use std::time::Duration;

use atomik_command_line::seconds;
use atomik_replicate::{Body, Message};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use crate::ask;
use crate::discover::Founded;
use crate::failure::Failure;
use crate::global::Global;
use crate::kernel_table::random;
use crate::log::{Log, next_message};
use crate::nats::Nats;
use crate::news::hex;
use crate::node_status::NodeStatus;
use crate::table_name::TableName;

/// Compare the tables of all nodes, as they are at one position of the log
///
/// Each node's agent publishes the SHA-256 of what it has there. The exit status is 0 where all
/// agree, 1 where they don't, or a node doesn't answer in time. What programs have changed and the
/// agents have not told yet is not part of it.
#[derive(clap::Args)]
pub struct Args {
    /// The name of the replicated table
    name: TableName,
    /// Seconds for all agents to answer
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds::parse)]
    timeout: Duration,
    #[command(flatten)]
    nats: Nats,
}

/// The answers of nodes to the question at a position.
#[derive(Debug, Serialize)]
struct Answers {
    /// Where the question is; the digests are of what comes before it.
    position: u64,
    nodes: Vec<Answer>,
}

#[derive(Debug, Serialize)]
struct Answer {
    number: u32,
    /// None: it has joined just now.
    node: Option<String>,
    /// None: it hasn't answered.
    digest: Option<String>,
}

impl Args {
    pub async fn run(&self, global: &Global) -> Result<(), Failure> {
        let end = Instant::now().checked_add(self.timeout);
        let end = end.ok_or_else(|| Failure::usage("--timeout is too long"))?;
        let answers = loop {
            match self.ask(end).await {
                Err(failure) if failure.is_passing() && Instant::now() + PAUSE < end => {
                    sleep(PAUSE).await;
                }
                answers => break answers?,
            }
        };
        global.print(answers.text(), json!(answers))?;
        answers.judge()
    }

    /// Asks all nodes, and waits for their answers.
    async fn ask(&self, end: Instant) -> Result<Answers, Failure> {
        let connected = self.nats.connect().await?;
        let log = Log::existing(&connected, &self.name).await?;
        let Some(founded) = Founded::find(&log).await? else {
            return Err(Failure::new(format!("nobody has joined {} yet", self.name)));
        };
        // Agents may be about to connect.
        let found = loop {
            let found = ask::all(&connected.client, &self.name, SILENCE.min(self.timeout)).await?;
            if !found.is_empty() {
                break found;
            }
            if Instant::now() + PAUSE >= end {
                return Err(Failure::new(format!("no agent of {} answers", self.name))
                    .with_hint("`join` starts one"));
            }
            sleep(PAUSE).await;
        };
        let question = random()?;
        let message = Message {
            table: founded.number,
            body: Body::Verify { question },
        };
        let position = log.publish(message.encode()).await?;
        let mut answers = Answers::of(position, &found);
        let mut messages = log.messages(position + 1).await?;
        while !answers.complete() {
            let Ok(next) = timeout_at(end, next_message(&mut messages)).await else {
                break;
            };
            answers.take(&next?.1, founded.number);
        }
        Ok(answers)
    }
}

/// The time to find out which nodes there are. One that isn't there is missing afterwards.
const SILENCE: Duration = Duration::from_secs(2);

/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

impl Answers {
    /// Answers that are expected of all members.
    fn of(position: u64, found: &[NodeStatus]) -> Self {
        let best = found.iter().max_by_key(|status| status.position);
        let members: BTreeMap<_, _> = (best.iter())
            .flat_map(|status| status.members.iter().cloned())
            .collect();
        let nodes = members.into_iter().map(|(number, node)| Answer {
            number,
            node: Some(node),
            digest: None,
        });
        Self {
            position,
            nodes: nodes.collect(),
        }
    }

    /// Takes a message of the log, which may be an answer.
    fn take(&mut self, bytes: &[u8], table: u64) {
        // What can't be read is the agents' to judge.
        let Ok(message) = Message::decode(bytes) else {
            return;
        };
        let Body::Digest {
            position,
            node,
            digest,
        } = message.body
        else {
            return;
        };
        if position != self.position || message.table != table {
            return;
        }
        let digest = Some(hex(&digest));
        match self.nodes.iter_mut().find(|answer| answer.number == node) {
            Some(answer) => answer.digest = digest,
            None => self.nodes.push(Answer {
                number: node,
                node: None,
                digest,
            }),
        }
    }

    fn complete(&self) -> bool {
        self.nodes.iter().all(|answer| answer.digest.is_some())
    }

    fn text(&self) -> String {
        let mut text = format!("position {}", self.position);
        for answer in &self.nodes {
            let digest = answer.digest.as_deref().unwrap_or("no answer");
            text += &format!("\n{digest}  {}", answer.name());
        }
        text
    }

    /// Fails where not all have the same.
    fn judge(&self) -> Result<(), Failure> {
        let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut missing = vec![];
        for answer in &self.nodes {
            match &answer.digest {
                Some(digest) => groups.entry(digest).or_default().push(answer.name()),
                None => missing.push(answer.name()),
            }
        }
        if groups.len() > 1 {
            let groups: Vec<_> = groups.values().map(|names| names.join(", ")).collect();
            return Err(Failure::new(format!(
                "at position {} the nodes' tables differ: {}",
                self.position,
                groups.join(" / ")
            ))
            .with_hint(
                "save what the right ones have; on each other node end the agent, destroy its \
                 table, and join again",
            ));
        }
        if !missing.is_empty() {
            return Err(Failure::new(format!(
                "no answer from {}; the others agree",
                missing.join(", ")
            ))
            .with_hint("`status` shows whether they run, and how far they are"));
        }
        Ok(())
    }
}

impl Answer {
    fn name(&self) -> String {
        match &self.node {
            Some(node) => node.clone(),
            None => format!("node {}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_status::tests::node;

    fn digest(node: u32, byte: u8, position: u64, table: u64) -> Vec<u8> {
        let body = Body::Digest {
            position,
            node,
            digest: [byte; 32],
        };
        Message { table, body }.encode()
    }

    fn answers() -> Answers {
        Answers::of(9, &[node(1, "b", 3), node(0, "a", 8)])
    }

    #[test]
    fn all_members_must_agree() {
        let mut all = answers();
        let said = all.judge().unwrap_err().to_string();
        assert!(said.contains("no answer from a, b"), "{said}");
        // Of another question, of another table, and no message at all.
        for bytes in [digest(0, 7, 8, 5), digest(0, 7, 9, 6), b"x".to_vec()] {
            all.take(&bytes, 5);
        }
        all.take(&digest(0, 7, 9, 5), 5);
        assert!(!all.complete());
        let said = all.judge().unwrap_err().to_string();
        assert!(
            said.contains("no answer from b; the others agree"),
            "{said}"
        );
        all.take(&digest(1, 7, 9, 5), 5);
        assert!(all.complete() && all.judge().is_ok());
        let digest = "07".repeat(32);
        assert_eq!(all.text(), format!("position 9\n{digest}  a\n{digest}  b"));
    }

    #[test]
    fn nodes_that_differ_are_named() {
        let mut all = answers();
        all.take(&digest(0, 7, 9, 5), 5);
        all.take(&digest(1, 8, 9, 5), 5);
        all.take(&digest(2, 7, 9, 5), 5);
        let said = all.judge().unwrap_err().to_string();
        assert!(said.contains("tables differ: a, node 2 / b"), "{said}");
    }
}
