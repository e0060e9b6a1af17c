// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::batch::Batch;
use crate::mistake::Mistake;
use crate::{Delta, Entry, Error, Image, Member, NodeName, Record, Snapshot, Word};

/// A snapshot that takes the place of the messages up to its position, in batches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Takeover {
    snapshot: Snapshot,
    shadow: Vec<u64>,
    /// The message whose deltas are in the outbox is in the snapshot.
    has_outbox: bool,
}

impl Takeover {
    /// Checks that the snapshot fits and leads on. The log begins at the position `first`.
    pub fn new(
        snapshot: Snapshot,
        image: &Image,
        first: u64,
        wanted: NodeName,
        mistake: Option<Mistake>,
    ) -> Result<Self, Error> {
        let position = image.word(Word::Position);
        if snapshot.layout != image.layout() {
            return Err(Error::DoesNotFit {
                found: snapshot.layout,
                own: image.layout(),
            });
        }
        let own_table = image.word(Word::Table);
        if own_table != 0 && own_table != snapshot.table {
            return Err(Error::OtherTable {
                found: snapshot.table,
                own: own_table,
            });
        }
        let taking = image.word(Word::Taking);
        let needed = taking.max(first.saturating_sub(1)).max(position);
        if snapshot.position < needed {
            return Err(Error::Gap {
                position,
                needed,
                newest: Some(snapshot.position),
            });
        }
        let mut has_outbox = false;
        if let Some(own) = image.own_number() {
            let (before, after) = (image.record(own), snapshot.records[own as usize]);
            still_member(before.member, after, wanted, snapshot.position)?;
            has_outbox = image.sending()
                && before.last != after.last
                && mistake != Some(Mistake::OutboxNotInSnapshot);
        }
        let mut shadow = vec![0; image.layout().states() as usize];
        for &Delta { address, delta } in &snapshot.shadow {
            shadow[address as usize] = delta;
        }
        Ok(Self {
            snapshot,
            shadow,
            has_outbox,
        })
    }

    /// The next batch, of at most so many contexts, and whether it is the last one. The agent may
    /// die between any two.
    pub fn next_batch(
        &self,
        image: &Image,
        most: usize,
        mistake: Option<Mistake>,
    ) -> (Vec<Entry>, bool) {
        let layout = image.layout();
        let outbox = |address| {
            if self.has_outbox {
                image.outbox(address)
            } else {
                0
            }
        };
        let differs =
            |&address: &u32| self.target(address) != image.shadow(address) || outbox(address) != 0;
        let addresses: Vec<_> = (0..layout.states()).filter(differs).take(most).collect();
        let mut batch = Batch::new(image, mistake);
        if addresses.is_empty() {
            for (node, record) in (0..).zip(&self.snapshot.records) {
                batch.record(node, *record);
            }
            batch.word(Word::Table, self.snapshot.table);
            batch.word(Word::Membership, self.snapshot.membership);
            batch.word(Word::Position, self.snapshot.position);
            batch.word(Word::Taking, 0);
            return (batch.finish(), true);
        }
        if mistake != Some(Mistake::TakingNotMarked) {
            batch.word(Word::Taking, self.snapshot.position);
        }
        for address in addresses {
            let (target, outbox) = (self.target(address), outbox(address));
            batch.accum(address, target ^ image.shadow(address) ^ outbox);
            batch.set(layout.shadow(address), target);
            if outbox != 0 {
                batch.set(layout.outbox(address), 0);
            }
        }
        (batch.finish(), false)
    }

    fn target(&self, address: u32) -> u64 {
        self.shadow[address as usize]
    }
}

fn still_member(
    before: Option<Member>,
    after: Record,
    wanted: NodeName,
    position: u64,
) -> Result<(), Error> {
    let name = before.map_or(wanted, |member| member.name);
    match after.member {
        member if member == before => Ok(()),
        Some(other) if other.name == name => Err(Error::Superseded { name, position }),
        _ => Err(Error::Removed { name, position }),
    }
}
