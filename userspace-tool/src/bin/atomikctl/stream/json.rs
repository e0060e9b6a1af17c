// SPDX-License-Identifier: MIT OR Apache-2.0

//! A line of JSON.

use serde::Deserialize;

use super::value;
use crate::script::Op;
use crate::script::number::parse_u64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    op: std::borrow::Cow<'a, str>,
    addr: Number,
    #[serde(alias = "delta")]
    value: Option<Number>,
}

/// Many programs round numbers above 2^53: these come as strings.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    fn get(&self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => {
                parse_u64(text).map_err(|error| format!("'{}': {error}", text.escape_debug()))
            }
        }
    }
}

pub fn json(line: &str) -> Result<Option<Op>, String> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| {
        format!("{error}; expected such as {{\"op\":\"load\",\"addr\":0,\"value\":\"0xff\"}}")
    })?;
    let addr = u32::try_from(line.addr.get()?).map_err(|_| "the address is too large")?;
    let value = line.value.map(|value| value.get()).transpose()?;
    value::op(&line.op, addr, value).map(Some)
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
            r#"{"op":"read","addr":3,"value":1}"#,
            r#"{"op":"swap","addr":3,"value":0}"#,
            r#"{"op":"load","addr":-1,"value":1}"#,
            r#"{"op":"load","addr":4294967296,"value":1}"#,
            r#"{"op":"load","addr":1,"value":1.5}"#,
            r#"{"op":"load","addr":1,"value":1,"more":2}"#,
            r#"{"op":"dance","addr":1}"#,
        ] {
            assert!(json(line).is_err(), "{line}");
        }
    }
}
