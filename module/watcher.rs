// SPDX-License-Identifier: GPL-2.0

//! [`Watcher`], the side of a watch that its reader sees.

use crate::{
    kernel_ext::gfp,
    limit::Charge,
    place::{Name, Place, Serial},
    quiet::Quiet,
    uapi::Change,
    watch::Watch,
    watchers::{Remains, Watchers},
};
use kernel::{alloc::KVVec, prelude::*, rbtree::RBTreeNodeReservation, sync::Arc};

/// A reader of the changes of some contexts.
///
/// Holds the place of the table, which outlives the file if need be, but neither the file nor the
/// table: when that is destroyed, its contexts stay for the watches alone.
///
/// # Invariants
///
/// While the table exists, `watch` is among its watchers under `number`.
pub(crate) struct Watcher {
    place: Arc<Place>,
    serial: Serial,
    /// How many contexts the table has.
    contexts: u32,
    number: u64,
    watch: Arc<Watch>,
    remains: Arc<Remains>,
    charge: Charge,
}

/// Changes on their way to userspace.
struct Changes {
    records: KVVec<Change>,
    _charge: Charge,
}

impl Changes {
    /// Room for `count` of them. Fails with ENOMEM.
    fn with_capacity(count: usize) -> Result<Self> {
        let bytes = count.checked_mul(size_of::<Change>()).ok_or(ENOMEM)?;
        Ok(Self {
            _charge: Charge::new(bytes)?,
            records: KVVec::with_capacity(count, gfp::charged())?,
        })
    }

    fn push(&mut self, addr: u32, state: u64) {
        // Doesn't fail: no more are taken than there is room for.
        let _ = self.records.push_within_capacity(Change {
            addr,
            reserved: 0,
            state,
        });
    }
}

impl Watcher {
    /// Watches `count` contexts of a table, from the address `first` on. Fails with EINVAL where
    /// they are none, or go beyond the table, with ENOENT or ENOMEM.
    pub(crate) fn new(place: Arc<Place>, name: impl Name, first: u32, count: u32) -> Result<Self> {
        let (serial, contexts) = place.identify(name)?;
        if count == 0 || first.checked_add(count).is_none_or(|end| end > contexts) {
            return Err(EINVAL);
        }
        let charge = Charge::new(size_of::<Self>().wrapping_add(size_of::<Watch>()))?;
        let watch = Arc::pin_init(Watch::new(first, count), gfp::charged())?;
        let node = RBTreeNodeReservation::new(gfp::charged())?;
        // Made while others may use the table.
        let mut spare = None;
        loop {
            let mut table = place.exclusive(serial)?;
            if let Some(watchers) = table.watchers_or(&mut spare) {
                let (number, remains) = watchers.add(node, watch.clone());
                table.publish();
                drop(table);
                // INVARIANT: it has been added.
                return Ok(Self {
                    place,
                    serial,
                    contexts,
                    number,
                    watch,
                    remains,
                    charge,
                });
            }
            drop(table);
            let watchers = KBox::new(Watchers::new()?, gfp::charged())?;
            spare = Some((watchers, Quiet::new(contexts)?));
        }
    }

    /// The watch.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// How many contexts the table has, if it still exists.
    pub(crate) fn table(&self) -> Option<u32> {
        self.place.has(self.serial).then_some(self.contexts)
    }

    /// Bytes of kernel memory for this watch alone.
    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes().wrapping_add(self.watch.bytes())
    }

    /// Reads up to `most` changes, lowest address first, all of one moment, and hands them to
    /// `copy`. Returns how many; none where the table is gone and nothing is left to tell.
    ///
    /// Waits for changes, or fails with EAGAIN where `waits` is false. Fails with ENOMEM, with
    /// ERESTARTSYS at a signal, or as `copy` does; the changes are still to be told then.
    pub(crate) fn read(
        &self,
        most: usize,
        waits: bool,
        copy: impl FnOnce(&[Change]) -> Result,
    ) -> Result<usize> {
        loop {
            // In this order: once the table is gone, nothing more becomes ready.
            let gone = self.watch.is_gone();
            if self.watch.is_ready() {
                let changes = self.take(most)?;
                if !changes.records.is_empty() {
                    copy(&changes.records).inspect_err(|_| self.put_back(&changes))?;
                    return Ok(changes.records.len());
                }
            }
            if gone {
                return Ok(0);
            }
            if !waits {
                // Gone meanwhile, perhaps with changes that another reader has taken since.
                if self.watch.is_gone() {
                    continue;
                }
                return Err(EAGAIN);
            }
            self.watch.wait()?;
        }
    }

    /// Takes up to `most` changes. There may be none.
    fn take(&self, most: usize) -> Result<Changes> {
        let mut room = 0usize;
        loop {
            room = room.saturating_mul(2).max(self.watch.count()).min(most);
            let mut changes = Changes::with_capacity(room)?;
            // With the table closed, as more may have come while there was memory to be made.
            let fits = || self.watch.count().min(most) <= room;
            let taken = match self.place.exclusive(self.serial) {
                Ok(mut table) if fits() => {
                    table
                        .take_changes(&self.watch, most, |addr, state| changes.push(addr, state))?;
                    true
                }
                Ok(_) => false,
                Err(_) => self.remains.with(|contexts| {
                    let fits = fits();
                    if fits {
                        self.watch.take(most, |addr| {
                            changes.push(addr, contexts.read(addr).unwrap_or(0))
                        });
                    }
                    Ok(fits)
                })?,
            };
            if taken {
                return Ok(changes);
            }
        }
    }

    /// Makes changes that were taken changes to be told again.
    #[cold]
    fn put_back(&self, changes: &Changes) {
        let mark = || {
            for change in &changes.records {
                self.watch.changed(change.addr);
            }
            Ok(())
        };
        let marked = self.place.inspect(self.serial, |_| mark());
        // One of the two is there.
        let _ = marked.or_else(|_| self.remains.with(|_| mark()));
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let removed = match self.place.exclusive(self.serial) {
            Ok(mut table) => table.unwatch(self.number),
            // Removed when the table was destroyed.
            Err(_) => None,
        };
        // Freed with no lock held.
        drop(removed);
    }
}
