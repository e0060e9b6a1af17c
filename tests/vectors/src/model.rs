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
        let mut delta = self.delta.to_bytes_le();
        delta.resize(self.width.div_ceil(8) as usize, 0);
        bytes.extend(delta);
        bytes
    }
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

    pub fn merge(&mut self, other: &Self) {
        self.known.extend(other.known.iter().cloned());
        for (&addr, start) in &other.epochs {
            let larger = self.epoch(addr).max(start.clone());
            self.epochs.insert(addr, larger);
        }
    }
}
