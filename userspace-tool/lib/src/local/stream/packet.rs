// SPDX-License-Identifier: MIT OR Apache-2.0

//! Packets: several messages of one sender, in few bytes, and messages in a byte stream.

use atomik_uapi::MAX_BATCH;

use super::DeltaMessage;
use super::wire::{number, put_number, small, take, whole, width};
use crate::local::Malformed;
use crate::local::value::limb;
use crate::{LocalError, Result};

/// The first byte of a packet.
const PACKET: u8 = 0xa2;

/// The largest width of messages in packets, in bits.
const MAX_WIDTH: u32 = 64;

/// Flags of an entry. The bits above are the length of the delta in bytes.
const EPOCH: u8 = 1;
const SEQ: u8 = 2;
const LENGTH: u32 = 2;

impl DeltaMessage {
    /// Encodes messages for [`take_many`](Self::take_many). Those of one sender that follow each
    /// other make a packet, of up to [`MAX_BATCH`](crate::MAX_BATCH) messages: 12 bytes, and a
    /// message of a small delta adds 3 or 4. Messages of more than 64 bits are as
    /// [`encode`](Self::encode) makes them.
    ///
    /// | a 64-bit message, on average of 100 | `encode` | `encode_many` | address and delta alone |
    /// | --- | --- | --- | --- |
    /// | delta of 8 bits, 256 contexts | 21.5 bytes | 3.6 bytes | 12 bytes |
    /// | delta of 16 bits, 65536 contexts | 22.8 bytes | 5.9 bytes | 12 bytes |
    /// | delta of 64 bits, 65536 contexts | 22.8 bytes | 11.9 bytes | 12 bytes |
    /// | alone, delta of 8 bits, 256 contexts | 21 bytes | 14 bytes | 12 bytes |
    ///
    /// ```
    /// use atomik::{DeltaMessage, DeltaStream};
    ///
    /// let (mut one, mut other) = (DeltaStream::new(256)?, DeltaStream::new(256)?);
    /// for addr in 0..100 {
    ///     one.accum(addr, 0xff)?;
    /// }
    /// let bytes = DeltaMessage::encode_many(&one.pending());
    /// assert!(bytes.len() < 4 * 100);
    ///
    /// // What a socket has given so far: perhaps the beginning of the next, too.
    /// let mut received = [&bytes[..], &bytes[..7]].concat();
    /// let mut rest = &received[..];
    /// other.apply_many(&DeltaMessage::take_many(&mut rest)?)?;
    /// let whole = received.len() - rest.len();
    /// received.drain(..whole); // what is left waits for more
    /// assert_eq!(received.len(), 7);
    /// assert_eq!(other.read(99)?, 0xff);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn encode_many(messages: &[Self]) -> Vec<u8> {
        let mut bytes = vec![];
        let alike = |a: &Self, b: &Self| (a.sender, a.delta.width()) == (b.sender, b.delta.width());
        for run in messages.chunk_by(alike) {
            for part in run.chunks(MAX_BATCH as usize) {
                match part.first() {
                    Some(first) if first.delta.width() <= MAX_WIDTH => {
                        put_packet(&mut bytes, first, part);
                    }
                    _ => bytes.extend(part.iter().flat_map(Self::encode)),
                }
            }
        }
        bytes
    }

    /// Takes the messages at the start of `bytes`, by [`encode`](Self::encode) or by
    /// [`encode_many`](Self::encode_many), as far as they have arrived. `bytes` becomes the rest:
    /// the beginning of the next message or packet, or nothing.
    ///
    /// # Errors
    ///
    /// Those of [`decode`](Self::decode), of what begins the bytes. Messages before a mistake are
    /// returned first, and the next call returns the error.
    pub fn take_many(bytes: &mut &[u8]) -> Result<Vec<Self>, LocalError> {
        let mut messages = vec![];
        loop {
            let mut rest = *bytes;
            let taken = match rest.first() {
                None => return Ok(messages),
                Some(&PACKET) => packet(&mut rest),
                Some(_) => Self::first(&mut rest).map(|message| vec![message]),
            };
            match taken {
                Ok(more) => messages.extend(more),
                Err(Malformed::Short) => return Ok(messages),
                Err(wrong) if messages.is_empty() => return Err(LocalError::Message(wrong)),
                Err(_) => return Ok(messages),
            }
            *bytes = rest;
        }
    }
}

/// Encodes messages of one sender and width.
fn put_packet(bytes: &mut Vec<u8>, first: &DeltaMessage, messages: &[DeltaMessage]) {
    bytes.push(PACKET);
    bytes.extend(first.sender.to_le_bytes());
    put_number(bytes, first.delta.width().into());
    put_number(bytes, messages.len() as u64);
    let (mut epoch, mut seq) = (0, 0u64);
    for message in messages {
        let delta = message.delta.to_le_bytes();
        let zeros = delta.iter().rev().take_while(|&&byte| byte == 0).count();
        let delta = &delta[..delta.len() - zeros];
        let mut head = (delta.len() as u8) << LENGTH;
        if message.epoch != epoch {
            head |= EPOCH;
        }
        if Some(message.seq) != seq.checked_add(1) {
            head |= SEQ;
        }
        put_number(bytes, message.addr.into());
        bytes.push(head);
        if head & EPOCH != 0 {
            put_number(bytes, message.epoch);
        }
        if head & SEQ != 0 {
            put_number(bytes, message.seq);
        }
        bytes.extend(delta);
        (epoch, seq) = (message.epoch, message.seq);
    }
}

/// Takes a packet from the start of `rest`. Each list of messages has one encoding.
fn packet(rest: &mut &[u8]) -> Result<Vec<DeltaMessage>, Malformed> {
    take(rest, 1)?;
    let sender = limb(take(rest, 8)?);
    let width = width(rest)?;
    if width.bits() > MAX_WIDTH {
        return Err(Malformed::Number { name: "width" });
    }
    let count = small(rest, "count")?;
    if !(1..=MAX_BATCH).contains(&count) {
        return Err(Malformed::Number { name: "count" });
    }
    let (mut epoch, mut seq) = (0, 0u64);
    let mut messages = vec![];
    for _ in 0..count {
        let addr = small(rest, "address")?;
        let head = limb(take(rest, 1)?) as u8;
        if head & EPOCH != 0 {
            let other = number(rest, "epoch")?;
            if other == epoch {
                return Err(Malformed::Number { name: "epoch" });
            }
            epoch = other;
        }
        let wrong = Malformed::Number {
            name: "sequence number",
        };
        let next = seq.checked_add(1);
        if head & SEQ == 0 {
            seq = next.ok_or(wrong)?;
        } else {
            seq = number(rest, "sequence number")?;
            if seq == 0 || Some(seq) == next {
                return Err(wrong);
            }
        }
        let length = usize::from(head >> LENGTH);
        if length > width.bytes() {
            return Err(Malformed::Value);
        }
        let delta = take(rest, length)?;
        if delta.last() == Some(&0) {
            return Err(Malformed::Value);
        }
        messages.push(DeltaMessage {
            sender,
            addr,
            epoch,
            seq,
            delta: whole(delta, width)?,
        });
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message() -> impl Strategy<Value = DeltaMessage> {
        let number = || (any::<u64>(), 0..64u32).prop_map(|(n, shift)| n >> shift);
        let width = prop_oneof![Just(64u32), Just(1), Just(13), Just(100)];
        // Few senders, epochs and numbers, so that some follow each other.
        let epoch = prop_oneof![0..3u64, number()];
        let seq = prop_oneof![1..4u64, Just(u64::MAX), number().prop_map(|n| n.max(1))];
        (0..2u64, number(), epoch, seq, width, number()).prop_map(
            |(sender, addr, epoch, seq, width, delta)| {
                DeltaMessage::new(sender, addr as u32, epoch, seq, width, delta).unwrap()
            },
        )
    }

    fn messages() -> impl Strategy<Value = Vec<DeltaMessage>> {
        prop::collection::vec(message(), 0..12)
    }

    proptest! {
        #[test]
        fn messages_come_back_in_pieces(list in messages(), at in any::<prop::sample::Index>()) {
            let mut bytes = DeltaMessage::encode_many(&list);
            // Single ones between them.
            let alone = DeltaMessage::new(7, 8, 9, 10, 11, 12u64).unwrap();
            bytes.extend(alone.encode());
            let all = [&list[..], &[alone]].concat();
            let cut = at.index(bytes.len() + 1);
            let mut rest = &bytes[..cut];
            let mut found = DeltaMessage::take_many(&mut rest).unwrap();
            let mut rest = &bytes[cut - rest.len()..];
            found.extend(DeltaMessage::take_many(&mut rest).unwrap());
            prop_assert!(rest.is_empty());
            prop_assert_eq!(found, all);
        }

        #[test]
        fn bytes_mean_one_thing(
            list in messages(),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut bytes = DeltaMessage::encode_many(&list);
            for (at, byte) in damage {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            let mut rest = &bytes[..];
            // One packet or message at a time, as two packets may be as good as one.
            while rest.first() == Some(&PACKET) {
                let before = rest;
                let Ok(list) = packet(&mut rest) else { break };
                let taken = before.len() - rest.len();
                prop_assert_eq!(DeltaMessage::encode_many(&list), &before[..taken]);
            }
        }
    }

    /// Other versions of this crate read these.
    #[test]
    fn bytes_stay() {
        let message = |addr, epoch, seq, delta: u64| {
            DeltaMessage::new(0x0102_0304_0506_0708, addr, epoch, seq, 64, delta).unwrap()
        };
        let list = [message(300, 0, 1, 0xff), message(1, 2, 5, 0x100)];
        let expected = [
            0xa2, 8, 7, 6, 5, 4, 3, 2, 1, 64, 2, // the packet
            0xac, 2, 0x04, 0xff, // the first: an address of two bytes
            1, 0x0b, 2, 5, 0, 1, // of another epoch, and not the next
        ];
        assert_eq!(DeltaMessage::encode_many(&list), expected);
    }

    #[test]
    fn a_packet_has_as_many_messages_as_a_batch() {
        let message = |seq| DeltaMessage::new(1, 2, 0, seq, 8, 3u64).unwrap();
        let most = u64::from(MAX_BATCH);
        let list: Vec<_> = (1..=most + 1).map(message).collect();
        let bytes = DeltaMessage::encode_many(&list);
        let (first, second) = list.split_at(most as usize);
        let packets = [first, second].map(DeltaMessage::encode_many);
        assert_eq!(bytes, packets.concat());
        assert_eq!(DeltaMessage::take_many(&mut &bytes[..]), Ok(list));
        // One message more in the head of the first than it may have.
        let mut more = bytes.clone();
        more[10] += 1;
        let wrong = Malformed::Number { name: "count" };
        assert_eq!(
            DeltaMessage::take_many(&mut &more[..]),
            Err(LocalError::Message(wrong))
        );
    }

    #[test]
    fn a_mistake_comes_behind_the_messages_before_it() {
        let message = DeltaMessage::new(1, 2, 3, 4, 64, 5u64).unwrap();
        let mut bytes = DeltaMessage::encode_many(std::slice::from_ref(&message));
        bytes.push(0xff);
        let mut rest = &bytes[..];
        assert_eq!(DeltaMessage::take_many(&mut rest), Ok(vec![message]));
        assert!(matches!(
            DeltaMessage::take_many(&mut rest),
            Err(LocalError::Message(Malformed::Version { found: 0xff, .. }))
        ));
        assert_eq!(rest, [0xff]);
    }

    /// The table in the documentation of `encode_many`.
    #[test]
    fn sizes() {
        let size = |count: u64, contexts: u32, bits: u32| {
            let message = |i: u64| {
                let addr = (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32 % contexts;
                DeltaMessage::new(u64::MAX, addr, 0, i, 64, 1u64 << (bits - 1)).unwrap()
            };
            let list: Vec<_> = (1..=count).map(message).collect();
            let single: usize = list.iter().map(|message| message.encode().len()).sum();
            let average = |bytes: usize| (bytes * 10 + count as usize / 2) / count as usize;
            (
                average(single),
                average(DeltaMessage::encode_many(&list).len()),
            )
        };
        assert_eq!(size(100, 256, 8), (215, 36));
        assert_eq!(size(100, 65536, 16), (228, 59));
        assert_eq!(size(100, 65536, 64), (228, 119));
        assert_eq!(size(1, 128, 8), (210, 140));
    }
}
