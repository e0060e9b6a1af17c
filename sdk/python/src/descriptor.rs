// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Device`]: a descriptor of the device, which goes from one process to another.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

use atomik::Error;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::convert::Optional;
use crate::device::{Handle, Open, default_path, open_file};
use crate::device_table::DeviceTable;
use crate::errors::from_device;

/// The type of a message with a pidfd, SCM_PIDFD.
const PIDFD: i32 = 4;

/// The bytes of control data that come with one message at most: the credentials of a peer, the
/// kernel's SCM_MAX_FD of descriptors, and a pidfd. With less room, nobody would know of the rest.
const CONTROL: [usize; 3] = [size_of::<libc::ucred>(), 253 * 4, 4];

/// A message of control data: its level, type and content.
type Control = (i32, i32, Vec<u8>);

/// An open file of the device, with its tables, to hand on to others. ``Device()`` opens one,
/// ``DeviceTable.export`` makes one of a single table, and ``receive``, ``inherited`` and
/// ``from_fd`` take one that another process or another part of this one has opened.
///
/// Tables outlive the objects here: they end with the last descriptor of their file. ``close``, or
/// the end of a ``with`` block, closes this one. Raises OSError as DeviceTable does.
#[pyclass(module = "atomik_core", frozen, weakref)]
pub struct Device {
    handle: Handle<atomik::Device>,
}

#[pymethods]
impl Device {
    #[new]
    #[pyo3(
        signature = (path=default_path()),
        text_signature = "(path=\"/dev/atomik\")"
    )]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let device = py.detach(|| atomik::Device::open_path(&path));
        let device = device.map_err(|error| from_device(error, Some(&path)))?;
        Ok(Self::new(device))
    }

    /// Takes an open file. ``fd`` is a descriptor's number, or an object with a ``fileno``. It is
    /// duplicated and stays open.
    #[classmethod]
    fn from_fd(cls: &Bound<'_, PyType>, fd: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        Py::new(cls.py(), Self::new(open_file(fd)?))
    }

    /// The file that this process was started with, as ``atomikctl session exec`` and systemd's
    /// descriptor store hand it on: by ``LISTEN_FDS``. None where there is none.
    #[staticmethod]
    fn inherited(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        py.import("atomik_core._spawning")?
            .call_method0("inherited")
    }

    /// The file's tables, of whatever process, by ascending number. ``width`` is as of a
    /// DeviceTable. Each has a descriptor of its own.
    #[pyo3(
        signature = (*, width=Optional::LeftOut),
        text_signature = "($self, *, width=64)"
    )]
    fn tables(&self, py: Python<'_>, width: Optional<'_>) -> PyResult<Vec<DeviceTable>> {
        let (device, width) = (self.handle.get()?, width.width_on_device()?);
        let tables = py.detach(|| device.tables());
        let tables = tables.map_err(|error| from_device(error, None))?;
        let open = |table: atomik::TableRef| Open::of(py, &device, Some(table.id()), width);
        tables
            .into_iter()
            .map(|table| open(table).map(DeviceTable::of))
            .collect()
    }

    /// Makes a table in the file, which ends with the file, or by its ``destroy``.
    #[pyo3(
        signature = (num_contexts=Optional::LeftOut, *, width=Optional::LeftOut),
        text_signature = "($self, num_contexts=256, *, width=64)"
    )]
    fn create_table(
        &self,
        py: Python<'_>,
        num_contexts: Optional<'_>,
        width: Optional<'_>,
    ) -> PyResult<DeviceTable> {
        let device = self.handle.get()?;
        let contexts = num_contexts.num_contexts_on_device()?;
        let width = width.width_on_device()?;
        py.detach(|| Open::create(device.try_clone()?, contexts, width))
            .map(DeviceTable::of)
            .map_err(|error| from_device(error, None))
    }

    /// The driver's version and counters, as a DeviceInfo.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let device = self.handle.get()?;
        info(py, &device)
    }

    /// Sends the descriptor over a unix socket of any kind, with one byte of data. It stays open
    /// here.
    ///
    /// Timeouts and signals are as with the socket's own methods.
    fn send(&self, sock: &Bound<'_, PyAny>) -> PyResult<()> {
        let device = self.handle.get()?;
        let module = unix(sock)?;
        module.call_method1(
            "send_fds",
            (sock, [c"".to_bytes_with_nul()], [device.as_raw_fd()]),
        )?;
        drop(device);
        Ok(())
    }

    /// Receives a descriptor of the device over a unix socket of any kind.
    ///
    /// Reads one byte of a stream, or one message of another socket. Raises EOFError at the
    /// socket's end, and OSError where there came another descriptor, none, or several, which are
    /// all closed.
    #[classmethod]
    fn receive(cls: &Bound<'_, PyType>, sock: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let py = cls.py();
        let module = unix(sock)?;
        let mut room = 0;
        for bytes in CONTROL {
            let space = module.call_method1("CMSG_SPACE", (bytes,))?;
            room += space.extract::<usize>()?;
        }
        // The module's recv_fds doesn't hand on the flag.
        let received = sock.call_method1("recvmsg", (1, room, libc::MSG_CMSG_CLOEXEC))?;
        let (data, messages, flags, _from): (Vec<u8>, Vec<Control>, i32, Py<PyAny>) =
            received.extract()?;
        let mut descriptors = Vec::new();
        for (level, kind, integers) in messages {
            if level != libc::SOL_SOCKET || ![libc::SCM_RIGHTS, PIDFD].contains(&kind) {
                continue;
            }
            let numbers = integers.chunks_exact(4);
            let numbers = numbers.map(|n| i32::from_ne_bytes([n[0], n[1], n[2], n[3]]));
            // The kernel puts an error's number in the place of a pidfd that it couldn't make.
            for number in numbers.filter(|&number| number >= 0) {
                // SAFETY: the kernel has made it for this message, which nobody else has received.
                let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
                if kind == libc::SCM_RIGHTS {
                    descriptors.push(descriptor);
                }
            }
        }
        if flags & libc::MSG_CTRUNC != 0 {
            let text = "no descriptor is left for the one that came";
            return Err(PyOSError::new_err((libc::EMFILE, text)));
        }
        let device = match (descriptors.pop(), descriptors.len()) {
            (Some(descriptor), 0) => atomik::Device::from_fd(descriptor),
            (None, _) if data.is_empty() => Err(Error::SocketClosed),
            (last, others) => Err(Error::Descriptors {
                found: others + usize::from(last.is_some()),
            }),
        };
        Py::new(
            py,
            Self::new(device.map_err(|error| from_device(error, None))?),
        )
    }

    /// The table of the number ``table_id``, or the only one, as a file that was exported has.
    ///
    /// ``width`` is 1 to 64 bits, as of a DeviceTable. The table has a descriptor of its own.
    #[pyo3(
        signature = (table_id=None, *, width=Optional::LeftOut),
        text_signature = "($self, table_id=None, *, width=64)"
    )]
    fn table(
        &self,
        py: Python<'_>,
        table_id: Option<&Bound<'_, PyAny>>,
        width: Optional<'_>,
    ) -> PyResult<DeviceTable> {
        let device = self.handle.get()?;
        let id = crate::device::table_id(table_id)?;
        let open = Open::of(py, &device, id, width.width_on_device()?)?;
        Ok(DeviceTable::of(open))
    }

    /// The descriptor's number. It is nothing to wait for: see ``DeviceTable.fileno``.
    fn fileno(&self) -> PyResult<i32> {
        Ok(self.handle.get()?.as_raw_fd())
    }

    /// Closes the descriptor. Closing again does nothing; other calls then raise ValueError.
    fn close(&self) {
        self.handle.close();
    }

    /// True once it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().handle.get()?;
        Ok(slf)
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, PyTuple>) {
        self.close();
    }

    /// For multiprocessing: an argument of a process that it spawns takes the descriptor along.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.get().handle.get()?;
        spawned(slf.as_any(), &[])
    }

    fn __repr__(&self) -> String {
        match self.handle.get() {
            Ok(device) => format!("<Device fd={}>", device.as_raw_fd()),
            Err(_) => "<Device closed>".into(),
        }
    }
}

impl Device {
    pub fn new(device: atomik::Device) -> Self {
        Self {
            handle: Handle::new(device, "Device"),
        }
    }
}

/// The driver's version and counters, as Python has them.
pub fn info<'py>(py: Python<'py>, device: &atomik::Device) -> PyResult<Bound<'py, PyAny>> {
    let info = py.detach(|| device.info());
    let info = info.map_err(|error| from_device(error, None))?;
    let backend = match info.backend {
        atomik::Backend::Software => "software".into(),
        other => other.to_string(),
    };
    let numbers = (
        (info.version.major, info.version.minor, info.version.patch),
        backend,
        info.hw_banks,
        info.fp_enabled,
        info.ops_total,
        info.fp_checks,
        info.fp_bytes_saved,
    );
    py.import("atomik_core.device")?
        .getattr("DeviceInfo")?
        .call1(numbers)
}

/// The parts from which a process that multiprocessing spawns makes the object again. `arguments`
/// follow the descriptor.
pub fn spawned<'py>(object: &Bound<'py, PyAny>, arguments: &[u32]) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let arguments = PyTuple::new(py, arguments)?;
    py.import("atomik_core._spawning")?
        .call_method1("reduce", (object, arguments))
}

/// The module of sockets, if this is a unix socket. Another one would lose the descriptor.
fn unix<'py>(sock: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyModule>> {
    let module = sock.py().import("socket")?;
    if sock.getattr("family")?.ne(module.getattr("AF_UNIX")?)? {
        return Err(from_device(Error::NotUnixSocket, None));
    }
    Ok(module)
}
