// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::batch::Batch;
use crate::mistake::Mistake;
use crate::{
    Body, Delta, Entry, Error, FormatError, Image, Member, Message, NodeName, Notice, Record, Word,
};

/// The meaning of the next message of the log for a table. It follows from the message and the
/// records alone, so that all nodes come to the same.
pub(crate) struct Judgement {
    /// The batch that makes the changes and moves the position.
    pub batch: Vec<Entry>,
    /// News for people.
    pub notice: Option<Notice>,
    /// The node has left by its own message.
    pub left: bool,
    /// The node owes an answer before it may apply the batch.
    pub verify: bool,
}

impl Judgement {
    pub fn new(
        image: &Image,
        position: u64,
        bytes: &[u8],
        mistake: Option<Mistake>,
    ) -> Result<Self, Error> {
        let judge = Judge {
            image,
            position,
            mistake,
        };
        let mut batch = Batch::new(image, mistake);
        let mut judgement = Self {
            batch: Vec::new(),
            notice: None,
            left: false,
            verify: false,
        };
        match Message::decode(bytes) {
            // Another program would take a later version for what it is.
            Err(error @ FormatError::Version { .. }) => {
                return Err(Error::Message { position, error });
            }
            // All nodes read the same bytes, and all drop them.
            Err(error) => judgement.notice = Some(Notice::Damaged { position, error }),
            Ok(message) => judge.message(message, &mut batch, &mut judgement)?,
        }
        batch.word(Word::Position, position);
        judgement.batch = batch.finish();
        Ok(judgement)
    }
}

struct Judge<'a> {
    image: &'a Image,
    position: u64,
    mistake: Option<Mistake>,
}

impl Judge<'_> {
    fn message(
        &self,
        message: Message,
        batch: &mut Batch,
        judgement: &mut Judgement,
    ) -> Result<(), Error> {
        let (image, position) = (self.image, self.position);
        let table = image.word(Word::Table);
        if let (0, Body::Found { layout }) = (table, &message.body) {
            if *layout != image.layout() {
                return Err(Error::DoesNotFit {
                    found: *layout,
                    own: image.layout(),
                });
            }
            batch.word(Word::Table, message.table);
            batch.word(Word::Membership, position);
            return Ok(());
        }
        if message.table != table {
            // Of two nodes that found the table at the same time, one is late. That is nothing new.
            if !matches!(message.body, Body::Found { .. }) {
                judgement.notice = Some(Notice::Foreign {
                    position,
                    table: message.table,
                });
            }
            return Ok(());
        }
        let (nodes, states) = (image.layout().nodes(), image.layout().states());
        match message.body {
            Body::Found { .. } => {}
            Body::Join {
                membership,
                incarnation,
                name,
            } => {
                if self.membership_counts(membership)? {
                    let member = Member { name, incarnation };
                    judgement.notice = self.join(member, batch)?;
                }
            }
            Body::Remove {
                membership,
                node,
                by,
            } if node < nodes => {
                if self.membership_counts(membership)? {
                    judgement.left = self.remove(node, by, batch)?;
                    judgement.notice = Some(Notice::Removed { position, node });
                }
            }
            Body::Deltas {
                node,
                previous,
                deltas,
            } if node < nodes && deltas.iter().all(|delta| delta.address < states) => {
                self.deltas(node, previous, &deltas, batch)?;
            }
            Body::Verify { .. } => judgement.verify = image.own_number().is_some(),
            Body::Digest {
                node,
                position,
                digest,
            } => {
                judgement.notice = Some(Notice::Digest {
                    node,
                    position,
                    digest,
                });
            }
            Body::Remove { .. } | Body::Deltas { .. } => {
                judgement.notice = Some(Notice::OutOfRange { position });
            }
        }
        Ok(())
    }

    /// Whether a message that follows that at `previous` still does, where `last` is the last.
    fn counts(&self, previous: u64, last: u64) -> Result<bool, Error> {
        if previous > last {
            return Err(Error::Missed {
                position: self.position,
                previous,
            });
        }
        Ok(previous == last)
    }

    fn membership_counts(&self, membership: u64) -> Result<bool, Error> {
        let counts = self.counts(membership, self.image.word(Word::Membership))?;
        Ok(counts || self.mistake == Some(Mistake::MembershipUnchecked))
    }

    fn join(&self, member: Member, batch: &mut Batch) -> Result<Option<Notice>, Error> {
        let (image, position) = (self.image, self.position);
        let Some(node) = number_for(image, &member.name) else {
            return Ok(Some(Notice::Full { position }));
        };
        let before = image.record(node);
        if image.own_number() == Some(node)
            && before
                .member
                .is_some_and(|own| own.incarnation != member.incarnation)
        {
            return Err(Error::Superseded {
                name: member.name,
                position,
            });
        }
        let keeps = self.mistake == Some(Mistake::JoinKeepsChain) && before.last != 0;
        let last = if keeps { before.last } else { position };
        batch.record(
            node,
            Record {
                last,
                member: Some(member),
            },
        );
        batch.word(Word::Membership, position);
        Ok(Some(Notice::Joined {
            position,
            node,
            name: member.name,
        }))
    }

    fn remove(&self, node: u32, by: u64, batch: &mut Batch) -> Result<bool, Error> {
        let (image, position) = (self.image, self.position);
        let own = image.own_number() == Some(node);
        if own && by != image.word(Word::Incarnation) {
            let name = image.record(node).member.map(|member| member.name);
            return Err(name.map_or(Error::OtherAgent, |name| Error::Removed { name, position }));
        }
        batch.record(
            node,
            Record {
                last: position,
                member: None,
            },
        );
        batch.word(Word::Membership, position);
        Ok(own)
    }

    fn deltas(
        &self,
        node: u32,
        previous: u64,
        deltas: &[Delta],
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let (layout, record) = (self.image.layout(), self.image.record(node));
        let own = self.image.own_number() == Some(node);
        let keeps = (own && self.mistake == Some(Mistake::SenderKeepsDuplicates))
            || (!own && self.mistake == Some(Mistake::ReceiverKeepsDuplicates));
        if !self.counts(previous, record.last)? && !keeps {
            return Ok(());
        }
        for &Delta { address, delta } in deltas {
            batch.accum(layout.shadow(address), delta);
            // One's own deltas are in the state already, and leave the outbox.
            batch.accum(if own { layout.outbox(address) } else { address }, delta);
        }
        batch.set(layout.record(node), self.position);
        Ok(())
    }
}

/// The number that a node of this name gets when it joins: that of the name, else the lowest free.
pub(crate) fn number_for(image: &Image, name: &NodeName) -> Option<u32> {
    let free = |node: &u32| image.record(*node).member.is_none();
    image
        .member(*name)
        .or_else(|| (0..image.layout().nodes()).find(free))
}
