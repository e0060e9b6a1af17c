// SPDX-License-Identifier: MIT OR Apache-2.0

//! Other people's stress tests against the device. `tests/stress/root` has the programs, which come
//! into the guest as `/stress.tar`. Harm to the kernel shows in its log, which `qemu/run` watches.
//! These tests check that the programs did run, and that the device serves as before.

use atomik_test_support::raw::{DEVICE, open_device};
use nix::{
    mount::{MsFlags, mount},
    unistd::{Gid, Uid, chdir, chroot, setgid, setgroups, setuid},
};
use std::{
    env, fs,
    os::unix::{
        fs::{MetadataExt, symlink},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, Once, PoisonError},
};

const ROOT: &str = "/stress";

/// The ordinary user who runs them, in the device's group.
const USER: u32 = 1000;

/// How long each may take, in seconds.
fn seconds() -> u32 {
    env::var("STRESS_SECONDS").map_or(30, |text| text.parse().expect("STRESS_SECONDS is a number"))
}

/// Unpacks their Debian root, and mounts the parts of a system that programs want.
fn prepare() {
    fs::create_dir(ROOT).expect("make the Debian root");
    let mut tar = Command::new("tar");
    let status = tar.args(["-x", "-f", "/stress.tar", "-C", ROOT]).status();
    assert!(status.expect("run tar").success());
    for name in ["bin", "lib", "lib64"] {
        symlink(Path::new("usr").join(name), Path::new(ROOT).join(name)).expect("make a link");
    }
    for name in ["dev", "proc", "sys", "tmp"] {
        let inside = Path::new(ROOT).join(name);
        fs::create_dir_all(&inside).expect("make a directory");
        let source = Path::new("/").join(name);
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(&source), &inside, None::<&str>, flags, None::<&str>).expect("mount");
    }
}

/// Runs a program of the Debian root as a user who may use the device; returns both its outputs.
fn run(words: &[&str]) -> String {
    static ALONE: Mutex<()> = Mutex::new(());
    static READY: Once = Once::new();
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    READY.call_once(prepare);
    let group = Gid::from_raw(fs::metadata(DEVICE).expect("the device").gid());
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .stdin(Stdio::null())
        .env("HOME", "/tmp");
    // SAFETY: between fork and exec these are system calls alone.
    unsafe {
        command.pre_exec(move || {
            chroot(ROOT)?;
            chdir("/tmp")?;
            setgroups(&[])?;
            setgid(group)?;
            setuid(Uid::from_raw(USER))?;
            Ok(())
        });
    }
    let output = command.output().expect("run it");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{words:?}: {}\n{text}",
        output.status
    );
    text.into_owned()
}

/// Runs `body` beside a table, which must be as it was afterwards.
fn beside_a_table(body: impl FnOnce()) {
    let file = open_device();
    let table = file.create(65536).unwrap();
    file.load(table, 65535, 7).unwrap();
    body();
    assert_eq!(file.read(table, 65535), Ok(7));
    assert_eq!(file.read(table, 0), Ok(0));
    open_device().create(1).unwrap();
}

#[test]
fn stress_ng_uses_the_device() {
    let time = format!("{}s", seconds());
    beside_a_table(|| {
        let said = run(&[
            "/usr/bin/stress-ng",
            "--dev",
            "4",
            "--dev-file",
            DEVICE,
            "--timeout",
            &time,
            "--metrics",
            "--no-rand-seed",
        ]);
        println!("{said}");
        // The line of figures: its name, and how many rounds it did.
        let rounds = said.lines().find_map(|line| {
            let mut words = line.split_whitespace().skip_while(|word| *word != "dev");
            words.nth(1)?.parse::<u64>().ok()
        });
        assert!(rounds.is_some_and(|rounds| rounds > 0), "{said}");
    });
}

#[test]
fn trinity_calls_ioctl_on_the_device() {
    beside_a_table(|| {
        let said = run(&[
            "/usr/bin/trinity",
            "-q",
            "-C",
            "4",
            "-N",
            "100000",
            "-c",
            "ioctl",
            "-V",
            DEVICE,
            "-l",
            "off",
        ]);
        println!("{said}");
    });
}
