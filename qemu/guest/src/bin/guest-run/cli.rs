// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Boots a kernel with the module loaded, runs one command in it and exits with the command's
/// status.
///
/// Other statuses: 99 when the kernel complained, 124 when the time was up, 125 when the guest
/// could not be run, 126 or 127 when the command could not be, 128 and more when a signal ended it.
/// Standard input is read ahead of what the command takes; give it </dev/null in a loop that reads
/// its own.
#[derive(Debug, Parser)]
#[command(
    name = "qemu/run",
    override_usage = "qemu/run [OPTIONS] -- COMMAND [ARGUMENT]..."
)]
pub struct Cli {
    /// The directory of the scripts that make the Debian root, the kernel and the module.
    #[arg(long, hide = true)]
    pub scripts: PathBuf,

    /// A file with the caller's variables, each ended by a zero. Of its own environment the runner
    /// has only what the scripts let in.
    #[arg(long, hide = true, value_name = "FILE")]
    pub variables: PathBuf,

    /// The kernel: a series such as 7.3, with a flavour or without (7.3-amd64), `newest`, `debug`,
    /// or nothing for the newest known to be good.
    #[arg(long, value_name = "WHICH", default_value = "")]
    pub kernel: String,

    /// Processors of the guest.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub smp: u16,

    /// Memory of the guest, as QEMU takes it.
    #[arg(long, value_name = "SIZE", default_value = "1G")]
    pub mem: String,

    /// Carry a file or directory into the guest, to the same path or to another.
    #[arg(long = "file", value_name = "PATH[=GUESTPATH]")]
    pub files: Vec<OsString>,

    /// Set a variable for the command; without a value, that of the host.
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    pub environment: Vec<OsString>,

    /// A parameter for the module.
    #[arg(
        long = "param",
        value_name = "NAME=VALUE",
        conflicts_with = "no_module"
    )]
    pub parameters: Vec<String>,

    /// How long the command may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    pub timeout: u64,

    /// How long it may take to boot and to load the module, in seconds; by default long enough for
    /// a busy machine.
    #[arg(long, value_name = "SECONDS")]
    pub boot_timeout: Option<u64>,

    /// A module that is built already.
    #[arg(long, value_name = "PATH", conflicts_with = "no_module")]
    pub module: Option<PathBuf>,

    /// Boot without the module.
    #[arg(long)]
    pub no_module: bool,

    /// Give the guest a network: its address is 10.0.2.15, and 10.0.2.2 is the host's loopback.
    #[arg(long)]
    pub network: bool,

    /// Give the command a terminal. Without a command it is a shell.
    #[arg(long)]
    pub tty: bool,

    /// Show the kernel's log as it comes.
    #[arg(long)]
    pub verbose: bool,

    /// Add to the kernel's command line.
    #[arg(long, value_name = "ARGUMENT")]
    pub append: Vec<String>,

    /// The executor of the guest; `auto` takes KVM where a trial boot shows that it works.
    #[arg(long, value_enum, default_value_t = Accel::Auto)]
    pub accel: Accel,

    /// The processor that the guest sees, as QEMU takes it.
    #[arg(long, value_name = "MODEL", default_value = "max")]
    pub cpu: String,

    /// A plugin for QEMU, with its arguments. Plugins see emulation only.
    #[arg(long, value_name = "PATH[,NAME=VALUE]...", conflicts_with = "accel")]
    pub plugin: Option<PathBuf>,

    /// Let the guest's time pass with its instructions, a nanosecond each, so that a busy host
    /// doesn't show: its timer interrupts the same instructions each time. For one processor,
    /// emulated.
    #[arg(long, conflicts_with_all = ["accel", "smp"])]
    pub steady_time: bool,

    /// The command to run: a path of the host, or a name in its PATH.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Accel {
    Auto,
    Kvm,
    Tcg,
}

impl Cli {
    /// How the guest is to be executed. What QEMU can only emulate decides.
    pub fn accel(&self) -> Accel {
        if self.plugin.is_some() || self.steady_time {
            Accel::Tcg
        } else {
            self.accel
        }
    }

    /// How long it may take till the command starts.
    pub fn boot_limit(&self) -> Duration {
        // A plugin that looks at every instruction makes emulation several times slower.
        let by_default = if self.plugin.is_some() { 1800 } else { 600 };
        Duration::from_secs(self.boot_timeout.unwrap_or(by_default))
    }

    /// Checks the rest, which clap can't.
    pub fn checked(self) -> Result<Self> {
        if self.command.is_empty() && !self.tty {
            bail!(
                "no command to run. Say: qemu/run [OPTIONS] -- COMMAND [ARGUMENT]..., \
                 or --tty for a shell"
            );
        }
        Ok(self)
    }

    /// The variables to set, with the caller's values filled in; one that the caller lacks is left
    /// out.
    pub fn variables(&self) -> Result<Vec<(OsString, OsString)>> {
        let file = fs::read(&self.variables)
            .with_context(|| format!("--variables {}", self.variables.display()))?;
        let owned = |(name, value): (&OsStr, &OsStr)| (name.to_owned(), value.to_owned());
        let of_caller = |name: &OsString| {
            file.split(|&byte| byte == 0)
                .filter_map(|variable| split_at_equals(OsStr::from_bytes(variable)))
                .find(|(its_name, _)| its_name == name)
        };
        let pair = |given: &OsString| {
            split_at_equals(given)
                .or_else(|| of_caller(given))
                .map(owned)
        };
        Ok(self.environment.iter().filter_map(pair).collect())
    }
}

/// A `--file`: the host's path and the guest's, both absolute.
pub fn file_argument(given: &OsStr, directory: &Path) -> Result<(PathBuf, PathBuf)> {
    let whole = absolute(Path::new(given), directory);
    // A name may itself have an equals sign.
    if whole.symlink_metadata().is_ok() {
        return Ok((whole.clone(), whole));
    }
    if let Some((host, guest)) = split_at_equals(given) {
        let host = absolute(Path::new(host), directory);
        host.symlink_metadata()
            .with_context(|| format!("--file {}", host.display()))?;
        return Ok((host, absolute(Path::new(guest), directory)));
    }
    bail!("--file {}: there is no such file", whole.display())
}

fn split_at_equals(text: &OsStr) -> Option<(&OsStr, &OsStr)> {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|&b| b == b'=')?;
    Some((
        OsStr::from_bytes(&bytes[..at]),
        OsStr::from_bytes(&bytes[at + 1..]),
    ))
}

/// An absolute path without `.`. Whatever is a symlink stays one, so `..` stays too.
pub fn absolute(path: &Path, directory: &Path) -> PathBuf {
    directory.join(path).components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn parse(arguments: &[&str]) -> Result<Cli> {
        let own = ["guest-run", "--scripts", "/s", "--variables", "/dev/null"];
        Cli::try_parse_from(own.iter().chain(arguments))?.checked()
    }

    #[test]
    fn the_command_keeps_its_own_options() {
        let cli = parse(&["--smp", "4", "--", "sh", "--smp", "-c", "true", "--"]).unwrap();
        assert_eq!(cli.smp, 4);
        assert_eq!(cli.command, ["sh", "--smp", "-c", "true", "--"]);
    }

    #[test]
    fn wrong_ones_are_refused() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["true"]).is_err());
        assert!(parse(&["--smp", "0", "--", "true"]).is_err());
        assert!(parse(&["--no-module", "--module", "x.ko", "--", "true"]).is_err());
        assert!(parse(&["--timeout", "soon", "--", "true"]).is_err());
        assert!(parse(&["--plugin", "p.so", "--accel", "kvm", "--", "true"]).is_err());
        assert!(parse(&["--steady-time", "--smp", "2", "--", "true"]).is_err());
        assert!(parse(&["--tty"]).is_ok());
    }

    #[test]
    fn what_needs_emulation_gets_it() {
        assert_eq!(parse(&["--", "true"]).unwrap().accel(), Accel::Auto);
        for option in [&["--plugin", "p.so"][..], &["--steady-time"]] {
            let cli = parse(&[option, &["--", "true"]].concat()).unwrap();
            assert_eq!(cli.accel(), Accel::Tcg);
        }
    }

    #[test]
    fn variables_come_from_the_caller_or_the_command_line() {
        let mut cli = parse(&["--env", "A=1=2", "--env", "B", "--env", "C", "--", "true"]).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"A=a\0B=b=\xff\0CC=c\0").unwrap();
        cli.variables = file.path().to_owned();
        let value = OsStr::from_bytes(b"b=\xff").to_owned();
        assert_eq!(
            cli.variables().unwrap(),
            [("A".into(), "1=2".into()), ("B".into(), value)]
        );
    }

    #[test]
    fn a_file_may_have_another_name_in_the_guest() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        std::fs::write(here.join("a"), "").unwrap();
        std::fs::write(here.join("b=c"), "").unwrap();
        let get = |text: &str| file_argument(OsStr::new(text), here);
        assert_eq!(get("./a").unwrap(), (here.join("a"), here.join("a")));
        assert_eq!(get("a=/etc/x").unwrap(), (here.join("a"), "/etc/x".into()));
        assert_eq!(get("b=c").unwrap(), (here.join("b=c"), here.join("b=c")));
        assert!(get("none").is_err());
        assert!(get("none=/x").is_err());
    }
}
