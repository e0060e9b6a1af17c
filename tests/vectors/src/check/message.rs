// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks vectors of the messages' encoding.

use atomik::DeltaMessage;

use super::expectation::{encoded, refused, same};
use super::{Outcome, Storage};
use crate::format::MessageCase;

pub fn check<S: Storage>(_: &S, case: &MessageCase) -> Outcome {
    if !S::PROCESS {
        return Ok(false);
    }
    let decoded = DeltaMessage::decode(&case.bytes.0);
    let MessageCase {
        width: Some(width),
        sender: Some(sender),
        addr: Some(addr),
        epoch: Some(epoch),
        seq: Some(seq),
        delta: Some(delta),
        error: None,
        ..
    } = case
    else {
        return refused(decoded, case.error);
    };
    let decoded = decoded.map_err(|error| error.to_string())?;
    same("the sender", format!("{:#x}", decoded.sender), sender)?;
    same("the address", decoded.addr, addr)?;
    same("the epoch", decoded.epoch, epoch)?;
    same("the sequence number", decoded.seq, seq)?;
    same("the width", decoded.delta.width(), width)?;
    same("the delta", &decoded.delta, delta)?;
    let made = DeltaMessage::new(sender.low(), *addr, *epoch, *seq, *width, delta.limbs());
    let made = made.map_err(|error| error.to_string())?.encode();
    encoded(&made, &case.bytes.0)
}
