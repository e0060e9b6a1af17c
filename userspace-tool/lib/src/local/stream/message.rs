// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaMessage`]: a delta on its way from one stream to others, and its encoding.

use super::wire::{number, put_number, small, take, value, width};
use crate::local::Malformed;
use crate::local::value::{AsLimbs, Value, limb};
use crate::{LocalError, MAX_WIDTH, Result};

/// The first byte: the version of the encoding.
const VERSION: u8 = 0xa1;

/// A delta that one [`DeltaStream`](crate::DeltaStream) has accumulated, for others to
/// [`apply`](crate::DeltaStream::apply).
///
/// ```
/// use atomik::{DeltaMessage, DeltaStream};
///
/// let mut stream = DeltaStream::new(256)?;
/// let message = stream.accum(7, 0xff)?;
/// let bytes = message.encode();
/// assert!(bytes.len() <= 24); // instead of a snapshot
/// assert_eq!(DeltaMessage::decode(&bytes)?, message);
/// # Ok::<(), atomik::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeltaMessage {
    /// The stream that made the message, see [`DeltaStream::sender`](crate::DeltaStream::sender).
    pub sender: u64,
    /// The context's address.
    pub addr: u32,
    /// The address's epoch in which the message was made.
    pub epoch: u64,
    /// The message's number among its sender's, from 1.
    pub seq: u64,
    /// The delta, of the stream's width.
    pub delta: Value,
}

impl DeltaMessage {
    /// Makes a message with a delta of `width` bits, to which `delta` is masked. Streams make their
    /// own.
    ///
    /// # Errors
    ///
    /// [`LocalError::InvalidWidth`] for a width of 0, or above [`MAX_WIDTH`](crate::MAX_WIDTH).
    pub fn new(
        sender: u64,
        addr: u32,
        epoch: u64,
        seq: u64,
        width: u32,
        delta: impl AsLimbs,
    ) -> Result<Self, LocalError> {
        let delta = Value::new(width, delta)?;
        Ok(Self {
            sender,
            addr,
            epoch,
            seq,
            delta,
        })
    }

    /// The length in bytes of the longest message: one of the largest width.
    pub const MAX_BYTES: usize = 1 + 5 + 10 + 10 + 8 + 4 + (MAX_WIDTH / 8) as usize;

    /// Encodes the message: at least 13 bytes and the delta. `tests/vectors/README.md` has the
    /// format.
    ///
    /// [`encode_many`](Self::encode_many) takes fewer bytes, and messages in a byte stream are told
    /// apart by [`take_many`](Self::take_many).
    ///
    /// There is no checksum: the transport must have one, as TCP, QUIC and TLS do.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for number in [self.addr.into(), self.epoch, self.seq] {
            put_number(&mut bytes, number);
        }
        bytes.extend(self.sender.to_le_bytes());
        put_number(&mut bytes, self.delta.width().into());
        bytes.extend(self.delta.to_le_bytes());
        bytes
    }

    /// Decodes a message, which must be all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`LocalError::Message`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LocalError> {
        let mut rest = bytes;
        let message = Self::first(&mut rest).map_err(LocalError::Message)?;
        match rest.len() {
            0 => Ok(message),
            excess => Err(LocalError::Message(Malformed::Long { excess })),
        }
    }

    /// Takes a message from the start of `rest`.
    pub(super) fn first(rest: &mut &[u8]) -> Result<Self, Malformed> {
        match take(rest, 1)? {
            [VERSION] => {}
            other => {
                return Err(Malformed::Version {
                    found: other[0],
                    known: VERSION,
                });
            }
        }
        let addr = small(rest, "address")?;
        let epoch = number(rest, "epoch")?;
        let seq = number(rest, "sequence number")?;
        let sender = limb(take(rest, 8)?);
        let width = width(rest)?;
        if seq == 0 {
            return Err(Malformed::Number {
                name: "sequence number",
            });
        }
        let delta = value(rest, width)?;
        Ok(Self {
            sender,
            addr,
            epoch,
            seq,
            delta,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message() -> impl Strategy<Value = DeltaMessage> {
        // Of all lengths that numbers have.
        let number = || (any::<u64>(), 0..64u32).prop_map(|(n, shift)| n >> shift);
        let limbs = prop::collection::vec(any::<u64>(), 0..5);
        let seq = number().prop_map(|n| n.max(1));
        (any::<u64>(), number(), number(), seq, 1..300u32, limbs).prop_map(
            |(sender, addr, epoch, seq, width, delta)| {
                DeltaMessage::new(sender, addr as u32, epoch, seq, width, delta).unwrap()
            },
        )
    }

    proptest! {
        #[test]
        fn messages_come_back(message in message()) {
            prop_assert_eq!(DeltaMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn what_is_cut_or_longer_is_refused(message in message(), more in any::<u8>()) {
            let mut bytes = message.encode();
            for length in 0..bytes.len() {
                prop_assert!(DeltaMessage::decode(&bytes[..length]).is_err());
            }
            bytes.push(more);
            prop_assert!(DeltaMessage::decode(&bytes).is_err());
        }

        #[test]
        fn bytes_mean_one_thing(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            message in message(),
        ) {
            // Anything; and a message with something else in it.
            let mut damaged = message.encode();
            for (to, from) in damaged.iter_mut().zip(&bytes).skip(1).step_by(3) {
                *to = *from;
            }
            for bytes in [[&[VERSION], &bytes[..]].concat(), damaged] {
                if let Ok(message) = DeltaMessage::decode(&bytes) {
                    prop_assert_eq!(message.encode(), bytes);
                }
            }
        }
    }
}
