// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arguments of QEMU and of its guests' kernels that all guests have in common.

use std::path::Path;
use std::process::Command;

/// The kernel's command line. A warning of the kernel ends the guest.
///
/// Below the level 5 a boot says little, which makes it faster. Stalls of the guest are often those
/// of a busy host, so they get time. The last line leaves out what would take a second and has
/// nothing to do with the module.
const KERNEL_ARGUMENTS: &str = "loglevel=5 panic_on_warn=1 oops=panic panic=-1 \
    rcupdate.rcu_cpu_stall_timeout=120 \
    cryptomgr.notests random.trust_cpu=on audit=0 apparmor=0";

/// While it boots, the kernel patches its own text again and again. QEMU's emulation of several
/// processors sometimes goes on with the text of before, which ends in an oops or a hang: so one
/// processor boots, and starts the others later.
const ONE_PROCESSOR: &str = "maxcpus=1";

/// The architecture of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    Amd64,
    Arm64,
}

impl Architecture {
    /// This machine's.
    pub const NATIVE: Self = if cfg!(target_arch = "aarch64") {
        Self::Arm64
    } else {
        Self::Amd64
    };

    /// That of a kernel's release. A flavour of Debian's has the architecture in its name; a kernel
    /// that was built here is for this machine.
    pub fn of_release(release: &str) -> Self {
        if release.contains("arm64") {
            Self::Arm64
        } else if release.contains("amd64") {
            Self::Amd64
        } else {
            Self::NATIVE
        }
    }

    /// Its name, as the scripts of `qemu` take it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    fn emulator(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    fn machine(self) -> &'static str {
        match self {
            Self::Amd64 => "q35,usb=off,vmport=off,smbus=off,sata=off,i8042=off",
            Self::Arm64 => "virt,gic-version=max",
        }
    }

    /// What only this architecture's kernels take. The timer of x86 is not checked, as QEMU emulates
    /// it and on a busy host the check itself fails now and then.
    fn kernel_arguments(self) -> &'static str {
        match self {
            Self::Amd64 => "console=ttyS0 tsc=nowatchdog no_timer_check",
            Self::Arm64 => "console=ttyAMA0",
        }
    }

    /// The processor as QEMU takes it, of the one that was asked for. Signatures of pointers by the
    /// architecture's own cipher would take half of all time under emulation.
    fn cpu(self, asked: &str, accel: &str) -> String {
        match (self, asked.split(',').next()) {
            (Self::Arm64, Some("max")) if accel != "kvm" => format!("{asked},pauth-impdef=on"),
            _ => asked.to_owned(),
        }
    }
}

/// A machine without devices.
pub struct Qemu<'a> {
    /// The script `qemu/in-root`.
    pub in_root: &'a Path,
    pub architecture: Architecture,
    pub accel: &'a str,
    pub cpu: &'a str,
    pub smp: u16,
    pub mem: &'a str,
}

impl Qemu<'_> {
    /// The command that starts it with a kernel, to which devices can be added.
    pub fn command(
        &self,
        kernel: &Path,
        append: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Command {
        let mut command = self.machine();
        command
            .arg("-kernel")
            .arg(kernel)
            .args(["-append", &self.command_line(append)]);
        command
    }

    /// A kernel's command line, at whose end is `append`.
    pub fn command_line(&self, append: impl IntoIterator<Item = impl AsRef<str>>) -> String {
        let arguments = self.architecture.kernel_arguments();
        let mut line = format!("{arguments} {KERNEL_ARGUMENTS}");
        if self.smp > 1 {
            line = format!("{line} {ONE_PROCESSOR}");
        }
        for argument in append {
            line = format!("{line} {}", argument.as_ref());
        }
        line
    }

    /// The command that starts it with nothing to boot.
    pub fn machine(&self) -> Command {
        let architecture = self.architecture;
        let mut command = Command::new(self.in_root);
        command
            .args(["--dev", "--arch", architecture.name()])
            .args([architecture.emulator(), "-nodefaults"])
            .args(["-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-machine", architecture.machine()])
            .args(["-accel", self.accel])
            .args(["-cpu", &architecture.cpu(self.cpu, self.accel)])
            .args(["-smp", &self.smp.to_string(), "-m", self.mem])
            .args(["-device", "virtio-serial-pci"]);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_names_its_architecture() {
        let of = Architecture::of_release;
        assert_eq!(of("7.3.4+deb13-cloud-amd64"), Architecture::Amd64);
        assert_eq!(of("7.3.4+deb13-arm64"), Architecture::Arm64);
        assert_eq!(of("7.3.4+deb13-arm64-16k"), Architecture::Arm64);
        assert_eq!(of("7.3.4"), Architecture::NATIVE);
    }

    #[test]
    fn only_an_emulated_processor_signs_pointers_cheaply() {
        let cpu = |accel| Architecture::Arm64.cpu("max,sve=off", accel);
        assert_eq!(cpu("tcg,thread=multi"), "max,sve=off,pauth-impdef=on");
        assert_eq!(cpu("kvm"), "max,sve=off");
        assert_eq!(Architecture::Arm64.cpu("neoverse-n1", "tcg"), "neoverse-n1");
        assert_eq!(Architecture::Amd64.cpu("max", "tcg"), "max");
    }
}
