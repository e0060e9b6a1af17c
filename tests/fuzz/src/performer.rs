// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Performer`]: makes the calls of a program, for one thread.

use crate::{
    arena::{Arena, CANARY, Role, SharedPage, Spot},
    coverage::Coverage,
    descriptors::{self, Numbers, attempt, open_device, reopen},
    encode::Encoded,
    event::{Buffer, Call, Event, Seen},
    kcov::Kcov,
    location::{HALF, Half, Location},
    mapped::Mapped,
    program::{Caller, Command, Ioctl, Map, Read, Slot, Step, Table, Touch},
};
use anyhow::Result;
use atomik_test_support::{compat, fdinfo, passing::pass, start::Start};
use atomik_uapi::{self as uapi, argument_size};
use nix::{
    errno::Errno,
    libc,
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, fork},
};
use std::{
    os::fd::{FromRawFd, OwnedFd},
    sync::Arc,
};

/// Factor of the repetitions of a call beside others that commute with it, and their limit. Odd, as
/// two that are lost may make up for each other.
const MORE: u32 = 17;
const MOST_COMMUTING: u32 = 2001;
/// The result of a call that has not been made yet.
const NOT_MADE: i32 = -4096;

/// All that a thread needs to make calls.
pub struct Performer {
    arena: Arc<Arena>,
    pub storm: Arc<Arena>,
    kcov: Option<Kcov>,
    coverage: Option<Arc<Coverage>>,
    pub compat: bool,
    page: SharedPage,
    numbers: Numbers,
    pub ioctls: u64,
    pub new: bool,
}

/// The meanings of a program's names.
#[derive(Clone, Debug, Default)]
pub struct Names {
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

/// The surroundings of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Alone,
    Racing,
    /// Racing with others, some of them isolated. A mapping breaks that isolation.
    RacingIsolated,
    /// Racing with others that commute with it.
    Commuting,
    Storm,
}

/// Steps for a thread.
pub struct Job {
    pub steps: Vec<Step>,
    pub names: Names,
    pub phase: Phase,
    pub tag: u32,
    pub start: Arc<Start>,
}

/// Events of a thread that has done its job.
pub struct Done {
    pub events: Vec<Event>,
    pub failure: Option<String>,
    pub ioctls: u64,
    pub new: bool,
}

impl Performer {
    pub fn new(
        number: usize,
        storm: &Arc<Arena>,
        coverage: Option<Arc<Coverage>>,
        compat: bool,
    ) -> Result<Self> {
        Ok(Self {
            arena: Arc::new(Arena::new(number)?),
            storm: Arc::clone(storm),
            kcov: coverage.is_some().then(Kcov::start).transpose()?,
            coverage,
            compat,
            page: SharedPage::new()?,
            numbers: Numbers::of_thread(number),
            ioctls: 0,
            new: false,
        })
    }

    pub fn work(&mut self, job: Job) -> Done {
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
                // No oracle follows, and these can be many.
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

    /// Does a step. Adds its calls to `events`; `tag` names a file that it opens.
    pub fn perform(
        &mut self,
        step: &Step,
        names: &mut Names,
        phase: Phase,
        tag: &mut u32,
        events: &mut Vec<Event>,
    ) -> Result<(), String> {
        *tag += 1;
        let numbers = self.numbers;
        let event = |call, result| Event {
            call,
            seen: Seen::Result(result),
            tag: *tag,
            times: 1,
        };
        let new = match step {
            Step::Open(access) => event(
                Call::Open(*access),
                open_device(*access).and_then(|new| numbers.settle(new)),
            ),
            Step::Reopen(slot) => {
                let fd = names.fd(*slot);
                event(
                    Call::Reopen(fd),
                    reopen(fd).and_then(|new| numbers.settle(new)),
                )
            }
            Step::Dup(slot) => {
                let fd = names.fd(*slot);
                event(Call::Dup(fd), numbers.duplicate(fd))
            }
            Step::Pass(slot) => {
                let fd = names.fd(*slot);
                event(Call::Pass(fd), pass(fd).and_then(|new| numbers.settle(new)))
            }
            Step::Close(slot) => {
                let fd = names.fd(*slot);
                // SAFETY: a descriptor of this program, or none at all.
                let result = unsafe { libc::close(fd) };
                events.push(event(Call::Close(fd), Errno::result(result)));
                return Ok(());
            }
            Step::Read(read) => {
                events.extend(self.read(*read, names.fd(read.fd), phase)?);
                return Ok(());
            }
            Step::Poll(slot) => {
                events.push(self.poll(names.fd(*slot)));
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
            Step::Ioctl(ioctl) => return self.perform_ioctl(ioctl, 1, names, phase, *tag, events),
            Step::Repeat(times, ioctl) => {
                let (calls, times) = match phase {
                    _ if ioctl.call.makes_descriptor() => (1, 1),
                    // Many racing calls have too many orders.
                    Phase::Racing | Phase::RacingIsolated => (1, 1),
                    Phase::Commuting => (1, (u32::from(*times) * MORE).min(MOST_COMMUTING)),
                    Phase::Alone | Phase::Storm => (*times, 1),
                };
                for _ in 0..calls {
                    self.perform_ioctl(ioctl, times, names, phase, *tag, events)?;
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
        tag: u32,
        events: &mut Vec<Event>,
    ) -> Result<(), String> {
        let makes_descriptor = ioctl.call.makes_descriptor();
        let by = match ioctl.by {
            // The new descriptor would be the child's.
            Caller::Child if makes_descriptor => Caller::Thread,
            Caller::Compat if !self.compat => Caller::Thread,
            Caller::Child if phase != Phase::Alone => Caller::Thread,
            by => by,
        };
        let encoded = ioctl.call.encode(|table| names.id(table));
        let fd = names.fd(ioctl.fd);
        // Of a new descriptor, nobody could tell where its number goes in a storm.
        if phase == Phase::Storm && !makes_descriptor {
            return self.ioctl_in_storm(fd, encoded, ioctl.at, by);
        }
        let mut event = self.ioctl(fd, encoded, ioctl.at, by, times)?;
        event.tag = tag;
        if makes_descriptor {
            let made = settle_made(self.numbers, &ioctl.call, &mut event.seen)?;
            names.slots.push(made);
        }
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

    /// Makes an ioctl `times` times without a pause, and takes its result.
    pub fn ioctl(
        &mut self,
        fd: i32,
        encoded: Encoded,
        at: Location,
        by: Caller,
        times: u32,
    ) -> Result<Event, String> {
        let Encoded {
            number,
            mut arg,
            entries,
        } = encoded;
        arg.resize(arg.len().max(argument_size(number).min(64)), CANARY);
        let ops = entries.map(|mut entries| {
            let length = entries.length.max(entries.bytes.len());
            entries.bytes.resize(length, CANARY);
            let spot = self.arena.spot(Role::Entries, entries.location);
            point(&mut arg, entries.pointer, spot);
            self.arena.put(spot, &entries.bytes);
            let buffer = Buffer {
                location: entries.location,
                before: entries.bytes,
            };
            (spot, buffer)
        });
        let at = at.clamped();
        let spot = self.arena.spot(Role::Argument, at);
        self.arena.put(spot, &arg);
        // A child's private memory can't be looked at.
        let private = |location| match location {
            Location::At(first, second, _) => [first, second].contains(&Half::Cow),
            Location::Nowhere(_) => false,
        };
        let by = match by {
            Caller::Child
                if private(at) || ops.as_ref().is_some_and(|(_, ops)| private(ops.location)) =>
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
                location: at,
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

    /// Makes an ioctl while others change its memory.
    fn ioctl_in_storm(
        &mut self,
        fd: i32,
        encoded: Encoded,
        at: Location,
        by: Caller,
    ) -> Result<(), String> {
        let Encoded {
            number,
            mut arg,
            entries,
        } = encoded;
        if let Some(entries) = entries {
            let spot = self.storm.spot(Role::Entries, entries.location);
            point(&mut arg, entries.pointer, spot);
            self.storm.put_in_storm(spot, &entries.bytes);
        }
        let spot = self.storm.spot(Role::Argument, at);
        self.storm.put_in_storm(spot, &arg);
        self.ioctls += 1;
        let result = self.call(fd, number, spot.address, by);
        result.or_else(|errno| error_of_interface(&format!("ioctl({fd}, {number:#x})"), errno))
    }

    /// Reads from a watch. Gives no event in a storm.
    fn read(&mut self, read: Read, fd: i32, phase: Phase) -> Result<Option<Event>, String> {
        let location = read.to.clamped();
        let length = usize::from(read.most) * size_of::<uapi::Change>();
        let length = length.min(2 * HALF);
        if phase == Phase::Storm {
            let spot = self.storm.spot(Role::Entries, location);
            let result = descriptors::read(fd, spot.address, length);
            self.gather();
            return match result {
                Ok(_) | Err(Errno::EAGAIN) => Ok(None),
                Err(errno) => error_of_interface(&format!("read({fd})"), errno).map(|()| None),
            };
        }
        let before = vec![CANARY; length];
        let spot = self.arena.spot(Role::Entries, location);
        self.arena.put(spot, &before);
        let result = descriptors::read(fd, spot.address, length);
        self.gather();
        let after = self.arena.get(spot, &before)?;
        Ok(Some(Event {
            call: Call::Read(fd, Buffer { location, before }),
            seen: Seen::Read(result, after),
            tag: 0,
            times: 1,
        }))
    }

    /// Reads all that there is to tell, to ordinary memory.
    pub fn read_all(&mut self, fd: i32) -> Result<Event, String> {
        let read = Read {
            fd: 0,
            most: (2 * HALF / size_of::<uapi::Change>()) as u16,
            to: Location::At(Half::Rw, Half::Rw, HALF as u32),
        };
        let event = self.read(read, fd, Phase::Alone)?;
        event.ok_or_else(|| format!("nothing was read from {fd}"))
    }

    /// Asks what a descriptor is ready for.
    pub fn poll(&mut self, fd: i32) -> Event {
        let result = descriptors::poll(fd);
        self.gather();
        Event {
            call: Call::Poll(fd),
            seen: Seen::Result(result),
            tag: 0,
            times: 1,
        }
    }

    fn call(&mut self, fd: i32, number: u32, address: u64, by: Caller) -> Result<(), Errno> {
        // SAFETY: the kernel checks the address. All memory that it may write there is the arena's.
        let direct = || Errno::result(unsafe { libc::ioctl(fd, number.into(), address) });
        let result = match by {
            Caller::Thread => direct().map(drop),
            Caller::Compat => compat::ioctl(fd, number, address),
            Caller::Child => self.in_child(|| direct().map(drop)),
        };
        self.gather();
        result
    }

    /// Adds this thread's coverage since the last time.
    pub fn gather(&mut self) {
        if let (Some(kcov), Some(coverage)) = (&self.kcov, &self.coverage) {
            self.new |= coverage.add(kcov.addresses());
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

    /// Maps pages of a table, where the oracle can follow.
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

    /// Uses a mapping, where it shows the context and the oracle can follow.
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
            // Unknown among others that commute.
            seen: Seen::State((phase != Phase::Commuting).then_some(state)),
            tag: 0,
            times,
        })
    }

    pub fn fd_info(&mut self, fd: i32) -> Event {
        let text = fdinfo::text(fd).unwrap_or_default();
        self.gather();
        let seen = if text.contains("\natomik-tables:") {
            Seen::FdInfo(Some(fdinfo::parse(&text)))
        } else if text.contains("\natomik-export:") {
            Seen::ExportInfo(fdinfo::parse_export(&text))
        } else if text.contains("\natomik-watch:") {
            Seen::WatchInfo(fdinfo::parse_watch(&text))
        } else {
            Seen::FdInfo(None)
        };
        Event {
            call: Call::FdInfo(fd),
            seen,
            tag: 0,
            times: 1,
        }
    }
}

/// Accepts an error of the interface.
fn error_of_interface(call: &str, errno: Errno) -> Result<(), String> {
    match errno {
        Errno::ENOTTY
        | Errno::EFAULT
        | Errno::EINVAL
        | Errno::ENOENT
        | Errno::ENOSPC
        | Errno::ENOMEM
        | Errno::EBADF
        | Errno::ECANCELED => Ok(()),
        _ => Err(format!(
            "{call} gave {errno}, which is no error of the interface"
        )),
    }
}

/// Gives the descriptor that a command has made one of the numbers that are for programs, in the
/// argument too, and has it never wait. Returns -1 where there is none.
fn settle_made(numbers: Numbers, command: &Command, seen: &mut Seen) -> Result<i32, String> {
    let Seen::Ioctl {
        result: Ok(()),
        arg,
        ..
    } = seen
    else {
        return Ok(-1);
    };
    let field = match command {
        Command::Watch { .. } => std::mem::offset_of!(uapi::Watch, fd),
        _ => std::mem::offset_of!(uapi::Export, fd),
    };
    let bytes = &mut arg[field..field + 4];
    let made = i32::from_ne_bytes(bytes.try_into().expect("4 bytes"));
    if made < 0 {
        return Err(format!("{command:?} made the descriptor {made}"));
    }
    // SAFETY: the driver has made this descriptor for us alone.
    let made = unsafe { OwnedFd::from_raw_fd(made) };
    if let Command::Watch { flags, .. } = command {
        descriptors::check_and_set_nonblocking(&made, *flags)?;
    }
    let settled = numbers.settle(made);
    let settled = settled.map_err(|errno| format!("the descriptor of {command:?}: {errno}"))?;
    bytes.copy_from_slice(&settled.to_ne_bytes());
    Ok(settled)
}

/// Fills in the pointer of an argument.
fn point(arg: &mut [u8], at: usize, spot: Spot) {
    arg[at..at + 8].copy_from_slice(&spot.address.to_ne_bytes());
}
