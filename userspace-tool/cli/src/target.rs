// SPDX-License-Identifier: MIT OR Apache-2.0

//! The options that choose an open file of the device, and a table in it. A command takes only
//! those that it has a use for. Options take precedence over the environment.

use std::path::{Path, PathBuf};

use atomik::session::{SessionName, Sessions};
use atomik::{Device, Error, Rights, TableRef};
use clap::Args;

use crate::failure::Failure;
use crate::script::number::parse_u32;

/// The environment variable that names the session where no option does. `session exec` sets it.
pub const SESSION_VARIABLE: &str = "ATOMIK_SESSION";

/// An open file that outlives the command.
#[derive(Args)]
pub struct OpenFile {
    /// Work on this inherited descriptor of the device
    #[arg(long, value_name = "N", conflicts_with = "session")]
    fd: Option<i32>,
    /// Work on this session; without it and --fd, on the one that $ATOMIK_SESSION names
    #[arg(short, long, value_name = "NAME")]
    session: Option<SessionName>,
}

/// A table in such a file.
#[derive(Args)]
pub struct OpenTable {
    #[command(flatten)]
    pub file: OpenFile,
    /// The table's id; not needed where the open file has just one
    #[arg(short, long, value_name = "ID", value_parser = parse_u32)]
    pub table: Option<u32>,
}

/// An existing open file, or one that the command opens for itself.
#[derive(Args)]
pub struct AnyFile {
    #[command(flatten)]
    file: OpenFile,
    /// Open this device; without it, --fd and a session, /dev/atomik
    #[arg(long, value_name = "PATH", conflicts_with_all = ["fd", "session"])]
    device: Option<PathBuf>,
}

/// The device of an open file that the command makes.
#[derive(Args)]
pub struct NewFile {
    /// The device to open
    #[arg(long, value_name = "PATH", default_value = atomik::DEFAULT_PATH)]
    pub device: PathBuf,
}

/// The chosen file.
#[derive(Debug, PartialEq, Eq)]
pub enum Chosen {
    Device(PathBuf),
    Descriptor(i32),
    Session(SessionName),
}

/// The options of all commands.
pub fn options() -> Vec<clap::Arg> {
    let command = NewFile::augment_args(OpenTable::augment_args(clap::Command::new("")));
    command.get_arguments().cloned().collect()
}

impl Chosen {
    pub fn open(&self) -> Result<Device, Failure> {
        match self {
            Self::Device(path) => Device::open_path(path).map_err(|e| Failure::device(&e)),
            Self::Descriptor(fd) => Device::from_inherited(*fd).map_err(|e| Failure::device(&e)),
            Self::Session(name) => Sessions::of_this_user()
                .and_then(|sessions| sessions.connect(name))
                .map(|session| session.into_device())
                .map_err(|error| Failure::session(&error)),
        }
    }
}

impl OpenFile {
    pub fn open(&self) -> Result<Device, Failure> {
        self.chosen()?.ok_or_else(Failure::no_file)?.open()
    }

    /// True where an option names it.
    pub fn is_named(&self) -> bool {
        self.fd.is_some() || self.session.is_some()
    }

    fn chosen(&self) -> Result<Option<Chosen>, Failure> {
        if let Some(fd) = self.fd {
            return Ok(Some(Chosen::Descriptor(fd)));
        }
        if let Some(name) = &self.session {
            return Ok(Some(Chosen::Session(name.clone())));
        }
        match std::env::var_os(SESSION_VARIABLE) {
            Some(name) if !name.is_empty() => match name.to_string_lossy().parse() {
                Ok(name) => Ok(Some(Chosen::Session(name))),
                Err(error) => Err(Failure::session(&error)),
            },
            _ => Ok(None),
        }
    }
}

impl AnyFile {
    pub fn open(&self) -> Result<Device, Failure> {
        self.chosen()?.open()
    }

    pub fn chosen(&self) -> Result<Chosen, Failure> {
        let device = |path: &Path| Chosen::Device(path.into());
        match &self.device {
            Some(path) => Ok(device(path)),
            None => Ok((self.file.chosen()?).unwrap_or(device(Path::new(atomik::DEFAULT_PATH)))),
        }
    }
}

impl OpenTable {
    pub fn open(&self) -> Result<TableRef, Failure> {
        self.open_in(&self.file.open()?)
    }

    /// The table in this open file.
    pub fn open_in(&self, device: &Device) -> Result<TableRef, Failure> {
        self.find(device).map_err(|error| no_table(&error))
    }

    pub fn find(&self, device: &Device) -> atomik::Result<TableRef> {
        match self.table {
            Some(id) => device.table(id),
            None => device.only_table(),
        }
    }

    /// Refuses options that name a table, where the command uses none unless it has `what`.
    pub fn refuse_without(&self, what: &str) -> Result<(), Failure> {
        if self.table.is_none() && !self.file.is_named() {
            return Ok(());
        }
        let message = format!("--fd, --session and --table choose a table, which only {what} uses");
        Err(Failure::usage(&message))
    }
}

/// The rights of an exported table's descriptor, as `/proc` names them.
pub fn name_of(rights: Rights) -> &'static str {
    match rights {
        Rights::ReadOnly => "read-only",
        Rights::ReadWrite => "read-write",
    }
}

/// The failure where an open file hasn't the table that is wanted, or has several.
pub fn no_table(error: &Error) -> Failure {
    match error {
        Error::NoTable => Failure::plain("this open file has no table yet")
            .with_hint("`atomikctl create N` makes one of N contexts"),
        Error::SeveralTables { .. } => Failure::plain(&error.to_string())
            .with_hint("choose one with -t ID; `atomikctl list` shows them"),
        error => Failure::of(error),
    }
}
