// SPDX-License-Identifier: GPL-2.0

//! The processor.

/// As in the kernel: a hint that somebody else is waited for.
pub fn cpu_relax() {
    loom::thread::yield_now();
}
