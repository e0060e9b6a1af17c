// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware with Secure Boot on, which trusts Microsoft's keys, and what it starts: Debian's shim
//! and GRUB.

use crate::guest;
use anyhow::{Context, Result, bail, ensure};
use atomik_guest::qemu::Architecture;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The firmware, shim, which Microsoft has signed, and GRUB, which Debian has.
const PACKAGES: [&str; 3] = ["ovmf", "shim-signed", "grub-efi-amd64-signed"];

/// Files of these packages, and where the firmware, shim and GRUB look for the next.
const BOOTED: [(&str, &str); 3] = [
    ("shim/shimx64.efi.signed", "EFI/BOOT/BOOTX64.EFI"),
    ("shim/mmx64.efi.signed", "EFI/BOOT/mmx64.efi"),
    (
        "grub/x86_64-efi-signed/grubx64.efi.signed",
        "EFI/BOOT/grubx64.efi",
    ),
];
const GRUB_CONFIGURATION: &str = "EFI/debian/grub.cfg";

const DOWN: &str = "\x1b[B";
const ENTER: &str = "\r";

/// Long enough for a busy machine.
const SCREEN: Duration = Duration::from_secs(300);

/// The firmware of one guest, with the variables that it keeps.
pub struct Firmware {
    code: PathBuf,
    variables: PathBuf,
    /// What the guest has as its EFI system partition.
    partition: PathBuf,
}

impl Firmware {
    /// One processor, as the firmware stops all of them for each access to a variable, which takes
    /// long where they are emulated.
    pub const SMP: u16 = 1;

    /// Puts it all into `directory`. `layer` is the script `qemu/roots/layer`, and `grub` what GRUB
    /// does.
    pub fn new(layer: &Path, directory: &Path, grub: &str) -> Result<Self> {
        let made = Command::new(layer)
            .arg("firmware-root")
            .args(PACKAGES)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(
            made.status.success(),
            "{}: {}",
            layer.display(),
            made.status
        );
        let root = PathBuf::from(String::from_utf8(made.stdout)?.trim());
        let firmware = Firmware {
            // QEMU runs in another root, which sees this one by the same path.
            code: root.join("usr/share/OVMF/OVMF_CODE_4M.secboot.fd"),
            variables: directory.join("variables.fd"),
            partition: directory.join("efi"),
        };
        fs::copy(
            root.join("usr/share/OVMF/OVMF_VARS_4M.ms.fd"),
            &firmware.variables,
        )?;
        for directory in ["EFI/BOOT", "EFI/debian"] {
            fs::create_dir_all(firmware.partition.join(directory))?;
        }
        for (file, place) in BOOTED {
            let file = root.join("usr/lib").join(file);
            fs::copy(&file, firmware.partition.join(place))
                .with_context(|| file.display().to_string())?;
        }
        fs::write(firmware.partition.join(GRUB_CONFIGURATION), grub)?;
        Ok(firmware)
    }

    /// The command line that the boot loader gives to the kernel.
    pub fn command_line(in_root: &Path) -> String {
        guest::qemu(in_root, Architecture::Amd64, Self::SMP).command_line(guest::KERNEL_ARGUMENTS)
    }

    /// The command that starts a machine with it, to which devices can be added.
    pub fn command(&self, in_root: &Path) -> Command {
        let mut command = guest::qemu(in_root, Architecture::Amd64, Self::SMP).machine();
        command
            // Without SMM everybody could write the variables, and the keys among them. Without the
            // i8042 this firmware can't restart the machine when MokManager asks for it.
            .args(["-machine", "smm=on,i8042=on"])
            .args(["-global", "driver=cfi.pflash01,property=secure,value=on"])
            .arg("-drive")
            .arg(format!(
                "if=pflash,unit=0,format=raw,readonly=on,file={}",
                self.code.display()
            ))
            .arg("-drive")
            .arg(format!(
                "if=pflash,unit=1,format=raw,file={}",
                self.variables.display()
            ))
            .arg("-drive")
            .arg(format!(
                "if=none,id=efi,format=raw,read-only=on,file=fat:{}",
                self.partition.display()
            ))
            // The last of the disks, which leaves the others their names.
            .args(["-device", "virtio-blk-pci,drive=efi,addr=0x1e"]);
        command
    }

    /// Does what the user does at the console after `mokutil --import`: tells shim's MokManager, by
    /// the serial port, to enrol the key. Keeps what came by the port in `log`. Expects that
    /// `mokutil --timeout -1` was called, which leaves out the screen that waits for a key.
    pub fn enrol(&self, in_root: &Path, password: &str, log: &Path) -> Result<()> {
        let chosen = format!("{DOWN}{ENTER}");
        let password = format!("{password}{ENTER}");
        // A line of each screen, and the answer.
        let screens = [
            ("Enroll hash from disk", chosen.as_str()),
            // Below it is the line to go on.
            ("View key 0", &chosen),
            // No or yes.
            ("Yes", &chosen),
            ("Password:", &password),
            // The first line is now to reboot.
            ("Reboot", ""),
            ("Enroll hash from disk", ENTER),
        ];
        let mut console = Console::new(self.command(in_root))?;
        let answered = screens
            .iter()
            .try_for_each(|(line, keys)| {
                console.expect(line)?;
                console.press(keys)
            })
            .and_then(|()| console.end());
        fs::write(log, &console.text)?;
        answered
    }
}

/// A machine whose serial port somebody types at.
struct Console {
    child: Child,
    keys: ChildStdin,
    output: Receiver<Vec<u8>>,
    text: Vec<u8>,
    /// How much of the text was expected.
    seen: usize,
}

impl Console {
    fn new(mut command: Command) -> Result<Self> {
        let mut child = command
            .args(["-serial", "stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start QEMU")?;
        let keys = child.stdin.take().context("no pipe to QEMU")?;
        let mut port = child.stdout.take().context("no pipe from QEMU")?;
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = port.read(&mut bytes) {
                if sender.send(bytes[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Console {
            child,
            keys,
            output,
            text: Vec::new(),
            seen: 0,
        })
    }

    /// Waits for a text, after the one that came last.
    fn expect(&mut self, text: &str) -> Result<()> {
        let end = Instant::now() + SCREEN;
        loop {
            let new = &self.text[self.seen..];
            if let Some(at) = new.windows(text.len()).position(|w| w == text.as_bytes()) {
                self.seen += at + text.len();
                return Ok(());
            }
            if !self.read(end)? {
                bail!("the machine went off before it said {text:?}");
            }
        }
    }

    fn press(&mut self, keys: &str) -> Result<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Waits till the machine goes off.
    fn end(&mut self) -> Result<()> {
        let end = Instant::now() + SCREEN;
        while self.read(end)? {}
        Ok(())
    }

    /// Adds what comes by the port. Returns whether the machine is still on.
    fn read(&mut self, end: Instant) -> Result<bool> {
        match self
            .output
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            Ok(bytes) => self.text.extend(bytes),
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "nothing more came from the machine in {} s",
                    SCREEN.as_secs()
                )
            }
        }
        Ok(true)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // Gone already after an orderly end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
