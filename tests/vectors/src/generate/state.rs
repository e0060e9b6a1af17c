// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of the states of streams, with which others join.

use super::stream::{CONTEXTS, Steps, WIDTHS};
use super::values::Values;
use crate::format::{Body, ErrorKind, File, StreamCase};
use crate::model::{Value, leb128, masked};

pub fn file() -> File {
    let mut cases = vec![];
    for width in WIDTHS {
        cases.push(newcomer(width));
        cases.push(values_at_the_start(width));
        cases.push(refused(width));
    }
    let about = "streams that others join, and bytes with which they can't";
    File::State(Body::new(about, cases))
}

/// One joins where others have all that a state can tell: epochs, gaps, messages that wait, and old
/// ones.
fn newcomer(width: u32) -> StreamCase {
    let mut steps = Steps::new(3, width);
    let mut values = Values::new(12_000 + u64::from(width));
    steps.encode(0);
    let old = steps.accum(1, 0, &values.value(width));
    let start = values.value(width);
    steps.load(0, 0, &start);
    steps.load(1, 0, &start);
    let made: Vec<_> = (0..5)
        .map(|n| steps.accum(1, n % 2, &values.value(width)))
        .collect();
    steps.load(1, 1, &start);
    let later = steps.accum(1, 1, &values.value(width));
    let own = steps.accum(0, 2, &values.value(width));
    // The other's second message is missing, and its last two wait.
    for message in [old, made[1], made[2], made[4], later] {
        steps.apply(0, message);
    }
    steps.encode(0);
    steps.encode(1);
    let known = steps.streams[0].clone();
    steps.join(2, &known);
    steps.contexts(2);
    steps.encode(2);
    for message in [old, made[0], made[1], own, made[3], later] {
        steps.apply(2, message);
        steps.encode(2);
    }
    steps.load(2, 1, &start);
    steps.contexts(2);
    let new = steps.accum(2, 1, &values.value(width));
    steps.apply(1, new);
    steps.apply(1, own);
    steps.merge(1, 2);
    steps.encode(1);
    steps.encode(2);
    steps.contexts(1);
    steps.contexts(2);
    // Itself again, after its memory was lost.
    let known = steps.streams[1].clone();
    steps.join(1, &known);
    steps.accum(1, 2, &values.value(width));
    steps.encode(1);
    steps.case("a newcomer")
}

/// Tables may have states before their streams begin.
fn values_at_the_start(width: u32) -> StreamCase {
    let mut steps = Steps::new(2, width);
    let mut values = Values::new(13_000 + u64::from(width));
    let mut from = steps.streams[1].clone();
    from.sender = 77;
    let one = Value::from(1u32);
    from.epochs.insert(0, (0, masked(width, &one)));
    from.epochs.insert(1, (u64::MAX - 1, Value::ZERO));
    from.epochs.insert(2, (0, (&one << width) - 1u32));
    steps.join(0, &from);
    steps.contexts(0);
    steps.encode(0);
    steps.join(1, &from);
    let message = steps.accum(1, 2, &values.value(width));
    steps.apply(0, message);
    let message = steps.accum(1, 1, &values.value(width));
    steps.apply(0, message);
    steps.load(1, 2, &values.value(width));
    steps.contexts(0);
    steps.contexts(1);
    steps.encode(1);
    steps.case("values at the start")
}

fn refused(width: u32) -> StreamCase {
    let mut steps = Steps::new(2, width);
    let one = Value::from(1u32);
    steps.load(0, 1, &one);
    steps.accum(0, 1, &one);
    let bytes = steps.encode(0);
    // Wide values have more bytes, but no more parts.
    for length in (0..bytes.len()).step_by(width.div_ceil(8) as usize) {
        steps.refused(1, bytes[..length].into(), ErrorKind::State);
    }
    steps.refused(1, [&bytes[..], &[0]].concat(), ErrorKind::State);
    for first in [0x00, 0xa1, 0xa2, 0xa4] {
        steps.refused(1, [&[first], &bytes[1..]].concat(), ErrorKind::State);
    }
    // The parts of a state, each of which is spoiled by itself.
    let head = |width: u64, contexts: u64| [vec![0xa3], leb128(width), leb128(contexts)].concat();
    let (width, contexts) = (u64::from(width), u64::from(CONTEXTS));
    let usual = head(width, contexts);
    let zeros = vec![0; width.div_ceil(8) as usize];
    let more = |parts: &[&[u8]]| [&usual[..], &parts.concat()].concat();
    let long = [0x80, 0x00];
    for state in [
        [head(0, contexts), vec![0, 0]].concat(),
        [head((1 << 24) + 1, contexts), vec![0, 0]].concat(),
        [head(width, 1 << 32), vec![0, 0]].concat(),
        // A count in two bytes, an address that isn't there, an epoch in two bytes.
        more(&[&long, &[0]]),
        more(&[&[1, CONTEXTS as u8, 1], &zeros, &[0]]),
        more(&[&[1, 0], &long, &zeros, &[0]]),
        // Of a sender: a number in two bytes, a single message that is known already.
        more(&[&[0, 1], &[3; 8], &long, &[0, 0]]),
        more(&[&[0, 1], &[3; 8], &[2, 0, 1, 2, 0, 0], &zeros]),
    ] {
        steps.refused(1, state, ErrorKind::State);
    }
    if width % 8 != 0 {
        let beyond = vec![0xff; zeros.len()];
        steps.refused(1, more(&[&[1, 0, 1], &beyond, &[0]]), ErrorKind::State);
        let sum = [&[0, 1][..], &[3; 8], &[1, 1, 0, 0], &beyond, &[0]];
        steps.refused(1, more(&sum), ErrorKind::State);
    }
    steps.refused(
        1,
        [head(width + 1, contexts), vec![0, 0]].concat(),
        ErrorKind::Width,
    );
    steps.refused(
        1,
        [head(width, contexts + 1), vec![0, 0]].concat(),
        ErrorKind::Count,
    );
    steps.contexts(1);
    steps.case("bytes that are no state")
}
