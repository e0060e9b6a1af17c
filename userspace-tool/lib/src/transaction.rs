// SPDX-License-Identifier: MIT OR Apache-2.0

//! Changes that depend on the states before them, for tables wherever they are.

use crate::{Batch, BatchResults, Error, MAX_ATTEMPTS, MAX_BATCH, Operation, Result};

/// Changes the state at `addr`, which was `state` when last read, to what `f` makes of it.
/// `exchange` compares and exchanges that state. Returns the state before.
pub(crate) fn update(
    addr: u32,
    mut state: u64,
    mut f: impl FnMut(u64) -> u64,
    mut exchange: impl FnMut(u64, u64) -> Result<Result<u64, u64>>,
) -> Result<u64> {
    for _ in 0..MAX_ATTEMPTS {
        let new = f(state);
        if new == state {
            return Ok(state);
        }
        match exchange(state, new)? {
            Ok(before) => return Ok(before),
            Err(found) => state = found,
        }
    }
    Err(contended(addr))
}

/// Changes the states at `addrs`, all of one moment, as `f` does. Returns its last result.
pub(crate) fn transact<R>(
    addrs: &[u32],
    mut f: impl FnMut(&mut [u64]) -> R,
    mut run: impl for<'b> FnMut(&'b mut Batch) -> Result<BatchResults<'b>>,
) -> Result<R> {
    if addrs.is_empty() {
        return Ok(f(&mut []));
    }
    let entries = addrs.len().saturating_mul(2);
    if entries > MAX_BATCH as usize {
        return Err(Error::BatchTooLong { entries });
    }
    if let Some(addr) = repeated(addrs) {
        return Err(Error::RepeatedAddress { addr });
    }
    let mut batch = Batch::with_capacity(entries);
    let (mut before, mut states) = (vec![], vec![]);
    let mut changed = 0;
    for _ in 0..MAX_ATTEMPTS {
        batch.clear();
        for &addr in addrs {
            batch.read(addr);
        }
        before.clear();
        before.extend(run(&mut batch)?.states());
        states.clone_from(&before);
        let result = f(&mut states);
        if states == before {
            return Ok(result);
        }
        batch.clear();
        for (&addr, &state) in addrs.iter().zip(&before) {
            batch.expect(addr, state);
        }
        for ((&addr, &before), &after) in addrs.iter().zip(&before).zip(&states) {
            if before != after {
                batch.set(addr, after);
            }
        }
        match run(&mut batch) {
            Ok(_) => return Ok(result),
            Err(Error::Canceled { addr, .. }) => changed = addr,
            Err(error) => return Err(error),
        }
    }
    Err(contended(changed))
}

/// The error of an operation that is carried out as a batch of its own.
pub(crate) fn single(op: Operation) -> impl FnOnce(Error) -> Error {
    move |error| match error {
        Error::Address {
            table,
            addr,
            contexts,
            ..
        } => Error::Address {
            table,
            addr,
            contexts,
            entry: None,
        },
        Error::ReadOnly { .. } => Error::ReadOnly { op },
        other => other,
    }
}

fn contended(addr: u32) -> Error {
    Error::Contended {
        addr,
        attempts: MAX_ATTEMPTS,
    }
}

/// The lowest address that occurs more than once.
fn repeated(addrs: &[u32]) -> Option<u32> {
    let mut sorted = addrs.to_vec();
    sorted.sort_unstable();
    let mut pairs = sorted.iter().zip(sorted.iter().skip(1));
    pairs.find(|(a, b)| a == b).map(|(&addr, _)| addr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalTable;

    /// A table whose states others have changed `times` times, once before each batch that changes
    /// something.
    fn changed_by_others(
        table: &mut LocalTable,
        times: u32,
    ) -> impl for<'b> FnMut(&'b mut Batch) -> Result<BatchResults<'b>> {
        let mut left = times;
        move |batch| {
            if batch.expects() && left > 0 {
                left -= 1;
                table.accum(1, 1 << 32)?;
            }
            table.run(batch)
        }
    }

    #[test]
    fn an_update_goes_on_from_the_state_found() {
        let mut seen = vec![];
        let mut state = 5;
        let before = update(
            0,
            3,
            |state| {
                seen.push(state);
                state + 1
            },
            |current, new| {
                if current == state {
                    state = new;
                    return Ok(Ok(current));
                }
                Ok(Err(state))
            },
        );
        assert_eq!(before.unwrap(), 5);
        assert_eq!(seen, [3, 5]);
        assert_eq!(state, 6);
        // Where nothing is to change, nothing is written.
        assert_eq!(update(0, 3, |state| state, |_, _| panic!()).unwrap(), 3);
    }

    #[test]
    fn an_update_gives_up() {
        let mut calls = 0;
        let error = update(
            7,
            0,
            |state| state + 1,
            |current, _| {
                calls += 1;
                Ok(Err(current + 1))
            },
        )
        .unwrap_err();
        assert!(matches!(error, Error::Contended { addr: 7, attempts } if attempts == calls));
        assert_eq!(calls, MAX_ATTEMPTS);
    }

    #[test]
    fn a_transaction_reads_again_where_others_were_faster() {
        let mut table = LocalTable::new(3).unwrap();
        table.load(0, 10).unwrap();
        let mut calls = 0;
        let result = transact(
            &[0, 1],
            |states| {
                calls += 1;
                states[0] -= 1;
                states[1] += 1;
                calls
            },
            changed_by_others(&mut table, 3),
        );
        assert_eq!(result.unwrap(), 4);
        assert_eq!(table.states(), [9, (1 << 32) + 1, 0]);
    }

    #[test]
    fn a_transaction_expects_all_states_and_sets_those_that_changed() {
        let mut table = LocalTable::new(4).unwrap();
        let mut last = Batch::new();
        transact(
            &[3, 0, 2],
            |states| states.copy_from_slice(&[0, 7, 0]),
            |batch| {
                last = batch.clone();
                table.run(batch)
            },
        )
        .unwrap();
        let mut expected = Batch::new();
        expected.expect(3, 0).expect(0, 0).expect(2, 0).set(0, 7);
        assert_eq!(last.ops(), expected.ops());
    }

    #[test]
    fn a_transaction_gives_up() {
        let mut table = LocalTable::new(2).unwrap();
        let run = changed_by_others(&mut table, u32::MAX);
        let error = transact(&[0, 1], |states| states[0] += 1, run).unwrap_err();
        assert!(matches!(
            error,
            Error::Contended {
                addr: 1,
                attempts: MAX_ATTEMPTS
            }
        ));
        assert_eq!(table.read(0).unwrap(), 0);
    }

    #[test]
    fn a_transaction_that_changes_nothing_is_one_batch_and_an_empty_one_none() {
        let mut table = LocalTable::new(2).unwrap();
        let mut runs = 0;
        let sum = transact(
            &[1, 0],
            |states| states.iter().sum::<u64>(),
            |batch| {
                runs += 1;
                table.run(batch)
            },
        );
        assert_eq!((sum.unwrap(), runs), (0, 1));
        assert_eq!(
            transact(&[], |states| states.len(), |_| panic!()).unwrap(),
            0
        );
    }

    #[test]
    fn a_transaction_refuses_what_no_batch_can_do() {
        let refused = |addrs: &[u32]| transact(addrs, |_| panic!(), |_| panic!()).unwrap_err();
        let many: Vec<u32> = (0..2049).collect();
        let error = refused(&many);
        assert!(matches!(error, Error::BatchTooLong { entries: 4098 }));
        let error = refused(&[3, 9, 4, 9, 3]);
        assert!(matches!(error, Error::RepeatedAddress { addr: 3 }));
        let mut table = LocalTable::new(2048).unwrap();
        let all = transact(&many[..2048], |states| states.fill(1), |b| table.run(b));
        all.unwrap();
        assert_eq!(table.states(), [1; 2048]);
    }
}
