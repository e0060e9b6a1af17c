// SPDX-License-Identifier: MIT OR Apache-2.0

//! SWAP while others change the context, so that it tries again, and its copies fail.

use crate::{
    injection::{FailNth, Injection, Kind},
    subject::Memory,
};
use atomik_test_support::{fdinfo, raw::open_device};
use nix::errno::Errno;
use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

/// Threads that change the context.
const OTHERS: u64 = 3;
/// Swaps for each number of a copy. Some of them make so many copies.
const SWAPS: u32 = 1500;
/// Swaps that try again to wait for. On a busy host the others seldom come in between.
const WANTED: u32 = 5;
/// Swaps after which to give up waiting.
const MOST_SWAPS: u32 = 100_000;
/// Copies of an undisturbed SWAP: two words of the argument in, and the state out.
const ALONE: u32 = 3;
/// More copies than a SWAP makes that tries again.
const MOST: u32 = 9;

#[test]
fn swap() {
    let injection = Injection::start();
    let memory = Memory::measure();
    let file = open_device();
    let table = file.create(1).expect("create a table");
    let done = AtomicBool::new(false);
    injection.choose(Kind::Copy);
    let (mut served, mut expected) = (0, 0);
    let mut reached = [(0, 0); MOST as usize];
    thread::scope(|scope| {
        let accumulate = |number: u64| {
            let (file, done) = (&file, &done);
            scope.spawn(move || {
                let (mut count, mut sum) = (0, 0);
                while !done.load(Relaxed) {
                    let delta = (count << 8) | (1 << number);
                    file.accum(table, 0, delta).expect("ACCUM");
                    sum ^= delta;
                    count += 1;
                }
                (count, sum)
            })
        };
        let others: Vec<_> = (0..OTHERS).map(accumulate).collect();
        let fail = FailNth::of_this_thread();
        for (nth, (injected, failed)) in (1..).zip(&mut reached) {
            let mut swaps = 0;
            let wanted = |injected| nth == ALONE + 1 && injected < WANTED;
            while swaps < SWAPS || (wanted(*injected) && swaps < MOST_SWAPS) {
                swaps += 1;
                let (result, did) = fail.call(nth, || file.swap(table, 0, 0));
                match result {
                    Ok(_) => served += 1,
                    Err(error) => {
                        assert_eq!((error, did), (Errno::EFAULT, true));
                        *failed += 1;
                    }
                }
                *injected += u32::from(did);
            }
        }
        done.store(true, Relaxed);
        for other in others {
            let (count, sum) = other.join().expect("a thread that accumulates");
            served += count;
            expected ^= sum;
        }
    });
    // Whatever failed, no delta is lost: a SWAP that keeps the state changes only how it is kept.
    assert_eq!(file.read(table, 0), Ok(expected));
    assert_eq!(fdinfo::read(&file).ops, served + 1);
    for (nth, (injected, failed)) in (1..).zip(reached) {
        if injected > 0 {
            // `println!` is silent in a test that passes.
            writeln!(
                io::stdout().lock(),
                "contended: copy {nth} of SWAP: {injected} injected, {failed} reported"
            )
            .expect("write to standard output");
        }
    }
    assert_eq!(reached[0], (SWAPS, SWAPS));
    let again = reached[ALONE as usize].0;
    assert!(again >= WANTED, "{again} SWAPs had to try again");
    drop(file);
    memory.assert_back();
}
