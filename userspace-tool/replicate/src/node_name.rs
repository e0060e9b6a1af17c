// SPDX-License-Identifier: MIT OR Apache-2.0

use std::fmt;

/// The name of a node: 1 to 64 bytes of letters, digits, '-', '_' and '.'. A host name is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeName {
    bytes: [u8; Self::MAX],
}

/// A name that no node can have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{0:?} can't be the name of a node: it has 1 to 64 letters, digits, '-', '_' or '.'")]
pub struct BadName(pub String);

impl NodeName {
    /// Bytes at most.
    pub const MAX: usize = 64;
    /// The words of a table that a name takes, zeros at its end.
    pub(crate) const WORDS: usize = Self::MAX / 8;

    /// The name, if it can be one.
    pub fn new(name: &str) -> Result<Self, BadName> {
        Self::from_bytes(name.as_bytes()).ok_or_else(|| BadName(name.to_owned()))
    }

    pub(crate) fn from_bytes(name: &[u8]) -> Option<Self> {
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        if name.is_empty() || !name.iter().all(good) {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self { bytes })
    }

    pub(crate) fn to_words(self) -> [u64; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        for (word, bytes) in words.iter_mut().zip(self.bytes.chunks_exact(8)) {
            *word = bytes
                .iter()
                .rev()
                .fold(0, |word, &byte| (word << 8) | u64::from(byte));
        }
        words
    }

    pub(crate) fn from_words(words: &[u64]) -> Option<Self> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let used = bytes.iter().rposition(|&byte| byte != 0)? + 1;
        Self::from_bytes(&bytes[..used])
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let used = self
            .bytes
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(Self::MAX);
        std::str::from_utf8(&self.bytes[..used]).unwrap_or_default()
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}
