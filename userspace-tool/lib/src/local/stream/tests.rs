// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tests of streams: those that know the same messages agree, whatever the order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const CONTEXTS: u32 = 3;
const WIDTH: u32 = 70;

fn stream(sender: u64) -> DeltaStream {
    let table = LocalTable::with_width(CONTEXTS, WIDTH).unwrap();
    DeltaStream::on(table, sender).unwrap()
}

/// The observable state of a stream.
#[derive(Debug, PartialEq)]
struct Seen {
    epochs: BTreeMap<u32, (u64, Value)>,
    states: Vec<Value>,
    waiting: BTreeMap<EpochKey, Value>,
    known: BTreeSet<(u64, u64)>,
}

fn seen(stream: &DeltaStream) -> Seen {
    let known = (stream.known.iter())
        .flat_map(|(&sender, known)| known.numbers().map(move |seq| (sender, seq)));
    // Deltas that have cancelled out look like none.
    let waiting = stream.waiting.iter().filter(|(_, delta)| !delta.is_zero());
    Seen {
        epochs: stream.epochs.clone(),
        states: (0..CONTEXTS)
            .map(|addr| stream.read_value(addr).unwrap())
            .collect(),
        waiting: waiting.map(|(key, delta)| (*key, delta.clone())).collect(),
        known: known.collect(),
    }
}

/// An operation on one of three streams.
#[derive(Clone, Debug)]
enum Op {
    Load(usize, u32, u64),
    Accum(usize, u32, u64),
    Apply(usize, prop::sample::Index),
    Merge(usize, usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    // Few values, so that some cancel each other or are equal.
    let value = 0..4u64;
    let addr = 0..CONTEXTS;
    let op = prop_oneof![
        1 => (0..3usize, addr.clone(), value.clone()).prop_map(|(s, a, v)| Op::Load(s, a, v)),
        3 => (0..3usize, addr, value).prop_map(|(s, a, v)| Op::Accum(s, a, v)),
        6 => (0..3usize, any::<prop::sample::Index>()).prop_map(|(s, m)| Op::Apply(s, m)),
        1 => (0..3usize, 0..3usize).prop_map(|(s, f)| Op::Merge(s, f)),
    ];
    prop::collection::vec(op, 0..60)
}

/// Three streams after these operations, and all their messages.
fn after(ops: &[Op]) -> ([DeltaStream; 3], Vec<DeltaMessage>) {
    let mut streams = [1, 2, 3].map(stream);
    let mut messages = vec![];
    for op in ops {
        match op {
            Op::Load(s, addr, value) => {
                streams[*s].load(*addr, [*value, *value]).unwrap();
            }
            Op::Accum(s, addr, delta) => {
                messages.push(streams[*s].accum(*addr, [*delta, *delta]).unwrap());
            }
            Op::Apply(s, message) if !messages.is_empty() => {
                let _ = streams[*s].apply(message.get(&messages));
            }
            Op::Apply(..) => {}
            Op::Merge(s, from) => {
                let from = streams[*from].clone();
                streams[*s].merge(&from).unwrap();
            }
        }
        // State that is kept for speed agrees with the known messages.
        for stream in &streams {
            assert_eq!(
                stream.waiting,
                stream.deltas(|epoch, current| epoch > current)
            );
            for (addr, delta) in stream.current() {
                assert_eq!(stream.table.context(addr).unwrap().accumulator(), delta);
            }
        }
    }
    (streams, messages)
}

fn merged(one: &DeltaStream, other: &DeltaStream) -> DeltaStream {
    let mut one = one.clone();
    one.merge(other).unwrap();
    one
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(ops in ops()) {
        let ([a, b, c], _) = after(&ops);
        prop_assert_eq!(seen(&merged(&a, &b)), seen(&merged(&b, &a)));
        let (left, right) = (merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(seen(&left), seen(&right));
        prop_assert_eq!(seen(&merged(&a, &a)), seen(&a));
        prop_assert_eq!(seen(&merged(&left, &b)), seen(&left));
        prop_assert_eq!(seen(&merged(&stream(9), &a)), seen(&a));
    }

    #[test]
    fn who_gets_all_messages_in_any_order_agrees(
        ops in ops(),
        orders in prop::array::uniform2(
            prop::collection::vec(any::<prop::sample::Index>(), 0..150)
        ),
    ) {
        // Three streams load the same, each at its own time, and accumulate.
        let mut senders = [1, 2, 3].map(stream);
        let mut loads = vec![];
        let mut messages = vec![];
        for op in &ops {
            match *op {
                Op::Load(_, addr, value) => {
                    for sender in &mut senders {
                        sender.load(addr, value).unwrap();
                    }
                    loads.push((addr, value));
                }
                Op::Accum(s, addr, delta) => messages.push(senders[s].accum(addr, delta).unwrap()),
                _ => {}
            }
        }
        // Two others load in that order, and get the messages in any, some of them twice.
        let receivers = orders.map(|order| {
            let mut receiver = stream(9);
            let mut loads = loads.iter();
            for index in &order {
                match index.index(messages.len() + 2).checked_sub(2) {
                    Some(message) => drop(receiver.apply(&messages[message])),
                    None => {
                        if let Some(&(addr, value)) = loads.next() {
                            receiver.load(addr, value).unwrap();
                        }
                    }
                }
            }
            for message in &messages {
                let _ = receiver.apply(message);
            }
            for &(addr, value) in loads {
                receiver.load(addr, value).unwrap();
            }
            for message in &messages {
                assert_eq!(receiver.apply(message).unwrap(), Received::Duplicate);
            }
            seen(&receiver)
        });
        prop_assert_eq!(&receivers[0], &receivers[1]);
        prop_assert!(receivers[0].waiting.is_empty());
        // And so do the senders once they have merged.
        let all = merged(&merged(&senders[2], &senders[0]), &senders[1]);
        prop_assert_eq!(&seen(&all), &receivers[0]);
    }
}

proptest! {
    #[test]
    fn many_messages_at_once_are_as_one_by_one(
        ops in ops(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let ([a, ..], mut messages) = after(&ops);
        // Of a wrong width, of a wrong address, and one that `a` never made.
        let wrong = [(7, 0, 64), (7, CONTEXTS, WIDTH), (1, 0, WIDTH)];
        messages.extend(wrong.map(|(sender, addr, width)| {
            DeltaMessage::new(sender, addr, 0, 999, width, 1u64).unwrap()
        }));
        let list: Vec<_> = order.iter().map(|i| i.get(&messages).clone()).collect();
        let (mut alone, mut together) = (a.clone(), a);
        let text = |received: Result<Received>| format!("{received:?}");
        let expected: Vec<_> = list.iter().map(|m| text(alone.apply(m))).collect();
        let found = together.apply_many(&list).unwrap();
        prop_assert_eq!(found.into_iter().map(text).collect::<Vec<_>>(), expected);
        prop_assert_eq!(seen(&together), seen(&alone));
    }

    #[test]
    fn who_joins_knows_the_same(ops in ops(), start in 0..4u64, other in 0..4u64) {
        let table = |value: u64| {
            let mut table = LocalTable::with_width(CONTEXTS, WIDTH).unwrap();
            table.load_value(1, [value, value]).unwrap();
            table
        };
        let ([a, b, _], messages) = after(&ops);
        let bytes = a.encode().unwrap();
        let joined = DeltaStream::join(table(other), 9, &bytes).unwrap();
        prop_assert_eq!(seen(&joined), seen(&a));
        for (addr, delta) in a.current() {
            prop_assert_eq!(joined.table.context(addr).unwrap().accumulator(), delta);
        }
        prop_assert_eq!(joined.encode().unwrap(), bytes);
        prop_assert_eq!(seen(&merged(&b, &joined)), seen(&merged(&b, &a)));

        // The states that a stream begins with go along.
        let mut old = DeltaStream::on(table(start), 8).unwrap();
        for message in &messages {
            let _ = old.apply(message);
        }
        let joined = DeltaStream::join(table(other), 9, &old.encode().unwrap()).unwrap();
        prop_assert_eq!(seen(&joined), seen(&old));
    }

    #[test]
    fn a_state_that_is_none_is_refused(
        ops in ops(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let ([a, ..], _) = after(&ops);
        let mut bytes = a.encode().unwrap();
        let join = |bytes: &[u8]| DeltaStream::join(stream(9).table, 9, bytes);
        for length in 0..bytes.len() {
            prop_assert!(join(&bytes[..length]).is_err());
        }
        bytes.push(0);
        prop_assert!(join(&bytes).is_err());
        bytes.pop();
        // Whatever it is, it doesn't panic, and takes no more memory than its bytes.
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = join(&bytes);
    }
}

/// Other versions of this crate read these.
#[test]
fn bytes_of_a_state_stay() {
    let mut one = DeltaStream::on(LocalTable::new(2).unwrap(), 7).unwrap();
    one.load(1, 5).unwrap();
    one.accum(1, 3).unwrap();
    one.accum(0, 1).unwrap();
    let message = DeltaMessage::new(9, 0, 0, 2, 64, 0x10u64).unwrap();
    one.apply(&message).unwrap();
    let word = |n: u64| n.to_le_bytes();
    let expected = [
        &[0xa3, 64, 2, 1, 1, 1][..], // one context begins an epoch with
        &word(5),
        &[2], // senders, of which the first is
        &word(7),
        &[2, 2, 0, 0], // whose two messages are all known, with these deltas
        &word(1),
        &[1, 1],
        &word(3),
        &[0],
        &word(9),
        &[0, 0, 1, 2, 0, 0], // of whom the second message alone is known
        &word(0x10),
    ];
    assert_eq!(one.encode().unwrap(), expected.concat());
}

#[test]
fn who_joins_has_a_table_of_the_same_kind() {
    let bytes = stream(1).encode().unwrap();
    let join = |contexts, width| {
        let table = LocalTable::with_width(contexts, width).unwrap();
        DeltaStream::join(table, 9, &bytes).map(drop).unwrap_err()
    };
    let local = |error| match error {
        Error::Local(error) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(
        local(join(CONTEXTS, 71)),
        LocalError::Width { found: WIDTH, .. }
    ));
    assert!(matches!(
        local(join(4, WIDTH)),
        LocalError::Size {
            found: CONTEXTS,
            ..
        }
    ));
}

#[test]
fn memory_stays_small() {
    let (mut one, mut other) = (stream(1), stream(2));
    let messages: Vec<_> = (0..3000u32)
        .map(|n| one.accum(n % CONTEXTS, u64::from(n)).unwrap())
        .collect();
    assert_eq!(one.known[&1].kept(), CONTEXTS as usize);
    // Behind a gap they are kept, and folded once it is closed.
    for message in messages.iter().skip(1) {
        other.apply(message).unwrap();
    }
    assert_eq!(other.known[&1].kept(), 2999);
    other.apply(&messages[0]).unwrap();
    assert_eq!(other.known[&1].kept(), CONTEXTS as usize);
    assert_eq!(seen(&other).states, seen(&one).states);
    // Deltas of an epoch that is over are dropped, also if only the other knows of its end.
    let mut later = stream(3);
    later.load(1, 0).unwrap();
    let mut here = one.clone();
    here.merge(&later).unwrap();
    later.merge(&one).unwrap();
    for stream in [here, later] {
        assert_eq!(stream.known[&1].kept(), CONTEXTS as usize - 1);
    }
    for addr in 0..CONTEXTS {
        other.load(addr, 0).unwrap();
    }
    assert_eq!(other.known[&1].kept(), 0);
    assert_eq!(one.pending(), messages);
    assert_eq!(one.pending(), []);
}

#[test]
fn what_waits_for_several_epochs_is_folded_too() {
    let (mut one, mut other) = (stream(1), stream(2));
    let mut messages = vec![];
    for epoch in 1..=5 {
        one.load(0, epoch).unwrap();
        for n in 0..100 {
            messages.push(one.accum(0, [n, epoch]).unwrap());
        }
    }
    for message in &messages {
        assert_eq!(other.apply(message).unwrap(), Received::Waiting);
    }
    assert_eq!(other.waiting.len(), 5);
    for epoch in 1..=5 {
        assert_eq!(other.load(0, epoch).unwrap(), epoch);
    }
    assert_eq!(seen(&one).states, seen(&other).states);
    assert!(other.waiting.is_empty());
    assert_eq!(other.known[&1].kept(), 1);
}

#[test]
fn a_stale_message_leaves_no_gap() {
    let (mut one, mut other) = (stream(1), stream(2));
    let old = one.accum(0, 1).unwrap();
    let next = one.accum(1, 2).unwrap();
    other.load(0, 0).unwrap();
    other.apply(&next).unwrap();
    let error = other.apply(&old).unwrap_err();
    assert!(matches!(
        error,
        Error::Local(LocalError::StaleEpoch {
            addr: 0,
            epoch: 0,
            current: 1
        })
    ));
    assert_eq!(other.known[&1].kept(), 1);
    assert_eq!(other.apply(&old).unwrap(), Received::Duplicate);
    assert_eq!(other.read_value(0).unwrap(), 0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut here = stream(1);
    let message = |addr, width, seq| DeltaMessage::new(7, addr, 0, seq, width, 1).unwrap();
    let before = seen(&here);
    let error = here.apply(&message(0, 64, 1)).unwrap_err();
    assert!(matches!(
        error,
        Error::Local(LocalError::Width {
            found: 64,
            width: WIDTH
        })
    ));
    let error = here.apply(&message(CONTEXTS, WIDTH, 1)).unwrap_err();
    assert!(matches!(error, Error::Address { addr: CONTEXTS, .. }));
    // There is no message 0.
    let zeroth = here.apply(&message(0, WIDTH, 0)).unwrap();
    assert_eq!(zeroth, Received::Duplicate);
    let error = here
        .merge(&DeltaStream::new(CONTEXTS).unwrap())
        .unwrap_err();
    assert!(matches!(
        error,
        Error::Local(LocalError::Width { found: 64, .. })
    ));
    let larger = DeltaStream::with_width(CONTEXTS + 1, WIDTH).unwrap();
    let error = here.merge(&larger).unwrap_err();
    assert!(matches!(
        error,
        Error::Local(LocalError::Size {
            found: 4,
            contexts: CONTEXTS
        })
    ));
    assert_eq!(seen(&here), before);
    assert!(here.load(CONTEXTS, 1).is_err() && here.accum(CONTEXTS, 1).is_err());
    assert_eq!(seen(&here), before);
}

#[test]
fn the_last_number_is_the_last() {
    let mut here = stream(1);
    here.known.insert(1, Known::up_to(u64::MAX - 1));
    assert_eq!(here.accum(0, 1).unwrap().seq, u64::MAX);
    assert!(matches!(
        here.accum(0, 1),
        Err(Error::Local(LocalError::OutOfMessages))
    ));
    assert_eq!(here.read_value(0).unwrap(), 1);
    assert_eq!(here.pending().len(), 1);
}

#[test]
fn a_message_that_was_never_sent_is_refused() {
    let mut here = stream(1);
    here.accum(0, 1).unwrap();
    let before = seen(&here);
    for seq in [2, 3, u64::MAX - 1, u64::MAX] {
        // Of whatever epoch.
        for epoch in [0, 1] {
            let false_one = DeltaMessage::new(1, 0, epoch, seq, WIDTH, 4).unwrap();
            let error = here.apply(&false_one).unwrap_err();
            assert!(
                matches!(error, Error::Local(LocalError::NeverSent { sender: 1, seq: s })
                    if s == seq)
            );
            let text = format!("this stream, 0x1, has made no message number {seq}");
            assert_eq!(error.to_string(), text);
        }
    }
    assert_eq!(seen(&here), before);
    // Its own are duplicates as before, and it goes on with the next number.
    let own = here.pending();
    assert_eq!(here.apply(&own[0]).unwrap(), Received::Duplicate);
    assert_eq!(here.accum(0, 2).unwrap().seq, 2);
}

/// Another stream can't notice the forgery, and the sender merges its knowledge.
#[test]
fn a_false_message_elsewhere_does_not_stop_the_sender() {
    let (mut here, mut there) = (stream(1), stream(2));
    here.accum(0, 1).unwrap();
    for seq in [3, u64::MAX] {
        let false_one = DeltaMessage::new(1, 0, 0, seq, WIDTH, 0).unwrap();
        assert_eq!(there.apply(&false_one).unwrap(), Received::Applied);
    }
    here.merge(&there).unwrap();
    // Number 3 is taken: who knows it would drop another one.
    let made = [4, 8, 16].map(|delta| here.accum(0, delta).unwrap());
    assert_eq!(made.each_ref().map(|message| message.seq), [2, 4, 5]);
    there.apply(&here.pending()[0]).unwrap();
    for message in &made {
        there.apply(message).unwrap();
    }
    assert_eq!(seen(&here), seen(&there));
}

#[test]
fn a_stream_goes_on_after_it_got_its_own_messages_back() {
    let mut before = stream(1);
    let first = before.accum(0, 1).unwrap();
    let mut peer = stream(2);
    peer.apply(&first).unwrap();
    let mut again = stream(1);
    again.merge(&peer).unwrap();
    let second = again.accum(0, 2).unwrap();
    assert_eq!(second.seq, 2);
    peer.apply(&second).unwrap();
    assert_eq!(peer.read_value(0).unwrap(), 3);
}

#[test]
fn senders_differ() {
    let senders: BTreeSet<u64> = (0..100)
        .map(|_| DeltaStream::new(1).unwrap().sender())
        .collect();
    assert_eq!(senders.len(), 100);
}
