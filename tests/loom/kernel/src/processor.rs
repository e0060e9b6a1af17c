// SPDX-License-Identifier: GPL-2.0

//! The processor.

/// As in the kernel: a hint that the caller waits for another thread.
pub fn cpu_relax() {
    loom::thread::yield_now();
}
