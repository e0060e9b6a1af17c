// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::wire::{Reader, Writer, field};
use crate::{Delta, FormatError, Layout, NodeName};

/// A message of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// The number of the replicated table. Not 0. A log may carry several tables; messages of
    /// others are none of one's business.
    pub table: u64,
    /// The change.
    pub body: Body,
}

/// The change that a message makes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// There is a table of this layout. It counts where the log has founded none before.
    Found {
        /// The layout that all nodes have.
        layout: Layout,
    },
    /// A node joins, or a new table of it takes the place of the one before. It gets the number of
    /// its name, else the lowest that is free.
    Join {
        /// The position of the last message about members. The message counts where it still is
        /// that.
        membership: u64,
        /// The incarnation of the node's table. Not 0.
        incarnation: u64,
        /// The name of the node.
        name: NodeName,
    },
    /// A node is removed. Nothing that it sends afterwards counts.
    Remove {
        /// As in `Join`.
        membership: u64,
        /// The number of the node.
        node: u32,
        /// The incarnation of the table whose agent wrote this. A node that reads its own has left.
        by: u64,
    },
    /// A node's changes.
    Deltas {
        /// The number of the node.
        node: u32,
        /// The position of the node's last message that counted. This one counts where that still
        /// is the last, so one of two copies does.
        previous: u64,
        /// 1 to [`Delta::MOST`] deltas, addresses ascending.
        deltas: Vec<Delta>,
    },
    /// All nodes shall answer with the digest of what they have just before this message.
    Verify {
        /// A number that the one who asks knows it again by.
        question: u64,
    },
    /// The answer of a node.
    Digest {
        /// The number of the node.
        node: u32,
        /// The position of the `Verify`.
        position: u64,
        /// [`Image::digest`](crate::Image::digest) just before it.
        digest: [u8; 32],
    },
}

const MAGIC: [u8; 4] = [0x89, b'A', b'T', b'M'];

impl Message {
    /// The bytes, as docs/replication-protocol.md has them.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(MAGIC, self.body.kind(), self.table);
        match &self.body {
            Body::Found { layout } => {
                writer.u32(layout.states());
                writer.u32(layout.nodes());
            }
            Body::Join {
                membership,
                incarnation,
                name,
            } => {
                writer.u64(*membership);
                writer.u64(*incarnation);
                writer.name(Some(name));
            }
            Body::Remove {
                membership,
                node,
                by,
            } => {
                writer.u64(*membership);
                writer.u64(*by);
                writer.u16(*node as u16);
            }
            Body::Deltas {
                node,
                previous,
                deltas,
            } => {
                writer.u64(*previous);
                writer.u16(*node as u16);
                writer.u16(deltas.len() as u16);
                for Delta { address, delta } in deltas {
                    writer.u16(*address as u16);
                    writer.u64(*delta);
                }
            }
            Body::Verify { question } => writer.u64(*question),
            Body::Digest {
                node,
                position,
                digest,
            } => {
                writer.u64(*position);
                writer.u16(*node as u16);
                writer.bytes(digest);
            }
        }
        writer.finish()
    }

    /// The message that the bytes are.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let (mut reader, kind, table) = Reader::new(MAGIC, bytes)?;
        let body = match kind {
            1 => Body::Found {
                layout: layout(&mut reader)?,
            },
            2 => Body::Join {
                membership: reader.u64()?,
                incarnation: reader.not_zero("the incarnation", Reader::u64)?,
                name: reader.name()?.ok_or(FormatError::Name)?,
            },
            3 => {
                let membership = reader.u64()?;
                let by = reader.not_zero("the remover", Reader::u64)?;
                Body::Remove {
                    membership,
                    node: node(&mut reader)?,
                    by,
                }
            }
            4 => {
                let previous = reader.not_zero("the previous position", Reader::u64)?;
                Body::Deltas {
                    node: node(&mut reader)?,
                    previous,
                    deltas: deltas(&mut reader)?,
                }
            }
            5 => Body::Verify {
                question: reader.u64()?,
            },
            6 => {
                let position = reader.not_zero("the position", Reader::u64)?;
                Body::Digest {
                    node: node(&mut reader)?,
                    position,
                    digest: reader.array()?,
                }
            }
            other => return Err(field("the kind of a message", other)),
        };
        reader.end()?;
        Ok(Self { table, body })
    }
}

impl Body {
    fn kind(&self) -> u8 {
        match self {
            Body::Found { .. } => 1,
            Body::Join { .. } => 2,
            Body::Remove { .. } => 3,
            Body::Deltas { .. } => 4,
            Body::Verify { .. } => 5,
            Body::Digest { .. } => 6,
        }
    }
}

pub(crate) fn layout(reader: &mut Reader<'_>) -> Result<Layout, FormatError> {
    let (states, nodes) = (reader.u32()?, reader.u32()?);
    Layout::new(states, nodes).map_err(|_| field("the number of contexts or nodes", states))
}

fn node(reader: &mut Reader<'_>) -> Result<u32, FormatError> {
    match reader.u16()?.into() {
        node if node < Layout::MAX_NODES => Ok(node),
        node => Err(field("the number of the node", node)),
    }
}

fn deltas(reader: &mut Reader<'_>) -> Result<Vec<Delta>, FormatError> {
    let count = reader.not_zero("the number of deltas", Reader::u16)?;
    if usize::from(count) > Delta::MOST {
        return Err(field("the number of deltas", count));
    }
    contexts(reader, count.into())
}

/// Contexts with values that aren't 0, addresses ascending.
pub(crate) fn contexts(reader: &mut Reader<'_>, count: u32) -> Result<Vec<Delta>, FormatError> {
    let mut next = 0;
    let one = |_| {
        let address = reader.u16()?.into();
        if address < next {
            return Err(field("an address that doesn't ascend", address));
        }
        next = address + 1;
        Ok(Delta {
            address,
            delta: reader.not_zero("a delta", Reader::u64)?,
        })
    };
    (0..count).map(one).collect()
}
