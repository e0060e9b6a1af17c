// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Device`]: a descriptor of the device, which goes from one process to another.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use atomik::Error;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::convert::Optional;
use crate::device::Handle;
use crate::device_table::DeviceTable;
use crate::errors::from_device;

/// The type of a message with a pidfd, SCM_PIDFD.
const PIDFD: i32 = 4;

/// The bytes of control data that come with one message at most: the credentials of a peer, the
/// kernel's SCM_MAX_FD of descriptors, and a pidfd. With less room, nobody would know of the rest.
const CONTROL: [usize; 3] = [size_of::<libc::ucred>(), 253 * 4, 4];

/// A message of control data: its level, type and content.
type Control = (i32, i32, Vec<u8>);

/// A descriptor of the device, to hand on to others: ``DeviceTable.export`` makes one, and
/// ``receive`` takes one from another process.
///
/// ``close``, or the end of a ``with`` block, closes it. Raises OSError as DeviceTable does.
#[pyclass(module = "atomik_core", frozen, weakref)]
pub struct Device {
    handle: Handle<atomik::Device>,
}

#[pymethods]
impl Device {
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

    /// The table of this descriptor, if it has one only, as one that was exported has.
    ///
    /// ``width`` is 1 to 64 bits, as of a DeviceTable. The table has a descriptor of its own.
    #[pyo3(
        signature = (*, width=Optional::LeftOut),
        text_signature = "($self, *, width=64)"
    )]
    fn table(&self, py: Python<'_>, width: Optional<'_>) -> PyResult<DeviceTable> {
        let device = self.handle.get()?;
        DeviceTable::only_of(py, &device, width.width_on_device()?)
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

/// The module of sockets, if this is a unix socket. Another one would lose the descriptor.
fn unix<'py>(sock: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyModule>> {
    let module = sock.py().import("socket")?;
    if sock.getattr("family")?.ne(module.getattr("AF_UNIX")?)? {
        return Err(from_device(Error::NotUnixSocket, None));
    }
    Ok(module)
}
