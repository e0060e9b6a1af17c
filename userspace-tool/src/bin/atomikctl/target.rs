// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Target`]: which open file, and which table in it.

use std::path::PathBuf;

use atomik::session::{SessionName, Sessions};
use atomik::{Device, Error, TableRef};

use crate::failure::Failure;
use crate::script::number::parse_u32;

/// The variable that names the session where no option does. `session exec` sets it.
pub const SESSION_VARIABLE: &str = "ATOMIK_SESSION";

/// Which open file of the device, and which table in it.
#[derive(clap::Args)]
pub struct Target {
    /// The device to open
    #[arg(long, global = true, value_name = "PATH", default_value = atomik::DEFAULT_PATH)]
    pub device: PathBuf,
    /// Work on this inherited descriptor of the device
    #[arg(long, global = true, value_name = "N", conflicts_with = "session")]
    pub fd: Option<i32>,
    /// Work on this session; without it and --fd, on the one that $ATOMIK_SESSION names
    #[arg(short, long, global = true, value_name = "NAME")]
    pub session: Option<SessionName>,
    /// The table's id; not needed where the open file has just one
    #[arg(short, long, global = true, value_name = "ID", value_parser = table_id)]
    pub table: Option<u32>,
}

fn table_id(word: &str) -> Result<u32, String> {
    parse_u32(word).map_err(|error| error.to_string())
}

impl Target {
    /// The open file: that of --fd or of the session; or the device, opened anew, without tables.
    pub fn open(&self) -> Result<Device, Failure> {
        match self.existing()? {
            Some(device) => Ok(device),
            None => Device::open_path(&self.device).map_err(|e| Failure::device(&e)),
        }
    }

    /// The open file, which outlives this command.
    pub fn file(&self) -> Result<Device, Failure> {
        self.existing()?.ok_or_else(Failure::no_file)
    }

    /// The table.
    pub fn table(&self) -> Result<TableRef, Failure> {
        self.table_of(&self.file()?)
    }

    /// The table in this open file.
    pub fn table_of(&self, device: &Device) -> Result<TableRef, Failure> {
        match self.table {
            Some(id) => device.table(id),
            None => device.only_table(),
        }
        .map_err(|error| match error {
            Error::NoTable => Failure::plain("there is no table yet")
                .with_hint("`atomikctl create N` makes one of N contexts"),
            Error::SeveralTables { .. } => Failure::plain(&error.to_string())
                .with_hint("choose one with -t ID; `atomikctl list` shows them"),
            error => Failure::of(&error),
        })
    }

    /// The session's name, where one is named.
    pub fn session(&self) -> Result<Option<SessionName>, Failure> {
        if self.session.is_some() || self.fd.is_some() {
            return Ok(self.session.clone());
        }
        match std::env::var_os(SESSION_VARIABLE) {
            Some(name) if !name.is_empty() => {
                let name = name.to_string_lossy().parse();
                name.map(Some).map_err(|error| Failure::session(&error))
            }
            _ => Ok(None),
        }
    }

    fn existing(&self) -> Result<Option<Device>, Failure> {
        if let Some(number) = self.fd {
            let device = Device::from_inherited(number);
            return device.map(Some).map_err(|e| Failure::device(&e));
        }
        let Some(name) = self.session()? else {
            return Ok(None);
        };
        Sessions::of_this_user()
            .and_then(|sessions| sessions.connect(&name))
            .map(|session| Some(session.into_device()))
            .map_err(|error| Failure::session(&error))
    }
}
