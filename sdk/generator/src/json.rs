// SPDX-License-Identifier: MIT OR Apache-2.0
//! JSON with the place of each value, and with keys that are there twice.
//!
//! `serde_json` reads it. A `RawValue` is a slice of the text, so its address tells its place. It
//! is read level by level, only as deep as the format goes, so that deep nesting costs nothing.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value that has not been looked into yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    text: &'a str,
    start: usize,
}

pub(crate) enum Data<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    Text(String),
    Array,
    Object(Vec<Entry<'a>>),
}

pub(crate) struct Entry<'a> {
    pub key: String,
    pub key_span: Range<usize>,
    pub value: Value<'a>,
}

pub(crate) struct SyntaxError {
    pub at: usize,
    pub message: String,
}

impl<'a> Value<'a> {
    /// The value that `text` is, which must outlive it unchanged.
    pub fn parse(text: &'a str) -> Result<Value<'a>, SyntaxError> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|e| syntax_error(text, 0, &e))?;
        Ok(Value::of(raw, text, 0))
    }

    fn of(raw: &'a RawValue, whole: &str, start: usize) -> Value<'a> {
        let text = raw.get();
        Value {
            text,
            start: start + (text.as_ptr() as usize - whole.as_ptr() as usize),
        }
    }

    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The value as it is written.
    pub fn text(&self) -> &'a str {
        self.text
    }

    pub fn data(&self) -> Result<Data<'a>, SyntaxError> {
        let error = |e: serde_json::Error| syntax_error(self.text, self.start, &e);
        Ok(match self.text.as_bytes()[0] {
            b'{' => Data::Object(self.entries().map_err(error)?),
            b'[' => Data::Array,
            b'"' => Data::Text(serde_json::from_str(self.text).map_err(error)?),
            b't' => Data::Bool(true),
            b'f' => Data::Bool(false),
            b'n' => Data::Null,
            _ => Data::Number(self.text),
        })
    }

    /// Entries of an object. A key whose text is no string of Unicode is an error.
    fn entries(&self) -> Result<Vec<Entry<'a>>, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(self.text);
        let raw = deserializer.deserialize_map(Entries)?;
        raw.into_iter()
            .map(|(key, value)| {
                let name = Value::of(key, self.text, self.start);
                Ok(Entry {
                    key: serde_json::from_str(key.get())?,
                    key_span: name.span(),
                    value: Value::of(value, self.text, self.start),
                })
            })
            .collect()
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

fn syntax_error(text: &str, start: usize, error: &serde_json::Error) -> SyntaxError {
    let line_start = match error.line() {
        0 | 1 => 0,
        line => text
            .match_indices('\n')
            .nth(line - 2)
            .map_or(text.len(), |(at, _)| at + 1),
    };
    let at = line_start + error.column().saturating_sub(1);
    let message = error.to_string();
    let message = match text.get(..at).zip(text.get(at..)) {
        Some((before, after))
            if before.trim_end().ends_with(',') && after.starts_with(['}', ']']) =>
        {
            "a comma before the end"
        }
        _ => message.split(" at line ").next().unwrap_or_default(),
    };
    SyntaxError {
        at: start + at,
        message: message.to_string(),
    }
}

/// The text with its comments, `//` and `/* */`, made spaces, so that places stay as they are. So
/// is the mark that some editors begin a file with.
pub(crate) fn without_comments(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    if text.starts_with('\u{FEFF}') {
        out[..3].fill(b' ');
    }
    let (mut at, mut in_string) = (0, false);
    while at < out.len() {
        let end = match (in_string, out[at], out.get(at + 1)) {
            (true, b'\\', _) => {
                at += 2;
                continue;
            }
            (_, b'"', _) => {
                in_string = !in_string;
                at += 1;
                continue;
            }
            (false, b'/', Some(b'/')) => text[at..].find('\n').map(|length| at + length),
            (false, b'/', Some(b'*')) => text[at + 2..].find("*/").map(|length| at + length + 4),
            _ => {
                at += 1;
                continue;
            }
        };
        // A comment without an end hides the rest, whose absence is then the mistake.
        let end = end.unwrap_or(out.len());
        out[at..end]
            .iter_mut()
            .filter(|b| !matches!(b, b'\n' | b'\r'))
            .for_each(|b| *b = b' ');
        at = end;
    }
    // Comments begin and end at ASCII characters, so all others are whole.
    String::from_utf8(out).unwrap_or_default()
}
