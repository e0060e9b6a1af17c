// SPDX-License-Identifier: MIT OR Apache-2.0

//! Watches: what they tell, when they wake, and how their descriptors behave.

use crate::disturb::Disturber;
use atomik_test_support::{
    fdinfo,
    mapping::Mapping,
    memory::{Pages, page_size},
    passing::pass,
    raw::{
        RawFile, RawWatch, accum, changes, expect, load, open_device, open_device_with, read, set,
        swap,
    },
    rounds::{rounds, steps},
    start::Start,
    task,
};
use atomik_uapi::{self as uapi, EXPORT_READ_ONLY, WATCH_NONBLOCK};
use io_uring::{IoUring, opcode, types};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    libc,
    poll::PollFlags,
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        mman::{MapFlags, ProtFlags},
        resource::{Resource, getrlimit, setrlimit},
        select::{FdSet, select},
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction},
        time::TimeVal,
        uio::readv,
        wait::waitpid,
    },
    unistd::{close, gettid},
};
use std::{
    io::IoSliceMut,
    os::fd::{AsFd, AsRawFd},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    thread,
};

const RECORD: usize = size_of::<uapi::Change>();
const POLLIN: PollFlags = PollFlags::POLLIN.union(PollFlags::POLLRDNORM);

/// A table of `count` contexts, and a watch on all of them that has nothing to tell and doesn't
/// wait.
fn watched(count: u32) -> (RawFile, u32, RawWatch) {
    let file = open_device();
    let table = file.create(count).unwrap();
    let watch = file.watch(table, 0, count, WATCH_NONBLOCK).unwrap();
    assert_eq!(watch.read(count as usize).unwrap().len(), count as usize);
    (file, table, watch)
}

/// Calls `f` in a process whose files nobody else has. Here, other tests fork, and their children
/// keep what is closed meanwhile.
fn alone_in_a_process(f: impl FnOnce()) {
    task::run(f);
}

#[test]
fn the_first_read_tells_everything() {
    let file = open_device();
    let table = file.create(5).unwrap();
    file.load(table, 2, 7).unwrap();
    let watch = file.watch(table, 1, 3, WATCH_NONBLOCK).unwrap();
    assert_eq!(watch.events(), POLLIN);
    assert_eq!(watch.read(10), Ok(vec![(1, 0), (2, 7), (3, 0)]));
    assert_eq!(watch.events(), PollFlags::empty());
    assert_eq!(watch.read(10), Err(Errno::EAGAIN));
}

#[test]
fn changes_of_every_kind_are_told() {
    let (file, table, watch) = watched(200);
    let told = |what: &[(u32, u64)]| {
        assert_eq!(watch.events(), POLLIN, "{what:?}");
        assert_eq!(watch.read(200), Ok(what.to_vec()));
        assert_eq!(watch.events(), PollFlags::empty());
        assert_eq!(watch.read(200), Err(Errno::EAGAIN));
    };
    file.load(table, 3, 5).unwrap();
    told(&[(3, 5)]);
    file.accum(table, 3, 1).unwrap();
    file.accum(table, 3, 2).unwrap();
    told(&[(3, 6)]);
    file.swap(table, 70, 9).unwrap();
    file.load(table, 199, 1).unwrap();
    told(&[(70, 9), (199, 1)]);
    // Of few entries and of many; a context once, with its last state.
    for more in [0, 20, 1000] {
        let mut ops = vec![accum(64, 1), set(63, 4), load(0, 8), swap(5), read(6)];
        ops.extend(vec![accum(64, 0); more]);
        let state = file.read(table, 64).unwrap() ^ 1;
        file.batch(table, &mut ops).unwrap();
        told(&[(0, 8), (63, 4), (64, state)]);
        let mut same = vec![accum(7, 1); more + 2];
        file.batch(table, &mut same).unwrap();
        told(&[(7, file.read(table, 7).unwrap())]);
    }
    let image = file.snapshot(table, 60, 10).unwrap();
    file.restore(table, 100, &image).unwrap();
    let states = file.states(table, 200);
    let restored: Vec<_> = (100..110)
        .map(|addr| (addr, states[addr as usize]))
        .collect();
    told(&restored);
    file.touch(table, 62, 4).unwrap();
    let touched: Vec<_> = (62..66).map(|addr| (addr, states[addr as usize])).collect();
    told(&touched);
}

#[test]
fn what_changes_nothing_tells_nothing() {
    let (file, table, watch) = watched(20);
    file.read(table, 0).unwrap();
    file.accum(table, 0, 0).unwrap();
    file.swap(table, 0, 0).unwrap();
    file.snapshot(table, 0, 20).unwrap();
    for more in [0, 20] {
        let mut ops = vec![read(0), swap(1), expect(2, 0), accum(3, 0)];
        ops.extend(vec![read(4); more]);
        file.batch(table, &mut ops).unwrap();
        // Neither do those that fail.
        let canceled = file.batch(table, &mut [set(0, 1), expect(2, 9)]);
        assert_eq!(canceled, Err(Errno::ECANCELED));
        assert_eq!(
            file.batch(table, &mut [set(0, 1), set(20, 1)]),
            Err(Errno::EINVAL)
        );
    }
    assert_eq!(file.load(table, 20, 1), Err(Errno::EINVAL));
    assert_eq!(watch.events(), PollFlags::empty());
    assert_eq!(watch.read(20), Err(Errno::EAGAIN));
}

#[test]
fn other_contexts_do_not_wake_it() {
    let file = open_device();
    let table = file.create(300).unwrap();
    let watch = file.watch(table, 100, 100, WATCH_NONBLOCK).unwrap();
    watch.read(100).unwrap();
    for addr in [0, 36, 99, 200, 228, 299] {
        file.load(table, addr, 1).unwrap();
        let mut ops = vec![load(addr, 2); 20];
        file.batch(table, &mut ops).unwrap();
        file.touch(table, addr, 1).unwrap();
    }
    file.touch(table, 0, 100).unwrap();
    file.touch(table, 200, 100).unwrap();
    assert_eq!(watch.events(), PollFlags::empty());
    assert_eq!(watch.read(100), Err(Errno::EAGAIN));
    file.touch(table, 0, 300).unwrap();
    assert_eq!(watch.read(300).unwrap().len(), 100);
    for addr in [100, 199] {
        file.load(table, addr, 3).unwrap();
        assert_eq!(watch.read(100), Ok(vec![(addr, 3)]));
    }
}

#[test]
fn as_many_as_fit_and_the_rest_later() {
    let (file, table, watch) = watched(1000);
    let mut ops: Vec<_> = (0..1000).map(|addr| load(addr, addr.into())).collect();
    file.batch(table, &mut ops).unwrap();
    let mut next = 0;
    for most in [1, 2, 60, 1, 64, 300, 1000] {
        let told = watch.read(most).unwrap();
        let end = (next + most as u32).min(1000);
        let expected: Vec<_> = (next..end).map(|addr| (addr, addr.into())).collect();
        assert_eq!(told, expected);
        next = end;
    }
    assert_eq!(watch.read(1), Err(Errno::EAGAIN));
    // What has been told and changes again comes again, before the rest.
    file.touch(table, 500, 2).unwrap();
    assert_eq!(watch.read(1), Ok(vec![(500, 500)]));
    file.load(table, 3, 1).unwrap();
    file.load(table, 500, 1).unwrap();
    assert_eq!(watch.read(9), Ok(vec![(3, 1), (500, 1), (501, 501)]));
}

#[test]
fn watches_do_not_wait_for_each_other() {
    let (file, table, watch) = watched(65536);
    let never_read = file.watch(table, 0, 65536, 0).unwrap();
    let other = file.watch(table, 8, 8, WATCH_NONBLOCK).unwrap();
    other.read(8).unwrap();
    for round in 1..100 {
        file.load(table, 9, round).unwrap();
        assert_eq!(watch.read(2), Ok(vec![(9, round)]));
        file.load(table, 20, round).unwrap();
        assert_eq!(watch.read(2), Ok(vec![(20, round)]));
    }
    assert_eq!(other.read(2), Ok(vec![(9, 99)]));
    assert_eq!(never_read.read(10).unwrap()[9], (9, 99));
}

#[test]
fn a_buffer_that_is_too_small() {
    let (file, table, watch) = watched(4);
    file.load(table, 1, 1).unwrap();
    for len in [0, 1, 15] {
        let result = nix::unistd::read(&watch, &mut vec![0; len]);
        assert_eq!(result, Err(Errno::EINVAL), "{len}");
    }
    // Only whole records are told.
    let mut bytes = [0; 31];
    assert_eq!(nix::unistd::read(&watch, &mut bytes), Ok(16));
    assert_eq!(changes(&bytes[..16]), [(1, 1)]);
    // In pieces.
    file.batch(table, &mut [load(1, 2), load(2, 3)]).unwrap();
    let (mut first, mut second) = ([0; 10], [0; 30]);
    let mut pieces = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(readv(&watch, &mut pieces), Ok(32));
    let both = [&first[..], &second[..22]].concat();
    assert_eq!(changes(&both), [(1, 2), (2, 3)]);
}

#[test]
fn a_fault_loses_nothing() {
    let (file, table, watch) = watched(600);
    let pages = Pages::new(2);
    pages.protect(1, ProtFlags::PROT_NONE);
    let mut ops: Vec<_> = (0..600).map(|addr| load(addr, 7)).collect();
    file.batch(table, &mut ops).unwrap();
    for at in [
        pages.at(page_size()),
        pages.at(page_size() - 24),
        std::ptr::null_mut(),
    ] {
        // SAFETY: the kernel checks the address.
        let result = unsafe { libc::read(watch.0.as_raw_fd(), at, 600 * RECORD) };
        assert_eq!(Errno::result(result), Err(Errno::EFAULT));
        assert_eq!(watch.events(), POLLIN);
    }
    assert_eq!(
        watch.read(600),
        Ok((0..600).map(|addr| (addr, 7)).collect())
    );
}

#[test]
fn bad_arguments() {
    let file = open_device();
    let table = file.create(10).unwrap();
    let fine = uapi::Watch {
        table_id: table,
        count: 1,
        ..uapi::Watch::default()
    };
    for bad in [
        uapi::Watch { flags: 2, ..fine },
        uapi::Watch { flags: !0, ..fine },
        uapi::Watch {
            reserved: 1,
            ..fine
        },
        uapi::Watch { count: 0, ..fine },
        uapi::Watch { count: 11, ..fine },
        uapi::Watch { addr: 10, ..fine },
        uapi::Watch {
            addr: 1,
            count: 10,
            ..fine
        },
        uapi::Watch {
            addr: !0,
            count: 2,
            ..fine
        },
        uapi::Watch { count: !0, ..fine },
    ] {
        let mut bad = bad;
        assert_eq!(file.ioctl(uapi::IOC_WATCH, &mut bad), Err(Errno::EINVAL));
    }
    assert_eq!(file.watch(99, 0, 1, 0).err(), Some(Errno::ENOENT));
    for (addr, count) in [(0, 0), (0, 11), (10, 1), (!0, 2), (1, !0)] {
        assert_eq!(file.touch(table, addr, count), Err(Errno::EINVAL));
    }
    let mut bad = uapi::Touch {
        table_id: table,
        count: 1,
        reserved: 1,
        ..uapi::Touch::default()
    };
    assert_eq!(file.ioctl(uapi::IOC_TOUCH, &mut bad), Err(Errno::EINVAL));
    assert_eq!(file.touch(99, 0, 1), Err(Errno::ENOENT));
    assert_eq!(fdinfo::read(&file).watches, 0);
}

#[test]
fn read_only_files_and_exports() {
    let (file, table, watch) = watched(4);
    let export = file.export(table, 0).unwrap();
    let read_only = file.export(table, EXPORT_READ_ONLY).unwrap();
    let watches =
        [&export, &read_only].map(|file| file.watch(table, 0, 4, WATCH_NONBLOCK).unwrap());
    for other in &watches {
        other.read(4).unwrap();
    }
    export.touch(table, 1, 1).unwrap();
    assert_eq!(read_only.touch(table, 2, 1), Err(Errno::EBADF));
    for watch in watches.iter().chain([&watch]) {
        assert_eq!(watch.read(4), Ok(vec![(1, 0)]));
    }
    let other = file.create(1).unwrap();
    assert_eq!(export.watch(other, 0, 1, 0).err(), Some(Errno::ENOENT));
    let read_only = open_device_with(OFlag::O_RDONLY).unwrap();
    assert_eq!(read_only.watch(1, 0, 1, 0).err(), Some(Errno::ENOENT));
    assert_eq!(read_only.touch(1, 0, 1), Err(Errno::EBADF));
}

#[test]
fn it_is_a_descriptor_that_is_only_read() {
    let (file, table, watch) = watched(4);
    let fd = watch.0.as_raw_fd();
    let flags = fcntl(&watch, FcntlArg::F_GETFD).unwrap();
    assert!(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC));
    assert_eq!(nix::unistd::write(&watch, &[0; 16]), Err(Errno::EBADF));
    let as_device = RawFile(watch.0.try_clone().unwrap());
    assert_eq!(as_device.read(table, 0), Err(Errno::ENOTTY));
    let (protection, shared) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
    let mapped = Mapping::with(&as_device, table, 0, 1, protection, shared);
    assert_eq!(mapped.err(), Some(Errno::ENODEV));
    assert_eq!(
        nix::unistd::lseek(&watch, 0, nix::unistd::Whence::SeekSet),
        Err(Errno::ESPIPE)
    );
    let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
    assert_eq!(link.to_str(), Some("anon_inode:[atomik-watch]"));
    let again = std::fs::File::open(format!("/proc/self/fd/{fd}"));
    assert_eq!(again.unwrap_err().raw_os_error(), Some(libc::ENXIO));
    drop(file);
}

#[test]
fn fdinfo_tells_of_it() {
    alone_in_a_process(|| {
        let (file, table, watch) = watched(1000);
        let before = fdinfo::read(&file);
        assert_eq!(before.watches, 1);
        let part = file.watch(table, 100, 50, 0).unwrap();
        part.read(3).unwrap();
        let info =
            |watch: &RawWatch| fdinfo::parse_watch(&fdinfo::text(watch.0.as_raw_fd()).unwrap());
        let told = info(&part);
        assert_eq!((told.table, told.addr, told.count), (table, 100, 50));
        assert_eq!((told.changed, told.contexts), (47, Some(1000)));
        assert!(told.bytes >= 64);
        file.load(table, 100, 1).unwrap();
        assert_eq!((info(&part).changed, info(&watch).changed), (48, 1));
        assert_eq!(fdinfo::read(&file).watches, 2);
        drop(watch);
        // The flags of the table's contexts, a byte each, go with the last watch.
        drop(part);
        let after = fdinfo::read(&file);
        assert_eq!((after.watches, before.bytes - after.bytes), (0, 1024));
        let part = file.watch(table, 100, 50, 0).unwrap();
        file.destroy(table).unwrap();
        assert_eq!(info(&part).contexts, None);
    });
}

#[test]
fn when_the_table_is_destroyed_the_rest_is_told() {
    let (file, table, watch) = watched(100);
    file.load(table, 70, 5).unwrap();
    file.load(table, 7, 6).unwrap();
    file.destroy(table).unwrap();
    // Another table in its place is another.
    let next = file.create(100).unwrap();
    file.load(next, 8, 6).unwrap();
    assert_eq!(watch.events(), POLLIN | PollFlags::POLLHUP);
    assert_eq!(watch.read(1), Ok(vec![(7, 6)]));
    assert_eq!(watch.read(9), Ok(vec![(70, 5)]));
    assert_eq!(watch.events(), POLLIN | PollFlags::POLLHUP);
    for _ in 0..2 {
        assert_eq!(watch.read(9), Ok(vec![]));
    }
    assert_eq!(file.touch(table, 0, 1), Err(Errno::ENOENT));
}

#[test]
fn when_the_file_is_closed_the_rest_is_told() {
    alone_in_a_process(|| {
        let (file, table, watch) = watched(100);
        let export = file.export(table, 0).unwrap();
        let mapping = Mapping::new(&file, table, 1).unwrap();
        drop(mapping);
        drop(file);
        // The export holds the file.
        assert_eq!(watch.events(), PollFlags::empty());
        export.load(table, 7, 6).unwrap();
        drop(export);
        assert_eq!(watch.events(), POLLIN | PollFlags::POLLHUP);
        assert_eq!(watch.read(9), Ok(vec![(7, 6)]));
        assert_eq!(watch.read(9), Ok(vec![]));
    });
}

/// Reads without O_NONBLOCK in another thread, and returns what it has read. `f` runs meanwhile.
fn while_reading(watch: &RawWatch, f: impl FnOnce()) -> Result<Vec<(u32, u64)>, Errno> {
    beside(|| watch.read(8), f)
}

/// Calls `read` in another thread, and returns its result. `f` runs meanwhile.
fn beside<R: Send>(read: impl FnOnce() -> R + Send, f: impl FnOnce()) -> R {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            barrier.wait();
            read()
        });
        barrier.wait();
        f();
        reader.join().unwrap()
    })
}

/// Where the reader has waited, its memory is looked at only after the change.
#[test]
fn a_fault_after_waiting_loses_nothing() {
    let file = open_device();
    let table = file.create(8).unwrap();
    let watch = file.watch(table, 0, 8, 0).unwrap();
    watch.read(8).unwrap();
    for round in 1..rounds() as u64 {
        let fault = || {
            // SAFETY: the kernel checks the address, at which there is nothing.
            let read = unsafe { libc::read(watch.0.as_raw_fd(), std::ptr::null_mut(), RECORD) };
            Errno::result(read)
        };
        let change = || {
            file.batch(table, &mut [load(1, round), load(6, round)])
                .unwrap();
        };
        assert_eq!(beside(fault, change), Err(Errno::EFAULT));
        assert_eq!(watch.events(), POLLIN);
        assert_eq!(watch.read(8), Ok(vec![(1, round), (6, round)]));
    }
    let destroy = || file.destroy(table).unwrap();
    assert_eq!(while_reading(&watch, destroy), Ok(vec![]));
}

#[test]
fn a_blocking_read_waits_for_a_change() {
    let file = open_device();
    let table = file.create(8).unwrap();
    let watch = file.watch(table, 0, 4, 0).unwrap();
    watch.read(4).unwrap();
    for round in 0..rounds() as u64 {
        let told = while_reading(&watch, || {
            if round % 2 == 0 {
                file.load(table, 5, round).unwrap();
                file.load(table, 3, round).unwrap();
            } else {
                file.batch(table, &mut [load(5, round), load(3, round)])
                    .unwrap();
            }
        });
        assert_eq!(told, Ok(vec![(3, round)]));
    }
    // A mapped table says so by TOUCH.
    let mapping = Mapping::new(&file, table, 1).unwrap();
    let told = while_reading(&watch, || {
        mapping.accum(1, 9);
        file.touch(table, 0, 2).unwrap();
    });
    assert_eq!(told, Ok(vec![(0, 0), (1, 9)]));
    assert_eq!(
        while_reading(&watch, || file.destroy(table).unwrap()),
        Ok(vec![])
    );
}

/// The number of flags can be changed later, as of any file.
#[test]
fn nonblock_can_be_switched() {
    let (file, table, watch) = watched(4);
    fcntl(&watch, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    let told = while_reading(&watch, || file.load(table, 1, 1).unwrap());
    assert_eq!(told, Ok(vec![(1, 1)]));
    fcntl(&watch, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    assert_eq!(watch.read(4), Err(Errno::EAGAIN));
}

static SIGNALLED: AtomicBool = AtomicBool::new(false);

extern "C" fn note_signal(_: i32) {
    SIGNALLED.store(true, Ordering::SeqCst);
}

/// With SA_RESTART a read goes on after the signal's handler, without it fails with EINTR.
#[test]
fn signals_interrupt_a_blocking_read() {
    for restart in [false, true] {
        task::run(|| {
            let file = open_device();
            let table = file.create(4).unwrap();
            let watch = file.watch(table, 0, 4, 0).unwrap();
            watch.read(4).unwrap();
            let flags = if restart {
                SaFlags::SA_RESTART
            } else {
                SaFlags::empty()
            };
            let action = SigAction::new(SigHandler::Handler(note_signal), flags, SigSet::empty());
            // SAFETY: the handler sets a flag.
            unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
            let reader = gettid();
            let child = task::spawn(|| {
                // Until it has begun to sleep: state S, and then signalled at least once.
                let stat = format!("/proc/{reader}/stat");
                while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
                    thread::yield_now();
                }
                kill(reader, Signal::SIGUSR1).unwrap();
                if restart {
                    // The handler has run when the signal isn't pending, and it sleeps again.
                    let pending = |status: &str| status.contains("ShdPnd:\t0000000000000000");
                    let status = format!("/proc/{reader}/status");
                    while !pending(&std::fs::read_to_string(&status).unwrap())
                        || !std::fs::read_to_string(&stat).unwrap().contains(") S ")
                    {
                        thread::yield_now();
                    }
                    file.load(table, 2, 5).unwrap();
                }
            });
            let expected = if restart {
                Ok(vec![(2, 5)])
            } else {
                Err(Errno::EINTR)
            };
            assert_eq!(watch.read(4), expected);
            assert!(SIGNALLED.load(Ordering::SeqCst));
            task::join(child);
        });
    }
}

#[test]
fn a_reader_is_killed_and_others_go_on() {
    let file = open_device();
    let table = file.create(4).unwrap();
    let watch = file.watch(table, 0, 4, 0).unwrap();
    watch.read(4).unwrap();
    let child = task::spawn(|| drop(watch.read(4)));
    let stat = format!("/proc/{child}/stat");
    while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
        thread::yield_now();
    }
    kill(child, Signal::SIGKILL).unwrap();
    waitpid(child, None).unwrap();
    file.load(table, 1, 1).unwrap();
    assert_eq!(watch.read(4), Ok(vec![(1, 1)]));
}

#[test]
fn duplicates_share_what_there_is_to_tell() {
    let (file, table, watch) = watched(4);
    let duplicate = RawWatch(watch.0.try_clone().unwrap());
    file.load(table, 1, 1).unwrap();
    file.load(table, 2, 2).unwrap();
    assert_eq!(duplicate.read(1), Ok(vec![(1, 1)]));
    // In a forked process, too.
    task::run(|| assert_eq!(watch.read(1), Ok(vec![(2, 2)])));
    assert_eq!(duplicate.read(1), Err(Errno::EAGAIN));
    // So does who receives it, when all others are closed.
    let passed = RawWatch(pass(watch.0.as_raw_fd()).unwrap());
    drop((watch, duplicate));
    file.load(table, 3, 3).unwrap();
    assert_eq!(passed.read(4), Ok(vec![(3, 3)]));
}

/// A read that waits holds the file, whose descriptor another thread closes.
#[test]
fn closed_while_another_thread_reads() {
    alone_in_a_process(|| {
        let file = open_device();
        let table = file.create(4).unwrap();
        for _ in 0..20 {
            let watch = file.watch(table, 0, 4, 0).unwrap();
            watch.read(4).unwrap();
            let fd = watch.0.as_raw_fd();
            let tid = Barrier::new(2);
            let number = AtomicI32::new(0);
            let told = thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    number.store(gettid().as_raw(), Ordering::SeqCst);
                    tid.wait();
                    let mut bytes = [0; RECORD];
                    // SAFETY: the kernel writes to `bytes`.
                    let read = unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), RECORD) };
                    assert_eq!(read, RECORD as isize);
                    changes(&bytes)
                });
                tid.wait();
                let stat = format!("/proc/self/task/{}/stat", number.load(Ordering::SeqCst));
                while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
                    thread::yield_now();
                }
                close(watch.0).unwrap();
                file.load(table, 2, 5).unwrap();
                reader.join().unwrap()
            });
            assert_eq!(told, [(2, 5)]);
        }
        assert_eq!(fdinfo::read(&file).watches, 0);
    });
}

#[test]
fn select_and_epoll() {
    alone_in_a_process(|| {
        let (file, table, watch) = watched(4);
        let selected = || {
            let mut set = FdSet::new();
            set.insert(watch.as_fd());
            let mut now = TimeVal::new(0, 0);
            select(None, &mut set, None, None, &mut now).unwrap() == 1
        };
        let epoll = |flags| {
            let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
            epoll.add(&watch, EpollEvent::new(flags, 7)).unwrap();
            epoll
        };
        let level = epoll(EpollFlags::EPOLLIN);
        let edge = epoll(EpollFlags::EPOLLIN | EpollFlags::EPOLLET);
        let events = |epoll: &Epoll| {
            let mut events = [EpollEvent::empty()];
            let count = epoll.wait(&mut events, EpollTimeout::ZERO).unwrap();
            (count == 1).then(|| events[0].events())
        };
        let readable = Some(EpollFlags::EPOLLIN);
        assert!(!selected());
        assert_eq!((events(&level), events(&edge)), (None, None));
        for round in 0..3 {
            file.load(table, 1, round).unwrap();
            assert!(selected());
            assert_eq!((events(&level), events(&edge)), (readable, readable));
            // Until it is read, the one says so again and the other does not.
            file.load(table, 2, round).unwrap();
            assert_eq!((events(&level), events(&edge)), (readable, None));
            assert_eq!(watch.read(4).unwrap().len(), 2);
            assert!(!selected());
            assert_eq!((events(&level), events(&edge)), (None, None));
        }
        file.destroy(table).unwrap();
        let hung_up = Some(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP);
        assert_eq!((events(&level), events(&edge)), (hung_up, hung_up));
        assert!(selected());
        // A watch that epoll knows is closed.
        drop(watch);
        assert_eq!((events(&level), events(&edge)), (None, None));
    });
}

/// Who waits in `poll` is woken.
#[test]
fn epoll_wakes() {
    let (file, table, watch) = watched(4);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    epoll
        .add(&watch, EpollEvent::new(EpollFlags::EPOLLIN, 7))
        .unwrap();
    for round in 0..rounds() as u64 {
        let start = Start::of(2);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let mut events = [EpollEvent::empty()];
                start.wait();
                epoll.wait(&mut events, EpollTimeout::NONE).unwrap()
            });
            start.wait();
            file.load(table, 1, round).unwrap();
            assert_eq!(waiter.join().unwrap(), 1);
        });
        assert_eq!(watch.read(4), Ok(vec![(1, round)]));
    }
}

#[test]
fn io_uring_reads_and_polls() {
    let file = open_device();
    let table = file.create(4).unwrap();
    let watch = file.watch(table, 0, 4, 0).unwrap();
    watch.read(4).unwrap();
    let fd = types::Fd(watch.0.as_raw_fd());
    let mut ring = match IoUring::new(4) {
        // The debug kernel has none.
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => return,
        ring => ring.unwrap(),
    };
    let mut bytes = [0u8; 4 * RECORD];
    for round in 1..5u64 {
        let read = opcode::Read::new(fd, bytes.as_mut_ptr(), bytes.len() as u32)
            .build()
            .user_data(1);
        let poll = opcode::PollAdd::new(fd, libc::POLLIN as u32)
            .build()
            .user_data(2);
        let first = if round % 2 == 0 {
            read.clone()
        } else {
            poll.clone()
        };
        // SAFETY: the buffer is used by nobody else until the request is done.
        unsafe { ring.submission().push(&first) }.unwrap();
        ring.submit().unwrap();
        assert!(ring.completion().next().is_none(), "nothing has changed");
        file.load(table, 2, round).unwrap();
        ring.submit_and_wait(1).unwrap();
        let done = ring.completion().next().unwrap();
        if round % 2 == 0 {
            assert_eq!((done.user_data(), done.result()), (1, RECORD as i32));
            assert_eq!(changes(&bytes[..RECORD]), [(2, round)]);
        } else {
            assert_eq!((done.user_data(), done.result()), (2, libc::POLLIN.into()));
            assert_eq!(watch.read(4), Ok(vec![(2, round)]));
        }
    }
}

/// Where it fails, no descriptor is left, and no watch.
#[test]
fn a_failure_leaves_nothing() {
    let file = open_device();
    let table = file.create(600).unwrap();
    // In a child, so that no other test takes numbers.
    task::run(|| {
        let lowest = || file.0.try_clone().unwrap().as_raw_fd();
        let before = lowest();
        let info = fdinfo::read(&file);
        let arg = Pages::new(1);
        let watch = uapi::Watch {
            table_id: table,
            count: 600,
            ..uapi::Watch::default()
        };
        arg.put(0, &[watch]);
        arg.protect(0, ProtFlags::PROT_READ);
        let result = file.ioctl_at(uapi::IOC_WATCH, arg.at(0));
        assert_eq!(result, Err(Errno::EFAULT));
        assert_eq!((lowest(), fdinfo::read(&file)), (before, info.clone()));

        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, before as u64, hard).unwrap();
        assert_eq!(file.watch(table, 0, 1, 0).err(), Some(Errno::EMFILE));
        setrlimit(Resource::RLIMIT_NOFILE, before as u64 + 8, hard).unwrap();
        assert_eq!(fdinfo::read(&file), info);
    });
}

/// A thousand watches, half of which are killed with their process, again and again.
#[test]
fn a_thousand_watches() {
    alone_in_a_process(|| {
        let file = open_device();
        let table = file.create(65536).unwrap();
        let before = fdinfo::read(&file);
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
        let make = |first: u32| -> Vec<RawWatch> {
            (first..first + 500)
                .map(|i| file.watch(table, i * 60, 64, WATCH_NONBLOCK).unwrap())
                .collect()
        };
        let all = make(0);
        let spawn = || {
            task::spawn(|| {
                let own = make(500);
                for watch in own.iter().cycle() {
                    let _ = watch.read(64);
                }
            })
        };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let _disturber = Disturber::start(scope, &done);
            let (mut told, mut child) = (0, spawn());
            let rounds = steps(200);
            for round in 1..rounds {
                for addr in (0..65536).step_by(977) {
                    file.load(table, addr, round).unwrap();
                }
                told += all
                    .iter()
                    .map(|watch| watch.read(64).map_or(0, |all| all.len()))
                    .sum::<usize>();
                // While it makes watches, or reads them.
                if round % rounds.div_ceil(12) == 0 {
                    kill(child, Signal::SIGKILL).unwrap();
                    waitpid(child, None).unwrap();
                    child = spawn();
                }
            }
            assert!(told > 32000);
            kill(child, Signal::SIGKILL).unwrap();
            waitpid(child, None).unwrap();
        });
        assert_eq!(fdinfo::read(&file).watches, 500);
        drop(all);
        assert_eq!(fdinfo::read(&file), before_with_ops(&before, &file));
    });
}

/// The information from before, but for the operations.
fn before_with_ops(before: &fdinfo::FdInfo, file: &RawFile) -> fdinfo::FdInfo {
    fdinfo::FdInfo {
        ops: fdinfo::read(file).ops,
        ..before.clone()
    }
}

/// Batches keep contexts equal. No read sees them differ, and the last state is told.
#[test]
fn what_is_told_is_of_one_moment() {
    let file = open_device();
    let table = file.create(64).unwrap();
    let watch = file.watch(table, 0, 64, 0).unwrap();
    let last = rounds() as u64;
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=last {
                let mut ops = [0, 1, 31, 63].map(|addr| load(addr, round));
                file.batch(table, &mut ops).unwrap();
            }
        });
        let mut state = 0;
        while state < last {
            let told = watch.read(64).unwrap();
            let four: Vec<u64> = told
                .iter()
                .filter(|(addr, _)| [0, 1, 31, 63].contains(addr))
                .map(|told| told.1)
                .collect();
            assert_eq!(four.len(), 4, "{told:?}");
            assert!(four.iter().all(|&other| other == four[0]), "{told:?}");
            state = four[0];
        }
    });
}
