// SPDX-License-Identifier: MIT OR Apache-2.0
//! The QEMU process and its wires.

use anyhow::{Context, Result};
use atomik_guest::protocol::port;
use atomik_guest::qemu::{Architecture, Qemu};
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

/// Added to the kernel's command line: all that the guest's programs say to the log is kept.
const KERNEL_ARGUMENTS: [&str; 2] = ["printk.devkmsg=on", "selinux=0"];

pub struct Machine<'a> {
    pub in_root: &'a Path,
    pub architecture: Architecture,
    pub kernel: &'a Path,
    pub initramfs: &'a Path,
    /// The file for QEMU's own messages.
    pub messages: &'a Path,
    pub kvm: bool,
    pub smp: u16,
    pub mem: &'a str,
    pub cpu: &'a str,
    /// The path of a plugin, with the plugin's arguments.
    pub plugin: Option<&'a Path>,
    /// Whether time passes with the guest's instructions.
    pub steady_time: bool,
    pub network: bool,
    pub append: &'a [String],
    pub extra: &'a [OsString],
    pub tty: bool,
}

/// The host's ends of the connections to the guest.
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
        let unpacked = self.kernel.join("vmlinux");
        let kernel = if unpacked.exists() {
            unpacked
        } else {
            self.kernel.join("vmlinuz")
        };
        let qemu = Qemu {
            in_root: self.in_root,
            architecture: self.architecture,
            accel: match (self.kvm, self.smp) {
                (true, _) => "kvm",
                (false, 1) => "tcg",
                (false, _) => "tcg,thread=multi",
            },
            cpu: self.cpu,
            smp: self.smp,
            mem: self.mem,
        };
        let given = self.append.iter().map(String::as_str);
        let mut command = qemu.command(&kernel, KERNEL_ARGUMENTS.into_iter().chain(given));
        command.arg("-initrd").arg(self.initramfs);
        if self.steady_time {
            command.args(["-icount", "shift=0"]);
        }
        if let Some(plugin) = self.plugin {
            command.arg("-plugin").arg(plugin);
        }

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

        if self.network {
            // Without the card's own program for booting from the network.
            command.args(["-netdev", "user,id=network,ipv6=off"]);
            command.args(["-device", "virtio-net-pci,netdev=network,romfile="]);
        }
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
    // bwrap passes the end by a signal on as a status above 127.
    status
        .and_then(|status| status.code())
        .is_some_and(|code| (1..128).contains(&code))
}

/// Ends QEMU at once. It may be gone already.
pub fn stop(pid: u32) {
    let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
}
