// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Device`]: one open file of `/dev/atomik`, and so one set of tables.

use std::fs::OpenOptions;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockType, SockaddrLike, SockaddrStorage, getsockname, getsockopt, sockopt,
};

use crate::{
    DEFAULT_PATH, Error, Info, Operation, Result, Table, TableRef, TableUsage, Usage, Version,
    descriptors, ioctl,
};

/// One open file of the device, with the tables in it; or a descriptor of one table of such a file,
/// which [`TableRef::export`] makes.
///
/// All descriptors of the same open file share its tables, in any process, and no others do; the
/// tables end when the last of these descriptors is closed. A [`Table`] or [`TableRef`]
/// keeps the file open, so that it stays usable after the `Device` is dropped.
///
/// # Invariants
///
/// `file` answered GET_INFO with a supported version.
#[derive(Debug)]
pub struct Device {
    file: Arc<OwnedFd>,
}

impl Device {
    /// Opens [`/dev/atomik`](DEFAULT_PATH) for reading and writing; `exec` closes the descriptor.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] where the module isn't loaded, [`Error::Permission`],
    /// [`Error::Open`], [`Error::NotAtomik`], [`Error::Version`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = atomik::Device::open()?;
    /// println!("version {}", device.info()?.version);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn open() -> Result<Self> {
        Self::open_path(DEFAULT_PATH)
    }

    /// Opens the device at `path`, as [`open`](Self::open) does.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        // The standard library sets O_CLOEXEC.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| Error::open(path.into(), source))?;
        Self::checked(file.into(), Some(path))
    }

    /// Takes a descriptor that came from elsewhere: inherited, or received over a unix socket. A
    /// file opened for reading only serves commands that change nothing, such as
    /// [`info`](Self::info); it can't have tables of its own.
    ///
    /// # Errors
    ///
    /// [`Error::NotAtomik`] where it isn't one of an atomik device, [`Error::Version`]. The
    /// descriptor is closed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::os::fd::OwnedFd;
    /// let null = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    /// assert!(matches!(atomik::Device::from_fd(null), Err(atomik::Error::NotAtomik { .. })));
    /// ```
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        Self::checked(fd, None)
    }

    /// Duplicates a descriptor that this process inherited, by its number: `exec 3<>/dev/atomik` in
    /// a shell opens number 3 for the programs that it starts. The number stays open.
    ///
    /// # Errors
    ///
    /// [`Error::BadDescriptor`] where no file is open under this number, [`Error::Os`] where it
    /// can't be duplicated, and those of [`from_fd`](Self::from_fd).
    ///
    /// # Examples
    ///
    /// ```
    /// let error = atomik::Device::from_inherited(-1).unwrap_err();
    /// assert_eq!(error.to_string(), "descriptor -1 is not open");
    /// ```
    pub fn from_inherited(number: RawFd) -> Result<Self> {
        let fd = ioctl::duplicate_number(number).map_err(|source| {
            match source.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EBADF) => Error::BadDescriptor { number, source },
                _ => duplicate_error(source),
            }
        })?;
        Self::checked(fd, None)
    }

    fn checked(fd: OwnedFd, path: Option<&Path>) -> Result<Self> {
        let info = ioctl::get_info(fd.as_fd()).map_err(|errno| Error::NotAtomik {
            path: path.map(Into::into),
            source: errno.into(),
        })?;
        let found = Version::from_bits(info.version);
        if !found.is_supported() {
            return Err(Error::Version { found });
        }
        // INVARIANT: both were checked just now.
        Ok(Self { file: Arc::new(fd) })
    }

    /// Takes a descriptor that EXPORT has made.
    pub(crate) fn exported(fd: OwnedFd) -> Self {
        // INVARIANT: it is of the driver whose table it is, which was checked.
        Self { file: Arc::new(fd) }
    }

    /// Sends a duplicate of the descriptor over a unix socket of any kind, with one byte of
    /// payload, 0, as a message of a stream needs one. [`receive`](Self::receive) takes it at the
    /// other side, or any program that calls recvmsg(2).
    ///
    /// Who gets the descriptor can do all that this process can with it; see [`TableRef::export`]
    /// for one that gives less. This waits while the socket's buffer is full, unless the socket is
    /// non-blocking or has a timeout.
    ///
    /// # Errors
    ///
    /// [`Error::NotUnixSocket`]; [`Error::Os`] where the other side has closed the socket (EPIPE),
    /// and on a non-blocking one where there is no room (EAGAIN).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use std::os::unix::net::UnixStream;
    /// # use atomik::{Device, Rights};
    /// # let table = Device::open()?.create_table(16)?;
    /// let (ours, theirs) = UnixStream::pair().unwrap();
    /// table.export(Rights::ReadOnly)?.send(&ours)?;
    /// let table = Device::receive(&theirs)?.only_table()?; // in the other process
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn send(&self, socket: impl AsFd) -> Result<()> {
        let socket = socket.as_fd();
        check_unix(socket, Operation::Send)?;
        descriptors::send(socket, &[0], Some(self.file.as_fd()))
            .map_err(|errno| Error::other(Operation::Send, None, errno))
    }

    /// Receives a descriptor of the device over a unix socket of any kind; `exec` closes it. It is
    /// checked as [`from_fd`](Self::from_fd) does.
    ///
    /// One byte of a stream is read, or one message of another socket, of which all but the
    /// descriptor is dropped. This waits for the other side, unless the socket is non-blocking or
    /// has a timeout.
    ///
    /// # Errors
    ///
    /// [`Error::SocketClosed`], [`Error::Descriptors`] where the message brought none or several,
    /// [`Error::NotAtomik`], [`Error::Version`]: the descriptors are closed then.
    /// [`Error::NotUnixSocket`]; [`Error::Os`] where this process has too many descriptors, and on
    /// a non-blocking socket where there is nothing yet (EAGAIN).
    pub fn receive(socket: impl AsFd) -> Result<Self> {
        let socket = socket.as_fd();
        check_unix(socket, Operation::Receive)?;
        let (length, mut descriptors) = descriptors::receive(socket, &mut [0])
            .map_err(|errno| Error::other(Operation::Receive, None, errno))?;
        match (length, descriptors.pop(), descriptors.len()) {
            (_, Some(descriptor), 0) => Self::from_fd(descriptor),
            // A datagram may be empty; another socket is at its end then.
            (0, None, _) if getsockopt(&socket, sockopt::SockType) != Ok(SockType::Datagram) => {
                Err(Error::SocketClosed)
            }
            (_, last, others) => Err(Error::Descriptors {
                found: others + usize::from(last.is_some()),
            }),
        }
    }

    /// Duplicates the descriptor: the new `Device` shares this one's tables, and keeps them alive.
    ///
    /// # Errors
    ///
    /// [`Error::Os`], usually because the process has too many descriptors.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self.file.try_clone().map_err(duplicate_error)?;
        // INVARIANT: the same open file, which was checked before.
        Ok(Self { file: Arc::new(fd) })
    }

    /// Returns the descriptor, for example to pass it to a child process or over a unix socket.
    /// Where tables of this `Device` are still in use, they keep it, and a duplicate is returned.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] where a duplicate was needed and can't be made.
    pub fn into_fd(self) -> Result<OwnedFd> {
        match Arc::try_unwrap(self.file) {
            Ok(fd) => Ok(fd),
            Err(shared) => shared.try_clone().map_err(duplicate_error),
        }
    }

    /// Asks the driver for its version and counters.
    ///
    /// # Errors
    ///
    /// [`Error::Os`]; none is known to occur.
    pub fn info(&self) -> Result<Info> {
        ioctl::get_info(self.file.as_fd())
            .map(Info::from)
            .map_err(|errno| Error::other(Operation::GetInfo, None, errno))
    }

    /// The usage of this open file: its tables, their sizes, the memory in bytes and the number of
    /// operations so far.
    ///
    /// This reads `/proc/self/fdinfo`, and so takes longer than an operation.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] where `/proc` isn't mounted.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.file.as_fd())
    }

    /// The tables of this open file, whichever process made them; dropping these destroys none.
    ///
    /// # Errors
    ///
    /// Those of [`usage`](Self::usage).
    pub fn tables(&self) -> Result<Vec<TableRef>> {
        let usage = self.usage()?;
        let table = |t: &TableUsage| TableRef::new(Arc::clone(&self.file), t.id, Some(t.contexts));
        Ok(usage.tables.iter().map(table).collect())
    }

    /// The table of this open file, where it has just one: so its id need not be known.
    ///
    /// # Errors
    ///
    /// [`Error::NoTable`], [`Error::SeveralTables`], and those of [`usage`](Self::usage).
    pub fn only_table(&self) -> Result<TableRef> {
        let mut tables = self.tables()?;
        match tables.len() {
            0 | 1 => tables.pop().ok_or(Error::NoTable),
            _ => Err(Error::SeveralTables {
                ids: tables.iter().map(TableRef::id).collect(),
            }),
        }
    }

    /// Makes a table of `contexts` contexts, 1 to [`MAX_CONTEXTS`](crate::MAX_CONTEXTS), each with
    /// reference 0 and accumulator 0. Dropping the returned [`Table`] destroys it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCount`], [`Error::TooManyTables`] beyond
    /// [`MAX_TABLES`](crate::MAX_TABLES) in one open file, [`Error::NoMemory`],
    /// [`Error::ReadOnly`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let table = atomik::Device::open()?.create_table(16)?;
    /// assert_eq!(table.read(15)?, 0);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn create_table(&self, contexts: u32) -> Result<Table> {
        let id = ioctl::create_table(self.file.as_fd(), contexts)
            .map_err(|errno| Error::create(contexts, errno))?;
        let table = TableRef::new(Arc::clone(&self.file), id, Some(contexts));
        Ok(Table::owning(table))
    }

    /// Finds an existing table of this open file, for example one made by another process. Dropping
    /// the returned [`TableRef`] doesn't destroy the table.
    ///
    /// One READ of the first context tells whether the table exists. [`TableRef::size`] returns its
    /// number of contexts.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTable`].
    ///
    /// # Examples
    ///
    /// A worker puts its states where they survive it:
    ///
    /// ```no_run
    /// # use atomik::Device;
    /// # let device = Device::open()?; let for_worker = device.try_clone()?;
    /// // In the worker, which got a duplicate of the descriptor:
    /// let table = for_worker.create_table(4)?;
    /// table.accum(0, 42)?;
    /// let id = table.into_id(); // not destroyed from here on
    ///
    /// // In the supervisor, which was told the id:
    /// assert_eq!(device.table(id)?.read(0)?, 42);
    /// # Ok::<(), atomik::Error>(())
    /// ```
    pub fn table(&self, id: u32) -> Result<TableRef> {
        let table = TableRef::new(Arc::clone(&self.file), id, None);
        table.read(0)?;
        Ok(table)
    }
}

/// Refuses sockets that drop descriptors without a word.
fn check_unix(socket: BorrowedFd<'_>, op: Operation) -> Result<()> {
    let address: SockaddrStorage =
        getsockname(socket.as_raw_fd()).map_err(|errno| Error::other(op, None, errno))?;
    match address.family() {
        Some(AddressFamily::Unix) => Ok(()),
        _ => Err(Error::NotUnixSocket),
    }
}

fn duplicate_error(source: std::io::Error) -> Error {
    Error::Os {
        op: Operation::Duplicate,
        table: None,
        source,
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for Device {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// The same as [`Device::from_fd`].
impl TryFrom<OwnedFd> for Device {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        Self::from_fd(fd)
    }
}

/// The same as [`Device::into_fd`].
impl TryFrom<Device> for OwnedFd {
    type Error = Error;

    fn try_from(device: Device) -> Result<Self> {
        device.into_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{ControlMessage, MsgFlags, SockFlag, sendmsg, setsockopt, socketpair};
    use std::fs::File;
    use std::io::{IoSlice, Read};
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;

    #[test]
    fn refuses_other_files() {
        let error = Device::open_path("/dev/null").unwrap_err();
        assert_eq!(error.to_string(), "/dev/null is not an atomik device");
        assert_eq!(error.hint().unwrap(), "the driver's device is /dev/atomik");

        let null = OwnedFd::from(File::open("/dev/null").unwrap());
        let error = Device::try_from(null).unwrap_err();
        assert_eq!(error.to_string(), "the descriptor is not an atomik device");
        assert_eq!(error.errno(), Some(Errno::ENOTTY as i32));
    }

    /// Sends a byte and descriptors, as another program may.
    fn send_raw(socket: &OwnedFd, bytes: &[u8], descriptors: &[RawFd]) {
        let rights = [ControlMessage::ScmRights(descriptors)];
        let rights = if descriptors.is_empty() {
            &[]
        } else {
            &rights[..]
        };
        let (fd, bytes) = (socket.as_raw_fd(), [IoSlice::new(bytes)]);
        sendmsg::<()>(fd, &bytes, rights, MsgFlags::empty(), None).unwrap();
    }

    #[test]
    fn what_is_received_and_is_no_device_is_told_and_closed() {
        for kind in [SockType::Stream, SockType::Datagram, SockType::SeqPacket] {
            let (a, b) =
                socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap();
            let (mut reader, writer) = UnixStream::pair().unwrap();
            for found in [0, 1, 2, 3, 253] {
                send_raw(&a, b"x", &vec![writer.as_raw_fd(); found]);
                let error = Device::receive(&b).unwrap_err();
                let right = match error {
                    Error::NotAtomik { path: None, .. } => found == 1,
                    Error::Descriptors { found: told } => found != 1 && told == found,
                    _ => false,
                };
                assert!(right, "{kind:?}, {found}: {error}");
            }
            // The reader is at the end, so nobody has the writer any more.
            drop(writer);
            assert_eq!(reader.read(&mut [0]).unwrap(), 0);

            if kind == SockType::Datagram {
                send_raw(&a, b"", &[]);
                let error = Device::receive(&b).unwrap_err();
                assert!(matches!(error, Error::Descriptors { found: 0 }), "{error}");
            } else {
                drop(a);
                let error = Device::receive(&b).unwrap_err();
                assert!(matches!(error, Error::SocketClosed), "{error}");
            }
        }
    }

    #[test]
    fn descriptors_are_found_behind_credentials() {
        let (a, b) = UnixStream::pair().unwrap();
        setsockopt(&b, sockopt::PassCred, &true).unwrap();
        let a = OwnedFd::from(a);
        for found in [2, 253] {
            send_raw(&a, b"x", &vec![a.as_raw_fd(); found]);
            let error = Device::receive(&b).unwrap_err();
            assert!(
                matches!(error, Error::Descriptors { found: f } if f == found),
                "{error}"
            );
        }
    }

    #[test]
    fn of_a_stream_one_byte_is_taken() {
        let (a, b) = UnixStream::pair().unwrap();
        let a = OwnedFd::from(a);
        send_raw(&a, b"xyz", &[a.as_raw_fd(); 2]);
        let error = Device::receive(&b).unwrap_err();
        assert!(matches!(error, Error::Descriptors { found: 2 }), "{error}");
        let mut rest = [0; 2];
        (&b).read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"yz");
    }

    #[test]
    fn only_unix_sockets_carry_descriptors() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let null = Device {
            file: Arc::new(File::open("/dev/null").unwrap().into()),
        };
        let refused = |error| matches!(error, Error::NotUnixSocket);
        assert!(refused(null.send(&server).unwrap_err()));
        assert!(refused(Device::receive(&server).unwrap_err()));
        let error = Device::receive(null.as_fd()).unwrap_err();
        assert_eq!(error.to_string(), "receiving a descriptor failed");
        assert_eq!(error.errno(), Some(Errno::ENOTSOCK as i32));
        // Nor can one be sent to who has gone.
        let (a, b) = UnixStream::pair().unwrap();
        drop(b);
        assert_eq!(
            null.send(&a).unwrap_err().errno(),
            Some(Errno::EPIPE as i32)
        );
        // A non-blocking socket doesn't wait.
        let (a, b) = UnixStream::pair().unwrap();
        b.set_nonblocking(true).unwrap();
        let error = Device::receive(&b).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EAGAIN as i32));
        null.send(&a).unwrap();
        assert!(matches!(Device::receive(&b), Err(Error::NotAtomik { .. })));
    }

    #[test]
    fn names_the_path_that_is_missing() {
        let error = Device::open_path("/nowhere/atomik").unwrap_err();
        assert_eq!(error.to_string(), "no atomik device at /nowhere/atomik");
        let error = Device::open_path("a\0b").unwrap_err();
        assert!(matches!(error, Error::Open { .. }), "{error:?}");
    }
}
