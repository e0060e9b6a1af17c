// SPDX-License-Identifier: GPL-2.0

//! [`Image`], a copy of some contexts at one moment, on its way to userspace or back.

use crate::{
    contexts::{Contexts, Exclusive},
    kernel_ext::gfp,
    limit::Charge,
    logic::context::{States, TableMut, Word},
    uapi::{self, Context},
};
use core::ops::Range;
use kernel::{
    alloc::KVVec,
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};

/// The kernel's copy of some contexts, and the address of the one in userspace.
///
/// It is copied to and from userspace while others may use the table: a caller whose page takes
/// long to come keeps nobody waiting.
///
/// # Invariants
///
/// There are 1 to `MAX_CONTEXTS` contexts.
pub(crate) struct Image {
    contexts: KVVec<Context>,
    /// Needed because a caller can delay its page faults at will, in any number of threads.
    _charge: Charge,
    table_id: u32,
    addr: u32,
    user: UserPtr,
}

impl Image {
    /// An image for the contexts that `arg` names, not taken yet. Fails with EINVAL, EFAULT or
    /// ENOMEM.
    pub(crate) fn empty(arg: &uapi::Image) -> Result<Self> {
        if !(1..=uapi::MAX_CONTEXTS).contains(&arg.count) || arg.reserved != 0 {
            return Err(EINVAL);
        }
        let address = usize::try_from(arg.contexts_ptr).map_err(|_| EFAULT)?;
        let count = arg.count as usize;
        // INVARIANT: `count` has been checked.
        Ok(Self {
            _charge: Charge::new(count.checked_mul(size_of::<Context>()).ok_or(EINVAL)?)?,
            contexts: KVVec::from_elem(Context::default(), count, gfp::charged())?,
            table_id: arg.table_id,
            addr: arg.addr,
            user: UserPtr::from_addr(address),
        })
    }

    /// The image that userspace has. Fails with EINVAL, EFAULT or ENOMEM.
    pub(crate) fn read(arg: &uapi::Image) -> Result<Self> {
        let mut image = Self::empty(arg)?;
        let bytes = image.contexts.as_mut_slice().as_mut_bytes();
        UserSlice::new(image.user, bytes.len())
            .reader()
            .read_slice(bytes)?;
        Ok(image)
    }

    /// Copies the image to userspace. Fails with EFAULT; part of it may have been written then.
    pub(crate) fn write(&self) -> Result {
        let bytes = self.contexts.as_bytes();
        UserSlice::new(self.user, bytes.len())
            .writer()
            .write_slice(bytes)
    }

    /// The id of the contexts' table.
    pub(crate) fn table_id(&self) -> u32 {
        self.table_id
    }

    /// How many contexts there are.
    pub(crate) fn count(&self) -> u32 {
        self.contexts.len() as u32
    }

    /// The addresses of the contexts. Fails with EINVAL where they go beyond the table.
    fn addresses(&self, table: &Contexts) -> Result<Range<u32>> {
        table.range(self.addr, self.count())
    }

    /// Takes the image of a table that the caller has alone. Fails with EINVAL where it goes beyond
    /// the table.
    pub(crate) fn take(&mut self, table: &mut Contexts) -> Result {
        let addresses = self.addresses(table)?;
        match table.exclusive() {
            Exclusive::Unmapped(mut table) => self.take_from(&mut table, addresses),
            Exclusive::Mapped(mut table) => self.take_from(&mut table, addresses),
        }
    }

    fn take_from(
        &mut self,
        table: &mut TableMut<'_, impl States, impl Word>,
        addresses: Range<u32>,
    ) -> Result {
        for (to, addr) in self.contexts.as_mut_slice().iter_mut().zip(addresses) {
            let (state, reference) = table.words(addr).ok_or(EINVAL)?;
            *to = Context {
                reference,
                accumulator: state ^ reference,
            };
        }
        Ok(())
    }

    /// Puts the image into a table that the caller has alone, and returns the addresses. Fails with
    /// EINVAL, and changes nothing, where it goes beyond the table.
    pub(crate) fn put(&self, table: &mut Contexts) -> Result<Range<u32>> {
        let addresses = self.addresses(table)?;
        match table.exclusive() {
            Exclusive::Unmapped(mut table) => self.put_into(&mut table, addresses.clone()),
            Exclusive::Mapped(mut table) => self.put_into(&mut table, addresses.clone()),
        }?;
        Ok(addresses)
    }

    fn put_into(
        &self,
        table: &mut TableMut<'_, impl States, impl Word>,
        addresses: Range<u32>,
    ) -> Result {
        for (from, addr) in self.contexts.iter().zip(addresses) {
            table
                .set(addr, from.reference, from.accumulator)
                .ok_or(EINVAL)?;
        }
        Ok(())
    }
}
