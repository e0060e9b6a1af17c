// SPDX-License-Identifier: GPL-2.0

//! User memory, which is the memory of the test.

use crate::{
    alloc::{Flags, KVVec},
    error::{Result, code::EFAULT},
    held,
    transmute::{AsBytes, FromBytes},
};
use core::{ffi::c_void, mem::MaybeUninit};
use std::{cell::RefCell, collections::HashMap};

/// How the memory at an address differs from ordinary memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// Absent until a write that may fault brings it in.
    Swapped,
    /// Not writable.
    ReadOnly,
}

thread_local! {
    /// The addresses of memory that isn't ordinary, for all threads of a case.
    static AWAY: RefCell<HashMap<usize, Away>> = RefCell::new(HashMap::new());
}

/// Makes the memory at this address extraordinary, until what this returns is dropped: then other
/// memory may come to be there.
pub fn put_away<T>(at: *const T, away: Away) -> PutAway {
    AWAY.with_borrow_mut(|pages| pages.insert(at.addr(), away));
    PutAway(at.addr())
}

/// Memory that is extraordinary for as long as this lives.
pub struct PutAway(usize);

impl Drop for PutAway {
    fn drop(&mut self) {
        AWAY.with_borrow_mut(|pages| pages.remove(&self.0));
    }
}

pub(crate) fn is_there(address: usize) -> bool {
    AWAY.with_borrow(|pages| !pages.contains_key(&address))
}

/// An address in user memory.
#[derive(Clone, Copy)]
pub struct UserPtr(*mut c_void);

impl UserPtr {
    pub fn from_addr(address: usize) -> Self {
        Self(core::ptr::with_exposed_provenance_mut(address))
    }

    pub fn wrapping_byte_add(self, add: usize) -> Self {
        Self(self.0.wrapping_byte_add(add))
    }

    pub fn as_mut_ptr(self) -> *mut c_void {
        self.0
    }
}

/// Some bytes of user memory.
pub struct UserSlice(UserPtr, usize);

impl UserSlice {
    pub fn new(at: UserPtr, len: usize) -> Self {
        Self(at, len)
    }

    #[track_caller]
    pub fn read_all(self, out: &mut KVVec<u8>, flags: Flags) -> Result {
        let len = self.1;
        out.reserve(len, flags)?;
        let mut copy = vec![MaybeUninit::uninit(); len];
        self.reader().read_raw(&mut copy)?;
        for byte in copy {
            // SAFETY: initialised by `read_raw`.
            let byte = unsafe { byte.assume_init() };
            out.push_within_capacity(byte).expect("room");
        }
        Ok(())
    }

    pub fn reader(self) -> UserSliceReader {
        UserSliceReader(self)
    }

    pub fn writer(self) -> UserSliceWriter {
        UserSliceWriter(self)
    }
}

pub struct UserSliceReader(UserSlice);

impl UserSliceReader {
    #[track_caller]
    pub fn read_raw(&mut self, out: &mut [MaybeUninit<u8>]) -> Result {
        held::might_fault();
        let UserSlice(from, len) = self.0;
        assert!(out.len() <= len);
        // SAFETY: the tests pass addresses of values of their own, in full length.
        unsafe { out.as_mut_ptr().copy_from(from.0.cast(), out.len()) };
        Ok(())
    }

    #[track_caller]
    pub fn read_slice(&mut self, out: &mut [u8]) -> Result {
        held::might_fault();
        let UserSlice(from, len) = self.0;
        assert!(out.len() <= len);
        // SAFETY: as above.
        unsafe { out.as_mut_ptr().copy_from(from.0.cast(), out.len()) };
        Ok(())
    }

    #[track_caller]
    pub fn read<T: FromBytes>(&mut self) -> Result<T> {
        held::might_fault();
        assert!(size_of::<T>() <= self.0.1);
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: as above; every pattern is a `T`.
        unsafe {
            let from = self.0.0.0.cast::<u8>();
            from.copy_to(value.as_mut_ptr().cast(), size_of::<T>());
            Ok(value.assume_init())
        }
    }
}

pub struct UserSliceWriter(UserSlice);

impl UserSliceWriter {
    #[track_caller]
    pub fn write_slice(&mut self, bytes: &[u8]) -> Result {
        held::might_fault();
        let UserSlice(to, len) = self.0;
        assert!(bytes.len() <= len);
        // SAFETY: as above.
        unsafe { to.0.cast::<u8>().copy_from(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    #[track_caller]
    pub fn write<T: AsBytes>(&mut self, value: &T) -> Result {
        held::might_fault();
        let UserSlice(to, len) = self.0;
        assert!(size_of::<T>() <= len);
        let refused = AWAY.with_borrow_mut(|pages| match pages.get(&to.0.addr()) {
            Some(Away::ReadOnly) => true,
            _ => {
                pages.remove(&to.0.addr());
                false
            }
        });
        if refused {
            return Err(EFAULT);
        }
        // SAFETY: as above.
        unsafe {
            let from = core::ptr::from_ref(value).cast::<u8>();
            to.0.cast::<u8>().copy_from(from, size_of::<T>());
        }
        Ok(())
    }
}
