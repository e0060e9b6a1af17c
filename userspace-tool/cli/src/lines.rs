// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Lines`]: the lines of an input of limited size, with any line ends.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use crate::failure::Failure;

/// The longest line, in bytes. One that names each address of the largest table fits.
const LONGEST: usize = 1 << 20;

/// The largest input that is kept in memory, in bytes.
const LARGEST: u64 = 16 << 20;

/// The byte order mark, which some editors write before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// An input that is read line by line. A line feed, a carriage return, or both together end a line.
pub struct Lines {
    /// The input's name in messages.
    name: String,
    from: Box<dyn BufRead>,
    /// The length of the input in bytes, where it is a regular file.
    length: Option<u64>,
    line: Vec<u8>,
    /// The number of the line that was read last, from 1.
    number: usize,
    /// The number of bytes read so far, and its limit.
    position: u64,
    most: u64,
    /// True where a carriage return ended the last line, so that a line feed belongs to that end.
    returned: bool,
}

impl Lines {
    /// The lines of a file; those of standard input for `-`.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::stdin());
        }
        let name = path.display().to_string();
        let file =
            File::open(path).map_err(|e| Failure::usage(&format!("can't read {name}: {e}")))?;
        let regular = file.metadata().ok().filter(|found| found.is_file());
        let mut lines = Self::new(&name, BufReader::new(file));
        lines.length = regular.map(|found| found.len());
        Ok(lines)
    }

    /// The lines of standard input.
    pub fn stdin() -> Self {
        Self::new("<stdin>", io::stdin().lock())
    }

    pub fn new(name: &str, from: impl BufRead + 'static) -> Self {
        Self {
            name: name.into(),
            from: Box::new(from),
            length: None,
            line: vec![],
            number: 0,
            position: 0,
            most: u64::MAX,
            returned: false,
        }
    }

    /// Refuses inputs of more than 16 MiB, for callers that keep all of it.
    pub fn whole(mut self) -> Self {
        self.most = LARGEST;
        self
    }

    /// The next line, without its end. Bytes that aren't UTF-8 become U+FFFD, which is a mistake
    /// outside of comments.
    pub fn next(&mut self) -> Result<Option<Cow<'_, str>>, String> {
        self.number += 1;
        self.line.clear();
        let mut ended = false;
        let mut any = false;
        while !ended {
            let buffer = match self.from.fill_buf() {
                Ok([]) => break,
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (text, rest) = buffer.split_at(end.unwrap_or(buffer.len()));
            let rest_of_end = std::mem::take(&mut self.returned) && buffer.starts_with(b"\n");
            if !rest_of_end {
                any = true;
                ended = end.is_some();
                self.returned = rest.starts_with(b"\r");
                self.line.extend_from_slice(text);
            }
            let used = text.len() + usize::from(end.is_some());
            self.from.consume(used);
            self.position += used as u64;
            if self.line.len() > LONGEST {
                return Err(format!("the line is longer than {LONGEST} bytes"));
            }
            if self.position > self.most {
                return Err(format!(
                    "the input is longer than {LARGEST} bytes; `atomikctl batch` takes any length"
                ));
            }
        }
        let line = match self.line.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) if self.number == 1 => text,
            _ => &self.line,
        };
        Ok(any.then(|| String::from_utf8_lossy(line)))
    }

    /// The failure of the line that was read last.
    pub fn wrong(&self, message: &str) -> Failure {
        Failure::usage(&format!("{}: {message}", self.location(self.number)))
    }

    /// A line's location, for messages.
    pub fn location(&self, number: usize) -> String {
        format!("{}:{number}", self.name)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn number(&self) -> usize {
        self.number
    }

    pub fn length(&self) -> Option<u64> {
        self.length
    }

    pub fn position(&self) -> u64 {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives what it was made of piece by piece, as a pipe does.
    struct Pieces(Vec<&'static [u8]>);

    impl io::Read for Pieces {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            unreachable!("lines are read by their buffer")
        }
    }

    impl BufRead for Pieces {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            while matches!(self.0.first(), Some([])) {
                self.0.remove(0);
            }
            Ok(self.0.first().copied().unwrap_or_default())
        }

        fn consume(&mut self, used: usize) {
            if let Some(first) = self.0.first_mut() {
                *first = &first[used..];
            }
        }
    }

    fn all(mut lines: Lines) -> Result<Vec<String>, String> {
        let mut found = vec![];
        while let Some(line) = lines.next()? {
            found.push(line.into_owned());
        }
        Ok(found)
    }

    fn of(text: &'static [u8]) -> Vec<String> {
        all(Lines::new("a", text)).unwrap()
    }

    #[test]
    fn every_end_of_a_line_ends_one() {
        for text in [
            &b"a\nb\n\nc"[..],
            b"a\nb\n\nc\n",
            b"a\r\nb\r\n\r\nc\r\n",
            b"a\rb\r\rc\r",
            b"a\rb\n\rc",
        ] {
            assert_eq!(of(text), ["a", "b", "", "c"], "{text:?}");
        }
        assert!(of(b"").is_empty());
        assert_eq!(of(b"\n"), [""]);
        assert_eq!(of(b"\r\n"), [""]);
        assert_eq!(of(b"\n\r"), ["", ""]);
    }

    #[test]
    fn an_end_may_come_in_two_pieces() {
        let pieces: [&[u8]; 6] = [b"a", b"b\r", b"\n", b"c\r", b"\r", b"\nd"];
        let lines = Lines::new("a", Pieces(pieces.into()));
        assert_eq!(all(lines).unwrap(), ["ab", "c", "", "d"]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        assert_eq!(of(b"\xEF\xBB\xBFa\n\xEF\xBB\xBFb"), ["a", "\u{feff}b"]);
        assert_eq!(of(b"\xEF\xBB\xBF"), [""]);
    }

    #[test]
    fn what_is_no_text_becomes_no_other_text() {
        assert_eq!(of(b"a\xff\nb\0"), ["a\u{fffd}", "b\0"]);
    }

    #[test]
    fn an_input_without_end_is_refused() {
        let mut lines = Lines::new("a", BufReader::new(io::repeat(0)));
        let error = lines.next().unwrap_err();
        assert_eq!(error, "the line is longer than 1048576 bytes");
        assert_eq!(lines.location(lines.number()), "a:1");
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        let large = io::Cursor::new(line.repeat(LARGEST as usize / 1024 + 1));
        let error = all(Lines::new("a", large).whole()).unwrap_err();
        assert!(error.contains("longer than 16777216 bytes"), "{error}");
    }

    #[test]
    fn the_longest_line_fits() {
        let line = vec![b'x'; LONGEST];
        let lines = Lines::new("a", io::Cursor::new([&line[..], b"\r\ny"].concat()));
        assert_eq!(all(lines).unwrap().len(), 2);
        let lines = Lines::new("a", io::Cursor::new([&line[..], b"x\ny"].concat()));
        assert!(all(lines).is_err());
    }
}
