// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Location`]: a spot in a caller's memory, and what the kernel can do there.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Bytes in each half of a window: as many as the largest batch has.
pub const HALF: usize = 0x1_0000;

/// The kind of memory in one half of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Half {
    /// Can be read and written.
    Rw,
    /// Can be read only.
    Ro,
    /// Can be written after a page fault in each page: a private mapping that has not been written
    /// to.
    Cow,
    /// Mapped without any rights.
    None,
    /// Not mapped.
    Gone,
    /// Mapped beyond the end of its file, where an access is a bus error.
    Hole,
}

impl Half {
    pub const ALL: [Self; 6] = [
        Self::Rw,
        Self::Ro,
        Self::Cow,
        Self::None,
        Self::Gone,
        Self::Hole,
    ];

    pub fn readable(self) -> bool {
        matches!(self, Self::Rw | Self::Ro | Self::Cow)
    }

    pub fn writable(self) -> bool {
        matches!(self, Self::Rw | Self::Cow)
    }
}

/// An address outside the caller's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Nowhere {
    Null,
    Low,
    UserEnd,
    NonCanonical,
    KernelData,
    KernelText,
    Vsyscall,
    Top,
}

impl Nowhere {
    pub const ALL: [Self; 8] = [
        Self::Null,
        Self::Low,
        Self::UserEnd,
        Self::NonCanonical,
        Self::KernelData,
        Self::KernelText,
        Self::Vsyscall,
        Self::Top,
    ];

    pub fn address(self) -> u64 {
        match self {
            Self::Null => 0,
            Self::Low => 0x10,
            Self::UserEnd => 0x7fff_ffff_f000,
            Self::NonCanonical => 0x8000_0000_0000,
            Self::KernelData => 0xffff_8880_0000_0000,
            Self::KernelText => 0xffff_ffff_8100_0000,
            Self::Vsyscall => 0xffff_ffff_ff60_0000,
            Self::Top => u64::MAX - 7,
        }
    }
}

/// The memory that an argument, or a batch, lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Location {
    /// In memory whose kind changes from the first to the second, this many bytes before the border
    /// between them.
    At(Half, Half, u32),
    Nowhere(Nowhere),
}

impl Location {
    /// Memory that can be read and written.
    pub const FINE: Self = Self::At(Half::Rw, Half::Rw, 64);

    /// The location within the limits of a window.
    pub fn clamped(self) -> Self {
        match self {
            Self::At(first, second, before) => Self::At(first, second, before.min(HALF as u32)),
            nowhere @ Self::Nowhere(_) => nowhere,
        }
    }

    /// True where `f` accepts the kind of all bytes of `range`, counted from the location.
    pub fn all(self, range: Range<usize>, f: impl Fn(Half) -> bool) -> bool {
        range.is_empty() || {
            let last = self.half(range.end - 1);
            let first = self.half(range.start);
            first.is_some_and(&f) && last.is_some_and(&f)
        }
    }

    /// The kind of memory that is `offset` bytes from the location.
    pub fn half(self, offset: usize) -> Option<Half> {
        match self {
            Self::At(first, second, before) => {
                let before = before as usize;
                if offset < before {
                    Some(first)
                } else if offset < before + HALF {
                    Some(second)
                } else {
                    None
                }
            }
            Self::Nowhere(_) => None,
        }
    }

    pub fn readable(self, range: Range<usize>) -> bool {
        self.all(range, Half::readable)
    }

    pub fn writable(self, range: Range<usize>) -> bool {
        self.all(range, Half::writable)
    }
}
