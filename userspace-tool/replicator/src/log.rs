// SPDX-License-Identifier: MIT OR Apache-2.0

use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::context::{GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::object_store::{self, ObjectStore};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{self, Context, ErrorCode};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE as URL_SAFE;
use futures_util::{StreamExt, TryStreamExt};

use crate::failure::{Failure, chain};
use crate::nats::Connected;
use crate::table_name::TableName;

/// The log of a replicated table, a stream of JetStream, and its snapshots, in an object store. The
/// position of a message is its sequence number in the stream.
#[derive(Clone)]
pub struct Log {
    context: Context,
    stream: Stream,
    snapshots: ObjectStore,
    name: TableName,
}

/// A stored snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub position: u64,
    pub bytes: usize,
    /// Seconds since 1970.
    pub modified: Option<i64>,
    /// The messages that it is made of, and the word that their subject ends with.
    pub chunks: usize,
    pub nuid: String,
}

/// A reason why a message may not be in the log.
pub enum NotPublished {
    /// Nobody has answered.
    NoAnswer(Failure),
    /// The log is full, say.
    Refused(Failure),
}

impl From<NotPublished> for Failure {
    fn from(reason: NotPublished) -> Self {
        match reason {
            NotPublished::NoAnswer(failure) | NotPublished::Refused(failure) => failure,
        }
    }
}

/// The longest message, in bytes.
const LONGEST: i32 = 13_632;

/// Snapshots that are kept: the newest, and the one that somebody may be reading.
const KEPT: usize = 2;

impl Log {
    /// The log of this table; none where the server has none.
    pub async fn find(connected: &Connected, name: &TableName) -> Result<Option<Self>, Failure> {
        let context = jetstream::new(connected.client.clone());
        let stream = match context.get_stream(name.stream()).await {
            Ok(stream) => stream,
            Err(error) => {
                return match error.kind() {
                    GetStreamErrorKind::JetStream(e)
                        if e.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                    {
                        Ok(None)
                    }
                    _ => Err(broken("find the stream", &error)),
                };
            }
        };
        check(stream.cached_info(), name)?;
        let snapshots = context
            .get_object_store(name.bucket())
            .await
            .map_err(|error| broken("find the snapshots", &error))?;
        Ok(Some(Self {
            context,
            stream,
            snapshots,
            name: name.clone(),
        }))
    }

    /// The log of this table, which must be there.
    pub async fn existing(connected: &Connected, name: &TableName) -> Result<Self, Failure> {
        Self::find(connected, name).await?.ok_or_else(|| {
            Failure::new(format!(
                "there is no replicated table {name} on this server"
            ))
            .with_hint("`join` makes it; is --nats the right server?")
        })
    }

    /// Makes the log of this table, on so many servers of a cluster. Snapshots of an earlier table of
    /// this name are in the way.
    pub async fn make(
        connected: &Connected,
        name: &TableName,
        replicas: usize,
    ) -> Result<(), Failure> {
        let context = jetstream::new(connected.client.clone());
        // The snapshots first: where there is a log, they are there as well.
        let bucket = object_store::Config {
            bucket: name.bucket(),
            description: Some(format!("snapshots of the replicated atomik table {name}")),
            num_replicas: replicas,
            ..Default::default()
        };
        let snapshots = context
            .create_object_store(bucket)
            .await
            .map_err(|error| broken("make the object store", &error))?;
        if !list(&snapshots).await?.is_empty() {
            let bucket = name.bucket();
            return Err(Failure::new(format!(
                "the bucket {bucket} has snapshots of an earlier table, whose log is gone"
            ))
            .with_hint(format!(
                "`nats object rm {bucket}` deletes them; or restore the stream {}",
                name.stream()
            ))
            .finally());
        }
        let config = Config {
            name: name.stream(),
            subjects: vec![name.subject()],
            description: Some(format!("log of the replicated atomik table {name}")),
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            num_replicas: replicas,
            ..Default::default()
        };
        context
            .create_stream(config)
            .await
            .map_err(|error| broken("make the stream", &error))?;
        Ok(())
    }

    /// The stream as it is now.
    pub async fn info(&self) -> Result<Info, Failure> {
        (self.stream.get_info().await).map_err(|error| broken("ask for the stream", &error))
    }

    /// The positions of the first and the last message, as `Event::Connected` has them.
    pub async fn ends(&self) -> Result<(u64, u64), Failure> {
        let state = self.info().await?.state;
        let (first, last) = (state.first_sequence, state.last_sequence);
        let first = if state.messages == 0 { last + 1 } else { first };
        Ok((first, last))
    }

    /// The messages from this position on, as they come.
    pub async fn messages(&self, from: u64) -> Result<Ordered, Failure> {
        let config = OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: from,
            },
            replay_policy: ReplayPolicy::Instant,
            ..Default::default()
        };
        let failed = |error: &dyn std::error::Error| broken("read the stream", error);
        let consumer = (self.stream.create_consumer(config).await).map_err(|e| failed(&e))?;
        consumer.messages().await.map_err(|e| failed(&e))
    }

    /// Publishes a message, and returns its position once the log has it for good.
    pub async fn publish(&self, bytes: Vec<u8>) -> Result<u64, NotPublished> {
        let published = async {
            let sent = self.context.publish(self.name.subject(), bytes.into());
            sent.await?.await
        };
        let acknowledged = published.await.map_err(|error| {
            let failure = broken("publish a message", &error);
            match error.kind() {
                PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
                    NotPublished::NoAnswer(failure)
                }
                _ => NotPublished::Refused(failure),
            }
        })?;
        Ok(acknowledged.sequence)
    }

    /// The stored snapshots, the newest first.
    pub async fn snapshots(&self) -> Result<Vec<Stored>, Failure> {
        list(&self.snapshots).await
    }

    /// The bytes of the newest snapshot; none where there is none.
    pub async fn newest_snapshot(&self) -> Result<Option<Vec<u8>>, Failure> {
        let failed = |error: &dyn std::error::Error| broken("fetch a snapshot", error);
        let list = self.snapshots().await?;
        let Some(newest) = list.first() else {
            return Ok(None);
        };
        // The library's own reader of objects panics where a server doesn't answer it.
        let stream = self.objects().await?;
        let subject = self.chunks(newest);
        let (mut bytes, mut next) = (vec![], 1);
        for _ in 0..newest.chunks {
            let chunk = stream
                .get_first_raw_message_by_subject(&subject, next)
                .await;
            let chunk = chunk.map_err(|e| failed(&e))?;
            bytes.extend_from_slice(&chunk.payload);
            next = chunk.sequence + 1;
        }
        Ok(Some(bytes))
    }

    /// The stream that the object store is made of.
    async fn objects(&self) -> Result<Stream, Failure> {
        let stream = self.context.get_stream(self.name.objects()).await;
        stream.map_err(|error| broken("find the stream of the snapshots", &error))
    }

    /// The subject of the messages that a snapshot is made of.
    fn chunks(&self, snapshot: &Stored) -> String {
        format!("$O.{}.C.{}", self.name.bucket(), snapshot.nuid)
    }

    /// Stores a snapshot under its position.
    pub async fn store_snapshot(&self, position: u64, bytes: &[u8]) -> Result<(), Failure> {
        let name = object_name(position);
        let stored = self.snapshots.put(name.as_str(), &mut &bytes[..]).await;
        stored.map_err(|error| broken("store a snapshot", &error))?;
        Ok(())
    }

    /// Deletes the messages before this position, and all snapshots but the newest ones.
    pub async fn cut(&self, first: u64) -> Result<(), Failure> {
        let failed = |error: &dyn std::error::Error| broken("cut the log", error);
        let objects = self.objects().await?;
        for old in self.snapshots().await?.iter().skip(KEPT) {
            // Deleting an object would leave a message that says so, for ever.
            let name = URL_SAFE.encode(object_name(old.position));
            let description = format!("$O.{}.M.{name}", self.name.bucket());
            for subject in [description, self.chunks(old)] {
                let purged = objects.purge().filter(subject).await;
                purged.map_err(|e| failed(&e))?;
            }
        }
        self.stream
            .purge()
            .sequence(first)
            .await
            .map_err(|e| failed(&e))?;
        Ok(())
    }
}

/// The stored snapshots of an object store, the newest first.
async fn list(store: &ObjectStore) -> Result<Vec<Stored>, Failure> {
    let failed = |error: &dyn std::error::Error| broken("list the snapshots", error);
    let list = store.list().await.map_err(|e| failed(&e))?;
    let mut list: Vec<_> = list
        .map_err(|e| failed(&e))
        .try_filter_map(|object| async move {
            let stored = object.name.parse().ok().map(|position| Stored {
                position,
                bytes: object.size,
                modified: object.modified.map(|time| time.unix_timestamp()),
                chunks: object.chunks,
                nuid: object.nuid,
            });
            Ok(stored)
        })
        .try_collect()
        .await?;
    list.sort_by_key(|stored| std::cmp::Reverse(stored.position));
    Ok(list)
}

/// The next message of the log: its position and its bytes.
pub async fn next_message(messages: &mut Ordered) -> Result<(u64, Vec<u8>), Failure> {
    let failed = |error: &dyn std::error::Error| broken("read the stream", error);
    let message = match messages.next().await {
        None => return Err(Failure::new("the stream's reader ended")),
        Some(message) => message.map_err(|e| failed(&e))?,
    };
    let position = match message.info() {
        Ok(info) => info.stream_sequence,
        Err(error) => return Err(Failure::new(format!("a message without position: {error}"))),
    };
    Ok((position, message.payload.to_vec()))
}

/// The name of a snapshot: names of ascending positions ascend.
fn object_name(position: u64) -> String {
    format!("{position:020}")
}

fn broken(what: &str, error: &dyn std::error::Error) -> Failure {
    Failure::new(format!("can't {what}: {}", chain(error))).for_now()
}

/// Checks that the stream keeps what it is given, until an agent cuts it.
fn check(info: &Info, name: &TableName) -> Result<(), Failure> {
    let config = &info.config;
    let short = (1..LONGEST).contains(&config.max_message_size);
    let wrong = if config.retention != RetentionPolicy::Limits {
        "its retention isn't `limits`"
    } else if !config.max_age.is_zero() {
        "it has a max_age, behind which messages vanish unread"
    } else if config.discard != DiscardPolicy::New {
        "it discards old messages where it is full: its discard must be `new`"
    } else if short {
        "its max_msg_size is below 13632 bytes"
    } else if config.max_messages_per_subject > 0 && !config.discard_new_per_subject {
        "it discards old messages beyond its max_msgs_per_subject"
    } else if config.storage != StorageType::File {
        "it isn't on disk"
    } else if config.no_ack {
        "it acknowledges nothing"
    } else if config.deny_purge {
        "it denies purging, so that it can't be cut behind a snapshot"
    } else if config.sealed {
        "it is sealed"
    } else if config.subjects != [name.subject()] {
        "its subjects aren't that of the log alone"
    } else {
        return Ok(());
    };
    let stream = &config.name;
    Err(
        Failure::new(format!("the stream {stream} can't be a log: {wrong}"))
            .with_hint(format!("`nats stream edit {stream}` changes it"))
            .finally(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_sort_by_their_names() {
        let mut names: Vec<_> = [u64::MAX, 9, 10, 1].map(object_name).into();
        names.sort();
        assert_eq!(names, [1, 9, 10, u64::MAX].map(object_name));
    }
}
