// SPDX-License-Identifier: MIT OR Apache-2.0

//! Processes that are killed at any moment.

use crate::{alone, rounds_before};
use crate::{
    gate::Gate,
    kernel_memory::{in_use_kib, wait_for_at_most_kib},
};
use atomik_test_support::{
    driver,
    raw::{RawFile, accum, load, open_device, read, swap},
    rounds::rounds,
    task,
};
use nix::sys::{
    signal::{Signal, kill},
    wait::{WaitStatus, waitpid},
};
use proptest::{
    prelude::RngCore,
    test_runner::{RngAlgorithm, TestRng},
};

/// Works on the shared table, whose contexts always have the same state, and on files of its own,
/// until it is killed.
fn work(shared: &RawFile, table: u32, gate: &Gate, seed: u64) {
    let mut delta = seed | 1;
    for round in 0u64.. {
        delta = delta.rotate_left(7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut both: Vec<_> = (0..64).map(|addr| accum(addr, delta)).collect();
        both.push(swap(0));
        shared.batch(table, &mut both).unwrap();
        let own = open_device();
        let mine = own.create(4096).unwrap();
        own.batch(mine, &mut [load(0, 1), accum(4095, 2), read(0)])
            .unwrap();
        own.swap(mine, 0, 1).unwrap();
        if round % 2 == 0 {
            own.destroy(mine).unwrap();
        }
        if round == 0 {
            gate.report(0);
        }
    }
}

/// Kills so many children, each after a random number of operations of this process.
fn kill_children(shared: &RawFile, table: u32, count: i64, random: &mut impl RngCore) {
    const AT_ONCE: usize = 4;
    let mut at_work = Vec::new();
    for number in 0..count {
        let gate = Gate::new();
        let seed = random.next_u64();
        at_work.push(task::spawn(|| work(shared, table, &gate, seed)));
        gate.next();
        for _ in 0..random.next_u32() % 64 {
            let mut all: Vec<_> = (0..64).map(read).collect();
            shared.batch(table, &mut all).unwrap();
            assert!(
                all.iter().all(|entry| entry.value == all[0].value),
                "half a batch was left at the child {number}: {all:?}"
            );
        }
        if at_work.len() == AT_ONCE || number + 1 == count {
            let keep = if number + 1 == count { 0 } else { AT_ONCE - 1 };
            while at_work.len() > keep {
                let child = at_work.swap_remove(random.next_u32() as usize % at_work.len());
                kill(child, Signal::SIGKILL).unwrap();
                assert_eq!(
                    waitpid(child, None),
                    Ok(WaitStatus::Signaled(child, Signal::SIGKILL, false))
                );
            }
        }
    }
}

#[test]
fn a_thousand_kills_leave_no_half_batch_and_no_memory() {
    let _alone = alone();
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let shared = open_device();
    let table = shared.create(64).unwrap();
    kill_children(&shared, table, rounds_before(), &mut random);
    let before = in_use_kib();
    let kills = rounds();
    kill_children(&shared, table, kills, &mut random);
    drop(shared);
    driver::unload().expect("nobody has the device open any more");
    // One lost table of 4096 contexts in each ten would show.
    let after = wait_for_at_most_kib(before + 4096);
    println!("{before} KiB in use before {kills} kills, {after} KiB after them and the unloading");
    driver::load("").unwrap();
}
