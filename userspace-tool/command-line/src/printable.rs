// SPDX-License-Identifier: MIT OR Apache-2.0

//! Escapes control characters in output: other programs choose their names, and files have any
//! content.

use std::borrow::Cow;
use std::io;

use serde::Serialize;

/// True for characters that a terminal obeys instead of showing, or that disguise a text.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        // Line and paragraph separators, and changes of the writing direction.
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Escapes such characters in a line of text, as `\u{1b}`.
pub fn printable(line: &str) -> Cow<'_, str> {
    escaped(line, is_obeyed, |c| c.escape_default().to_string())
}

/// The same for a line with colors, whose escape characters stay.
pub fn printable_styled(line: &str) -> Cow<'_, str> {
    let which = |c| is_obeyed(c) && c != '\u{1b}';
    escaped(line, which, |c| c.escape_default().to_string())
}

/// JSON in one line, with such characters escaped as `\u001b`.
pub fn json(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string(value)?;
    Ok(printable_json(&text).into_owned())
}

/// JSON in many lines, for people, with such characters escaped.
pub fn pretty_json(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(printable_json(&text).into_owned())
}

fn printable_json(text: &str) -> Cow<'_, str> {
    let escape = |c| format!("\\u{:04x}", u32::from(c));
    escaped(text, |c| is_obeyed(c) && c != '\n', escape)
}

fn escaped(
    text: &str,
    which: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(&which) {
        return text.into();
    }
    let one = |c| match which(c) {
        true => escape(c),
        false => c.to_string(),
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        let text = "\x1b[31m\u{9b}2J\r\x07\x7f\u{202e}x\u{2066}\n\t";
        let shown = printable(text);
        assert_eq!(
            shown,
            r"\u{1b}[31m\u{9b}2J\r\u{7}\u{7f}\u{202e}x\u{2066}\n\t"
        );
        // Once is enough.
        assert_eq!(printable(&shown), shown);
        for text in ["", "it's a \"name\" \\", "Grüße, e\u{301}, 👩\u{200d}🚀"] {
            assert!(matches!(printable(text), Cow::Borrowed(shown) if shown == text));
        }
    }

    #[test]
    fn json_says_the_same_without() {
        let value = ["\x1b[31m\u{9b}2J\x7f\u{202e}x", "ü\n"];
        for text in [json(&value).unwrap(), pretty_json(&value).unwrap()] {
            assert!(
                !text.contains(['\x1b', '\u{9b}', '\x7f', '\u{202e}']),
                "{text}"
            );
            assert!(text.contains('ü'));
            let back: [String; 2] = serde_json::from_str(&text).unwrap();
            assert_eq!(back, value);
        }
    }
}
