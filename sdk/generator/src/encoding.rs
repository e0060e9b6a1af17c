// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the bits of a field's values lie in its contexts.

use num_bigint::BigUint;

use crate::schema::{Encoding, Field};

/// A value's bits as they lie in the contexts. `lay(a ^ b) == lay(a) ^ lay(b)`, so deltas may be
/// laid before or after they are combined.
pub fn lay(field: &Field, value: &BigUint) -> BigUint {
    let value = value & field.mask();
    match field.encoding {
        // A 1 where a run of equal bits begins, counted from bit 0, with zeros below it.
        Encoding::Rle => (&value ^ (&value << 1u8)) & field.mask(),
        // Cells lie as they are numbered.
        Encoding::Raw | Encoding::Cells => value,
    }
}

/// The value of bits that lie in the contexts.
pub fn lift(field: &Field, laid: &BigUint) -> BigUint {
    let mut value = laid.clone();
    if field.encoding == Encoding::Rle {
        // Each bit becomes the XOR of all up to it.
        for bit in 1..u64::from(field.width) {
            value.set_bit(bit, laid.bit(bit) != value.bit(bit - 1));
        }
    }
    value
}

/// The lowest bit of the cell (x, y, t), and the mask of a cell.
pub fn cell(field: &Field, [x, y, t]: [u32; 3]) -> (u32, BigUint) {
    let bits = field.width / 64;
    let mask = (BigUint::from(1u8) << bits) - 1u8;
    ((x + 4 * y + 16 * t) * bits, mask)
}
