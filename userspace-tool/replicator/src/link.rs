// SPDX-License-Identifier: MIT OR Apache-2.0

use std::future;
use std::time::Duration;

use async_nats::Event;
use async_nats::jetstream::consumer::pull::Ordered;
use atomik_replicate::NodeName;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use crate::failure::Failure;
use crate::log::{Log, NotPublished, next_message};
use crate::nats::Nats;
use crate::request::{Request, Requests};
use crate::table_name::TableName;

/// An agent's link to the log: a connection, what was asked on it, and a new connection where that
/// broke. Answers of a connection that has broken don't come any more.
pub struct Link {
    target: Target,
    state: State,
    /// Attempts in a row that failed.
    failed: u32,
    /// Messages in a row that the log refused.
    refused: u32,
}

/// A thing that the link tells.
pub enum Report {
    /// There is a connection again, to a log that has these messages.
    Connected {
        first: u64,
        last: u64,
    },
    /// There is none any more, or still none, for this reason.
    Lost(String),
    Message {
        position: u64,
        bytes: Vec<u8>,
    },
    Published {
        position: u64,
    },
    /// No answer, or a refusal; it is time to publish again.
    NotPublished(String),
    Snapshot(Option<Vec<u8>>),
    Stored {
        position: u64,
    },
    Request(Request),
    /// Something that goes on by itself, but people should know.
    Trouble(String),
}

#[derive(Clone)]
struct Target {
    nats: Nats,
    name: TableName,
    node: NodeName,
}

enum State {
    Up(Box<Up>),
    Down(BoxFuture<'static, Result<New, Failure>>),
}

struct Up {
    log: Log,
    events: UnboundedReceiver<Event>,
    requests: Requests,
    messages: Option<Box<Ordered>>,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
}

/// A connection, with the positions of the log's first message and its last.
type New = (Box<Up>, u64, u64);

enum Answer {
    Report(Report),
    Following(Box<Ordered>),
    Broken(Failure),
    Done,
}

/// The time between two attempts.
fn pause(failed: u32) -> Duration {
    Duration::from_millis(250 << failed.min(4))
}

impl Link {
    /// A link to this table's log, which must exist.
    pub fn new(nats: Nats, name: TableName, node: NodeName) -> Self {
        let target = Target { nats, name, node };
        Self {
            state: State::Down(target.clone().connect(Duration::ZERO)),
            target,
            failed: 0,
            refused: 0,
        }
    }

    /// The next thing to tell. Messages of the log come only while they are wanted. It may be
    /// dropped before it is ready: nothing is lost.
    pub async fn next(&mut self, messages: bool) -> Report {
        match &mut self.state {
            State::Down(connecting) => match connecting.await {
                Ok((up, first, last)) => {
                    self.failed = 0;
                    self.state = State::Up(up);
                    Report::Connected { first, last }
                }
                Err(failure) => self.lost(failure.to_string()),
            },
            State::Up(up) => match up.next(messages).await {
                Ok(report) => {
                    match report {
                        Report::Published { .. } => self.refused = 0,
                        Report::NotPublished(_) => self.refused += 1,
                        _ => {}
                    }
                    report
                }
                Err(failure) => self.lost(failure.to_string()),
            },
        }
    }

    /// Connects again, after a while.
    pub fn again(&mut self) {
        self.state = State::Down(self.target.clone().connect(pause(2)));
    }

    fn lost(&mut self, reason: String) -> Report {
        let connecting = self.target.clone().connect(pause(self.failed));
        self.failed += 1;
        self.state = State::Down(connecting);
        Report::Lost(reason)
    }

    /// Reads messages from this position on.
    pub fn follow(&mut self, from: u64) {
        if let State::Up(up) = &mut self.state {
            up.messages = None;
        }
        self.ask(move |log| async move {
            match log.messages(from).await {
                Ok(messages) => Answer::Following(Box::new(messages)),
                Err(failure) => Answer::Broken(failure),
            }
        });
    }

    /// Publishes a message.
    pub fn publish(&mut self, bytes: Vec<u8>) {
        let pause = pause(self.refused);
        self.ask(move |log| async move {
            match log.publish(bytes).await {
                Ok(position) => Answer::Report(Report::Published { position }),
                // The connection may be dead.
                Err(NotPublished::NoAnswer(failure)) => Answer::Broken(failure),
                Err(NotPublished::Refused(failure)) => {
                    sleep(pause).await;
                    Answer::Report(Report::NotPublished(failure.to_string()))
                }
            }
        });
    }

    /// Fetches the newest snapshot.
    pub fn fetch_snapshot(&mut self) {
        self.ask(move |log| async move {
            match log.newest_snapshot().await {
                Ok(bytes) => Answer::Report(Report::Snapshot(bytes)),
                Err(failure) => Answer::Broken(failure),
            }
        });
    }

    /// Stores a snapshot.
    pub fn store_snapshot(&mut self, position: u64, bytes: Vec<u8>) {
        self.ask(move |log| async move {
            Answer::Report(match log.store_snapshot(position, &bytes).await {
                Ok(()) => Report::Stored { position },
                Err(failure) => Report::Trouble(failure.to_string()),
            })
        });
    }

    /// Deletes messages before this position, and old snapshots.
    pub fn cut(&mut self, first: u64) {
        self.ask(move |log| async move {
            match log.cut(first).await {
                Ok(()) => Answer::Done,
                Err(failure) => Answer::Report(Report::Trouble(failure.to_string())),
            }
        });
    }

    /// Asks something of the log. Without a connection it isn't asked: the agent asks again when
    /// there is one.
    fn ask<F>(&mut self, question: impl FnOnce(Log) -> F)
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        if let State::Up(up) = &mut self.state {
            up.answers.push(question(up.log.clone()).boxed());
        }
    }
}

impl Target {
    fn connect(self, pause: Duration) -> BoxFuture<'static, Result<New, Failure>> {
        async move {
            sleep(pause).await;
            let connected = self.nats.connect().await?;
            let Some(log) = Log::find(&connected, &self.name).await? else {
                return Err(Failure::new("the stream of the log is gone"));
            };
            let requests = Requests::subscribe(&connected.client, &self.name, &self.node).await?;
            let (first, last) = log.ends().await?;
            let up = Up {
                log,
                events: connected.events,
                requests,
                messages: None,
                answers: FuturesUnordered::new(),
            };
            Ok((Box::new(up), first, last))
        }
        .boxed()
    }
}

impl Up {
    async fn next(&mut self, wanted: bool) -> Result<Report, Failure> {
        loop {
            tokio::select! {
                Some(answer) = self.answers.next() => match answer {
                    Answer::Report(report) => return Ok(report),
                    Answer::Following(messages) => self.messages = Some(messages),
                    Answer::Broken(failure) => return Err(failure),
                    Answer::Done => {}
                },
                message = next(&mut self.messages), if wanted && self.messages.is_some() => {
                    let (position, bytes) = message?;
                    return Ok(Report::Message { position, bytes });
                }
                event = self.events.recv() => match event {
                    Some(Event::Connected | Event::LameDuckMode) => {}
                    Some(Event::Disconnected | Event::Closed) | None => {
                        return Err(Failure::new("the connection to NATS broke"));
                    }
                    Some(event) => return Ok(Report::Trouble(event.to_string())),
                },
                Some(request) = self.requests.next() => return Ok(Report::Request(request)),
            }
        }
    }
}

async fn next(messages: &mut Option<Box<Ordered>>) -> Result<(u64, Vec<u8>), Failure> {
    match messages {
        Some(messages) => next_message(messages).await,
        None => future::pending().await,
    }
}
