// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs one command in a guest with the module loaded. `qemu/run` calls it.

mod cli;
mod closure;
mod event;
mod guest;
mod initramfs;
mod kvm;
mod machine;
mod signals;
mod streams;
mod terminal;
mod userland;
mod verdict;

use anyhow::{Context, Result, bail};
use atomik_guest::boots;
use atomik_guest::protocol::{Command, MODULE_PATH, NETWORK_PATH, SPEC_PATH, Spec};
use atomik_guest::qemu::Architecture;
use clap::Parser;
use closure::Programs;
use guest::{Limits, Options, Outcome};
use initramfs::{Node, Tree};
use signals::Signals;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::BufWriter;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, Stdio};
use std::time::Duration;

fn main() -> ExitCode {
    match cli::Cli::parse().checked().and_then(|cli| run(&cli)) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("atomik: {error:#}");
            ExitCode::from(if error.is::<NoCommand>() {
                verdict::NO_COMMAND
            } else {
                verdict::NO_GUEST
            })
        }
    }
}

/// There is no such command.
#[derive(Debug)]
struct NoCommand(OsString);

impl std::error::Error for NoCommand {}

impl std::fmt::Display for NoCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let name = Path::new(&self.0).display();
        write!(
            f,
            "{name}: there is no such command, neither on the host nor in busybox"
        )
    }
}

fn run(cli: &cli::Cli) -> Result<u8> {
    let script = |name: &str| cli.scripts.join(name);
    let made_by = |name: &str, argument: &str| {
        let mut command = process::Command::new(script(name));
        command.arg(argument);
        output_path(command)
    };
    let kernel = made_by("kernel", &cli.kernel)?;
    let release = fs::read_to_string(kernel.join("release")).context("the kernel's release")?;
    let architecture = Architecture::of_release(&release);
    let root = made_by("root", architecture.name())?;
    let module = match &cli.module {
        _ if cli.no_module => None,
        Some(path) => Some(path.clone()),
        None => Some(made_by("module", &cli.kernel)?),
    };

    let in_root = script("in-root");
    let path = env::var_os("PATH").unwrap_or_else(|| userland::PATH.into());
    let programs = Programs {
        in_root: &in_root,
        root: &root,
        path: &path,
        foreign: architecture != Architecture::NATIVE,
    };
    let parts = userland::Parts {
        init: made_by("runner", architecture.name())?.join("guest-init"),
        busybox: userland::busybox(&root),
        busybox_here: userland::busybox(&made_by("root", "")?),
    };
    let mut tree = userland::base(&parts)?;
    if let Some(module) = &module {
        tree.add_file(Path::new(MODULE_PATH), module)?;
    }
    let bare = |tree: &Tree| -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        tree.write(&mut bytes)?;
        Ok(bytes)
    };

    let cache = root
        .parent()
        .context("the Debian root has no parent directory")?;
    let runs = cache.join("run");
    fs::create_dir_all(&runs)?;
    remove_dead(&runs)?;
    let signals = Signals::take()?;
    let run = tempfile::Builder::new()
        .prefix(&format!("{}-", process::id()))
        .tempdir_in(&runs)?;
    let initramfs = run.path().join("initramfs");
    let (log, messages) = (run.path().join("kernel.log"), run.path().join("qemu.log"));
    let extra = extra_arguments();
    let mut machine = machine::Machine {
        in_root: &in_root,
        architecture,
        kernel: &kernel,
        initramfs: &initramfs,
        messages: &messages,
        kvm: true,
        smp: 1,
        mem: "512M",
        cpu: "max",
        plugin: None,
        steady_time: false,
        network: false,
        append: &[],
        extra: &[],
        tty: false,
    };

    machine.kvm = match cli.accel() {
        cli::Accel::Kvm => true,
        cli::Accel::Tcg => false,
        // KVM runs this machine's code.
        cli::Accel::Auto if architecture != Architecture::NATIVE => false,
        cli::Accel::Auto => kvm::works(cache, &[&name_of(&kernel), &name_of(&root)], |limit| {
            let mut trial = userland::base(&parts)?;
            add_spec(
                &mut trial,
                &Spec {
                    module: None,
                    network: false,
                    command: None,
                },
            )?;
            fs::write(&initramfs, bare(&trial)?)?;
            let limits = Limits {
                boot: limit,
                command: limit,
            };
            let options = Options {
                signals: &signals,
                log: &log,
                limits,
                verbose: false,
                streams: false,
            };
            Ok(guest::run(&machine, &options)?.0)
        })?,
    };

    if cli.network {
        let drivers = kernel.join("network");
        if !drivers.is_dir() {
            bail!(
                "the kernel {} has no network. Leave out --network, or say another --kernel, such \
                 as 7.3",
                name_of(&kernel)
            );
        }
        tree.add_directory(Path::new(NETWORK_PATH), &drivers)?;
    }
    let command = carry_command(cli, &programs, &mut tree)?;
    let parameters = module.as_ref().map(|_| cli.parameters.join(" "));
    add_spec(
        &mut tree,
        &Spec {
            module: parameters,
            network: cli.network,
            command: Some(command),
        },
    )?;
    tree.write(BufWriter::new(File::create(&initramfs)?))?;

    machine = machine::Machine {
        smp: cli.smp,
        mem: &cli.mem,
        cpu: &cli.cpu,
        plugin: cli.plugin.as_deref(),
        steady_time: cli.steady_time,
        network: cli.network,
        append: &cli.append,
        extra: &extra,
        tty: cli.tty,
        ..machine
    };
    let limits = Limits {
        boot: cli.boot_limit(),
        command: Duration::from_secs(cli.timeout),
    };
    let options = Options {
        signals: &signals,
        log: &log,
        limits,
        verbose: cli.verbose,
        streams: true,
    };
    if cli.tty {
        eprintln!("atomik: booting; Ctrl-] ends the guest");
    }
    let mut failed_boots = Vec::new();
    let (outcome, text) = boots::until_answered(
        || guest::run(&machine, &options),
        |(outcome, _)| outcome.is_failed_boot(),
        |number, (outcome, _)| {
            let how = if matches!(outcome, Outcome::BootHung) {
                "hung"
            } else {
                "ended"
            };
            eprintln!("atomik: the guest {how} before its init had answered; booting it again");
            failed_boots.push(keep_log(cache, &log, &format!("-boot-{number}"))?);
            Ok(())
        },
    )?;
    let verdict = verdict::judge(
        &outcome,
        &text,
        &fs::read_to_string(&messages).unwrap_or_default(),
    );
    if let Some(explanation) = &verdict.explanation {
        eprintln!("atomik: {explanation}");
        if verdict.log_matters {
            let kept = keep_log(cache, &log, "")?;
            eprintln!("atomik: the kernel's whole log is {kept}");
        }
    }
    if let Some(note) = boots::note(&failed_boots) {
        eprintln!("{note}");
    }
    Ok(verdict.status)
}

/// Moves the kernel's log to where it stays for a while, and says where that is.
fn keep_log(cache: &Path, log: &Path, suffix: &str) -> Result<String> {
    let kept = cache
        .join("log")
        .join(format!("guest-{}{suffix}.log", process::id()));
    fs::create_dir_all(cache.join("log"))?;
    fs::rename(log, &kept)?;
    Ok(kept.display().to_string())
}

/// Puts the command's files into the tree, and returns the command as init takes it.
fn carry_command(cli: &cli::Cli, programs: &Programs, tree: &mut Tree) -> Result<Command> {
    let directory = env::current_dir()?;
    for given in &cli.files {
        let (host, guest) = cli::file_argument(given, &directory)?;
        if host.is_dir() {
            for (_, program) in tree.add_directory(&guest, &host)? {
                programs.add_needs(tree, &program)?;
            }
            continue;
        }
        if host == guest {
            tree.carry(Path::new("/"), &host)?;
        } else {
            tree.add_file(&guest, &host)?;
        }
        if closure::is_program(&host) {
            programs.add_needs(tree, &host)?;
        }
    }

    let default = [OsString::from("/bin/busybox"), OsString::from("sh")];
    let arguments = if cli.command.is_empty() {
        &default[..]
    } else {
        &cli.command
    };
    let name = &arguments[0];
    let program = if name.as_bytes().contains(&b'/') {
        cli::absolute(Path::new(name), &directory)
    } else if let Some(found) = programs.find(name) {
        found
    } else {
        // Busybox may have it.
        let found = userland::PATH
            .split(':')
            .map(|d| Path::new(d).join(name))
            .find(|path| tree.contains(path));
        found.ok_or_else(|| NoCommand(name.clone()))?
    };
    // A --file may have put another program at its path; busybox's applets yield to the host's
    // programs.
    if !tree.contains(&program) || tree.is_default(&program) && programs.runs(&program) {
        if !program.exists() {
            return Err(NoCommand(name.clone()).into());
        }
        if program.is_dir() {
            bail!("{} is a directory, not a command", program.display());
        }
        programs.add_program(tree, &program)?;
    }
    tree.add(&directory, Node::Directory)?;

    let mut environment: Vec<(OsString, OsString)> = vec![
        ("PATH".into(), userland::PATH.into()),
        ("HOME".into(), "/root".into()),
        ("USER".into(), "root".into()),
    ];
    if cli.tty {
        environment.push((
            "TERM".into(),
            env::var_os("TERM").unwrap_or_else(|| "vt100".into()),
        ));
    }
    if !cli.no_module {
        environment.push(("ATOMIK_MODULE".into(), MODULE_PATH.into()));
    }
    environment.extend(cli.variables()?);
    Ok(Command {
        program: program.into(),
        arguments: arguments.to_vec(),
        environment,
        directory: directory.into(),
        terminal: cli.tty,
    })
}

fn add_spec(tree: &mut Tree, spec: &Spec) -> Result<()> {
    tree.add_bytes(SPEC_PATH, 0o644, serde_json::to_vec(spec)?)
}

/// QEMU_ARGS, in words. No argument of QEMU needs a blank.
fn extra_arguments() -> Vec<OsString> {
    let given = env::var_os("QEMU_ARGS").unwrap_or_default();
    given
        .as_bytes()
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect()
}

/// The path that a script prints. Its progress goes to standard error.
fn output_path(mut command: process::Command) -> Result<PathBuf> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed; its messages are above");
    }
    let mut path = output.stdout;
    path.truncate(path.trim_ascii_end().len());
    Ok(PathBuf::from(OsString::from_vec(path)))
}

/// Removes the directories of runners that were killed.
fn remove_dead(runs: &Path) -> Result<()> {
    for entry in fs::read_dir(runs)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let alive = name
            .split_once('-')
            .is_some_and(|(pid, _)| Path::new("/proc").join(pid).exists());
        if !alive {
            // Another runner may be removing the same.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
