// SPDX-License-Identifier: MIT OR Apache-2.0

//! The bytes of a snapshot file, documented in `docs/snapshot-format.md`. Integers are
//! little-endian.
//!
//! | offset | bytes | |
//! | --- | --- | --- |
//! | 0 | 8 | magic |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | number of contexts, 1 to 65536: n |
//! | 16 | 8 | when it was taken, seconds since 1970 |
//! | 24 | 8 | zero |
//! | 32 | 16 n | reference and accumulator of each context |
//! | 32 + 16 n | 4 | CRC-32 of all before it |

use super::{Result, SnapshotError};
use crate::{Context, MAX_CONTEXTS};

/// Not text, and damaged by programs that translate line ends or drop the eighth bit.
const MAGIC: [u8; 8] = *b"\x89ATOMIK\n";
const VERSION: u32 = 1;
const HEADER: usize = 32;
const CONTEXT: usize = 16;
const CHECKSUM: usize = 4;

/// The length in bytes of the longest file, that of the largest table.
pub const LONGEST: usize = HEADER + MAX_CONTEXTS as usize * CONTEXT + CHECKSUM;

pub fn encode(contexts: &[Context], taken: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + contexts.len() * CONTEXT + CHECKSUM);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    // It fits: there are at most `MAX_CONTEXTS`.
    bytes.extend((contexts.len() as u32).to_le_bytes());
    bytes.extend(taken.to_le_bytes());
    bytes.extend(0u64.to_le_bytes());
    for context in contexts {
        bytes.extend(context.reference.to_le_bytes());
        bytes.extend(context.accumulator.to_le_bytes());
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Returns the contexts, and the second since 1970 at which they were taken.
pub fn decode(bytes: &[u8]) -> Result<(Vec<Context>, u64)> {
    let damaged = |what| SnapshotError::Damaged { what };
    let mut reader = Reader(bytes);
    if reader.take::<8>() != Some(MAGIC) {
        return Err(SnapshotError::Foreign);
    }
    let short = || damaged("it ends too early");
    let version = reader.u32().ok_or_else(short)?;
    if version != VERSION {
        return Err(SnapshotError::Version { found: version });
    }
    let count = reader.u32().ok_or_else(short)?;
    let taken = reader.u64().ok_or_else(short)?;
    let reserved = reader.u64().ok_or_else(short)?;
    if !(1..=MAX_CONTEXTS).contains(&count) {
        return Err(damaged("no table has such a number of contexts"));
    }
    let length = HEADER + count as usize * CONTEXT + CHECKSUM;
    if bytes.len() < length {
        return Err(short());
    }
    if bytes.len() > length {
        return Err(damaged("it goes on after its end"));
    }
    let mut contexts = Vec::with_capacity(count as usize);
    for _ in 0..count {
        contexts.push(Context {
            reference: reader.u64().ok_or_else(short)?,
            accumulator: reader.u64().ok_or_else(short)?,
        });
    }
    let checksum = reader.u32().ok_or_else(short)?;
    let summed = bytes.get(..length - CHECKSUM).ok_or_else(short)?;
    if crc32fast::hash(summed) != checksum {
        return Err(damaged("its checksum is wrong"));
    }
    if reserved != 0 {
        return Err(damaged("a reserved field isn't zero"));
    }
    Ok((contexts, taken))
}

/// The bytes that are left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Vec<u8> {
        let context = |reference, accumulator| Context {
            reference,
            accumulator,
        };
        encode(&[context(0xcafe_babe, 1), context(u64::MAX, 0)], 7)
    }

    /// The example of the documentation, byte by byte.
    #[test]
    fn the_documented_bytes() {
        let bytes = example();
        assert_eq!(bytes[..8], [0x89, 0x41, 0x54, 0x4f, 0x4d, 0x49, 0x4b, 0x0a]);
        assert_eq!(bytes[8..16], [1, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(
            bytes[16..32],
            [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(bytes[32..40], [0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0]);
        assert_eq!(bytes[64..], crc32fast::hash(&bytes[..64]).to_le_bytes());
        let text = include_str!("../../../../docs/snapshot-format.md");
        let dump: Vec<u8> = text
            .lines()
            .filter_map(|line| line.strip_prefix("    0"))
            .flat_map(|line| line.split_whitespace().skip(1))
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect();
        assert_eq!(dump, bytes);
    }

    #[test]
    fn every_single_change_is_noticed() {
        let bytes = example();
        assert!(decode(&bytes).is_ok());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(decode(&changed).is_err(), "bit {bit} of byte {at}");
            }
            assert!(decode(&bytes[..at]).is_err(), "cut to {at}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode(&longer).is_err());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let told = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        assert_eq!(told(b""), "this is not a snapshot file");
        assert_eq!(told(b"#!/bin/sh\n"), "this is not a snapshot file");
        let mut bytes = example();
        bytes[8] = 2;
        assert!(told(&bytes).contains("version 2"));
        let bytes = example();
        assert!(told(&bytes[..40]).contains("ends too early"));
        // Right, but for a field that this version knows nothing of.
        let mut bytes = example();
        bytes[24] = 1;
        let end = bytes.len() - CHECKSUM;
        let checksum = crc32fast::hash(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&checksum);
        assert!(told(&bytes).contains("reserved"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes: Vec<u8>, magic: bool) {
            if magic {
                bytes.splice(..0, MAGIC.into_iter().chain(VERSION.to_le_bytes()));
            }
            prop_assert!(decode(&bytes).is_err());
        }
    }
}
