// SPDX-License-Identifier: GPL-2.0 OR MIT OR Apache-2.0

//! The limit on the memory that the driver uses for all open files together.

/// The parameter `limit_kib` where nobody has set it.
pub const UNSET: i64 = -1;

/// The default limit, on a machine with enough memory.
const DEFAULT_BYTES: u64 = 1 << 30;

/// The limit in bytes, from the parameter and the machine's memory in bytes.
///
/// A limit that is set is obeyed, whatever the memory. The default leaves most of a small machine's
/// memory to others. Any negative parameter means the same as [`UNSET`].
pub fn bytes(kib: i64, memory: u64) -> u64 {
    match u64::try_from(kib) {
        Ok(kib) => kib.saturating_mul(1024),
        Err(_) => DEFAULT_BYTES.min(memory / 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn by_default_a_quarter_of_the_memory_and_no_more_than_1_gib() {
        for (memory, limit) in [
            (0, 0),
            (GIB / 2, GIB / 8),
            (4 * GIB - 4, GIB - 1),
            (4 * GIB, GIB),
            (64 * GIB, GIB),
            (u64::MAX, GIB),
        ] {
            assert_eq!(bytes(UNSET, memory), limit);
            assert_eq!(bytes(i64::MIN, memory), limit);
        }
    }

    #[test]
    fn a_limit_that_is_set_is_obeyed() {
        for memory in [GIB / 2, 64 * GIB] {
            assert_eq!(bytes(0, memory), 0);
            assert_eq!(bytes(1, memory), 1024);
            assert_eq!(bytes(1 << 20, memory), GIB);
            assert_eq!(bytes(i64::MAX, memory), u64::MAX);
        }
    }
}
