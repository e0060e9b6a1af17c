// SPDX-License-Identifier: MIT OR Apache-2.0

//! Memory that the kernel has taken for itself.

use std::{fs, path::Path, time::Instant};

/// KiB that the kernel has allocated for itself: memory that a module could leak.
pub fn in_use_kib() -> i64 {
    let text = fs::read_to_string("/proc/meminfo").expect("read meminfo");
    let field = |name: &str| -> i64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|line| line.trim().strip_suffix(" kB"));
        value
            .expect("a field of meminfo")
            .parse()
            .expect("a number")
    };
    field("Slab:") + field("VmallocUsed:") + field("Percpu:")
}

/// Waits until at most `limit` KiB are in use, as much is freed only after a grace period. Panics
/// after a minute.
///
/// A kernel with kmemleak is not measured: it looks for leaks itself, and keeps freed memory back
/// for a while.
pub fn wait_for_at_most_kib(limit: i64) -> i64 {
    let started = Instant::now();
    loop {
        let used = in_use_kib();
        if used <= limit || Path::new("/sys/kernel/debug/kmemleak").exists() {
            return used;
        }
        assert!(
            started.elapsed().as_secs() < 60,
            "{used} KiB are in use, which do not become {limit}"
        );
        std::thread::yield_now();
    }
}
