// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`TableRef`]: the operations on a table.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use atomik_uapi::{Accum, EXPORT_READ_ONLY, Load, MAX_BATCH, MAX_CONTEXTS};
use nix::errno::Errno;

use crate::{
    Batch, BatchResults, Context, Device, Error, LocalError, Operation, Result, Rights, TableMap,
    TableView, Usage, Watch, ioctl, transaction, watch::DeviceWatch, watch::Source,
};

/// A table of contexts in an open file. Dropping this doesn't destroy the table.
///
/// Cloning is cheap, and every operation takes `&self` and is atomic. A context's address is its
/// number in the table, from 0; states, references and deltas have 64 bits.
///
/// Every operation may return [`Error::NoSuchTable`], and each that takes an address
/// [`Error::Address`]. One that the descriptor gives no right to returns [`Error::ReadOnly`]: of a
/// file opened for reading only all but [`read`](Self::read), [`snapshot`](Self::snapshot) and
/// [`watch`](Self::watch), of a table [exported](Self::export) read-only all that change something.
#[derive(Clone, Debug)]
pub struct TableRef {
    file: Arc<OwnedFd>,
    id: u32,
    /// The number of contexts, where this process made the table.
    contexts: Option<u32>,
}

impl TableRef {
    /// `file` is one that a [`Device`](crate::Device) checked.
    pub(crate) fn new(file: Arc<OwnedFd>, id: u32, contexts: Option<u32>) -> Self {
        Self { file, id, contexts }
    }

    /// The file with the table.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The table's id, which is valid in its open file only. Another table may get it after this
    /// one is destroyed.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The number of contexts, where it is known without asking; none where the table came from
    /// [`Device::table`]. [`size`](Self::size) asks.
    ///
    /// [`Device::table`]: crate::Device::table
    pub fn contexts(&self) -> Option<u32> {
        self.contexts
    }

    /// The number of contexts. Reads `/proc` where it isn't [known](Self::contexts).
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTable`], and those of [`Device::usage`](crate::Device::usage).
    pub fn size(&self) -> Result<u32> {
        match self.contexts {
            Some(contexts) => Ok(contexts),
            None => Usage::of(self.file.as_fd())?
                .tables
                .iter()
                .find(|table| table.id == self.id)
                .map(|table| table.contexts)
                .ok_or(Error::NoSuchTable { table: self.id }),
        }
    }

    /// SNAPSHOT: copies the contexts of `range`, all as they are at one moment. It changes nothing,
    /// and works on a file opened for reading only.
    ///
    /// # Errors
    ///
    /// [`Error::Range`] where the range is empty or goes beyond the table, [`Error::Unsupported`]
    /// with an older driver, [`Error::OutOfMemory`], and see [`TableRef`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(256)?;
    /// table.load(0, 0xff00)?;
    /// table.accum(0, 0x00ff)?;
    /// let contexts = table.snapshot(0..256)?;
    /// assert_eq!((contexts[0].reference, contexts[0].state()), (0xff00, 0xffff));
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn snapshot(&self, range: Range<u32>) -> Result<Vec<Context>> {
        let (addr, count) = (range.start, range.end.saturating_sub(range.start));
        if !(1..=MAX_CONTEXTS).contains(&count) {
            return Err(self.range_error(Operation::Snapshot, addr, count.into(), Errno::EINVAL));
        }
        let mut contexts = vec![atomik_uapi::Context::default(); count as usize];
        ioctl::snapshot(self.file.as_fd(), self.id, addr, &mut contexts)
            .map_err(|e| self.range_error(Operation::Snapshot, addr, count.into(), e))?;
        Ok(contexts.into_iter().map(Context::from).collect())
    }

    /// Copies both words of one context, as they are at one moment.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] with an older driver, and see [`TableRef`].
    pub fn context(&self, addr: u32) -> Result<Context> {
        match self.snapshot(addr..addr.saturating_add(1)) {
            Ok(contexts) => contexts
                .first()
                .copied()
                .ok_or_else(|| self.outside(addr, None)),
            Err(Error::Range { .. }) => Err(self.outside(addr, None)),
            Err(error) => Err(error),
        }
    }

    /// RESTORE: sets the contexts from `addr` on, both words of each and all of them at one moment.
    ///
    /// # Errors
    ///
    /// [`Error::Range`] where there are none, or more than the table has from there,
    /// [`Error::Unsupported`] with an older driver, [`Error::OutOfMemory`], and see [`TableRef`].
    /// Nothing has been set then.
    pub fn restore(&self, addr: u32, contexts: &[Context]) -> Result<()> {
        let count = contexts.len();
        let error = |e| self.range_error(Operation::Restore, addr, count as u64, e);
        if !(1..=MAX_CONTEXTS as usize).contains(&count) {
            return Err(error(Errno::EINVAL));
        }
        let raw: Vec<_> = contexts.iter().map(|&c| c.into()).collect();
        ioctl::restore(self.file.as_fd(), self.id, addr, &raw).map_err(error)
    }

    /// LOAD: the context's reference becomes `value` and its accumulator 0, so its state is
    /// `value`.
    ///
    /// # Errors
    ///
    /// See [`TableRef`].
    pub fn load(&self, addr: u32, value: u64) -> Result<()> {
        let arg = Load {
            table_id: self.id,
            addr,
            initial_state: value,
        };
        ioctl::load(self.file.as_fd(), &arg).map_err(|e| self.error(Operation::Load, addr, e))
    }

    /// ACCUM: the context's state is XORed with `delta`. The same delta again undoes it.
    ///
    /// # Errors
    ///
    /// See [`TableRef`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(1)?;
    /// let (old, new) = (1000, 1017);
    /// table.load(0, old)?;
    /// table.accum(0, old ^ new)?;
    /// assert_eq!(table.read(0)?, new);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn accum(&self, addr: u32, delta: u64) -> Result<()> {
        let arg = Accum {
            table_id: self.id,
            addr,
            delta,
        };
        ioctl::accum(self.file.as_fd(), &arg).map_err(|e| self.error(Operation::Accum, addr, e))
    }

    /// READ: returns the context's state, reference ^ accumulator.
    ///
    /// # Errors
    ///
    /// See [`TableRef`].
    pub fn read(&self, addr: u32) -> Result<u64> {
        ioctl::read(self.file.as_fd(), self.id, addr)
            .map_err(|e| self.error(Operation::Read, addr, e))
    }

    /// SWAP: starts a new epoch of the context from its present state, and returns that state.
    /// The reference becomes the state and the accumulator 0, so a READ returns the same as before.
    ///
    /// # Errors
    ///
    /// See [`TableRef`].
    pub fn swap(&self, addr: u32) -> Result<u64> {
        self.swap_raw(addr, 0)
    }

    /// SWAP: starts a new epoch of the context from `new_reference`, and returns the state that
    /// ended the old one. The two happen as one: no delta gets lost between them.
    ///
    /// `new_reference` can't be 0, which means "keep the state" in the interface;
    /// [`swap_with`](Self::swap_with) takes it.
    ///
    /// # Errors
    ///
    /// See [`TableRef`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use std::num::NonZeroU64;
    /// # let table = atomik::Device::open()?.create_table(1)?;
    /// table.load(0, 7)?;
    /// assert_eq!(table.swap_to(0, NonZeroU64::MIN)?, 7);
    /// assert_eq!(table.read(0)?, 1);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn swap_to(&self, addr: u32, new_reference: NonZeroU64) -> Result<u64> {
        self.swap_raw(addr, new_reference.get())
    }

    /// SWAP: as [`swap_to`](Self::swap_to), where `new_reference` may be 0; then it is a batch of
    /// READ and LOAD, which is isolated as well.
    ///
    /// # Errors
    ///
    /// See [`TableRef`].
    pub fn swap_with(&self, addr: u32, new_reference: u64) -> Result<u64> {
        match NonZeroU64::new(new_reference) {
            Some(new_reference) => self.swap_to(addr, new_reference),
            None => {
                let mut batch = Batch::new();
                let state = batch.read(addr);
                batch.load(addr, 0);
                let results = self.run(&mut batch);
                results
                    .map_err(transaction::single(Operation::Swap))?
                    .get(state)
            }
        }
    }

    fn swap_raw(&self, addr: u32, new_reference: u64) -> Result<u64> {
        ioctl::swap(self.file.as_fd(), self.id, addr, new_reference)
            .map_err(|e| self.error(Operation::Swap, addr, e))
    }

    /// SET: the context's state becomes `state`, and its reference stays, as after an ACCUM of the
    /// difference. No delta of others can come between.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] with an older driver, and see [`TableRef`].
    pub fn set(&self, addr: u32, state: u64) -> Result<()> {
        let mut batch = Batch::new();
        batch.set(addr, state);
        self.submit(&batch)
            .map_err(transaction::single(Operation::Set))
    }

    /// Sets the state to `new` if it is `current`. Returns `Ok` with the state before where it was,
    /// and `Err` with the state found where it was not; then nothing has changed.
    ///
    /// The two happen as one, with regard to all operations but those through a mapping.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] with an older driver, and see [`TableRef`].
    ///
    /// # Examples
    ///
    /// A lock, whose word names its owner:
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(1)?;
    /// let me = u64::from(std::process::id());
    /// match table.compare_exchange(0, 0, me)? {
    ///     Ok(_) => println!("locked"),
    ///     Err(owner) => println!("process {owner} has it"),
    /// }
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn compare_exchange(&self, addr: u32, current: u64, new: u64) -> Result<Result<u64, u64>> {
        let mut batch = Batch::new();
        batch.expect(addr, current).set(addr, new);
        match self.run(&mut batch) {
            Ok(_) => Ok(Ok(current)),
            Err(Error::Canceled { found, .. }) => Ok(Err(found)),
            Err(error) => Err(transaction::single(Operation::Set)(error)),
        }
    }

    /// Changes the state to what `f` makes of it, and returns the state before. Where another
    /// changes the context meanwhile, `f` is called again with the new state, at once and up to
    /// [`MAX_ATTEMPTS`](crate::MAX_ATTEMPTS) times. Where `f` returns the state that it was given,
    /// nothing is written.
    ///
    /// This takes two system calls, and one more for each further attempt.
    ///
    /// # Errors
    ///
    /// [`Error::Contended`] where others were always faster, [`Error::Unsupported`] with an older
    /// driver, and see [`TableRef`]. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// A counter:
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(1)?;
    /// let before = table.update(0, |count| count + 1)?;
    /// # let _ = before;
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn update(&self, addr: u32, f: impl FnMut(u64) -> u64) -> Result<u64> {
        let state = self.read(addr)?;
        transaction::update(addr, state, f, |current, new| {
            self.compare_exchange(addr, current, new)
        })
    }

    /// Changes the states at `addrs` as `f` does, all as one, and returns the result of `f`.
    ///
    /// `f` gets the states as they are at one moment, in the order of the addresses. Where another
    /// changes one of them before the new ones are set, `f` is called again with the states that
    /// there are then, at once and up to [`MAX_ATTEMPTS`](crate::MAX_ATTEMPTS) times. References
    /// stay. Where `f` changes no state, nothing is written.
    ///
    /// An attempt takes two system calls, or one where `f` changes nothing; of no addresses it
    /// takes none.
    ///
    /// # Errors
    ///
    /// [`Error::RepeatedAddress`]; [`Error::BatchTooLong`] of more than half of
    /// [`MAX_BATCH`](crate::MAX_BATCH) addresses, as each takes up to two entries;
    /// [`Error::Contended`] where others were always faster; [`Error::Unsupported`] with an older
    /// driver; and see [`TableRef`]. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(2)?;
    /// // Moves 10 from one account to another, if they are there.
    /// let moved = table.transact(&[0, 1], |accounts| {
    ///     let enough = accounts[0] >= 10;
    ///     if enough {
    ///         accounts[0] -= 10;
    ///         accounts[1] += 10;
    ///     }
    ///     enough
    /// })?;
    /// # let _ = moved;
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn transact<R>(&self, addrs: &[u32], f: impl FnMut(&mut [u64]) -> R) -> Result<R> {
        transaction::transact(addrs, f, |batch| self.run(batch))
    }

    /// EXPORT: makes a new descriptor of this table alone, with the rights given. A program that
    /// gets it, by [`Device::send`] or as a child, can't use the other tables of the open file, nor
    /// make or destroy any; with [`Rights::ReadOnly`] it can't change anything.
    ///
    /// The table has the same [`id`](Self::id) there, which [`Device::only_table`] finds. The
    /// descriptor keeps the open file with all its tables, as a duplicate would; `exec` closes it.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] with an older driver, [`Error::ReadOnly`] where this is an exported
    /// table itself, [`Error::Os`] where the process has too many descriptors or no memory is left,
    /// and see [`TableRef`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use atomik::{Device, Rights};
    ///
    /// let table = Device::open()?.create_table(16)?;
    /// let reader = table.export(Rights::ReadOnly)?.only_table()?;
    /// table.load(3, 7)?;
    /// assert_eq!(reader.read(3)?, 7);
    /// assert!(reader.load(3, 8).is_err());
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn export(&self, rights: Rights) -> Result<Device> {
        let flags = match rights {
            Rights::ReadOnly => EXPORT_READ_ONLY,
            Rights::ReadWrite => 0,
        };
        match ioctl::export(self.file.as_fd(), self.id, flags) {
            Ok(fd) => Ok(Device::exported(fd)),
            Err(Errno::ENOTTY) => Err(Error::Unsupported {
                op: Operation::Export,
            }),
            Err(errno) => Err(Error::other(Operation::Export, Some(self.id), errno)),
        }
    }

    /// Runs a batch: its operations in order, isolated from every other operation on the table,
    /// all of them or none. Returns the states that its READs and SWAPs returned.
    ///
    /// # Errors
    ///
    /// [`Error::Canceled`] where a condition doesn't hold; [`Error::BatchEmpty`];
    /// [`Error::BatchTooLong`] beyond [`MAX_BATCH`](crate::MAX_BATCH) entries; [`Error::Address`],
    /// which names the entry; [`Error::Unsupported`] with a driver that lacks EXPECT and SET; and
    /// see [`TableRef`]. Nothing has been applied then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use atomik::Batch;
    /// # let table = atomik::Device::open()?.create_table(2)?;
    /// // Move a state from one context to another, and see both as of the same moment.
    /// let mut batch = Batch::new();
    /// let taken = batch.swap(0);
    /// batch.load(0, 0);
    /// let other = batch.read(1);
    /// let results = table.run(&mut batch)?;
    /// println!("{} and {}", results.get(taken)?, results.get(other)?);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn run<'b>(&self, batch: &'b mut Batch) -> Result<BatchResults<'b>> {
        batch.check_length()?;
        match ioctl::batch(self.file.as_fd(), self.id, batch.ops_mut()) {
            Ok(()) => Ok(BatchResults::new(batch.ops())),
            Err(errno) => Err(batch
                .take_unmet()
                .unwrap_or_else(|| self.batch_error(batch, errno))),
        }
    }

    /// Runs a batch that returns nothing, as [`run`](Self::run) does. It isn't written to, so many
    /// threads can run one prepared batch at once. One with conditions is copied for that.
    ///
    /// # Errors
    ///
    /// [`Error::BatchReturns`] where there is a READ or a SWAP in it; and those of
    /// [`run`](Self::run). Nothing has been applied then.
    pub fn submit(&self, batch: &Batch) -> Result<()> {
        batch.check_length()?;
        if let Some(entry) = batch.ops().iter().position(Batch::returns) {
            return Err(Error::BatchReturns { entry });
        }
        if batch.expects() {
            return self.run(&mut batch.clone()).map(drop);
        }
        // SAFETY: no entry is a READ, SWAP or EXPECT, and a batch has no opcodes but the six.
        unsafe { ioctl::batch_updates(self.file.as_fd(), self.id, batch.ops()) }
            .map_err(|e| self.batch_error(batch, e))
    }

    /// ACCUMs many deltas, as many as there are addresses, in batches of
    /// [`MAX_BATCH`](crate::MAX_BATCH), each isolated by itself. All addresses are checked before
    /// the first batch.
    ///
    /// # Errors
    ///
    /// [`LocalError::Lengths`] and [`Error::Address`], which names the entry, before anything has
    /// changed; those of [`size`](Self::size); and see [`TableRef`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(4)?;
    /// table.accum_many(&[3, 1, 3], &[1, 2, 4])?;
    /// assert_eq!(table.read(3)?, 5);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn accum_many(&self, addrs: &[u32], deltas: &[u64]) -> Result<()> {
        self.change_many(addrs, deltas, Batch::accum)
    }

    /// LOADs many contexts, in order, as [`accum_many`](Self::accum_many) does with deltas.
    ///
    /// # Errors
    ///
    /// Those of [`accum_many`](Self::accum_many).
    pub fn load_many(&self, addrs: &[u32], values: &[u64]) -> Result<()> {
        self.change_many(addrs, values, Batch::load)
    }

    /// READs many contexts into `states`, which is as long as `addrs`, in batches of
    /// [`MAX_BATCH`](crate::MAX_BATCH): the states of each are of one moment. Those of any number
    /// of neighbours are with [`snapshot`](Self::snapshot).
    ///
    /// # Errors
    ///
    /// [`LocalError::Lengths`]; [`Error::Address`], which names the entry; and see [`TableRef`].
    /// `states` means nothing then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(4)?;
    /// table.load_many(&[0, 1], &[5, 6])?;
    /// let mut states = [0; 3];
    /// table.read_many(&[1, 0, 1], &mut states)?;
    /// assert_eq!(states, [6, 5, 6]);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn read_many(&self, addrs: &[u32], states: &mut [u64]) -> Result<()> {
        LocalError::check_lengths(addrs, states)?;
        let most = MAX_BATCH as usize;
        let mut batch = Batch::with_capacity(addrs.len().min(most));
        let parts = addrs.chunks(most).zip(states.chunks_mut(most));
        for (part, (addrs, states)) in parts.enumerate() {
            batch.clear();
            for &addr in addrs {
                batch.read(addr);
            }
            let results = self.run(&mut batch).map_err(|error| match error {
                Error::Address {
                    addr,
                    entry: Some(entry),
                    ..
                } => self.outside(addr, Some(part * most + entry)),
                other => other,
            })?;
            for (state, result) in states.iter_mut().zip(results.states()) {
                *state = result;
            }
        }
        Ok(())
    }

    /// Makes as many changes as there are addresses, in batches. All addresses are checked first.
    fn change_many(
        &self,
        addrs: &[u32],
        values: &[u64],
        add: impl Fn(&mut Batch, u32, u64) -> &mut Batch,
    ) -> Result<()> {
        LocalError::check_lengths(addrs, values)?;
        let size = self.size()?;
        if let Some(entry) = addrs.iter().position(|&addr| addr >= size) {
            return Err(self.outside(addrs[entry], Some(entry)));
        }
        let most = MAX_BATCH as usize;
        let mut batch = Batch::with_capacity(addrs.len().min(most));
        for (addrs, values) in addrs.chunks(most).zip(values.chunks(most)) {
            batch.clear();
            for (&addr, &value) in addrs.iter().zip(values) {
                add(&mut batch, addr, value);
            }
            self.submit(&batch)?;
        }
        Ok(())
    }

    /// Maps the table's states into this process, for READ and ACCUM without system calls, and for
    /// [reads of several states](TableView::read_consistent) as of one moment.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] with an older driver, [`Error::NoMemory`],
    /// [`Error::ReadOnly`] on a file that isn't open for reading and writing; and those of
    /// [`size`](Self::size).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(256)?;
    /// let map = table.map()?;
    /// map.accum(7, 0xff)?;
    /// assert_eq!(table.read(7)?, map.read(7)?);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn map(&self) -> Result<TableMap<'_>> {
        TableMap::new(Cow::Borrowed(self))
    }

    /// Maps the states as [`map`](Self::map) does. The mapping borrows nothing: it can go to a
    /// thread that outlives this function, or into a struct.
    ///
    /// It keeps the file open, but not the table: where a [`Table`](crate::Table) owns that, it
    /// ends with its owner, and the mapping then has the last states.
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(256)?;
    /// let map = table.clone().into_map()?;
    /// let thread = std::thread::spawn(move || map.accum(7, 0xff));
    /// thread.join().unwrap()?;
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn into_map(self) -> Result<TableMap<'static>> {
        TableMap::new(Cow::Owned(self))
    }

    /// Maps the table's states read-only, for READ without system calls, of several states
    /// [as of one moment](TableView::read_consistent) too.
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    pub fn view(&self) -> Result<TableView<'_>> {
        TableView::new(Cow::Borrowed(self), false)
    }

    /// Maps the states as [`view`](Self::view) does. The mapping borrows nothing, as that of
    /// [`into_map`](Self::into_map).
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    pub fn into_view(self) -> Result<TableView<'static>> {
        TableView::new(Cow::Owned(self), false)
    }

    /// WATCH: watches the contexts of `range`: their changes wake, and tell which contexts they
    /// were and what their states are now. The first read tells the states of all.
    ///
    /// It works on a file opened for reading only. Neither the table nor its file stays for a
    /// watch. It costs one bit for each context, which count as a table's memory does.
    ///
    /// # Errors
    ///
    /// [`Error::Range`] where the range is empty or goes beyond the table, [`Error::Unsupported`]
    /// with an older driver, [`Error::OutOfMemory`]; [`Error::Os`] where the process has too many
    /// descriptors; and see [`TableRef`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let table = atomik::Device::open()?.create_table(16)?;
    /// for change in table.watch(0..16)? {
    ///     let change = change?;
    ///     println!("context {} is {:#x}", change.addr, change.state);
    /// }
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn watch(&self, range: Range<u32>) -> Result<Watch> {
        let (addr, count) = (range.start, range.end.saturating_sub(range.start));
        let descriptor = ioctl::watch(self.file.as_fd(), self.id, addr, count)
            .map_err(|e| self.range_error(Operation::Watch, addr, count.into(), e))?;
        let watch = DeviceWatch::new(descriptor, self.id, count);
        Ok(Watch::new(range, Source::Device(watch)))
    }

    /// TOUCH: tells those who watch contexts of `range` that these changed. The kernel doesn't see
    /// what is done through a [mapping](Self::map): who changes states there calls this afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::Range`] where the range is empty or goes beyond the table, [`Error::Unsupported`]
    /// with an older driver, and see [`TableRef`].
    pub fn touch(&self, range: Range<u32>) -> Result<()> {
        let (addr, count) = (range.start, range.end.saturating_sub(range.start));
        ioctl::touch(self.file.as_fd(), self.id, addr, count)
            .map_err(|e| self.range_error(Operation::Touch, addr, count.into(), e))
    }

    /// Destroys the table, for all processes that share the open file.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTable`] where it was destroyed before, [`Error::ReadOnly`].
    pub fn destroy(self) -> Result<()> {
        ioctl::destroy_table(self.file.as_fd(), self.id)
            .map_err(|e| Error::other(Operation::DestroyTable, Some(self.id), e))
    }

    /// Translates an error of a command on a range.
    fn range_error(&self, op: Operation, addr: u32, count: u64, errno: Errno) -> Error {
        match errno {
            Errno::EINVAL => Error::Range {
                table: self.id,
                addr,
                count,
                contexts: self.contexts,
            },
            Errno::ENOMEM => Error::OutOfMemory { op },
            Errno::ENOTTY => Error::Unsupported { op },
            other => Error::other(op, Some(self.id), other),
        }
    }

    fn outside(&self, addr: u32, entry: Option<usize>) -> Error {
        Error::Address {
            table: self.id,
            addr,
            contexts: self.contexts,
            entry,
        }
    }

    /// Translates an error of one operation.
    fn error(&self, op: Operation, addr: u32, errno: Errno) -> Error {
        match errno {
            Errno::EINVAL => self.outside(addr, None),
            other => Error::other(op, Some(self.id), other),
        }
    }

    /// Translates an error of a batch. EINVAL can only mean an address, or an operation that an
    /// older driver lacks: the length was checked, and [`Batch`] makes no other opcodes or reserved
    /// bytes.
    fn batch_error(&self, batch: &Batch, errno: Errno) -> Error {
        if errno != Errno::EINVAL {
            return Error::other(Operation::Batch, Some(self.id), errno);
        }
        let newer = batch.newer_operation();
        match (batch.wrong_address(self.contexts), newer) {
            // Where the number of contexts isn't known, this is the largest address.
            (Some((_, addr)), Some(op)) if self.read(addr).is_ok() => Error::Unsupported { op },
            (Some((entry, addr)), _) => self.outside(addr, Some(entry)),
            (None, Some(op)) => Error::Unsupported { op },
            (None, None) => Error::other(Operation::Batch, Some(self.id), errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    /// A table in a file that answers ENOTTY to every command.
    fn nowhere(contexts: Option<u32>) -> TableRef {
        let null = File::open("/dev/null").unwrap();
        TableRef::new(Arc::new(null.into()), 5, contexts)
    }

    #[test]
    fn errors_name_table_and_address() {
        let table = nowhere(Some(16));
        let text = |errno| table.error(Operation::Load, 16, errno).to_string();
        assert_eq!(
            text(Errno::EINVAL),
            "address 16 is outside table 5, which has 16 contexts"
        );
        assert_eq!(text(Errno::ENOENT), "no table 5 in this open file");
        assert_eq!(
            text(Errno::EBADF),
            "this descriptor doesn't give the right to LOAD"
        );
        assert_eq!(text(Errno::EFAULT), "LOAD: memory that can't be accessed");
        assert_eq!(
            table.load(0, 0).unwrap_err().to_string(),
            "LOAD on table 5 failed"
        );
    }

    #[test]
    fn batch_errors_name_the_entry() {
        let mut batch = Batch::new();
        batch.load(3, 0).load(16, 0).load(40, 0);
        let of = |contexts| match nowhere(contexts).batch_error(&batch, Errno::EINVAL) {
            Error::Address { entry, addr, .. } => (entry, addr),
            other => panic!("{other}"),
        };
        // The first wrong one; without the size, the one that is certainly wrong.
        assert_eq!(of(Some(16)), (Some(1), 16));
        assert_eq!(of(None), (Some(2), 40));
        // All addresses are right, so the code must mean something unforeseen.
        let error = nowhere(Some(41)).batch_error(&batch, Errno::EINVAL);
        assert!(matches!(error, Error::Os { .. }));
    }

    #[test]
    fn an_older_driver_is_told_from_a_wrong_address() {
        let mut batch = Batch::new();
        batch.load(3, 0).set(4, 1).expect(5, 2);
        // All addresses are right, so it's the driver.
        let error = nowhere(Some(6)).batch_error(&batch, Errno::EINVAL);
        let unsupported =
            |error: &Error, expected| matches!(error, Error::Unsupported { op } if *op == expected);
        assert!(unsupported(&error, Operation::Set), "{error}");
        assert_eq!(error.errno(), Some(Errno::EINVAL as i32));
        assert!(error.hint().unwrap().contains("newer driver"));
        let error = nowhere(Some(5)).batch_error(&batch, Errno::EINVAL);
        assert!(matches!(error, Error::Address { addr: 5, .. }), "{error}");
        // Without the size, a READ of the largest address decides, which fails here.
        let error = nowhere(None).batch_error(&batch, Errno::EINVAL);
        assert!(matches!(error, Error::Address { addr: 5, .. }), "{error}");
        let error = nowhere(None).watch(0..1).unwrap_err();
        assert!(unsupported(&error, Operation::Watch), "{error}");
        let error = nowhere(None).touch(0..1).unwrap_err();
        assert!(unsupported(&error, Operation::Touch), "{error}");
        assert_eq!(error.to_string(), "the driver doesn't know TOUCH");
        let error = nowhere(None).export(Rights::ReadOnly).unwrap_err();
        assert!(unsupported(&error, Operation::Export), "{error}");
        assert_eq!(error.errno(), Some(Errno::ENOTTY as i32));
    }

    #[test]
    fn refuses_batches_that_the_kernel_would() {
        let table = nowhere(None);
        let mut batch = Batch::new();
        assert!(matches!(table.run(&mut batch), Err(Error::BatchEmpty)));
        assert!(matches!(table.submit(&batch), Err(Error::BatchEmpty)));
        for _ in 0..4096 {
            batch.accum(0, 1);
        }
        assert!(matches!(table.submit(&batch), Err(Error::Os { .. })));
        batch.accum(0, 1);
        let long = |r: Result<()>| matches!(r, Err(Error::BatchTooLong { entries: 4097 }));
        assert!(long(table.submit(&batch)));
        assert!(long(table.run(&mut batch).map(drop)));
    }

    #[test]
    fn submits_nothing_that_returns() {
        let mut batch = Batch::new();
        batch.load(0, 0).accum(0, 1);
        batch.swap(0);
        let error = nowhere(None).submit(&batch).unwrap_err();
        assert!(matches!(error, Error::BatchReturns { entry: 2 }));
    }
}
