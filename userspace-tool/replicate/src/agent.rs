// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::batch::Batch;
use crate::judgement::{Judgement, number_for};
use crate::mistake::Mistake;
use crate::takeover::Takeover;
use crate::untold::Untold;
use crate::{
    Action, Body, Config, Delta, Ended, Entry, Error, Event, Image, Message, NodeName, Notice,
    Snapshot, Word,
};

/// The agent of a node: events in, actions out, no I/O of its own.
///
/// Whoever drives it does each action, and gives it the event that the action is to be followed
/// by. It asks for one thing of the table at a time. It may be dropped at any moment: all that it
/// must not forget is in the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Agent {
    config: Config,
    /// None: not loaded.
    image: Option<Image>,
    table: Busy,
    log: Log,
    untold: Untold,
    /// The next message, which waits for the table.
    inbox: Option<(u64, Vec<u8>)>,
    takeover: Option<Takeover>,
    fetching: bool,
    publishing: Option<Publishing>,
    /// The answer to the message in the inbox, which goes out before that is applied.
    answer: Answer,
    /// The node shall leave once so many contexts have been looked at.
    leave: Option<usize>,
    remove: Option<NodeName>,
    verify: Option<u64>,
    ended: bool,
    /// The deltas of a message at most, and the contexts of a snapshot in one batch.
    most: usize,
    mistake: Option<Mistake>,
}

/// The log, as far as the agent knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Log {
    connected: bool,
    /// The messages that follow on the image are being given.
    following: bool,
    first: u64,
    /// The last position that is known to exist.
    last: u64,
}

/// The thing that is being done to the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Busy {
    No,
    Loading,
    /// Reading the states of contexts that may be untold.
    Reading(Vec<u32>),
    Batch(Vec<Entry>, Then),
}

/// The next thing, once a batch is applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Then {
    GoOn,
    Received {
        notice: Option<Notice>,
        left: bool,
    },
    TakenOver,
    /// A mistake: the position of a message moves apart from its changes.
    Position(u64),
}

/// The message that is being published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    Answer,
    Question,
    /// One that follows from the table, and is made again as long as that says so.
    Table,
}

/// A message that is being published. The log gives it a position after all that have been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Publishing {
    purpose: Purpose,
    /// The position of the table when it was published.
    after: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Answer {
    NotOwed,
    /// The table is loaded for it, as it is and not as the agent believes it to be.
    ToLoad,
    Owed([u8; 32]),
    Given,
}

impl Agent {
    /// An agent that begins with its first event: any, but `Stop`. It asks for the table first.
    pub fn new(config: Config) -> Self {
        Self {
            image: None,
            table: Busy::No,
            log: Log::default(),
            untold: Untold::new(config.layout.states()),
            inbox: None,
            takeover: None,
            fetching: false,
            publishing: None,
            answer: Answer::NotOwed,
            leave: None,
            remove: None,
            verify: None,
            ended: false,
            most: Delta::MOST,
            mistake: None,
            config,
        }
    }

    /// Takes an event, and adds the actions that follow from it.
    pub fn handle(&mut self, event: Event, actions: &mut Vec<Action>) {
        if self.ended {
            return;
        }
        let result = self
            .take(event, actions)
            .and_then(|()| self.advance(actions));
        if let Err(error) = result {
            self.end(Err(error), actions);
        }
    }

    /// Whether the next message of the log may be given. While not, leave it where it is.
    pub fn reading(&self) -> bool {
        !self.ended && self.log.following && self.inbox.is_none()
    }

    /// The table without the state, once it is loaded, for `status`.
    pub fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// How many messages of the log this agent knows of and hasn't applied.
    pub fn lag(&self) -> u64 {
        self.log.last.saturating_sub(self.position())
    }

    fn take(&mut self, event: Event, actions: &mut Vec<Action>) -> Result<(), Error> {
        match event {
            Event::Loaded(contexts) => self.loaded(&contexts)?,
            Event::Applied { values } => self.applied(&values, actions)?,
            Event::Refused => return Err(Error::OtherAgent),
            Event::Connected { first, last } => {
                self.disconnected();
                self.log = Log {
                    connected: true,
                    following: false,
                    first,
                    last,
                };
            }
            Event::Disconnected => self.disconnected(),
            Event::Message { position, bytes } => self.message(position, bytes),
            Event::LogBegins { first } => self.cut(first),
            Event::Published { position } => {
                let publishing = self.publishing.take();
                if let Some(Publishing { after, .. }) = publishing.filter(|p| position <= p.after) {
                    return Err(Error::LogWentBack {
                        last: position,
                        position: after,
                    });
                }
                self.log.last = self.log.last.max(position);
                match publishing.map(|publishing| publishing.purpose) {
                    Some(Purpose::Answer) => self.answer = Answer::Given,
                    Some(Purpose::Question) => self.verify = None,
                    Some(Purpose::Table) => self.acknowledged(actions),
                    None => {}
                }
            }
            Event::NotPublished => self.publishing = None,
            Event::Changed { addresses } => {
                addresses
                    .into_iter()
                    .for_each(|address| self.untold.push(address));
            }
            Event::Snapshot(bytes) => self.snapshot(bytes)?,
            Event::SnapshotStored { position } => {
                let first = (position + 1).saturating_sub(self.config.keep);
                actions.push(Action::Cut { first });
            }
            Event::Verify { question } => self.verify = Some(question),
            Event::Remove { name } => self.remove = Some(name),
            Event::Leave => self.leave = Some(self.untold.len()),
            Event::Stop => self.end(Ok(Ended::Stopped), actions),
        }
        Ok(())
    }

    fn loaded(&mut self, contexts: &[u64]) -> Result<(), Error> {
        self.table = Busy::No;
        let image = Image::new(self.config.layout, contexts)?;
        if let Some(old) = &self.image {
            if old.word(Word::Step) != image.word(Word::Step) {
                return Err(Error::OtherAgent);
            }
        }
        for (address, state) in (0..image.layout().states()).zip(contexts) {
            if *state != image.accounted(address) {
                self.untold.push(address);
            }
        }
        if let Some(member) = image.own_number().and_then(|own| image.record(own).member) {
            if member.name != self.config.name {
                return Err(Error::OtherName {
                    joined: member.name,
                });
            }
        }
        if self.answer == Answer::ToLoad {
            self.answer = Answer::Owed(image.digest());
        }
        self.image = Some(image);
        Ok(())
    }

    fn applied(&mut self, values: &[u64], actions: &mut Vec<Action>) -> Result<(), Error> {
        let busy = std::mem::replace(&mut self.table, Busy::No);
        let Some(image) = &mut self.image else {
            return Ok(());
        };
        match busy {
            Busy::No | Busy::Loading => {}
            Busy::Reading(addresses) => self.read(&addresses, values, actions),
            Busy::Batch(entries, then) => {
                image.apply(&entries);
                match then {
                    Then::GoOn => {}
                    Then::Received { notice, left } => {
                        actions.extend(notice.map(Action::Notice));
                        self.store_snapshot(actions);
                        if left {
                            self.end(Ok(Ended::Left), actions);
                        }
                    }
                    Then::TakenOver => {
                        self.takeover = None;
                        self.inbox = None;
                        self.answer = Answer::NotOwed;
                        self.log.following = false;
                        let position = self.position();
                        self.log.last = self.log.last.max(position);
                        actions.push(Action::Notice(Notice::TakenOver { position }));
                    }
                    Then::Position(position) => {
                        let mut batch = Batch::new(image, self.mistake);
                        batch.word(Word::Position, position);
                        let then = Then::Received {
                            notice: None,
                            left: false,
                        };
                        self.batch(batch.finish(), then, actions);
                    }
                }
            }
        }
        Ok(())
    }

    fn disconnected(&mut self) {
        self.log.connected = false;
        self.log.following = false;
        self.publishing = None;
        self.fetching = false;
    }

    fn message(&mut self, position: u64, bytes: Vec<u8>) {
        let next = self.position() + 1;
        self.log.last = self.log.last.max(position);
        if !self.reading() || position < next {
            return;
        }
        if position > next {
            return self.cut(position);
        }
        self.inbox = Some((position, bytes));
    }

    fn cut(&mut self, first: u64) {
        self.log.first = self.log.first.max(first);
        self.log.following &= self.position() + 1 >= first;
    }

    /// The log has the message. That is nothing yet: it counts where it comes back. Tests plant the
    /// mistake to clear the outbox here.
    fn acknowledged(&mut self, actions: &mut Vec<Action>) {
        let Some(image) = &self.image else { return };
        if self.mistake == Some(Mistake::OutboxClearedEarly) && self.table == Busy::No {
            let mut batch = Batch::new(image, self.mistake);
            for delta in image.outbox_deltas() {
                batch.set(image.layout().outbox(delta.address), 0);
            }
            self.batch(batch.finish(), Then::GoOn, actions);
        }
    }

    fn snapshot(&mut self, bytes: Option<Vec<u8>>) -> Result<(), Error> {
        let Some(image) = &self.image else {
            return Ok(());
        };
        if !std::mem::take(&mut self.fetching) {
            return Ok(());
        }
        let Some(bytes) = bytes else {
            let (position, first) = (self.position(), self.log.first);
            let needed = image.word(Word::Taking).max(first.saturating_sub(1));
            return Err(Error::Gap {
                position,
                needed,
                newest: None,
            });
        };
        let snapshot = Snapshot::decode(&bytes).map_err(Error::Snapshot)?;
        let name = self.config.name;
        let takeover = Takeover::new(snapshot, image, self.log.first, name, self.mistake)?;
        self.takeover = Some(takeover);
        Ok(())
    }

    /// The contexts that may be untold have been read: those that are go into the outbox.
    fn read(&mut self, addresses: &[u32], values: &[u64], actions: &mut Vec<Action>) {
        let Some(image) = &self.image else { return };
        let untold = |(&address, state): (&u32, &u64)| Delta {
            address,
            delta: state ^ image.accounted(address),
        };
        let mut deltas: Vec<_> = addresses.iter().zip(values).map(untold).collect();
        deltas.retain(|delta| delta.delta != 0);
        deltas.sort_unstable_by_key(|delta| delta.address);
        if deltas.is_empty() {
            return;
        }
        let mut batch = Batch::new(image, self.mistake);
        for delta in &deltas {
            batch.accum(image.layout().outbox(delta.address), delta.delta);
        }
        let entries = batch.finish();
        if self.mistake == Some(Mistake::PublishedBeforeOutbox) {
            let mut after = image.clone();
            after.apply(&entries);
            let body = after.own_number().map(|own| next_deltas(&after, own));
            body.into_iter()
                .for_each(|body| self.publish(Purpose::Table, body, actions));
        }
        self.batch(entries, Then::GoOn, actions);
    }

    /// Begins the next thing, if there is one and nothing must be awaited first.
    fn advance(&mut self, actions: &mut Vec<Action>) -> Result<(), Error> {
        if self.ended || self.table != Busy::No {
            return Ok(());
        }
        let Some(image) = &self.image else {
            self.load(actions);
            return Ok(());
        };
        if image.word(Word::Incarnation) == 0 {
            let mut batch = Batch::new(image, self.mistake);
            batch.word(Word::Incarnation, self.config.incarnation);
            self.batch(batch.finish(), Then::GoOn, actions);
            return Ok(());
        }
        if !self.log.connected {
            return Ok(());
        }
        let (position, last) = (image.word(Word::Position), self.log.last);
        if last < position {
            return Err(Error::LogWentBack { last, position });
        }
        let behind = position + 1 < self.log.first || image.word(Word::Taking) != 0;
        if behind || self.takeover.is_some() {
            self.take_over(actions);
            return Ok(());
        }
        if self.inbox.is_some() {
            return self.receive(actions);
        }
        if !self.log.following {
            self.log.following = true;
            actions.push(Action::Follow { from: position + 1 });
        }
        // Caught up; a message that was published has come back.
        if self.publishing.is_none() && position >= last {
            self.send(actions)?;
        }
        Ok(())
    }

    fn take_over(&mut self, actions: &mut Vec<Action>) {
        let Some(image) = &self.image else { return };
        if let Some(takeover) = &self.takeover {
            let (entries, ends) = takeover.next_batch(image, self.most, self.mistake);
            self.batch(
                entries,
                if ends { Then::TakenOver } else { Then::GoOn },
                actions,
            );
        } else if !self.fetching {
            self.fetching = true;
            actions.push(Action::FetchSnapshot);
        }
    }

    fn receive(&mut self, actions: &mut Vec<Action>) -> Result<(), Error> {
        let (Some(image), Some((position, bytes))) = (&self.image, &self.inbox) else {
            return Ok(());
        };
        let position = *position;
        let Judgement {
            mut batch,
            notice,
            left,
            verify,
        } = Judgement::new(image, position, bytes, self.mistake)?;
        match (self.answer, image.own_number()) {
            (Answer::NotOwed, _) if verify => {
                self.answer = Answer::ToLoad;
                self.load(actions);
                return Ok(());
            }
            (Answer::Owed(digest), Some(node)) => {
                if self.publishing.is_none() {
                    let body = Body::Digest {
                        node,
                        position,
                        digest,
                    };
                    self.publish(Purpose::Answer, body, actions);
                }
                return Ok(());
            }
            _ => {}
        }
        self.answer = Answer::NotOwed;
        self.inbox = None;
        let mut then = Then::Received { notice, left };
        if self.mistake == Some(Mistake::PositionApart) {
            let moves = Entry::Set {
                address: image.layout().word(Word::Position),
                value: position,
            };
            batch.retain(|entry| *entry != moves);
            then = Then::Position(position);
        }
        self.batch(batch, then, actions);
        Ok(())
    }

    /// Publishes the next message, or looks for what it should be.
    fn send(&mut self, actions: &mut Vec<Action>) -> Result<(), Error> {
        let Some(image) = &self.image else {
            return Ok(());
        };
        let membership = image.word(Word::Membership);
        let incarnation = image.word(Word::Incarnation);
        let remove = |node| Body::Remove {
            membership,
            node,
            by: incarnation,
        };
        let wanted = self.remove.and_then(|name| image.member(name));
        let (purpose, body) = match image.own_number() {
            _ if image.word(Word::Table) == 0 => (
                Purpose::Table,
                Body::Found {
                    layout: image.layout(),
                },
            ),
            None if self.leave.is_some() => {
                self.end(Ok(Ended::Left), actions);
                return Ok(());
            }
            None => {
                let name = self.config.name;
                if number_for(image, &name).is_none() {
                    return Err(Error::Full {
                        nodes: image.layout().nodes(),
                    });
                }
                (
                    Purpose::Table,
                    Body::Join {
                        membership,
                        incarnation,
                        name,
                    },
                )
            }
            Some(own) if image.sending() => (Purpose::Table, next_deltas(image, own)),
            Some(own) => {
                if wanted.is_none() {
                    self.remove = None;
                }
                if let Some(node) = wanted {
                    (Purpose::Table, remove(node))
                } else if let Some(question) = self.verify {
                    (Purpose::Question, Body::Verify { question })
                } else if self.leave == Some(0) {
                    (Purpose::Table, remove(own))
                } else {
                    self.look(actions);
                    return Ok(());
                }
            }
        };
        self.publish(purpose, body, actions);
        Ok(())
    }

    /// Reads contexts that may be untold.
    fn look(&mut self, actions: &mut Vec<Action>) {
        let Some(image) = &self.image else { return };
        let addresses = self.untold.take(self.most);
        if addresses.is_empty() {
            return;
        }
        self.leave = self.leave.map(|left| left.saturating_sub(addresses.len()));
        actions.push(Action::Batch(Batch::reading(image, &addresses)));
        self.table = Busy::Reading(addresses);
    }

    fn store_snapshot(&self, actions: &mut Vec<Action>) {
        let (Some(image), every) = (&self.image, self.config.snapshot_every) else {
            return;
        };
        let position = image.word(Word::Position);
        // Not while catching up: others have stored those long ago.
        let late = position.saturating_add(every) < self.log.last;
        if every == 0 || position % every != 0 || late {
            return;
        }
        let members: Vec<_> = image.members().map(|(node, _)| node).collect();
        let turn = members.get(
            ((position / every) as usize)
                .checked_rem(members.len())
                .unwrap_or(0),
        );
        if turn.is_some() && turn.copied() == image.own_number() {
            let bytes = Snapshot::of(image).encode();
            actions.push(Action::StoreSnapshot { position, bytes });
        }
    }

    fn load(&mut self, actions: &mut Vec<Action>) {
        self.table = Busy::Loading;
        actions.push(Action::Load);
    }

    fn batch(&mut self, entries: Vec<Entry>, then: Then, actions: &mut Vec<Action>) {
        actions.push(Action::Batch(entries.clone()));
        self.table = Busy::Batch(entries, then);
    }

    fn publish(&mut self, purpose: Purpose, body: Body, actions: &mut Vec<Action>) {
        let table = self
            .image
            .as_ref()
            .map_or(0, |image| image.word(Word::Table));
        let table = if table == 0 { self.config.table } else { table };
        actions.push(Action::Publish(Message { table, body }.encode()));
        self.publishing = Some(Publishing {
            purpose,
            after: self.position(),
        });
    }

    fn end(&mut self, result: Result<Ended, Error>, actions: &mut Vec<Action>) {
        self.ended = true;
        actions.push(Action::End(result));
    }

    fn position(&self) -> u64 {
        self.image
            .as_ref()
            .map_or(0, |image| image.word(Word::Position))
    }
}

/// The message whose deltas are in the outbox.
fn next_deltas(image: &Image, own: u32) -> Body {
    Body::Deltas {
        node: own,
        previous: image.record(own).last,
        deltas: image.outbox_deltas(),
    }
}

#[cfg(test)]
impl Agent {
    /// An agent of the tests: few deltas in a message, and perhaps with a mistake.
    pub(crate) fn for_test(config: Config, most: usize, mistake: Option<Mistake>) -> Self {
        Self {
            most,
            mistake,
            ..Self::new(config)
        }
    }
}
