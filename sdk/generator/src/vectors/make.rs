// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cases for all that a schema has. Expectations are the reference's.

use std::collections::BTreeMap;

use num_bigint::BigUint;
use semver::Version;

use super::{Bytes, Case, Hex, Step, Vectors};
use crate::encoding::lay;
use crate::message;
use crate::reference::{Bit, Object};
use crate::schema::{Compression, Field, FieldType, Schema};

/// Of so many fields, the first ones, cases look at each together with others.
const FEW_FIELDS: usize = 6;
/// Histories up to this depth are filled, to see the oldest accum forgotten.
const FILLED_DEPTH: u32 = 1024;
/// Accums of a deeper history: more than a byte counts.
const DEEP_ACCUMS: u32 = 300;
const RANDOM_STEPS: usize = 60;

pub(super) fn vectors(schema: &Schema) -> Vectors {
    let mut random = Random(u64::from(crc32fast::hash(schema.full_name().as_bytes())));
    let mut cases = vec![new(schema)];
    for at in 0..schema.fields.len() {
        let field = &schema.fields[at];
        // A field that is as one before has the same code, in another place.
        if schema.fields[..at].iter().any(|one| alike(one, field)) {
            cases.push(brief(schema, at));
            continue;
        }
        cases.push(edges(schema, at));
        if field.kind == FieldType::DeltaStream {
            cases.push(messages(schema, at));
        }
    }
    cases.extend(updates(schema));
    cases.extend(remembered(schema));
    cases.extend(history(schema));
    for number in 1..=3 {
        cases.push(mixed(schema, number, &mut random));
    }
    Vectors {
        format: 1,
        object: schema.full_name(),
        version: schema.catalogue.version.to_string(),
        cases,
    }
}

/// Does each step with the reference, and writes it down with what came out.
struct Recorder<'a> {
    schema: &'a Schema,
    object: Object<'a>,
    steps: Vec<Step>,
}

impl<'a> Recorder<'a> {
    fn new(schema: &'a Schema) -> Self {
        Recorder {
            schema,
            object: Object::new(schema),
            steps: Vec::new(),
        }
    }

    fn case(mut self, name: impl Into<String>) -> Case {
        self.contexts();
        Case {
            name: name.into(),
            steps: self.steps,
        }
    }

    fn field(&self, at: usize) -> &'a Field {
        &self.schema.fields[at]
    }

    fn name(&self, at: usize) -> String {
        self.field(at).name.clone()
    }

    fn contexts(&mut self) {
        let expect = self
            .object
            .contexts()
            .into_iter()
            .map(|word| Hex(word.into()))
            .collect();
        self.steps.push(Step::Contexts { expect });
    }

    fn load(&mut self, at: usize, value: BigUint) {
        self.object.load(at, &value);
        self.steps.push(Step::Load {
            field: self.name(at),
            value: Hex(value),
        });
    }

    fn accum(&mut self, at: usize, delta: BigUint) {
        let message = self.object.accum(at, &delta).map(Bytes);
        self.steps.push(Step::Accum {
            field: self.name(at),
            delta: Hex(delta),
            message,
        });
    }

    /// read, or the contexts where the object has none.
    fn read(&mut self, at: usize) {
        match self.schema.operations.reconstruct {
            Some(_) => {
                let expect = Hex(self.object.read(at));
                self.steps.push(Step::Read {
                    field: self.name(at),
                    expect,
                });
            }
            None => self.contexts(),
        }
    }

    fn swap(&mut self, at: usize) {
        let expect = Hex(self.object.swap(at));
        self.steps.push(Step::Swap {
            field: self.name(at),
            expect,
        });
    }

    fn set(&mut self, at: usize, value: BigUint) {
        let expect = Hex(self.object.set(at, &value));
        self.steps.push(Step::Set {
            field: self.name(at),
            value: Hex(value),
            expect,
        });
    }

    fn bit(&mut self, at: usize, bit: u32, change: Option<Bit>) {
        let field = self.name(at);
        let Some(change) = change else {
            if self.schema.operations.reconstruct.is_some() {
                let expect = self.object.test_bit(at, bit);
                self.steps.push(Step::TestBit { field, bit, expect });
            }
            return;
        };
        let expect = Hex(self.object.change_bit(at, bit, change));
        self.steps.push(match change {
            Bit::Set => Step::SetBit { field, bit, expect },
            Bit::Clear => Step::ClearBit { field, bit, expect },
            Bit::Toggle => Step::ToggleBit { field, bit, expect },
        });
    }

    fn cell(&mut self, at: usize, cell: [u32; 3], delta: BigUint) {
        let message = self.object.accum_cell(at, cell, &delta).map(Bytes);
        let field = self.name(at);
        self.steps.push(Step::AccumCell {
            field,
            cell,
            delta: Hex(delta),
            message,
        });
        if self.schema.operations.reconstruct.is_some() {
            let expect = Hex(self.object.read_cell(at, cell));
            self.steps.push(Step::ReadCell {
                field: self.name(at),
                cell,
                expect,
            });
        }
    }

    fn rollback(&mut self, steps: u32) {
        if self.schema.operations.rollback.is_some() {
            let expect = self.object.rollback(steps as usize) as u32;
            self.steps.push(Step::Rollback { steps, expect });
        }
    }

    fn named(&self, values: &[(usize, BigUint)]) -> BTreeMap<String, Hex> {
        values
            .iter()
            .map(|(at, value)| (self.name(*at), Hex(value.clone())))
            .collect()
    }

    fn update(&mut self, values: &[(usize, BigUint)]) {
        self.object.update(values);
        self.steps.push(Step::Update {
            values: self.named(values),
        });
    }

    fn compare_update(&mut self, expected: &[(usize, BigUint)], values: &[(usize, BigUint)]) {
        let expect = self.object.compare_update(expected, values);
        let [expected, values] = [self.named(expected), self.named(values)];
        self.steps.push(Step::CompareUpdate {
            expected,
            values,
            expect,
        });
    }

    fn apply(&mut self, at: usize, message: Vec<u8>) {
        let error = self
            .object
            .apply(at, &message)
            .err()
            .map(|e| e.name().to_string());
        self.steps.push(Step::Apply {
            field: self.name(at),
            message: Bytes(message),
            error,
        });
    }
}

fn new(schema: &Schema) -> Case {
    let mut case = Recorder::new(schema);
    case.contexts();
    (0..schema.fields.len()).for_each(|at| case.read(at));
    (0..schema.fields.len()).for_each(|at| case.swap(at));
    case.case("a new object")
}

fn alike(one: &Field, other: &Field) -> bool {
    let what = |field: &Field| (field.kind, field.width, field.encoding, field.compression);
    what(one) == what(other)
}

/// Each operation once.
fn brief(schema: &Schema, at: usize) -> Case {
    let mut case = Recorder::new(schema);
    let field = case.field(at);
    let top = BigUint::from(1u8) << (field.width - 1);
    case.load(at, top.clone());
    case.accum(at, field.mask());
    case.read(at);
    match field.kind {
        FieldType::DeltaStream => {
            case.apply(at, message::encode(schema, field, &top));
            let mut stranger = field.clone();
            stranger.name += "_";
            case.apply(at, message::encode(schema, &stranger, &top));
        }
        FieldType::BitmaskDelta => {
            for change in [Bit::Set, Bit::Toggle, Bit::Clear] {
                case.bit(at, 1, Some(change));
                case.bit(at, 1, None);
            }
        }
        FieldType::ParameterDelta => case.set(at, BigUint::from(5u8)),
    }
    if field.has_cells() {
        case.cell(at, [3, 2, 1], BigUint::from(1u8));
    }
    case.swap(at);
    // Without a look at all contexts, of which there may be as many as such cases.
    Case {
        name: field.name.clone(),
        steps: case.steps,
    }
}

/// The smallest and the largest values, single bits, and runs.
fn edges(schema: &Schema, at: usize) -> Case {
    let mut case = Recorder::new(schema);
    let field = case.field(at);
    let (one, all) = (BigUint::from(1u8), field.mask());
    let top = &one << (field.width - 1);
    let bytes = field.bytes();
    let half = (&one << (field.width / 2)) - 1u8;
    let counting = BigUint::from_bytes_le(&(1..=bytes as u8).collect::<Vec<_>>());
    // Runs from each context to the next, or a bit in the middle.
    let across = match field.width {
        256 => (&one << 191u8) * 3u8 + (&one << 127u8) * 3u8 + (&one << 63u8) * 3u8,
        128 => (&one << 63u8) * 3u8,
        width => &one << (width / 2),
    };
    for value in [BigUint::ZERO, one, top, all, half, counting, across] {
        case.load(at, value.clone());
        case.read(at);
        case.accum(at, value.clone());
        case.contexts();
        case.accum(at, value.clone());
        case.swap(at);
        if field.kind == FieldType::ParameterDelta {
            case.set(at, field.mask() ^ &value);
            case.set(at, field.mask() ^ &value);
        }
        case.read(at);
    }
    if field.kind == FieldType::BitmaskDelta {
        let places = [0, 1, field.width / 2, field.width - 1, 63, 64];
        for bit in places.into_iter().filter(|&bit| bit < field.width) {
            for change in [Bit::Set, Bit::Clear, Bit::Toggle] {
                case.bit(at, bit, Some(change));
                case.bit(at, bit, None);
                case.bit(at, bit, Some(change));
            }
            case.bit(at, bit, None);
        }
    }
    if field.has_cells() {
        for number in 0..64 {
            let cell = [number % 4, number / 4 % 4, number / 16];
            case.cell(at, cell, BigUint::from(number % 15 + 1));
            if number % 16 == 15 {
                case.contexts();
            }
        }
    }
    case.case(format!("{}: edges", field.name))
}

/// Messages of another object of this kind, and some that are refused.
fn messages(schema: &Schema, at: usize) -> Case {
    let mut case = Recorder::new(schema);
    let field = case.field(at);
    let delta = lay(field, &(BigUint::from(0x0102_0304u32) << (field.width / 2)));
    let ours = &schema.catalogue.version;
    let of = |version: &Version, delta: &BigUint| {
        message::seal(message::header(schema, field, version), field, delta)
    };
    let good = of(ours, &delta);
    for delta in [&BigUint::ZERO, &field.mask(), &delta] {
        case.apply(at, of(ours, delta));
        case.read(at);
    }
    for change in 0..good.len() {
        let mut bad = good.clone();
        bad[change] ^= 1 << (change % 8);
        case.apply(at, bad);
    }
    for length in [
        0,
        1,
        4,
        5,
        8,
        9,
        good.len() - 5,
        good.len() - 4,
        good.len() - 1,
    ] {
        case.apply(at, good[..length].to_vec());
    }
    case.apply(at, [&good[..], &[0]].concat());
    for (major, minor) in [
        (ours.major ^ 1, ours.minor),
        (ours.major, ours.minor ^ 1),
        (ours.major, u64::MAX),
        (ours.major | 0x80, ours.minor),
    ] {
        case.apply(at, of(&Version::new(major, minor, 0), &delta));
    }
    // Of others: one number is another in each of its bytes.
    for byte in 1..5 {
        let mut other = good[..good.len() - 4].to_vec();
        other[byte] ^= 0x10;
        case.apply(at, sealed(other));
    }
    // Longer than any message: it is damaged, whosever it says that it is.
    for length in [96, 97, 300] {
        let mut long = good[..good.len() - 4].to_vec();
        long[1] ^= 0x10;
        long.resize(length - 4, 0);
        case.apply(at, sealed(long));
    }
    for body in bad_bodies(field) {
        let mut bytes = message::header(schema, field, ours);
        bytes.extend(body);
        case.apply(at, sealed(bytes));
    }
    // Numbers of the version with a byte too many.
    let head = message::header(schema, field, ours).len();
    let mut long = good[..good.len() - 4].to_vec();
    long[head - 1] |= 0x80;
    long.insert(head, 0);
    case.apply(at, sealed(long));
    case.rollback(1);
    case.case(format!("{}: messages", field.name))
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Bodies that no delta has.
fn bad_bodies(field: &Field) -> Vec<Vec<u8>> {
    let bytes = field.bytes() as u8;
    match field.compression {
        Compression::None => vec![
            vec![],
            vec![1; field.bytes() - 1],
            vec![0; field.bytes() + 1],
        ],
        Compression::Xor => {
            vec![
                vec![],
                vec![1],
                vec![0, 0],
                vec![0, 1, 0],
                vec![bytes, 1],
                vec![255, 1, 1, 1],
                [vec![0], vec![1; field.bytes() + 1]].concat(),
            ]
        }
        Compression::Rle => {
            vec![
                vec![],
                vec![bytes],
                vec![bytes - 1, 1],
                vec![bytes + 1, 1],
                vec![255, 0, 255, 1],
                vec![bytes, 0, 0, 1],
                vec![0, 1, bytes, 0],
                vec![1, 7, bytes - 1, 7],
            ]
        }
    }
}

/// Updates, of all fields and of none, with states that are as expected and that aren't.
fn updates(schema: &Schema) -> Option<Case> {
    let settable = settable(schema);
    let mut case = Recorder::new(schema);
    let flipped = |case: &Recorder<'_>| -> Vec<_> {
        let flip = |&at: &usize| (at, case.field(at).mask() ^ case.object.read(at));
        settable.iter().map(flip).collect()
    };
    let states = |case: &Recorder<'_>| -> Vec<_> {
        let fields = 0..schema.fields.len();
        fields.map(|at| (at, case.object.read(at))).collect()
    };
    let first = settable.first()?;
    let all = flipped(&case);
    case.update(&all);
    case.contexts();
    let all = flipped(&case);
    case.update(&all[..1]);
    case.update(&[]);
    let (expected, values) = (states(&case), flipped(&case));
    case.compare_update(&expected, &values);
    case.contexts();
    // One state is another, by its lowest or its highest bit: nothing changes.
    for at in 0..schema.fields.len().min(FEW_FIELDS) {
        let mut expected = states(&case);
        let bit = (at as u32 % 2) * (case.field(at).width - 1);
        expected[at].1 ^= BigUint::from(1u8) << bit;
        let values = flipped(&case);
        // Among all, or alone.
        let alone = if at == 0 {
            0..expected.len()
        } else {
            at..at + 1
        };
        case.compare_update(&expected[alone], &values);
    }
    case.contexts();
    let values = flipped(&case);
    case.compare_update(&[], &values);
    let expected = states(&case);
    case.compare_update(&expected, &[]);
    let other = case.object.read(*first) ^ BigUint::from(1u8);
    case.compare_update(&[(*first, other)], &[]);
    Some(case.case("updates"))
}

/// The history has an entry for each delta, 0 too, and none for what changes nothing.
fn remembered(schema: &Schema) -> Option<Case> {
    schema.operations.rollback?;
    let mut case = Recorder::new(schema);
    for at in 0..schema.fields.len().min(FEW_FIELDS) {
        let field = case.field(at);
        case.accum(at, BigUint::ZERO);
        case.rollback(u32::MAX);
        match field.kind {
            FieldType::DeltaStream => {
                let mut message = message::encode(schema, field, &BigUint::from(9u8));
                case.apply(at, message.clone());
                case.rollback(u32::MAX);
                message.pop();
                case.apply(at, message);
            }
            FieldType::BitmaskDelta => {
                for change in [Bit::Toggle, Bit::Set, Bit::Clear] {
                    case.bit(at, 1, Some(change));
                    case.rollback(u32::MAX);
                }
            }
            FieldType::ParameterDelta => {
                case.set(at, field.mask());
                case.set(at, field.mask());
                case.rollback(1);
            }
        }
        case.rollback(u32::MAX);
        if field.has_cells() {
            case.cell(at, [1, 2, 3], BigUint::from(1u8));
            case.rollback(u32::MAX);
        }
        case.contexts();
    }
    // An update has one entry for each of its fields, in the order of the schema.
    let values: Vec<_> = settable(schema)
        .into_iter()
        .map(|at| (at, case.field(at).mask()))
        .collect();
    if let Some((at, value)) = values.first() {
        case.update(&values);
        case.rollback(1);
        case.contexts();
        case.rollback(u32::MAX);
        let state = case.object.read(*at);
        case.compare_update(&[(*at, state)], &values);
        case.rollback(u32::MAX);
        let other = case.object.read(*at) ^ value;
        case.compare_update(&[(*at, other)], &values);
        case.rollback(u32::MAX);
    }
    Some(case.case("what is remembered"))
}

/// Numbers of the fields that `update` sets.
fn settable(schema: &Schema) -> Vec<usize> {
    (0..schema.fields.len())
        .filter(|&at| schema.fields[at].kind != FieldType::DeltaStream)
        .collect()
}

fn history(schema: &Schema) -> Option<Case> {
    let depth = schema.operations.rollback?;
    let mut case = Recorder::new(schema);
    let count = schema.fields.len();
    case.rollback(1);
    let accums = if depth <= FILLED_DEPTH {
        depth + 3
    } else {
        DEEP_ACCUMS
    };
    for step in 0..accums {
        let at = step as usize % count;
        case.accum(at, BigUint::from(step % 255 + 1));
    }
    case.rollback(0);
    case.rollback(2);
    (0..count).for_each(|at| case.read(at));
    case.rollback(u32::MAX);
    (0..count).for_each(|at| case.read(at));
    case.rollback(1);
    // load and swap forget their own field's history, and no other's.
    let few = count.min(FEW_FIELDS);
    for at in 0..few {
        (0..few).for_each(|at| case.accum(at, BigUint::from(0x55u8)));
        if at % 2 == 0 {
            case.swap(at);
        } else {
            case.load(at, BigUint::from(0x0Fu8));
        }
        case.rollback(1);
        case.contexts();
    }
    case.rollback(u32::MAX);
    Some(case.case("history"))
}

/// Operations of all kinds, by chance.
fn mixed(schema: &Schema, number: u32, random: &mut Random) -> Case {
    let mut case = Recorder::new(schema);
    let settable = settable(schema);
    for _ in 0..RANDOM_STEPS {
        let at = random.below(schema.fields.len() as u64) as usize;
        let field = case.field(at);
        match random.below(10) {
            0 => case.load(at, random.value(field)),
            1 => case.swap(at),
            2 => case.rollback(random.below(4) as u32),
            3 if !settable.is_empty() => {
                let values = random.some(schema, &settable);
                if random.below(2) == 0 {
                    case.update(&values);
                    continue;
                }
                let expected: Vec<_> = (0..schema.fields.len())
                    .filter(|_| random.below(2) == 0)
                    .map(|at| (at, case.object.read(at)))
                    .collect();
                if random.below(2) == 0 {
                    case.compare_update(&expected, &values);
                } else if !expected.is_empty() {
                    // One that is not as expected: nothing changes.
                    let mut expected = expected;
                    expected[0].1 ^= BigUint::from(1u8);
                    case.compare_update(&expected, &values);
                }
            }
            4 if field.has_cells() => {
                let cell = [0; 3].map(|_| random.below(4) as u32);
                let mask = (BigUint::from(1u8) << (field.width / 64)) - 1u8;
                case.cell(at, cell, random.value(field) & mask);
            }
            4..=6 => match field.kind {
                FieldType::ParameterDelta => case.set(at, random.value(field)),
                FieldType::BitmaskDelta => {
                    let bit = random.below(u64::from(field.width)) as u32;
                    let changes = [None, Some(Bit::Set), Some(Bit::Clear), Some(Bit::Toggle)];
                    case.bit(at, bit, changes[random.below(4) as usize]);
                }
                FieldType::DeltaStream => {
                    let delta = lay(field, &random.value(field));
                    case.apply(at, message::encode(schema, field, &delta));
                }
            },
            7 => case.read(at),
            _ => case.accum(at, random.value(field)),
        }
    }
    case.case(format!("mixed {number}"))
}

/// SplitMix64, so that vectors are always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A value of the field's width: of any bits, or one with a few bytes that are not 0.
    fn value(&mut self, field: &Field) -> BigUint {
        let mut bytes: Vec<u8> = (0..field.bytes()).map(|_| self.next() as u8).collect();
        if self.below(2) == 0 {
            let end = self.below(bytes.len() as u64 + 1) as usize;
            let start = self.below(end as u64 + 1) as usize;
            bytes[..start].fill(0);
            bytes[end..].fill(0);
        }
        BigUint::from_bytes_le(&bytes)
    }

    fn some(&mut self, schema: &Schema, fields: &[usize]) -> Vec<(usize, BigUint)> {
        let chosen: Vec<_> = fields
            .iter()
            .filter(|_| self.below(3) > 0)
            .copied()
            .collect();
        chosen
            .into_iter()
            .map(|at| (at, self.value(&schema.fields[at])))
            .collect()
    }
}
