// SPDX-License-Identifier: GPL-2.0

//! [`File`], an open file of the driver, from the user's side.

use crate::{
    commands::{self, Access},
    contexts::Exclusive,
    kernel_ext::{gfp, series::errno::ecanceled},
    open_file::OpenFile,
    uapi::{self, BatchOp},
    watcher::Watcher,
};
use atomik_linearizability::{Answer, Entry, Op};
use kernel::{
    error::code::{EFAULT, ENOENT},
    prelude::*,
    sync::atomic,
    uaccess::{self, Away, PutAway, UserPtr},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

/// An open file; closed when it is dropped.
pub struct File {
    open_file: Pin<KBox<OpenFile>>,
    /// The watches. Their lock is not loom's: nobody is interrupted while it is held.
    watchers: Mutex<Vec<Arc<Watcher>>>,
}

impl File {
    pub fn open() -> Self {
        Self {
            open_file: KBox::try_pin_init(OpenFile::new(), gfp::charged()).expect("a file"),
            watchers: Mutex::new(Vec::new()),
        }
    }

    fn tables(&self) -> &OpenFile {
        &self.open_file
    }

    fn watcher(&self, number: usize) -> Arc<Watcher> {
        Arc::clone(&self.watchers.lock().expect("not poisoned")[number])
    }

    /// Reads from a watch, and sleeps in between, until `enough` says so of all that was told.
    pub fn follow(&self, watch: usize, enough: impl Fn(&[(u32, u64)]) -> bool) {
        let watcher = self.watcher(watch);
        let mut told = Vec::new();
        while !enough(&told) {
            let read = read(&watcher, &mut told);
            assert!(read > 0, "the table is gone, and {told:?} was told");
        }
    }

    /// Reads from a watch, and sleeps in between, until its table is gone. Returns what was told.
    pub fn follow_to_the_end(&self, watch: usize) -> Vec<(u32, u64)> {
        let watcher = self.watcher(watch);
        let mut told = Vec::new();
        while read(&watcher, &mut told) > 0 {}
        told
    }

    /// Closes a watch.
    pub fn unwatch(&self, watch: usize) {
        drop(self.watchers.lock().expect("not poisoned").remove(watch));
    }

    /// The operations served on all files, by GET_INFO.
    pub fn ops_total(&self) -> u64 {
        let mut info = uapi::Info::default();
        commands::get_info(user(&mut info)).expect("memory that is there");
        info.ops_total
    }

    /// Calls `f` while a writer has a table alone.
    pub fn with_writer_inside(&self, table: u32, f: impl FnOnce()) {
        let place = self.open_file.place(table).expect("a table");
        let exclusive = place.exclusive(table).expect("a table");
        f();
        drop(exclusive);
    }

    /// Carries out an operation. With `away`, the memory for its results is away.
    pub fn serve(&self, op: &Op, away: Option<Away>) -> Answer {
        let result = match op {
            Op::Create(num_contexts) => {
                let mut arg = uapi::CreateTable {
                    num_contexts: *num_contexts,
                    table_id: 0,
                };
                let _away = put_away(&arg.table_id, away);
                let result = self.open_file.create_table(user(&mut arg));
                result.map(|()| Answer::Created(arg.table_id))
            }
            Op::Destroy { table } => {
                let mut table = *table;
                let result = self.open_file.destroy_table(user(&mut table));
                result.map(|()| Answer::Destroyed)
            }
            Op::Single { table, entry } => self.single(*table, *entry, away).map(Answer::States),
            Op::Batch { table, entries } => self.batch(*table, entries, away),
            Op::Restore { .. } | Op::Consistent { .. } => unreachable!("no case has these"),
            Op::Watch { table, addr, count } => {
                let (place, name) = self.tables().share(*table).expect("a table");
                let watcher = Watcher::new(place, name, *addr, *count);
                watcher.map(|watcher| {
                    let mut all = self.watchers.lock().expect("not poisoned");
                    all.push(Arc::new(watcher));
                    Answer::Watching
                })
            }
            Op::Changes { watch, most } => {
                let mut told = Vec::new();
                let watcher = self.watcher(*watch);
                let read = watcher.read(*most, false, |changes| {
                    if away.is_some() {
                        return Err(EFAULT);
                    }
                    told.extend(changes.iter().map(|change| (change.addr, change.state)));
                    Ok(())
                });
                read.map(|_| Answer::Changes(told))
            }
        };
        atomic::catch_up();
        match result {
            Ok(answer) => answer,
            Err(error) if error == ENOENT => Answer::NoTable,
            Err(error) if error == EFAULT => Answer::Fault,
            Err(error) if error == EAGAIN => Answer::NothingNew(BTreeSet::new()),
            Err(error) => panic!("{error:?} from {op:?}"),
        }
    }

    fn single(&self, table_id: u32, entry: Entry, away: Option<Away>) -> Result<Vec<u64>> {
        match entry {
            Entry::Load { addr, value } => {
                let mut arg = uapi::Load {
                    table_id,
                    addr,
                    initial_state: value,
                };
                commands::load(self.tables(), user(&mut arg)).map(|()| vec![])
            }
            Entry::Accum { addr, delta } => {
                let mut arg = uapi::Accum {
                    table_id,
                    addr,
                    delta,
                };
                commands::accum(self.tables(), user(&mut arg)).map(|()| vec![])
            }
            Entry::Read { addr } => {
                let mut arg = uapi::Read {
                    table_id,
                    addr,
                    state: !0,
                };
                let _away = put_away(&arg.state, away);
                commands::read(self.tables(), user(&mut arg)).map(|()| vec![arg.state])
            }
            Entry::Expect { .. } | Entry::Set { .. } => unreachable!("a batch has these"),
            Entry::Swap { addr, new } => {
                let mut arg = uapi::Swap {
                    table_id,
                    addr,
                    new_reference: new,
                    old_state: !0,
                };
                let _away = put_away(&arg.old_state, away);
                commands::swap(self.tables(), user(&mut arg)).map(|()| vec![arg.old_state])
            }
        }
    }

    fn batch(&self, table_id: u32, entries: &[Entry], away: Option<Away>) -> Result<Answer> {
        let mut ops: Vec<BatchOp> = entries.iter().map(in_batch).collect();
        let returns = |op: &&BatchOp| matches!(op.opcode, uapi::OP_READ | uapi::OP_SWAP);
        // The last result, so that others have been written by then; else the first condition.
        let expects = |op: &&BatchOp| op.opcode == uapi::OP_EXPECT;
        let last = ops.iter().rfind(returns);
        let told = last.or_else(|| ops.iter().find(expects));
        let _away = told.map(|op| put_away(&op.value, away));
        let mut arg = uapi::Batch {
            table_id,
            num_ops: ops.len() as u32,
            ops_ptr: ops.as_mut_ptr().expose_provenance() as u64,
        };
        match commands::batch(self.tables(), user(&mut arg)) {
            Err(error) if error == ecanceled() => {
                let mut both = ops.iter().zip(entries.iter().map(in_batch));
                let entry = both
                    .position(|(after, before)| {
                        before.opcode == uapi::OP_EXPECT && before != *after
                    })
                    .expect("a condition that tells the state found");
                Ok(Answer::Canceled {
                    entry,
                    state: ops[entry].value,
                })
            }
            result => result
                .map(|()| Answer::States(ops.iter().filter(returns).map(|op| op.value).collect())),
        }
    }

    /// The states and references of the contexts of a table, if it exists.
    pub(crate) fn words(&self, table: u32) -> Option<Vec<(u64, u64)>> {
        let place = self.open_file.place(table).ok()?;
        let mut table = place.exclusive(table).ok()?;
        let contexts = table.contexts().ok()?;
        let count = contexts.count();
        let Exclusive::Unmapped(mut table) = contexts.exclusive() else {
            unreachable!("no table is mapped");
        };
        (0..count).map(|addr| table.words(addr)).collect()
    }

    /// The numbers of tables and of operations served, as in `/proc/PID/fdinfo/FD`.
    pub fn usage(&self) -> (usize, u64) {
        let all = self.open_file.tables();
        let places = || all.into_iter().flat_map(|tables| tables.all_places());
        let tables = places().filter(|place| place.table().is_some());
        (tables.count(), places().map(|place| place.ops()).sum())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The case has failed, and loom, which is leaving it, can't be called any more.
            let watchers = self.watchers.get_mut().map(std::mem::take);
            std::mem::forget(watchers);
        }
    }
}

/// Reads what a watch has to tell, or waits for it. Returns how many changes there were.
fn read(watcher: &Watcher, told: &mut Vec<(u32, u64)>) -> usize {
    let copy = |changes: &[uapi::Change]| {
        told.extend(changes.iter().map(|change| (change.addr, change.state)));
        Ok(())
    };
    let read = watcher.read(usize::MAX, true, copy).expect("changes");
    atomic::catch_up();
    read
}

fn in_batch(entry: &Entry) -> BatchOp {
    let (opcode, addr, value) = match *entry {
        Entry::Load { addr, value } => (uapi::OP_LOAD, addr, value),
        Entry::Accum { addr, delta } => (uapi::OP_ACCUM, addr, delta),
        Entry::Read { addr } => (uapi::OP_READ, addr, 0),
        Entry::Swap { addr, new } => {
            assert_eq!(new, 0, "in a batch, SWAP keeps the state");
            (uapi::OP_SWAP, addr, 0)
        }
        Entry::Expect { addr, state } => (uapi::OP_EXPECT, addr, state),
        Entry::Set { addr, state } => (uapi::OP_SET, addr, state),
    };
    BatchOp {
        opcode,
        addr,
        value,
        ..BatchOp::default()
    }
}

fn user<T>(arg: &mut T) -> UserPtr {
    UserPtr::from_addr(core::ptr::from_mut(arg).expose_provenance())
}

fn put_away<T>(at: &T, away: Option<Away>) -> Option<PutAway> {
    away.map(|away| uaccess::put_away(at, away))
}
