// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaMessage`]: a delta on its way from one stream to others, and its encoding.

use crate::local::value::{AsLimbs, Value};
use crate::local::width::Width;
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
    /// [`LocalError::MessageVersion`], [`LocalError::MessageShort`], [`LocalError::MessageLong`],
    /// [`LocalError::MessageNumber`], [`LocalError::MessageDelta`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LocalError> {
        let mut rest = bytes;
        match take(&mut rest, 1)? {
            [VERSION] => {}
            other => {
                return Err(LocalError::MessageVersion {
                    found: other[0],
                    known: VERSION,
                });
            }
        }
        let addr = small(&mut rest, "address")?;
        let epoch = number(&mut rest, "epoch")?;
        let seq = number(&mut rest, "sequence number")?;
        let sender = crate::local::value::limb(take(&mut rest, 8)?);
        let width = small(&mut rest, "width")?;
        let width = Width::new(width).map_err(|_| LocalError::MessageNumber { name: "width" })?;
        if seq == 0 {
            return Err(LocalError::MessageNumber {
                name: "sequence number",
            });
        }
        let delta = take(&mut rest, width.bytes())?;
        if !rest.is_empty() {
            return Err(LocalError::MessageLong { excess: rest.len() });
        }
        let value =
            Value::from_le_bytes(width.bits(), delta).map_err(|_| LocalError::MessageDelta)?;
        if value.to_le_bytes() != delta {
            return Err(LocalError::MessageDelta);
        }
        Ok(Self {
            sender,
            addr,
            epoch,
            seq,
            delta: value,
        })
    }
}

/// LEB128: 7 bits a byte, the lowest first, and a bit more in all but the last.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn number(rest: &mut &[u8], name: &'static str) -> Result<u64, LocalError> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = take(rest, 1)?[0];
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit; a last byte of 0 would be superfluous.
        if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
            break;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(LocalError::MessageNumber { name })
}

fn small(rest: &mut &[u8], name: &'static str) -> Result<u32, LocalError> {
    let number = number(rest, name)?;
    u32::try_from(number).map_err(|_| LocalError::MessageNumber { name })
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], LocalError> {
    let (taken, left) = rest
        .split_at_checked(count)
        .ok_or(LocalError::MessageShort)?;
    *rest = left;
    Ok(taken)
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
