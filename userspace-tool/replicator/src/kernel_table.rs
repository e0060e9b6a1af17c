// SPDX-License-Identifier: MIT OR Apache-2.0

use atomik::{Batch, Change, Device, Error, TableRef, Watch};
use atomik_replicate::{Entry, Image, Layout, NodeName, Word};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::failure::Failure;

/// The kernel's table that is replicated, as its agent uses it.
pub struct KernelTable {
    table: TableRef,
    layout: Layout,
    watch: AsyncFd<Watch>,
}

/// A table that may be the one: nobody watches it yet.
pub struct Found {
    table: TableRef,
    layout: Layout,
    /// A random number, which is only this table's.
    pub incarnation: u64,
}

impl Found {
    /// The table in this file that is the node's part of the replicated table, or a new one.
    ///
    /// It has the layout's size, and the number of the replicated table where that is known; or it
    /// was made for one before, but its agent died before the log told the number.
    pub fn find_or_make(
        device: &Device,
        layout: Layout,
        number: Option<u64>,
        node: NodeName,
    ) -> Result<Self, Failure> {
        let failed = |error: atomik::Error| Failure::device(&error);
        let mut unfounded = None;
        for table in device.tables().map_err(failed)? {
            if table.size().map_err(failed)? != layout.contexts() {
                continue;
            }
            let states = states(&table, layout).map_err(failed)?;
            let image = match Image::new(layout, &states) {
                Ok(image) => image,
                // A program has written to it. A new table would take its place unnoticed.
                Err(error) if is(&states, layout.word(Word::Table), number) => {
                    return Err(error.into());
                }
                // Not one of ours.
                Err(_) => continue,
            };
            let incarnation = image.word(Word::Incarnation);
            if incarnation == 0 {
                continue;
            }
            let own = image.own_number().and_then(|own| image.record(own).member);
            let others = own.is_some_and(|member| member.name != node);
            let found = Self {
                table,
                layout,
                incarnation,
            };
            match image.word(Word::Table) {
                0 => unfounded = unfounded.or(Some(found)),
                table if Some(table) == number && !others => return Ok(found),
                _ => {}
            }
        }
        if let Some(found) = unfounded {
            return Ok(found);
        }
        let incarnation = random()?;
        let table = device.create_table(layout.contexts()).map_err(failed)?;
        let address = layout.word(Word::Incarnation);
        table.load(address, incarnation).map_err(failed)?;
        Ok(Self {
            table: table.into_ref(),
            layout,
            incarnation,
        })
    }

    /// The table, watched from now on.
    pub fn watch(self) -> Result<KernelTable, Failure> {
        let failed = |error: atomik::Error| Failure::device(&error);
        let watch = self.table.watch(0..self.layout.states()).map_err(failed)?;
        // SAFETY: a watch has one descriptor, which stays open as long as it lives.
        let watch = unsafe { AsyncFd::register_with_interest(watch, Interest::READABLE) }
            .map_err(|error| Failure::new(format!("can't watch the table: {error}")))?;
        Ok(KernelTable {
            table: self.table,
            layout: self.layout,
            watch,
        })
    }
}

impl KernelTable {
    /// The table's id in its open file.
    pub fn id(&self) -> u32 {
        self.table.id()
    }

    /// The states of all contexts, of one moment.
    pub fn load(&self) -> Result<Vec<u64>, Failure> {
        states(&self.table, self.layout).map_err(|error| Failure::device(&error))
    }

    /// The contexts of programs that nobody has been told of: those of the state that the agent's
    /// part doesn't account for.
    pub fn untold(&self, image: &Image) -> Result<usize, Failure> {
        let states = 0..self.layout.states();
        let contexts = (self.table.snapshot(states.clone())).map_err(|e| Failure::device(&e))?;
        let untold = states
            .zip(contexts)
            .filter(|(address, context)| context.state() != image.accounted(*address));
        Ok(untold.count())
    }

    /// Applies a batch of the agent, and returns what its READs found; none where an EXPECT doesn't
    /// hold.
    pub fn apply(&self, entries: &[Entry]) -> Result<Option<Vec<u64>>, Failure> {
        let mut batch = Batch::with_capacity(entries.len());
        for entry in entries {
            match *entry {
                Entry::Expect { address, value } => drop(batch.expect(address, value)),
                Entry::Set { address, value } => drop(batch.set(address, value)),
                Entry::Accum { address, delta } => drop(batch.accum(address, delta)),
                Entry::Read { address } => drop(batch.read(address)),
            }
        }
        match self.table.run(&mut batch) {
            Ok(results) => Ok(Some(results.states().collect())),
            Err(Error::Canceled { .. }) => Ok(None),
            Err(error) => Err(Failure::device(&error)),
        }
    }

    /// The same as [`changed`](Self::changed) without waiting: none where nothing has changed.
    pub fn changed_by_now(&mut self, image: Option<&Image>) -> Result<Vec<u32>, Failure> {
        match (self.watch.get_mut().try_read()).map_err(|e| Failure::device(&e))? {
            Some(changes) => untold(changes, image),
            None => Ok(vec![]),
        }
    }

    /// Waits until programs have changed contexts, and returns those that the agent's part doesn't
    /// account for. It may be dropped before it is ready: nothing is lost.
    ///
    /// The agent's own batches change states, too, and the watch tells of them. A context whose told
    /// state is accounted for needs no look: if it has changed since, the watch tells again.
    pub async fn changed(&mut self, image: Option<&Image>) -> Result<Vec<u32>, Failure> {
        loop {
            let mut ready = (self.watch.readable_mut().await)
                .map_err(|error| Failure::new(format!("can't watch the table: {error}")))?;
            let changes = (ready.get_inner_mut().try_read()).map_err(|e| Failure::device(&e))?;
            match changes {
                // Nothing more: only now may it wait for the descriptor again.
                None => ready.clear_ready(),
                Some(changes) => {
                    let untold = untold(changes, image)?;
                    if !untold.is_empty() {
                        return Ok(untold);
                    }
                }
            }
        }
    }
}

/// Those of the changes that the agent's part doesn't account for.
fn untold(changes: &[Change], image: Option<&Image>) -> Result<Vec<u32>, Failure> {
    if changes.is_empty() {
        return Err(Failure::new("the table has been destroyed").finally());
    }
    let accounted = |address| image.map(|image| image.accounted(address));
    let untold = changes
        .iter()
        .filter(|change| accounted(change.addr) != Some(change.state))
        .map(|change| change.addr);
    Ok(untold.collect())
}

/// A random number that isn't 0.
pub fn random() -> Result<u64, Failure> {
    loop {
        match getrandom::u64() {
            Ok(0) => {}
            Ok(number) => return Ok(number),
            Err(error) => return Err(Failure::new(format!("no random numbers: {error}"))),
        }
    }
}

/// Whether a context has this number, where that is known.
fn is(states: &[u64], address: u32, number: Option<u64>) -> bool {
    number.is_some() && states.get(address as usize).copied() == number
}

fn states(table: &TableRef, layout: Layout) -> Result<Vec<u64>, atomik::Error> {
    let contexts = table.snapshot(0..layout.contexts())?;
    Ok(contexts.iter().map(|context| context.state()).collect())
}
