// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions that mark the beginning and the end of a block to be counted: ones with a number in
//! them that no compiler chooses. They do nothing, so a program with them also runs where nobody
//! counts.

/// The marks of an architecture, as bytes of its code.
pub struct Marks {
    /// Counting begins after it.
    pub begin: &'static [u8],
    /// Counting ends with it.
    pub end: &'static [u8],
}

/// Of x86-64: `nopl disp32(%rax)`.
pub const X86_64: Marks = Marks {
    begin: b"\x0f\x1f\x80atm<",
    end: b"\x0f\x1f\x80atm>",
};

/// Of arm64: `movz xzr, #16-bit`, with `t<` and `t>` as the number.
pub const AARCH64: Marks = Marks {
    begin: &movz(*b"t<").to_le_bytes(),
    end: &movz(*b"t>").to_le_bytes(),
};

const fn movz(number: [u8; 2]) -> u32 {
    const TO_NOWHERE: u32 = 0xd280_001f;
    TO_NOWHERE | ((u16::from_le_bytes(number) as u32) << 5)
}

/// Executes the mark that begins a block.
#[inline(always)]
pub fn begin() {
    // SAFETY: it does nothing. Without `nomem`, the compiler keeps the block behind it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            ".byte 0x0f, 0x1f, 0x80",
            ".ascii \"atm<\"",
            options(nostack, preserves_flags)
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            ".inst {mark}",
            mark = const movz(*b"t<"),
            options(nostack, preserves_flags)
        );
    }
}

/// Executes the mark that ends a block.
#[inline(always)]
pub fn end() {
    // SAFETY: as above.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            ".byte 0x0f, 0x1f, 0x80",
            ".ascii \"atm>\"",
            options(nostack, preserves_flags)
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            ".inst {mark}",
            mark = const movz(*b"t>"),
            options(nostack, preserves_flags)
        );
    }
}
