// SPDX-License-Identifier: MIT OR Apache-2.0

//! A line of CSV.

use std::io::Write;

use super::value;
use crate::failure::Failure;
use crate::script::Op;
use crate::script::number::{parse_u32, parse_u64};

/// Understands a line; the first may be a heading.
pub fn csv(line: &str, first: bool) -> Result<Option<Op>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(line.as_bytes());
    let Some(record) = reader.records().next() else {
        return Ok(None);
    };
    let record = record.map_err(|error| error.to_string())?;
    let fields: Vec<&str> = record.iter().collect();
    let (name, addr, value) = match fields[..] {
        // A comment or blanks, where no line's end follows.
        [] | [""] => return Ok(None),
        [name, addr] | [name, addr, ""] => (name, addr, None),
        [name, addr, value] => (name, addr, Some(value)),
        _ => return Err("expected op,addr,value".into()),
    };
    if first && name == "op" {
        return Ok(None);
    }
    let addr = parse_u32(addr).map_err(|error| format!("'{}': {error}", addr.escape_debug()))?;
    let value = value
        .map(|value| parse_u64(value).map_err(|e| format!("'{}': {e}", value.escape_debug())))
        .transpose()?;
    value::op(name, addr, value).map(Some)
}

/// Writes states as CSV, with a heading.
pub struct CsvWriter<W: Write>(csv::Writer<W>);

impl<W: Write> CsvWriter<W> {
    /// With a buffer of this many bytes.
    pub fn new(out: W, buffer: usize) -> Result<Self, Failure> {
        let mut writer = csv::WriterBuilder::new()
            .buffer_capacity(buffer)
            .from_writer(out);
        writer
            .write_record(["op", "addr", "value"])
            .map_err(failed)?;
        Ok(Self(writer))
    }

    pub fn state(&mut self, op: &str, addr: u32, value: &str) -> Result<(), Failure> {
        let addr = addr.to_string();
        self.0.write_record([op, &addr, value]).map_err(failed)
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.0.flush()?)
    }
}

fn failed(error: csv::Error) -> Failure {
    Failure::from(std::io::Error::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations() {
        let op = |line| csv(line, false).unwrap().unwrap();
        assert_eq!(
            op("load,3,0xff"),
            Op::Load {
                addr: 3,
                value: 255
            }
        );
        assert_eq!(op(" accum , 3 , 1 \n"), Op::Accum { addr: 3, delta: 1 });
        assert_eq!(op("read,3"), Op::Read { addr: 3 });
        assert_eq!(op("read,3,"), Op::Read { addr: 3 });
        assert_eq!(op("\"swap\",0"), Op::Swap { addr: 0, new: None });
        assert_eq!(csv("op,addr,value", true).unwrap(), None);
        assert_eq!(csv("", false).unwrap(), None);
        assert_eq!(csv("  \n", false).unwrap(), None);
        assert_eq!(csv("# nothing", false).unwrap(), None);
    }

    #[test]
    fn mistakes() {
        for line in [
            "op,addr,value",
            "load,3",
            "load,x,1",
            "load,1,y",
            "read",
            "read,1,2",
            "load,1,2,3",
        ] {
            assert!(csv(line, false).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_written_has_a_heading() {
        let mut bytes = vec![];
        let mut writer = CsvWriter::new(&mut bytes, 64).unwrap();
        writer.state("read", 3, "0xff").unwrap();
        writer.flush().unwrap();
        drop(writer);
        assert_eq!(bytes, b"op,addr,value\nread,3,0xff\n");
    }
}
