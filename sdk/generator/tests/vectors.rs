// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference, its messages, and the vectors that it writes.

mod cases;

use atomik_sdk_generator::encoding::{lay, lift};
use atomik_sdk_generator::message::{self, Refused};
use atomik_sdk_generator::reference::{Bit, Object};
use atomik_sdk_generator::vectors::{Vectors, run};
use atomik_sdk_generator::{Schema, Source, check};
use num_bigint::BigUint;
use proptest::prelude::*;

fn schema(text: &str) -> Schema {
    check(&[Source::new("a.json", text)]).unwrap().remove(0)
}

fn with(fields: &str, depth: &str) -> Schema {
    schema(&format!(
        r#"{{"catalogue": {{"vertical": "Edge", "field": "Test", "object": "One",
        "version": "1.2.0"}},
        "schema": {{"delta_fields": {{{fields}}}, "operations": {{"accumulate": {{"enabled": true}},
        "rollback": {{"enabled": true, "history_depth": {depth}}}}}}}}}"#
    ))
}

fn n(value: u64) -> BigUint {
    BigUint::from(value)
}

#[test]
fn the_four_operations() {
    let schema = with(
        r#""a": {"type": "delta_stream", "width": 8, "default_value": 7}"#,
        "4",
    );
    let mut object = Object::new(&schema);
    assert_eq!(object.read(0), n(7));
    object.load(0, &n(0x1CA));
    assert_eq!(object.read(0), n(0xCA));
    object.accum(0, &n(0x0F));
    assert_eq!(object.read(0), n(0xC5));
    assert_eq!(object.swap(0), n(0xC5));
    object.accum(0, &n(0xFF));
    object.accum(0, &n(0xFF));
    assert_eq!(object.read(0), n(0xC5));
}

#[test]
fn rollback_undoes_the_newest_first() {
    let fields = r#""a": {"type": "delta_stream", "width": 8},
        "b": {"type": "parameter_delta", "width": 8}"#;
    let schema = with(fields, "3");
    let mut object = Object::new(&schema);
    assert_eq!(object.rollback(1), 0);
    object.accum(0, &n(1));
    object.accum(0, &n(2));
    assert_eq!(object.set(1, &n(9)), n(9));
    object.accum(0, &n(4));
    assert_eq!(object.rollback(2), 2);
    assert_eq!((object.read(0), object.read(1)), (n(3), n(0)));
    // The first was forgotten, when the fourth came.
    assert_eq!(object.rollback(9), 1);
    assert_eq!((object.read(0), object.read(1)), (n(1), n(0)));
    // load and swap forget their field's.
    object.accum(0, &n(8));
    object.accum(1, &n(8));
    object.swap(0);
    assert_eq!(object.rollback(9), 1);
    assert_eq!((object.read(0), object.read(1)), (n(9), n(0)));
}

#[test]
fn bits_runs_and_cells() {
    let fields = r#""a": {"type": "bitmask_delta", "width": 16, "encoding": "rle"},
        "c": {"type": "delta_stream", "width": 128, "encoding": "spatiotemporal_4x4x4"}"#;
    let schema = with(fields, "3");
    let mut object = Object::new(&schema);
    assert_eq!(object.change_bit(0, 3, Bit::Set), n(8));
    assert_eq!(object.change_bit(0, 3, Bit::Set), n(0));
    assert_eq!(object.contexts(), [0b11000, 0, 0]);
    object.load(0, &n(0x0FF0));
    assert_eq!(object.contexts(), [0x1010, 0, 0]);
    assert_eq!(object.change_bit(0, 15, Bit::Toggle), n(0x8000));
    assert_eq!(object.change_bit(0, 4, Bit::Clear), n(0x10));
    assert_eq!(object.read(0), n(0x8FE0));
    assert!(object.test_bit(0, 15) && !object.test_bit(0, 4));
    // Cell (1, 2, 3) is number 1 + 8 + 48, of two bits.
    object.accum_cell(1, [1, 2, 3], &n(7));
    assert_eq!(object.read(1), n(3) << 114);
    assert_eq!(object.read_cell(1, [1, 2, 3]), n(3));
    // 0x8FE0 has runs that begin at 5, 12 and 15.
    assert_eq!(object.contexts(), [0x9020, 0, 3 << 50]);
}

#[test]
fn updates_are_all_or_nothing() {
    let fields = r#""a": {"type": "bitmask_delta", "width": 16},
        "b": {"type": "parameter_delta", "width": 256}"#;
    let schema = with(fields, "3");
    let mut object = Object::new(&schema);
    object.update(&[(0, n(1)), (1, n(2))]);
    assert!(!object.compare_update(&[(0, n(1)), (1, n(3))], &[(0, n(5))]));
    assert_eq!(object.read(0), n(1));
    assert!(object.compare_update(&[(0, n(1)), (1, n(2))], &[(0, n(5)), (1, n(6))]));
    assert_eq!((object.read(0), object.read(1)), (n(5), n(6)));
}

#[test]
fn bytes_of_messages() {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat()
    };
    for (compression, delta, body) in [
        ("none", 0x0000_1200_0034_0000u64, "0000340000120000"),
        ("xor", 0x0000_1200_0034_0000, "0234000012"),
        ("xor", 0, "00"),
        ("xor", 1 << 63, "0780"),
        ("rle", 0x0000_1200_0034_0000, "02000134020001120200"),
        ("rle", 0, "0800"),
        ("rle", u64::MAX, "08ff"),
    ] {
        let field = format!(
            r#""a": {{"type": "delta_stream", "width": 64, "compression": "{compression}"}}"#
        );
        let schema = with(&field, "3");
        let bytes = message::encode(&schema, &schema.fields[0], &n(delta));
        let tag = message::tag(&schema, &schema.fields[0]);
        assert_eq!(tag, crc32fast::hash(b"Edge.Test.One.a"));
        let head = format!("d1{}0102", hex(&tag.to_le_bytes()));
        let text = hex(&bytes);
        let rest = text.strip_prefix(&head).unwrap();
        assert_eq!(rest[..rest.len() - 8], *body);
        assert_eq!(
            message::decode(&schema, &schema.fields[0], &bytes),
            Ok(n(delta))
        );
    }
}

#[test]
fn versions_of_messages() {
    let field = r#""a": {"type": "delta_stream", "width": 8}"#;
    let decode = |sender: &str, receiver: &str| {
        let [sender, receiver] = [sender, receiver].map(|version| {
            let mut schema = with(field, "1");
            schema.catalogue.version = version.parse().unwrap();
            schema
        });
        let bytes = message::encode(&sender, &sender.fields[0], &n(5));
        message::decode(&receiver, &receiver.fields[0], &bytes)
    };
    assert_eq!(decode("1.2.0", "1.0.7"), Ok(n(5)));
    assert_eq!(decode("1.0.0", "1.300.0"), Ok(n(5)));
    assert_eq!(decode("1.18446744073709551615.0", "1.0.0"), Ok(n(5)));
    assert_eq!(decode("2.0.0", "1.0.0"), Err(Refused::Version));
    assert_eq!(decode("129.0.0", "1.0.0"), Err(Refused::Version));
    assert_eq!(decode("0.1.9", "0.1.0"), Ok(n(5)));
    assert_eq!(decode("0.2.0", "0.1.0"), Err(Refused::Version));
}

#[test]
fn vectors_are_right_and_always_the_same() {
    for text in cases::right() {
        let schema = schema(&text);
        let vectors = Vectors::of(&schema);
        run(&schema, &vectors).unwrap();
        assert_eq!(vectors, Vectors::of(&schema));
        let json = vectors.to_json();
        assert_eq!(serde_json::from_str::<Vectors>(&json).unwrap(), vectors);
    }
}

/// Vectors are no burden, however deep the history is, and however many the fields.
#[test]
fn vectors_are_short() {
    let field = |n: usize| format!(r#""f{n}": {{"type": "bitmask_delta", "width": 256}}"#);
    let fields = (0..200).map(field).collect::<Vec<_>>().join(",");
    for (schema, most) in [
        (schema(cases::BASE), 200_000),
        (
            with(r#""a": {"type": "delta_stream", "width": 8}"#, "1024"),
            200_000,
        ),
        (with(&fields, "3"), 2_500_000),
    ] {
        let length = Vectors::of(&schema).to_json().len();
        assert!(length < most, "{length} bytes");
    }
}

/// Each expectation matters: another one is noticed.
#[test]
fn spoilt_vectors() {
    let schema = schema(cases::BASE);
    let vectors = Vectors::of(&schema);
    let mut spoilt = 0;
    for case in 0..vectors.cases.len() {
        for step in (0..vectors.cases[case].steps.len()).step_by(3) {
            let mut changed = vectors.clone();
            changed.cases = vec![changed.cases.swap_remove(case)];
            if cases::spoil(&mut changed.cases[0].steps[step]) {
                spoilt += 1;
                assert!(
                    run(&schema, &changed).is_err(),
                    "{:?}",
                    changed.cases[0].steps[step]
                );
            }
        }
    }
    assert!(spoilt > 100, "{spoilt}");
}

proptest! {
    #[test]
    fn laying_is_linear_and_can_be_undone(
        a in any::<[u8; 32]>(),
        b in any::<[u8; 32]>(),
        width in proptest::sample::select(vec![8u32, 16, 32, 64, 128, 256]),
    ) {
        let kind = r#""type": "delta_stream", "encoding": "rle""#;
        let field = format!(r#""a": {{{kind}, "width": {width}}}"#);
        let schema = with(&field, "1");
        let field = &schema.fields[0];
        let [a, b] = [a, b].map(|bytes| BigUint::from_bytes_le(&bytes) & field.mask());
        prop_assert_eq!(lift(field, &lay(field, &a)), a.clone());
        prop_assert_eq!(lay(field, &(&a ^ &b)), lay(field, &a) ^ lay(field, &b));
    }

    #[test]
    fn messages_come_back(
        bytes in any::<[u8; 32]>(),
        start in 0usize..33,
        end in 0usize..33,
        width in proptest::sample::select(vec![8u32, 16, 32, 64, 128, 256]),
        compression in proptest::sample::select(vec!["none", "xor", "rle"]),
        damage in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let field = format!(
            r#""a": {{"type": "delta_stream", "width": {width}, "compression": "{compression}"}}"#
        );
        let schema = with(&field, "1");
        let field = &schema.fields[0];
        let mut bytes = bytes;
        bytes[..start.min(end)].fill(0);
        bytes[start.max(end)..].fill(0);
        let delta = BigUint::from_bytes_le(&bytes) & field.mask();
        let mut message = message::encode(&schema, field, &delta);
        prop_assert_eq!(message::decode(&schema, field, &message), Ok(delta));
        let at = damage.index(message.len());
        message[at] ^= 1 << bit;
        prop_assert_eq!(message::decode(&schema, field, &message), Err(Refused::Damaged));
    }

    #[test]
    fn arbitrary_messages(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let field = r#""a": {"type": "delta_stream", "width": 64, "compression": "rle"}"#;
        let schema = with(field, "1");
        prop_assert!(message::decode(&schema, &schema.fields[0], &bytes).is_err());
    }
}
