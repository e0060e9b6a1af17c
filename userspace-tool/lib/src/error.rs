// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Error`]: why an operation on a table or the device failed, with the names and numbers
//! involved.

use std::io;
use std::path::PathBuf;

use atomik_uapi::{MAX_BATCH, MAX_CONTEXTS, MAX_TABLES};
use nix::errno::Errno;

use crate::{DEFAULT_PATH, LocalError, Operation, Version};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a table or the device failed. Nothing has changed then.
///
/// [`hint`](Self::hint) says what to do next, [`errno`](Self::errno) gives the system's code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no device at this path; usually the module isn't loaded.
    #[error("no atomik device at {}", path.display())]
    NoDevice {
        /// The path that was opened.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// This user may not open the device.
    #[error("no permission to open {}", path.display())]
    Permission {
        /// The path that was opened.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The device couldn't be opened for another reason.
    #[error("can't open {}", path.display())]
    Open {
        /// The path that was opened.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file isn't an atomik device.
    #[error("{} is not an atomik device",
        .path.as_ref().map_or("the descriptor".into(), |path| path.display().to_string()))]
    NotAtomik {
        /// The path that was opened; none where a descriptor was given.
        path: Option<PathBuf>,
        /// The system's error of GET_INFO.
        source: io::Error,
    },
    /// The driver's interface has a version that this library doesn't support.
    #[error(
        "the driver has version {found} of the interface, and {} is needed",
        Version::SUPPORTED
    )]
    Version {
        /// The driver's version.
        found: Version,
    },
    /// This process has no open descriptor of this number.
    #[error("descriptor {number} is not open")]
    BadDescriptor {
        /// The number.
        number: i32,
        /// The system's error.
        source: io::Error,
    },
    /// The open file has no tables.
    #[error("this open file has no tables")]
    NoTable,
    /// The open file has several tables, so that none could be chosen.
    #[error("this open file has the tables {}",
        .ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))]
    SeveralTables {
        /// Their ids.
        ids: Vec<u32>,
    },
    /// A range of contexts, such as an image's, is empty or goes beyond the table.
    #[error("{count} contexts from address {addr} are not in {}{}",
        named(*.table),
        .contexts.map_or(String::new(), |n| format!(", which has {n} contexts")))]
    Range {
        /// The table's id; 0 where it is in this process, a [`LocalTable`](crate::LocalTable).
        table: u32,
        /// The first address.
        addr: u32,
        /// The number of contexts that was asked for.
        count: u64,
        /// The table's number of contexts, where it's known.
        contexts: Option<u32>,
    },
    /// The kernel has no memory for an operation: its copy of an image, or a watch.
    #[error("no memory for {op}")]
    OutOfMemory {
        /// The operation.
        op: Operation,
    },
    /// The driver is too old for this operation.
    #[error("the driver doesn't know {op}")]
    Unsupported {
        /// The operation.
        op: Operation,
    },
    /// The open file has no table of this id; it may have been destroyed.
    #[error("no table {table} in this open file")]
    NoSuchTable {
        /// The table's id.
        table: u32,
    },
    /// An address isn't below the table's number of contexts.
    #[error("{}address {addr} is outside {}{}",
        .entry.map_or(String::new(), |entry| format!("entry {entry} of the batch: ")),
        named(*.table),
        .contexts.map_or(String::new(), |n| format!(", which has {n} contexts")))]
    Address {
        /// The table's id; 0 where it is in this process, a [`LocalTable`](crate::LocalTable).
        table: u32,
        /// The address that was asked for.
        addr: u32,
        /// The table's number of contexts; none where another process made the table.
        contexts: Option<u32>,
        /// The number of the entry with this address, from 0, in a batch or in many operations.
        entry: Option<usize>,
    },
    /// A table can't have this number of contexts.
    #[error("a table can't have {contexts} contexts, only 1 to {MAX_CONTEXTS}")]
    InvalidCount {
        /// The number that was asked for.
        contexts: u32,
    },
    /// The open file has as many tables as it may.
    #[error("this open file has {MAX_TABLES} tables already")]
    TooManyTables,
    /// Memory is exhausted: the machine's, the caller's memory cgroup's, or the module's own limit.
    #[error("no memory for a table of {contexts} contexts")]
    NoMemory {
        /// The number of contexts that was asked for.
        contexts: u32,
    },
    /// The descriptor doesn't serve this operation: it wasn't opened for writing, or it is an
    /// [export](crate::TableRef::export), which neither makes nor destroys tables and, if it is
    /// read-only, changes nothing.
    #[error("this descriptor doesn't give the right to {op}")]
    ReadOnly {
        /// The operation.
        op: Operation,
    },
    /// The kernel couldn't access the caller's memory. Safe code never causes this.
    #[error("{op}: memory that can't be accessed")]
    Fault {
        /// The operation.
        op: Operation,
    },
    /// A batch has no entries.
    #[error("the batch is empty")]
    BatchEmpty,
    /// A batch has more entries than the kernel takes at once.
    #[error("the batch has {entries} entries, and {MAX_BATCH} is the most")]
    BatchTooLong {
        /// The number of entries.
        entries: usize,
    },
    /// A condition of a batch doesn't hold. The batch is as it was, and can be run again.
    #[error(
        "entry {entry} of the batch: the state at address {addr} is {found:#x}, where \
         {expected:#x} was expected"
    )]
    Canceled {
        /// The first EXPECT that doesn't hold: its number in the batch, from 0.
        entry: usize,
        /// The context's address.
        addr: u32,
        /// The state that the context was to have.
        expected: u64,
        /// The state that it has.
        found: u64,
    },
    /// Others changed the contexts of an `update` or a `transact` during each of its attempts.
    #[error("others were faster in each of {attempts} attempts, the last time at address {addr}")]
    Contended {
        /// The address that was changed during the last attempt.
        addr: u32,
        /// The number of attempts, [`MAX_ATTEMPTS`](crate::MAX_ATTEMPTS).
        attempts: u32,
    },
    /// An address was given twice, where each context can have just one state.
    #[error("address {addr} is given more than once")]
    RepeatedAddress {
        /// The address.
        addr: u32,
    },
    /// A descriptor can't be sent over this socket.
    #[error("the socket is not a unix socket, which alone carries descriptors")]
    NotUnixSocket,
    /// The other side has closed the socket, and sent no descriptor before.
    #[error("the other side has closed the socket without sending a descriptor")]
    SocketClosed,
    /// A message that was to bring one descriptor brought none, or several, which have been closed.
    #[error("a message brought {found} descriptors, and one was expected")]
    Descriptors {
        /// The number of descriptors.
        found: usize,
    },
    /// [`TableRef::submit`](crate::TableRef::submit) was given a batch that returns something.
    #[error("entry {entry} of the batch returns a state, and this batch is to return nothing")]
    BatchReturns {
        /// The first READ or SWAP, from 0.
        entry: usize,
    },
    /// A [`BatchRead`](crate::BatchRead) belongs to another batch.
    #[error("entry {entry} of this batch returns no state")]
    NoSuchResult {
        /// The entry that was asked for, from 0.
        entry: usize,
    },
    /// A context, table, fingerprint or stream of this process refused something.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// Another error of the system.
    #[error("{op}{} failed", .table.map_or(String::new(), |table| format!(" on table {table}")))]
    Os {
        /// The operation.
        op: Operation,
        /// The table's id, where one was concerned.
        table: Option<u32>,
        /// The system's error.
        source: io::Error,
    },
}

/// The name of a table in an error.
fn named(table: u32) -> String {
    match table {
        0 => "the table".into(),
        id => format!("table {id}"),
    }
}

impl Error {
    /// The next step, as a sentence for the program's user; none where the message is enough.
    ///
    /// ```
    /// let error = atomik::Device::open_path("/nowhere").unwrap_err();
    /// assert!(error.hint().unwrap().contains("modprobe atomik"));
    /// ```
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoDevice { .. } => {
                "load the driver: `sudo modprobe atomik`; if that fails, `sudo dmesg` says why"
                    .into()
            }
            Self::Permission { .. } => {
                "join the group atomik: `sudo gpasswd --add \"$USER\" atomik`, then log in again"
                    .into()
            }
            Self::NotAtomik { .. } => format!("the driver's device is {DEFAULT_PATH}"),
            Self::Version { .. } => {
                "install the driver and the programs of one release, then reload the driver: \
                 `sudo modprobe -r atomik` and `sudo modprobe atomik`"
                    .into()
            }
            Self::BadDescriptor { number, .. } if *number >= 0 => {
                format!("in the shell, `exec {number}<>{DEFAULT_PATH}` opens it")
            }
            Self::Open { source, .. } | Self::Os { source, .. } => {
                match source.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EMFILE) => {
                        "this process has too many open files: close some, or raise the limit, in \
                         the shell with `ulimit -n`"
                            .into()
                    }
                    Some(Errno::ENFILE) => {
                        "the system has too many open files: close some, or raise \
                         `sysctl fs.file-max`"
                            .into()
                    }
                    _ => return None,
                }
            }
            Self::NoTable => "create a table first".into(),
            Self::SeveralTables { .. } => "choose one by its id".into(),
            Self::Unsupported { .. } => {
                "install a newer driver, then reload it: `sudo modprobe -r atomik` and \
                 `sudo modprobe atomik`"
                    .into()
            }
            Self::OutOfMemory { .. } => {
                "free memory, raise the limit of the memory cgroup or the module's limit_kib, or \
                 take fewer contexts at once"
                    .into()
            }
            Self::NoSuchTable { .. } => {
                "a table belongs to one open file; it ends when destroyed, or when the last \
                 descriptor of that file is closed"
                    .into()
            }
            Self::Address {
                contexts: Some(contexts),
                ..
            }
            | Self::Range {
                contexts: Some(contexts),
                ..
            } => format!("its addresses are 0 to {}", contexts.saturating_sub(1)),
            Self::Address { contexts: None, .. } | Self::Range { contexts: None, .. } => {
                "addresses start at 0, and end below the number of contexts that the table was \
                 created with"
                    .into()
            }
            Self::TooManyTables => "destroy a table, or open the device again".into(),
            Self::NoMemory { .. } => {
                "destroy tables, make a smaller one, or raise the limit of the memory cgroup".into()
            }
            Self::ReadOnly {
                op: Operation::CreateTable | Operation::DestroyTable | Operation::Export,
            } => {
                "an exported table's descriptor serves its contexts alone; use one of the device, \
                 opened for reading and writing"
                    .into()
            }
            Self::ReadOnly { .. } => {
                "open the device for reading and writing, or have the table exported with the \
                 right to write"
                    .into()
            }
            Self::Canceled { .. } => {
                "nothing has been applied: decide anew by the state found, and run it again".into()
            }
            Self::Contended { .. } => {
                "do less between reading the states and changing them, or change the context from \
                 fewer threads"
                    .into()
            }
            Self::RepeatedAddress { .. } => "give each address once".into(),
            Self::BatchTooLong { .. } => {
                "run it as several batches, each isolated by itself".into()
            }
            Self::BatchReturns { .. } => "use `run`, which returns states".into(),
            Self::Local(LocalError::TooWide { .. }) => {
                "the methods of `Value`, such as `read_value`, serve any width".into()
            }
            _ => return None,
        })
    }

    /// The system's code for this error, such as `ENOENT`; also where this library refused what the
    /// kernel would have refused. None where there is no such code.
    pub fn errno(&self) -> Option<i32> {
        let errno = match self {
            Self::NoDevice { source, .. }
            | Self::Permission { source, .. }
            | Self::Open { source, .. }
            | Self::NotAtomik { source, .. }
            | Self::BadDescriptor { source, .. }
            | Self::Os { source, .. } => return source.raw_os_error(),
            Self::NoSuchTable { .. } => Errno::ENOENT,
            Self::Address { .. }
            | Self::Local(LocalError::NoContexts)
            | Self::InvalidCount { .. }
            | Self::Range { .. }
            | Self::BatchEmpty
            | Self::BatchTooLong { .. } => Errno::EINVAL,
            Self::TooManyTables => Errno::ENOSPC,
            Self::NoMemory { .. } | Self::OutOfMemory { .. } => Errno::ENOMEM,
            // EXPECT and SET are opcodes, other operations commands of their own.
            Self::Unsupported {
                op: Operation::Expect | Operation::Set,
            } => Errno::EINVAL,
            Self::Unsupported { .. } => Errno::ENOTTY,
            Self::ReadOnly { .. } => Errno::EBADF,
            // The last attempt of a contended one was canceled.
            Self::Canceled { .. } | Self::Contended { .. } => Errno::ECANCELED,
            Self::NotUnixSocket => Errno::EAFNOSUPPORT,
            Self::Fault { .. } => Errno::EFAULT,
            // No system call reports these. (The kernel would take an address twice.)
            Self::RepeatedAddress { .. }
            | Self::SocketClosed
            | Self::Descriptors { .. }
            | Self::NoTable
            | Self::Local(_)
            | Self::SeveralTables { .. }
            | Self::Version { .. }
            | Self::BatchReturns { .. }
            | Self::NoSuchResult { .. } => {
                return None;
            }
        };
        Some(errno as i32)
    }

    /// Translates an error of open(2).
    pub(crate) fn open(path: PathBuf, source: io::Error) -> Self {
        match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => Self::NoDevice { path, source },
            Some(Errno::EACCES | Errno::EPERM) => Self::Permission { path, source },
            _ => Self::Open { path, source },
        }
    }

    /// Translates an error of CREATE_TABLE.
    pub(crate) fn create(contexts: u32, errno: Errno) -> Self {
        match errno {
            Errno::EINVAL => Self::InvalidCount { contexts },
            Errno::ENOSPC => Self::TooManyTables,
            Errno::ENOMEM => Self::NoMemory { contexts },
            other => Self::other(Operation::CreateTable, None, other),
        }
    }

    /// Translates an error that any command may return.
    pub(crate) fn other(op: Operation, table: Option<u32>, errno: Errno) -> Self {
        match (errno, table) {
            (Errno::ENOENT, Some(table)) => Self::NoSuchTable { table },
            (Errno::EBADF, _) => Self::ReadOnly { op },
            (Errno::EFAULT, _) => Self::Fault { op },
            _ => Self::Os {
                op,
                table,
                source: errno.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    fn opened(errno: Errno) -> Error {
        Error::open("/dev/atomik".into(), errno.into())
    }

    #[test]
    fn open_errors_say_what_to_do() {
        for errno in [Errno::ENOENT, Errno::ENODEV, Errno::ENXIO] {
            let error = opened(errno);
            assert_eq!(error.to_string(), "no atomik device at /dev/atomik");
            assert!(error.hint().unwrap().contains("sudo modprobe atomik"));
            assert_eq!(error.errno(), Some(errno as i32));
            assert!(error.source().is_some());
        }
        let error = opened(Errno::EACCES);
        assert!(matches!(error, Error::Permission { .. }));
        assert!(error.hint().unwrap().contains("group atomik"));
        for (errno, remedy) in [(Errno::EMFILE, "ulimit -n"), (Errno::ENFILE, "fs.file-max")] {
            let error = opened(errno);
            assert!(matches!(error, Error::Open { .. }));
            assert!(error.hint().unwrap().contains(remedy));
            let error = Error::other(Operation::Duplicate, None, errno);
            assert!(error.hint().unwrap().contains(remedy));
        }
        assert_eq!(opened(Errno::EIO).hint(), None);
    }

    #[test]
    fn create_errors_name_the_number() {
        let text = |errno| Error::create(70_000, errno).to_string();
        assert_eq!(
            text(Errno::EINVAL),
            "a table can't have 70000 contexts, only 1 to 65536"
        );
        assert_eq!(text(Errno::ENOSPC), "this open file has 256 tables already");
        assert_eq!(
            text(Errno::ENOMEM),
            "no memory for a table of 70000 contexts"
        );
        let error = Error::create(1, Errno::EBADF);
        assert!(matches!(
            error,
            Error::ReadOnly {
                op: Operation::CreateTable
            }
        ));
    }

    #[test]
    fn address_errors_name_everything_known() {
        let error = Error::Address {
            table: 3,
            addr: 300,
            contexts: Some(256),
            entry: Some(7),
        };
        assert_eq!(
            error.to_string(),
            "entry 7 of the batch: address 300 is outside table 3, which has 256 contexts"
        );
        assert_eq!(error.hint().unwrap(), "its addresses are 0 to 255");
        let error = Error::Address {
            table: 3,
            addr: 300,
            contexts: None,
            entry: None,
        };
        assert_eq!(error.to_string(), "address 300 is outside table 3");
        assert_eq!(error.errno(), Some(Errno::EINVAL as i32));
    }

    #[test]
    fn what_a_descriptor_does_not_serve_is_told_by_its_kind() {
        let hint = |op| Error::other(op, Some(1), Errno::EBADF).hint().unwrap();
        for op in [Operation::Load, Operation::Set, Operation::Restore] {
            assert!(hint(op).contains("right to write"));
        }
        // A read-write export doesn't serve these either.
        for op in [
            Operation::CreateTable,
            Operation::DestroyTable,
            Operation::Export,
        ] {
            assert!(hint(op).contains("serves its contexts alone"));
        }
    }

    #[test]
    fn conditions_name_both_states() {
        let error = Error::Canceled {
            entry: 2,
            addr: 7,
            expected: 5,
            found: 0xff,
        };
        assert_eq!(
            error.to_string(),
            "entry 2 of the batch: the state at address 7 is 0xff, where 0x5 was expected"
        );
        assert_eq!(error.errno(), Some(Errno::ECANCELED as i32));
        let error = Error::Contended {
            addr: 7,
            attempts: 10,
        };
        assert_eq!(
            error.to_string(),
            "others were faster in each of 10 attempts, the last time at address 7"
        );
        assert_eq!(error.errno(), Some(Errno::ECANCELED as i32));
        assert!(error.hint().is_some());
        assert_eq!(Error::RepeatedAddress { addr: 7 }.errno(), None);
    }

    #[test]
    fn unforeseen_codes_are_kept() {
        let error = Error::other(Operation::Batch, Some(2), Errno::ENOMEM);
        assert_eq!(error.to_string(), "BATCH on table 2 failed");
        assert_eq!(error.errno(), Some(Errno::ENOMEM as i32));
        // ENOENT can't mean a table where none was named.
        let error = Error::other(Operation::GetInfo, None, Errno::ENOENT);
        assert!(matches!(error, Error::Os { .. }));
    }
}
