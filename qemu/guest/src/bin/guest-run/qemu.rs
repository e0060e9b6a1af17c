// SPDX-License-Identifier: MIT OR Apache-2.0
//! The QEMU process and its wires.

use anyhow::{Context, Result};
use atomik_guest::protocol::port;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// The kernel's command line. Below the level 5 a boot says little, which makes it faster; init raises the level
/// before it loads the module. Stalls of the guest are often those of a busy host, so they get time. The last line
/// leaves out what would take a second and has nothing to do with the module.
const KERNEL_ARGUMENTS: &str = "console=ttyS0 loglevel=5 panic_on_warn=1 oops=panic panic=-1 printk.devkmsg=on \
                                rcupdate.rcu_cpu_stall_timeout=120 tsc=nowatchdog \
                                cryptomgr.notests no_timer_check random.trust_cpu=on audit=0 selinux=0 apparmor=0";

/// While it boots, the kernel patches its own text again and again. QEMU's emulation of several
/// processors sometimes goes on with the text of before, which ends in an oops or a hang: so one
/// processor boots, and init starts the others.
const ONE_PROCESSOR: &str = " maxcpus=1";

pub struct Machine<'a> {
    pub in_root: &'a Path,
    pub kernel: &'a Path,
    pub initramfs: &'a Path,
    /// Where QEMU's own messages go.
    pub messages: &'a Path,
    pub kvm: bool,
    pub smp: u16,
    pub mem: &'a str,
    pub cpu: &'a str,
    /// With its arguments.
    pub plugin: Option<&'a Path>,
    /// Whether time passes with the guest's instructions.
    pub steady_time: bool,
    pub append: &'a [String],
    pub extra: &'a [OsString],
    pub tty: bool,
}

/// The host's ends of what connects it to the guest.
pub struct Wires {
    pub log: UnixStream,
    pub control: UnixStream,
    pub streams: Streams,
}

pub enum Streams {
    Pipes {
        stdin: UnixStream,
        stdout: UnixStream,
        stderr: UnixStream,
    },
    Terminal(UnixStream),
}

impl Machine<'_> {
    /// Starts it. QEMU dies with the thread that calls this.
    pub fn start(&self) -> Result<(Child, Wires)> {
        let mut command = Command::new(self.in_root);
        command.args([
            "--dev",
            "qemu-system-x86_64",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ]);
        let accel = match (self.kvm, self.smp) {
            (true, _) => "kvm",
            (false, 1) => "tcg",
            (false, _) => "tcg,thread=multi",
        };
        command.args([
            "-machine",
            "q35,usb=off,vmport=off,smbus=off,sata=off,i8042=off",
            "-accel",
            accel,
            "-cpu",
            self.cpu,
        ]);
        if self.steady_time {
            command.args(["-icount", "shift=0"]);
        }
        if let Some(plugin) = self.plugin {
            command.arg("-plugin").arg(plugin);
        }
        command.args(["-smp", &self.smp.to_string(), "-m", self.mem]);
        let unpacked = self.kernel.join("vmlinux");
        let image = if unpacked.exists() {
            unpacked
        } else {
            self.kernel.join("vmlinuz")
        };
        command
            .arg("-kernel")
            .arg(image)
            .arg("-initrd")
            .arg(self.initramfs);
        let mut append = KERNEL_ARGUMENTS.to_owned();
        if self.smp > 1 {
            append.push_str(ONE_PROCESSOR);
        }
        for argument in self.append {
            append.push(' ');
            append.push_str(argument);
        }
        command.args(["-append", &append, "-device", "virtio-serial-pci"]);

        let mut guest_ends = Vec::new();
        let mut wire = |name: &str, command: &mut Command| -> Result<UnixStream> {
            let (host, guest) = socketpair(
                AddressFamily::Unix,
                SockType::Stream,
                None,
                SockFlag::SOCK_CLOEXEC,
            )?;
            fcntl(&guest, FcntlArg::F_SETFD(FdFlag::empty()))?;
            command.args([
                "-chardev",
                &format!("socket,id={name},fd={}", guest.as_raw_fd()),
            ]);
            guest_ends.push(guest);
            Ok(UnixStream::from(host))
        };
        let log = wire("log", &mut command)?;
        command.args(["-serial", "chardev:log"]);
        let streams = if self.tty {
            let terminal = wire("terminal", &mut command)?;
            command.args(["-device", "virtconsole,chardev=terminal"]);
            Streams::Terminal(terminal)
        } else {
            let mut pipe = |name: &str| {
                let end = wire(name, &mut command);
                command.args([
                    "-device",
                    &format!("virtserialport,chardev={name},name={name}"),
                ]);
                end
            };
            Streams::Pipes {
                stdin: pipe(port::STDIN)?,
                stdout: pipe(port::STDOUT)?,
                stderr: pipe(port::STDERR)?,
            }
        };
        let control = wire(port::CONTROL, &mut command)?;
        command.args([
            "-device",
            &format!("virtserialport,chardev={0},name={0}", port::CONTROL),
        ]);

        command.args(self.extra);
        let messages = File::create(self.messages)?;
        command
            .stdin(Stdio::null())
            .stdout(messages.try_clone()?)
            .stderr(messages);
        let child = command
            .spawn()
            .with_context(|| format!("could not start {command:?}"))?;
        drop::<Vec<OwnedFd>>(guest_ends);
        Ok((
            child,
            Wires {
                log,
                control,
                streams,
            },
        ))
    }
}

/// Whether QEMU ended of itself and called it a failure. Where a guest ends it, even by a panic, it
/// does not.
pub fn refused(status: Option<ExitStatus>) -> bool {
    // What a signal ended has more than 127, as bwrap passes it on.
    status
        .and_then(|status| status.code())
        .is_some_and(|code| (1..128).contains(&code))
}

/// Ends QEMU at once. It may be gone already.
pub fn stop(pid: u32) {
    let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
}
