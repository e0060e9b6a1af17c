// SPDX-License-Identifier: MIT OR Apache-2.0
//! `program FD PROGRAM PROGRAMS ROUNDS`: changes an object on a table that others change, too,
//! until all of them have done so many rounds. Prints how many it has done.

use std::env;

use atomik_crate::{Device, TableRef};
use atomik_objects::system::tests::{Shared, SharedExpected, SharedUpdate};
use atomik_objects::{On, U256};

type Object<'t> = Shared<On<'t, TableRef>>;

/// Of one moment: four words agree, and one word is another's complement.
fn whole(object: &Object<'_>) -> atomik_crate::Result<()> {
    let states = object.contexts()?;
    let [q0, q1, q2, q3, left, right] = states[4..10] else {
        unreachable!()
    };
    assert!(q0 == q1 && q1 == q2 && q2 == q3, "torn: {states:x?}");
    assert_eq!(left, !right, "torn: {states:x?}");
    Ok(())
}

/// Sets a field to one more, of which nobody else's is lost.
fn count(object: &mut Object<'_>) -> atomik_crate::Result<()> {
    loop {
        let before = object.read_counter()?;
        let (mut expected, mut values) = (SharedExpected::default(), SharedUpdate::default());
        (expected.counter, values.counter) = (Some(before), Some(before + 1));
        if object.compare_update(&expected, &values)? {
            return Ok(());
        }
    }
}

fn finish(object: &mut Object<'_>) -> atomik_crate::Result<()> {
    loop {
        let before = object.read_done()?;
        let (mut expected, mut values) = (SharedExpected::default(), SharedUpdate::default());
        (expected.done, values.done) = (Some(before), Some(before + 1));
        if object.compare_update(&expected, &values)? {
            return Ok(());
        }
    }
}

fn round(object: &mut Object<'_>, program: u64, round: u64) -> atomik_crate::Result<()> {
    let mark = (program << 32) | round;
    object.set_quad(U256([mark; 4]))?;
    let U256(words) = object.read_quad()?;
    assert!(
        words.iter().all(|&word| word == words[0]),
        "torn: {words:x?}"
    );
    whole(object)?;

    object.accum_sum(U256([mark, !mark, mark << 1, mark ^ 0x5555]))?;
    object.accum_sum(U256::MAX)?;
    assert_eq!(object.rollback(1)?, 1);

    object.update(&SharedUpdate {
        quad: Some(U256([!mark; 4])),
        left: Some(mark),
        right: Some(!mark),
        ..SharedUpdate::default()
    })?;
    whole(object)?;

    // Bits that no other program changes.
    let bit = (3 * (round % 42) + program) as u32;
    object.clear_flags_bit(bit)?;
    assert!(!object.test_flags_bit(bit)?, "a lost change of bit {bit}");
    object.set_flags_bit(bit)?;
    assert!(object.test_flags_bit(bit)?, "a lost change of bit {bit}");

    count(object)
}

fn main() -> atomik_crate::Result<()> {
    let arguments: Vec<u64> = env::args()
        .skip(1)
        .map(|one| one.parse().unwrap())
        .collect();
    let [fd, program, programs, rounds] = arguments[..] else {
        panic!("FD PROGRAM PROGRAMS ROUNDS");
    };
    let table = Device::from_inherited(fd as i32)?.only_table()?;
    let mut object = Shared::on(&table, 1)?;
    let mut done = 0;
    while done < rounds || u64::from(object.read_done()?) < programs {
        round(&mut object, program, done)?;
        done += 1;
        if done == rounds {
            finish(&mut object)?;
        }
    }
    println!("{done}");
    Ok(())
}
