// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arbitrary bytes and arbitrary changes of schemas: an answer, never a panic.

mod cases;

use atomik_sdk_generator::{Language, Layout, Schema, Source, check, diff, generate};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Mistakes are shown, and right schemas are made into everything. Returns whether it was right.
fn look(bytes: &[u8]) -> bool {
    let source = Source::from_bytes("a.json", bytes);
    let problems = match check(std::slice::from_ref(&source)) {
        Ok(schemas) => {
            make(&schemas);
            return true;
        }
        Err(problems) => problems,
    };
    assert!(!problems.is_empty());
    for problem in problems.iter().take(50) {
        assert!(problem.line >= 1 && problem.column >= 1);
        assert!(problem.line <= source.text.lines().count() + 1);
        assert!(problem.render(&source, true).contains("a.json"));
    }
    false
}

/// All that is made from schemas: never a panic, and not more than their fields ask for.
fn make(schemas: &[Schema]) {
    let files = generate(schemas, &Language::ALL);
    let fields: usize = schemas.iter().map(|schema| schema.fields.len()).sum();
    let bytes: usize = files.values().map(String::len).sum();
    let most = (fields + schemas.len()) * MOST_BYTES + FIXED_BYTES;
    assert!(bytes <= most, "{bytes} bytes of {fields} fields");
    for (path, text) in &files {
        let name = |part: &str| !matches!(part, "" | "." | "..");
        assert!(path.split('/').all(name), "{path}");
        let shown = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        assert!(text.chars().all(shown), "{path}");
    }
    let base = check(&[Source::new("base.json", cases::BASE)]).unwrap();
    for schema in schemas {
        let contexts: u32 = schema.fields.iter().map(|field| field.contexts()).sum();
        let layout = Layout::of(schema);
        assert_eq!(layout.contexts, contexts);
        assert!(layout.to_string().lines().count() > schema.fields.len());
        assert!(diff(schema, schema).changes.is_empty());
        for (old, new) in [(&base[0], schema), (schema, &base[0])] {
            let diff = diff(old, new);
            assert!(diff.needed >= diff.old && diff.breaks_api() >= diff.breaks_layout());
        }
    }
}

/// The most bytes of code, tests and vectors for a field or an object, and of what all have in
/// common.
const MOST_BYTES: usize = 200_000;
const FIXED_BYTES: usize = 1_000_000;

/// A schema that is right but for its texts, which may be anything, and for its names.
fn right() -> impl Strategy<Value = String> {
    let kind = select(vec!["delta_stream", "bitmask_delta", "parameter_delta"]);
    let encoding = select(vec!["raw", "rle", "spatiotemporal_4x4x4"]);
    let field = (
        kind,
        select(vec![8u32, 16, 32, 64, 128, 256]),
        encoding,
        select(vec!["none", "xor", "rle"]),
        any::<u8>(),
    );
    let field = field.prop_map(|(kind, width, encoding, compression, default)| {
        let encoding = match encoding {
            "spatiotemporal_4x4x4" if width < 64 => "raw",
            encoding => encoding,
        };
        format!(
            r#"{{"type": "{kind}", "width": {width}, "encoding": "{encoding}",
            "compression": "{compression}", "default_value": {default}}}"#
        )
    });
    (
        btree_map("[a-z][a-z0-9_]{0,12}", field, 1..8),
        "[A-Z][A-Za-z0-9]{0,12}",
        "[A-Z][A-Za-z0-9]{0,12}",
        any::<String>(),
        any::<String>(),
        any::<[u32; 3]>(),
        any::<bool>(),
        0u32..200,
    )
        .prop_map(|(fields, group, object, author, text, version, readable, depth)| {
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let texts = ["author", "description"].iter().zip([&author, &text]);
            let texts: Vec<_> = texts
                .filter(|(_, text)| !text.is_empty())
                .map(|(key, text)| format!("\"{key}\": {}, ", quoted(text)))
                .collect();
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, field)| format!("\"{name}\": {field}"))
                .collect();
            let [major, minor, patch] = version;
            let rollback = match depth {
                0 => String::new(),
                _ => format!(", \"rollback\": {{\"enabled\": true, \"history_depth\": {depth}}}"),
            };
            format!(
                r#"{{"catalogue": {{"vertical": "Video", "field": "{group}", "object": "{object}",
                {} "version": "{major}.{minor}.{patch}"}},
                "schema": {{"delta_fields": {{{}}},
                "operations": {{"accumulate": {{"enabled": true}},
                "reconstruct": {{"enabled": {readable}}}{rollback}}}}}}}"#,
                texts.concat(),
                fields.join(",\n")
            )
        })
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

/// The text with parts replaced by pieces.
fn changed(text: &str, changes: Vec<(Index, usize, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, length, piece) in changes {
        let at = at.index(bytes.len() + 1);
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, piece);
    }
    bytes
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
        let text: &String = which.get(&right);
        look(&changed(text, changes));
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

proptest! {
    // Each is made into all languages, which takes as long as many looks at mistakes.
    #![proptest_config(ProptestConfig {
        cases: (ProptestConfig::default().cases / 8).max(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn right_schemas(text in right()) {
        // Some have names that are reserved, or collide.
        look(text.as_bytes());
    }

    #[test]
    fn right_schemas_with_changes(
        text in right(),
        changes in vec((any::<Index>(), 0usize..4, pieces()), 0..3),
    ) {
        look(&changed(&text, changes));
    }
}

/// Without this, the tests above might look at mistakes alone.
#[test]
fn most_of_the_right_schemas_are_right() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let texts = (0..50).map(|_| right().new_tree(&mut runner).unwrap().current());
    let found = texts.filter(|text| look(text.as_bytes())).count();
    assert!(found > 25, "{found} of 50");
}
