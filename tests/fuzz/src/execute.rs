// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Executor`]: runs programs on the loaded driver and compares what comes back with the model.

use crate::{
    arena::{Arena, CANARY, Role, SharedPage, Spot},
    compat,
    coverage::Coverage,
    interleave::{Explained, explain},
    kcov::Kcov,
    mapped::Mapped,
    model::{Buffer, Call, Event, Rules, Seen, World, size},
    place::{Half, Place},
    program::{
        Access, Caller, Command, Encoded, Ioctl, MAX_THREADS, Map, Other, Program, Slot, Step,
        Table, Touch,
    },
    storm,
};
use anyhow::{Context, Result, anyhow};
use atomik_tests::{fdinfo, raw};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl, open},
    libc,
    sys::{
        socket::{
            AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
            recvmsg, sendmsg, socketpair,
        },
        stat::Mode,
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, fork},
};
use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// Descriptors of programs begin here, so that none of theirs is one of ours.
const FIRST_DESCRIPTOR: i32 = 100;
/// How much more often a call is repeated beside others that commute with it, and how often at most. Odd, as two that are
/// lost may make up for each other.
const MORE: u32 = 17;
const MOST_COMMUTING: u32 = 2001;
/// What a call returned before it came to that.
const NOT_MADE: i32 = -4096;

/// What became of a program.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Ioctls that were executed. One that was repeated beside others that commute counts once.
    pub ioctls: u64,
    /// Whether the module's code was executed in a way that it had not been before.
    pub new: bool,
    /// What was not as it must be.
    pub failure: Option<String>,
    /// Whether there were too many orders of the racing calls to look at all.
    pub unchecked: bool,
}

/// What a thread executes calls with.
struct Hand {
    arena: Arc<Arena>,
    storm: Arc<Arena>,
    kcov: Option<Kcov>,
    coverage: Option<Arc<Coverage>>,
    compat: bool,
    page: SharedPage,
    ioctls: u64,
    new: bool,
}

/// What a program's names mean.
#[derive(Clone, Debug, Default)]
struct Names {
    slots: Vec<i32>,
    tables: Vec<u32>,
    maps: Vec<Option<Arc<Mapped>>>,
}

impl Names {
    fn fd(&self, slot: Slot) -> i32 {
        self.slots.get(usize::from(slot)).copied().unwrap_or(-1)
    }

    fn id(&self, table: Table) -> u32 {
        match table {
            Table::T(number) => self.tables.get(usize::from(number)).copied().unwrap_or(0),
            Table::Id(id) => id,
        }
    }

    fn map(&self, number: u8) -> Option<&Mapped> {
        self.maps.get(usize::from(number))?.as_deref()
    }
}

/// Where a step is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Alone,
    Racing,
    /// Racing with others, of which some are isolated, but not from what is done through a mapping.
    RacingIsolated,
    /// Racing with others that commute with it.
    Commuting,
    Storm,
}

struct Job {
    steps: Vec<Step>,
    names: Names,
    phase: Phase,
    tag: u32,
    start: Arc<Start>,
}

/// Where threads meet. They wait actively, as one that has to be woken comes too late for a race.
struct Start {
    missing: AtomicUsize,
}

impl Start {
    fn of(threads: usize) -> Self {
        Self {
            missing: AtomicUsize::new(threads),
        }
    }

    fn wait(&self) {
        self.missing.fetch_sub(1, Ordering::AcqRel);
        let mut rounds = 0u32;
        while self.missing.load(Ordering::Acquire) > 0 {
            rounds = rounds.wrapping_add(1);
            // There may be fewer processors than threads.
            if rounds % 1024 == 0 {
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

struct Done {
    events: Vec<Event>,
    failure: Option<String>,
    ioctls: u64,
    new: bool,
}

/// Runs programs, one at a time.
pub struct Executor {
    pub rules: Rules,
    hand: Hand,
    workers: Vec<(Sender<Job>, Receiver<Done>)>,
    /// To ask for totals.
    device: raw::RawFile,
}

impl Executor {
    /// One whose programs all keep to `rules`, of which the sizes of a file and a place are filled in.
    pub fn new(mut rules: Rules, coverage: Option<Arc<Coverage>>) -> Result<Self> {
        storm::handle_signals()?;
        let compat = compat::works();
        (rules.file_bytes, rules.place_bytes) = file_and_place_bytes()?;
        let storm = Arc::new(Arena::new(0)?);
        let hand = Hand::new(1, &storm, coverage.clone(), compat)?;
        let mut workers = Vec::new();
        for number in 0..MAX_THREADS {
            let (jobs, their_jobs) = channel::<Job>();
            let (their_done, done) = channel();
            let (storm, coverage) = (Arc::clone(&storm), coverage.clone());
            thread::spawn(move || -> Result<()> {
                let mut hand = Hand::new(number + 2, &storm, coverage, compat)?;
                while let Ok(job) = their_jobs.recv() {
                    their_done.send(hand.work(job))?;
                }
                Ok(())
            });
            workers.push((jobs, done));
        }
        Ok(Self {
            rules,
            hand,
            workers,
            device: raw::open_device(),
        })
    }

    /// Whether 32-bit calls are made.
    pub fn compat(&self) -> bool {
        self.hand.compat
    }

    /// Runs a program.
    pub fn run(&mut self, program: &Program) -> Result<Outcome> {
        let served = self.device.info().context("GET_INFO")?.ops_total;
        let mut outcome = Outcome::default();
        (self.hand.ioctls, self.hand.new) = (0, false);
        let signals = program.signals.then(storm::Signals::start).transpose()?;
        let result = self.phases(program, World::new(served), &mut outcome);
        drop(signals);
        // SAFETY: these are descriptors of programs; nobody else holds on to them.
        unsafe { libc::close_range(FIRST_DESCRIPTOR as u32, u32::MAX, 0) };
        self.hand.gather();
        outcome.ioctls += self.hand.ioctls;
        outcome.new |= self.hand.new;
        outcome.failure = result.err();
        Ok(outcome)
    }

    fn phases(
        &mut self,
        program: &Program,
        world: World,
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        let mut worlds = vec![world];
        let mut names = Names::default();
        let mut events = Vec::new();
        let mut tag = 0;
        for step in &program.setup {
            self.hand
                .perform(step, &mut names, Phase::Alone, &mut tag, &mut events)?;
            for event in events.drain(..) {
                check(&self.rules, &mut worlds, &event)?;
            }
        }
        if program.threads.is_empty() {
            return self.look_around(&mut worlds);
        }
        let done = self.race(program, &names);
        for done in &done {
            outcome.ioctls += done.ioctls;
            outcome.new |= done.new;
        }
        if let Some(failure) = done.iter().find_map(|done| done.failure.clone()) {
            return Err(failure);
        }
        if program.storm {
            return Ok(());
        }
        let threads: Vec<Vec<Event>> = done.into_iter().map(|done| done.events).collect();
        worlds = match explain(&self.rules, worlds, &threads, program.commutes()) {
            Explained::By(worlds) => worlds,
            Explained::Not(why) => return Err(format!("no order explains the results; {why}")),
            Explained::TooMany => {
                outcome.unchecked = true;
                return Ok(());
            }
        };
        self.look_around(&mut worlds)
    }

    /// Has the threads work, all at once.
    fn race(&mut self, program: &Program, names: &Names) -> Vec<Done> {
        let phase = if program.storm {
            Phase::Storm
        } else if program.commutes() {
            Phase::Commuting
        } else if program.isolates() {
            Phase::RacingIsolated
        } else {
            Phase::Racing
        };
        let start = Arc::new(Start::of(program.threads.len()));
        for (i, (steps, (jobs, _))) in program.threads.iter().zip(&self.workers).enumerate() {
            let job = Job {
                steps: steps.clone(),
                names: names.clone(),
                phase,
                tag: 1000 * (i as u32 + 1),
                start: Arc::clone(&start),
            };
            jobs.send(job).expect("the workers live as long as this");
        }
        let receive = || {
            let workers = self.workers.iter().take(program.threads.len());
            workers
                .map(|(_, done)| done.recv().expect("a worker answers each job"))
                .collect()
        };
        if !program.storm {
            return receive();
        }
        let over = AtomicBool::new(false);
        let arena = &self.hand.storm;
        thread::scope(|scope| {
            let over = &over;
            scope.spawn(move || storm::rage(arena, program, || over.load(Ordering::Relaxed)));
            let done = receive();
            over.store(true, Ordering::Relaxed);
            done
        })
    }

    /// Compares all that can be seen at the end.
    fn look_around(&mut self, worlds: &mut Vec<World>) -> Result<(), String> {
        for (fd, tables) in worlds[0].files() {
            let event = self.hand.fd_info(fd);
            check(&self.rules, worlds, &event)?;
            for (id, addresses) in tables {
                for addr in addresses.into_iter().take(16) {
                    let table = Table::Id(id);
                    let encoded = Command::Read { table, addr }.encode(|_| id);
                    let event = self
                        .hand
                        .ioctl(fd, encoded, Place::FINE, Caller::Thread, 1)?;
                    check(&self.rules, worlds, &event)?;
                }
            }
        }
        Ok(())
    }
}

/// Keeps the worlds in which this can have happened.
fn check(rules: &Rules, worlds: &mut Vec<World>, event: &Event) -> Result<(), String> {
    let mut why = String::new();
    worlds.retain_mut(|world| match world.step(rules, event) {
        Ok(()) => {
            world.release(|_| false);
            true
        }
        Err(reason) => {
            why = reason;
            false
        }
    });
    if worlds.is_empty() {
        return Err(format!("{}: {why}", brief(&event.call)));
    }
    Ok(())
}

/// A call in few words.
fn brief(call: &Call) -> String {
    match call {
        Call::Ioctl {
            fd, number, arg, ..
        } => format!(
            "ioctl({fd}, {number:#x}) with {:02x?} at {:?}",
            arg.before, arg.place
        ),
        call => format!("{call:?}"),
    }
}

impl Hand {
    fn new(
        arena: usize,
        storm: &Arc<Arena>,
        coverage: Option<Arc<Coverage>>,
        compat: bool,
    ) -> Result<Self> {
        Ok(Self {
            arena: Arc::new(Arena::new(arena)?),
            storm: Arc::clone(storm),
            kcov: coverage.is_some().then(Kcov::start).transpose()?,
            coverage,
            compat,
            page: SharedPage::new()?,
            ioctls: 0,
            new: false,
        })
    }

    fn work(&mut self, job: Job) -> Done {
        let Job {
            steps,
            mut names,
            phase,
            mut tag,
            start,
        } = job;
        (self.ioctls, self.new) = (0, false);
        let mut events = Vec::new();
        let mut failure = None;
        start.wait();
        for step in &steps {
            let result = self.perform(step, &mut names, phase, &mut tag, &mut events);
            if let Err(why) = result {
                failure = Some(why);
                break;
            }
            if phase == Phase::Storm {
                // No model follows, and these can be many.
                events.clear();
            }
        }
        Done {
            events,
            failure,
            ioctls: self.ioctls,
            new: self.new,
        }
    }

    /// Does a step. What it does is added to `events`, a file that it opens known by `tag`.
    fn perform(
        &mut self,
        step: &Step,
        names: &mut Names,
        phase: Phase,
        tag: &mut u32,
        events: &mut Vec<Event>,
    ) -> Result<(), String> {
        *tag += 1;
        let event = |call, result| Event {
            call,
            seen: Seen::Result(result),
            tag: *tag,
            times: 1,
        };
        let new = match step {
            Step::Open(access) => event(Call::Open(*access), open_device(*access).and_then(settle)),
            Step::Reopen(slot) => {
                let fd = names.fd(*slot);
                event(Call::Reopen(fd), reopen(fd).and_then(settle))
            }
            Step::Dup(slot) => {
                let fd = names.fd(*slot);
                event(Call::Dup(fd), duplicate(fd))
            }
            Step::Pass(slot) => {
                let fd = names.fd(*slot);
                event(Call::Pass(fd), pass(fd).and_then(settle))
            }
            Step::Close(slot) => {
                let fd = names.fd(*slot);
                // SAFETY: a descriptor of this program, or none at all.
                let result = unsafe { libc::close(fd) };
                events.push(event(Call::Close(fd), Errno::result(result)));
                return Ok(());
            }
            Step::FdInfo(slot) => {
                if phase == Phase::Alone {
                    events.push(self.fd_info(names.fd(*slot)));
                }
                return Ok(());
            }
            Step::Map(map) => {
                let mapped = self.map(*map, names, phase, *tag);
                let made = mapped.as_ref().and_then(|mapped| mapped.as_ref().ok());
                names.maps.push(made.map(Arc::clone));
                if let Some(mapped) = mapped {
                    let call = Call::Map(names.fd(map.fd), names.id(map.table), *map);
                    events.push(event(call, mapped.map(|_| 0)));
                }
                return Ok(());
            }
            Step::Touch(map, addr, touch) => {
                events.extend(self.touch(names.map(*map), *addr, *touch, phase));
                return Ok(());
            }
            Step::Unmap(map) => {
                if phase == Phase::Alone {
                    let mapped = names.maps.get_mut(usize::from(*map));
                    if let Some(mapped) = mapped.and_then(Option::take) {
                        let call = Call::Unmap(mapped.tag);
                        drop(mapped);
                        self.gather();
                        events.push(event(call, Ok(0)));
                    }
                }
                return Ok(());
            }
            Step::Other(slot, other) => {
                let fd = names.fd(*slot);
                events.push(event(Call::Other(fd, *other), Err(attempt(fd, *other))));
                return Ok(());
            }
            Step::Ioctl(ioctl) => return self.perform_ioctl(ioctl, 1, names, phase, events),
            Step::Repeat(times, ioctl) => {
                let (calls, times) = match phase {
                    // The orders of many racing calls are too many.
                    Phase::Racing | Phase::RacingIsolated => (1, 1),
                    Phase::Commuting => (1, (u32::from(*times) * MORE).min(MOST_COMMUTING)),
                    Phase::Alone | Phase::Storm => (*times, 1),
                };
                for _ in 0..calls {
                    self.perform_ioctl(ioctl, times, names, phase, events)?;
                }
                return Ok(());
            }
        };
        self.gather();
        if let Seen::Result(result) = &new.seen {
            names.slots.push(result.unwrap_or(-1));
        }
        events.push(new);
        Ok(())
    }

    fn perform_ioctl(
        &mut self,
        ioctl: &Ioctl,
        times: u32,
        names: &mut Names,
        phase: Phase,
        events: &mut Vec<Event>,
    ) -> Result<(), String> {
        let by = match ioctl.by {
            Caller::Compat if !self.compat => Caller::Thread,
            Caller::Child if phase != Phase::Alone => Caller::Thread,
            by => by,
        };
        let encoded = ioctl.call.encode(|table| names.id(table));
        let fd = names.fd(ioctl.fd);
        if phase == Phase::Storm {
            return self.ioctl_in_storm(fd, encoded, ioctl.at, by);
        }
        let event = self.ioctl(fd, encoded, ioctl.at, by, times)?;
        if let Seen::Ioctl {
            result: Ok(()),
            arg,
            ..
        } = &event.seen
        {
            if let Command::Create { .. } = ioctl.call {
                let id = arg[4..8].try_into().expect("4 bytes");
                names.tables.push(u32::from_ne_bytes(id));
            }
        } else if let Command::Create { .. } = ioctl.call {
            names.tables.push(0);
        }
        events.push(event);
        Ok(())
    }

    /// Makes an ioctl, if several times without a pause, and sees what it has done.
    fn ioctl(
        &mut self,
        fd: i32,
        encoded: Encoded,
        at: Place,
        by: Caller,
        times: u32,
    ) -> Result<Event, String> {
        let Encoded {
            number,
            mut arg,
            entries,
        } = encoded;
        arg.resize(arg.len().max(size(number).min(64)), CANARY);
        let ops = entries.map(|mut entries| {
            let length = entries.length.max(entries.bytes.len());
            entries.bytes.resize(length, CANARY);
            let spot = self.arena.spot(Role::Entries, entries.place);
            point(&mut arg, entries.pointer, spot);
            self.arena.put(spot, &entries.bytes);
            let buffer = Buffer {
                place: entries.place,
                before: entries.bytes,
            };
            (spot, buffer)
        });
        let at = at.clamped();
        let spot = self.arena.spot(Role::Argument, at);
        self.arena.put(spot, &arg);
        // A child's private memory can't be looked at.
        let private =
            |place| matches!(place, Place::At(a, b, _) if a == Half::Cow || b == Half::Cow);
        let by = match by {
            Caller::Child
                if private(at) || ops.as_ref().is_some_and(|(_, ops)| private(ops.place)) =>
            {
                Caller::Thread
            }
            by => by,
        };
        self.ioctls += 1;
        let result = self.call(fd, number, spot.address, by);
        for _ in 1..times {
            let again = self.call(fd, number, spot.address, by);
            if again != result {
                return Err(format!(
                    "ioctl({fd}, {number:#x}) gave {result:?} and then {again:?}"
                ));
            }
        }
        let seen = Seen::Ioctl {
            result,
            arg: self.arena.get(spot, &arg)?,
            ops: match &ops {
                Some((spot, buffer)) => self.arena.get(*spot, &buffer.before)?,
                None => Vec::new(),
            },
        };
        let call = Call::Ioctl {
            fd,
            number,
            arg: Buffer {
                place: at,
                before: arg,
            },
            ops: ops.map(|(spot, buffer)| (spot.address, buffer)),
        };
        Ok(Event {
            call,
            seen,
            tag: 0,
            times,
        })
    }

    /// Makes an ioctl whose memory others change meanwhile.
    fn ioctl_in_storm(
        &mut self,
        fd: i32,
        encoded: Encoded,
        at: Place,
        by: Caller,
    ) -> Result<(), String> {
        let Encoded {
            number,
            mut arg,
            entries,
        } = encoded;
        if let Some(entries) = entries {
            let spot = self.storm.spot(Role::Entries, entries.place);
            point(&mut arg, entries.pointer, spot);
            self.storm.put_in_storm(spot, &entries.bytes);
        }
        let spot = self.storm.spot(Role::Argument, at);
        self.storm.put_in_storm(spot, &arg);
        self.ioctls += 1;
        match self.call(fd, number, spot.address, by) {
            Ok(())
            | Err(
                Errno::ENOTTY
                | Errno::EFAULT
                | Errno::EINVAL
                | Errno::ENOENT
                | Errno::ENOSPC
                | Errno::ENOMEM
                | Errno::EBADF,
            ) => Ok(()),
            Err(errno) => Err(format!(
                "ioctl({fd}, {number:#x}) gave {errno}, which is no error of the interface"
            )),
        }
    }

    fn call(&mut self, fd: i32, number: u32, address: u64, by: Caller) -> Result<(), Errno> {
        // SAFETY: the kernel checks the address; what it may write there is ours to be written.
        let direct = || Errno::result(unsafe { libc::ioctl(fd, number.into(), address) });
        let result = match by {
            Caller::Thread => direct().map(drop),
            Caller::Compat => compat::ioctl(fd, number, address),
            Caller::Child => self.in_child(|| direct().map(drop)),
        };
        self.gather();
        result
    }

    /// Adds what this thread's calls have covered since the last time.
    fn gather(&mut self) {
        if let (Some(kcov), Some(coverage)) = (&self.kcov, &self.coverage) {
            self.new |= coverage.add(kcov.places());
            kcov.reset();
        }
    }

    /// Makes a call in a forked process.
    fn in_child(&self, call: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        self.page.set(NOT_MADE);
        // SAFETY: the child makes system calls only, and leaves.
        match unsafe { fork() }? {
            ForkResult::Child => {
                self.page.set(match call() {
                    Ok(()) => 0,
                    Err(errno) => errno as i32,
                });
                // SAFETY: ends the child at once.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                let end = loop {
                    match waitpid(child, None) {
                        Err(Errno::EINTR) => {}
                        end => break end?,
                    }
                };
                match (end, self.page.get()) {
                    (WaitStatus::Exited(_, 0), 0) => Ok(()),
                    (WaitStatus::Exited(_, 0), errno) => Err(Errno::from_raw(errno)),
                    // No ioctl returns this.
                    _ => Err(Errno::ECHILD),
                }
            }
        }
    }

    /// Maps pages of a table, unless the model could not follow.
    fn map(
        &mut self,
        map: Map,
        names: &Names,
        phase: Phase,
        tag: u32,
    ) -> Option<Result<Arc<Mapped>, Errno>> {
        if !matches!(phase, Phase::Alone | Phase::Storm) {
            return None;
        }
        let mapped = Mapped::new(names.fd(map.fd), names.id(map.table), map, tag);
        self.gather();
        Some(mapped.map(Arc::new))
    }

    /// Uses a mapping, unless it does not show that or the model could not follow.
    fn touch(
        &mut self,
        mapped: Option<&Mapped>,
        addr: u32,
        touch: Touch,
        phase: Phase,
    ) -> Option<Event> {
        let times = match phase {
            Phase::Alone | Phase::Racing | Phase::Storm => 1,
            Phase::Commuting => MORE,
            Phase::RacingIsolated => return None,
        };
        let mapped = mapped?;
        let state = mapped.touch(addr, touch, times)?;
        Some(Event {
            call: Call::Touch(mapped.tag, addr, touch),
            // Among others that commute it may be any.
            seen: Seen::State((phase != Phase::Commuting).then_some(state)),
            tag: 0,
            times,
        })
    }

    fn fd_info(&mut self, fd: i32) -> Event {
        let text = fdinfo::text(fd).unwrap_or_default();
        self.gather();
        let ours = text.contains("\natomik-tables:");
        let seen = ours.then(|| fdinfo::parse(&text));
        Event {
            call: Call::FdInfo(fd),
            seen: Seen::FdInfo(seen),
            tag: 0,
            times: 1,
        }
    }
}

/// Fills in the pointer of an argument.
fn point(arg: &mut [u8], at: usize, spot: Spot) {
    arg[at..at + 8].copy_from_slice(&spot.address.to_ne_bytes());
}

fn open_device(access: Access) -> Result<OwnedFd, Errno> {
    let flags = match access {
        Access::Rdonly => OFlag::O_RDONLY,
        Access::Wronly => OFlag::O_WRONLY,
        Access::Rdwr => OFlag::O_RDWR,
        Access::Neither => OFlag::O_ACCMODE,
        Access::Path => OFlag::O_PATH,
    };
    raw::open_device_with(flags).map(|file| file.0)
}

fn reopen(fd: i32) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{fd}");
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
    open(path.as_str(), flags, Mode::empty())
}

/// Gives a new descriptor one of the numbers that are for programs.
fn settle(new: OwnedFd) -> Result<i32, Errno> {
    fcntl(&new, FcntlArg::F_DUPFD_CLOEXEC(FIRST_DESCRIPTOR))
}

fn duplicate(fd: i32) -> Result<i32, Errno> {
    // SAFETY: the kernel checks the number.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) })
}

/// Sends a descriptor through a socket.
fn pass(fd: i32) -> Result<OwnedFd, Errno> {
    let (here, there) = socketpair(
        AddressFamily::Unix,
        SockType::Datagram,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?;
    let fds = [fd];
    let control = [ControlMessage::ScmRights(&fds)];
    let byte = [IoSlice::new(b"x")];
    sendmsg::<()>(here.as_raw_fd(), &byte, &control, MsgFlags::empty(), None)?;
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!([i32; 1]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(there.as_raw_fd(), &mut bytes, Some(&mut space), flags)?;
    let Some(ControlMessageOwned::ScmRights(fds)) = message.cmsgs()?.next() else {
        return Err(Errno::ENOMSG);
    };
    // SAFETY: the kernel has made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fds[0]) })
}

/// Tries what the device does not have.
fn attempt(fd: i32, other: Other) -> Errno {
    let mut byte = 0u8;
    let buffer = (&raw mut byte).cast();
    // SAFETY: the kernel checks the descriptor, and the buffer is a byte; a mapping, were there one,
    // would be new.
    let result = unsafe {
        match other {
            Other::Read => libc::read(fd, buffer, 1),
            Other::Write => libc::write(fd, buffer, 1),
            Other::Mmap => {
                let null = std::ptr::null_mut();
                libc::mmap(null, 4096, libc::PROT_READ, libc::MAP_SHARED, fd, 0) as isize
            }
        }
    };
    Errno::result(result).err().unwrap_or(Errno::UnknownErrno)
}

/// Bytes that a file with tables uses, and those that the place of each of them does, as one with two
/// tables of one context tells.
fn file_and_place_bytes() -> Result<(u64, u64)> {
    const CONTEXT: u64 = 16;
    let file = raw::open_device();
    let [one, two] = [(); 2].map(|()| {
        let created = file.create(1);
        created.map(|_| fdinfo::read(&file.as_fd()).bytes)
    });
    let (one, two) = (one?, two?);
    let place = two.checked_sub(one + CONTEXT);
    place
        .and_then(|place| Some((one.checked_sub(place + CONTEXT)?, place)))
        .ok_or_else(|| anyhow!("one table uses {one} bytes, and two use {two}"))
}
