// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::Server;
use crate::limit::{until, waiting};
use anyhow::{Context, Result};
use async_nats::jetstream::{
    self,
    stream::{LastRawMessageErrorKind, Stream},
};
use tokio::runtime::{Builder, Runtime};

/// The log of a replicated table, as somebody sees it who isn't a node.
pub struct Log {
    runtime: Runtime,
    servers: Vec<String>,
    table: String,
}

/// Both ends of the log.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The position of the oldest message that it has.
    pub first: u64,
    /// The position of the newest message.
    pub last: u64,
    /// The name of the server that leads the stream, in a cluster.
    pub leader: Option<String>,
}

impl Log {
    /// The log of the table of this name, on these servers.
    pub fn new(servers: &[Server], table: &str) -> Result<Self> {
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            servers: servers
                .iter()
                .map(|server| format!("nats://127.0.0.1:{}", server.port()))
                .collect(),
            table: table.to_owned(),
        })
    }

    /// Where to find the servers, with commas.
    pub fn url(&self) -> String {
        self.servers.join(",")
    }

    /// Waits till the servers have JetStream: a cluster chooses a leader first.
    pub fn wait_for_jetstream(&self) -> Result<()> {
        until("for JetStream", || {
            Ok(self
                .try_to(async |context| Ok(context.query_account().await?))
                .ok())
        })?;
        Ok(())
    }

    /// Where the log begins and ends.
    pub fn ends(&self) -> Result<Ends> {
        self.with_stream(async |_, mut stream| {
            let info = stream.info().await?;
            Ok(Ends {
                first: info.state.first_sequence,
                last: info.state.last_sequence,
                leader: info
                    .cluster
                    .as_ref()
                    .and_then(|cluster| cluster.leader.clone()),
            })
        })
    }

    /// The message at a position; none where it has been cut off.
    pub fn message(&self, position: u64) -> Result<Option<Vec<u8>>> {
        self.with_stream(
            async |_, stream| match stream.get_raw_message(position).await {
                Ok(message) => Ok(Some(message.payload.to_vec())),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(error.into()),
            },
        )
    }

    /// Writes bytes to the end of the log, and returns their position.
    pub fn publish(&self, bytes: &[u8]) -> Result<u64> {
        let subject = format!("atomik.{}.log", self.table);
        let bytes = bytes.to_vec();
        self.try_to(async |context| {
            let answer = context.publish(subject, bytes.into()).await?;
            Ok(answer.await?.sequence)
        })
        .context("publishing to the log")
    }

    /// Does something with the stream, again and again while its servers have no leader for it.
    fn with_stream<T>(
        &self,
        f: impl AsyncFn(&jetstream::Context, Stream) -> Result<T>,
    ) -> Result<T> {
        let name = format!("atomik-{}", self.table);
        until(&format!("for the stream {name}"), || {
            let tried = self.try_to(async |context| {
                let stream = context.get_stream(&name).await?;
                f(&context, stream).await
            });
            if let Err(error) = &tried {
                waiting(&format!("for the stream {name}: {error:#}"));
            }
            Ok(tried.ok())
        })
    }

    /// Does something once, on a connection of its own.
    fn try_to<T>(&self, f: impl AsyncFnOnce(jetstream::Context) -> Result<T>) -> Result<T> {
        self.runtime.block_on(async {
            let client = async_nats::connect(self.servers.as_slice()).await?;
            f(jetstream::new(client)).await
        })
    }
}
