// SPDX-License-Identifier: MIT OR Apache-2.0

//! An operation of its parts.

use std::num::NonZeroU64;

use crate::script::Op;

/// Makes an operation of its name, its address and its value.
pub fn op(name: &str, addr: u32, value: Option<u64>) -> Result<Op, String> {
    let needed = || value.ok_or_else(|| format!("`{name}` needs a value"));
    Ok(match name {
        "load" => Op::Load {
            addr,
            value: needed()?,
        },
        "accum" | "rollback" => Op::Accum {
            addr,
            delta: needed()?,
        },
        "read" if value.is_none() => Op::Read { addr },
        "read" => return Err("`read` takes no value".into()),
        "swap" => Op::Swap {
            addr,
            new: match value {
                None => None,
                Some(value) => Some(NonZeroU64::new(value).ok_or(
                    "a swap's value can't be 0; without one it keeps the state, `load` clears it",
                )?),
            },
        },
        _ => {
            return Err(format!(
                "expected load, accum, read or swap, found '{}'",
                name.escape_debug()
            ));
        }
    })
}
