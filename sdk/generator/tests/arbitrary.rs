// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arbitrary bytes and arbitrary changes of schemas: an answer, never a panic.

mod cases;

use atomik_sdk_generator::{Source, check};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn look(bytes: &[u8]) {
    let source = Source::from_bytes("a.json", bytes);
    let Err(problems) = check(std::slice::from_ref(&source)) else {
        return;
    };
    assert!(!problems.is_empty());
    for problem in problems.iter().take(50) {
        assert!(problem.line >= 1 && problem.column >= 1);
        assert!(problem.line <= source.text.lines().count() + 1);
        assert!(problem.render(&source, true).contains("a.json"));
    }
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let texts = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "//",
        "/*",
        "*/",
        "\n",
        "\r",
        "null",
        "true",
        "-1",
        "0.5",
        "1e400",
        "1e-400",
        "\"width\"",
        "\"schema\"",
        "\"catalogue\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "é",
        "\u{2028}",
        "\u{1b}[1m",
        "\u{feff}",
        "99999999999999999999999",
    ];
    prop_oneof![
        select(texts.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..8),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..400)) {
        look(&bytes);
    }

    #[test]
    fn arbitrary_pieces(pieces in vec(pieces(), 0..60)) {
        look(&pieces.concat());
    }

    /// Parts of a right schema replaced, removed, repeated.
    #[test]
    fn changed_schemas(
        which in any::<Index>(),
        changes in vec((any::<Index>(), 0usize..12, pieces()), 1..6),
    ) {
        let right = cases::right();
        let mut bytes = which.get(&right).clone().into_bytes();
        for (at, length, piece) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, piece);
        }
        look(&bytes);
    }

    /// Whole lines moved about, so that the result is often JSON.
    #[test]
    fn moved_lines(moves in vec((any::<Index>(), any::<Index>(), any::<bool>()), 1..6)) {
        let mut lines: Vec<&str> = cases::BASE.lines().collect();
        for (from, to, keep) in moves {
            let line = lines[from.index(lines.len())];
            if !keep {
                lines.remove(from.index(lines.len()));
            }
            lines.insert(to.index(lines.len() + 1), line);
        }
        look(lines.join("\n").as_bytes());
    }
}
