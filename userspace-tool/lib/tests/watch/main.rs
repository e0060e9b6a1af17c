// SPDX-License-Identifier: MIT OR Apache-2.0

//! Watching tables of this process.

mod any_table;

use std::num::NonZeroU64;

use any_table::{change, tests, told};
use atomik::{
    Batch, ContextTable, DeltaStream, Error, LocalContext, LocalError, LocalTable, Watch,
};

tests!(|contexts| Box::new(LocalTable::new(contexts).unwrap()));

/// A table of 4 contexts, and a watch on all of them that has nothing to tell.
fn watched(width: u32) -> (LocalTable, Watch) {
    let table = LocalTable::with_width(4, width).unwrap();
    let mut watch = table.watch(0..4).unwrap();
    watch.read().unwrap();
    (table, watch)
}

#[test]
fn all_methods_of_a_local_table() {
    type Change = fn(&mut LocalTable);
    let all: &[(Change, u64)] = &[
        (|table| table.load(1, 5).unwrap(), 5),
        (|table| table.accum(1, 6).unwrap(), 6),
        (|table| table.set(1, 7).unwrap(), 7),
        (|table| _ = table.swap_to(1, NonZeroU64::MIN).unwrap(), 1),
        (|table| _ = table.swap_with(1, 2).unwrap(), 2),
        (|table| _ = table.compare_exchange(1, 0, 3).unwrap(), 3),
        (|table| _ = table.update(1, |state| state + 4).unwrap(), 4),
        (|table| table.transact(&[1], |s| s[0] = 8).unwrap(), 8),
        (|table| _ = table.run(Batch::new().accum(1, 9)).unwrap(), 9),
        (|table| table.submit(Batch::new().set(1, 10)).unwrap(), 10),
        (|table| table.submit(Batch::new().load(1, 11)).unwrap(), 11),
        (|table| table.load_value(1, 12).unwrap(), 12),
        (|table| table.accum_value(1, 13).unwrap(), 13),
        (|table| table.set_value(1, 14).unwrap(), 14),
        (|table| _ = table.swap_value_with(1, 15).unwrap(), 15),
        (
            |table| _ = table.compare_exchange_value(1, 0, 16).unwrap(),
            16,
        ),
        (|table| table.load_many(&[1], &[17]).unwrap(), 17),
        (|table| table.accum_many(&[1], &[18]).unwrap(), 18),
        (
            |table| {
                let context = LocalContext::with_words(64, 1, 18).unwrap();
                table.set_context(1, &context).unwrap();
            },
            19,
        ),
    ];
    for (f, state) in all {
        let (mut table, mut watch) = watched(64);
        f(&mut table);
        assert_eq!(table.states(), [0, *state, 0, 0]);
        assert_eq!(told(&mut watch).unwrap(), [change(1, *state)]);
        assert_eq!(told(&mut watch), None);
    }
}

#[test]
fn all_methods_that_change_no_state() {
    let (mut table, mut watch) = watched(64);
    table.read_many(&[0, 1], &mut [0; 2]).unwrap();
    table.accum(1, 0).unwrap();
    table.accum_value(1, 0).unwrap();
    table.accum_many(&[1, 2], &[0; 2]).unwrap();
    table.swap(1).unwrap();
    table.swap_value(1).unwrap();
    table.update(1, |state| state).unwrap();
    table.submit(Batch::new().accum(1, 0).expect(1, 0)).unwrap();
    let _ = table.compare_exchange(1, 1, 2).unwrap();
    table.load_many(&[1, 4], &[1; 2]).unwrap_err();
    table
        .submit(Batch::new().load(1, 1).expect(1, 1))
        .unwrap_err();
    assert_eq!(told(&mut watch), None);
}

/// Bits beyond the width don't count.
#[test]
fn narrow_tables() {
    let (mut table, mut watch) = watched(4);
    table.accum(0, 0x30).unwrap();
    table.accum_value(0, 0x30).unwrap();
    table.accum_many(&[0], &[0x30]).unwrap();
    table.submit(Batch::new().accum(0, 0x30)).unwrap();
    assert_eq!(told(&mut watch), None);
    table.load(1, 0x3f).unwrap();
    table.accum(2, 0x3a).unwrap();
    let expected = [change(1, 15), change(2, 10)];
    assert_eq!(told(&mut watch).unwrap(), expected);
}

#[test]
fn wide_tables_are_not_watched() {
    let mut table = LocalTable::with_width(4, 65).unwrap();
    let error = table.watch(0..4).unwrap_err();
    let expected = |error| matches!(error, Error::Local(LocalError::TooWide { width: 65 }));
    assert!(expected(error));
    let any: &mut dyn ContextTable = &mut table;
    assert!(expected(any.watch(0..4).unwrap_err()));
    table.accum_many(&[1, 1], &[1, 0, 2, 0]).unwrap();
    assert_eq!(*table.state_limbs(1).unwrap(), [3, 0]);
}

#[test]
fn a_watch_goes_with_the_table() {
    let (mut table, mut watch) = watched(64);
    // A copy has no watch, and is equal.
    let mut copy = table.clone();
    copy.load(1, 5).unwrap();
    assert_eq!(told(&mut watch), None);
    table.load(1, 5).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(1, 5)]);
    assert_eq!(copy, table);
    assert_eq!(table, copy);
    drop(copy);
    assert_eq!(told(&mut watch), None);
    // It moves along.
    let mut moved = LocalTable::new(1).unwrap();
    std::mem::swap(&mut moved, &mut table);
    table.load(0, 7).unwrap();
    moved.load(0, 8).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(0, 8)]);
    // Another that takes the table's place ends it.
    moved = table;
    assert_eq!(told(&mut watch).unwrap(), []);
    assert_eq!(moved.size(), 1);
}

#[test]
fn the_table_of_a_stream() {
    let (mut stream, mut other) = (DeltaStream::new(4).unwrap(), DeltaStream::new(4).unwrap());
    let mut watch = stream.table().watch(0..4).unwrap();
    watch.read().unwrap();
    let message = other.accum(2, 5).unwrap();
    stream.apply(&message).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(2, 5)]);
    stream.apply(&message).unwrap();
    assert_eq!(told(&mut watch), None);
    stream.load(1, 6).unwrap();
    stream.accum(1, 1).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(1, 7)]);
    other.load(3, 8).unwrap();
    stream.merge(&other).unwrap();
    assert_eq!(told(&mut watch).unwrap(), [change(3, 8)]);
    drop(stream);
    assert_eq!(told(&mut watch).unwrap(), []);
}

#[test]
fn errors_say_what_to_do() {
    let error = LocalTable::new(4).unwrap().watch(2..5).unwrap_err();
    assert_eq!(
        error.to_string(),
        "3 contexts from address 2 are not in the table, which has 4 contexts"
    );
    assert_eq!(error.hint().unwrap(), "its addresses are 0 to 3");
}

#[test]
fn the_debug_form_is_short() {
    let (_table, watch) = watched(64);
    let form = format!("{watch:?}");
    assert!(form.starts_with("Watch { range: 0..4, fd: "), "{form}");
}
