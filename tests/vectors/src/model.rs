// SPDX-License-Identifier: MIT OR Apache-2.0

//! The algebra by its definition, short enough to be checked by eye. All vectors come from this.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use crate::format::{ErrorKind, Receipt};

/// A number of any width.
pub type Value = BigUint;

/// The lowest `width` bits of a number.
pub fn masked(width: u32, value: &Value) -> Value {
    value & ((Value::from(1u32) << width) - 1u32)
}

/// A context.
#[derive(Clone, Default)]
pub struct Context {
    pub width: u32,
    pub reference: Value,
    pub accumulator: Value,
    pub delta_count: u64,
}

impl Context {
    pub fn load(&mut self, value: &Value) {
        self.reference = masked(self.width, value);
        self.accumulator = Value::ZERO;
        self.delta_count = 0;
    }

    pub fn accum(&mut self, delta: &Value) {
        self.accumulator ^= masked(self.width, delta);
        self.delta_count += 1;
    }

    pub fn read(&self) -> Value {
        &self.reference ^ &self.accumulator
    }

    pub fn swap(&mut self, new_reference: Option<&Value>) -> Value {
        let state = self.read();
        self.load(new_reference.unwrap_or(&state));
        state
    }

    pub fn set(&mut self, state: &Value) {
        let difference = self.read() ^ masked(self.width, state);
        self.accum(&difference);
    }

    /// Whether it has this state.
    pub fn is(&self, state: &Value) -> bool {
        self.read() == masked(self.width, state)
    }

    pub fn merge(&mut self, other: &Self) {
        self.accumulator ^= masked(self.width, &other.accumulator);
        self.delta_count += other.delta_count;
    }
}

/// The fingerprint of bytes.
pub fn fingerprint(width: u32, data: &[u8]) -> Value {
    data.chunks(width as usize / 8)
        .fold(Value::ZERO, |sum, chunk| sum ^ Value::from_bytes_le(chunk))
}

/// The finalizer of splitmix64.
pub fn mix(mut x: u64) -> u64 {
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94d049bb133111eb);
    x ^ (x >> 31)
}

/// The fingerprint of bytes that depends on their order.
pub fn ordered_fingerprint(data: &[u8]) -> u64 {
    let mut sum = mix(data.len() as u64 ^ 0xa0761d6478bd642f);
    for (i, chunk) in data.chunks(8).enumerate() {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum ^= mix(u64::from_le_bytes(word) ^ mix(i as u64 + 1));
    }
    sum
}

/// A message of a stream.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    pub sender: u64,
    pub seq: u64,
    pub addr: u32,
    pub epoch: u64,
    pub width: u32,
    pub delta: Value,
}

impl Message {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0xa1];
        bytes.extend(leb128(self.addr.into()));
        bytes.extend(leb128(self.epoch));
        bytes.extend(leb128(self.seq));
        bytes.extend(self.sender.to_le_bytes());
        bytes.extend(leb128(self.width.into()));
        bytes.extend(whole(self.width, &self.delta));
        bytes
    }
}

/// Messages for a byte stream: those of one sender and width that follow each other as packets, wide
/// ones alone.
pub fn encode_many(messages: &[Message]) -> Vec<u8> {
    let alike = |a: &Message, b: &Message| (a.sender, a.width) == (b.sender, b.width);
    let runs = messages.chunk_by(alike).flat_map(|run| run.chunks(4096));
    runs.flat_map(|run| match run[0].width {
        ..=64 => packet(run),
        65.. => run.iter().flat_map(Message::encode).collect(),
    })
    .collect()
}

fn packet(messages: &[Message]) -> Vec<u8> {
    let mut bytes = vec![0xa2];
    bytes.extend(messages[0].sender.to_le_bytes());
    bytes.extend(leb128(messages[0].width.into()));
    bytes.extend(leb128(messages.len() as u64));
    // Of the message before.
    let (mut epoch, mut seq) = (0, 0);
    for message in messages {
        let delta = match message.delta == Value::ZERO {
            true => vec![],
            false => message.delta.to_bytes_le(),
        };
        let other_epoch = message.epoch != epoch;
        let not_the_next = u128::from(message.seq) != u128::from(seq) + 1;
        bytes.extend(leb128(message.addr.into()));
        bytes.push(4 * delta.len() as u8 + u8::from(other_epoch) + 2 * u8::from(not_the_next));
        if other_epoch {
            bytes.extend(leb128(message.epoch));
        }
        if not_the_next {
            bytes.extend(leb128(message.seq));
        }
        bytes.extend(delta);
        (epoch, seq) = (message.epoch, message.seq);
    }
    bytes
}

/// A value in as many bytes as its width has.
fn whole(width: u32, value: &Value) -> Vec<u8> {
    let mut bytes = value.to_bytes_le();
    bytes.resize(width.div_ceil(8) as usize, 0);
    bytes
}

pub fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while number >= 0x80 {
        bytes.push((number % 0x80) as u8 | 0x80);
        number /= 0x80;
    }
    bytes.push(number as u8);
    bytes
}

/// A stream: the messages that it knows, and each address's epoch with the value that it started
/// from.
#[derive(Clone, Default)]
pub struct Stream {
    pub width: u32,
    pub sender: u64,
    pub known: BTreeSet<Message>,
    pub epochs: BTreeMap<u32, (u64, Value)>,
}

impl Stream {
    pub fn epoch(&self, addr: u32) -> (u64, Value) {
        self.epochs.get(&addr).cloned().unwrap_or_default()
    }

    pub fn load(&mut self, addr: u32, value: &Value) {
        let start = (self.epoch(addr).0 + 1, masked(self.width, value));
        self.epochs.insert(addr, start);
    }

    pub fn accum(&mut self, addr: u32, delta: &Value) -> Message {
        let own = |seq: &u64| {
            self.known
                .iter()
                .any(|m| (m.sender, m.seq) == (self.sender, *seq))
        };
        let message = Message {
            sender: self.sender,
            seq: (1..)
                .find(|seq| !own(seq))
                .expect("a number that it hasn't made"),
            addr,
            epoch: self.epoch(addr).0,
            width: self.width,
            delta: masked(self.width, delta),
        };
        self.known.insert(message.clone());
        message
    }

    pub fn apply(&mut self, message: &Message) -> Result<Receipt, ErrorKind> {
        let current = self.epoch(message.addr).0;
        if message.sender == self.sender && !self.known.contains(message) {
            Err(ErrorKind::NeverSent)
        } else if !self.known.insert(message.clone()) {
            Ok(Receipt::Duplicate)
        } else if message.epoch < current {
            Err(ErrorKind::StaleEpoch)
        } else if message.epoch == current {
            Ok(Receipt::Applied)
        } else {
            Ok(Receipt::Waiting)
        }
    }

    pub fn read(&self, addr: u32) -> Value {
        let (epoch, reference) = self.epoch(addr);
        let of_epoch = self
            .known
            .iter()
            .filter(|m| (m.addr, m.epoch) == (addr, epoch));
        of_epoch.fold(reference, |state, message| state ^ &message.delta)
    }

    /// All that it knows, as bytes, for a table of so many contexts.
    pub fn encode(&self, contexts: u32) -> Vec<u8> {
        let with_key = |(addr, epoch): (u32, u64), value: &Value| {
            [leb128(addr.into()), leb128(epoch), whole(self.width, value)].concat()
        };
        let mut bytes = vec![0xa3];
        bytes.extend(leb128(self.width.into()));
        bytes.extend(leb128(contexts.into()));
        bytes.extend(leb128(self.epochs.len() as u64));
        for (&addr, (epoch, value)) in &self.epochs {
            bytes.extend(with_key((addr, *epoch), value));
        }
        let senders: BTreeSet<u64> = self.known.iter().map(|message| message.sender).collect();
        bytes.extend(leb128(senders.len() as u64));
        for sender in senders {
            let all = || self.known.iter().filter(|m| m.sender == sender);
            // Up to here it knows all of them.
            let last = (1..).zip(all()).take_while(|(n, m)| m.seq == *n).count() as u64;
            let mut sums = BTreeMap::new();
            let present = |m: &&Message| m.epoch >= self.epoch(m.addr).0;
            for message in all().filter(|m| m.seq <= last).filter(present) {
                *sums.entry((message.addr, message.epoch)).or_default() ^= &message.delta;
            }
            bytes.extend(sender.to_le_bytes());
            bytes.extend(leb128(last));
            bytes.extend(leb128(sums.len() as u64));
            for (key, delta) in &sums {
                bytes.extend(with_key(*key, delta));
            }
            bytes.extend(leb128(all().filter(|m| m.seq > last).count() as u64));
            for message in all().filter(|m| m.seq > last) {
                bytes.extend(leb128(message.seq));
                bytes.extend(with_key((message.addr, message.epoch), &message.delta));
            }
        }
        bytes
    }

    /// Knows what another one does, and nothing else.
    pub fn join(&mut self, other: &Self) {
        self.known.clone_from(&other.known);
        self.epochs.clone_from(&other.epochs);
    }

    pub fn merge(&mut self, other: &Self) {
        self.known.extend(other.known.iter().cloned());
        for (&addr, start) in &other.epochs {
            let larger = self.epoch(addr).max(start.clone());
            self.epochs.insert(addr, larger);
        }
    }
}
