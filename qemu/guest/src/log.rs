// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds in a kernel's log what the kernel complains about.

/// Words that are in no log of a sound boot. The kernel's own tests of itself print some of these in
/// lower case or other words when they only say that they are there.
const COMPLAINTS: &[&str] = &[
    "WARNING: ",
    "BUG: ",
    "kernel BUG at",
    "Oops",
    "KASAN: ",
    "KCSAN: ",
    "KFENCE: ",
    "KMSAN: ",
    "UBSAN: ",
    "unreferenced object 0x",
    "new suspected memory leaks",
    // A checker that has given up finds nothing more.
    "kmemleak disabled",
    "Kernel memory leak detector disabled",
    "turning off the locking correctness validator",
    "ODEBUG disabled",
    "INFO: task ",
    "INFO: lockdep is turned off",
    "INFO: trying to register non-static key",
    "suspicious RCU usage",
    "detected stall",
    "self-detected stall",
    "detected expedited stalls",
    "soft lockup",
    "hard LOCKUP",
    "workqueue lockup",
    "refcount_t: ",
    "general protection fault",
    "stack guard page was hit",
    "unable to handle",
    "double fault",
    "divide error",
    "invalid opcode",
    "Bad page state",
    "bad page map",
    "page allocation failure",
    "rust_kernel: panicked",
    "cut here ]---",
    "Call Trace:",
    "Kernel panic - not syncing",
    "Attempted to kill init",
];

/// Lines about a program's own faults, which are no fault of the kernel's.
const OF_PROGRAMS: &[&str] = &["traps: ", "segfault at "];

/// Lines whose stack trace is expected: a limit was reached, or a failure was asked for.
const TRACE_EXPECTED: &[&str] = &["invoked oom-killer", "FAULT_INJECTION: forcing a failure"];

/// The taint bits that tell of a fault, with the kernel's letters. Loading an unsigned module from
/// outside the tree taints too, and is no fault.
const TAINTS: &[(u32, &str)] = &[
    (4, "M: a machine check"),
    (5, "B: a bad page"),
    (7, "D: an oops or BUG"),
    (9, "W: a warning"),
    (14, "L: a soft lockup"),
];

/// How much is shown from the first complaint on.
const EXCERPT_LINES: usize = 60;

/// The numbers of the lines that complain, from 0.
pub fn complaints(log: &str) -> Vec<usize> {
    let mut trace_expected = false;
    let mut found = Vec::new();
    for (number, line) in log.lines().enumerate() {
        if TRACE_EXPECTED.iter().any(|s| line.contains(s)) {
            trace_expected = true;
        } else if trace_expected && line.contains("Call Trace:") {
            trace_expected = false;
        } else if complains(line) {
            found.push(number);
        }
    }
    found
}

fn complains(line: &str) -> bool {
    if OF_PROGRAMS.iter().any(|s| line.contains(s)) {
        return false;
    }
    // The slab allocator says "BUG kmalloc-64 (…)".
    COMPLAINTS.iter().any(|s| line.contains(s)) || message(line).starts_with("BUG ")
}

/// A line without its timestamp and caller.
fn message(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some((_, after)) = rest.strip_prefix('[').and_then(|s| s.split_once(']')) {
        rest = after.trim_start();
    }
    rest
}

/// The part of the log around the first complaint, or its end where there is none.
pub fn excerpt(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let start = match complaints(log).first() {
        Some(first) => first.saturating_sub(2),
        None => lines.len().saturating_sub(EXCERPT_LINES / 2),
    };
    let end = lines.len().min(start + EXCERPT_LINES);
    let mut text = lines[start..end].join("\n");
    if end < lines.len() {
        text.push_str(&format!("\n… {} more lines", lines.len() - end));
    }
    text
}

/// The meaning of the taint bits, in words.
pub fn taints(tainted: u64) -> Vec<&'static str> {
    TAINTS
        .iter()
        .filter(|(bit, _)| (tainted >> bit) & 1 == 1)
        .map(|(_, text)| *text)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of a sound boot that look like trouble.
    const SOUND: &str = "\
[    0.052000] tsc: Unable to calibrate against PIT
[    0.645255] APIC calibration not consistent with PM-Timer: 92ms instead of 100ms
[    0.000000] kasan: KernelAddressSanitizer initialized (generic)
[    0.000000] kmemleak: Kernel memory leak detector initialized (mem pool available: 15679)
[    0.100000] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
[    0.200000] Spectre V2 : WARNING of nothing
[    1.908397] acpi PNP0A03:00: fail to add MMCONFIG information, can't access extended configuration space
[    2.000000] ------------------------
[    2.000000] | Locking API testsuite:
[    2.750000] atomik: loading out-of-tree module taints kernel.
[    2.750000] atomik: module verification failed: signature and/or required key missing - tainting kernel
[    3.000000] crash[77]: segfault at 0 ip 0000000000401136 sp 00007ffd error 6 in crash[1136,401000+1000]
[    3.100000] traps: crash[78] general protection fault ip:401136 sp:7ffd error:0 in crash[1136,401000+1000]
[    9.000000] reboot: Power down
";

    #[test]
    fn a_sound_boot_has_none() {
        let found: Vec<&str> = complaints(SOUND)
            .iter()
            .map(|&n| SOUND.lines().nth(n).unwrap())
            .collect();
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn each_kind_is_found() {
        for line in [
            "WARNING: CPU: 0 PID: 1 at kernel/panic.c:1 f+0x1/0x2",
            "WARNING: possible circular locking dependency detected",
            "WARNING: inconsistent lock state",
            "BUG: KASAN: slab-use-after-free in f+0x1/0x2",
            "BUG kmalloc-64 (Tainted: G           OE      ): Poison overwritten",
            "BUG: sleeping function called from invalid context at mm/x.c:1",
            "BUG: unable to handle page fault for address: ffff",
            "BUG: KCSAN: data-race in f / g",
            "Oops: 0000 [#1] PREEMPT SMP",
            "Oops: general protection fault, probably for non-canonical address 0xdead: 0000",
            "UBSAN: array-index-out-of-bounds in x.c:1:2",
            "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
            "kmemleak: unreferenced object 0xffff888003c32000 (size 64):",
            "kmemleak: Kernel memory leak detector disabled",
            "turning off the locking correctness validator.",
            "ODEBUG: Out of memory. ODEBUG disabled",
            "INFO: task sh:77 blocked for more than 120 seconds.",
            "rcu: INFO: rcu_preempt self-detected stall on CPU",
            "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
            "refcount_t: underflow; use-after-free.",
            "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
            "rust_kernel: panicked at module/atomik.rs:1:2:",
            "------------[ cut here ]------------",
            "Call Trace:",
            "Kernel panic - not syncing: sysrq triggered crash",
        ] {
            for text in [
                line.to_string(),
                format!("[    1.5] {line}\r"),
                format!("[    1.5][   T77] {line}"),
            ] {
                assert_eq!(
                    complaints(&format!("{SOUND}{text}\n")),
                    [SOUND.lines().count()],
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn a_trace_after_reaching_a_limit_is_expected_once() {
        let log = "[1.0] eat invoked oom-killer: gfp_mask=0x400dc0\n[1.0] Call Trace:\n[1.0]  f+0x1/0x2\n";
        assert!(complaints(log).is_empty());
        assert_eq!(complaints(&format!("{log}[2.0] Call Trace:\n")), [3]);
        assert!(
            complaints("FAULT_INJECTION: forcing a failure.\nname failslab\nCall Trace:\n")
                .is_empty()
        );
        assert_eq!(
            complaints("eat invoked oom-killer\nBUG: KASAN: bad\nCall Trace:\n"),
            [1]
        );
    }

    #[test]
    fn the_excerpt_starts_at_the_complaint() {
        let log = format!("{SOUND}BUG: bad\n{}", "more\n".repeat(100));
        let text = excerpt(&log);
        assert!(text.contains("BUG: bad") && !text.contains("kasan"));
        assert!(text.ends_with("more lines"), "{text}");
        assert!(excerpt(SOUND).ends_with("Power down"));
        assert_eq!(excerpt(""), "");
    }

    #[test]
    fn taint_bits() {
        let out_of_tree_and_unsigned = (1 << 12) | (1 << 13);
        assert!(taints(out_of_tree_and_unsigned).is_empty());
        assert_eq!(
            taints(out_of_tree_and_unsigned | 512 | 128),
            ["D: an oops or BUG", "W: a warning"]
        );
    }
}
