// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks vectors of packets.

use atomik::DeltaMessage;

use super::expectation::{encoded, refused, same};
use super::{Outcome, Storage};
use crate::format::{PacketCase, PacketMessage};

pub fn check<S: Storage>(_: &S, case: &PacketCase) -> Outcome {
    if !S::PROCESS {
        return Ok(false);
    }
    let bytes = &case.bytes.0;
    let mut rest = &bytes[..];
    let taken = DeltaMessage::take_many(&mut rest);
    let PacketCase {
        messages: Some(messages),
        left: Some(left),
        error: None,
        ..
    } = case
    else {
        return refused(taken, case.error);
    };
    let taken = taken.map_err(|error| error.to_string())?;
    let expected: Result<Vec<_>, _> = messages.iter().map(message).collect();
    let expected = expected.map_err(|error| error.to_string())?;
    let text = |messages: &[DeltaMessage]| format!("{messages:?}");
    same("the list of messages", text(&taken), text(&expected))?;
    same("the number of bytes that are left", rest.len(), left)?;
    let whole = &bytes[..bytes.len() - rest.len()];
    encoded(&DeltaMessage::encode_many(&expected), whole)
}

fn message(of: &PacketMessage) -> Result<DeltaMessage, atomik::LocalError> {
    let sender = of.sender.low();
    DeltaMessage::new(
        sender,
        of.addr,
        of.epoch,
        of.seq,
        of.width,
        of.delta.limbs(),
    )
}
