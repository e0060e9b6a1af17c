// SPDX-License-Identifier: MIT OR Apache-2.0

//! Questions to agents, by other programs than agents.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::{Client, RequestErrorKind, StatusCode, Subscriber};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::failure::{Failure, chain};
use crate::node_status::NodeStatus;
use crate::table_name::TableName;

/// Asks one agent to do something, and waits until it has. `nobody` is the failure where no agent
/// is there to ask.
pub async fn one(
    client: &Client,
    subject: String,
    payload: String,
    timeout: Duration,
    nobody: Failure,
) -> Result<(), Failure> {
    let request = async_nats::Request::new()
        .payload(payload.into())
        .timeout(Some(timeout));
    let answer = match client.send_request(subject, request).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(match error.kind() {
                RequestErrorKind::NoResponders => nobody,
                RequestErrorKind::TimedOut => Failure::new(format!(
                    "the agent was asked, and hasn't done it within {} s",
                    timeout.as_secs_f64()
                ))
                .with_hint("it may do it yet: `status` tells; give it longer by --timeout"),
                _ => Failure::new(format!("can't ask the agent: {}", chain(&error))),
            });
        }
    };
    let answer: Value = serde_json::from_slice(&answer.payload)
        .map_err(|error| Failure::new(format!("the agent's answer can't be read: {error}")))?;
    match answer["error"].as_str() {
        Some(error) => Err(Failure::new(format!("the agent refused: {error}"))),
        None => Ok(()),
    }
}

/// Asks all agents for their status, and returns what came once all members have answered, or the
/// time is over.
pub async fn all(
    client: &Client,
    name: &TableName,
    timeout: Duration,
) -> Result<Vec<NodeStatus>, Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::new(format!("can't ask the agents: {}", chain(error)))
    };
    let inbox = client.new_inbox();
    let answers = (client.subscribe(inbox.clone()).await).map_err(|e| failed(&e))?;
    client
        .publish_with_reply(name.status(), inbox, "".into())
        .await
        .map_err(|e| failed(&e))?;
    collect(answers, Instant::now() + timeout).await
}

async fn collect(mut answers: Subscriber, end: Instant) -> Result<Vec<NodeStatus>, Failure> {
    let mut found: Vec<NodeStatus> = vec![];
    while !is_complete(&found) {
        let Ok(Some(answer)) = timeout_at(end, answers.next()).await else {
            break;
        };
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            break;
        }
        // Agents of other versions may answer otherwise: to an asker, they are silent.
        if let Ok(status) = serde_json::from_slice(&answer.payload) {
            found.push(status);
        }
    }
    Ok(found)
}

/// True where each member that any of them knows of has answered.
fn is_complete(found: &[NodeStatus]) -> bool {
    let members: BTreeSet<_> = (found.iter())
        .flat_map(|status| status.members.iter().map(|(_, name)| name))
        .collect();
    !found.is_empty()
        && members
            .into_iter()
            .all(|name| found.iter().any(|status| status.node == *name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_status::tests::node;

    #[test]
    fn all_members_that_anybody_knows_of_are_waited_for() {
        assert!(!is_complete(&[]));
        let (a, b) = (node(0, "a", 7), node(1, "b", 6));
        assert!(!is_complete(std::slice::from_ref(&a)));
        assert!(is_complete(&[b, a]));
    }
}
