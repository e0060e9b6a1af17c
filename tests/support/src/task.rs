// SPDX-License-Identifier: MIT OR Apache-2.0

//! Child processes that share this one's open files.

use nix::{
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, Pid, fork},
};
use std::{
    io::{Write, stderr},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Forks a child that runs `body` and exits with 0, or with 1 where it panics.
///
/// The child has only this thread, so `body` must not wait for others. (glibc makes `malloc` usable
/// there.)
pub fn spawn(body: impl FnOnce()) -> Pid {
    // SAFETY: the child runs `body`, which keeps to the above, and leaves by `_exit`.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let result = catch_unwind(AssertUnwindSafe(body));
            if let Err(panic) = &result {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or(panic.downcast_ref::<&str>().copied());
                // The harness has kept what was printed in the memory of this process.
                let _ = writeln!(stderr(), "a child: {}", text.unwrap_or("a panic"));
            }
            let status = i32::from(result.is_err());
            // SAFETY: ends the child at once, without running what this process registered.
            unsafe { nix::libc::_exit(status) }
        }
    }
}

/// Waits for a child, which must succeed.
pub fn join(child: Pid) {
    assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
}

/// Runs `body` in a child and waits for it.
pub fn run(body: impl FnOnce()) {
    join(spawn(body));
}
