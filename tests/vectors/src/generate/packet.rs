// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of packets: messages in a stream of bytes, whole and in part.

use super::values::Values;
use crate::format::{Body, Bytes, ErrorKind, File, Hex, PacketCase, PacketMessage};
use crate::model::{Message, Value, encode_many, leb128, masked};

pub fn file() -> File {
    let mut cases = vec![];
    let mut values = Values::new(11_000);
    for width in [1, 7, 8, 32, 63, 64] {
        let list: Vec<_> = (1..=5)
            .map(|seq| message(&mut values, 3, seq, 0, width))
            .collect();
        cases.push(good(&format!("{width} bits"), &list));
    }
    let mut at = |sender, seq, epoch, width| message(&mut values, sender, seq, epoch, width);
    let gaps = [
        at(4, 5, 0, 64),
        at(4, 6, 7, 64),
        at(4, 8, 7, 64),
        at(4, 7, 6, 64),
        at(4, 8, 0, 64),
        at(4, u64::MAX, u64::MAX, 64),
        at(4, 1, u64::MAX, 64),
    ];
    cases.push(good("other epochs, and numbers that don't follow", &gaps));
    let several = [
        at(1, 1, 0, 64),
        at(u64::MAX, 2, 0, 64),
        at(u64::MAX, 3, 0, 32),
        at(1, 2, 0, 64),
        at(1, 3, 1, 64),
    ];
    cases.push(good("several senders and widths", &several));
    let wide = [
        at(1, 1, 0, 64),
        at(1, 2, 0, 65),
        at(1, 3, 0, 1000),
        at(1, 4, 0, 64),
    ];
    cases.push(good("wide messages between packets", &wide));
    // Deltas of 0 to 8 bytes, some with zeros inside, and addresses of 1 to 5.
    let lengths: Vec<_> = (0..=64u32)
        .step_by(8)
        .map(|bits| Message {
            sender: 5,
            seq: u64::from(bits / 8) + 1,
            addr: u32::MAX.checked_shr(bits).unwrap_or(0),
            epoch: 0,
            width: 64,
            delta: match bits {
                0 => Value::ZERO,
                bits => (Value::from(1u32) << (bits - 1)) | Value::from(1u32),
            },
        })
        .collect();
    cases.push(good("deltas and addresses of all lengths", &lengths));
    let bytes = encode_many(&gaps[..2]);
    for left in 1..bytes.len() {
        let cut = [encode_many(&wide[..1]), bytes[..left].to_vec()].concat();
        cases.push(whole(
            &format!("{left} bytes of more"),
            cut,
            &wide[..1],
            left,
        ));
    }
    cases.extend(bad());
    let about = "messages in a stream of bytes, and bytes that are none";
    File::Packet(Body::new(about, cases))
}

fn message(values: &mut Values, sender: u64, seq: u64, epoch: u64, width: u32) -> Message {
    Message {
        sender,
        seq,
        addr: values.below(65536),
        epoch,
        width,
        delta: masked(width, &values.value(width)),
    }
}

fn good(name: &str, messages: &[Message]) -> PacketCase {
    whole(name, encode_many(messages), messages, 0)
}

fn whole(name: &str, bytes: Vec<u8>, messages: &[Message], left: usize) -> PacketCase {
    let meaning = |message: &Message| PacketMessage {
        sender: message.sender.into(),
        addr: message.addr,
        epoch: message.epoch,
        seq: message.seq,
        width: message.width,
        delta: Hex::from(&message.delta),
    };
    PacketCase {
        name: name.into(),
        bytes: Bytes(bytes),
        messages: Some(messages.iter().map(meaning).collect()),
        left: Some(left),
        error: None,
    }
}

fn bad() -> Vec<PacketCase> {
    // The parts of a packet, each of which is spoiled by itself.
    let packet = |width: &[u8], count: &[u8], messages: &[&[u8]]| {
        [&[0xa2], &[3; 8][..], width, count, &messages.concat()].concat()
    };
    let usual = |messages: &[&[u8]]| packet(&[12], &[messages.len() as u8], messages);
    let one: &[u8] = &[7, 0x04, 1];
    let long = [0x81, 0x00];
    let huge = leb128(1 << 32);
    let most = [[0xff; 9].as_slice(), &[0x02]].concat();
    let cases = [
        (
            "another first byte",
            [&[0xa0], &usual(&[one])[1..]].concat(),
        ),
        (
            "the first byte of a state",
            [&[0xa3], &usual(&[one])[1..]].concat(),
        ),
        ("a width of 0", packet(&[0], &[1], &[one])),
        ("a width of 65", packet(&[65], &[1], &[one])),
        ("a width in two bytes", packet(&[0x8c, 0], &[1], &[one])),
        ("no messages", packet(&[12], &[0], &[])),
        ("4097 messages", packet(&[12], &leb128(4097), &[one])),
        (
            "a count in more bytes than it needs",
            packet(&[12], &long, &[one]),
        ),
        ("an address of 2^32", usual(&[&huge, &[0x04, 1]])),
        (
            "an address in more bytes than it needs",
            usual(&[&[&long[..], &[0x04, 1]].concat()]),
        ),
        (
            "a delta of more bytes than the width",
            usual(&[&[7, 0x0c, 1, 1, 1]]),
        ),
        (
            "a delta of more bits than the width",
            usual(&[&[7, 0x08, 1, 0x10]]),
        ),
        ("a delta with a zero at its end", usual(&[&[7, 0x08, 1, 0]])),
        (
            "an epoch of 0 where it is that before",
            usual(&[&[7, 0x05, 0, 1]]),
        ),
        (
            "an epoch that is that before",
            usual(&[&[7, 0x05, 9, 1], &[7, 0x05, 9, 1]]),
        ),
        (
            "an epoch in more bytes than it needs",
            usual(&[&[7, 0x05, 0x81, 0, 1]]),
        ),
        ("a sequence number of 0", usual(&[&[7, 0x06, 0, 1]])),
        (
            "a sequence number that is the next",
            usual(&[one, &[7, 0x06, 2, 1]]),
        ),
        (
            "a sequence number of more than 64 bits",
            usual(&[&[&[7, 0x06], &most[..], &[1]].concat()]),
        ),
        (
            "a message behind the largest sequence number",
            usual(&[&[&[7, 0x06], &leb128(u64::MAX)[..], &[1]].concat(), one]),
        ),
    ];
    let case = |(name, bytes): (&str, Vec<u8>)| PacketCase {
        name: name.into(),
        bytes: Bytes(bytes),
        messages: None,
        left: None,
        error: Some(ErrorKind::Message),
    };
    cases.into_iter().map(case).collect()
}
