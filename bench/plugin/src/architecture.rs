// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's architecture: its marks, and the few kinds of instructions that are counted apart.

use atomik_bench_marks::{AARCH64, Marks, X86_64};

/// Bytes of the longest instruction of any.
pub const LONGEST: usize = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    X86_64,
    Aarch64,
}

impl Architecture {
    /// By QEMU's name of it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    pub fn marks(self) -> &'static Marks {
        match self {
            Self::X86_64 => &X86_64,
            Self::Aarch64 => &AARCH64,
        }
    }

    /// True for an instruction that has its cache line alone.
    pub fn is_locked(self, code: &[u8]) -> bool {
        match self {
            Self::X86_64 => x86_is_locked(code),
            Self::Aarch64 => arm_is_locked(word(code)),
        }
    }

    /// True for an instruction that writes to the stack, of the kinds by which functions begin.
    pub fn writes_stack(self, code: &[u8]) -> bool {
        match self {
            Self::X86_64 => x86_writes_stack(code),
            Self::Aarch64 => arm_writes_stack(word(code)),
        }
    }
}

/// The instruction of arm64 that some code begins with.
fn word(code: &[u8]) -> u32 {
    code.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

/// True for the atomic operations of Armv8.1, LDADD to SWP and CAS, and for exclusive stores.
fn arm_is_locked(code: u32) -> bool {
    // A load that looks like them, LDAPR, isn't one.
    let operates = code & 0x3b20_0c00 == 0x3820_0000 && code & 0x3fff_fc00 != 0x38bf_c000;
    operates || code & 0x3fa0_7c00 == 0x08a0_7c00 || code & 0x3fe0_0000 == 0x0800_0000
}

/// True for STP and STR of 64-bit registers that lower the stack pointer first.
fn arm_writes_stack(code: u32) -> bool {
    code & 0xffc0_03e0 == 0xa980_03e0 || code & 0xffe0_0fe0 == 0xf800_0fe0
}

/// True for an instruction with a LOCK prefix, and for an XCHG with memory.
fn x86_is_locked(code: &[u8]) -> bool {
    const LOCK: u8 = 0xf0;
    let (prefixes, rest) = split(code);
    let exchanges = matches!(rest, [0x86 | 0x87, modrm, ..] if modrm >> 6 != 0b11);
    prefixes.contains(&LOCK) || exchanges
}

/// True for CALL and PUSH.
fn x86_writes_stack(code: &[u8]) -> bool {
    let (_, rest) = split(code);
    match rest {
        [0x50..=0x57 | 0x68 | 0x6a | 0x9c | 0xe8, ..] | [0x0f, 0xa0 | 0xa8, ..] => true,
        // Of this opcode, CALL and PUSH are the second and the sixth.
        [0xff, modrm, ..] => matches!((modrm >> 3) & 0b111, 2 | 6),
        _ => false,
    }
}

/// The prefixes, REX among them, and what follows.
fn split(code: &[u8]) -> (&[u8], &[u8]) {
    let is_prefix = |byte: &u8| {
        matches!(
            byte,
            0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3
        )
    };
    let end = code.iter().position(|byte| !is_prefix(byte));
    code.split_at(end.unwrap_or(code.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_of_arm64() {
        let locked = |code: u32| Architecture::Aarch64.is_locked(&code.to_le_bytes());
        for (code, name) in [
            (0xf820_0020, "ldadd x0, x0, [x1]"),
            (0xf8e0_2020, "ldeoral x0, x0, [x1]"),
            (0xb820_8020, "swp w0, w0, [x1]"),
            (0xc8e0_fc22, "casal x0, x2, [x1]"),
            (0xc800_7c22, "stxr w0, x2, [x1]"),
        ] {
            assert!(locked(code), "{name}");
        }
        for (code, name) in [
            (0xf940_0020, "ldr x0, [x1]"),
            (0xf900_0020, "str x0, [x1]"),
            (0xc85f_7c20, "ldxr x0, [x1]"),
            (0xf8bf_c020, "ldapr x0, [x1]"),
            (0xc89f_fc20, "stlr x0, [x1]"),
            (0xf862_6820, "ldr x0, [x1, x2]"),
        ] {
            assert!(!locked(code), "{name}");
        }
        let stack = |code: u32| Architecture::Aarch64.writes_stack(&code.to_le_bytes());
        assert!(stack(0xa9bf_7bfd), "stp x29, x30, [sp, #-16]!");
        assert!(stack(0xf81f_0ffe), "str x30, [sp, #-16]!");
        assert!(!stack(0xa900_7bfd), "stp x29, x30, [sp]");
        assert!(!stack(0xf81f_0c3e), "str x30, [x1, #-16]!");
    }

    #[test]
    fn instructions_of_x86_64() {
        assert!(Architecture::X86_64.is_locked(&[0xf0, 0x48, 0x0f, 0xc1, 0x07]));
        assert!(Architecture::X86_64.is_locked(&[0x48, 0x87, 0x07]));
        assert!(!Architecture::X86_64.is_locked(&[0x48, 0x87, 0xc3]));
        assert!(Architecture::X86_64.writes_stack(&[0x41, 0x57]));
        assert!(!Architecture::X86_64.writes_stack(&[0x48, 0x89, 0x07]));
    }
}
