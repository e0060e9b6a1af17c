// SPDX-License-Identifier: MIT OR Apache-2.0

use anyhow::{Context, Result, ensure};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::process::Child;

/// The processes that a measurement tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The program that changes the table; for KV and Redis, it is their client.
    Program,
    /// The agent of the node where the changes are made.
    Sender,
    Server,
    /// The agent of the other node; for KV a client that watches, for Redis a replica.
    Receiver,
    /// Those of KV and Redis, where nothing happens and all are told at once.
    Watcher,
    Redis,
    Replica,
}

/// Instructions by process.
///
/// In a guest of steady time each takes a nanosecond, so that the time for which a process has had
/// the processor is the number of instructions that it has executed, the kernel's for it among
/// them.
#[derive(Default)]
pub struct Meter(BTreeMap<String, Vec<BTreeMap<Part, u64>>>);

impl Meter {
    /// A meter, in a guest of steady time.
    pub fn new() -> Result<Self> {
        const TURNS: u64 = 10_000_000;
        let own = Pid::this();
        let before = clock(own)?;
        let mut left = TURNS;
        while left > 0 {
            // SAFETY: it changes its register alone. It is one instruction, with two of the loop.
            unsafe {
                std::arch::asm!("dec {left}", left = inout(reg) left, options(nomem, nostack));
            }
        }
        let each = (clock(own)? - before) as f64 / TURNS as f64;
        ensure!(
            (2.0..=4.2).contains(&each),
            "this is to run by qemu/run --steady-time: a turn of 3 instructions took {each} ns"
        );
        Ok(Self::default())
    }

    /// Counts what this process and these others execute until `block` has ended.
    pub fn measure(
        &mut self,
        id: impl Into<String>,
        others: &[(Part, &Child)],
        block: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let others = others.iter().map(|(part, child)| (*part, pid(child)));
        let processes: Vec<_> = [(Part::Program, Pid::this())]
            .into_iter()
            .chain(others)
            .collect();
        let clocks =
            || -> Result<Vec<u64>> { processes.iter().map(|(_, pid)| clock(*pid)).collect() };
        let before = clocks()?;
        block()?;
        let executed = before
            .iter()
            .zip(clocks()?)
            .map(|(before, after)| after - before);
        let parts = processes.iter().map(|(part, _)| *part).zip(executed);
        self.0.entry(id.into()).or_default().push(parts.collect());
        Ok(())
    }

    /// Adds to the last measurement of this name a process that was started within.
    pub fn add(&mut self, id: &str, part: Part, process: &Child) -> Result<()> {
        let last = self.0.get_mut(id).and_then(|all| all.last_mut());
        last.context("nothing was measured")?
            .insert(part, clock(pid(process))?);
        Ok(())
    }

    /// The instructions of a part: the median of all measurements of this name.
    pub fn part(&self, id: &str, part: Part) -> u64 {
        self.median(id, |parts| parts.get(&part).copied().unwrap_or(0))
    }

    /// Those of all parts.
    pub fn all(&self, id: &str) -> u64 {
        self.median(id, |parts| parts.values().sum())
    }

    fn median(&self, id: &str, of: impl Fn(&BTreeMap<Part, u64>) -> u64) -> u64 {
        let mut counts: Vec<_> = self.0.get(id).into_iter().flatten().map(of).collect();
        counts.sort_unstable();
        counts.get(counts.len() / 2).copied().unwrap_or(0)
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}

/// The nanoseconds for which a process has had the processor.
fn clock(process: Pid) -> Result<u64> {
    let time = clock_gettime(clock_getcpuclockid(process)?)?;
    Ok((time.tv_sec() * 1_000_000_000 + time.tv_nsec()) as u64)
}

/// The user's share of what a process has executed, as the kernel sampled it.
pub fn user_share(process: &Child) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
    // Behind the name, which may have blanks: utime and stime are the 12th and 13th.
    let (_, rest) = text.rsplit_once(") ").context("/proc/PID/stat")?;
    let ticks = |index| -> Result<f64> {
        Ok(rest
            .split(' ')
            .nth(index)
            .context("/proc/PID/stat")?
            .parse()?)
    };
    let (user, system) = (ticks(11)?, ticks(12)?);
    Ok(user / (user + system))
}
