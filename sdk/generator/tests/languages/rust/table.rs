// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects on a table that others change, too.

#![cfg(feature = "device")]

use std::cell::{Cell, RefCell};
use std::sync::Mutex;
use std::thread;

use atomik_crate::{Batch, BatchResults, Error, LocalTable, MAX_ATTEMPTS, Result};
use atomik_objects::video::stream::{H264Delta, H264DeltaExpected, H264DeltaUpdate};
use atomik_objects::{Table, U256};

/// A table that counts its batches, and lets another one change a bit before some.
struct Spy {
    table: RefCell<LocalTable>,
    batches: Cell<u32>,
    others: Cell<u32>,
}

impl Table for Spy {
    fn run<'b>(&self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        self.batches.set(self.batches.get() + 1);
        if self.others.get() > 0 && self.batches.get() > 1 {
            self.others.set(self.others.get() - 1);
            let mut rival = H264Delta::on(&self.table, 1)?;
            rival.toggle_flags_bit(7)?;
        }
        self.table.run(batch)
    }
}

fn spy() -> Spy {
    let table = LocalTable::new(3 * H264Delta::CONTEXTS).unwrap();
    Spy {
        table: RefCell::new(table),
        batches: Cell::new(0),
        others: Cell::new(0),
    }
}

#[test]
fn one_batch_for_each_call() {
    let spy = spy();
    let mut object = H264Delta::on(&spy, 1).unwrap();
    let update = H264DeltaUpdate {
        flags: Some(7),
        gain: Some(U256::MAX),
    };
    let expected = H264DeltaExpected {
        blocks: Some(1),
        ..H264DeltaExpected::default()
    };
    macro_rules! one_batch {
        ($($call:expr;)*) => {$(
            spy.batches.set(0);
            $call.unwrap();
            assert_eq!(spy.batches.get(), 1, stringify!($call));
        )*};
    }
    one_batch! {
        object.reset();
        object.contexts();
        object.read_gain();
        object.set_gain(U256::MAX);
        object.accum_gain(U256::MAX);
        object.load_gain(U256::MAX);
        object.swap_gain();
        object.update(&update);
        object.compare_update(&expected, &update);
        object.rollback(4);
        object.toggle_flags_bit(3);
    }
    // Nothing to do is no batch.
    spy.batches.set(0);
    object.update(&H264DeltaUpdate::default()).unwrap();
    assert_eq!(object.rollback(0).unwrap(), 0);
    assert_eq!(spy.batches.get(), 0);
}

#[test]
fn others_in_between() {
    let spy = spy();
    let mut object = H264Delta::on(&spy, 1).unwrap();
    object.load_flags(0).unwrap();
    spy.batches.set(0);
    spy.others.set(3);
    // It was not as it had been seen, three times; nothing of the others is lost.
    assert_eq!(object.set_flags_bit(2).unwrap(), 4);
    assert_eq!(object.read_flags().unwrap(), 0x84);
    assert_eq!(object.rollback(9).unwrap(), 1);
    assert_eq!(object.read_flags().unwrap(), 0x80);

    spy.batches.set(0);
    spy.others.set(u32::MAX);
    let error = object.set_flags_bit(2).unwrap_err();
    assert!(matches!(
        error,
        Error::Contended {
            attempts: MAX_ATTEMPTS,
            ..
        }
    ));
    spy.others.set(0);
    assert_eq!(object.rollback(9).unwrap(), 0);
}

struct Shared(Mutex<LocalTable>);

impl Table for Shared {
    fn run<'b>(&self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        self.0.lock().unwrap().run(batch)
    }
}

#[test]
fn threads() {
    let table = Shared(Mutex::new(LocalTable::new(H264Delta::CONTEXTS).unwrap()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut object = H264Delta::on(&table, 0).unwrap();
                for _ in 0..100 {
                    loop {
                        let gain = object.read_gain().unwrap();
                        let expected = H264DeltaExpected {
                            gain: Some(gain),
                            ..H264DeltaExpected::default()
                        };
                        let update = H264DeltaUpdate {
                            gain: Some(U256(gain.0.map(|word| word + 1))),
                            ..H264DeltaUpdate::default()
                        };
                        if object.compare_update(&expected, &update).unwrap() {
                            break;
                        }
                    }
                }
            });
        }
    });
    let object = H264Delta::on(&table, 0).unwrap();
    assert_eq!(object.read_gain().unwrap(), U256([400; 4]));
    assert!(H264Delta::on(&table, 1).is_err());
    assert!(H264Delta::on(&table, u32::MAX).is_err());
}
