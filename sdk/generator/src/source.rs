// SPDX-License-Identifier: MIT OR Apache-2.0
//! A schema's text, and places in it.

use std::ops::Range;

/// The longest text that is read, in bytes. A schema of a thousand fields has a tenth of it.
pub const MAX_BYTES: usize = 1 << 20;

/// A file's name, as people know it, and its content.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub text: String,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Text of any bytes: those that are not UTF-8 become U+FFFD, which no key or name may have.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Source {
        Source::new(name, String::from_utf8_lossy(bytes))
    }

    /// Places of bytes, which must come in ascending order: lines and columns from 1, columns in
    /// characters. All of them together cost one look at the text.
    pub(crate) fn positions(&self) -> impl FnMut(usize) -> (usize, usize) + '_ {
        let (mut at, mut line, mut column) = (0, 1, 1);
        move |byte| {
            for character in self.text[at..self.boundary(byte).max(at)].chars() {
                match character {
                    '\n' => (line, column) = (line + 1, 1),
                    _ => column += 1,
                }
                at += character.len_utf8();
            }
            (line, column)
        }
    }

    /// The line of a byte, without its end, and where it begins.
    pub(crate) fn line(&self, byte: usize) -> (usize, &str) {
        let byte = self.boundary(byte);
        let start = self.text[..byte].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[byte..]
            .find('\n')
            .map_or(self.text.len(), |at| byte + at);
        (start, self.text[start..end].trim_end_matches('\r'))
    }

    pub(crate) fn clamp(&self, span: Range<usize>) -> Range<usize> {
        let start = self.boundary(span.start);
        start..self.boundary(span.end).max(start)
    }

    fn boundary(&self, byte: usize) -> usize {
        let mut at = byte.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}
