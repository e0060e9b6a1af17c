// SPDX-License-Identifier: MIT OR Apache-2.0

//! What an agent doesn't go on with, and that its table is then as it was.

use super::node::Table;
use crate::{
    Action, Agent, Body, Config, Delta, Ended, Error, Event, FormatError, Layout, Member, Message,
    NodeName, Notice, Record, Snapshot, Word,
};

const TABLE: u64 = 50;

/// An agent on a table of three contexts for two nodes. What it wants of the table is done.
struct Rig {
    table: Table,
    agent: Agent,
    actions: Vec<Action>,
    next: u64,
}

fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn layout() -> Layout {
    Layout::new(3, 2).unwrap()
}

fn config() -> Config {
    Config {
        name: name("a"),
        layout: layout(),
        incarnation: 10,
        table: TABLE,
        snapshot_every: 0,
        keep: 0,
    }
}

impl Rig {
    fn new(table: Table) -> Self {
        Self {
            table,
            agent: Agent::new(config()),
            actions: Vec::new(),
            next: 1,
        }
    }

    /// An agent that is connected to an empty log.
    fn connected() -> Self {
        let mut rig = Self::new(Table::new(layout()));
        rig.tell(Event::Connected { first: 1, last: 0 });
        rig
    }

    /// An agent that has joined, at position 2.
    fn joined() -> Self {
        let mut rig = Self::connected();
        rig.read(Body::Found { layout: layout() });
        rig.read(Body::Join {
            membership: 1,
            incarnation: 10,
            name: name("a"),
        });
        assert_eq!(rig.table.own_number(), Some(0));
        rig
    }

    fn tell(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.agent.handle(event, &mut actions);
        for action in actions {
            match action {
                Action::Load => self.tell(Event::Loaded(self.table.contexts.clone())),
                Action::Batch(entries) => {
                    let values = self.table.batch(&entries).unwrap();
                    self.tell(Event::Applied { values });
                }
                action => self.actions.push(action),
            }
        }
    }

    fn read_bytes(&mut self, bytes: Vec<u8>) {
        assert!(self.agent.reading());
        self.tell(Event::Message {
            position: self.next,
            bytes,
        });
        self.next += 1;
    }

    fn read(&mut self, body: Body) {
        self.read_bytes(Message { table: TABLE, body }.encode());
    }

    fn position(&self) -> u64 {
        self.table.word(Word::Position)
    }

    /// The error with which the agent has ended.
    #[track_caller]
    fn error(&self) -> Error {
        match self.actions.last() {
            Some(Action::End(Err(error))) => error.clone(),
            other => panic!("it didn't end: {other:?}"),
        }
    }
}

fn deltas(node: u32, previous: u64, address: u32) -> Body {
    Body::Deltas {
        node,
        previous,
        deltas: vec![Delta { address, delta: 1 }],
    }
}

fn snapshot(position: u64) -> Snapshot {
    let records = vec![Record::default(); 2];
    Snapshot {
        layout: layout(),
        table: TABLE,
        position,
        membership: 1,
        records,
        shadow: vec![],
    }
}

#[test]
fn a_table_of_another_layout() {
    let mut rig = Rig::connected();
    let found = Layout::new(4, 2).unwrap();
    rig.read(Body::Found { layout: found });
    assert_eq!(
        rig.error(),
        Error::DoesNotFit {
            found,
            own: layout()
        }
    );
    assert_eq!(rig.position(), 0);
}

#[test]
fn no_number_left() {
    let mut rig = Rig::connected();
    rig.read(Body::Found { layout: layout() });
    rig.read(Body::Join {
        membership: 1,
        incarnation: 20,
        name: name("b"),
    });
    rig.read(Body::Join {
        membership: 2,
        incarnation: 30,
        name: name("c"),
    });
    rig.tell(Event::NotPublished);
    assert_eq!(rig.error(), Error::Full { nodes: 2 });
}

#[test]
fn another_name_than_before() {
    let mut rig = Rig::new(Rig::joined().table);
    rig.agent = Agent::new(Config {
        name: name("b"),
        ..config()
    });
    rig.tell(Event::Connected { first: 1, last: 2 });
    assert_eq!(rig.error(), Error::OtherName { joined: name("a") });
}

#[test]
fn another_node_of_the_same_name() {
    let mut rig = Rig::joined();
    let table = rig.table.clone();
    rig.read(Body::Join {
        membership: 2,
        incarnation: 20,
        name: name("a"),
    });
    assert_eq!(
        rig.error(),
        Error::Superseded {
            name: name("a"),
            position: 3
        }
    );
    assert!(rig.table == table);
}

#[test]
fn its_removal() {
    let mut rig = Rig::joined();
    rig.read(Body::Remove {
        membership: 2,
        node: 0,
        by: 20,
    });
    assert_eq!(
        rig.error(),
        Error::Removed {
            name: name("a"),
            position: 3
        }
    );
    assert_eq!(rig.position(), 2);
    let mut rig = Rig::joined();
    rig.read(Body::Remove {
        membership: 2,
        node: 0,
        by: 10,
    });
    assert_eq!(rig.actions.last(), Some(&Action::End(Ok(Ended::Left))));
    assert_eq!(rig.position(), 3);
}

#[test]
fn a_log_that_lost_its_end() {
    let mut rig = Rig::new(Rig::joined().table);
    rig.tell(Event::Connected { first: 1, last: 1 });
    assert_eq!(
        rig.error(),
        Error::LogWentBack {
            last: 1,
            position: 2
        }
    );
}

#[test]
fn a_log_that_was_made_anew_beside_the_agent() {
    let asking = || {
        let mut rig = Rig::joined();
        // The answer to its joining.
        rig.tell(Event::Published { position: 2 });
        rig.tell(Event::Verify { question: 7 });
        rig
    };
    let mut rig = asking();
    rig.tell(Event::Published { position: 2 });
    assert_eq!(
        rig.error(),
        Error::LogWentBack {
            last: 2,
            position: 2
        }
    );
    let mut rig = asking();
    rig.tell(Event::Published { position: 3 });
    assert!(!matches!(rig.actions.last(), Some(Action::End(_))));
}

#[test]
fn a_message_that_follows_one_never_seen() {
    let mut rig = Rig::joined();
    rig.read(deltas(1, 2, 0));
    assert_eq!(
        rig.error(),
        Error::Missed {
            position: 3,
            previous: 2
        }
    );
}

#[test]
fn a_message_of_a_later_version() {
    let mut rig = Rig::joined();
    let mut bytes = Message {
        table: TABLE,
        body: deltas(0, 2, 0),
    }
    .encode();
    bytes.truncate(bytes.len() - 4);
    bytes[4] = 2;
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    rig.read_bytes(bytes);
    let error = FormatError::Version { found: 2, known: 1 };
    assert_eq!(rig.error(), Error::Message { position: 3, error });
    assert_eq!(rig.position(), 2);
}

#[test]
fn messages_that_everybody_drops() {
    let mut rig = Rig::joined();
    rig.read_bytes(b"hello".to_vec());
    let damaged = Notice::Damaged {
        position: 3,
        error: FormatError::Magic,
    };
    assert_eq!(rig.actions.last(), Some(&Action::Notice(damaged)));
    rig.read_bytes(
        Message {
            table: 51,
            body: deltas(0, 2, 0),
        }
        .encode(),
    );
    let foreign = Notice::Foreign {
        position: 4,
        table: 51,
    };
    assert_eq!(rig.actions.last(), Some(&Action::Notice(foreign)));
    for body in [
        deltas(0, 2, 3),
        deltas(2, 2, 0),
        Body::Remove {
            membership: 2,
            node: 2,
            by: 9,
        },
    ] {
        rig.read(body);
        let out_of_range = Notice::OutOfRange {
            position: rig.position(),
        };
        assert_eq!(rig.actions.last(), Some(&Action::Notice(out_of_range)));
    }
    assert_eq!(rig.position(), 7);
    assert!(rig.agent.reading());
}

#[test]
fn words_that_a_program_has_overwritten() {
    for (address, value) in [
        (layout().word(Word::Position), u64::MAX),
        (layout().word(Word::Taking), u64::MAX),
        (layout().record(1) + 1, 7),
        (layout().record(1) + 2, 7),
    ] {
        let mut table = Table::new(layout());
        table.contexts[address as usize] = value;
        let mut rig = Rig::new(table);
        rig.tell(Event::Connected { first: 1, last: 0 });
        let record = layout().record(1);
        let address = if address > record { record } else { address };
        assert_eq!(rig.error(), Error::Overwritten { address });
    }
    let mut rig = Rig::new(Table::new(Layout::new(4, 2).unwrap()));
    rig.tell(Event::Connected { first: 1, last: 0 });
    assert_eq!(
        rig.error(),
        Error::Contexts {
            found: 38,
            expected: 35
        }
    );
}

#[test]
fn snapshots_that_lead_nowhere() {
    let with = |bytes| {
        let mut rig = Rig::new(Rig::joined().table);
        rig.tell(Event::Connected { first: 9, last: 20 });
        assert_eq!(rig.actions, [Action::FetchSnapshot]);
        rig.tell(Event::Snapshot(bytes));
        assert_eq!(rig.position(), 2);
        rig.error()
    };
    let of = |snapshot: Snapshot| with(Some(snapshot.encode()));
    assert_eq!(
        with(None),
        Error::Gap {
            position: 2,
            needed: 8,
            newest: None
        }
    );
    assert_eq!(with(Some(vec![1])), Error::Snapshot(FormatError::Magic));
    assert_eq!(
        of(snapshot(7)),
        Error::Gap {
            position: 2,
            needed: 8,
            newest: Some(7)
        }
    );
    let other = Snapshot {
        table: 51,
        ..snapshot(8)
    };
    assert_eq!(
        of(other),
        Error::OtherTable {
            found: 51,
            own: TABLE
        }
    );
    let found = Layout::new(2, 2).unwrap();
    let other = Snapshot {
        layout: found,
        ..snapshot(8)
    };
    assert_eq!(
        of(other),
        Error::DoesNotFit {
            found,
            own: layout()
        }
    );
    assert_eq!(
        of(snapshot(8)),
        Error::Removed {
            name: name("a"),
            position: 8
        }
    );
    let mut twin = snapshot(8);
    let member = Member {
        name: name("a"),
        incarnation: 20,
    };
    twin.records[0] = Record {
        last: 5,
        member: Some(member),
    };
    assert_eq!(
        of(twin),
        Error::Superseded {
            name: name("a"),
            position: 8
        }
    );
}

#[test]
fn messages_while_half_a_snapshot_is_taken_over() {
    let mut table = Rig::joined().table;
    table.contexts[layout().word(Word::Taking) as usize] = 8;
    let mut rig = Rig::new(table);
    rig.tell(Event::Connected { first: 1, last: 20 });
    assert_eq!(rig.actions, [Action::FetchSnapshot]);
    assert!(!rig.agent.reading());
    rig.tell(Event::Snapshot(Some(snapshot(7).encode())));
    assert_eq!(
        rig.error(),
        Error::Gap {
            position: 2,
            needed: 8,
            newest: Some(7)
        }
    );
}

#[test]
fn names_that_no_node_can_have() {
    let long = "a".repeat(65);
    for bad in ["", "a b", "ä", "a/b", "a\0", long.as_str()] {
        NodeName::new(bad).unwrap_err();
    }
    let long = "a".repeat(64);
    assert_eq!(NodeName::new(&long).unwrap().as_str(), long);
}

#[test]
fn errors_tell_what_to_do() {
    let gap = Error::Gap {
        position: 2,
        needed: 8,
        newest: None,
    };
    assert_eq!(
        gap.to_string(),
        "messages 3 to 8 are gone from the log, and no snapshot has them: there is none"
    );
    assert_eq!(
        Error::Layout {
            states: 30_000,
            nodes: 64
        }
        .to_string(),
        "a replicated table can't have 30000 contexts and 64 nodes: 1 to 256 nodes, and 1 to 21630 \
         contexts with so many"
    );
}
