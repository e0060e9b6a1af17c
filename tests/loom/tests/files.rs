// SPDX-License-Identifier: GPL-2.0

//! Several files: the list of all files makes nobody wait, and its count is right.

#[expect(dead_code, reason = "more than this file needs")]
mod ops;

use atomik_linearizability::{Answer, Op};
use atomik_loom::{
    explore,
    loom::{sync::Arc, thread},
    Away, File,
};
use ops::{accum, batch, read, TABLE};

/// A file with a table, on which so many operations have been served.
fn served(ops: usize) -> File {
    let file = File::open();
    assert_eq!(file.serve(&Op::Create(1), None), Answer::Created(TABLE));
    for _ in 0..ops {
        file.serve(&accum(0, 1), None);
    }
    file
}

/// loom would report a deadlock, as the writer waits for the others.
#[test]
fn nobody_waits_for_a_writer_inside_a_table() {
    explore(1, Some(2), move || {
        let file = Arc::new(served(3));
        file.with_writer_inside(TABLE, || {
            let inspect = {
                let file = Arc::clone(&file);
                thread::spawn(move || {
                    assert_eq!(file.usage(), (1, 3));
                    assert_eq!(file.ops_total(), 3);
                })
            };
            let open_and_close = thread::spawn(|| {
                let other = File::open();
                assert_eq!(other.ops_total(), 3);
                drop(other);
                drop(served(0));
            });
            inspect.join().expect("no panic");
            open_and_close.join().expect("no panic");
        });
    });
}

/// Operations on files that close during a count are counted once.
#[test]
fn files_that_close_during_a_count() {
    // The files that close, in this order.
    for closing in [
        vec![0],
        vec![1],
        vec![2],
        vec![0, 1],
        vec![1, 0],
        vec![1, 2],
        vec![2, 1],
    ] {
        explore(1, Some(3), move || {
            let counting = File::open();
            let mut files: Vec<_> = [1, 2, 4].map(|ops| Some(served(ops))).into();
            let closed = closing
                .iter()
                .map(|&number| files[number].take())
                .collect::<Vec<_>>();
            let close = thread::spawn(move || {
                for file in closed {
                    drop(file);
                }
            });
            assert_eq!(counting.ops_total(), 7);
            close.join().expect("no panic");
            assert_eq!(counting.ops_total(), 7);
            drop(files);
            assert_eq!(counting.ops_total(), 7);
        });
    }
}

/// Each of two counts at once keeps a closed file on the list for as long as it is there.
#[test]
fn counts_side_by_side() {
    explore(1, Some(2), || {
        let counting = Arc::new(File::open());
        let files = [1, 2].map(served);
        let other = {
            let counting = Arc::clone(&counting);
            thread::spawn(move || assert_eq!(counting.ops_total(), 3))
        };
        let close = thread::spawn(move || drop(files));
        assert_eq!(counting.ops_total(), 3);
        other.join().expect("no panic");
        close.join().expect("no panic");
        assert_eq!(counting.ops_total(), 3);
    });
}

/// A file that comes during a count isn't counted, and no operations on files before it get lost,
/// whether it comes before another closes or after.
#[test]
fn a_file_that_comes_during_a_count() {
    for comes_first in [true, false] {
        explore(1, Some(3), move || {
            let counting = File::open();
            let file = served(1);
            let come_and_go = thread::spawn(move || {
                if comes_first {
                    let new = served(0);
                    drop(file);
                    new
                } else {
                    drop(file);
                    served(0)
                }
            });
            assert_eq!(counting.ops_total(), 1);
            drop(come_and_go.join().expect("no panic"));
            assert_eq!(counting.ops_total(), 1);
        });
    }
}

/// Of two first tables at once, the file has both.
#[test]
fn first_tables_side_by_side() {
    explore(1, None, || {
        let file = Arc::new(File::open());
        let create = |file: &File| match file.serve(&Op::Create(1), None) {
            Answer::Created(id) => id,
            answer => panic!("{answer:?}"),
        };
        let other = {
            let file = Arc::clone(&file);
            thread::spawn(move || create(&file))
        };
        let id = create(&file);
        assert_ne!(id, other.join().expect("no panic"));
        assert_eq!(file.usage(), (2, 0));
    });
}

/// Before the first table, every operation finds none.
#[test]
fn a_file_without_tables() {
    explore(1, None, || {
        let file = File::open();
        for op in [read(0), batch([read(0)]), Op::Destroy { table: TABLE }] {
            assert_eq!(file.serve(&op, None), Answer::NoTable);
        }
        assert_eq!(file.usage(), (0, 0));
        assert_eq!(file.ops_total(), 0);
    });
}

/// An operation whose result can't be handed over is taken back, and never before it is counted.
#[test]
fn an_operation_that_is_taken_back() {
    explore(2, Some(3), || {
        let file = Arc::new(served(0));
        let fails = {
            let file = Arc::clone(&file);
            thread::spawn(move || file.serve(&read(0), Some(Away::ReadOnly)))
        };
        assert!(file.ops_total() <= 1);
        assert_eq!(fails.join().expect("no panic"), Answer::Fault);
        assert_eq!(file.ops_total(), 0);
    });
}
