// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::Duration;

use async_nats::{Client, Message, Subject};
use atomik_replicate::NodeName;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::failure::{Failure, chain};
use crate::table_name::TableName;

/// The queue group of agents of which any one may answer.
const ANY: &str = "agents";

/// A thing that somebody asks of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Tell the status of the node.
    Status,
    /// Leave the replicated table.
    Leave,
    /// Have the node of this name removed.
    Remove(String),
}

/// A request of another program, which waits for the answer.
#[derive(Debug)]
pub struct Request {
    pub ask: Ask,
    client: Client,
    reply: Subject,
}

/// The requests that come for an agent.
pub struct Requests {
    client: Client,
    all: SelectAll<BoxStream<'static, (Ask, Option<Subject>)>>,
}

impl Requests {
    /// Takes requests from now on.
    pub async fn subscribe(
        client: &Client,
        name: &TableName,
        node: &NodeName,
    ) -> Result<Self, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::new(format!("can't take requests: {}", chain(error)))
        };
        let status = client
            .subscribe(name.status())
            .await
            .map_err(|e| failed(&e))?;
        let leave = client
            .subscribe(name.leave(node))
            .await
            .map_err(|e| failed(&e))?;
        let remove = client
            .queue_subscribe(name.remove(), ANY.into())
            .await
            .map_err(|e| failed(&e))?;
        let of = |message: Message, ask| (ask, message.reply);
        let mut all = SelectAll::new();
        all.push(status.map(move |message| of(message, Ask::Status)).boxed());
        all.push(leave.map(move |message| of(message, Ask::Leave)).boxed());
        let remove = remove.map(move |message| {
            let node = String::from_utf8_lossy(&message.payload).into_owned();
            of(message, Ask::Remove(node))
        });
        all.push(remove.boxed());
        Ok(Self {
            client: client.clone(),
            all,
        })
    }

    /// The next request; none where the connection has ended. One that wants no answer is dropped.
    pub async fn next(&mut self) -> Option<Request> {
        loop {
            if let (ask, Some(reply)) = self.all.next().await? {
                let client = self.client.clone();
                return Some(Request { ask, client, reply });
            }
        }
    }
}

impl Request {
    /// Answers that it has been done.
    pub async fn done(self) {
        self.answer(&json!({})).await;
    }

    /// Answers that it can't be done.
    pub async fn refuse(self, reason: impl std::fmt::Display) {
        self.answer(&json!({ "error": reason.to_string() })).await;
    }

    /// Answers with this object. Whoever asks notices where that fails.
    pub async fn answer(self, object: &Value) {
        let bytes = object.to_string().into_bytes();
        if self.client.publish(self.reply, bytes.into()).await.is_ok() {
            // The program may end next. A dead connection isn't waited for.
            let _ = timeout(Duration::from_secs(1), self.client.flush()).await;
        }
    }
}
