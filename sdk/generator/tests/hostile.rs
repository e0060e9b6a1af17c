// SPDX-License-Identifier: MIT OR Apache-2.0
//! Texts of people never become code: where comments and strings are taken out of what was
//! generated, nothing of them is left. The languages are read here by their own rules, which the
//! generator doesn't share.

mod cases;

use std::sync::LazyLock;

use atomik_sdk_generator::output::Files;
use atomik_sdk_generator::vectors::Vectors;
use atomik_sdk_generator::{Language, Schema, Source, check, generate_with};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

/// A word that nothing but the texts has.
const MARKER: &str = "zzmarkerzz";

struct Syntax {
    line_comments: &'static [&'static str],
    block_comments: Option<(&'static str, &'static str)>,
    /// Block comments may have others inside.
    nested: bool,
    /// Quotes, longer ones first. Those that may go over several lines are listed again.
    quotes: &'static [&'static str],
    long_quotes: &'static [&'static str],
    /// A string that has this is code in part, or one behind a letter f.
    hole: Option<&'static str>,
    line_ends: &'static [char],
    /// A comment goes on in the next line behind it.
    continues: bool,
}

const LINE_ENDS: &[char] = &['\n', '\r'];

const PYTHON: Syntax = Syntax {
    line_comments: &["#"],
    block_comments: None,
    nested: false,
    quotes: &["\"\"\"", "'''", "\"", "'"],
    long_quotes: &["\"\"\"", "'''"],
    hole: None,
    line_ends: LINE_ENDS,
    continues: false,
};

/// Rust's characters are taken out before, as quotes also begin lifetimes.
const RUST: Syntax = Syntax {
    line_comments: &["//"],
    block_comments: Some(("/*", "*/")),
    nested: true,
    quotes: &["\""],
    long_quotes: &["\""],
    ..PYTHON
};

const C: Syntax = Syntax {
    nested: false,
    quotes: &["\"", "'"],
    long_quotes: &[],
    continues: true,
    ..RUST
};

const JAVASCRIPT: Syntax = Syntax {
    quotes: &["\"", "'", "`"],
    long_quotes: &["`"],
    hole: Some("${"),
    line_ends: &['\n', '\r', '\u{2028}', '\u{2029}'],
    continues: false,
    ..C
};

const VERILOG: Syntax = Syntax {
    quotes: &["\""],
    continues: false,
    ..C
};

/// make, and the constraints of FPGA tools, which are Tcl or alike.
const HASH: Syntax = Syntax {
    quotes: &[],
    long_quotes: &[],
    continues: true,
    ..PYTHON
};

const SLASHES: Syntax = Syntax {
    line_comments: &["//", "#"],
    ..HASH
};

/// The text without comments and strings; None where one has no end.
fn code(text: &str, syntax: &Syntax) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let begins = |one: &&&str| rest.starts_with(**one);
        if syntax.line_comments.iter().any(|one| rest.starts_with(one)) {
            rest = &rest[line(rest, syntax)..];
            continue;
        }
        if let Some((open, close)) = syntax.block_comments {
            if rest.starts_with(open) {
                rest = behind_comment(&rest[open.len()..], open, close, syntax.nested)?;
                out.push(' ');
                continue;
            }
        }
        if let Some(quote) = syntax.quotes.iter().find(begins) {
            let behind = &rest[quote.len()..];
            let end = string_end(behind, quote, syntax)?;
            let inside = &behind[..end];
            let formatted = syntax.line_comments == ["#"] && out.ends_with(['f', 'F']);
            if formatted || syntax.hole.is_some_and(|hole| inside.contains(hole)) {
                out.push_str(inside);
            }
            out.push(' ');
            rest = &behind[end + quote.len()..];
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Some(out)
}

/// Bytes up to the end of the line.
fn line(text: &str, syntax: &Syntax) -> usize {
    let mut from = 0;
    loop {
        let Some(at) = text[from..].find(syntax.line_ends) else {
            return text.len();
        };
        if !(syntax.continues && text[..from + at].ends_with('\\')) {
            return from + at;
        }
        from += at + 1;
    }
}

fn behind_comment<'a>(mut text: &'a str, open: &str, close: &str, nested: bool) -> Option<&'a str> {
    let mut depth = 1;
    while depth > 0 {
        let end = text.find(close)?;
        match text.find(open).filter(|&at| nested && at < end) {
            Some(at) => {
                depth += 1;
                text = &text[at + open.len()..];
            }
            None => {
                depth -= 1;
                text = &text[end + close.len()..];
            }
        }
    }
    Some(text)
}

fn string_end(text: &str, quote: &str, syntax: &Syntax) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if text[at..].starts_with(quote) {
            return Some(at);
        } else if syntax.line_ends.contains(&c) && !syntax.long_quotes.contains(&quote) {
            return None;
        }
    }
    None
}

/// What C sees after its first two phases: trigraphs replaced, lines joined.
fn joined(text: &str) -> String {
    text.replace("??/", "\\").replace("\\\n", "")
}

/// Characters such as `'"'`, but no lifetimes.
fn without_characters(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut inside = rest.chars().skip(1);
        let is_character = c == '\''
            && match inside.next() {
                Some('\\') => true,
                Some(_) => inside.next() == Some('\''),
                None => false,
            };
        let length = match rest.get(2..).and_then(|rest| rest.find('\'')) {
            Some(end) if is_character => end + 3,
            _ => c.len_utf8(),
        };
        if !is_character {
            out.push(c);
        }
        rest = &rest[length..];
    }
    out
}

/// Says what is wrong with a file in which texts have become more than text.
fn look(path: &str, text: &str) -> Result<(), String> {
    let plain = |c: char| c == '\n' || c == '\t' || !(c.is_control() || is_unseen(c));
    if let Some(c) = text.chars().find(|&c| !plain(c)) {
        return Err(format!("the character {:#x}", u32::from(c)));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit('.').next().unwrap_or("");
    let code = match extension {
        "json" => return json(text),
        "md" => return markdown(text),
        "py" | "pyi" | "toml" => code(text, &PYTHON),
        "rs" => documentation(text).and(code(&without_characters(text), &RUST)),
        "c" | "h" => code(&joined(text), &C),
        "js" | "mjs" | "ts" => code(text, &JAVASCRIPT),
        "v" | "vh" | "sv" => code(text, &VERILOG),
        "Makefile" | "xdc" | "sdc" | "lpf" | "pcf" | "ys" => code(text, &HASH),
        "cst" => code(text, &SLASHES),
        // No text belongs into others.
        _ => Some(text.to_string()),
    };
    let code = code.ok_or("a comment or a string without an end, or documentation that is code")?;
    match code.lines().find(|line| line.contains(MARKER)) {
        Some(line) => Err(format!("this is code: {line}")),
        None => Ok(()),
    }
}

/// What turns the direction of text, or ends lines of some languages only.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Rust would compile and run code in documentation.
fn documentation(text: &str) -> Option<()> {
    let mut lines = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("//"))
        .filter_map(|line| line.strip_prefix(['/', '!']));
    let is_code = |line: &str| {
        let text = line.trim_start();
        let fence = text.starts_with("```") || text.starts_with("~~~");
        line.contains(MARKER) && (fence || line.starts_with("     ") || line.contains('\t'))
    };
    (!lines.any(is_code)).then_some(())
}

/// Texts are values, of keys that are for people.
fn json(text: &str) -> Result<(), String> {
    fn strings(value: &Value, key: &str) -> Result<(), String> {
        let for_people = [
            "description",
            "author",
            "license",
            "version",
            "contributors",
            "name",
        ];
        match value {
            Value::String(text) if text.contains(MARKER) && !for_people.contains(&key) => {
                Err(format!("{key}: {text}"))
            }
            Value::Array(values) => values.iter().try_for_each(|value| strings(value, key)),
            Value::Object(entries) => {
                entries
                    .iter()
                    .try_for_each(|(key, value)| match key.contains(MARKER) {
                        true => Err(format!("a key {key}")),
                        false => strings(value, key),
                    })
            }
            _ => Ok(()),
        }
    }
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    strings(&value, "")
}

/// Texts are in no block of code, and all in them that means something is escaped.
fn markdown(text: &str) -> Result<(), String> {
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        }
        if !line.contains(MARKER) {
            continue;
        }
        let mut before = ' ';
        for c in line.chars() {
            // The cells of a table are ours.
            let means = "`*[]<#!".contains(c) || (c == '|' && !line.starts_with('|'));
            if means && before != '\\' {
                return Err(format!("{c} means something: {line}"));
            }
            before = if before == '\\' { ' ' } else { c };
        }
        if inside || line.starts_with("    ") {
            return Err(format!("this is code: {line}"));
        }
    }
    Ok(())
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "*/",
        "/*",
        "//",
        "*",
        "/",
        "\n",
        "\r",
        "\u{85}",
        "\u{2028}",
        "\u{202e}",
        "\u{0}",
        "\t",
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "`",
        "```",
        "\n```\n",
        "\\",
        "\\\n",
        "\\\"",
        "\\'",
        "??/",
        "#",
        "\n#",
        "${",
        "{",
        "}",
        "{{",
        "$(",
        ")",
        "<!--",
        "-->",
        "<script>",
        "]]>",
        "%",
        "|",
        "~~~",
        "\n    ",
        "\nendmodule\n",
        "(*",
        "*)",
        "`define ",
        "\\u000a",
        "\\x0a",
        "&#10;",
        "\u{1b}[2J",
        "[x](",
        "1.",
        "\n- ",
        "\n= ",
        "é",
        "🦀",
        " ",
        " ",
        ";",
        "!",
        "@",
        "=",
    ];
    let piece = prop_oneof![
        2 => select(pieces.to_vec()).prop_map(str::to_string),
        1 => Just(format!(" {MARKER} ")),
        1 => Just(MARKER.to_string()),
    ];
    vec(piece, 1..14)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("an author has 256 characters", |text| {
            text.chars().count() <= 250
        })
}

/// A schema of each type, and its vectors, which the texts are not in.
static SCHEMA: LazyLock<(Value, Vectors)> = LazyLock::new(|| {
    let text = cases::MINIMAL.replace(
        "\"state\"",
        "\"sent\": {\"type\": \"delta_stream\", \"width\": 64},\n\
         \"bits\": {\"type\": \"bitmask_delta\", \"width\": 8},\n\"state\"",
    );
    let schema = check(&[Source::new("a", text.as_str())]).unwrap().remove(0);
    let mut vectors = Vectors::of(&schema);
    vectors.cases.truncate(2);
    (serde_json::from_str(&text).unwrap(), vectors)
});

fn with(description: &str, author: &str, device: &str, constraint: &str) -> Schema {
    let mut value = SCHEMA.0.clone();
    value["catalogue"]["description"] = description.into();
    value["catalogue"]["author"] = author.into();
    value["catalogue"]["license"] = format!("LicenseRef-{MARKER}").into();
    value["hardware"] = serde_json::json!({
        "target_device": device,
        "synthesis_options": {"timing_constraints": {constraint: [constraint, {"x": constraint}]}},
    });
    let text = serde_json::to_string_pretty(&value).unwrap();
    check(&[Source::new("a", text)]).unwrap().remove(0)
}

fn files(schema: Schema) -> Files {
    generate_with(&[schema], std::slice::from_ref(&SCHEMA.1), &Language::ALL)
}

/// Those of other texts. Most are the same for all texts.
static PLAIN: LazyLock<Files> = LazyLock::new(|| files(with("x", "x", "x", "x")));

/// All that came out in which texts became code.
fn broken(schema: Schema) -> Vec<String> {
    files(schema)
        .iter()
        .filter(|(path, text)| PLAIN.get(*path) != Some(text))
        .filter_map(|(path, text)| Some(format!("{path}: {}", look(path, text).err()?)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn texts_stay_texts(
        description in hostile(),
        author in hostile(),
        device in hostile(),
        constraint in hostile(),
    ) {
        let broken = broken(with(&description, &author, &device, &constraint));
        prop_assert!(broken.is_empty(), "{:#?}", broken);
    }
}

/// Whatever is nested in constraints, and however deep, is no reason to fail.
#[test]
fn deep_constraints() {
    let plain = serde_json::to_string(&SCHEMA.0).unwrap();
    let deep = [["[", "]"], ["{\"a\":", "}"]]
        .map(|[open, close]| format!("{}null{}", open.repeat(100_000), close.repeat(100_000)));
    for deep in deep {
        let options = format!(r#"{{"timing_constraints": {{"{MARKER}": {deep}}}}}"#);
        let text = format!(
            r#"{}, "hardware": {{"target_device": "GW1NR-9", "synthesis_options": {options}}}}}"#,
            plain.strip_suffix('}').unwrap()
        );
        let schema = check(&[Source::new("a", text)]).unwrap().remove(0);
        assert_eq!(broken(schema), [""; 0]);
    }
}

/// Texts do come out, in each language.
#[test]
fn texts_are_there() {
    let files = files(with(MARKER, MARKER, "GW1NR-9", "x"));
    for language in Language::ALL {
        let directory = format!("{}/", language.name());
        let shown = files
            .iter()
            .any(|(path, text)| path.starts_with(&directory) && text.contains(MARKER));
        assert!(shown, "{directory}");
    }
}

/// The readers above notice what this test is about.
#[test]
fn code_is_noticed() {
    for (path, text) in [
        ("a.py", "# x\rzzmarkerzz"),
        ("a.py", "\"\"\" \"\"\" zzmarkerzz \"\"\" \"\"\""),
        ("a.py", "'a\nzzmarkerzz'"),
        ("a.py", "f'{zzmarkerzz}'"),
        ("a.rs", "/* /* */ zzmarkerzz */ zzmarkerzz"),
        ("a.rs", "'\"' zzmarkerzz '\"'"),
        ("a.rs", "///     zzmarkerzz();"),
        ("a.rs", "/// ```zzmarkerzz"),
        ("a.c", "/* /* */ zzmarkerzz */"),
        ("a.c", "// ??/\n\nzzmarkerzz"),
        ("a.h", "\"\\\\\" zzmarkerzz \""),
        ("a.js", "// \n`${zzmarkerzz}`"),
        ("a.d.ts", "/* **/ zzmarkerzz"),
        ("a.v", "\"x\" zzmarkerzz"),
        ("a.xdc", "# x\nzzmarkerzz"),
        ("a.json", "{\"zzmarkerzz\": 1}"),
        ("a.json", "{\"scripts\": {\"x\": \"zzmarkerzz\"}}"),
        ("a.md", "```sh\nzzmarkerzz\n```"),
        ("a.md", "zzmarkerzz <b>"),
        ("a.md", "zzmarkerzz \\\\`x`"),
        ("a.txt", "zzmarkerzz"),
        ("py.typed", "zzmarkerzz"),
    ] {
        assert!(look(path, text).is_err(), "{path}: {text}");
    }
    for (path, text) in [
        ("a.py", "# zzmarkerzz\n''' \\''' zzmarkerzz '''"),
        (
            "a.rs",
            "/* /* */ zzmarkerzz */ &'a str, 'b', \"zzmarkerzz\"",
        ),
        ("a.c", "// \\\nzzmarkerzz\n\"\\\"zzmarkerzz\""),
        ("a.js", "`zzmarkerzz`; // zzmarkerzz"),
        ("a.v", "/* zzmarkerzz */ x"),
        ("a.json", "{\"description\": \"zzmarkerzz\"}"),
        ("a.md", "zzmarkerzz \\<b\\>"),
    ] {
        assert_eq!(look(path, text), Ok(()), "{path}: {text}");
    }
}
