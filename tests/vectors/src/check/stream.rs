// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks vectors of streams.

use atomik::{ContextTable, DeltaMessage, DeltaStream, Received, Result};

use super::expectation::{done, returned, same};
use super::table::same_states;
use super::{Outcome, Storage, steps};
use crate::format::{Receipt, StreamCase, StreamStep};

pub fn check<S: Storage>(storage: &S, case: &StreamCase) -> Outcome {
    if !storage.has_width(case.width) {
        return Ok(false);
    }
    let make = |sender: u64| DeltaStream::on(storage.table(case.contexts, case.width)?, sender);
    let streams: Result<Vec<_>> = case.streams.iter().map(|s| make(s.low())).collect();
    let mut streams = streams.map_err(|error| error.to_string())?;
    // Messages go as bytes.
    let mut messages = vec![];
    let table = |contexts, width| storage.table(contexts, width);
    steps(&case.steps, |s| step(&mut streams, &mut messages, table, s))
}

fn step<T: ContextTable>(
    streams: &mut [DeltaStream<T>],
    messages: &mut Vec<Vec<u8>>,
    make: impl Fn(u32, u32) -> Result<T>,
    step: &StreamStep,
) -> std::result::Result<(), String> {
    match step {
        StreamStep::Load {
            stream,
            addr,
            value,
            error,
        } => done(streams[*stream].load(*addr, value.limbs()), *error),
        StreamStep::Accum {
            stream,
            addr,
            delta,
            expect,
            error,
        } => {
            let made = streams[*stream].accum(*addr, delta.limbs());
            let Some(expect) = expect else {
                return done(made, *error);
            };
            let message = made.map_err(|error| error.to_string())?;
            same("the epoch", message.epoch, expect.epoch)?;
            same("the sequence number", message.seq, expect.seq)?;
            let bytes = message.encode();
            same("the message", list(&bytes), list(&expect.bytes.0))?;
            messages.push(bytes);
            Ok(())
        }
        StreamStep::Apply {
            stream,
            message,
            expect,
            error,
        } => {
            let message = DeltaMessage::decode(made(messages, *message)?);
            let message = message.map_err(|error| error.to_string())?;
            let received = streams[*stream].apply(&message);
            let received = received.map(|received| match received {
                Received::Applied => Receipt::Applied,
                Received::Duplicate => Receipt::Duplicate,
                Received::Waiting => Receipt::Waiting,
            });
            let word = |receipt: Receipt| format!("{receipt:?}");
            returned(received.map(word), expect.map(word), *error)
        }
        StreamStep::Read {
            stream,
            addr,
            expect,
            error,
        } => returned(streams[*stream].read_value(*addr), expect.as_ref(), *error),
        StreamStep::Merge { stream, from } => merge(streams, *stream, *from),
        StreamStep::Pending { stream, expect } => {
            let pending = streams[*stream].pending();
            let found: Vec<_> = pending.iter().map(DeltaMessage::encode).collect();
            let expected: std::result::Result<Vec<_>, _> =
                expect.iter().map(|&n| made(messages, n)).collect();
            let expected = expected?;
            same(
                "the list of messages",
                format!("{found:02x?}"),
                format!("{expected:02x?}"),
            )
        }
        StreamStep::Contexts { stream, expect } => {
            let states = streams[*stream].nonzero().map_err(|e| e.to_string())?;
            same_states(&states, expect)
        }
        StreamStep::Encode { stream, expect } => {
            let state = streams[*stream].encode().map_err(|e| e.to_string())?;
            same("the state", list(&state), list(&expect.0))
        }
        StreamStep::Join {
            stream,
            state,
            error,
        } => {
            let old = &streams[*stream];
            let table = make(old.size(), old.width()).map_err(|e| e.to_string())?;
            let joined = DeltaStream::join(table, old.sender(), &state.0);
            done(joined.map(|joined| streams[*stream] = joined), *error)
        }
    }
}

/// Bytes as text.
fn list(bytes: &[u8]) -> String {
    format!("{bytes:02x?}")
}

/// The message with this number.
fn made(messages: &[Vec<u8>], number: usize) -> std::result::Result<&[u8], String> {
    let message = messages.get(number).map(Vec::as_slice);
    message.ok_or_else(|| format!("there is no message {number}"))
}

/// Merges one into another. Merging a stream into itself, which Rust doesn't allow, would change
/// nothing.
fn merge(
    streams: &mut [DeltaStream<impl ContextTable>],
    stream: usize,
    from: usize,
) -> std::result::Result<(), String> {
    if stream == from {
        return Ok(());
    }
    let (low, high) = streams.split_at_mut(stream.max(from));
    let (one, other) = (&mut low[stream.min(from)], &mut high[0]);
    let merged = match stream < from {
        true => one.merge(other),
        false => other.merge(one),
    };
    merged.map_err(|error| error.to_string())
}
