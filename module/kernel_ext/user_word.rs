// SPDX-License-Identifier: GPL-2.0

//! Words of userspace.
//!
//! On x86-64 these are the kernel's `get_user` and `put_user`, which the kernel crate lacks. They
//! take a third of a copy's instructions. Elsewhere, and in the loom check, they are copies.

use kernel::{prelude::*, uaccess::UserPtr};

/// Reads the word at an address. May sleep. Fails with EFAULT.
#[inline]
pub(crate) fn read(from: UserPtr) -> Result<u64> {
    arch::read(from)
}

/// Writes a word to an address. May sleep. Fails with EFAULT.
#[inline]
pub(crate) fn write(to: UserPtr, value: u64) -> Result {
    arch::write(to, value)
}

/// Calls `f` with a function that writes a word to an address if its page is present and writable,
/// and never sleeps. It fails with EFAULT, also where [`write`] would bring the page in. Some bytes
/// may have been written then.
#[inline]
pub(crate) fn without_faults<R>(f: impl FnOnce(fn(UserPtr, u64) -> Result) -> R) -> R {
    arch::without_faults(f)
}

#[cfg(CONFIG_X86_64)]
mod arch {
    use core::{arch::asm, sync::atomic::compiler_fence, sync::atomic::Ordering::SeqCst};
    use kernel::{bindings, prelude::*, uaccess::UserPtr};

    #[inline]
    pub(super) fn read(from: UserPtr) -> Result<u64> {
        might_fault();
        fail_on_purpose()?;
        let (error, value): (usize, u64);
        // SAFETY: the function takes any address in rax and checks it. It returns the word in rdx,
        // an error in eax, and uses no other register.
        unsafe {
            asm!(
                "call __get_user_8",
                inout("rax") from.as_mut_ptr().addr() => error,
                out("rdx") value,
                options(readonly),
            )
        };
        if error as u32 == 0 {
            Ok(value)
        } else {
            Err(EFAULT)
        }
    }

    #[inline]
    pub(super) fn write(to: UserPtr, value: u64) -> Result {
        might_fault();
        put(to, value)
    }

    #[inline]
    fn put(to: UserPtr, value: u64) -> Result {
        fail_on_purpose()?;
        let error: usize;
        // SAFETY: the function takes any address in rcx and checks it, and the word in rax. It
        // returns an error in ecx, and uses rbx, which can't be named here.
        unsafe {
            asm!(
                "mov {rbx}, rbx",
                "call __put_user_8",
                "mov rbx, {rbx}",
                rbx = out(reg) _,
                inout("rcx") to.as_mut_ptr().addr() => error,
                in("rax") value,
            )
        };
        if error as u32 == 0 {
            Ok(())
        } else {
            Err(EFAULT)
        }
    }

    #[inline]
    pub(super) fn without_faults<R>(f: impl FnOnce(fn(UserPtr, u64) -> Result) -> R) -> R {
        // SAFETY: the current task is valid, and nobody else uses this field of it. An interrupt
        // that changes it restores it.
        let disabled = unsafe { &raw mut (*bindings::get_current()).pagefault_disabled };
        // SAFETY: as above. Page faults are enabled below, whatever `f` returns.
        unsafe { disabled.write(disabled.read().wrapping_add(1)) };
        // In this task nothing moves out from between the two.
        compiler_fence(SeqCst);
        let result = f(put);
        compiler_fence(SeqCst);
        // SAFETY: as above.
        unsafe { disabled.write(disabled.read().wrapping_sub(1)) };
        result
    }

    /// Complains if the caller may not sleep, in a kernel that is built to.
    #[inline]
    fn might_fault() {
        #[cfg(any(CONFIG_PROVE_LOCKING, CONFIG_DEBUG_ATOMIC_SLEEP))]
        // SAFETY: the name of the file is a string of C.
        unsafe {
            bindings::__might_fault(c"module/kernel_ext/user_word.rs".as_char_ptr(), 0)
        };
    }

    /// Fails with EFAULT where a test wants that, in a kernel that is built to.
    #[inline]
    fn fail_on_purpose() -> Result {
        #[cfg(CONFIG_FAULT_INJECTION_USERCOPY)]
        // SAFETY: it has no conditions.
        if unsafe { bindings::should_fail_usercopy() } {
            return Err(EFAULT);
        }
        Ok(())
    }
}

#[cfg(not(CONFIG_X86_64))]
mod arch {
    use kernel::{
        bindings,
        prelude::*,
        uaccess::{UserPtr, UserSlice},
    };

    pub(super) fn read(from: UserPtr) -> Result<u64> {
        UserSlice::new(from, size_of::<u64>()).reader().read()
    }

    pub(super) fn write(to: UserPtr, value: u64) -> Result {
        UserSlice::new(to, size_of::<u64>()).writer().write(&value)
    }

    pub(super) fn without_faults<R>(f: impl FnOnce(fn(UserPtr, u64) -> Result) -> R) -> R {
        f(|to, value| {
            let from = (&raw const value).cast();
            // SAFETY: `from` is valid for reads of a word; the kernel checks `to`.
            let failed =
                unsafe { bindings::copy_to_user_nofault(to.as_mut_ptr(), from, size_of::<u64>()) };
            if failed == 0 {
                Ok(())
            } else {
                Err(EFAULT)
            }
        })
    }
}
