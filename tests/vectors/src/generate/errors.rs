// SPDX-License-Identifier: MIT OR Apache-2.0

//! Vectors of what can't be made.

use crate::format::{Body, ErrorCase, ErrorKind, File, Make};

/// The first multiple of 8 that is above the largest width.
const TOO_WIDE: u32 = (1 << 24) + 8;

pub fn file() -> File {
    let mut cases = vec![];
    for (width, error) in [
        (0, Some(ErrorKind::Width)),
        (1, None),
        (64, None),
        (65, None),
        (1000, None),
        (TOO_WIDE, Some(ErrorKind::Width)),
    ] {
        cases.push(case(Make::Context, width, None, error));
        cases.push(case(Make::Table, width, Some(1), error));
        cases.push(case(Make::Stream, width, Some(1), error));
    }
    for width in [0, 1, 7, 9, 63, 65, 1001, TOO_WIDE] {
        cases.push(case(Make::Fingerprint, width, None, Some(ErrorKind::Width)));
    }
    for width in [8, 24, 64, 1000] {
        cases.push(case(Make::Fingerprint, width, None, None));
    }
    cases.push(case(Make::Table, 64, Some(65536), None));
    cases.push(case(Make::Table, 64, Some(0), Some(ErrorKind::Count)));
    cases.push(case(Make::Stream, 64, Some(0), Some(ErrorKind::Count)));
    File::Errors(Body::new("what can't be made, and what just can", cases))
}

fn case(make: Make, width: u32, contexts: Option<u32>, error: Option<ErrorKind>) -> ErrorCase {
    let thing = match make {
        Make::Context => "context",
        Make::Table => "table",
        Make::Stream => "stream",
        Make::Fingerprint => "fingerprint",
    };
    let name = match contexts {
        Some(contexts) => format!("a {thing} of {contexts} contexts of {width} bits"),
        None => format!("a {thing} of {width} bits"),
    };
    ErrorCase {
        name,
        make,
        width,
        contexts,
        error,
    }
}
