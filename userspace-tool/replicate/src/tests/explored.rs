// SPDX-License-Identifier: MIT OR Apache-2.0

use super::cases::cases;
use super::explore::explore;
use super::simulate::long_form;
use super::world::Seen;

#[test]
fn small_cases_hold_in_every_state() {
    let mut seen = Seen::default();
    for case in cases().into_iter().filter(|case| long_form() || !case.long) {
        match explore(case.setup) {
            Ok(explored) => {
                println!("{}: {} states", case.name, explored.states);
                seen = seen.most(explored.seen);
            }
            Err(found) => panic!("{}: {found:#?}", case.name),
        }
    }
    // The cases have in them what their names say.
    assert_ne!(seen.taken_over, 0);
    assert_ne!(seen.digests, 0);
    assert_ne!(seen.other_agents, 0);
    assert_ne!(seen.superseded, 0);
}
