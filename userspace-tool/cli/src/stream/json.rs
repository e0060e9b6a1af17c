// SPDX-License-Identifier: MIT OR Apache-2.0

//! A line of JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::value;
use crate::script::Op;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    // Kept as text: parsing them as JSON numbers would lose digits.
    #[serde(borrow)]
    addr: &'a RawValue,
    #[serde(borrow, alias = "delta")]
    value: Option<&'a RawValue>,
}

/// The text of a number, or of a string: many programs round numbers above 2^53.
fn number(value: &RawValue) -> Cow<'_, str> {
    serde_json::from_str(value.get()).unwrap_or(value.get().into())
}

pub fn json(line: &str) -> Result<Option<Op>, String> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| explain(&error))?;
    let value = line.value.map(number);
    value::op(&line.op, &number(line.addr), value.as_deref()).map(Some)
}

/// The mistake and its column. The parser's own line number is left out, as it sees one line.
fn explain(error: &serde_json::Error) -> String {
    let position = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let text = text.strip_suffix(&position).unwrap_or(&text);
    format!(
        "column {}: {}; expected such as {{\"op\":\"load\",\"addr\":0,\"value\":\"0xff\"}}",
        error.column(),
        text.escape_debug()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations() {
        let op = |line| json(line).unwrap().unwrap();
        let load = Op::Load {
            addr: 3,
            value: u64::MAX,
        };
        assert_eq!(
            op(r#"{"op":"load","addr":3,"value":18446744073709551615}"#),
            load
        );
        assert_eq!(
            op(r#"{"value":"0xffffffffffffffff","op":"load","addr":"3"}"#),
            load
        );
        assert_eq!(
            op(r#"{"op":"accum","addr":3,"delta":1}"#),
            Op::Accum { addr: 3, delta: 1 }
        );
        assert_eq!(
            op(r#"{"op":"set","addr":3,"value":1}"#),
            Op::Set { addr: 3, value: 1 }
        );
        assert_eq!(
            op(r#"{"op":"expect","addr":3,"value":"1"}"#),
            Op::Expect { addr: 3, value: 1 }
        );
        assert_eq!(
            op(r#"{"op":"swap","addr":0}"#),
            Op::Swap { addr: 0, new: None }
        );
        assert_eq!(json("  ").unwrap(), None);
    }

    #[test]
    fn mistakes() {
        for line in [
            "1",
            "{}",
            r#"{"op":"load","addr":3}"#,
            r#"{"op":"expect","addr":3}"#,
            r#"{"op":"read","addr":3,"value":1}"#,
            r#"{"op":"swap","addr":3,"value":0}"#,
            r#"{"op":"load","addr":-1,"value":1}"#,
            r#"{"op":"load","addr":4294967296,"value":1}"#,
            r#"{"op":"load","addr":1,"value":1.5}"#,
            r#"{"op":"load","addr":1,"value":1,"more":2}"#,
            r#"{"op":"dance","addr":1}"#,
            r#"{"op":"read","addr":1}{"op":"read","addr":2}"#,
            r#"{"op":"load","addr":1,"value":1,"delta":2}"#,
            r#"{"op":"read","addr":1"#,
            r#"{"op":"read","#,
        ] {
            assert!(json(line).is_err(), "{line}");
        }
        let field = |name, value| match name {
            "addr" => format!(r#"{{"op":"load","addr":{value},"value":1}}"#),
            _ => format!(r#"{{"op":"load","addr":1,"value":{value}}}"#),
        };
        for (name, value, part) in [
            ("addr", "-1", "addr `-1` is negative"),
            ("addr", "4294967296", "too large: 4294967295 is the most"),
            ("addr", "\"x\"", "addr `x` is not a whole number"),
            (
                "value",
                "18446744073709551616",
                "value `18446744073709551616` is too large",
            ),
            ("value", "1.5", "value `1.5` is not a whole number"),
            ("value", "1e3", "value `1e3` is not a whole number"),
            ("value", "true", "value `true` is not a whole number"),
        ] {
            let error = json(&field(name, value)).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let error = json("{\"op\":1}").unwrap_err();
        assert!(
            error.contains("column 7") && !error.contains("line"),
            "{error}"
        );
    }
}
