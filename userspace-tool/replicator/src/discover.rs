// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::Duration;

use atomik_replicate::{Body, Layout, Message, Snapshot};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::log::{Log, next_message};

/// The time to wait for a message that the log has.
const SILENCE: Duration = Duration::from_secs(30);

/// A replicated table that has been founded: its layout, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Founded {
    pub layout: Layout,
    pub number: u64,
}

impl Founded {
    /// What the log says: of the first message that founds a table, or of the newest snapshot. None
    /// where it says nothing yet.
    pub async fn find(log: &Log) -> Result<Option<Self>, Failure> {
        let (first, last) = log.ends().await?;
        if first > 1 {
            if let Some(bytes) = log.newest_snapshot().await? {
                return match Snapshot::decode(&bytes) {
                    Ok(snapshot) => Ok(Some(Self {
                        layout: snapshot.layout,
                        number: snapshot.table,
                    })),
                    Err(error) => Err(Failure::new(format!(
                        "can't read the newest snapshot: {error}"
                    ))
                    .finally()),
                };
            }
        }
        if first > last {
            return Ok(None);
        }
        let mut messages = log.messages(first).await?;
        loop {
            let next = timeout(SILENCE, next_message(&mut messages)).await;
            let (position, bytes) =
                next.map_err(|_| Failure::new("the log gives no messages"))??;
            // What can't be read is the agent's to judge.
            if let Ok(Message {
                table: number,
                body: Body::Found { layout },
            }) = Message::decode(&bytes)
            {
                return Ok(Some(Self { layout, number }));
            }
            if position >= last {
                return Ok(None);
            }
        }
    }
}
