// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text of people in code: a description never ends the comment or string that it is in.
//!
//! Names and numbers of a schema need none of this, as their rules leave nothing to escape.

/// Text on one line, of characters that show: others become spaces. What turns the direction of the
/// text, so that code looks like a comment or the reverse, is among the others.
pub(crate) fn line(text: &str) -> String {
    let shown = |c: char| match c {
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => ' ',
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => ' ',
        c if c.is_control() || c.is_whitespace() => ' ',
        c => c,
    };
    let text: String = text.chars().map(shown).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines of at most `width` characters, where words allow.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// Text between `/*` and `*/`.
pub(crate) fn block_comment(text: &str) -> String {
    // Each is broken as often as it is there: `**//` must not become one again.
    let mut out = String::new();
    for c in line(text).chars() {
        if matches!((out.chars().last(), c), (Some('*'), '/') | (Some('/'), '*')) {
            out.push(' ');
        }
        // No trigraph, and no line that goes on.
        if c == '\\' || (c == '?' && out.ends_with('?')) {
            out.push(' ');
        }
        out.push(c);
        if c == '\\' {
            out.push(' ');
        }
    }
    out.trim().to_string()
}

/// Text between `/**` and `*/`, where `@` begins a tag that programs read.
pub(crate) fn jsdoc(text: &str) -> String {
    block_comment(text).replace('@', "\\@")
}

/// Text in Markdown and in Rust's documentation, which shows as it is.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A full stop or a comma makes nothing, but for `1.`, which may begin a line.
            ',' | '\'' | '"' | '/' | ' ' | ':' | ';' | '%' | '?' => out.push(c),
            '.' if !out.ends_with(|c: char| c.is_ascii_digit()) => out.push(c),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A string of Python, and the text of a docstring between `"""`.
pub(crate) fn python(text: &str) -> String {
    quoted(text)
}

/// A string of TOML and of JSON.
pub(crate) fn json(text: &str) -> String {
    quoted(text)
}

fn quoted(text: &str) -> String {
    line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &[&str] = &[
        "*/ int x; /*",
        "**//",
        "*\u{0}/",
        "/*/",
        "*\n/",
        "\\",
        "\\\n",
        "??/",
        "a??/\nb",
        "\"\"\"",
        "\\\"\"\"",
        "'''",
        "```\nfn main() {}\n```",
        "    code",
        "# title",
        "1. one",
        "--> ]]>",
        "</script>",
        "\r\nimport os",
        "\u{2028}x",
        "\u{202e}x",
        "{{",
        "%s %n",
        "$(x) `x` ${x}",
        "\u{85}x",
        "`define X",
        "// x",
        "\u{1b}[2J",
        "\\u000a",
        "&#10;",
        "\\N{BULLET}",
    ];

    #[test]
    fn one_line_of_characters_that_show() {
        for text in HOSTILE {
            for out in [
                line(text),
                block_comment(text),
                markdown(text),
                python(text),
            ] {
                assert_eq!(out.lines().count().max(1), 1, "{text:?} {out:?}");
                assert!(
                    !out.contains(|c: char| c.is_control() || c == '\u{2028}'),
                    "{out:?}"
                );
                assert!(
                    !out.starts_with(' ') && !out.ends_with("  "),
                    "{text:?} {out:?}"
                );
            }
        }
        assert_eq!(line("a\u{202e}b\r\n\tc"), "a b c");
    }

    #[test]
    fn comments_stay_open() {
        for text in HOSTILE {
            let comment = format!("/* {} */", block_comment(text));
            assert_eq!(
                comment.find("*/"),
                Some(comment.len() - 2),
                "{text:?} {comment}"
            );
            assert!(
                !comment[2..].contains("/*") && !comment.contains("??/"),
                "{comment}"
            );
            assert!(!comment.contains("\\\n"));
        }
        assert_eq!(block_comment("**//x/*/"), "** //x/ * /");
        assert_eq!(jsdoc("a@b {@link x} */"), "a\\@b {\\@link x} * /");
    }

    #[test]
    fn strings_stay_open() {
        for text in HOSTILE {
            let string = format!("\"{}\"", python(text));
            // As JSON reads it, which knows the two escapes that are used.
            assert_eq!(serde_json::from_str::<String>(&string).unwrap(), line(text));
        }
    }

    #[test]
    fn markdown_shows_the_text() {
        assert_eq!(
            markdown("a_b *c* `d` <e> [f](g)"),
            "a\\_b \\*c\\* \\`d\\` &lt;e&gt; \\[f\\]\\(g\\)"
        );
        assert_eq!(markdown("1. one. # 2. two"), "1\\. one. \\# 2\\. two");
        assert_eq!(markdown(". x"), ". x");
    }

    #[test]
    fn lines_are_wrapped() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaaaaa b", 5), ["aaaaaaaa", "b"]);
        assert!(wrap("", 5).is_empty());
    }
}
