// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::fingerprint::{Known, fingerprint};
use super::node::{Node, Running};
use super::step::Step;
use super::truth::{Author, Truth};
use crate::mistake::Mistake;
use crate::{Action, Agent, Config, Ended, Entry, Error, Event, Layout, NodeName, Notice, Word};

/// The facts of a world that don't change.
#[derive(Clone, Debug)]
pub struct Setup {
    pub states: u32,
    pub nodes: u32,
    /// Deltas of a message at most.
    pub most: usize,
    pub snapshot_every: u64,
    pub mistake: Option<Mistake>,
    /// The names of the machines. The first `start` of them boot at the beginning.
    pub names: &'static [&'static str],
    pub start: usize,
    /// Watches tell in a step of its own, not at once.
    pub slow_watch: bool,
    /// A node that has left joins again.
    pub comes_back: bool,
    /// Joining is over before the faults begin.
    pub joined: bool,
    pub faults: Faults,
}

/// How often each thing may happen that isn't the usual course.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    pub changes: u32,
    pub repeats: u32,
    pub lates: u32,
    pub losses: u32,
    pub kills: u32,
    pub breaks: u32,
    pub boots: u32,
    pub seconds: u32,
    pub stales: u32,
    pub garbage: u32,
    pub leaves: u32,
    pub removes: u32,
    pub verifies: u32,
}

/// A message that was published and is not in the log yet, or will come again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Flight {
    bytes: Vec<u8>,
    author: Author,
    /// The node and the slot of the agent that waits for the answer.
    asker: Option<(usize, usize)>,
}

/// All machines, the log, and what is between them.
#[derive(Clone)]
pub struct World {
    setup: Rc<Setup>,
    pub nodes: Vec<Rc<Known<Node>>>,
    /// All messages that ever were in the log, also those that were cut.
    log: Vec<Rc<Vec<u8>>>,
    /// The fingerprint of the log.
    log_print: u64,
    /// The meaning of the log up to each position.
    truths: Vec<Rc<Truth>>,
    first: u64,
    flight: Vec<Flight>,
    snapshots: Rc<BTreeMap<u64, Vec<u8>>>,
    stale: bool,
    changes: u32,
    left: Faults,
    /// An agent ended as none may.
    pub failure: Option<String>,
    /// Snapshots taken over, digests seen: for the tests to see that something happened.
    pub seen: Seen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    pub taken_over: u32,
    pub digests: u32,
    pub other_agents: u32,
    pub superseded: u32,
}

impl World {
    pub fn new(setup: Rc<Setup>) -> Self {
        let mut world = Self {
            nodes: setup
                .names
                .iter()
                .map(|name| Rc::new(Known::new(Node::new(name))))
                .collect(),
            log: Vec::new(),
            log_print: 0,
            truths: vec![Rc::default()],
            first: 1,
            flight: Vec::new(),
            snapshots: Rc::default(),
            stale: false,
            changes: 0,
            left: setup.faults.clone(),
            failure: None,
            seen: Seen::default(),
            setup,
        };
        for node in 0..world.setup.start {
            world.boot(node);
        }
        if world.setup.joined {
            while let Some(step) = world.quiet_step() {
                world.step(step);
            }
        }
        world
    }

    fn layout(&self) -> Layout {
        Layout::new(self.setup.states, self.setup.nodes).unwrap()
    }

    fn last(&self) -> u64 {
        self.log.len() as u64
    }

    fn node(&mut self, node: usize) -> &mut Node {
        Rc::make_mut(&mut self.nodes[node]).change()
    }

    /// The same for worlds that differ in nothing that counts.
    pub fn fingerprint(&self) -> u64 {
        let nodes = self.nodes.iter().map(|node| node.fingerprint());
        let mut prints: Vec<_> = nodes.chain([self.log_print]).collect();
        prints.push(fingerprint(&(self.first, &self.flight, &self.snapshots)));
        prints.push(fingerprint(&(
            self.stale,
            self.changes,
            &self.left,
            &self.failure,
        )));
        fingerprint(&prints)
    }

    /// All that can happen next.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let left = &self.left;
        for (node, machine) in self.nodes.iter().enumerate() {
            if left.boots > 0 && (node > 0 || machine.table.is_none()) {
                steps.push(Step::Boot { node });
            }
            if machine.table.is_none() {
                continue;
            }
            if left.changes > 0 && !machine.out {
                steps.extend((0..self.setup.states).map(|address| Step::Change { node, address }));
            }
            if left.leaves > 0 && machine.agents[0].is_some() {
                steps.push(Step::Leave { node });
            }
            if left.removes > 0 && node > 0 && self.nodes[0].agents[0].is_some() {
                steps.push(Step::Remove { node });
            }
            for slot in 0..2 {
                self.agent_steps(node, slot, &mut steps);
            }
        }
        for message in 0..self.flight.len() {
            steps.push(Step::Deliver { message });
            if left.repeats > 0 {
                steps.push(Step::Repeat { message });
            }
            if left.lates > 0 && self.flight[message].asker.is_some() {
                steps.push(Step::Late { message });
            }
            if left.losses > 0 {
                steps.push(Step::Lose { message });
            }
        }
        if left.stales > 0 && !self.stale && self.snapshots.len() > 1 {
            steps.push(Step::Stale);
        }
        if left.garbage > 0 {
            steps.push(Step::Garbage);
        }
        if left.verifies > 0 && self.nodes[0].agents[0].is_some() {
            steps.push(Step::Verify);
        }
        steps
    }

    fn agent_steps(&self, node: usize, slot: usize, steps: &mut Vec<Step>) {
        let machine = &self.nodes[node];
        let Some(running) = &machine.agents[slot] else {
            if !machine.out && (slot == 0 || (node == 0 && self.left.seconds > 0)) {
                steps.push(Step::Start { node, slot });
            }
            return;
        };
        if !running.todo.is_empty() {
            steps.push(Step::Act { node, slot });
        }
        if !running.changed.is_empty() {
            steps.push(Step::Tell { node, slot });
        }
        if self.can_read(running) {
            steps.push(Step::Read { node, slot });
        }
        if self.left.kills > 0 {
            steps.push(Step::Kill { node, slot });
        }
        if self.left.breaks > 0 {
            steps.push(Step::Break { node, slot });
        }
    }

    fn can_read(&self, running: &Running) -> bool {
        let position = running
            .agent
            .image()
            .map_or(0, |image| image.word(Word::Position));
        running.agent.reading() && position < self.last()
    }

    /// The next thing that happens where no fault does. None: nothing more.
    pub fn quiet_step(&self) -> Option<Step> {
        for (node, machine) in self.nodes.iter().enumerate() {
            for slot in 0..2 {
                let Some(running) = &machine.agents[slot] else {
                    if slot == 0 && machine.table.is_some() && !machine.out {
                        return Some(Step::Start { node, slot });
                    }
                    continue;
                };
                if !running.todo.is_empty() {
                    return Some(Step::Act { node, slot });
                }
                if !running.changed.is_empty() {
                    return Some(Step::Tell { node, slot });
                }
                if self.can_read(running) {
                    return Some(Step::Read { node, slot });
                }
            }
        }
        (!self.flight.is_empty()).then_some(Step::Deliver { message: 0 })
    }

    pub fn step(&mut self, step: Step) {
        self.take(step);
        if self.setup.slow_watch {
            return;
        }
        for node in 0..self.nodes.len() {
            for slot in 0..2 {
                self.watch(node, slot);
            }
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Change { node, address } => {
                self.left.changes = self.left.changes.saturating_sub(1);
                let delta = 1 << (self.changes % 64);
                self.changes += 1;
                let node = self.node(node);
                if let Some(table) = &mut node.table {
                    table.contexts[address as usize] ^= delta;
                    table.made[address as usize] ^= delta;
                }
                node.changed(address);
            }
            Step::Start { node, slot } => {
                if slot == 1 {
                    self.left.seconds -= 1;
                }
                self.start(node, slot);
            }
            Step::Act { node, slot } => self.act(node, slot),
            Step::Tell { node, slot } => self.watch(node, slot),
            Step::Read { node, slot } => self.read(node, slot),
            Step::Deliver { message } => {
                let Flight {
                    bytes,
                    author,
                    asker,
                } = self.flight.remove(message);
                self.deliver(bytes, author, asker);
            }
            Step::Repeat { message } => {
                self.left.repeats -= 1;
                let Flight {
                    bytes,
                    author,
                    asker,
                } = self.flight[message].clone();
                self.flight[message].asker = None;
                self.flight.sort();
                self.deliver(bytes, author, asker);
            }
            Step::Late { message } => {
                self.left.lates -= 1;
                if let Some((node, slot)) = self.flight[message].asker.take() {
                    self.tell(node, slot, Event::NotPublished);
                }
            }
            Step::Lose { message } => {
                self.left.losses -= 1;
                if let Some((node, slot)) = self.flight.remove(message).asker {
                    self.tell(node, slot, Event::NotPublished);
                }
            }
            Step::Kill { node, slot } => {
                self.left.kills -= 1;
                self.kill(node, slot);
            }
            Step::Break { node, slot } => {
                self.left.breaks -= 1;
                self.forget(node, slot);
                self.tell(node, slot, Event::Disconnected);
                self.connect(node, slot);
            }
            Step::Boot { node } => {
                self.left.boots -= 1;
                self.kill(node, 0);
                self.kill(node, 1);
                self.boot(node);
            }
            Step::Stale => {
                self.left.stales -= 1;
                self.stale = true;
            }
            Step::Garbage => {
                self.left.garbage -= 1;
                self.deliver(b"garbage".to_vec(), Author::default(), None);
            }
            Step::Leave { node } => {
                self.left.leaves -= 1;
                self.tell(node, 0, Event::Leave);
            }
            Step::Remove { node } => {
                self.left.removes -= 1;
                let name = NodeName::new(self.nodes[node].name).unwrap();
                self.tell(0, 0, Event::Remove { name });
            }
            Step::Verify => {
                self.left.verifies -= 1;
                self.tell(0, 0, Event::Verify { question: 7 });
            }
        }
    }

    /// A program on a node changes all contexts.
    pub fn change_all(&mut self, node: usize) {
        for address in 0..self.setup.states {
            self.take(Step::Change { node, address });
        }
        self.watch(node, 0);
    }

    fn boot(&mut self, node: usize) {
        let layout = self.layout();
        self.node(node).boot(layout);
    }

    fn start(&mut self, node: usize, slot: usize) {
        let machine = &self.nodes[node];
        let config = Config {
            name: NodeName::new(machine.name).unwrap(),
            layout: self.layout(),
            incarnation: (node as u64 + 1) * 1000 + machine.boots * 10 + slot as u64,
            table: 900 + node as u64,
            snapshot_every: self.setup.snapshot_every,
            keep: 0,
        };
        let agent = Agent::for_test(config, self.setup.most, self.setup.mistake);
        let changed = (0..self.setup.states).collect();
        self.node(node).agents[slot] = Some(Running {
            agent,
            todo: VecDeque::new(),
            changed,
        });
        self.connect(node, slot);
    }

    fn connect(&mut self, node: usize, slot: usize) {
        let (first, last) = (self.first, self.last());
        self.tell(node, slot, Event::Connected { first, last });
    }

    fn kill(&mut self, node: usize, slot: usize) {
        self.node(node).agents[slot] = None;
        self.forget(node, slot);
    }

    /// Nobody waits for the agent's messages any more.
    fn forget(&mut self, node: usize, slot: usize) {
        for flight in &mut self.flight {
            if flight.asker == Some((node, slot)) {
                flight.asker = None;
            }
        }
    }

    /// Gives an agent an event. What it then wants and nobody else can notice is done at once.
    fn tell(&mut self, node: usize, slot: usize, event: Event) {
        let mut actions = Vec::new();
        let Some(running) = &mut self.node(node).agents[slot] else {
            return;
        };
        running.agent.handle(event, &mut actions);
        for action in actions {
            match action {
                Action::Load => {
                    let Some(table) = &self.nodes[node].table else {
                        return;
                    };
                    let contexts = table.contexts.clone();
                    self.tell(node, slot, Event::Loaded(contexts));
                }
                Action::Batch(entries) if entries.iter().all(only_reads) => {
                    self.batch(node, slot, &entries);
                }
                Action::FetchSnapshot => {
                    let stale = std::mem::take(&mut self.stale);
                    let mut bytes = self.snapshots.values();
                    let bytes = if stale {
                        bytes.next()
                    } else {
                        bytes.next_back()
                    }
                    .cloned();
                    self.tell(node, slot, Event::Snapshot(bytes));
                }
                Action::Follow { .. } => {}
                Action::Notice(notice) => self.notice(notice),
                Action::End(result) => self.ended(node, slot, result),
                action => {
                    if let Some(running) = &mut self.node(node).agents[slot] {
                        running.todo.push_back(action);
                    }
                }
            }
        }
    }

    fn watch(&mut self, node: usize, slot: usize) {
        let watching = |running: &Running| !running.changed.is_empty();
        if !self.nodes[node].agents[slot].as_ref().is_some_and(watching) {
            return;
        }
        let Some(running) = &mut self.node(node).agents[slot] else {
            return;
        };
        let addresses = std::mem::take(&mut running.changed).into_iter().collect();
        self.tell(node, slot, Event::Changed { addresses });
    }

    fn act(&mut self, node: usize, slot: usize) {
        let Some(running) = &mut self.node(node).agents[slot] else {
            return;
        };
        match running.todo.pop_front() {
            Some(Action::Batch(entries)) => self.batch(node, slot, &entries),
            Some(Action::Publish(bytes)) => {
                let table = self.nodes[node].table.as_ref();
                let author = table.map_or(Author::default(), |table| Author {
                    incarnation: table.word(Word::Incarnation),
                    position: table.word(Word::Position),
                });
                self.flight.push(Flight {
                    bytes,
                    author,
                    asker: Some((node, slot)),
                });
                self.flight.sort();
            }
            Some(Action::StoreSnapshot { position, bytes }) => {
                Rc::make_mut(&mut self.snapshots).insert(position, bytes);
                self.tell(node, slot, Event::SnapshotStored { position });
            }
            Some(Action::Cut { first }) => {
                self.first = self.first.max(first);
                while self.snapshots.len() > 2 {
                    Rc::make_mut(&mut self.snapshots).pop_first();
                }
            }
            other => assert_eq!(other, None),
        }
    }

    fn batch(&mut self, node: usize, slot: usize, entries: &[Entry]) {
        let event = match self.node(node).batch(entries) {
            Some(values) => Event::Applied { values },
            None => Event::Refused,
        };
        self.tell(node, slot, event);
    }

    fn read(&mut self, node: usize, slot: usize) {
        let Some(running) = &self.nodes[node].agents[slot] else {
            return;
        };
        let position = running
            .agent
            .image()
            .map_or(0, |image| image.word(Word::Position))
            + 1;
        let event = if position < self.first {
            Event::LogBegins { first: self.first }
        } else {
            Event::Message {
                position,
                bytes: self.log[position as usize - 1].to_vec(),
            }
        };
        self.tell(node, slot, event);
    }

    fn deliver(&mut self, bytes: Vec<u8>, author: Author, asker: Option<(usize, usize)>) {
        let position = self.last() + 1;
        let truth = self.truths[position as usize - 1].after(position, author, &bytes);
        self.truths.push(Rc::new(truth));
        self.log_print = fingerprint(&(self.log_print, &bytes));
        self.log.push(Rc::new(bytes));
        if let Some((node, slot)) = asker {
            self.tell(node, slot, Event::Published { position });
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::TakenOver { .. } => self.seen.taken_over += 1,
            Notice::Digest { .. } => self.seen.digests += 1,
            _ => {}
        }
    }

    fn ended(&mut self, node: usize, slot: usize, result: Result<Ended, Error>) {
        self.kill(node, slot);
        let faults = &self.setup.faults;
        let twins = self
            .nodes
            .iter()
            .filter(|other| other.name == self.nodes[node].name)
            .count()
            > 1;
        match result {
            Ok(Ended::Left) if faults.leaves > 0 => self.node(node).out = !self.setup.comes_back,
            Err(Error::Superseded { .. }) if twins => {
                self.seen.superseded += 1;
                self.node(node).out = true;
            }
            Err(Error::Removed { .. }) if faults.removes + faults.leaves > 0 => {
                self.node(node).out = true;
            }
            Err(Error::OtherAgent) if faults.seconds > 0 => self.seen.other_agents += 1,
            // It tries again, and finds the newest.
            Err(Error::Gap { .. }) if faults.stales > 0 => {}
            other => self.failure = Some(format!("the agent of {node} ended: {other:?}")),
        }
    }

    /// All that holds always.
    pub fn check(&self) -> Result<(), String> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let mut at_end = Vec::new();
        for (node, machine) in self.nodes.iter().enumerate() {
            let Some(table) = &machine.table else {
                continue;
            };
            let (position, own) = (table.word(Word::Position), table.word(Word::Incarnation));
            if position > self.last() || table.word(Word::Taking) != 0 {
                continue;
            }
            let truth = &self.truths[position as usize];
            for address in 0..self.setup.states {
                let (state, shadow) = (table.at(address), table.at(table.layout.shadow(address)));
                if shadow != truth.shadow.get(&address).copied().unwrap_or(0) {
                    return Err(format!("node {node}: the shadow isn't what the log says"));
                }
                let made = table.made[address as usize];
                if state ^ shadow != made ^ truth.told(own, address) {
                    return Err(format!("node {node}: a delta is lost, or in twice"));
                }
            }
            let joined = |number| {
                truth
                    .members
                    .get(&number)
                    .is_some_and(|member| member.0 == own)
            };
            if table.own_number().is_some_and(|number| !joined(number)) {
                return Err(format!(
                    "node {node}: it has joined, and the log doesn't say so"
                ));
            }
            if position == self.last() {
                at_end.push(table);
            }
        }
        match at_end
            .windows(2)
            .all(|pair| pair[0].replicated() == pair[1].replicated())
        {
            true => Ok(()),
            false => Err("nodes that have read the log to its end differ".to_owned()),
        }
    }

    /// All that holds once nothing is left to do: all is told, and in everywhere.
    pub fn check_end(&self) -> Result<(), String> {
        self.check()?;
        let mut states = Vec::new();
        for (node, machine) in self.nodes.iter().enumerate() {
            let Some(table) = machine.table.as_ref().filter(|_| !machine.out) else {
                continue;
            };
            let all = table.layout.states() as usize;
            let [state, shadow, outbox] = [0, 1, 2].map(|n| &table.contexts[n * all..][..all]);
            if table.word(Word::Position) != self.last() || table.word(Word::Taking) != 0 {
                return Err(format!("node {node} has not read the log to its end"));
            }
            if table.own_number().is_none() {
                return Err(format!("node {node} has not joined"));
            }
            if state != shadow || outbox.iter().any(|&delta| delta != 0) {
                return Err(format!("node {node} has something that it never tells"));
            }
            states.push(state);
        }
        match states.windows(2).all(|pair| pair[0] == pair[1]) {
            true => Ok(()),
            false => Err("the states differ".to_owned()),
        }
    }
}

fn only_reads(entry: &Entry) -> bool {
    matches!(entry, Entry::Read { .. } | Entry::Expect { .. })
}
