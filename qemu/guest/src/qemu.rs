// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arguments of QEMU and of its guests' kernels that all guests have in common.

use std::path::Path;
use std::process::Command;

/// The kernel's command line. A warning of the kernel ends the guest.
///
/// Below the level 5 a boot says little, which makes it faster. Stalls of the guest are often those
/// of a busy host, so they get time. The timer is not checked, as QEMU emulates it and on a busy
/// host the check itself fails now and then. The last line leaves out what would take a second and
/// has nothing to do with the module.
const KERNEL_ARGUMENTS: &str = "console=ttyS0 loglevel=5 panic_on_warn=1 oops=panic panic=-1 \
    rcupdate.rcu_cpu_stall_timeout=120 tsc=nowatchdog no_timer_check \
    cryptomgr.notests random.trust_cpu=on audit=0 apparmor=0";

/// While it boots, the kernel patches its own text again and again. QEMU's emulation of several
/// processors sometimes goes on with the text of before, which ends in an oops or a hang: so one
/// processor boots, and starts the others later.
const ONE_PROCESSOR: &str = "maxcpus=1";

/// A machine without devices.
pub struct Qemu<'a> {
    /// The script `qemu/in-root`.
    pub in_root: &'a Path,
    pub accel: &'a str,
    pub cpu: &'a str,
    pub smp: u16,
    pub mem: &'a str,
    pub kernel: &'a Path,
}

impl Qemu<'_> {
    /// The command that starts it, to which devices can be added. `append` goes to the end of the
    /// kernel's command line.
    pub fn command(&self, append: impl IntoIterator<Item = impl AsRef<str>>) -> Command {
        let mut line = KERNEL_ARGUMENTS.to_owned();
        if self.smp > 1 {
            line = format!("{line} {ONE_PROCESSOR}");
        }
        for argument in append {
            line = format!("{line} {}", argument.as_ref());
        }
        let mut command = Command::new(self.in_root);
        command
            .args(["--dev", "qemu-system-x86_64", "-nodefaults"])
            .args(["-no-user-config", "-display", "none", "-no-reboot"])
            .args([
                "-machine",
                "q35,usb=off,vmport=off,smbus=off,sata=off,i8042=off",
            ])
            .args(["-accel", self.accel, "-cpu", self.cpu])
            .args(["-smp", &self.smp.to_string(), "-m", self.mem])
            .arg("-kernel")
            .arg(self.kernel)
            .args(["-append", &line, "-device", "virtio-serial-pci"]);
        command
    }
}
