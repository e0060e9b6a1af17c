// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures the driver in the guest and reports. The targets `bench` and `bench-…` of `make` call
//! it.

mod aims;
mod check;
mod compare;
mod counts;
mod document;
mod growth;
mod guest;
mod marks_file;
mod picture;
mod plot;
mod profile;
mod table;
mod written;

use anyhow::{Context, Result, bail};
use atomik_bench::{TimesReport, median};
use clap::{Parser, Subcommand};
use counts::Counts;
use guest::{Extra, Guest};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Blocks of each case that are counted. An interrupt falls into few of them.
const COUNT_ROUNDS: usize = 15;
/// The same in guests of many processors, where each takes long.
const GROWTH_ROUNDS: usize = 8;
/// Rounds by the clock, which needs more.
const TIME_ROUNDS: usize = 25;
/// Processors of the guests in which growth is measured, and those of them that are checked.
const PROCESSORS: [u16; 5] = [1, 4, 16, 32, 64];
const PROCESSORS_CHECKED: [u16; 2] = [1, 32];
const PROFILE_ROUNDS: usize = 5;
/// What the documents have of it: a picture of how fast the driver is, one of growth, and tables.
const PICTURE: &str = "docs/speed.svg";
const GROWTH: &str = "docs/growth.svg";
const DOCUMENT: &str = "docs/performance.md";

/// Measures the driver in the guest. To be called in the project's directory.
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure everything; print tables, save DIRECTORY/bench.json.
    Run {
        #[command(flatten)]
        guest: Guest,
        #[arg(long, value_name = "DIRECTORY", default_value = "target/bench")]
        output: PathBuf,
        /// Processors of the guests in which growth is measured.
        #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = PROCESSORS)]
        processors: Vec<u16>,
    },
    /// Count only, and save as JSON.
    Count {
        #[command(flatten)]
        guest: Guest,
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Show two files of `count` or `run` side by side.
    Compare { old: PathBuf, new: PathBuf },
    /// Compare the counts with a file's; fail where one is above.
    Check {
        #[command(flatten)]
        guest: Guest,
        expected: PathBuf,
        /// Write the file instead, and draw the picture of it.
        #[arg(long)]
        update: bool,
    },
    /// Draw docs/speed.svg, of the counts in a file that `check` compares with.
    Picture { expected: PathBuf },
    /// Renew the tables of docs/performance.md and draw docs/growth.svg, of a file of `run`.
    Document { measured: PathBuf },
    /// Renew only the table there that compares machines, of two files of `count`.
    Machines { x86_64: PathBuf, arm64: PathBuf },
    /// Show where the instructions of the cases chosen by --only go.
    Profile {
        #[command(flatten)]
        guest: Guest,
    },
}

/// Content of a saved file.
#[derive(Serialize, Deserialize)]
struct Measured {
    counts: Counts,
    #[serde(default)]
    written: Vec<written::Written>,
    #[serde(default)]
    growth: Vec<growth::Row>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<Times>,
}

/// The times, condensed.
#[derive(Serialize, Deserialize)]
struct Times {
    emulated: bool,
    operations: Vec<Time>,
    threads: Vec<atomik_bench::ThreadsReport>,
}

#[derive(Serialize, Deserialize)]
struct Time {
    id: String,
    /// Time in unknown ioctls of the same round.
    floors: f64,
    /// None where the guest was emulated.
    nanoseconds: Option<f64>,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Run {
            guest,
            output,
            processors,
        } => run(&guest, &output, &processors),
        Command::Count { guest, output } => {
            let counts = count(&guest)?;
            save(
                &output,
                &Measured {
                    counts,
                    written: Vec::new(),
                    growth: Vec::new(),
                    times: None,
                },
            )
        }
        Command::Compare { old, new } => {
            print!(
                "{}",
                compare::table(&load(&old)?.counts, &load(&new)?.counts)?
            );
            Ok(())
        }
        Command::Check {
            guest,
            expected,
            update,
        } => check(guest, &expected, update),
        Command::Picture { expected } => {
            save_picture(&check::parse(&fs::read_to_string(expected)?)?)
        }
        Command::Document { measured } => document(&load(&measured)?),
        Command::Machines { x86_64, arm64 } => {
            let (x86_64, arm64) = (load(&x86_64)?.counts, load(&arm64)?.counts);
            let text = fs::read_to_string(DOCUMENT).context(DOCUMENT)?;
            let text = document::with_machines(&text, &x86_64, &arm64)?;
            fs::write(DOCUMENT, text).context(DOCUMENT)?;
            println!("{DOCUMENT} written");
            Ok(())
        }
        Command::Profile { guest } => {
            let extra = Extra {
                profile: true,
                ..Extra::default()
            };
            let (report, marks) = guest.counts(PROFILE_ROUNDS, extra)?;
            print!("{}", profile::text(&report, &marks)?);
            Ok(())
        }
    }
}

fn count(guest: &Guest) -> Result<Counts> {
    let (report, marks) = guest.counts(COUNT_ROUNDS, Extra::default())?;
    Counts::new(&report, &marks)
}

fn written(guest: &Guest) -> Result<Vec<written::Written>> {
    let (report, marks) = guest.written(COUNT_ROUNDS)?;
    written::new(&report, &marks)
}

fn growth(guest: &Guest, processors: &[u16], in_turn: bool) -> Result<Vec<growth::Row>> {
    let mut rows = Vec::new();
    for &number in processors {
        let (report, marks) = guest.growth(number, in_turn, GROWTH_ROUNDS)?;
        rows.extend(growth::rows(number, &Counts::new(&report, &marks)?));
    }
    Ok(rows)
}

fn run(guest: &Guest, output: &Path, processors: &[u16]) -> Result<()> {
    let counts = count(guest)?;
    print!("{}", table::counts(&counts)?);
    let (written, growth) = (written(guest)?, growth(guest, processors, false)?);
    print!("{}", written::table(&written)?);
    print!("{}{}", growth::table(&growth)?, growth::aim(&growth));
    let times = guest.times(TIME_ROUNDS)?;
    print!("{}", table::times(&times)?);
    let json = output.join("bench.json");
    save(
        &json,
        &Measured {
            counts,
            written,
            growth,
            times: Some(Times::new(times)),
        },
    )?;
    println!("\nSaved: {}", json.display());
    Ok(())
}

fn save_picture(expected: &check::Expected) -> Result<()> {
    fs::write(PICTURE, picture::draw(expected)?).context(PICTURE)?;
    println!("{PICTURE} written");
    Ok(())
}

fn document(measured: &Measured) -> Result<()> {
    let text = fs::read_to_string(DOCUMENT).context(DOCUMENT)?;
    fs::write(DOCUMENT, document::renewed(&text, measured)?).context(DOCUMENT)?;
    fs::write(GROWTH, plot::draw(&measured.growth)?).context(GROWTH)?;
    println!("{DOCUMENT} and {GROWTH} written");
    Ok(())
}

/// Compares with the file at `path`, or writes it and the picture.
fn check(mut guest: Guest, path: &Path, update: bool) -> Result<()> {
    a_missed_mark_fails(&guest)?;
    guest.only = check::CHECKED.iter().map(|&name| name.to_owned()).collect();
    let counts = count(&guest)?;
    let growth = growth(&guest, &PROCESSORS_CHECKED, true)?;
    let measured = check::expected(&counts, &written(&guest)?, &growth)?;
    if update {
        fs::write(path, check::write(&measured)?)?;
        println!("{} written", path.display());
        return save_picture(&measured);
    }
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let verdict = check::compare(&check::parse(&text)?, &measured);
    let wrong = verdict.above.len() + verdict.unknown.len();
    for line in verdict.above.iter().chain(&verdict.unknown) {
        println!("test count: {line} ... FAILED");
    }
    for line in &verdict.below {
        println!("test count: {line} ... ok, and better");
    }
    if !verdict.below.is_empty() || wrong > 0 {
        println!("To expect from now on what was measured: make bench-check UPDATE=yes");
    }
    println!(
        "test result: {} passed; {wrong} failed",
        (measured.len() - verdict.above.len()).saturating_sub(verdict.unknown.len()) + 1
    );
    if wrong > 0 {
        bail!("{wrong} counts are not as {} expects", path.display());
    }
    Ok(())
}

/// Has the plugin overlook a mark, which the counting must notice.
fn a_missed_mark_fails(guest: &Guest) -> Result<()> {
    let trial = Guest {
        plugin: guest.plugin.clone(),
        programs: guest.programs.clone(),
        module: guest.module.clone(),
        kernel: guest.kernel.clone(),
        only: vec![atomik_bench::PROOF.to_owned()],
    };
    let miss = Extra {
        miss: Some(2),
        ..Extra::default()
    };
    let outcome = trial
        .counts(1, miss)
        .and_then(|(report, marks)| Counts::new(&report, &marks));
    match outcome {
        Err(error) if format!("{error:#}").contains("missed") => {}
        // A guest that did not even boot proves nothing.
        Err(error) => return Err(error),
        Ok(_) => bail!("a missed mark was not noticed"),
    }
    println!("test a missed mark is noticed ... ok");
    Ok(())
}

impl Times {
    fn new(report: TimesReport) -> Self {
        let time = |index: usize| Time {
            id: report.cases[index].id.clone(),
            floors: table::ratio(&report, index).unwrap_or_default(),
            nanoseconds: (!report.emulated)
                .then(|| median(report.rounds.iter().map(|round| round[index]))),
        };
        Self {
            emulated: report.emulated,
            operations: (0..report.cases.len()).map(time).collect(),
            threads: report.threads,
        }
    }
}

fn save(path: &Path, measured: &Measured) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let file = File::create(path).with_context(|| path.display().to_string())?;
    serde_json::to_writer_pretty(BufWriter::new(file), measured)?;
    Ok(())
}

fn load(path: &Path) -> Result<Measured> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}
