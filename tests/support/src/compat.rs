// SPDX-License-Identifier: MIT OR Apache-2.0

//! System calls by the entry of 32-bit programs, which any program of x86-64 can use. On other
//! machines only a 32-bit program can.

use nix::{
    errno::Errno,
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, fork},
};

const NR_GETPID: u32 = 20;
const NR_IOCTL: u32 = 54;

/// A system call by `int 0x80`: of all arguments the kernel sees 32 bits.
#[cfg(target_arch = "x86_64")]
fn syscall(number: u32, arguments: [u32; 3]) -> i32 {
    let result: u32;
    // SAFETY: the kernel checks the arguments. It keeps all registers but the result, save for
    // r8 to r11, which older ones clear. `rbx` can't be named as an operand, hence the exchange.
    unsafe {
        std::arch::asm!(
            "xchg {first:r}, rbx",
            "int 0x80",
            "xchg {first:r}, rbx",
            first = inout(reg) u64::from(arguments[0]) => _,
            inlateout("eax") number => result,
            in("ecx") arguments[1],
            in("edx") arguments[2],
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result as i32
}

#[cfg(not(target_arch = "x86_64"))]
fn syscall(_: u32, _: [u32; 3]) -> i32 {
    -(Errno::ENOSYS as i32)
}

/// `ioctl`. The kernel sees the lower half of the address.
pub fn ioctl(fd: i32, number: u32, arg: u64) -> Result<(), Errno> {
    match syscall(NR_IOCTL, [fd as u32, number, arg as u32]) {
        errno @ -4095..=-1 => Err(Errno::from_raw(-errno)),
        _ => Ok(()),
    }
}

/// True where the kernel serves 32-bit programs. A child tries, as a kernel that doesn't kills it.
pub fn works() -> bool {
    // SAFETY: the child makes system calls only.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            let own = std::process::id() as i32;
            let works = syscall(NR_GETPID, [0; 3]) == own;
            // SAFETY: ends the child at once.
            unsafe { nix::libc::_exit(i32::from(!works)) }
        }
        Ok(ForkResult::Parent { child }) => {
            waitpid(child, None) == Ok(WaitStatus::Exited(child, 0))
        }
        Err(_) => false,
    }
}
