// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that the module is loaded, will be at the next boot, and has a sensible limit.

use std::collections::BTreeMap;

use super::check::Check;
use super::system::System;
use atomik_logic::limit;

pub fn loaded(system: &System) -> Check {
    const NAME: &str = "module";
    if !system.exists("/sys/module/atomik") {
        return Check::failed(
            NAME,
            "not loaded",
            "modprobe atomik; if that fails, `dmesg | tail` says why",
        );
    }
    // While it is loading or unloading, the other checks mean nothing.
    let state = system.read("/sys/module/atomik/initstate");
    if state.as_deref() != Some("live") {
        return Check::failed(
            NAME,
            format!("not live, but '{}'", state.unwrap_or_default()),
            "wait a moment and run this again; `dmesg | tail` says what it waits for",
        );
    }
    let at_boot = ["/etc/modules-load.d", "/usr/lib/modules-load.d"]
        .iter()
        .any(|directory| system.exists(&format!("{directory}/atomik.conf")));
    if at_boot {
        return Check::ok(NAME, "loaded, and will be at the next boot");
    }
    Check::warning(
        NAME,
        "loaded, but won't be at the next boot",
        "run install.sh again, or reinstall the package atomik-dkms: \
         /etc/modules-load.d/atomik.conf is missing",
    )
}

pub fn limit(system: &System) -> Check {
    const NAME: &str = "limit";
    let mut parameter = limit::UNSET;
    for (source, value) in settings(system) {
        let Some(kib) = number(&value) else {
            return Check::failed(
                NAME,
                format!("{source} says limit_kib={value}, which isn't a number"),
                "correct it: the module can't be loaded with this value",
            );
        };
        parameter = kib;
    }
    let memory = system
        .read("/proc/meminfo")
        .as_deref()
        .and_then(total_memory);
    let Some(total) = memory else {
        return Check::warning(
            NAME,
            "/proc/meminfo doesn't say how much memory this machine has",
            "mount it: mount -t proc proc /proc",
        );
    };
    let limit = limit::bytes(parameter, total.saturating_mul(1024)) / 1024;
    let found = format!("as configured, the driver may use {limit} of {total} KiB");
    match limit {
        0 => Check::warning(
            NAME,
            "0: no table can be made",
            "set limit_kib in /etc/modprobe.d/atomik.conf, and load the module again",
        ),
        limit if limit > total / 2 => Check::warning(
            NAME,
            format!("{found}, more than half"),
            "lower limit_kib in /etc/modprobe.d/atomik.conf, unless memory cgroups bound the users",
        ),
        _ => Check::ok(NAME, found),
    }
}

/// The values that modprobe gives to `limit_kib`, each with its source. The last one counts.
fn settings(system: &System) -> Vec<(String, String)> {
    // Files in the order of their names. Among equal names, the first directory counts.
    let mut files = BTreeMap::new();
    for base in ["/etc", "/run", "/usr/local/lib", "/usr/lib"] {
        let directory = format!("{base}/modprobe.d");
        for name in system.list(&directory) {
            if name.ends_with(".conf") {
                let path = format!("{directory}/{name}");
                files.entry(name).or_insert(path);
            }
        }
    }
    let mut found = vec![];
    for path in files.into_values() {
        let text = system.read(&path).unwrap_or_default().replace("\\\n", " ");
        found.extend(
            text.lines()
                .filter_map(option)
                .map(|v| (path.clone(), v.to_owned())),
        );
    }
    let kernel = system.read("/proc/cmdline").unwrap_or_default();
    let words = kernel.split_whitespace();
    let values = words.filter_map(|word| word.strip_prefix("atomik.limit_kib="));
    found.extend(values.map(|v| ("/proc/cmdline".into(), v.to_owned())));
    found
}

/// Finds the value in `options atomik … limit_kib=VALUE`.
fn option(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    if words.next()? != "options" || words.next()? != "atomik" {
        return None;
    }
    words
        .filter_map(|word| word.strip_prefix("limit_kib="))
        .next_back()
}

/// Parses a number as the kernel does: decimal, `0x` hexadecimal, or octal after `0`.
fn number(value: &str) -> Option<i64> {
    let (sign, digits) = match value.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", value),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::check::Level;
    use super::super::system::fake::Fake;
    use super::*;

    const FILE: &str = "/etc/modprobe.d/atomik.conf";

    #[test]
    fn a_module_that_is_not_loaded_fails() {
        let fake = Fake::installed();
        fake.remove("/etc/modules-load.d/atomik.conf");
        assert_eq!(loaded(&fake.system()).level, Level::Warning);
        fake.write("/sys/module/atomik/initstate", "coming");
        assert_eq!(loaded(&fake.system()).level, Level::Failed);
        fake.remove("/sys/module/atomik");
        assert_eq!(loaded(&fake.system()).level, Level::Failed);
    }

    #[test]
    fn limits_are_read_as_modprobe_does() {
        assert_eq!(option("options atomik limit_kib=7"), Some("7"));
        assert_eq!(option("options  atomik\tx=1 limit_kib=8 "), Some("8"));
        assert_eq!(option("# options atomik limit_kib=7"), None);
        assert_eq!(option("options other limit_kib=7"), None);
        for (value, kib) in [("0", 0), ("0x10", 16), ("010", 8), ("-1", -1), ("77", 77)] {
            assert_eq!(number(value), Some(kib), "{value}");
        }
        for value in ["", "-", "0x", "1G", "--1", "08"] {
            assert_eq!(number(value), None, "{value}");
        }
    }

    #[test]
    fn the_setting_that_modprobe_takes_is_looked_at() {
        let fake = Fake::empty();
        let last = || settings(&fake.system()).pop().map(|(_, value)| value);
        assert_eq!(last(), None);
        fake.write(
            "/usr/lib/modprobe.d/atomik.conf",
            "options atomik limit_kib=1",
        );
        assert_eq!(last().as_deref(), Some("1"));
        fake.write("/etc/modprobe.d/a.conf", "options atomik \\\n limit_kib=2");
        assert_eq!(last().as_deref(), Some("1"));
        // This hides the one in /usr/lib.
        fake.write(FILE, "# nothing");
        assert_eq!(last().as_deref(), Some("2"));
        fake.write("/etc/modprobe.d/z.conf.old", "options atomik limit_kib=3");
        assert_eq!(last().as_deref(), Some("2"));
        fake.write("/proc/cmdline", "quiet atomik.limit_kib=4 ro");
        assert_eq!(last().as_deref(), Some("4"));
    }

    #[test]
    fn odd_limits_are_told() {
        let fake = Fake::installed();
        let level = |text: &str| {
            fake.write(FILE, text);
            limit(&fake.system()).level
        };
        assert_eq!(level("options atomik limit_kib=1000"), Level::Ok);
        assert_eq!(level("options atomik limit_kib=0"), Level::Warning);
        assert_eq!(level("options atomik limit_kib=3000000"), Level::Warning);
        assert_eq!(level("options atomik limit_kib=1G"), Level::Failed);
        // The default fits any machine, and a whole GiB doesn't.
        for total in ["4000000", "1000000", "50000"] {
            fake.write("/proc/meminfo", &format!("MemTotal: {total} kB"));
            for text in ["", "options atomik limit_kib=-1"] {
                fake.write(FILE, text);
                assert_eq!(limit(&fake.system()).level, Level::Ok, "{total}");
            }
        }
        fake.write("/proc/meminfo", "MemTotal: 1000000 kB");
        assert_eq!(level("options atomik limit_kib=1048576"), Level::Warning);
        fake.remove("/proc/meminfo");
        assert_eq!(level("options atomik limit_kib=1048576"), Level::Warning);
    }
}
