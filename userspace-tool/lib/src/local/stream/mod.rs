// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`DeltaStream`]: a table whose deltas go to others, and theirs to it.

mod known;
mod message;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use nix::libc;

pub use message::DeltaMessage;

use super::table::LocalTable;
use super::value::{AsLimbs, Value};
use crate::{ContextTable, Error, LocalError, Operation, Result};
use known::{Known, Place, fold};

/// A table of contexts whose changes are messages, so that several of them end with the same states, whatever
/// order the messages arrive in, how often, and however many are lost for a while.
///
/// ```
/// use atomik::{DeltaStream, Received};
///
/// let (mut one, mut other) = (DeltaStream::new(256)?, DeltaStream::new(256)?);
/// one.load(7, 1000)?;
/// other.load(7, 1000)?;
/// let first = one.accum(7, 0x0f)?;
/// let second = one.accum(7, 0xf0)?;
/// assert_eq!(other.apply(&second)?, Received::Applied);
/// assert_eq!(other.apply(&first)?, Received::Applied);
/// assert_eq!(other.apply(&first)?, Received::Duplicate); // and doesn't cancel it
/// assert_eq!(other.read(7)?, one.read(7)?);
/// # Ok::<(), atomik::Error>(())
/// ```
///
/// # Epochs
///
/// An epoch is a count for each address: 0 in the beginning, and [`load`](Self::load) makes it one more. A
/// message belongs to the epoch in which it was made. One of an epoch that is over is refused; one of an
/// epoch that is yet to come waits until `load` brings its address there. `load` itself makes no message:
/// streams that are to agree load the same.
///
/// # Merging
///
/// [`merge`](Self::merge) takes all that another stream knows. It is commutative, associative and
/// idempotent: streams that have merged each other, in whatever order, agree. Where both have loaded an
/// address as often, but with different values, the larger one wins.
///
/// # Senders
///
/// A message is known by its sender and number. No two streams may have the same sender: that is
/// why a stream can't be cloned. Also a process that forks gives only one side the stream. To go on after
/// a restart, take a new sender, and merge or load what was.
///
/// A message is taken at its word: who can make one with another's name, or damage one on its way,
/// changes states for good. So what carries messages must have a checksum, and let in nobody else.
/// What a stream can see by itself, a message with its own name that it never made, it refuses.
///
/// # Memory
///
/// Of each sender the messages up to the first that is missing are folded into one delta for each address;
/// those behind it are kept one by one until it arrives. What waits for an epoch is folded as well. The messages
/// that [`pending`](Self::pending) hands out are kept until then.
///
/// # Where the table is
///
/// By default in this process; [`on`](Self::on) takes any [`ContextTable`], such as one of the device,
/// that nobody else changes.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct DeltaStream<T = LocalTable> {
    sender: u64,
    table: T,
    contexts: u32,
    /// The epoch of each address that isn't 0, and the value that it started from.
    epochs: BTreeMap<u32, (u64, Value)>,
    /// What is known of each sender, this one as well.
    known: BTreeMap<u64, Known>,
    /// The XOR of the deltas of each epoch that is yet to come.
    waiting: BTreeMap<Place, Value>,
    pending: Vec<DeltaMessage>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Received {
    /// Its delta is in the state now.
    Applied,
    /// It was known already, and nothing has changed.
    Duplicate,
    /// Its epoch is yet to come, and its delta will be in the state then.
    Waiting,
}

impl DeltaStream {
    /// A stream of so many contexts of 64 bits, all 0, with a random sender.
    ///
    /// # Errors
    ///
    /// Those of [`LocalTable::new`], and [`Error::Os`] where the system has no random numbers.
    pub fn new(contexts: u32) -> Result<Self> {
        Self::with_width(contexts, u64::BITS)
    }

    /// A stream of so many contexts of `width` bits, all 0, with a random sender.
    ///
    /// # Errors
    ///
    /// Those of [`LocalTable::with_width`], and [`Error::Os`] where the system has no random numbers.
    pub fn with_width(contexts: u32, width: u32) -> Result<Self> {
        Self::on(LocalTable::with_width(contexts, width)?, random_sender()?)
    }
}

impl<T: ContextTable> DeltaStream<T> {
    /// A stream on a table. Its states so far are those of epoch 0, and streams that are to agree begin with
    /// the same.
    ///
    /// `sender` is a number that no other stream has, see [`random_sender`](Self::random_sender).
    ///
    /// # Errors
    ///
    /// Those of [`ContextTable::size`].
    pub fn on(table: T, sender: u64) -> Result<Self> {
        Ok(Self {
            sender,
            contexts: table.size()?,
            table,
            epochs: BTreeMap::new(),
            known: BTreeMap::new(),
            waiting: BTreeMap::new(),
            pending: vec![],
        })
    }

    /// A sender that nobody else has, as far as chance goes: 64 random bits of the system.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] where the system has no random numbers.
    pub fn random_sender() -> Result<u64> {
        random_sender()
    }

    /// The number by which others know this stream.
    pub fn sender(&self) -> u64 {
        self.sender
    }

    /// The number of contexts.
    pub fn size(&self) -> u32 {
        self.contexts
    }

    /// The width in bits.
    pub fn width(&self) -> u32 {
        self.table.width()
    }

    /// The table. What changes it goes through the stream.
    pub fn table(&self) -> &T {
        &self.table
    }

    /// The epoch of an address: how often it was loaded.
    pub fn epoch(&self, addr: u32) -> u64 {
        self.epochs.get(&addr).map_or(0, |&(epoch, _)| epoch)
    }

    /// LOAD: starts the address's next epoch from `value`, to which what waited for it is added. Returns the
    /// number of the epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], and those of the table.
    pub fn load(&mut self, addr: u32, value: impl AsLimbs) -> Result<u64> {
        self.check(addr)?;
        let epoch = self.epoch(addr).saturating_add(1);
        let value = Value::new(self.width(), value)?;
        self.table.load_value(addr, value.limbs())?;
        if let Some(delta) = self.waiting.get(&(addr, epoch)) {
            self.table.accum_value(addr, delta.limbs())?;
        }
        self.waiting.remove(&(addr, epoch));
        self.epochs.insert(addr, (epoch, value));
        for known in self.known.values_mut() {
            known.forget(addr, epoch);
        }
        Ok(epoch)
    }

    /// ACCUM: the state is XORed with `delta`. Returns the message that tells others so;
    /// [`pending`](Self::pending) has it, too.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::OutOfMessages`], and those of the table.
    pub fn accum(&mut self, addr: u32, delta: impl AsLimbs) -> Result<DeltaMessage> {
        self.check(addr)?;
        let message = DeltaMessage {
            sender: self.sender,
            addr,
            epoch: self.epoch(addr),
            seq: (self.known.get(&self.sender))
                .map_or(Some(1), Known::next)
                .ok_or(LocalError::OutOfMessages)?,
            delta: Value::new(self.width(), delta)?,
        };
        self.table.accum_value(addr, message.delta.limbs())?;
        self.note(&message);
        self.pending.push(message.clone());
        Ok(message)
    }

    /// Takes a message of another stream. One of this stream that comes back is a duplicate.
    ///
    /// # Errors
    ///
    /// [`LocalError::Width`] for one of another width, [`Error::Address`], [`LocalError::NeverSent`] for one
    /// that bears this stream's name and that it hasn't made, [`LocalError::StaleEpoch`], and those of
    /// the table. No state has changed then; a message that was stale is a duplicate from then on.
    pub fn apply(&mut self, message: &DeltaMessage) -> Result<Received> {
        let (addr, epoch) = (message.addr, message.epoch);
        self.check_width(message.delta.width())?;
        self.check(addr)?;
        if (self.known.get(&message.sender)).is_some_and(|known| known.has(message.seq))
            || message.seq == 0
        {
            return Ok(Received::Duplicate);
        }
        if message.sender == self.sender {
            return Err(LocalError::NeverSent {
                sender: message.sender,
                seq: message.seq,
            }
            .into());
        }
        let current = self.epoch(addr);
        let received = match epoch.cmp(&current) {
            Ordering::Less => Err(LocalError::StaleEpoch {
                addr,
                epoch,
                current,
            }
            .into()),
            Ordering::Equal => {
                self.table.accum_value(addr, message.delta.limbs())?;
                Ok(Received::Applied)
            }
            Ordering::Greater => {
                fold(&mut self.waiting, (addr, epoch), &message.delta);
                Ok(Received::Waiting)
            }
        };
        self.note(message);
        received
    }

    /// READ: returns the state, up to 64 bits.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`LocalError::TooWide`], and those of the table.
    pub fn read(&self, addr: u32) -> Result<u64> {
        self.table.read(addr)
    }

    /// READ of any width.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], and those of the table.
    pub fn read_value(&self, addr: u32) -> Result<Value> {
        self.table.read_value(addr)
    }

    /// The messages that this stream has made since the last call, in order.
    pub fn pending(&mut self) -> Vec<DeltaMessage> {
        std::mem::take(&mut self.pending)
    }

    /// The states that aren't 0, by address.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub fn nonzero(&self) -> Result<Vec<(u32, Value)>> {
        self.table.nonzero()
    }

    /// Takes all that another stream knows: of each address the later epoch, or of the same epoch the one
    /// that started from the larger value, and all deltas of it that either knows.
    ///
    /// # Errors
    ///
    /// [`LocalError::Width`] and [`LocalError::Size`] where the other's are not the same, and those of the
    /// table.
    pub fn merge<U: ContextTable>(&mut self, other: &DeltaStream<U>) -> Result<()> {
        self.check_width(other.width())?;
        if other.contexts != self.contexts {
            return Err(LocalError::Size {
                found: other.contexts,
                contexts: self.contexts,
            }
            .into());
        }
        let mut change = self.current();
        for (&addr, start) in &other.epochs {
            if self.epochs.get(&addr) < Some(start) {
                self.table.load_value(addr, start.1.limbs())?;
                self.epochs.insert(addr, start.clone());
                change.remove(&addr);
            }
        }
        let epochs = &self.epochs;
        for (&sender, theirs) in &other.known {
            self.known
                .entry(sender)
                .or_default()
                .unite(theirs, over(epochs));
        }
        for (&addr, &(epoch, _)) in &self.epochs {
            for known in self.known.values_mut() {
                known.forget(addr, epoch);
            }
        }
        // What the accumulators lack: what they should be, without what they were.
        for (addr, delta) in self.current() {
            change
                .entry(addr)
                .and_modify(|change| change.xor(delta.limbs()))
                .or_insert(delta);
        }
        for (addr, delta) in change {
            self.table.accum_value(addr, delta.limbs())?;
        }
        self.waiting = self.deltas(|epoch, current| epoch > current);
        Ok(())
    }

    /// The accumulators that aren't 0 for certain, by what is known.
    fn current(&self) -> BTreeMap<u32, Value> {
        let deltas = self.deltas(|epoch, current| epoch == current);
        deltas.into_iter().map(|((addr, _), d)| (addr, d)).collect()
    }

    /// The XOR of the known deltas of each place, where its epoch and its address's are such.
    fn deltas(&self, such: impl Fn(u64, u64) -> bool) -> BTreeMap<Place, Value> {
        let mut deltas = BTreeMap::new();
        for (place, delta) in self.known.values().flat_map(Known::deltas) {
            if such(place.1, self.epoch(place.0)) {
                fold(&mut deltas, place, delta);
            }
        }
        deltas
    }

    /// Notes that a message is known.
    fn note(&mut self, message: &DeltaMessage) {
        let known = self.known.entry(message.sender).or_default();
        known.add(message, over(&self.epochs));
    }

    fn check(&self, addr: u32) -> Result<()> {
        if addr < self.contexts {
            return Ok(());
        }
        Err(Error::Address {
            table: 0,
            addr,
            contexts: Some(self.contexts),
            entry: None,
        })
    }

    fn check_width(&self, found: u32) -> Result<()> {
        let width = self.width();
        if found == width {
            return Ok(());
        }
        Err(LocalError::Width { found, width }.into())
    }
}

/// Which places are of epochs that are over.
fn over(epochs: &BTreeMap<u32, (u64, Value)>) -> impl Fn(Place) -> bool {
    |(addr, epoch)| {
        epochs
            .get(&addr)
            .is_some_and(|&(current, _)| epoch < current)
    }
}

fn random_sender() -> Result<u64> {
    let mut bytes = [0; 8];
    // SAFETY: so many bytes may be written there.
    let length = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    let source = match usize::try_from(length) {
        Ok(length) if length == bytes.len() => return Ok(u64::from_ne_bytes(bytes)),
        // That is no error of the system's, which would have one to tell.
        Ok(_) => std::io::ErrorKind::UnexpectedEof.into(),
        Err(_) => std::io::Error::last_os_error(),
    };
    Err(Error::Os {
        op: Operation::Random,
        table: None,
        source,
    })
}
