// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of the messages' encoding.

use super::WIDTHS;
use super::values::Values;
use crate::format::{Body, Bytes, ErrorKind, File, Hex, MessageCase};
use crate::model::{Message, Value, leb128, masked};

pub fn file() -> File {
    let mut cases = vec![];
    let mut values = Values::new(10_000);
    for width in WIDTHS {
        let message = Message {
            sender: values.next(),
            seq: 1 + values.next() % 1000,
            addr: values.below(65536),
            epoch: values.next() % 1000,
            width,
            delta: masked(width, &values.value(width)),
        };
        cases.push(good(&format!("{width} bits"), &message));
    }
    // Numbers around a change of the length, and the largest.
    let numbers = [0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000, u64::MAX];
    for number in numbers {
        let message = Message {
            sender: number,
            seq: number,
            addr: u32::try_from(number).unwrap_or(u32::MAX),
            epoch: number,
            width: 64,
            delta: Value::from(number),
        };
        cases.push(good(&format!("numbers of {number}"), &message));
    }
    cases.extend(bad());
    let about = "messages as bytes, and bytes that are no message";
    File::Message(Body::new(about, cases))
}

fn good(name: &str, message: &Message) -> MessageCase {
    MessageCase {
        name: name.into(),
        bytes: Bytes(message.encode()),
        width: Some(message.width),
        sender: Some(message.sender.into()),
        addr: Some(message.addr),
        epoch: Some(message.epoch),
        seq: Some(message.seq),
        delta: Some(Hex::from(&message.delta)),
        error: None,
    }
}

fn bad() -> Vec<MessageCase> {
    let message = Message {
        sender: 3,
        seq: 300,
        addr: 7,
        epoch: 1,
        width: 12,
        delta: Value::from(0xabcu32),
    };
    let bytes = message.encode();
    let mut cases: Vec<(String, Vec<u8>)> = (0..bytes.len())
        .map(|length| (format!("the first {length} bytes"), bytes[..length].into()))
        .collect();
    let mut add = |name: &str, bytes: Vec<u8>| cases.push((name.into(), bytes));
    add("a byte more", [&bytes[..], &[0]].concat());
    for version in [0x00, 0xa0, 0xa2, 0xff] {
        add(
            &format!("version {version:#x}"),
            [&[version], &bytes[1..]].concat(),
        );
    }
    // The parts of a message, each of which is spoiled by itself.
    let head =
        |addr: &[u8], epoch: &[u8], seq: &[u8]| [&[0xa1], addr, epoch, seq, &[3; 8]].concat();
    let number = leb128(1);
    let usual = head(&number, &number, &number);
    add(
        "a bit beyond the width",
        [&usual[..], &[12, 0xff, 0x1f]].concat(),
    );
    add("a width of 0", [&usual[..], &[0]].concat());
    add(
        "a width of 2^32",
        [&usual[..], &leb128(1 << 32), &[0; 8]].concat(),
    );
    add(
        "a width beyond all memory",
        [&usual[..], &leb128(u32::MAX.into())].concat(),
    );
    add(
        "a width above the largest",
        [&usual[..], &leb128((1 << 24) + 1)].concat(),
    );
    let tail = [12, 0xbc, 0x0a];
    let long = [0x81, 0x00];
    let huge = leb128(1 << 32);
    let most = [[0xff; 9].as_slice(), &[0x02]].concat();
    let endless = [0x80; 11];
    let one = &number[..];
    for (name, head) in [
        ("a sequence number of 0", head(one, one, &[0])),
        (
            "an address in more bytes than it needs",
            head(&long, one, one),
        ),
        (
            "an epoch in more bytes than it needs",
            head(one, &long, one),
        ),
        (
            "a sequence number in more bytes than it needs",
            head(one, one, &long),
        ),
        ("an address of 2^32", head(&huge, one, one)),
        ("an epoch of more than 64 bits", head(one, &most, one)),
        (
            "a sequence number of more than 64 bits",
            head(one, one, &most),
        ),
        ("an epoch without end", head(one, &endless, one)),
    ] {
        add(name, [&head[..], &tail].concat());
    }
    let case = |(name, bytes): (String, Vec<u8>)| MessageCase {
        name,
        bytes: Bytes(bytes),
        width: None,
        sender: None,
        addr: None,
        epoch: None,
        seq: None,
        delta: None,
        error: Some(ErrorKind::Message),
    };
    cases.into_iter().map(case).collect()
}
