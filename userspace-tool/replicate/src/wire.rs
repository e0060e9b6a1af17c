// SPDX-License-Identifier: MIT OR Apache-2.0

//! The parts that messages and snapshots are made of: integers, little-endian, between a header
//! and a checksum.

use crate::{FormatError, NodeName};

/// Positions at most, so that one may count on from any.
pub(crate) const MAX_POSITION: u64 = u64::MAX >> 1;

/// The version of the format of messages and of snapshots.
pub const VERSION: u8 = 1;

pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn new(magic: [u8; 4], kind: u8, table: u64) -> Self {
        let mut writer = Self {
            bytes: magic.to_vec(),
        };
        writer.bytes.extend([VERSION, kind, 0, 0]);
        writer.u64(table);
        writer
    }

    pub fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// A byte of the length, and the name. No name has the length 0.
    pub fn name(&mut self, name: Option<&NodeName>) {
        let name = name.map_or("", NodeName::as_str);
        self.bytes.push(name.len() as u8);
        self.bytes(name.as_bytes());
    }

    pub fn finish(mut self) -> Vec<u8> {
        let checksum = crc32fast::hash(&self.bytes);
        self.u32(checksum);
        self.bytes
    }
}

pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The reader of what is behind the header, the kind, and the number of the table. The magic
    /// and the checksum are where every version has them; a version is told only of whole bytes.
    pub fn new(magic: [u8; 4], bytes: &'a [u8]) -> Result<(Self, u8, u64), FormatError> {
        if !bytes.starts_with(&magic) {
            return Err(FormatError::Magic);
        }
        let (rest, checksum) = bytes.split_last_chunk::<4>().ok_or(FormatError::Checksum)?;
        if crc32fast::hash(rest) != u32::from_le_bytes(*checksum) {
            return Err(FormatError::Checksum);
        }
        let mut reader = Self {
            rest: rest.get(4..).ok_or(FormatError::Length)?,
        };
        let [version, kind] = reader.array()?;
        if version != VERSION {
            return Err(FormatError::Version {
                found: version,
                known: VERSION,
            });
        }
        match reader.u16()? {
            0 => {}
            other => return Err(field("the reserved field", other)),
        }
        let table = reader.not_zero("the table", Self::u64)?;
        Ok((reader, kind, table))
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (array, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(FormatError::Length)?;
        self.rest = rest;
        Ok(*array)
    }

    pub fn u16(&mut self) -> Result<u16, FormatError> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, FormatError> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, FormatError> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn not_zero<T: Copy + Default + PartialEq + Into<u64>>(
        &mut self,
        name: &'static str,
        read: impl Fn(&mut Self) -> Result<T, FormatError>,
    ) -> Result<T, FormatError> {
        match read(self)? {
            zero if zero == T::default() => Err(field(name, 0u16)),
            value => Ok(value),
        }
    }

    pub fn name(&mut self) -> Result<Option<NodeName>, FormatError> {
        let [length] = self.array()?;
        if length == 0 {
            return Ok(None);
        }
        let (name, rest) = self
            .rest
            .split_at_checked(length.into())
            .ok_or(FormatError::Length)?;
        self.rest = rest;
        NodeName::from_bytes(name)
            .map(Some)
            .ok_or(FormatError::Name)
    }

    pub fn end(self) -> Result<(), FormatError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(FormatError::Length)
        }
    }
}

pub(crate) fn field(field: &'static str, value: impl Into<u64>) -> FormatError {
    FormatError::Field {
        field,
        value: value.into(),
    }
}
