// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order that the host puts into the initramfs, and the messages on the control port: one JSON
//! value a line.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, BufRead, Write};

/// The path of the [`Spec`] in the initramfs.
pub const SPEC_PATH: &str = "/atomik-spec.json";
/// The path of the module there; the command finds it in `ATOMIK_MODULE`.
pub const MODULE_PATH: &str = "/lib/modules/atomik.ko";
/// The directory there of the drivers of a network card, numbered as they are to be loaded.
pub const NETWORK_PATH: &str = "/lib/modules/network";
/// The group that owns the device, as once installed.
pub const DEVICE_GROUP: u32 = 64;

/// The names of the virtio-serial ports.
pub mod port {
    pub const CONTROL: &str = "atomik.control";
    pub const STDIN: &str = "atomik.stdin";
    pub const STDOUT: &str = "atomik.stdout";
    pub const STDERR: &str = "atomik.stderr";
}

/// The guest's task.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The module's parameters as one string, or nothing where it isn't to be loaded.
    pub module: Option<String>,
    /// Whether the machine has a network card, and the drivers are at [`NETWORK_PATH`].
    pub network: bool,
    /// Absent where the boot itself was the question.
    pub command: Option<Command>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Command {
    pub program: OsString,
    /// The first is the name under which it was called.
    pub arguments: Vec<OsString>,
    pub environment: Vec<(OsString, OsString)>,
    pub directory: OsString,
    /// Whether it gets the console as its terminal, or three pipes.
    pub terminal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub rows: u16,
    pub columns: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    Stdout,
    Stderr,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum ToGuest {
    /// Standard input ends after this many bytes. Data and messages travel on different ports, so
    /// only a count says where the end is.
    StdinEnd(u64),
    /// Nobody reads this output any more.
    Closed(Output),
    Resize(Size),
    /// The report has been taken and all output read.
    PowerOff,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum ToHost {
    /// Booted, with all processors. From here on nothing is tried twice.
    Booted,
    /// The module is loaded; the command starts now.
    Ready,
    /// The guest could not be made ready.
    Failed(String),
    Ended(Report),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub end: End,
    /// How many bytes of output there are to read.
    pub stdout: u64,
    pub stderr: u64,
    /// The kernel's taint bits.
    pub tainted: u64,
    pub memory_available_kib: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    Exited(u8),
    Killed(u8),
    /// It could not be run; the number is `errno`.
    NotRun(i32),
}

/// Sends a message, as one write so that lines of several threads don't mix.
pub fn send<T: Serialize>(mut to: impl Write, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Receives a message, or nothing once the other side is gone.
pub fn receive<T: for<'a> Deserialize<'a>>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn a_message_arrives_as_sent() {
        let report = Report {
            end: End::Killed(9),
            stdout: 1,
            stderr: 2,
            tainted: 3,
            memory_available_kib: 4,
        };
        let mut wire = Vec::new();
        send(&mut wire, &ToHost::Ready).unwrap();
        send(&mut wire, &ToHost::Ended(report.clone())).unwrap();
        let mut wire = wire.as_slice();
        assert!(matches!(receive(&mut wire).unwrap(), Some(ToHost::Ready)));
        assert!(matches!(receive(&mut wire).unwrap(), Some(ToHost::Ended(r)) if r == report));
        assert!(receive::<ToHost>(&mut wire).unwrap().is_none());
    }

    #[test]
    fn arguments_need_not_be_text() {
        let argument = OsString::from_vec(vec![b'a', 0xff, b'\n']);
        let command = Command {
            program: "/bin/x".into(),
            arguments: vec![argument.clone()],
            environment: Vec::new(),
            directory: "/".into(),
            terminal: false,
        };
        let text = serde_json::to_string(&command).unwrap();
        let back: Command = serde_json::from_str(&text).unwrap();
        assert_eq!(back.arguments, [argument]);
    }
}
