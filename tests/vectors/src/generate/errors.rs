// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of what can't be made.

use super::json::{Object, file as json_file};

/// The first multiple of 8 that is above the largest width.
const TOO_WIDE: u32 = (1 << 24) + 8;

pub fn file() -> String {
    let mut cases = vec![];
    for (width, error) in [
        (0, Some("width")),
        (1, None),
        (64, None),
        (65, None),
        (1000, None),
        (TOO_WIDE, Some("width")),
    ] {
        cases.push(case("context", width, None, error));
        cases.push(case("table", width, Some(1), error));
        cases.push(case("stream", width, Some(1), error));
    }
    for width in [0, 1, 7, 9, 63, 65, 1001, TOO_WIDE] {
        cases.push(case("fingerprint", width, None, Some("width")));
    }
    for width in [8, 24, 64, 1000] {
        cases.push(case("fingerprint", width, None, None));
    }
    cases.push(case("table", 64, Some(65536), None));
    cases.push(case("table", 64, Some(0), Some("count")));
    cases.push(case("stream", 64, Some(0), Some("count")));
    json_file("errors", "what can't be made, and what just can", cases)
}

fn case(make: &str, width: u32, contexts: Option<u32>, error: Option<&str>) -> String {
    let name = match contexts {
        Some(contexts) => format!("a {make} of {contexts} contexts of {width} bits"),
        None => format!("a {make} of {width} bits"),
    };
    let case = Object::named(name).with("make", make).with("width", width);
    let case = match contexts {
        Some(contexts) => case.with("contexts", contexts),
        None => case,
    };
    case.with("error", error).end()
}
