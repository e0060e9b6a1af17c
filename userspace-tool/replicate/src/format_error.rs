// SPDX-License-Identifier: MIT OR Apache-2.0

/// Bytes that aren't a message, or a snapshot, of the format that this version has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FormatError {
    /// Something else altogether.
    #[error("the bytes don't begin as those of a replicated table do")]
    Magic,
    /// The sum of the bytes is another than that at their end, or there are too few for one.
    #[error("the checksum is wrong: bytes are damaged or missing")]
    Checksum,
    /// Of a later version. The bytes are as their writer made them.
    #[error("the format has version {found}, and this program knows {known} alone: upgrade it")]
    Version {
        /// The version of the bytes.
        found: u8,
        /// The version that is known.
        known: u8,
    },
    /// It ends in the middle of something, or goes on behind its end.
    #[error("the length is wrong")]
    Length,
    /// A field that can't have this value.
    #[error("{field} can't be {value}")]
    Field {
        /// The name of the field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// The name of a node that can't be one.
    #[error("the name of the node isn't one")]
    Name,
}
