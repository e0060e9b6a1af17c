// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whether the module is loaded, now and at the next boot, and with which limit.

use super::check::Check;
use super::system::System;
use atomik_logic::limit;

pub fn loaded(system: &System) -> Check {
    const NAME: &str = "module";
    if !system.exists("/sys/module/atomik") {
        return Check::failed(
            NAME,
            "not loaded",
            "modprobe atomik; where that fails, `dmesg | tail` says why",
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
        "run install.sh again, or reinstall the package atomik-dkms: /etc/modules-load.d/atomik.conf is missing",
    )
}

pub fn limit(system: &System) -> Check {
    const NAME: &str = "limit";
    let mut parameter = limit::UNSET;
    for directory in ["/usr/lib/modprobe.d", "/etc/modprobe.d"] {
        for file in system.list(directory) {
            let text = system
                .read(&format!("{directory}/{file}"))
                .unwrap_or_default();
            for value in text.lines().filter_map(option) {
                let Ok(kib) = value.parse() else {
                    return Check::failed(
                        NAME,
                        format!("{directory}/{file} says limit_kib={value}, which is no number"),
                        "mend it: the module can't be loaded with it",
                    );
                };
                parameter = kib;
            }
        }
    }
    let memory = system
        .read("/proc/meminfo")
        .as_deref()
        .and_then(total_memory);
    let bytes = memory.unwrap_or(u64::MAX).saturating_mul(1024);
    let limit = limit::bytes(parameter, bytes) / 1024;
    let found = format!("all tables together may use {limit} KiB");
    match memory {
        _ if limit == 0 => Check::warning(
            NAME,
            "0: no table can be made",
            "set limit_kib in /etc/modprobe.d/atomik.conf, and load the module again",
        ),
        Some(total) if limit > total / 2 => Check::warning(
            NAME,
            format!("{found}, more than half of this machine's {total} KiB"),
            "lower limit_kib in /etc/modprobe.d/atomik.conf, unless memory cgroups bound the users",
        ),
        _ => Check::ok(NAME, found),
    }
}

/// The value in `options atomik … limit_kib=VALUE`.
fn option(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    if words.next()? != "options" || words.next()? != "atomik" {
        return None;
    }
    words.find_map(|word| word.strip_prefix("limit_kib="))
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
        fake.remove("/sys/module/atomik");
        assert_eq!(loaded(&fake.system()).level, Level::Failed);
    }

    #[test]
    fn limits_are_read_as_modprobe_does() {
        assert_eq!(option("options atomik limit_kib=7"), Some("7"));
        assert_eq!(option("options  atomik\tx=1 limit_kib=8 "), Some("8"));
        assert_eq!(option("# options atomik limit_kib=7"), None);
        assert_eq!(option("options other limit_kib=7"), None);
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
        assert_eq!(
            level("options atomik limit_kib=18446744073709551615"),
            Level::Failed
        );
        // The default, which is never more than half of the memory.
        for unset in [
            "",
            "#options atomik limit_kib=1048576",
            "options atomik limit_kib=-1",
        ] {
            for (memory, expected) in [
                ("4000000", "1000000"),
                ("1000000", "250000"),
                ("8000000", "1048576"),
            ] {
                fake.write("/proc/meminfo", &format!("MemTotal: {memory} kB"));
                fake.write(FILE, unset);
                let check = limit(&fake.system());
                assert_eq!(check.level, Level::Ok);
                assert!(
                    check.to_string().contains(&format!("{expected} KiB")),
                    "{check}"
                );
            }
        }
    }
}
