// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::message::{contexts, layout};
use crate::wire::{MAX_POSITION, Reader, Writer, field};
use crate::{Delta, FormatError, Image, Layout, Member, Record, Word};

/// A snapshot: what all nodes have at one position of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The layout of the table.
    pub layout: Layout,
    /// The number of the replicated table.
    pub table: u64,
    /// The position: all messages up to it are in the snapshot.
    pub position: u64,
    /// The position of the last message about members.
    pub membership: u64,
    /// The records of all nodes.
    pub records: Vec<Record>,
    /// The contexts of the shadow that aren't 0, addresses ascending.
    pub shadow: Vec<Delta>,
}

const MAGIC: [u8; 4] = [0x89, b'A', b'T', b'S'];

impl Snapshot {
    /// The snapshot of a table at its position.
    pub fn of(image: &Image) -> Self {
        let layout = image.layout();
        let shadow = (0..layout.states())
            .map(|address| Delta {
                address,
                delta: image.shadow(address),
            })
            .filter(|context| context.delta != 0);
        Self {
            layout,
            table: image.word(Word::Table),
            position: image.word(Word::Position),
            membership: image.word(Word::Membership),
            records: (0..layout.nodes()).map(|node| image.record(node)).collect(),
            shadow: shadow.collect(),
        }
    }

    /// The bytes, as docs/replication-protocol.md has them.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(MAGIC, 1, self.table);
        writer.u32(self.layout.states());
        writer.u32(self.layout.nodes());
        writer.u64(self.position);
        writer.u64(self.membership);
        for record in &self.records {
            writer.u64(record.last);
            writer.name(record.member.as_ref().map(|member| &member.name));
            if let Some(member) = record.member {
                writer.u64(member.incarnation);
            }
        }
        writer.u32(self.shadow.len() as u32);
        for context in &self.shadow {
            writer.u16(context.address as u16);
            writer.u64(context.delta);
        }
        writer.finish()
    }

    /// The snapshot that the bytes are.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let (mut reader, kind, table) = Reader::new(MAGIC, bytes)?;
        if kind != 1 {
            return Err(field("the kind of a snapshot", kind));
        }
        let layout = layout(&mut reader)?;
        let position = reader.not_zero("the position", Reader::u64)?;
        if position > MAX_POSITION {
            return Err(field("the position", position));
        }
        let membership = reader.not_zero("the membership", Reader::u64)?;
        if membership > position {
            return Err(field("the membership", membership));
        }
        let mut records = Vec::new();
        for _ in 0..layout.nodes() {
            let last = reader.u64()?;
            let member = match reader.name()? {
                None => None,
                Some(name) => {
                    let incarnation = reader.not_zero("the incarnation", Reader::u64)?;
                    Some(Member { name, incarnation })
                }
            };
            if last > position || (last == 0 && member.is_some()) {
                return Err(field("the last position of a node", last));
            }
            records.push(Record { last, member });
        }
        let count = reader.u32()?;
        if count > layout.states() {
            return Err(field("the number of contexts", count));
        }
        let shadow = contexts(&mut reader, count)?;
        reader.end()?;
        match shadow.last() {
            Some(last) if last.address >= layout.states() => {
                Err(field("the address of a context", last.address))
            }
            _ => Ok(Self {
                layout,
                table,
                position,
                membership,
                records,
                shadow,
            }),
        }
    }
}
