// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of both kinds of fingerprints.

use super::values::Values;
use crate::format::{Body, ErrorKind, File, FingerprintCase, FingerprintStep};
use crate::model::{Value, fingerprint, ordered_fingerprint};

/// Around the size of a chunk, and across a page.
const LENGTHS: [usize; 10] = [0, 1, 7, 8, 9, 15, 16, 17, 255, 4099];
const WIDTHS: [u32; 7] = [8, 16, 24, 32, 64, 128, 1000];

pub fn file() -> File {
    let mut cases = vec![blind()];
    for width in WIDTHS {
        cases.push(lengths(width));
        cases.push(changes(width));
    }
    let about = "fingerprints of bytes of awkward lengths, and of changes";
    File::Fingerprint(Body::new(about, cases))
}

pub fn ordered_file() -> File {
    File::OrderedFingerprint(Body::new(
        "fingerprints that see the order of chunks",
        vec![
            ordered_lengths(),
            ordered_changes(),
            ordered_sees(),
            refused(),
        ],
    ))
}

/// A fingerprint, and the steps that were done with it.
struct Steps {
    width: u32,
    ordered: bool,
    reference: Value,
    accumulator: Value,
    steps: Vec<FingerprintStep>,
}

impl Steps {
    fn new(width: u32, ordered: bool) -> Self {
        Self {
            width,
            ordered,
            reference: Value::ZERO,
            accumulator: Value::ZERO,
            steps: vec![],
        }
    }

    fn of(&self, data: &[u8]) -> Value {
        match self.ordered {
            true => ordered_fingerprint(data).into(),
            false => fingerprint(self.width, data),
        }
    }

    fn load(&mut self, data: &[u8]) {
        self.reference = self.of(data);
        self.accumulator = Value::ZERO;
        self.steps.push(FingerprintStep::Load {
            data: data.into(),
            expect: (&self.reference).into(),
        });
    }

    fn update(&mut self, data: &[u8]) {
        let value = self.of(data);
        self.accumulator = &self.reference ^ &value;
        self.steps.push(FingerprintStep::Update {
            data: data.into(),
            expect: (&value).into(),
        });
    }

    fn accumulate(&mut self, old: &[u8], new: &[u8]) {
        self.accumulator ^= self.of(old) ^ self.of(new);
        self.delta(None, old, new, None);
    }

    fn delta(&mut self, offset: Option<u64>, old: &[u8], new: &[u8], error: Option<ErrorKind>) {
        self.steps.push(FingerprintStep::AccumulateDelta {
            offset,
            old: old.into(),
            new: new.into(),
            error,
        });
    }

    /// Puts `new` into `data`, of which the last fingerprint is, at `offset`.
    fn change(&mut self, data: &mut [u8], offset: usize, new: &[u8]) {
        let old = data[offset..offset + new.len()].to_vec();
        let before = self.of(data);
        data[offset..offset + new.len()].copy_from_slice(new);
        self.accumulator ^= before ^ self.of(data);
        self.delta(Some(offset as u64), &old, new, None);
    }

    fn refused(&mut self, offset: u64, old: &[u8], new: &[u8]) {
        self.delta(Some(offset), old, new, Some(ErrorKind::Change));
    }

    fn reset(&mut self) {
        self.reference ^= std::mem::take(&mut self.accumulator);
        self.steps.push(FingerprintStep::Reset {});
    }

    fn words(&mut self) {
        let value = &self.reference ^ &self.accumulator;
        self.steps.push(FingerprintStep::Words {
            value: (&value).into(),
            delta: (&self.accumulator).into(),
            changed: self.accumulator != Value::ZERO,
        });
    }

    fn case(self, name: &str) -> FingerprintCase {
        FingerprintCase {
            name: format!("{name}, {} bits", self.width),
            width: self.width,
            steps: self.steps,
        }
    }
}

fn all_lengths(mut steps: Steps) -> Steps {
    let mut values = Values::new(11_000 + u64::from(steps.width));
    steps.words();
    for length in LENGTHS {
        let data = values.bytes(length);
        steps.load(&data);
        steps.update(&data);
        steps.words();
        steps.update(&values.bytes(length));
        steps.words();
    }
    // Bytes that have the highest bit, and text.
    steps.update(&[0xff; 33]);
    steps.update("Grüße, all of 17".as_bytes());
    steps.words();
    steps
}

fn lengths(width: u32) -> FingerprintCase {
    all_lengths(Steps::new(width, false)).case("awkward lengths")
}

fn ordered_lengths() -> FingerprintCase {
    all_lengths(Steps::new(64, true)).case("awkward lengths")
}

fn changes(width: u32) -> FingerprintCase {
    let mut steps = Steps::new(width, false);
    let mut values = Values::new(12_000 + u64::from(width));
    steps.load(&values.bytes(300));
    for length in [0, 1, 8, 9, 130] {
        let [old, new] = [(); 2].map(|()| values.bytes(length));
        steps.accumulate(&old, &new);
        steps.words();
        steps.accumulate(&new, &old);
        steps.words();
    }
    steps.accumulate(&values.bytes(3), &values.bytes(20));
    steps.words();
    steps.reset();
    steps.words();
    steps.update(&values.bytes(11));
    steps.words();
    steps.reset();
    steps.update(&[]);
    steps.words();
    steps.case("changes")
}

/// Changes that XOR doesn't see.
fn blind() -> FingerprintCase {
    let mut steps = Steps::new(64, false);
    steps.load(b"chunk 1.chunk 2.the end");
    steps.update(b"chunk 2.chunk 1.the end");
    steps.words();
    steps.update(b"chunk 1.chunk 2.the end\0\0");
    steps.words();
    steps.update(b"Chunk 1.Chunk 2.the end");
    steps.words();
    steps.update(b"chunk 1.chunk 2.the endtwice...twice...");
    steps.words();
    steps.case("what it can't see")
}

/// Changes of the same kinds, which it sees.
fn ordered_sees() -> FingerprintCase {
    let mut steps = Steps::new(64, true);
    for data in [
        &b"chunk 1.chunk 2.the end"[..],
        b"chunk 2.chunk 1.the end",
        b"chunk 1.chunk 2.the end\0\0",
        b"Chunk 1.Chunk 2.the end",
        b"chunk 1.chunk 2.the end.twice...twice...",
        b"",
        b"\0",
        b"\0\0\0\0\0\0\0\0",
    ] {
        steps.load(b"chunk 1.chunk 2.the end");
        steps.update(data);
        steps.words();
    }
    steps.case("what it sees")
}

fn ordered_changes() -> FingerprintCase {
    let mut steps = Steps::new(64, true);
    let mut values = Values::new(13_000);
    let mut data = values.bytes(100);
    steps.load(&data);
    for (offset, length) in [
        (0, 8),
        (0, 0),
        (40, 16),
        (96, 4),
        (88, 12),
        (0, 100),
        (96, 0),
    ] {
        let new = values.bytes(length);
        steps.change(&mut data, offset, &new);
        steps.words();
    }
    steps.update(&data);
    steps.words();
    steps.reset();
    steps.words();
    // The length is now another.
    let mut data = values.bytes(21);
    steps.update(&data);
    steps.change(&mut data, 16, b"12345");
    steps.words();
    steps.case("changes")
}

fn refused() -> FingerprintCase {
    let mut steps = Steps::new(64, true);
    // Nothing was loaded.
    steps.refused(0, b"12345678", b"abcdefgh");
    steps.words();
    steps.load(&[7; 20]);
    steps.refused(1, &[7; 8], b"abcdefgh");
    steps.refused(0, &[7; 8], b"abcdefghi");
    steps.refused(0, &[7; 7], b"abcdefg");
    steps.refused(16, &[7; 5], b"abcde");
    steps.refused(16, &[7; 8], b"abcdefgh");
    steps.refused(24, b"", b"");
    steps.refused(1 << 40, &[7; 8], b"abcdefgh");
    steps.words();
    steps.case("refused changes")
}
