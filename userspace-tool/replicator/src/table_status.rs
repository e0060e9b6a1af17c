// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::stream::Info;
use serde::Serialize;

use crate::ask;
use crate::failure::Failure;
use crate::log::{Log, Stored};
use crate::nats::Connected;
use crate::node_status::NodeStatus;
use crate::table_name::TableName;

/// The status of a replicated table: its log, its snapshots, and all nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableStatus {
    pub name: String,
    /// The contexts that programs use; none where no agent answers.
    pub contexts: Option<u32>,
    /// Nodes at most.
    pub max_nodes: Option<u32>,
    pub log: LogStatus,
    /// The newest first.
    pub snapshots: Vec<SnapshotStatus>,
    /// Members by their numbers, then nodes that haven't joined.
    pub nodes: Vec<Node>,
}

/// The status of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogStatus {
    /// The position of the first message; that behind the last where there is none.
    pub first: u64,
    /// The position of the last message that was ever published.
    pub last: u64,
    pub messages: u64,
    pub bytes: u64,
    /// Servers that keep it.
    pub replicas: usize,
}

/// A stored snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SnapshotStatus {
    pub position: u64,
    pub bytes: usize,
    /// Seconds since it was stored.
    pub age_seconds: Option<u64>,
}

/// A node that is a member or has answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    pub node: String,
    /// None: it hasn't joined.
    pub number: Option<u32>,
    /// None: its agent doesn't answer.
    #[serde(flatten)]
    pub answer: Option<Answer>,
}

/// The part of a node's answer that is about the node alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    pub version: String,
    /// The position of the last message that it has read.
    pub position: u64,
    /// Messages of the log that it hasn't read.
    pub lag_messages: u64,
    /// Seconds since it had read the log to its end; 0 where it has.
    pub lag_seconds: f64,
    /// Contexts with changes that are in no message yet.
    pub untold_contexts: usize,
    /// A message of it is under way.
    pub sending: bool,
    /// The position of the snapshot that it is taking over.
    pub taking_over: Option<u64>,
    /// The news that came last.
    pub news: Option<String>,
}

impl TableStatus {
    /// Asks the log and all agents, which have this long to answer.
    pub async fn ask(
        connected: &Connected,
        log: &Log,
        name: &TableName,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        // The log first: a node that has read more than this isn't late.
        let info = log.info().await?;
        let snapshots = log.snapshots().await?;
        let answers = ask::all(&connected.client, name, timeout).await?;
        Ok(Self::of(name, &info, &snapshots, answers))
    }

    fn of(name: &TableName, info: &Info, snapshots: &[Stored], answers: Vec<NodeStatus>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        let log = LogStatus {
            first: info.state.first_sequence,
            last: info.state.last_sequence,
            messages: info.state.messages,
            bytes: info.state.bytes,
            replicas: info.config.num_replicas,
        };
        let snapshot = |stored: &Stored| SnapshotStatus {
            position: stored.position,
            bytes: stored.bytes,
            age_seconds: stored
                .modified
                .and_then(|time| Some(now.saturating_sub(time.try_into().ok()?))),
        };
        // The one that has read most knows the members best.
        let best = answers.iter().max_by_key(|status| status.position);
        Self {
            name: name.to_string(),
            contexts: best.map(|status| status.contexts),
            max_nodes: best.map(|status| status.nodes),
            snapshots: snapshots.iter().map(snapshot).collect(),
            nodes: nodes(
                best.map_or(vec![], |s| s.members.clone()),
                answers,
                log.last,
            ),
            log,
        }
    }
}

/// All nodes: members, be they silent, and others that answered.
fn nodes(members: Vec<(u32, String)>, mut answers: Vec<NodeStatus>, last: u64) -> Vec<Node> {
    answers.sort_by_key(|status| (status.number.is_none(), status.number));
    let silent = members
        .into_iter()
        .filter(|(_, name)| answers.iter().all(|status| status.node != *name));
    let silent: Vec<_> = silent
        .map(|(number, node)| Node {
            node,
            number: Some(number),
            answer: None,
        })
        .collect();
    let mut all: Vec<_> = answers.into_iter().map(|s| Node::new(s, last)).collect();
    all.extend(silent);
    all.sort_by_key(|node| (node.number.is_none(), node.number));
    all
}

impl Node {
    /// The node, as far as its own agent knows it, without asking the log.
    pub fn of_itself(status: NodeStatus) -> Self {
        let last = status.position + status.lag_messages;
        Self::new(status, last)
    }

    fn new(status: NodeStatus, last: u64) -> Self {
        Self {
            node: status.node,
            number: status.number,
            answer: Some(Answer {
                version: status.version,
                position: status.position,
                lag_messages: last.saturating_sub(status.position),
                lag_seconds: status.lag_seconds,
                untold_contexts: status.untold,
                sending: status.sending,
                taking_over: status.taking,
                news: status.news,
            }),
        }
    }

    /// The node's condition in a word or two.
    pub fn condition(&self) -> String {
        match (&self.answer, self.number) {
            (None, _) => "silent".into(),
            (
                Some(Answer {
                    taking_over: Some(position),
                    ..
                }),
                _,
            ) => {
                format!("taking over {position}")
            }
            (Some(_), None) => "joining".into(),
            (Some(answer), Some(_)) if answer.lag_messages > 0 => "reading".into(),
            (Some(answer), Some(_)) if answer.sending => "sending".into(),
            (Some(_), Some(_)) => "current".into(),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::node_status::tests::node;

    /// A table of three nodes: one reads, one is silent, and a third one joins.
    pub fn table() -> TableStatus {
        let log = LogStatus {
            first: 3,
            last: 7,
            messages: 5,
            bytes: 640,
            replicas: 3,
        };
        let mut late = node(0, "a", 5);
        late.lag_seconds = 2.5;
        late.untold = 4;
        late.sending = true;
        late.news = Some("node 1 said \"\x1b[2J\"".into());
        let mut new = node(0, "c.example", 0);
        (new.number, new.taking, new.members) = (None, Some(4), vec![]);
        TableStatus {
            name: "web".into(),
            contexts: Some(16),
            max_nodes: Some(64),
            log,
            snapshots: vec![SnapshotStatus {
                position: 4,
                bytes: 900,
                age_seconds: Some(61),
            }],
            nodes: nodes(late.members.clone(), vec![new, late], 7),
        }
    }

    #[test]
    fn members_that_are_silent_are_among_the_nodes() {
        let table = table();
        let seen: Vec<_> = (table.nodes.iter())
            .map(|node| (node.number, node.node.as_str(), node.condition()))
            .collect();
        let expected = [
            (Some(0), "a", "reading".to_owned()),
            (Some(1), "b", "silent".to_owned()),
            (None, "c.example", "taking over 4".to_owned()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn lag_is_of_the_log_as_it_was_before() {
        let lag = |position| {
            let nodes = nodes(vec![], vec![node(0, "a", position)], 7);
            nodes[0].answer.as_ref().unwrap().lag_messages
        };
        assert_eq!([lag(0), lag(7), lag(9)], [7, 0, 0]);
    }

    #[test]
    fn a_node_is_sending_only_while_it_isnt_late() {
        let mut status = node(0, "a", 7);
        assert_eq!(Node::new(status.clone(), 7).condition(), "current");
        status.sending = true;
        assert_eq!(Node::new(status.clone(), 7).condition(), "sending");
        status.number = None;
        assert_eq!(Node::new(status, 7).condition(), "joining");
    }

    #[test]
    fn json_says_which_node_is_silent_by_leaving_its_answer_out() {
        let json = serde_json::to_value(table()).unwrap();
        let silent = serde_json::json!({ "node": "b", "number": 1 });
        assert_eq!(json["nodes"][1], silent);
        assert_eq!(json["nodes"][0]["lag_messages"], 2);
        assert_eq!(json["log"]["last"], 7);
    }
}
