// SPDX-License-Identifier: MIT OR Apache-2.0
//! What users do with install.sh, and what they may expect.

use crate::guest::{Guest, Machine, NotBooted, Outcome};
use anyhow::{Context, Result, ensure};
use atomik_guest::boots;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// As a fresh login of alice has them.
const INSTALL: &str = "cd atomik && sudo ./install.sh --yes";
const UNINSTALL: &str = "cd atomik && sudo ./install.sh --yes --uninstall";

/// A script that each user of the device may run.
const USE: &str = "set -e
atomikctl info
printf 'create 16\\nload 0 0xCAFEBABE\\naccum 0 1\\nread 0\\n' | atomikctl run -";
const USED: &str = "0x00000000cafebabf";

/// Starts alice's service manager, which a login would start where PAM knows of systemd.
const MANAGER: &str = "install -d -o alice -g alice -m 700 /run/user/$(id -u alice)
systemd-run --quiet --unit=manager-of-alice --uid=alice --property=Type=notify --property=Delegate=yes \
    --setenv=XDG_RUNTIME_DIR=/run/user/$(id -u alice) --setenv=XDG_CONFIG_HOME=/run/user/$(id -u alice)/config \
    /usr/lib/systemd/systemd --user";

/// A session as alice's service, which is restarted, killed, and stopped.
const SERVICE: &str = "set -ex
export XDG_RUNTIME_DIR=/run/user/$(id -u) ATOMIK_SESSION=work
unit=atomik-session@work
pid() { systemctl --user show --property=MainPID --value $unit; }
systemctl --user enable --now $unit
atomikctl create 16
atomikctl load 3 0xCAFEBABE
atomikctl accum 3 1
first=$(pid)
systemctl --user restart $unit
second=$(pid)
[ $first != $second ]
[ $(atomikctl read 3) = 0x00000000cafebabf ]
systemctl --user kill --signal=KILL $unit
until third=$(pid); [ $third != $second ] && systemctl --user --quiet is-active $unit; do :; done
[ $(atomikctl read 3) = 0x00000000cafebabf ]
atomikctl session list
systemctl --user disable --now $unit
! atomikctl list";

/// Whether each page and script that the program writes is installed, as it writes it; $1 is /usr/local, or /usr for the
/// packages.
const WRITTEN: &str = r#"set -e
n=0
while IFS=$'\t' read -r mode source destination _; do
    [[ $source == @atomikctl:* ]] || continue
    if [[ $1 == /usr ]]; then
        destination=${destination/#\/usr\/local\/share\/zsh\/site-functions//usr/share/zsh/vendor-completions}
        destination=${destination/#\/etc\/fish\/completions//usr/share/fish/vendor_completions.d}
        destination=${destination/#\/usr\/local//usr}
    fi
    # Debian's packages have pages compressed.
    [[ -e $destination ]] || destination+=.gz
    IFS=: read -ra words <<<"${source#*:}"
    cmp <(atomikctl "${words[@]}") <(if [[ $destination == *.gz ]]; then zcat "$destination"; else cat "$destination"; fi)
    n=$((n + 1))
done <atomik/packaging/files
((n > 20))"#;

/// Headers of a kernel that has neither Rust metadata nor source, which come and go.
const NOTHING: &str = r#"set -e
. ~alice/atomik/tests/install/scripts/make.sh
kernel 9.9.9-none
rm /usr/src/linux-headers-9.9.9-none/rust/libkernel.rmeta
headers_package 9.9.9-none
DEBIAN_FRONTEND=noninteractive apt-get --yes install /tmp/deb/linux-headers-9.9.9-none.deb
[[ -z $(dpkg --audit) ]]
dpkg --purge linux-headers-9.9.9-none
rm -r /lib/modules/9.9.9-none /tmp/deb"#;

/// What any run changes, with the reason.
const PASSING: &[&str] = &[
    // Logs.
    "/var/log",
    // What apt fetched, and what it computes from that.
    "/var/cache/apt",
    "/var/lib/apt",
    // When timers ran; the seed of the random numbers.
    "/var/lib/systemd",
    "/var/tmp",
    // DKMS's own key, which it makes at the first build of any module and which may be enrolled for others.
    "/var/lib/dkms/mok.key",
    "/var/lib/dkms/mok.pub",
    // What dpkg and the tools that change users and groups leave as backup.
    "/var/lib/dpkg/status-old",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
    // What the image has for the tests.
    "/srv",
    // The kernels' metadata, which is put there beforehand; that it goes is a claim of its own.
    "/var/cache/atomik",
];

/// Directories of which a whole list is made only once before and once after.
const BULK: &[&str] = &[
    "/usr/share",
    "/usr/src/linux-*",
    "/usr/lib/gcc",
    "/usr/lib/llvm-*",
    "/usr/lib/python3*",
    "/usr/lib/rustlib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/modules/*/kernel",
];

pub struct Places {
    pub image: PathBuf,
    pub in_root: PathBuf,
    pub sources: PathBuf,
    pub cache: PathBuf,
    /// Where each scenario says with which kernels it passed, for the README's table.
    pub records: PathBuf,
    pub started: Instant,
}

/// A disk of its own, and the claims that were tested with it.
pub struct Scenario<'a> {
    name: &'static str,
    places: &'a Places,
    directory: TempDir,
    boots: u32,
    /// The logs of the boots that were repeated.
    repeated: Vec<String>,
    passed: u32,
    failed: u32,
    /// Kernels, and what was done with each.
    done: Vec<(String, &'static str)>,
}

impl<'a> Scenario<'a> {
    /// How many claims held, and how many did not; and what to say last of all.
    pub fn run(
        name: &'static str,
        places: &'a Places,
        body: impl FnOnce(&mut Scenario) -> Result<()>,
    ) -> (u32, u32, Option<String>) {
        let mut scenario = match Scenario::new(name, places) {
            Ok(scenario) => scenario,
            Err(error) => {
                println!("test install::{name} ... FAILED: {error:#}");
                return (0, 1, None);
            }
        };
        if let Err(error) = body(&mut scenario) {
            scenario.check("goes_on", false, format!("{error:#}"));
        }
        if scenario.failed > 0 {
            match scenario.keep_logs() {
                Ok(kept) => eprintln!("atomik: the logs of {name} are in {}", kept.display()),
                Err(error) => eprintln!("atomik: the logs of {name} are lost: {error:#}"),
            }
        }
        if let Err(error) = scenario.record() {
            eprintln!("atomik: {name} could not be recorded: {error:#}");
        }
        let note = boots::note(&scenario.repeated);
        (scenario.passed, scenario.failed, note)
    }

    fn record(&self) -> Result<()> {
        fs::create_dir_all(&self.places.records)?;
        let result = if self.failed == 0 { "passed" } else { "failed" };
        for (release, what) in &self.done {
            fs::write(
                self.places.records.join(format!("{what}-{release}")),
                format!("{release}\t{what}\t{result}\n"),
            )?;
        }
        Ok(())
    }

    fn new(name: &'static str, places: &'a Places) -> Result<Self> {
        let run = places.cache.join("run");
        fs::create_dir_all(&run)?;
        let directory = TempDir::with_prefix_in(format!("{}-", std::process::id()), run)?;
        let status = Command::new(&places.in_root)
            .args(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
            .arg(places.image.join("disk.img"))
            .arg(directory.path().join("disk.qcow2"))
            .status()?;
        ensure!(status.success(), "qemu-img: {status}");
        Ok(Scenario {
            name,
            places,
            directory,
            boots: 0,
            repeated: Vec::new(),
            passed: 0,
            failed: 0,
            done: Vec::new(),
        })
    }

    fn keep_logs(&self) -> Result<PathBuf> {
        let kept = self
            .places
            .cache
            .join("log")
            .join(format!("install-{}", self.name));
        let _ = fs::remove_dir_all(&kept);
        fs::create_dir_all(&kept)?;
        for file in fs::read_dir(self.directory.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                fs::copy(
                    &path,
                    kept.join(path.file_name().context("a file without a name")?),
                )?;
            }
        }
        Ok(kept)
    }

    /// Keeps the log of one boot, as [`Scenario::keep_logs`] does when something failed.
    fn keep_log(&self, number: u32) -> Result<String> {
        let logs = self.places.cache.join("log");
        fs::create_dir_all(&logs)?;
        let kept = logs.join(format!("install-{}-boot-{number}.log", self.name));
        fs::copy(
            self.directory.path().join(format!("kernel-{number}.log")),
            &kept,
        )?;
        Ok(kept.display().to_string())
    }

    fn say(&self, text: impl Display) {
        eprintln!(
            "atomik [{:4}s] {}: {text}",
            self.places.started.elapsed().as_secs(),
            self.name
        );
    }

    /// A claim, and what there is to see where it does not hold.
    fn check(&mut self, claim: &str, holds: bool, otherwise: impl Display) {
        let end = if holds {
            "ok".to_owned()
        } else {
            format!("FAILED\n{otherwise}")
        };
        println!("test install::{}::{claim} ... {end}", self.name);
        if holds {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    fn check_outcome(&mut self, claim: &str, outcome: &Outcome, holds: bool) {
        self.check(
            claim,
            holds,
            format!("status {}, output:\n{}", outcome.status, outcome.text),
        );
    }

    fn check_same(&mut self, claim: &str, before: &Files, after: &Files) {
        let changes = before.changes(after);
        self.check(claim, changes.is_empty(), changes.join("\n"));
    }

    fn release(&self, which: &str) -> Result<String> {
        Ok(fs::read_to_string(self.places.image.join(which))?
            .trim()
            .to_owned())
    }

    /// Boots a kernel of the image.
    fn boot(&mut self, release: &str) -> Result<Guest> {
        self.boot_image(
            release,
            &self.places.image.join(format!("vmlinuz-{release}")),
        )
    }

    fn boot_image(&mut self, release: &str, kernel: &Path) -> Result<Guest> {
        let disk = self.directory.path().join("disk.qcow2");
        let machine = Machine {
            in_root: &self.places.in_root,
            directory: self.directory.path(),
            disk: &disk,
            sources: &self.places.sources,
        };
        let count = Cell::new(self.boots);
        let mut repeated = Vec::new();
        let booted = boots::until_answered(
            || {
                count.set(count.get() + 1);
                self.say(format_args!("booting {release}"));
                Ok(machine.boot(count.get(), kernel))
            },
            |booted| booted.as_ref().is_err_and(|error| error.is::<NotBooted>()),
            |_, _| {
                self.say("the guest ended or hung before it took a job; booting it again");
                repeated.push(self.keep_log(count.get())?);
                Ok(())
            },
        )?;
        self.boots = count.get();
        self.repeated.extend(repeated);
        let (guest, running, took) = booted?;
        ensure!(
            running == release,
            "the guest runs {running} instead of {release}"
        );
        self.say(format_args!("booted in {} s", took.as_secs()));
        Ok(guest)
    }

    /// Reboots into the newest kernel that the guest has, as a boot loader would.
    fn reboot(&mut self, mut guest: Guest) -> Result<(Guest, String)> {
        let release = guest.must(
            "root",
            "linux-version list | linux-version sort --reverse | head -n 1",
        )?;
        let release = release.trim().to_owned();
        let kernel = self.directory.path().join("vmlinuz");
        fs::write(
            &kernel,
            guest.data(&format!("cat /boot/vmlinuz-{release} >&4"))?,
        )?;
        guest.shut_down()?;
        Ok((self.boot_image(&release, &kernel)?, release))
    }

    /// A command of alice's, whose time is told.
    fn timed(&self, guest: &mut Guest, what: &str, script: &str) -> Result<Outcome> {
        self.say(what);
        let outcome = guest.run("alice", script)?;
        self.say(format_args!(
            "{what}: status {} after {} s",
            outcome.status,
            outcome.took.as_secs()
        ));
        Ok(outcome)
    }

    /// The device works for those in the group, and only for them.
    fn check_device(&mut self, guest: &mut Guest, when: &str) -> Result<()> {
        let loaded = guest.run("root", "grep '^atomik ' /proc/modules")?;
        self.check_outcome(
            &format!("the_module_is_loaded_{when}"),
            &loaded,
            loaded.ok(),
        );
        let mode = guest.run("root", "stat -c '%F %a %U:%G' /dev/atomik")?;
        let holds = mode.text.trim() == "character special file 660 root:atomik";
        self.check_outcome(
            &format!("the_device_is_0660_root_atomik_{when}"),
            &mode,
            holds,
        );
        let used = guest.run("alice", USE)?;
        let holds = used.ok() && used.text.contains(USED);
        self.check_outcome(&format!("a_member_uses_it_{when}"), &used, holds);
        let denied = guest.run("bob", "! id -nG | grep -qw atomik && exec 3<>/dev/atomik")?;
        let holds = !denied.ok() && denied.text.contains("Permission denied");
        self.check_outcome(&format!("another_user_gets_eacces_{when}"), &denied, holds);
        Ok(())
    }

    /// A session as a service, and what the program itself writes of what is installed below `prefix`.
    fn check_tools(&mut self, guest: &mut Guest, prefix: &str, when: &str) -> Result<()> {
        let written = guest.run("alice", &format!("set -- {prefix}\n{WRITTEN}"))?;
        self.check_outcome(
            &format!("manual_pages_and_completions_are_there_{when}"),
            &written,
            written.ok(),
        );
        guest.must("root", MANAGER)?;
        let service = guest.run("alice", SERVICE)?;
        self.check_outcome(
            &format!("a_session_as_a_service_loses_nothing_{when}"),
            &service,
            service.ok(),
        );
        guest.must("root", "systemctl stop manager-of-alice")?;
        Ok(())
    }

    /// DKMS knows the module, and has signed it with its key, as Secure Boot wants.
    fn check_module(&mut self, guest: &mut Guest, when: &str) -> Result<()> {
        let status = guest.run("root", "dkms status atomik -k $(uname -r)")?;
        let holds = status.text.contains(": installed");
        self.check_outcome(&format!("dkms_has_the_module_{when}"), &status, holds);
        let signer = guest.run(
            "root",
            "openssl x509 -in /var/lib/dkms/mok.pub -inform der -noout -subject -nameopt multiline && \
             modinfo -F signer atomik",
        )?;
        let name = signer.text.lines().last().unwrap_or_default();
        let holds = signer.ok() && !name.is_empty() && signer.text.matches(name).count() == 2;
        self.check_outcome(&format!("the_module_is_signed_{when}"), &signer, holds);
        Ok(())
    }
}

/// The guest's files: type, mode, owner, size, name, target; and what the small ones that configure it say.
struct Files(BTreeSet<String>);

impl Files {
    /// All of them.
    fn of(guest: &mut Guest) -> Result<Self> {
        Files::without(guest, &[])
    }

    /// All but what packages bring in thousands, which under emulation takes half a minute to list.
    fn few(guest: &mut Guest) -> Result<Self> {
        Files::without(guest, BULK)
    }

    fn without(guest: &mut Guest, more: &[&str]) -> Result<Self> {
        let pruned: Vec<String> = PASSING
            .iter()
            .chain(more)
            .map(|path| format!("-path '{path}'"))
            .collect();
        // By way of a file, as a port takes long for many small pieces.
        let script = format!(
            r"set -e
find / -xdev \( {} \) -prune -o \( -type f -printf 'f %m %u:%g %s %p\n' \
    -o -type l -printf 'l %u:%g %p -> %l\n' -o -printf '%y %m %u:%g %p\n' \) >/run/files
find /etc /usr/lib/modules/*/modules.* /var/lib/dpkg/status -type f ! -name '*-' -exec sha256sum {{}} + >>/run/files
cat /run/files >&4",
            pruned.join(" -o ")
        );
        let text = String::from_utf8(guest.data(&script)?)?;
        let files: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        // Otherwise two failures would look the same.
        ensure!(files.len() > 2_000, "a list of only {} files", files.len());
        Ok(Files(files))
    }

    fn changes(&self, after: &Files) -> Vec<String> {
        let gone = self.0.difference(&after.0).map(|line| format!("- {line}"));
        let new = after.0.difference(&self.0).map(|line| format!("+ {line}"));
        gone.chain(new).collect()
    }
}

/// Puts the sources where a user has them, with the program as the newest of all, since install.sh would build an older one again;
/// and the kernels' Rust metadata where install.sh keeps it. That is a link, so that it can be put there again after
/// an uninstallation.
fn unpack(guest: &mut Guest) -> Result<()> {
    have_metadata(guest)?;
    guest.must(
        "root",
        "mkdir ~alice/atomik && cd ~alice/atomik && tar -x --no-same-owner -f /dev/vda && chown -R alice: . && \
         touch target/guest/*/tool/atomikctl",
    )?;
    Ok(())
}

fn have_metadata(guest: &mut Guest) -> Result<()> {
    guest.must(
        "root",
        "mkdir -p /var/cache/atomik/kernel && ln -sfn -t /var/cache/atomik/kernel /srv/metadata/*",
    )?;
    Ok(())
}

/// A machine that is installed on, rebooted, upgraded and cleaned.
pub fn upgrade(scenario: &mut Scenario) -> Result<()> {
    let (old, new) = (scenario.release("old")?, scenario.release("new")?);
    scenario.done = vec![(old.clone(), "upgrade-from"), (new.clone(), "upgrade-to")];
    let mut guest = scenario.boot(&old)?;
    unpack(&mut guest)?;

    let installed = scenario.timed(&mut guest, "installing", INSTALL)?;
    scenario.check_outcome("install_succeeds", &installed, installed.ok());
    ensure!(installed.ok(), "there is nothing installed to go on with");
    scenario.check_device(&mut guest, "at_once")?;
    scenario.check_module(&mut guest, "at_once")?;
    scenario.check_tools(&mut guest, "/usr/local", "at_once")?;

    let again = scenario.timed(&mut guest, "installing again", INSTALL)?;
    scenario.check_outcome("installing_twice_succeeds", &again, again.ok());
    scenario.check_device(&mut guest, "after_installing_twice")?;

    guest.shut_down()?;
    let mut guest = scenario.boot(&old)?;
    scenario.check_device(&mut guest, "after_a_reboot")?;
    let units = guest.run("root", "systemctl --failed --no-legend --plain")?;
    scenario.check_outcome(
        "no_unit_fails",
        &units,
        units.ok() && units.text.trim().is_empty(),
    );

    let skipped = guest.run("root", NOTHING)?;
    scenario.check_outcome(
        "headers_for_which_there_is_nothing_are_skipped",
        &skipped,
        skipped.ok() && skipped.text.contains("was skipped for module(s) atomik"),
    );

    let packages = "sudo DEBIAN_FRONTEND=noninteractive apt-get --yes install /srv/kernel/*.deb";
    let upgraded = scenario.timed(&mut guest, "upgrading the kernel", packages)?;
    scenario.check_outcome("the_kernel_upgrade_succeeds", &upgraded, upgraded.ok());
    let status = guest.run("root", "dkms status")?;
    let built = status
        .text
        .lines()
        .any(|line| line.contains(&new) && line.contains("installed"));
    scenario.check_outcome("dkms_rebuilds_for_the_new_kernel", &status, built);

    let (mut guest, running) = scenario.reboot(guest)?;
    scenario.check("the_new_kernel_runs", running == new, &running);
    scenario.check_device(&mut guest, "on_the_new_kernel")?;

    let removed = scenario.timed(&mut guest, "uninstalling", UNINSTALL)?;
    scenario.check_outcome("uninstall_succeeds", &removed, removed.ok());
    let rest = guest.run(
        "root",
        "find / -xdev -path /home/alice/atomik -prune -o -name '*atomik*' -print; grep atomik /etc/group /etc/gshadow; \
         grep '^atomik ' /proc/modules; ls /dev/atomik 2>/dev/null",
    )?;
    scenario.check_outcome(
        "uninstall_leaves_no_trace",
        &rest,
        rest.text.trim().is_empty(),
    );
    guest.shut_down()?;
    Ok(())
}

/// Where the Debian packages have what install.sh installs elsewhere: from packaging/files, where the latter has it, and the package's place.
const PLACED: &[(&str, &str)] = &[
    ("uapi/atomik.h", "/usr/include/atomik.h"),
    ("sdk/c/atomik_core.h", "/usr/include/atomik_core.h"),
    (
        "packaging/atomik.rules",
        "/usr/lib/udev/rules.d/60-atomik.rules",
    ),
    ("packaging/sysusers.conf", "/usr/lib/sysusers.d/atomik.conf"),
    (
        "packaging/modules-load.conf",
        "/usr/lib/modules-load.d/atomik.conf",
    ),
    ("packaging/modprobe.conf", "/etc/modprobe.d/atomik.conf"),
    (
        "packaging/atomik-session@.service",
        "/usr/lib/systemd/user/atomik-session@.service",
    ),
];

/// The Debian packages instead of install.sh.
pub fn packages(scenario: &mut Scenario) -> Result<()> {
    let old = scenario.release("old")?;
    scenario.done = vec![(old.clone(), "packages")];
    let mut guest = scenario.boot(&old)?;
    unpack(&mut guest)?;
    // The image is small by leaving out manual pages, which most machines have: also others than ours, without which
    // dpkg would remove their directory with the last of them, and then from the list of each package.
    guest.must(
        "root",
        "echo 'path-include=/usr/share/man/*' >/etc/dpkg/dpkg.cfg.d/zz-manual-pages && \
         mkdir -p /usr/share/man/man1 /usr/share/man/man4 && \
         touch /usr/share/man/man1/another.1 /usr/share/man/man4/another.4",
    )?;
    let before = Files::of(&mut guest)?;
    let apt = "cd atomik/target/deb && sudo DEBIAN_FRONTEND=noninteractive apt-get --yes";

    let install = format!("{apt} install ./*.deb && sudo gpasswd --add alice atomik");
    let installed = scenario.timed(&mut guest, "installing the packages", &install)?;
    scenario.check_outcome("the_packages_install", &installed, installed.ok());
    ensure!(installed.ok(), "there is nothing installed to go on with");
    scenario.check_device(&mut guest, "by_the_packages")?;
    scenario.check_module(&mut guest, "by_the_packages")?;
    scenario.check_tools(&mut guest, "/usr", "by_the_packages")?;
    let compare: Vec<String> = PLACED
        .iter()
        .map(|(source, placed)| format!("cmp atomik/{source} {placed}"))
        .collect();
    let same = guest.run("alice", &compare.join(" && "))?;
    scenario.check_outcome("they_install_what_install_sh_does", &same, same.ok());
    let healthy = guest.run("alice", "atomikctl doctor")?;
    scenario.check_outcome("the_doctor_finds_nothing_wrong", &healthy, healthy.ok());
    let second = guest.run("alice", INSTALL)?;
    scenario.check_outcome(
        "install_sh_refuses_beside_the_packages",
        &second,
        !second.ok() && second.text.contains("atomik-dkms"),
    );
    let removal = guest.run("alice", UNINSTALL)?;
    scenario.check_outcome(
        "install_sh_leaves_the_packages_to_apt",
        &removal,
        !removal.ok() && removal.text.contains("apt-get purge atomik-dkms"),
    );

    guest.shut_down()?;
    let mut guest = scenario.boot(&old)?;
    scenario.check_device(&mut guest, "by_the_packages_after_a_reboot")?;

    let purge = format!("{apt} purge atomik-dkms atomik-tools");
    let purged = scenario.timed(&mut guest, "purging the packages", &purge)?;
    scenario.check_outcome("the_packages_are_purged", &purged, purged.ok());
    // As Debian's packages do, these leave the group, whose number files may bear.
    guest.must("root", "groupdel atomik")?;
    let after = Files::of(&mut guest)?;
    scenario.check_same("the_purge_restores_the_file_system", &before, &after);
    guest.shut_down()
}

/// Debian's own kernel, which has no Rust.
pub fn refusal(scenario: &mut Scenario) -> Result<()> {
    let (own, old) = (scenario.release("own")?, scenario.release("old")?);
    scenario.done = vec![(own.clone(), "refusal")];
    let mut guest = scenario.boot(&own)?;
    unpack(&mut guest)?;
    let before = Files::of(&mut guest)?;
    let refused = scenario.timed(&mut guest, "installing where there is no Rust", INSTALL)?;
    let clear = refused.text.contains(&own) && refused.text.contains("Rust");
    scenario.check_outcome(
        "a_kernel_without_rust_is_refused_clearly",
        &refused,
        !refused.ok() && clear,
    );
    let after = Files::of(&mut guest)?;
    scenario.check_same("the_refusal_changes_nothing", &before, &after);

    let unknown = guest.run("alice", &format!("{INSTALL} --kernel 9.9.9-none"))?;
    scenario.check_outcome(
        "an_unknown_kernel_is_refused_with_the_known_ones",
        &unknown,
        !unknown.ok() && unknown.text.contains(&own) && unknown.text.contains(&old),
    );
    // For a kernel that can have it, while this one runs, against a build tree.
    let kdir = format!("{INSTALL} --kernel {old} --kdir /srv/metadata/{old}");
    let planned = guest.run("alice", &format!("{kdir} --dry-run"))?;
    scenario.check_outcome(
        "another_kernel_and_a_build_tree_can_be_named",
        &planned,
        planned.ok() && planned.text.contains("leave loading to the boot of"),
    );
    guest.must("root", "dpkg --remove --force-depends dkms")?;
    let told = guest.run("alice", &format!("{kdir} --no-deps"))?;
    scenario.check_outcome(
        "no_deps_names_what_is_missing",
        &told,
        !told.ok()
            && told
                .text
                .contains("apt-get install --no-install-recommends dkms"),
    );
    let absent = guest.run("alice", &kdir)?;
    scenario.check_outcome(
        "packages_that_apt_does_not_offer_are_named",
        &absent,
        !absent.ok() && absent.text.contains("apt does not offer dkms"),
    );
    guest.shut_down()
}

/// Whether rustc compiles the module; the checks ask it for its version only.
const BUILDING: &str = "grep -qsz 'module/atomi[k].rs$' /proc/[0-9]*/cmdline";

/// Where a run is interrupted: the name of the point, and what tells that it is reached.
const POINTS: &[(&str, &str)] = &[
    ("while_dkms_adds_it", "ls -d /var/lib/dkms/atomik"),
    ("while_dkms_builds_it", BUILDING),
];

/// Where it is interrupted to be run again: the sources, the module and the files are there.
const LATE: &str = "grep '^atomik:' /etc/group";

/// Runs install.sh as alice in a unit of its own, and at the given point what root has in mind. Fails where install.sh
/// succeeds all the same.
fn at_point(condition: &str, then: &str) -> String {
    format!(
        r"cd /
systemd-run --quiet --scope --unit=victim su - alice -c '{INSTALL}' >/run/install.log 2>&1 &
reached=no
while kill -0 $! 2>/dev/null; do
    if {{ {condition}; }} >/dev/null 2>&1; then
        {then}
        reached=yes
        break
    fi
    sleep 0.1
done
wait $!
status=$?
cat /run/install.log
echo reached=$reached status=$status
((status != 0))"
    )
}

/// All of install.sh's processes at once, as when the machine goes off.
const KILL: &str = "systemctl kill --signal=KILL victim.scope";

/// What fails or is undone leaves the machine as it was.
pub fn undo(scenario: &mut Scenario) -> Result<()> {
    let old = scenario.release("old")?;
    let mut guest = scenario.boot(&old)?;
    unpack(&mut guest)?;
    let all_before = Files::of(&mut guest)?;
    let before = Files::few(&mut guest)?;

    let refused = guest.run("alice", "cd atomik && ./install.sh --yes")?;
    let clear = refused.text.contains("root") || refused.text.contains("sudo");
    scenario.check_outcome(
        "who_is_not_root_is_refused_clearly",
        &refused,
        !refused.ok() && clear,
    );
    let dry = guest.run(
        "alice",
        "cd atomik && sudo ./install.sh --check && sudo ./install.sh --dry-run",
    )?;
    scenario.check_outcome("check_and_dry_run_succeed", &dry, dry.ok());
    let after = Files::few(&mut guest)?;
    scenario.check_same("refusal_check_and_dry_run_change_nothing", &before, &after);

    // The disk is full before the start, and becomes full during the build.
    // Also what is reserved for root: the first takes nearly all at once, the second what remains.
    let fill = "fallocate -l $(($(stat -f -c '%f*%S' /))) /var/tmp/filler; \
        dd if=/dev/zero of=/var/tmp/filler-too bs=64K status=none";
    let empty = "rm -f /var/tmp/filler*";
    guest.must("root", &format!("{fill}; df /"))?;
    let full = scenario.timed(&mut guest, "installing on a full disk", INSTALL)?;
    guest.must("root", empty)?;
    let clear = full.text.contains("space") || full.text.contains("full");
    scenario.check_outcome("a_full_disk_fails_clearly", &full, !full.ok() && clear);
    let after = Files::few(&mut guest)?;
    scenario.check_same("a_full_disk_changes_nothing", &before, &after);

    scenario.say("filling the disk during the build");
    let filling = guest.run("root", &at_point(BUILDING, fill))?;
    guest.must("root", empty)?;
    let holds = filling.ok() && filling.text.contains("reached=yes");
    scenario.check_outcome("a_disk_that_fills_up_fails", &filling, holds);
    let after = Files::few(&mut guest)?;
    scenario.check_same("a_disk_that_fills_up_changes_nothing", &before, &after);

    for (point, condition) in POINTS {
        scenario.say(format_args!("killing install.sh {point}"));
        let killed = guest.run("root", &at_point(condition, KILL))?;
        let holds = killed.ok() && killed.text.contains("reached=yes");
        scenario.check_outcome(&format!("install_is_killed_{point}"), &killed, holds);
        let removed = guest.run("alice", UNINSTALL)?;
        scenario.check_outcome(
            &format!("uninstall_after_a_kill_{point}_succeeds"),
            &removed,
            removed.ok(),
        );
        have_metadata(&mut guest)?;
        let after = Files::few(&mut guest)?;
        scenario.check_same(
            &format!("uninstall_after_a_kill_{point}_restores"),
            &before,
            &after,
        );
    }

    scenario.say("killing install.sh late, to run it again");
    let killed = guest.run("root", &at_point(LATE, KILL))?;
    let holds = killed.ok() && killed.text.contains("reached=yes");
    scenario.check_outcome("install_is_killed_late", &killed, holds);
    let installed = scenario.timed(&mut guest, "installing after a kill", INSTALL)?;
    scenario.check_outcome("install_after_a_kill_succeeds", &installed, installed.ok());
    scenario.check_device(&mut guest, "after_a_kill")?;

    // A unit, since a process of the job's would keep the job from ending.
    guest.must(
        "root",
        "systemd-run --quiet --unit=holder --property=User=alice bash -c 'exec 3<>/dev/atomik; exec sleep infinity'
until find /proc/[0-9]*/fd -lname /dev/atomik 2>/dev/null | grep -q .; do :; done",
    )?;
    let in_use = guest.run("alice", UNINSTALL)?;
    let named = in_use.text.contains("(sleep)");
    scenario.check_outcome(
        "tables_in_use_are_named_instead_of_broken",
        &in_use,
        !in_use.ok() && named,
    );
    scenario.check_device(&mut guest, "while_tables_are_in_use")?;
    guest.must("root", "systemctl stop holder")?;

    let removed = scenario.timed(&mut guest, "uninstalling", UNINSTALL)?;
    scenario.check_outcome("uninstall_succeeds", &removed, removed.ok());
    let after = Files::of(&mut guest)?;
    scenario.check_same("uninstall_restores_the_file_system", &all_before, &after);
    guest.shut_down()
}
