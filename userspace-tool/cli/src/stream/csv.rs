// SPDX-License-Identifier: MIT OR Apache-2.0

//! A line of CSV.
//!
//! No field contains a comma, a quote or a line end, so quotes enclose exactly one field of a line.
//! A general reader of CSV would accept more, and so misread mistakes.

use super::value;
use crate::script::Op;
use crate::script::number::quoted;

/// The heading: printed first, and skipped where it comes first.
pub const HEADING: &str = "op,addr,value";

/// Parses a line. `heading` is true where a heading may still come.
pub fn csv(line: &str, heading: &mut bool) -> Result<Option<Op>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let fields = (line.split(',').map(field)).collect::<Result<Vec<_>, _>>()?;
    let (name, addr, value) = match fields[..] {
        [name, addr] | [name, addr, ""] => (name, addr, None),
        [name, addr, value] => (name, addr, Some(value)),
        _ => return Err(format!("expected {HEADING}, found {}", quoted(line))),
    };
    if std::mem::take(heading) && name == "op" {
        return match (addr, value) {
            ("addr", None | Some("value" | "delta")) => Ok(None),
            _ => Err(format!(
                "expected the heading {HEADING}, found {}",
                quoted(line)
            )),
        };
    }
    value::op(name, addr, value).map(Some)
}

/// A field without the blanks and quotes around it.
fn field(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let inner = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(text),
    };
    (inner.filter(|inner| !inner.contains('"')))
        .map(str::trim)
        .ok_or_else(|| format!("the quotes of {} don't enclose a field", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations() {
        let op = |line| csv(line, &mut false).unwrap().unwrap();
        let load = Op::Load {
            addr: 3,
            value: 255,
        };
        for line in [
            "load,3,0xff",
            "\"load\",\"3\",\"0xff\"",
            "load , \" 3\",255",
        ] {
            assert_eq!(op(line), load, "{line}");
        }
        assert_eq!(op(" accum , 3 , 1 "), Op::Accum { addr: 3, delta: 1 });
        assert_eq!(op("set,3,1"), Op::Set { addr: 3, value: 1 });
        assert_eq!(op("expect,3,1"), Op::Expect { addr: 3, value: 1 });
        assert_eq!(op("read,3"), Op::Read { addr: 3 });
        assert_eq!(op("read,3,"), Op::Read { addr: 3 });
        assert_eq!(op("\"swap\",0"), Op::Swap { addr: 0, new: None });
        for line in ["", "  ", "# nothing", " # \""] {
            assert_eq!(csv(line, &mut false).unwrap(), None);
        }
    }

    #[test]
    fn a_heading_comes_before_all_operations() {
        let mut heading = true;
        for line in ["# a table", "", "op, addr,\"value\""] {
            assert_eq!(csv(line, &mut heading).unwrap(), None, "{line}");
        }
        assert!(csv("op,addr,value", &mut heading).is_err());
        let mut heading = true;
        assert!(csv("read,0", &mut heading).unwrap().is_some());
        assert!(csv("op,addr,value", &mut heading).is_err());
        for line in ["op,addr", "op,addr,delta"] {
            assert_eq!(csv(line, &mut true).unwrap(), None, "{line}");
        }
        for line in ["op,value,addr", "op,addr,value,more", "op", "op,0,1"] {
            assert!(csv(line, &mut true).is_err(), "{line}");
        }
    }

    #[test]
    fn mistakes() {
        for line in [
            "op,addr,value",
            "load,3",
            "set,3",
            "expect,3",
            "load,x,1",
            "load,1,y",
            "read",
            "read,1,2",
            "load,1,2,3",
            ",",
            "load,0,1 # one",
        ] {
            assert!(csv(line, &mut false).is_err(), "{line}");
        }
        for (line, part) in [
            ("load,4294967296,1", "addr `4294967296` is too large"),
            (
                "load,1,18446744073709551616",
                "value `18446744073709551616`",
            ),
            ("load,-1,1", "addr `-1` is negative"),
            ("load,1,1.5", "value `1.5` is not a whole number"),
        ] {
            let error = csv(line, &mut false).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    /// None of it becomes another number, or the beginning of a field that the next line ends.
    #[test]
    fn quotes_that_enclose_no_field() {
        for line in [
            "load,0,\"1",
            "load,0,1\"",
            "load,0,\"1\"2",
            "load,0,1\"2\"",
            "load,0,\"1\"\"2\"",
            "\"load,0,1",
            "\"load,0\",1",
            "\"",
        ] {
            assert!(csv(line, &mut false).is_err(), "{line}");
        }
    }
}
