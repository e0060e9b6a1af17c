// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each mistake is found: by exploring a small case, and at random.

use super::cases::planted;
use super::explore::explore;
use super::simulate::simulate;
use crate::mistake::Mistake;

/// Seeds at most until a random run must have found a mistake.
const SEEDS: u64 = 2000;

fn is_found(mistake: Mistake, case: &str) {
    let found = explore(planted(case, mistake)).expect_err("exploring finds nothing");
    println!("{case}: {}, after {:?}", found.fault, found.path);
    is_found_at_random(mistake);
}

fn is_found_at_random(mistake: Mistake) {
    let failure = |seed| {
        simulate(seed, Some(mistake))
            .err()
            .map(|fault| format!("{seed}: {fault}"))
    };
    let fault = (0..SEEDS).find_map(failure);
    println!(
        "{mistake:?} at random: {}",
        fault.expect("random runs find nothing")
    );
}

#[test]
fn position_in_another_batch_than_the_deltas() {
    is_found(Mistake::PositionApart, "kill");
}

#[test]
fn duplicates_dropped_by_receivers_alone() {
    is_found(Mistake::SenderKeepsDuplicates, "late-and-again");
}

#[test]
fn duplicates_dropped_by_the_sender_alone() {
    is_found(Mistake::ReceiverKeepsDuplicates, "late-and-again");
}

#[test]
fn outbox_cleared_when_the_log_acknowledges() {
    is_found(Mistake::OutboxClearedEarly, "kill");
}

#[test]
fn published_before_the_outbox_has_it() {
    is_found(Mistake::PublishedBeforeOutbox, "two-changes-kill");
}

#[test]
fn outbox_never_in_a_snapshot() {
    is_found(Mistake::OutboxNotInSnapshot, "snapshot");
}

#[test]
fn half_a_snapshot_not_marked() {
    // It takes more than a small case: three snapshots, and two agents that die.
    is_found_at_random(Mistake::TakingNotMarked);
}

#[test]
fn joining_goes_on_with_the_old_chain() {
    is_found(Mistake::JoinKeepsChain, "reboot");
}

#[test]
fn old_messages_about_members_count() {
    is_found(Mistake::MembershipUnchecked, "found");
}

#[test]
fn batches_of_two_agents_mix() {
    is_found(Mistake::StepUnchecked, "second-agent");
}
