// SPDX-License-Identifier: MIT OR Apache-2.0

//! A descriptor that was exported read-only changes nothing, whatever a program tries.

use atomik_test_support::{
    compat,
    mapping::{Mapping, READ_WRITE},
    memory::{Pages, page_size},
    passing::pass,
    raw::{Context, RawFile, accum, expect, load, open_device, read, set, swap},
    task,
};
use atomik_uapi::{self as uapi, Command, EXPORT_READ_ONLY, MAP_SPAN};
use io_uring::{IoUring, opcode, squeue, types::Fd};
use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, FcntlArg, OFlag, SpliceFFlags, fallocate, fcntl, open, splice},
    libc,
    sys::{
        mman::{MapFlags, ProtFlags},
        sendfile::sendfile,
        stat::Mode,
        uio::{RemoteIoVec, process_vm_writev, pwrite, writev},
    },
    unistd::{self, getppid},
};
use std::{
    fs::{self, File},
    io::IoSlice,
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
        unix::fs::FileExt,
    },
};

/// A table of 600 contexts, of which the first has state 5, and a read-only descriptor of it.
/// When it is dropped, the table must be as it was.
struct Subject {
    file: RawFile,
    table: u32,
    other: u32,
    before: Vec<Context>,
    export: RawFile,
}

impl Subject {
    fn new() -> Self {
        let file = open_device();
        let (table, other) = (file.create(600).unwrap(), file.create(1).unwrap());
        file.load(table, 0, 5).unwrap();
        file.accum(table, 599, 3).unwrap();
        Self {
            before: file.snapshot(table, 0, 600).unwrap(),
            export: file.export(table, EXPORT_READ_ONLY).unwrap(),
            file,
            table,
            other,
        }
    }

    /// Maps the first page to be read.
    fn mapping(&self) -> Mapping {
        self.map(ProtFlags::PROT_READ, MapFlags::MAP_SHARED)
            .unwrap()
    }

    fn map(&self, protection: ProtFlags, flags: MapFlags) -> Result<Mapping, Errno> {
        Mapping::with(&self.export, self.table, 0, 1, protection, flags)
    }

    /// Checks that another descriptor has no more rights than this.
    fn check_rights(&self, other: &RawFile) {
        assert_eq!(other.read(self.table, 0), Ok(5));
        assert_eq!(other.accum(self.table, 0, 1), Err(Errno::EBADF));
        let batch = &mut [accum(0, 1)];
        assert_eq!(other.batch(self.table, batch), Err(Errno::EBADF));
        let writing = Mapping::new(other, self.table, 1);
        assert_eq!(writing.err(), Some(Errno::EACCES));
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let after = self.file.snapshot(self.table, 0, 600);
            assert_eq!(after.as_ref(), Ok(&self.before));
        }
    }
}

#[test]
fn it_serves_what_changes_nothing() {
    let subject = Subject::new();
    let Subject { table, export, .. } = &subject;
    assert_eq!(export.read(*table, 0), Ok(5));
    assert_eq!(export.snapshot(*table, 0, 1).unwrap()[0].reference, 5);
    assert!(export.info().is_ok());
    for count in [1, 2, 6, 16, 17, 500] {
        let mut ops = vec![read(0); count];
        export.batch(*table, &mut ops).unwrap();
        assert!(ops.iter().all(|op| op.value == 5));
        let mut ops = vec![expect(0, 5); count];
        export.batch(*table, &mut ops).unwrap();
        ops[count - 1].value = 6;
        assert_eq!(export.batch(*table, &mut ops), Err(Errno::ECANCELED));
        assert_eq!(ops[count - 1].value, 5);
    }
    assert_eq!(subject.mapping().read(0), 5);
}

#[test]
fn not_by_a_command() {
    let subject = Subject::new();
    let Subject {
        table,
        other,
        export,
        ..
    } = &subject;
    // With arguments that would do something.
    assert_eq!(export.create(1).err(), Some(Errno::EBADF));
    assert_eq!(export.destroy(*table), Err(Errno::EBADF));
    assert_eq!(export.load(*table, 0, 1), Err(Errno::EBADF));
    assert_eq!(export.accum(*table, 0, 1), Err(Errno::EBADF));
    assert_eq!(export.swap(*table, 0, 1), Err(Errno::EBADF));
    let image = [Context::default()];
    assert_eq!(export.restore(*table, 0, &image), Err(Errno::EBADF));
    assert_eq!(export.export(*table, 0).err(), Some(Errno::EBADF));
    // All commands that there are, so that new ones don't get in unnoticed.
    let changes = |command: &&Command| {
        ![
            uapi::IOC_READ,
            uapi::IOC_GET_INFO,
            uapi::IOC_SNAPSHOT,
            uapi::IOC_BATCH,
            uapi::IOC_WATCH,
        ]
        .contains(&command.ioc)
    };
    for command in Command::all_served().filter(changes) {
        let mut arg = [0u64; 8];
        let result = export.ioctl(command.ioc, &mut arg);
        assert_eq!(result, Err(Errno::EBADF), "{}", command.name);
    }
    assert_eq!(export.read(*other, 0), Err(Errno::ENOENT));
}

#[test]
fn not_by_a_batch() {
    let subject = Subject::new();
    for op in [load(0, 1), accum(0, 1), swap(0), set(0, 1), accum(0, 0)] {
        for others in [
            vec![],
            vec![read(0)],
            vec![expect(0, 5)],
            // One that doesn't hold is not told.
            vec![expect(0, 6)],
            vec![read(0); 100],
            vec![expect(0, 5); 100],
        ] {
            for last in [false, true] {
                let mut ops = others.clone();
                ops.insert(if last { others.len() } else { 0 }, op);
                let given = ops.clone();
                let result = subject.export.batch(subject.table, &mut ops);
                assert_eq!((result, ops), (Err(Errno::EBADF), given));
            }
        }
    }
}

#[test]
fn not_by_a_mapping() {
    let subject = Subject::new();
    let denied = |protection, flags| subject.map(protection, flags).err();
    let shared = MapFlags::MAP_SHARED;
    assert_eq!(denied(READ_WRITE, shared), Some(Errno::EACCES));
    assert_eq!(denied(ProtFlags::PROT_WRITE, shared), Some(Errno::EACCES));
    for protection in [READ_WRITE, ProtFlags::PROT_READ] {
        let private = denied(protection, MapFlags::MAP_PRIVATE);
        assert_eq!(private, Some(Errno::EINVAL));
    }
    let executable = ProtFlags::PROT_READ | ProtFlags::PROT_EXEC;
    assert_eq!(denied(executable, shared), Some(Errno::EPERM));

    // Nor later.
    let mut mapping = subject.mapping();
    for moved in [false, true] {
        if moved {
            mapping.relocate();
        }
        assert_eq!(mapping.protect(READ_WRITE), Err(Errno::EACCES));
        assert_eq!(mapping.protect(executable), Err(Errno::EACCES));
    }
    assert_eq!(mapping.read(0), 5);
    // The right to write of the original's mapping is not this one's.
    let writable = Mapping::new(&subject.file, subject.table, 1).unwrap();
    assert_eq!(mapping.protect(READ_WRITE), Err(Errno::EACCES));
    writable.accum(0, 0);
    // Nor by an exchange of its pages, which a mapping for writing allows.
    assert_eq!(remap(&writable, subject.table), Ok(()));
    for table in [subject.table, subject.other] {
        assert_eq!(remap(&mapping, table), Err(Errno::EINVAL));
    }
    assert_eq!(mapping.read(0), 5);
}

/// Exchanges the page of a mapping for the first of a table.
fn remap(mapping: &Mapping, table: u32) -> Result<(), Errno> {
    let start = mapping.states().as_ptr();
    let page = u64::from(table) * MAP_SPAN / page_size() as u64;
    // SAFETY: all bits are valid in an atomic, and the page stays mapped.
    let result = unsafe {
        libc::syscall(
            libc::SYS_remap_file_pages,
            start,
            page_size(),
            0_usize,
            page,
            0_usize,
        )
    };
    Errno::result(result).map(drop)
}

#[test]
fn not_by_the_name_of_a_mapping() {
    let subject = Subject::new();
    let mapping = subject.mapping();
    let start = mapping.states().as_ptr() as usize;
    let name = format!("/proc/self/map_files/{start:x}-{:x}", start + page_size());
    // The name is right.
    assert!(fs::read_link(&name).is_ok());
    for flags in [OFlag::O_RDWR, OFlag::O_WRONLY, OFlag::O_RDONLY] {
        let again = open(name.as_str(), flags, Mode::empty());
        assert_eq!(again.err(), Some(Errno::ENXIO));
    }
}

/// The kernel writes to memory for programs, too.
#[test]
fn not_by_the_memory_of_a_mapping() {
    let subject = Subject::new();
    let mapping = subject.mapping();
    let address = mapping.states().as_ptr() as usize;
    let memory = File::options().write(true).open("/proc/self/mem").unwrap();
    let written = memory.write_at(&[1; 8], address as u64);
    assert_eq!(
        written.map_err(|error| error.raw_os_error()),
        Err(Some(libc::EIO))
    );
    let bytes = [1; 8];
    let to = RemoteIoVec {
        base: address,
        len: bytes.len(),
    };
    let written = process_vm_writev(unistd::getpid(), &[IoSlice::new(&bytes)], &[to]);
    // The debug kernel hasn't got this call.
    assert!(
        matches!(written, Err(Errno::EFAULT | Errno::ENOSYS)),
        "{written:?}"
    );
    // As a buffer of another file, and of the driver itself, few results and many.
    let (out, into) = unistd::pipe().unwrap();
    unistd::write(&into, &bytes).unwrap();
    // SAFETY: the kernel checks the buffer; all bits are valid in an atomic.
    let read = unsafe { libc::read(out.as_raw_fd(), address as *mut _, 8) };
    assert_eq!(Errno::result(read), Err(Errno::EFAULT));
    let result = subject
        .export
        .ioctl_at(uapi::IOC_GET_INFO, address as *mut _);
    assert_eq!(result, Err(Errno::EFAULT));
    let scratch = open_device();
    let table = scratch.create(600).unwrap();
    for count in [1, 16, 256] {
        let image = atomik_test_support::raw::image(table, 0, count, address as u64);
        let result = scratch.image(uapi::IOC_SNAPSHOT, image);
        assert_eq!(result, Err(Errno::EFAULT));
    }
    // The states make a batch: a READ, then an EXPECT that doesn't hold.
    for (op, value) in [(uapi::OP_READ, 0), (uapi::OP_EXPECT, 1)] {
        let writable = Mapping::new(&subject.file, subject.table, 1).unwrap();
        for context in writable.states()[..200].chunks_exact(2) {
            use std::sync::atomic::Ordering::SeqCst;
            context[0].store(op.into(), SeqCst);
            context[1].store(value, SeqCst);
        }
        for count in [1, 5, 6, 16, 17, 100] {
            let result = subject.file.batch_at(subject.table, count, address as u64);
            assert!(result.is_err(), "{result:?}");
            let result = scratch.batch_at(table, count, address as u64);
            assert_eq!(result, Err(Errno::EFAULT));
        }
        drop(writable);
    }
    assert_eq!(mapping.read(1), 1);
    subject
        .file
        .restore(subject.table, 0, &subject.before)
        .unwrap();
}

#[test]
fn not_opened_again() {
    let subject = Subject::new();
    let fd = subject.export.as_fd().as_raw_fd();
    for directory in ["/proc/self/fd", "/proc/thread-self/fd", "/dev/fd"] {
        for flags in [OFlag::O_RDWR, OFlag::O_WRONLY, OFlag::O_RDONLY] {
            let again = open(format!("{directory}/{fd}").as_str(), flags, Mode::empty());
            let refused = again.err();
            // The guest may not have that link.
            let absent = directory == "/dev/fd" && refused == Some(Errno::ENOENT);
            assert!(absent || refused == Some(Errno::ENXIO), "{refused:?}");
        }
    }
}

#[test]
fn not_by_the_flags_of_the_file() {
    let subject = Subject::new();
    for flags in [OFlag::O_RDWR, OFlag::O_WRONLY | OFlag::O_APPEND] {
        fcntl(&subject.export, FcntlArg::F_SETFL(flags)).unwrap();
        subject.check_rights(&subject.export);
    }
}

#[test]
fn not_by_calls_on_files() {
    let subject = Subject::new();
    let export = &subject.export;
    let bytes = [1; 16];
    assert_eq!(unistd::write(export, &bytes), Err(Errno::EBADF));
    assert_eq!(writev(export, &[IoSlice::new(&bytes)]), Err(Errno::EBADF));
    let at_an_offset = pwrite(export, &bytes, 0);
    assert!(
        matches!(at_an_offset, Err(Errno::EBADF | Errno::ESPIPE)),
        "{at_an_offset:?}"
    );
    assert_eq!(unistd::read(export, &mut [0; 16]), Err(Errno::EINVAL));
    assert_eq!(unistd::ftruncate(export, 0), Err(Errno::EINVAL));
    let all = FallocateFlags::empty();
    assert_eq!(fallocate(export, all, 0, 4096), Err(Errno::EBADF));
    let (out, into) = unistd::pipe().unwrap();
    unistd::write(&into, &bytes).unwrap();
    let none = SpliceFFlags::empty();
    let spliced = splice(&out, None, export, None, 16, none);
    assert_eq!(spliced, Err(Errno::EBADF));
    let program = File::open("/proc/self/exe").unwrap();
    assert_eq!(sendfile(export, &program, None, 16), Err(Errno::EBADF));
}

/// Makes one request of io_uring, and returns its result.
fn submit(ring: &mut IoUring, entry: &squeue::Entry) -> Result<i32, Errno> {
    // SAFETY: what the entry points to lives until the result is here.
    unsafe { ring.submission().push(entry) }.expect("room for an entry");
    ring.submit_and_wait(1).expect("io_uring_enter");
    let result = ring.completion().next().expect("a result").result();
    if result < 0 {
        Err(Errno::from_raw(-result))
    } else {
        Ok(result)
    }
}

#[test]
fn not_by_io_uring() {
    let subject = Subject::new();
    let mut ring = match IoUring::new(4) {
        // The debug kernel hasn't got it.
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => return,
        ring => ring.expect("io_uring_setup"),
    };
    let export = Fd(subject.export.as_fd().as_raw_fd());
    let mut bytes = [1; 16];
    let write = opcode::Write::new(export, bytes.as_ptr(), 16).build();
    assert_eq!(submit(&mut ring, &write), Err(Errno::EBADF));
    for command in [uapi::IOC_ACCUM, uapi::IOC_BATCH, uapi::IOC_READ] {
        let command = opcode::UringCmd16::new(export, command).build();
        assert_eq!(submit(&mut ring, &command), Err(Errno::EOPNOTSUPP));
    }
    let (out, into) = unistd::pipe().unwrap();
    unistd::write(&into, &bytes).unwrap();
    let spliced = opcode::Splice::new(Fd(out.as_raw_fd()), -1, export, -1, 16).build();
    assert_eq!(submit(&mut ring, &spliced), Err(Errno::EBADF));
    let allocated = opcode::Fallocate::new(export, 4096).build();
    assert_eq!(submit(&mut ring, &allocated), Err(Errno::EBADF));
    let read = opcode::Read::new(export, bytes.as_mut_ptr(), 16).build();
    assert_eq!(submit(&mut ring, &read), Err(Errno::EINVAL));

    // Nor into the memory of its mapping, registered or not.
    let mapping = subject.mapping();
    let states = mapping.states().as_ptr().cast_mut().cast::<u8>();
    let read = opcode::Read::new(Fd(out.as_raw_fd()), states, 16).build();
    assert_eq!(submit(&mut ring, &read), Err(Errno::EFAULT));
    let buffer = libc::iovec {
        iov_base: states.cast(),
        iov_len: 4096,
    };
    // SAFETY: the kernel refuses the buffer, or would only pin the mapping's pages.
    let registered = unsafe { ring.submitter().register_buffers(&[buffer]) };
    let refused = registered.expect_err("a read-only buffer");
    assert_eq!(refused.raw_os_error(), Some(libc::EFAULT));

    // A registered file is the same file.
    ring.submitter()
        .register_files(&[export.0])
        .expect("register the descriptor");
    let fixed = io_uring::types::Fixed(0);
    let write = opcode::Write::new(fixed, bytes.as_ptr(), 16).build();
    assert_eq!(submit(&mut ring, &write), Err(Errno::EBADF));
    let installed = opcode::FixedFdInstall::new(fixed, 0).build();
    let installed = submit(&mut ring, &installed).expect("a descriptor");
    // SAFETY: the kernel has made this descriptor for us alone.
    let installed = RawFile(unsafe { OwnedFd::from_raw_fd(installed) });
    subject.check_rights(&installed);
}

#[test]
fn not_by_another_process_that_takes_it() {
    let subject = Subject::new();
    let fd = subject.export.as_fd().as_raw_fd();
    task::run(|| {
        // SAFETY: calls with numbers alone, of which the results are checked.
        let taken = unsafe {
            let parent = libc::syscall(libc::SYS_pidfd_open, getppid().as_raw(), 0);
            let parent = Errno::result(parent).expect("pidfd_open");
            let taken = libc::syscall(libc::SYS_pidfd_getfd, parent, fd, 0);
            Errno::result(taken).expect("pidfd_getfd") as i32
        };
        assert_ne!(taken, fd);
        // SAFETY: the kernel has made this descriptor for us alone.
        let taken = RawFile(unsafe { OwnedFd::from_raw_fd(taken) });
        subject.check_rights(&taken);
        // Nor through the names of the parent's descriptors.
        let path = format!("/proc/{}/fd/{fd}", getppid());
        let again = File::options().read(true).write(true).open(path);
        assert_eq!(again.unwrap_err().raw_os_error(), Some(libc::ENXIO));
    });
}

#[test]
fn not_when_it_is_passed_on_or_duplicated() {
    let subject = Subject::new();
    let passed = pass(subject.export.as_fd().as_raw_fd()).map(RawFile);
    subject.check_rights(&passed.unwrap());
    subject.check_rights(&RawFile(subject.export.0.try_clone().unwrap()));
    task::run(|| subject.check_rights(&subject.export));
}

#[test]
fn not_by_a_32_bit_caller() {
    if !compat::works() {
        return;
    }
    let subject = Subject::new();
    let fd = subject.export.as_fd().as_raw_fd();
    let (table_id, addr) = (subject.table, 0);
    let arg = Pages::low(1);
    let call = |number| compat::ioctl(fd, number, arg.at(0) as u64);
    arg.put(
        0,
        &[uapi::Accum {
            table_id,
            addr,
            delta: 1,
        }],
    );
    // LOAD, ACCUM and SWAP begin alike.
    for number in [uapi::IOC_LOAD, uapi::IOC_ACCUM, uapi::IOC_SWAP] {
        assert_eq!(call(number), Err(Errno::EBADF));
    }
    assert_eq!(call(uapi::IOC_READ), Ok(()));
    assert_eq!(arg.word(8), 5);
    for (op, result) in [
        (read(0), Ok(())),
        (expect(0, 6), Err(Errno::ECANCELED)),
        (set(0, 6), Err(Errno::EBADF)),
    ] {
        let ops_ptr = arg.at(64) as u64;
        arg.put(
            0,
            &[uapi::Batch {
                table_id,
                num_ops: 1,
                ops_ptr,
            }],
        );
        arg.put(64, &[op]);
        assert_eq!(call(uapi::IOC_BATCH), result);
    }
}

#[test]
fn the_original_keeps_its_rights() {
    let subject = Subject::new();
    subject.file.accum(subject.table, 0, 1).unwrap();
    assert_eq!(subject.export.read(subject.table, 0), Ok(4));
    subject.file.accum(subject.table, 0, 1).unwrap();
}
