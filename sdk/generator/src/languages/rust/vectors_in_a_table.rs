// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors in a table, for which no device is needed.

use std::cell::RefCell;

use atomik_crate::LocalTable;
use atomik_objects::On;

use crate::Outcome;

pub(crate) type Placed<'a> = On<'a, RefCell<LocalTable>>;

impl<T: Outcome> Outcome for atomik_crate::Result<T> {
    fn text(self) -> String {
        self.unwrap().text()
    }
}

/// A table of three objects.
pub(crate) fn table(contexts: u32) -> RefCell<LocalTable> {
    let mut table = LocalTable::new(3 * contexts).unwrap();
    for addr in 0..3 * contexts {
        table.load(addr, 0xDEAD).unwrap();
    }
    RefCell::new(table)
}

/// Those before and behind the second object are as `table` made them.
pub(crate) fn others_stay(table: &RefCell<LocalTable>, contexts: u32) {
    for addr in (0..contexts).chain(2 * contexts..3 * contexts) {
        assert_eq!(table.borrow().read(addr).unwrap(), 0xDEAD);
    }
}

macro_rules! table {
    ($object:ident $file:literal $methods:tt) => {
        methods!($object<crate::table::Placed<'_>> $methods);

        #[test]
        fn in_a_table() {
            for case in crate::cases(include_str!($file)) {
                let table = crate::table::table($object::CONTEXTS);
                let mut object = $object::on(&table, 1).unwrap();
                object.reset().unwrap();
                crate::run(&mut object, &case);
                crate::table::others_stay(&table, $object::CONTEXTS);
                assert!($object::on(&table, 3).is_err());
            }
        }
    };
}
