// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks of the device and its permissions.

use super::check::Check;
use super::system::{Node, System};

pub fn rule(system: &System) -> Check {
    const NAME: &str = "udev rule";
    for directory in ["/etc", "/run", "/usr/local/lib", "/usr/lib"] {
        let path = format!("{directory}/udev/rules.d/60-atomik.rules");
        if let Some(text) = system.read(&path) {
            let says = |what| {
                let mut lines = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with('#'));
                lines.any(|line| line.contains(what))
            };
            if says("GROUP=\"atomik\"") && says("MODE=\"0660\"") {
                return Check::ok(NAME, path);
            }
            return Check::warning(
                NAME,
                format!("{path} gives the device another mode or group than 0660 atomik"),
                "keep the rule if you want that; else remove it and run install.sh again",
            );
        }
    }
    Check::failed(
        NAME,
        "there is none, so that only root can use the device",
        "run install.sh again",
    )
}

pub fn device(system: &System) -> Check {
    const NAME: &str = "device";
    const ANEW: &str = "rm /dev/atomik && modprobe -r atomik && modprobe atomik";
    let Some(Node { number, mode, gid }) = &system.node else {
        return Check::failed(NAME, "there is no /dev/atomik", "modprobe atomik");
    };
    let Some(number) = number else {
        return Check::failed(NAME, "/dev/atomik is no character device", ANEW);
    };
    match system.read("/sys/class/misc/atomik/dev") {
        None => {
            return Check::failed(
                NAME,
                format!(
                    "/dev/atomik is the device {number}, and there is no driver's to compare it to"
                ),
                "modprobe atomik",
            );
        }
        Some(drivers) if drivers != *number => {
            return Check::failed(
                NAME,
                format!("/dev/atomik is the device {number}, and the driver's is {drivers}"),
                ANEW,
            );
        }
        Some(_) => {}
    }
    let group = group_entry(system).map(|group| group.gid);
    if *mode == 0o660 && group == Some(*gid) {
        return Check::ok(
            NAME,
            format!("/dev/atomik is the driver's, {number}, 0660, group atomik"),
        );
    }
    Check::failed(
        NAME,
        format!("/dev/atomik is {mode:04o}, group {gid}, instead of 0660, group atomik"),
        "udevadm control --reload && udevadm trigger --action=change /sys/class/misc/atomik",
    )
}

/// Checks that the user is in the group.
pub fn group(system: &System) -> Check {
    const NAME: &str = "group";
    let Some(group) = group_entry(system) else {
        return Check::failed(NAME, "there is no group atomik", "systemd-sysusers");
    };
    let status = system.read("/proc/self/status").unwrap_or_default();
    let ids = |field: &str| -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let words = line.unwrap_or_default().split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect()
    };
    // Real, effective, saved, and the file system's.
    let uid = ids("Uid:").get(1).copied();
    if uid == Some(0) {
        return Check::ok(NAME, "root needs no membership");
    }
    if ids("Groups:").contains(&group.gid) || ids("Gid:").get(1) == Some(&group.gid) {
        return Check::ok(NAME, "you are in the group atomik");
    }
    let user = uid.and_then(|uid| user_name(system, uid));
    match user {
        Some(user) if group.members.contains(&user) => Check::warning(
            NAME,
            format!("{user} is in the group atomik, but logged in before"),
            "log in again, or run `newgrp atomik`",
        ),
        user => Check::failed(
            NAME,
            "you are not in the group atomik, so you can't open the device",
            format!(
                "sudo gpasswd --add {} atomik, then log in again",
                user.as_deref().unwrap_or("USER")
            ),
        ),
    }
}

struct Group {
    gid: u32,
    members: Vec<String>,
}

fn group_entry(system: &System) -> Option<Group> {
    let text = system.read("/etc/group")?;
    let line = text.lines().find(|line| line.starts_with("atomik:"))?;
    let mut fields = line.split(':').skip(2);
    Some(Group {
        gid: fields.next()?.parse().ok()?,
        members: fields.next()?.split(',').map(Into::into).collect(),
    })
}

fn user_name(system: &System, uid: u32) -> Option<String> {
    let text = system.read("/etc/passwd")?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::Level;
    use super::super::system::fake::Fake;
    use super::*;

    #[test]
    fn another_mode_fails() {
        let mut fake = Fake::installed();
        fake.node.as_mut().unwrap().mode = 0o600;
        let check = device(&fake.system());
        assert_eq!(check.level, Level::Failed);
        assert!(check.found.contains("0600"), "{check:?}");
        fake.node.as_mut().unwrap().mode = 0o660;
        fake.write("/etc/group", "atomik:x:4294967294:");
        assert_eq!(device(&fake.system()).level, Level::Failed);
    }

    #[test]
    fn what_is_not_the_drivers_device_fails() {
        let mut fake = Fake::installed();
        let found = |fake: &Fake| {
            let check = device(&fake.system());
            assert_eq!(check.level, Level::Failed);
            check.found
        };
        fake.node.as_mut().unwrap().number = Some("10:125".into());
        assert!(found(&fake).contains("10:125, and the driver's is 10:124"));
        fake.node.as_mut().unwrap().number = None;
        assert!(found(&fake).contains("no character device"));
        let mut fake = Fake::installed();
        fake.remove("/sys/class/misc/atomik");
        assert!(found(&fake).contains("no driver's"));
        fake.node = None;
        assert!(found(&fake).contains("no /dev/atomik"));
    }

    /// Numbers of a real device, /dev/null.
    #[test]
    fn nodes_have_their_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir(root.join("dev")).unwrap();
        std::os::unix::fs::symlink("/dev/null", root.join("dev/atomik")).unwrap();
        let node = System::at(root).node.unwrap();
        assert_eq!(node.number.as_deref(), Some("1:3"));
        std::fs::remove_file(root.join("dev/atomik")).unwrap();
        std::fs::write(root.join("dev/atomik"), "").unwrap();
        assert_eq!(System::at(root).node.unwrap().number, None);
    }

    #[test]
    fn a_changed_rule_is_a_warning() {
        let fake = Fake::installed();
        fake.write("/etc/udev/rules.d/60-atomik.rules", "MODE=\"0666\"");
        assert_eq!(rule(&fake.system()).level, Level::Warning);
        let comment = "#KERNEL==\"atomik\", GROUP=\"atomik\", MODE=\"0660\"";
        fake.write("/etc/udev/rules.d/60-atomik.rules", comment);
        assert_eq!(rule(&fake.system()).level, Level::Warning);
    }

    #[test]
    fn membership_counts_from_the_next_login() {
        let fake = Fake::installed();
        fake.groups("1000");
        fake.write("/etc/group", "other:x:77:\natomik:x:990:bob,alice");
        assert_eq!(group(&fake.system()).level, Level::Warning);
        fake.write("/etc/group", "atomik:x:990:");
        let check = group(&fake.system());
        assert_eq!(check.level, Level::Failed);
        assert!(check.remedy.unwrap().contains("--add alice"));
        fake.groups("1000 990");
        assert_eq!(group(&fake.system()).level, Level::Ok);
    }
}
