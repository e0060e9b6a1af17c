// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes operations from their parts.

use std::num::NonZeroU64;

use crate::script::number::{named_u32, named_u64, quoted};
use crate::script::{OPERATIONS, Op};

/// Makes an operation from its name, its address and its value, as text.
pub fn op(name: &str, addr: &str, value: Option<&str>) -> Result<Op, String> {
    let addr = named_u32("addr", addr)?;
    let value = value.map(|value| named_u64("value", value)).transpose()?;
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
        "set" => Op::Set {
            addr,
            value: needed()?,
        },
        "expect" => Op::Expect {
            addr,
            value: needed()?,
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
            return Err(format!("expected {OPERATIONS}, found {}", quoted(name)));
        }
    })
}
