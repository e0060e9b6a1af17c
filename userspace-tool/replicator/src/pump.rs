// SPDX-License-Identifier: MIT OR Apache-2.0

use std::time::{Duration, Instant};

use atomik_replicate::{Action, Agent, Config, Ended, Error, Event, NodeName, Notice, Word};
use sd_notify::NotifyState;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::global::Global;
use crate::kernel_table::KernelTable;
use crate::link::{Link, Report};
use crate::metrics;
use crate::metrics_server::{MetricsServer, Scrape};
use crate::news;
use crate::node_status::NodeStatus;
use crate::request::{Ask, Request};
use crate::table_name::TableName;
use crate::table_status::Node;

/// Connections whose log is shorter than it was, before that is believed.
const SHORT: u32 = 5;

/// An agent with all that it works on: does its actions, and gives it the events that follow.
pub struct Pump<'a> {
    name: TableName,
    config: Config,
    global: &'a Global,
    agent: Agent,
    actions: Vec<Action>,
    table: KernelTable,
    link: Link,
    metrics: Option<MetricsServer>,
    connected: bool,
    /// People have been told that the node has joined.
    joined: bool,
    /// When the log was last read to its end.
    current: Instant,
    /// The news that came last, for the status.
    last_news: Option<String>,
    leaving: Option<Request>,
    /// The node that is being removed, with its number.
    removing: Option<(NodeName, u32, Request)>,
    /// Connections in a row whose log was shorter than what has been read.
    short: u32,
    signals: [Signal; 2],
}

impl<'a> Pump<'a> {
    pub fn new(
        name: TableName,
        config: Config,
        table: KernelTable,
        link: Link,
        metrics: Option<MetricsServer>,
        global: &'a Global,
    ) -> Result<Self, Failure> {
        let signal = |kind| {
            signal(kind).map_err(|error| Failure::new(format!("can't wait for signals: {error}")))
        };
        Ok(Self {
            name,
            config,
            global,
            agent: Agent::new(config),
            actions: vec![],
            table,
            link,
            metrics,
            connected: false,
            joined: false,
            current: Instant::now(),
            last_news: None,
            leaving: None,
            removing: None,
            short: 0,
            signals: [
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
            ],
        })
    }

    /// Runs until the agent ends.
    pub async fn run(mut self) -> Result<Ended, Failure> {
        loop {
            let [terminate, interrupt] = &mut self.signals;
            let event = tokio::select! {
                report = self.link.next(self.agent.reading()) => self.reported(report).await,
                changed = self.table.changed(self.agent.image()) => {
                    Some(Event::Changed { addresses: changed? })
                }
                scrape = next(&mut self.metrics) => {
                    self.scraped(scrape);
                    None
                }
                _ = terminate.recv() => Some(Event::Stop),
                _ = interrupt.recv() => Some(Event::Stop),
            };
            if let Some(event) = event {
                self.agent.handle(event, &mut self.actions);
                if let Some(end) = self.act().await? {
                    self.answer_at_the_end(&end).await;
                    return Ok(end?);
                }
            }
            self.tell_progress()?;
        }
    }

    /// The event that a report of the link is for the agent.
    async fn reported(&mut self, report: Report) -> Option<Event> {
        match report {
            Report::Connected { first, last } => {
                // A server that has just begun to lead may not have read its own log yet.
                if last < self.position() && self.short < SHORT {
                    self.short += 1;
                    self.link.again();
                    return None;
                }
                self.short = 0;
                self.connected = true;
                return Some(Event::Connected { first, last });
            }
            Report::Lost(reason) => {
                self.news(&reason);
                // Nobody waits any more for an answer on that connection.
                self.removing = None;
                if self.is_current() {
                    self.current = Instant::now();
                }
                if std::mem::take(&mut self.connected) {
                    return Some(Event::Disconnected);
                }
            }
            Report::Message { position, bytes } => {
                return Some(Event::Message { position, bytes });
            }
            Report::Published { position } => return Some(Event::Published { position }),
            Report::NotPublished(reason) => {
                self.news(&reason);
                return Some(Event::NotPublished);
            }
            Report::Snapshot(bytes) => return Some(Event::Snapshot(bytes)),
            Report::Stored { position } => return Some(Event::SnapshotStored { position }),
            Report::Request(request) => return self.asked(request).await,
            Report::Trouble(reason) => self.news(&reason),
        }
        None
    }

    /// Answers a request, or takes note of it.
    async fn asked(&mut self, request: Request) -> Option<Event> {
        match request.ask.clone() {
            Ask::Status => {
                match self.status() {
                    Ok(status) => request.answer(&json!(status)).await,
                    Err(failure) => request.refuse(failure).await,
                }
                None
            }
            Ask::Leave => {
                if self.leaving.is_some() {
                    request.refuse("it is leaving already").await;
                    return None;
                }
                self.leaving = Some(request);
                // It tells all changes first. Where reading them fails, the next look says so.
                let image = self.agent.image();
                if let Ok(addresses) = self.table.changed_by_now(image) {
                    let event = Event::Changed { addresses };
                    self.agent.handle(event, &mut self.actions);
                }
                Some(Event::Leave)
            }
            Ask::Remove(name) => {
                let image = self.agent.image();
                let found = NodeName::new(&name).ok().and_then(|name| {
                    let number = image?.member(name)?;
                    Some((name, number))
                });
                let Some((name, number)) = found else {
                    request
                        .refuse(format_args!("there is no node {name}"))
                        .await;
                    return None;
                };
                if let Some((other, ..)) = &self.removing {
                    request
                        .refuse(format_args!("{other} is being removed; ask again"))
                        .await;
                    return None;
                }
                self.removing = Some((name, number, request));
                Some(Event::Remove { name })
            }
        }
    }

    /// Answers those who still wait when the agent has ended.
    async fn answer_at_the_end(&mut self, end: &Result<Ended, Error>) {
        let own = Ask::Remove(self.config.name.to_string());
        let removing = self.removing.take().map(|(.., request)| request);
        for request in self.leaving.take().into_iter().chain(removing) {
            match (end, &request.ask) {
                (Ok(Ended::Left), Ask::Leave) => request.done().await,
                (Err(Error::Removed { .. }), ask) if *ask == own => request.done().await,
                (Ok(_), _) => request.refuse("the agent has ended first").await,
                (Err(error), _) => request.refuse(error).await,
            }
        }
    }

    fn scraped(&self, scrape: Scrape) {
        match self.status() {
            Ok(status) => {
                let node = Node::of_itself(status);
                scrape.answer(metrics::of_node(&self.name.to_string(), node));
            }
            Err(failure) => scrape.refuse(failure),
        }
    }

    /// Does all that the agent wants done. Some, when it has ended.
    async fn act(&mut self) -> Result<Option<Result<Ended, Error>>, Failure> {
        while !self.actions.is_empty() {
            for action in std::mem::take(&mut self.actions) {
                let event = match action {
                    Action::Load => Event::Loaded(self.table.load()?),
                    Action::Batch(entries) => match self.table.apply(&entries)? {
                        Some(values) => Event::Applied { values },
                        None => Event::Refused,
                    },
                    Action::Follow { from } => {
                        self.link.follow(from);
                        continue;
                    }
                    Action::Publish(bytes) => {
                        self.link.publish(bytes);
                        continue;
                    }
                    Action::FetchSnapshot => {
                        self.link.fetch_snapshot();
                        continue;
                    }
                    Action::StoreSnapshot { position, bytes } => {
                        self.link.store_snapshot(position, bytes);
                        continue;
                    }
                    Action::Cut { first } => {
                        self.link.cut(first);
                        continue;
                    }
                    Action::Notice(notice) => {
                        self.noticed(&notice).await?;
                        continue;
                    }
                    Action::End(result) => return Ok(Some(result)),
                };
                self.agent.handle(event, &mut self.actions);
            }
        }
        Ok(None)
    }

    async fn noticed(&mut self, notice: &Notice) -> Result<(), Failure> {
        let image = self.agent.image();
        let gone = self.removing.take_if(|(name, number, _)| match notice {
            Notice::Removed { node, .. } => node == number,
            Notice::TakenOver { .. } => image.is_some_and(|image| image.member(*name).is_none()),
            _ => false,
        });
        if let Some((.., request)) = gone {
            request.done().await;
        }
        let line = news::line(notice);
        self.global.print(&line, news::object(notice))?;
        self.last_news = Some(line);
        Ok(())
    }

    /// Tells people once, however often it comes in a row.
    fn news(&mut self, line: &str) {
        if self.last_news.as_deref() == Some(line) {
            return;
        }
        self.global.say(line);
        self.last_news = Some(line.to_owned());
    }

    /// Tells people, once, that the node has joined and has read the log to its end.
    fn tell_progress(&mut self) -> Result<(), Failure> {
        let number = self.agent.image().and_then(|image| image.own_number());
        let (Some(number), true) = (number, self.is_current()) else {
            return Ok(());
        };
        self.current = Instant::now();
        if std::mem::replace(&mut self.joined, true) {
            return Ok(());
        }
        let (name, node, id) = (&self.name, self.config.name, self.table.id());
        let contexts = self.config.layout.states();
        self.global.print(
            format_args!(
                "joined {name} as {node}: table {id}, contexts 0 to {}",
                contexts - 1
            ),
            json!({ "table": id, "name": name.to_string(), "node": node.to_string(),
                "number": number, "contexts": contexts }),
        )?;
        // Without systemd there is nobody to tell.
        let _ = sd_notify::notify(false, &[NotifyState::Ready]);
        Ok(())
    }

    /// Whether all of the log that is known has been read, and all of it is known.
    fn is_current(&self) -> bool {
        self.connected && self.agent.lag() == 0
    }

    fn position(&self) -> u64 {
        let image = self.agent.image();
        image.map_or(0, |image| image.word(Word::Position))
    }

    /// The status of this node.
    pub fn status(&self) -> Result<NodeStatus, Failure> {
        let image = self.agent.image();
        let untold = match image {
            Some(image) => self.table.untold(image)?,
            None => 0,
        };
        Ok(NodeStatus::new(
            &self.config,
            image,
            untold,
            self.agent.lag(),
            match self.is_current() {
                true => Duration::ZERO,
                false => self.current.elapsed(),
            },
            self.last_news.clone(),
        ))
    }
}

async fn next(server: &mut Option<MetricsServer>) -> Scrape {
    match server {
        Some(server) => server.next().await,
        None => std::future::pending().await,
    }
}
