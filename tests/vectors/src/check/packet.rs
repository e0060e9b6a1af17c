// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks vectors of packets.

use atomik::DeltaMessage;

use super::expectation::same;
use super::{Outcome, Storage};
use crate::format::{ErrorKind, PacketCase, PacketMessage};

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
        return match (taken, case.error) {
            (Err(_), Some(ErrorKind::Message)) => Ok(true),
            (taken, error) => Err(format!("{taken:?}, expected the error {error:?}")),
        };
    };
    let taken = taken.map_err(|error| error.to_string())?;
    let expected: Result<Vec<_>, _> = messages.iter().map(message).collect();
    let expected = expected.map_err(|error| error.to_string())?;
    let text = |messages: &[DeltaMessage]| format!("{messages:?}");
    same("the list of messages", text(&taken), text(&expected))?;
    same("the number of bytes that are left", rest.len(), left)?;
    let text = |bytes: &[u8]| format!("{bytes:02x?}");
    let made = DeltaMessage::encode_many(&expected);
    let whole = &bytes[..bytes.len() - rest.len()];
    same("the encoding", text(&made), text(whole))?;
    Ok(true)
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
