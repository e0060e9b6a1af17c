// SPDX-License-Identifier: MIT OR Apache-2.0
//! The few kinds of x86-64 instructions that are counted apart.

/// Bytes of the longest instruction.
pub const LONGEST: usize = 15;

/// True for an instruction that has its cache line alone: one with a LOCK prefix, or an XCHG with
/// memory.
pub fn is_locked(code: &[u8]) -> bool {
    const LOCK: u8 = 0xf0;
    let (prefixes, rest) = split(code);
    let exchanges = matches!(rest, [0x86 | 0x87, modrm, ..] if modrm >> 6 != 0b11);
    prefixes.contains(&LOCK) || exchanges
}

/// True for CALL and PUSH, which write to the stack.
pub fn writes_stack(code: &[u8]) -> bool {
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
