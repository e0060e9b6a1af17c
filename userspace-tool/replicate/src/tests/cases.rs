// SPDX-License-Identifier: MIT OR Apache-2.0

//! The small cases that are explored.

use super::world::{Faults, Setup};
use crate::mistake::Mistake;

const NONE: Faults = Faults {
    changes: 0,
    repeats: 0,
    lates: 0,
    losses: 0,
    kills: 0,
    breaks: 0,
    boots: 0,
    seconds: 0,
    stales: 0,
    garbage: 0,
    leaves: 0,
    removes: 0,
    verifies: 0,
};

/// Two nodes that have joined, one context, and nothing that goes wrong.
const USUAL: Setup = Setup {
    states: 1,
    nodes: 2,
    most: 1,
    snapshot_every: 0,
    mistake: None,
    names: &["a", "b"],
    start: 2,
    slow_watch: false,
    comes_back: false,
    joined: true,
    faults: NONE,
};

/// A case: the name tells it.
pub struct Case {
    pub name: &'static str,
    pub setup: Setup,
    /// Explored in the long form alone.
    pub long: bool,
}

fn case(name: &'static str, setup: Setup) -> Case {
    Case {
        name,
        setup,
        long: false,
    }
}

fn long(name: &'static str, setup: Setup) -> Case {
    Case {
        name,
        setup,
        long: true,
    }
}

/// All cases, one a line.
#[rustfmt::skip]
pub fn cases() -> Vec<Case> {
    let with = |faults| Setup { faults, ..USUAL };
    let two = |faults| Setup { states: 2, faults, ..USUAL };
    let cut = |faults| Setup { snapshot_every: 1, faults, ..USUAL };
    let alone = |faults| Setup { start: 1, snapshot_every: 1, faults, ..USUAL };
    let start = |faults| Setup { joined: false, faults, ..USUAL };
    let twins = |faults| Setup { names: &["a", "a"], joined: false, faults, ..USUAL };
    let back = |faults| Setup { comes_back: true, ..with(faults) };
    let three = |faults| Setup { names: &["a", "b", "c"], nodes: 3, start: 3, faults, ..USUAL };
    let slow = |setup| Setup { slow_watch: true, ..setup };
    vec![
        case("two-changes", with(Faults { changes: 2, ..NONE })),
        case("two-contexts", two(Faults { changes: 2, ..NONE })),
        case("kill", with(Faults { changes: 1, kills: 1, ..NONE })),
        case("kill-twice", with(Faults { changes: 1, kills: 2, ..NONE })),
        case("kill-slow-watch", slow(with(Faults { changes: 1, kills: 1, ..NONE }))),
        case("kill-and-again", with(Faults { changes: 1, kills: 1, repeats: 1, ..NONE })),
        case("late-and-again", with(Faults { changes: 1, lates: 1, repeats: 1, ..NONE })),
        case("lose", with(Faults { changes: 1, losses: 1, breaks: 1, ..NONE })),
        case("garbage", with(Faults { changes: 1, garbage: 1, ..NONE })),
        case("second-agent", with(Faults { changes: 1, seconds: 1, ..NONE })),
        case("reboot", with(Faults { changes: 1, boots: 1, ..NONE })),
        case("reboot-again", with(Faults { changes: 1, boots: 1, repeats: 1, ..NONE })),
        case("snapshot", cut(Faults { changes: 1, kills: 1, ..NONE })),
        case("late-node", alone(Faults { changes: 1, boots: 1, ..NONE })),
        case("found", start(NONE)),
        case("twins", twins(NONE)),
        case("leave", with(Faults { changes: 1, leaves: 1, ..NONE })),
        case("come-back", back(Faults { changes: 1, kills: 1, leaves: 1, ..NONE })),
        case("remove", with(Faults { changes: 1, removes: 1, ..NONE })),
        case("verify", with(Faults { verifies: 1, ..NONE })),
        case("three", three(Faults { changes: 1, kills: 1, ..NONE })),
        long("two-changes-kill", with(Faults { changes: 2, kills: 1, ..NONE })),
        long("two-changes-late", with(Faults { changes: 2, lates: 1, repeats: 1, ..NONE })),
        long("snapshot-two", cut(Faults { changes: 2, kills: 1, ..NONE })),
        long("late-node-kill", alone(Faults { changes: 1, boots: 1, kills: 1, ..NONE })),
        long("found-change", start(Faults { changes: 1, ..NONE })),
        long("found-again", start(Faults { repeats: 1, ..NONE })),
        long("twins-change", twins(Faults { changes: 1, ..NONE })),
        long("verify-kill", with(Faults { verifies: 1, kills: 1, ..NONE })),
        long("verify-change", with(Faults { changes: 1, verifies: 1, ..NONE })),
    ]
}

/// A case by its name, with a mistake.
pub fn planted(name: &str, mistake: Mistake) -> Setup {
    let case = cases()
        .into_iter()
        .find(|case| case.name == name)
        .expect("the name of a case");
    Setup {
        mistake: Some(mistake),
        ..case.setup
    }
}

/// The usual case, for one more boot.
pub fn usual() -> Setup {
    Setup {
        faults: Faults { boots: 1, ..NONE },
        ..USUAL
    }
}
