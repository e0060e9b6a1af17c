// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of streams: messages in any order, twice, lost, of other epochs; and merging.

use super::table::{nonzero, split};
use super::values::Values;
use crate::format::{Body, Bytes, ErrorKind, File, Hex, Made, StreamCase, StreamStep};
use crate::model::{Message, Stream, Value};

pub const CONTEXTS: u32 = 3;
pub const WIDTHS: [u32; 5] = [1, 32, 64, 65, 1000];

pub fn file() -> File {
    let mut cases = vec![];
    for width in WIDTHS {
        cases.push(any_order(width));
        cases.push(epochs(width));
        cases.push(merging(width));
        cases.push(many(width));
        cases.push(false_name(width));
    }
    let about =
        "streams that exchange messages in any order, some twice, some never, and that merge";
    File::Stream(Body::new(about, cases))
}

/// Streams, the messages that they made, and the steps that were done with them.
pub struct Steps {
    pub streams: Vec<Stream>,
    messages: Vec<Message>,
    /// For each stream, the numbers of the messages that it has not handed out.
    pending: Vec<Vec<usize>>,
    steps: Vec<StreamStep>,
}

impl Steps {
    pub fn new(streams: u64, width: u32) -> Self {
        let stream = |n| Stream {
            width,
            // A small one, a large one, …
            sender: if n == 0 { 1 } else { u64::MAX - n },
            ..Stream::default()
        };
        Self {
            streams: (0..streams).map(stream).collect(),
            messages: vec![],
            pending: vec![vec![]; streams as usize],
            steps: vec![],
        }
    }

    pub fn load(&mut self, stream: usize, addr: u32, value: &Value) {
        let error = wrong(addr);
        if error.is_none() {
            self.streams[stream].load(addr, value);
        }
        self.steps.push(StreamStep::Load {
            stream,
            addr,
            value: value.into(),
            error,
        });
    }

    /// Returns the message's number.
    pub fn accum(&mut self, stream: usize, addr: u32, delta: &Value) -> usize {
        let error = wrong(addr);
        let number = self.messages.len();
        let mut expect = None;
        if error.is_none() {
            let message = self.streams[stream].accum(addr, delta);
            expect = Some(Made {
                epoch: message.epoch,
                seq: message.seq,
                bytes: Bytes(message.encode()),
            });
            self.messages.push(message);
            self.pending[stream].push(number);
        }
        self.steps.push(StreamStep::Accum {
            stream,
            addr,
            delta: delta.into(),
            expect,
            error,
        });
        number
    }

    pub fn apply(&mut self, stream: usize, message: usize) {
        let result = self.streams[stream].apply(&self.messages[message]);
        self.steps.push(StreamStep::Apply {
            stream,
            message,
            expect: result.ok(),
            error: result.err(),
        });
    }

    fn read(&mut self, stream: usize, addr: u32) {
        let state = wrong(addr).map_or_else(|| Ok(self.streams[stream].read(addr)), Err);
        let (expect, error) = split(state.map(Hex));
        self.steps.push(StreamStep::Read {
            stream,
            addr,
            expect,
            error,
        });
    }

    pub fn merge(&mut self, stream: usize, from: usize) {
        let other = self.streams[from].clone();
        self.streams[stream].merge(&other);
        self.steps.push(StreamStep::Merge { stream, from });
    }

    fn pending(&mut self, stream: usize) {
        let expect = std::mem::take(&mut self.pending[stream]);
        self.steps.push(StreamStep::Pending { stream, expect });
    }

    pub fn contexts(&mut self, stream: usize) {
        let states = (0..CONTEXTS).map(|addr| (addr, self.streams[stream].read(addr)));
        let expect = nonzero(states);
        self.steps.push(StreamStep::Contexts { stream, expect });
    }

    /// Returns the bytes.
    pub fn encode(&mut self, stream: usize) -> Vec<u8> {
        let state = self.streams[stream].encode(CONTEXTS);
        self.steps.push(StreamStep::Encode {
            stream,
            expect: Bytes(state.clone()),
        });
        state
    }

    /// The stream begins anew, with what another one knows.
    pub fn join(&mut self, stream: usize, from: &Stream) {
        let state = from.encode(CONTEXTS);
        self.streams[stream].join(from);
        self.step_of_join(stream, state, None);
    }

    /// Bytes that a stream can't join with.
    pub fn refused(&mut self, stream: usize, state: Vec<u8>, error: ErrorKind) {
        self.step_of_join(stream, state, Some(error));
    }

    fn step_of_join(&mut self, stream: usize, state: Vec<u8>, error: Option<ErrorKind>) {
        self.steps.push(StreamStep::Join {
            stream,
            state: Bytes(state),
            error,
        });
    }

    pub fn case(self, name: &str) -> StreamCase {
        let width = self.streams[0].width;
        StreamCase {
            name: format!("{name}, {width} bits"),
            width,
            contexts: CONTEXTS,
            streams: (self.streams.iter())
                .map(|stream| stream.sender.into())
                .collect(),
            steps: self.steps,
        }
    }
}

/// The error of an address that isn't there.
fn wrong(addr: u32) -> Option<ErrorKind> {
    (addr >= CONTEXTS).then_some(ErrorKind::Address)
}

fn any_order(width: u32) -> StreamCase {
    let mut steps = Steps::new(2, width);
    let mut values = Values::new(6000 + u64::from(width));
    let start = values.value(width);
    steps.load(0, 0, &start);
    steps.load(1, 0, &start);
    let made: Vec<_> = (0..6)
        .map(|n| steps.accum(0, n % 2, &values.value(width)))
        .collect();
    steps.accum(1, 0, &values.value(width));
    for n in [5, 1, 1, 0, 3, 2, 0, 4, 5] {
        steps.apply(1, made[n]);
        steps.read(1, 0);
        steps.read(1, 1);
    }
    // The other's only message, and this one's own that come back.
    steps.apply(0, 6);
    steps.apply(0, made[0]);
    steps.contexts(0);
    steps.contexts(1);
    steps.pending(0);
    steps.accum(0, 2, &values.value(width));
    steps.pending(0);
    steps.pending(0);
    steps.pending(1);
    steps.load(0, CONTEXTS, &start);
    steps.accum(0, CONTEXTS, &start);
    steps.read(0, u32::MAX);
    steps.pending(0);
    steps.accum(0, 2, &values.value(width));
    steps.contexts(0);
    steps.case("any order, and twice")
}

fn epochs(width: u32) -> StreamCase {
    let mut steps = Steps::new(2, width);
    let mut values = Values::new(7000 + u64::from(width));
    let [first, second] = [(); 2].map(|()| values.value(width));
    let old = steps.accum(0, 0, &values.value(width));
    steps.load(0, 0, &first);
    let one = steps.accum(0, 0, &values.value(width));
    let elsewhere = steps.accum(0, 1, &values.value(width));
    steps.load(0, 0, &second);
    let two = steps.accum(0, 0, &values.value(width));
    let again = steps.accum(0, 0, &values.value(width));
    // Waits for two epochs, of which it passes the first.
    steps.apply(1, two);
    steps.apply(1, elsewhere);
    steps.read(1, 0);
    steps.apply(1, two);
    steps.load(1, 0, &first);
    steps.read(1, 0);
    steps.apply(1, one);
    steps.read(1, 0);
    steps.load(1, 0, &second);
    steps.read(1, 0);
    steps.apply(1, again);
    steps.read(1, 0);
    // Of an epoch that is over, and from then on known.
    steps.apply(1, old);
    steps.apply(1, old);
    steps.apply(1, one);
    steps.contexts(0);
    steps.contexts(1);
    steps.case("epochs")
}

fn merging(width: u32) -> StreamCase {
    let mut steps = Steps::new(3, width);
    let mut values = Values::new(8000 + u64::from(width));
    // One epoch from different values, of which the larger wins.
    let small = Value::ZERO;
    let large = (Value::from(1u32) << width) - 1u32;
    steps.load(0, 0, &large);
    steps.load(1, 0, &small);
    steps.load(2, 1, &large);
    steps.load(2, 1, &small);
    let made: Vec<_> = (0..4)
        .map(|n| steps.accum(n % 3, n as u32 % 2, &values.value(width)))
        .collect();
    // One has it already, one behind a gap, one has it twice.
    steps.apply(1, made[3]);
    steps.apply(2, made[0]);
    steps.merge(1, 0);
    steps.contexts(1);
    steps.merge(1, 0);
    steps.contexts(1);
    steps.merge(0, 2);
    steps.merge(0, 1);
    steps.merge(2, 1);
    steps.merge(2, 0);
    steps.merge(1, 2);
    steps.merge(1, 1);
    for stream in 0..3 {
        steps.contexts(stream);
        for &message in &made {
            steps.apply(stream, message);
        }
        steps.contexts(stream);
    }
    steps.accum(1, 1, &values.value(width));
    steps.merge(2, 1);
    steps.contexts(2);
    steps.case("merging")
}

/// Messages that bear the name of the stream that gets them, but were made by another of that name.
fn false_name(width: u32) -> StreamCase {
    let mut steps = Steps::new(2, width);
    steps.streams[1].sender = steps.streams[0].sender;
    let mut values = Values::new(9500 + u64::from(width));
    let made: Vec<_> = (0..3)
        .map(|_| steps.accum(0, 0, &values.value(width)))
        .collect();
    for &message in &made {
        steps.apply(1, message);
        steps.apply(1, message);
    }
    steps.contexts(1);
    // Its own number 1 is none of these.
    let own = steps.accum(1, 1, &values.value(width));
    steps.apply(1, own);
    steps.apply(1, made[1]);
    steps.contexts(1);
    steps.case("a false name")
}

fn many(width: u32) -> StreamCase {
    let mut steps = Steps::new(3, width);
    let mut values = Values::new(9000 + u64::from(width));
    for _ in 0..90 {
        let stream = values.below(3) as usize;
        let addr = values.below(CONTEXTS);
        match values.below(16) {
            0 => steps.load(stream, addr, &values.value(width)),
            1..=4 => {
                steps.accum(stream, addr, &values.value(width));
            }
            5 => steps.merge(stream, values.below(3) as usize),
            6 => steps.pending(stream),
            7 | 8 => steps.read(stream, addr),
            _ if !steps.messages.is_empty() => {
                let message = values.below(steps.messages.len() as u32);
                steps.apply(stream, message as usize);
            }
            _ => {}
        }
    }
    for (stream, from) in [(0, 1), (0, 2), (2, 0), (1, 2)] {
        steps.merge(stream, from);
    }
    for stream in 0..3 {
        steps.contexts(stream);
    }
    steps.case("many operations")
}
