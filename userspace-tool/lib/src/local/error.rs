// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`LocalError`]: why contexts, fingerprints and streams of this process refuse something.

use super::MAX_WIDTH;

/// Why a context, table, fingerprint, message or stream of this process refused something. Nothing
/// has changed then.
///
/// [`Error`](crate::Error), which tables return wherever they are, contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A width that doesn't exist.
    #[error(
        "there is no width of {width} bits here; a width is 1 to {MAX_WIDTH}, that of a \
        fingerprint a multiple of 8"
    )]
    InvalidWidth {
        /// The width that was asked for, in bits.
        width: u32,
    },
    /// A state of more than 64 bits was asked for as a `u64`.
    #[error("a state of {width} bits isn't a number of 64")]
    TooWide {
        /// The table's width in bits.
        width: u32,
    },
    /// A table was to have no contexts.
    #[error("a table has at least one context")]
    NoContexts,
    /// The addresses and values of many operations differ in number.
    #[error(
        "{addresses} addresses go with {addresses} values of {limbs} words each, not with {words} \
        words"
    )]
    Lengths {
        /// The number of addresses.
        addresses: usize,
        /// The number of 64-bit words that came with them.
        words: usize,
        /// The words of a value.
        limbs: usize,
    },
    /// A changed part doesn't consist of whole chunks of the data.
    #[error(
        "{old} bytes at {offset} that became {new} are no change of whole 8-byte chunks of \
        {length} bytes"
    )]
    Change {
        /// The part's beginning, in bytes.
        offset: u64,
        /// Its length before, in bytes.
        old: u64,
        /// Its length after, in bytes.
        new: u64,
        /// The length of all the data, in bytes.
        length: u64,
    },
    /// A message belongs to an epoch of its address that is over.
    #[error(
        "the message belongs to epoch {epoch} of address {addr}, where epoch {current} has begun"
    )]
    StaleEpoch {
        /// The address.
        addr: u32,
        /// The message's epoch.
        epoch: u64,
        /// The address's epoch.
        current: u64,
    },
    /// A message, or another stream, has another width than the stream.
    #[error("a message or stream of {found} bits doesn't fit a stream of {width}")]
    Width {
        /// The width of what was given, in bits.
        found: u32,
        /// The stream's width in bits.
        width: u32,
    },
    /// Another stream has another number of contexts.
    #[error("a stream of {found} contexts doesn't fit one of {contexts}")]
    Size {
        /// The other's number of contexts.
        found: u32,
        /// This stream's number of contexts.
        contexts: u32,
    },
    /// A message names this stream as its sender, which has sent no such message.
    #[error("this stream, {sender:#x}, has made no message number {seq}")]
    NeverSent {
        /// The stream's own sender, and the message's.
        sender: u64,
        /// The message's number.
        seq: u64,
    },
    /// A stream has made 2^64 - 1 messages.
    #[error("this stream has no number for one more message")]
    OutOfMessages,
    /// Bytes are no message, and no packet of messages.
    #[error("the message {0}")]
    Message(Malformed),
    /// Bytes are no state of a stream.
    #[error("the state {0}")]
    State(Malformed),
}

/// What is wrong with bytes that should be a message or the state of a stream. The texts go on from
/// which of them it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The first byte isn't that of a known version.
    #[error("has the version {found:#04x}, and {known:#04x} is known")]
    Version {
        /// The first byte.
        found: u8,
        /// The first byte of version 1.
        known: u8,
    },
    /// There are fewer bytes than it has.
    #[error("is cut off")]
    Short,
    /// There are more bytes than it has.
    #[error("is followed by {excess} bytes")]
    Long {
        /// The number of bytes behind it.
        excess: usize,
    },
    /// A number is too large, or isn't written in its shortest form.
    #[error("has a {name} that it can't have")]
    Number {
        /// The number's name.
        name: &'static str,
    },
    /// A delta, or a value that an epoch starts from, has bits beyond its width.
    #[error("has a delta or a value with bits beyond its width")]
    Value,
}

impl LocalError {
    /// Refuses words of 64 bits that aren't as many as the addresses they go with.
    #[inline]
    pub(crate) fn check_lengths(addrs: &[u32], words: &[u64]) -> Result<(), Self> {
        if addrs.len() == words.len() {
            return Ok(());
        }
        Err(Self::Lengths {
            addresses: addrs.len(),
            words: words.len(),
            limbs: 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_is_malformed() {
        let cut = LocalError::Message(Malformed::Short);
        assert_eq!(cut.to_string(), "the message is cut off");
        let version = Malformed::Version {
            found: 0xa1,
            known: 0xa3,
        };
        assert_eq!(
            LocalError::State(version).to_string(),
            "the state has the version 0xa1, and 0xa3 is known"
        );
        let name = "number of contexts";
        assert_eq!(
            LocalError::State(Malformed::Number { name }).to_string(),
            "the state has a number of contexts that it can't have"
        );
    }
}
