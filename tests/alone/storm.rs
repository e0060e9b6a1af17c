// SPDX-License-Identifier: MIT OR Apache-2.0

//! Loading and unloading while many open and close.

use crate::alone;
use atomik_test_support::{
    driver,
    raw::{accum, open_device, open_device_with, read},
    rounds::rounds,
};
use nix::{errno::Errno, fcntl::OFlag};
use proptest::{
    prelude::RngCore,
    test_runner::{RngAlgorithm, TestRng},
};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
};

#[test]
fn the_driver_comes_and_goes_under_opens_and_closes() {
    let _alone = alone();
    let (done, used, missed) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let (mut unloaded, mut refused) = (0, 0);
    thread::scope(|scope| {
        for thread in 0..3 {
            let (done, used, missed) = (&done, &used, &missed);
            scope.spawn(move || {
                let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[thread as u8; 32]);
                while !done.load(Relaxed) {
                    // Now and then nobody has it open.
                    for _ in 0..random.next_u32() % 128 {
                        driver::is_there();
                    }
                    match open_device_with(OFlag::O_RDWR) {
                        // An open file keeps the driver: from here on nothing may fail.
                        Ok(file) => {
                            let table = file.create(1 + thread).unwrap();
                            let mut ops = [accum(thread, 5), read(thread)];
                            file.batch(table, &mut ops).unwrap();
                            assert_eq!(ops[1].value, 5);
                            used.fetch_add(1, Relaxed);
                        }
                        Err(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => {
                            missed.fetch_add(1, Relaxed);
                        }
                        Err(error) => panic!("open: {error}"),
                    }
                }
            });
        }
        while unloaded < rounds() / 20 {
            match driver::unload() {
                Ok(()) => {
                    unloaded += 1;
                    driver::load("").unwrap();
                }
                Err(Errno::EWOULDBLOCK) => refused += 1,
                Err(error) => {
                    done.store(true, Relaxed);
                    panic!("unload: {error}");
                }
            }
        }
        done.store(true, Relaxed);
    });
    let (used, missed) = (used.into_inner(), missed.into_inner());
    println!(
        "{unloaded} times unloaded, {refused} times refused; \
         {used} files used, {missed} times no driver"
    );
    assert!(used > 0);
    open_device().create(1).unwrap();
}
