// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::node::Table;
use crate::judgement::Judgement;
use crate::{
    Body, Delta, FormatError, Image, Layout, Member, Message, NodeName, Record, Snapshot, Word,
};

fn layouts() -> impl Strategy<Value = Layout> {
    (1u32..=20, 1u32..=8).prop_map(|(states, nodes)| Layout::new(states, nodes).unwrap())
}

fn names() -> impl Strategy<Value = NodeName> {
    "[a-zA-Z0-9._-]{1,64}".prop_map(|name| NodeName::new(&name).unwrap())
}

fn deltas(addresses: u32, most: usize) -> impl Strategy<Value = Vec<Delta>> {
    let deltas = btree_map(0..addresses, 1u64.., 0..=most);
    deltas.prop_map(|d| {
        d.into_iter()
            .map(|(address, delta)| Delta { address, delta })
            .collect()
    })
}

fn bodies() -> impl Strategy<Value = Body> {
    let some_deltas = deltas(65_536, Delta::MOST).prop_filter("none", |deltas| !deltas.is_empty());
    prop_oneof![
        layouts().prop_map(|layout| Body::Found { layout }),
        (any::<u64>(), 1u64.., names()).prop_map(|(membership, incarnation, name)| Body::Join {
            membership,
            incarnation,
            name
        }),
        (any::<u64>(), 0u32..256, 1u64..).prop_map(|(membership, node, by)| Body::Remove {
            membership,
            node,
            by
        }),
        (0u32..256, 1u64.., some_deltas).prop_map(|(node, previous, deltas)| Body::Deltas {
            node,
            previous,
            deltas
        }),
        any::<u64>().prop_map(|question| Body::Verify { question }),
        (0u32..256, 1u64.., any::<[u8; 32]>()).prop_map(|(node, position, digest)| Body::Digest {
            node,
            position,
            digest
        }),
    ]
}

fn messages() -> impl Strategy<Value = Message> {
    (1u64.., bodies()).prop_map(|(table, body)| Message { table, body })
}

fn records(nodes: u32, position: u64) -> impl Strategy<Value = Vec<Record>> {
    let member = (names(), 1u64..).prop_map(|(name, incarnation)| Member { name, incarnation });
    let record = (1..=position, proptest::option::of(member));
    vec(
        record.prop_map(|(last, member)| Record { last, member }),
        nodes as usize,
    )
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    (layouts(), 1u64.., 1..u64::MAX / 2).prop_flat_map(|(layout, table, position)| {
        let shadow = deltas(layout.states(), layout.states() as usize);
        (1..=position, records(layout.nodes(), position), shadow).prop_map(
            move |(membership, records, shadow)| Snapshot {
                layout,
                table,
                position,
                membership,
                records,
                shadow,
            },
        )
    })
}

/// Messages of small numbers, so that many of them count.
fn likely_messages() -> impl Strategy<Value = Body> {
    let layout = Layout::new(3, 2).unwrap();
    let some = deltas(4, 3).prop_filter("none", |deltas| !deltas.is_empty());
    prop_oneof![
        1 => Just(Body::Found { layout }),
        2 => (0u64..9, 1u64..4, "[ab]").prop_map(|(membership, incarnation, name)| Body::Join {
            membership,
            incarnation,
            name: NodeName::new(&name).unwrap()
        }),
        1 => (0u64..9, 0u32..3, 1u64..4)
            .prop_map(|(membership, node, by)| Body::Remove { membership, node, by }),
        5 => (0u32..3, 1u64..9, some)
            .prop_map(|(node, previous, deltas)| Body::Deltas { node, previous, deltas }),
        1 => Just(Body::Verify { question: 1 }),
    ]
}

/// The bytes with the checksum that they should have.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

proptest! {
    #[test]
    fn messages_come_back(message in messages()) {
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn snapshots_come_back(snapshot in snapshots()) {
        prop_assert_eq!(Snapshot::decode(&snapshot.encode()), Ok(snapshot));
    }

    #[test]
    fn damage_is_noticed(message in messages(), at: prop::sample::Index, bit in 0..8) {
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        let error = Message::decode(&bytes).unwrap_err();
        prop_assert_eq!(error, if at < 4 { FormatError::Magic } else { FormatError::Checksum });
    }

    #[test]
    fn missing_bytes_are_noticed(snapshot in snapshots(), length: prop::sample::Index) {
        let bytes = snapshot.encode();
        Snapshot::decode(&bytes[..length.index(bytes.len())]).unwrap_err();
    }

    #[test]
    fn bytes_of_any_kind_are_refused_or_mean_what_they_say(
        kind in 0u8..8, content in vec(any::<u8>(), 0..200), small in any::<bool>()
    ) {
        let content = content.into_iter().map(|byte| if small { byte % 3 } else { byte });
        for magic in *b"MS" {
            let mut bytes = vec![0x89, b'A', b'T', magic, 1, kind, 0, 0];
            bytes.extend(content.clone());
            let bytes = with_checksum(bytes);
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(message.encode(), bytes);
            } else if let Ok(snapshot) = Snapshot::decode(&bytes) {
                prop_assert_eq!(snapshot.encode(), bytes);
            }
        }
    }

    /// Also messages that no agent writes mean the same to all nodes.
    #[test]
    fn any_messages_mean_the_same_to_all(bodies in vec(likely_messages(), 0..20)) {
        let layout = Layout::new(3, 2).unwrap();
        let mut images = [1, 2, 3].map(|incarnation| {
            let mut table = Table::new(layout);
            table.contexts[layout.word(Word::Incarnation) as usize] = incarnation;
            Some(Image::new(layout, &table.contexts).unwrap())
        });
        for (position, body) in (1..).zip(bodies) {
            let bytes = Message { table: 5, body }.encode();
            for slot in &mut images {
                let Some(image) = slot else { continue };
                match Judgement::new(image, position, &bytes, None) {
                    Ok(judgement) => image.apply(&judgement.batch),
                    Err(_) => *slot = None,
                }
            }
            let digests: Vec<_> = images.iter().flatten().map(Image::digest).collect();
            prop_assert!(digests.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }
}

#[test]
fn a_later_version_is_told_from_damage() {
    let message = Message {
        table: 1,
        body: Body::Verify { question: 2 },
    };
    let mut bytes = message.encode();
    bytes.truncate(bytes.len() - 4);
    bytes[4] = 2;
    let error = Message::decode(&with_checksum(bytes)).unwrap_err();
    assert_eq!(error, FormatError::Version { found: 2, known: 1 });
}

#[test]
fn bytes_are_those_of_the_document() {
    let deltas = vec![Delta {
        address: 258,
        delta: 0x0102_0304_0506_0708,
    }];
    let message = Message {
        table: 9,
        body: Body::Deltas {
            node: 3,
            previous: 77,
            deltas,
        },
    };
    let mut expected = vec![0x89, 0x41, 0x54, 0x4d, 1, 4, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    expected.extend([
        77, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1,
    ]);
    assert_eq!(message.encode(), with_checksum(expected));
    let most = Layout::most_states(1);
    let deltas = (0..Delta::MOST as u32)
        .map(|address| Delta { address, delta: 1 })
        .collect();
    let message = Message {
        table: 9,
        body: Body::Deltas {
            node: 3,
            previous: 77,
            deltas,
        },
    };
    assert_eq!(message.encode().len(), 13_632);
    assert!(most < 65_536);
}
