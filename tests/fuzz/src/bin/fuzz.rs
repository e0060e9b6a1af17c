// SPDX-License-Identifier: MIT OR Apache-2.0

//! Fuzzes the driver in a guest, keeps the corpus, and makes tests of what failed.

use anyhow::{Context, Result, bail};
use atomik_fuzz::{
    corpus,
    journal::{PORT, Record},
    mutate,
    program::Program,
    shrink::simpler,
};
use clap::Parser;
use std::{
    env,
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, ExitCode},
    time::{SystemTime, UNIX_EPOCH},
};

/// The limit that the module gets: low enough that programs meet it.
const LIMIT_KIB: u64 = 16 * 1024;
/// Time for booting, for the given programs, and for making failures small.
const EXTRA_SECONDS: u64 = 900;
/// Boots that are spent on making a crash small.
const MOST_BOOTS: usize = 30;
/// Times to try each program for a crash.
const TIMES: usize = 10;
/// Programs before the last one to try, where that alone does not crash.
const BEFORE: usize = 200;

#[derive(Debug, Parser)]
struct Cli {
    /// Seconds to go on.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seed of the programs; the same seed and corpus make the same ones.
    #[arg(long)]
    seed: Option<u64>,
    /// The kernel, as `qemu/run` takes it.
    #[arg(long, default_value = "")]
    kernel: String,
    #[arg(long, default_value_t = 2)]
    smp: u16,
    /// A module that is built already.
    #[arg(long)]
    module: Option<PathBuf>,
    /// Directory of the corpus.
    #[arg(long)]
    corpus: PathBuf,
    /// Directory of the tests, which belong to the corpus. Failures are saved there.
    #[arg(long, default_value = "tests/fuzz/programs")]
    programs: PathBuf,
    /// Directory to work in.
    #[arg(long, default_value = "target/fuzz")]
    work: PathBuf,
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let seed = cli.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.as_millis() as u64)
    });
    println!("fuzz: seed {seed}, {} s", cli.seconds);
    let failures = Host { cli: &cli, seed }.fuzz()?;
    let (word, passed, failed) = match failures {
        0 => ("ok", 1, 0),
        failures => ("FAILED", 0, failures),
    };
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored");
    Ok(ExitCode::from(u8::from(failures > 0)))
}

/// End of a guest.
struct Ended {
    status: Option<i32>,
    records: Vec<Record>,
}

impl Ended {
    /// True where the guest did not come to its end by itself.
    fn crashed(&self) -> bool {
        self.records.last() != Some(&Record::End)
    }
}

struct Host<'a> {
    cli: &'a Cli,
    seed: u64,
}

impl Host<'_> {
    /// Returns the number of failures.
    fn fuzz(&self) -> Result<usize> {
        let mut given = corpus::load(&self.cli.programs)?;
        let tests = given.len();
        given.extend(corpus::load(&self.cli.corpus)?);
        let programs: Vec<Program> = given.iter().map(|(_, program)| program.clone()).collect();
        let (seed, seconds) = (self.seed.to_string(), self.cli.seconds.to_string());
        let action = ["run", "--seed", &seed, "--seconds", &seconds];
        let ended = self.boot(&programs, &action, self.cli.seconds)?;
        let grown = self.keep(&given, tests, &ended)?;

        let mut failures = 0;
        for record in &ended.records {
            if let Record::Failure { why, program } = record {
                failures += 1;
                self.save(why, program)?;
            }
        }
        if failures == 0 && ended.crashed() {
            failures = 1;
            self.crash(&programs, &grown, &ended)?;
        }
        if failures == 0 && ended.status != Some(0) {
            bail!("the guest failed without a failure; its messages are above");
        }
        Ok(failures)
    }

    /// Boots a guest for some programs.
    fn boot(&self, programs: &[Program], action: &[&str], seconds: u64) -> Result<Ended> {
        fs::create_dir_all(&self.cli.work)?;
        let work = self.cli.work.canonicalize()?;
        if work.to_str().is_none_or(|path| path.contains([' ', ','])) {
            bail!("QEMU can't name {}", work.display());
        }
        let own = work.join(std::process::id().to_string());
        let (given, journal) = (own.join("given"), own.join("journal"));
        let _ = fs::remove_dir_all(&own);
        fs::create_dir_all(&given)?;
        for (number, program) in programs.iter().enumerate() {
            fs::write(given.join(format!("{number:06}.ron")), program.line())?;
        }
        fs::write(&journal, "")?;
        let guest = env::current_exe()?.with_file_name("fuzz-guest");
        let mut file = given.into_os_string();
        file.push("=/fuzz");
        let mut command = Command::new("qemu/run");
        if !self.cli.kernel.is_empty() {
            command.args(["--kernel", &self.cli.kernel]);
        }
        if let Some(module) = &self.cli.module {
            command.arg("--module").arg(module);
        }
        let mut qemu = env::var_os("QEMU_ARGS").unwrap_or_default();
        qemu.push(format!(
            " -chardev file,id=fuzz,path={} -device virtserialport,chardev=fuzz,name={PORT}",
            journal.display()
        ));
        let limit = LIMIT_KIB.to_string();
        command
            .args(["--smp", &self.cli.smp.to_string(), "--mem", "2G"])
            .args(["--timeout", &(seconds + EXTRA_SECONDS).to_string()])
            .args(["--param", &format!("limit_kib={limit}")])
            .args([OsString::from("--file"), file])
            .args(["--env", "RUST_BACKTRACE=1", "--"])
            .arg(guest)
            .args(["--limit-kib", &limit])
            .args(action)
            .arg("/fuzz")
            .env("QEMU_ARGS", qemu);
        let status = command.status().context("qemu/run")?;
        let text = String::from_utf8_lossy(&fs::read(&journal)?).into_owned();
        let _ = fs::remove_dir_all(&own);
        let records = text
            .split_inclusive('\n')
            .filter_map(|line| Record::parse(line.strip_suffix('\n')?))
            .collect();
        Ok(Ended {
            status: status.code(),
            records,
        })
    }

    /// Updates the directory of the corpus. Returns the corpus as the guest had it.
    fn keep(
        &self,
        given: &[(PathBuf, Program)],
        tests: usize,
        ended: &Ended,
    ) -> Result<Vec<Program>> {
        let mut grown = Vec::new();
        let mut kept = vec![false; given.len()];
        for record in &ended.records {
            match *record {
                Record::Keep(number) if number < given.len() => {
                    kept[number] = true;
                    grown.push(given[number].1.clone());
                }
                Record::Add { number, corpus } if corpus <= grown.len() => {
                    let program = mutate::program(self.seed, number, &grown[..corpus]);
                    corpus::save(&self.cli.corpus, "", "", &program)?;
                    grown.push(program);
                }
                _ => {}
            }
        }
        // Remove what others make superfluous, once all have been tried.
        if !ended.crashed() {
            for ((path, _), kept) in given.iter().zip(kept).skip(tests) {
                if !kept {
                    fs::remove_file(path)?;
                }
            }
        }
        Ok(grown)
    }

    fn save(&self, why: &str, program: &Program) -> Result<()> {
        let comment = format!("Seed {}: {why}", self.seed);
        let path = corpus::save(&self.cli.programs, "failure-", &comment, program)?;
        println!("fuzz: saved as {}", path.display());
        Ok(())
    }

    /// Finds the program that crashed the kernel, and saves it, as small as it gets.
    fn crash(&self, given: &[Program], grown: &[Program], ended: &Ended) -> Result<()> {
        let announced: Vec<Vec<Program>> = ended
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Given(number) => Some(vec![given.get(*number)?.clone()]),
                Record::Made(made) => Some(made.programs(self.seed, grown)),
                _ => None,
            })
            .collect();
        let Some(last) = announced.last() else {
            bail!("the guest did not come to execute anything; its messages are above");
        };
        println!(
            "fuzz: the guest did not survive one of {} programs",
            last.len()
        );
        let why = format!(
            "the guest's kernel did not survive (status {:?})",
            ended.status
        );
        let Some(culprit) = self.first_crash(last)? else {
            let all = announced.concat();
            let from = all.len().saturating_sub(BEFORE);
            println!(
                "fuzz: these do no harm; trying {} before them, too",
                all.len() - from
            );
            let Some(culprit) = self.first_crash(&all[from..])? else {
                println!("fuzz: these neither; saving none");
                return Ok(());
            };
            let why = format!("{why}, after others");
            return self.save(&why, &all[from + culprit]);
        };
        let mut smallest = last[culprit].clone();
        println!("fuzz: it is this one:\n{}", smallest.text());
        for _ in 0..MOST_BOOTS {
            let simpler = simpler(&smallest);
            match self.first_crash(&simpler)? {
                Some(number) => smallest = simpler[number].clone(),
                None => break,
            }
            println!("fuzz: {} steps crash it, too", smallest.len());
        }
        self.save(&why, &smallest)
    }

    /// Number of the first program that fails, or that the guest does not survive.
    fn first_crash(&self, programs: &[Program]) -> Result<Option<usize>> {
        if programs.is_empty() {
            return Ok(None);
        }
        let times = TIMES.to_string();
        let ended = self.boot(programs, &["replay", "--times", &times], 0)?;
        if !ended.crashed() && ended.status == Some(0) {
            return Ok(None);
        }
        Ok(ended.records.iter().rev().find_map(|record| match record {
            Record::Given(number) => Some(*number),
            _ => None,
        }))
    }
}
