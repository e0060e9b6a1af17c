// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers and values as bytes. What takes them moves the start of `rest` behind them.

use crate::local::Malformed;
use crate::local::value::Value;
use crate::local::width::Width;

/// LEB128: 7 bits a byte, the lowest first, and a bit more in all but the last.
pub(super) fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number, `name` in the error.
pub(super) fn number(rest: &mut &[u8], name: &'static str) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = take(rest, 1)?[0];
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit; a last byte of 0 would be superfluous.
        if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
            break;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed::Number { name })
}

/// Takes a number of 32 bits.
pub(super) fn small(rest: &mut &[u8], name: &'static str) -> Result<u32, Malformed> {
    let number = number(rest, name)?;
    u32::try_from(number).map_err(|_| Malformed::Number { name })
}

/// Takes so many bytes.
pub(super) fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Malformed> {
    let (taken, left) = rest.split_at_checked(count).ok_or(Malformed::Short)?;
    *rest = left;
    Ok(taken)
}

/// Takes a width.
pub(super) fn width(rest: &mut &[u8]) -> Result<Width, Malformed> {
    let bits = small(rest, "width")?;
    Width::new(bits).map_err(|_| Malformed::Number { name: "width" })
}

/// Takes a value of this width, all bytes of it.
pub(super) fn value(rest: &mut &[u8], width: Width) -> Result<Value, Malformed> {
    whole(take(rest, width.bytes())?, width)
}

/// A value of this width, without the zeros at its end.
pub(super) fn whole(bytes: &[u8], width: Width) -> Result<Value, Malformed> {
    let value = Value::from_le_bytes(width.bits(), bytes).map_err(|_| Malformed::Value)?;
    // Bits beyond the width would be cut off.
    match value.to_le_bytes().starts_with(bytes) {
        true => Ok(value),
        false => Err(Malformed::Value),
    }
}
