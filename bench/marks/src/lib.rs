// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions that mark the beginning and the end of a block to be counted: `nop`s with a
//! displacement that no compiler chooses. They do nothing, so a program with them also runs where
//! nobody counts.

/// `nopl disp32(%rax)`.
const fn nop(displacement: [u8; 4]) -> [u8; LENGTH] {
    let [a, b, c, d] = displacement;
    [0x0f, 0x1f, 0x80, a, b, c, d]
}

/// Bytes in a mark.
pub const LENGTH: usize = 7;
/// Counting begins after it.
pub const BEGIN: [u8; LENGTH] = nop(*b"atm<");
/// Counting ends with it.
pub const END: [u8; LENGTH] = nop(*b"atm>");

/// Executes [`BEGIN`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn begin() {
    // SAFETY: it does nothing. Without `nomem`, the compiler keeps the block behind it.
    unsafe {
        core::arch::asm!(
            ".byte 0x0f, 0x1f, 0x80",
            ".ascii \"atm<\"",
            options(nostack, preserves_flags)
        );
    }
}

/// Executes [`END`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn end() {
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            ".byte 0x0f, 0x1f, 0x80",
            ".ascii \"atm>\"",
            options(nostack, preserves_flags)
        );
    }
}
