// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptors passed by systemd's convention, and notifications to systemd.

use std::io;
use std::os::fd::{AsFd, RawFd};
use std::os::unix::net::UnixListener;

use nix::sys::socket::{getsockopt, sockopt::AcceptConn};
use sd_notify::NotifyState;

use super::{Result, SessionError};
use crate::{Device, ioctl};

/// The descriptor's name in `LISTEN_FDNAMES` and in the descriptor store.
pub const FD_NAME: &str = "atomik";

/// The number of the first passed descriptor.
pub const FIRST_FD: i32 = 3;

/// The device that was passed to this process by the convention of `LISTEN_FDS`, as `atomikctl
/// session exec` and systemd's descriptor store do. None where there is none.
///
/// # Errors
///
/// [`SessionError::Listen`] where the variables contradict themselves.
///
/// # Examples
///
/// ```no_run
/// let device = match atomik::session::inherited()? {
///     Some(device) => device,
///     None => atomik::Device::open()?,
/// };
/// # let _ = device;
/// # Ok::<(), atomik::session::SessionError>(())
/// ```
pub fn inherited() -> Result<Option<Device>> {
    Ok(Given::take()?.device)
}

/// The numbers of the descriptors that were passed to this process by the convention of
/// `LISTEN_FDS`. Empty where they were meant for another process, whose variables this one
/// inherited.
///
/// # Errors
///
/// [`SessionError::Listen`] where the variables contradict themselves.
pub fn passed() -> Result<Vec<RawFd>> {
    if is_for_another("LISTEN_PID") {
        return Ok(vec![]);
    }
    let descriptors = sd_notify::listen_fds_with_names(false)
        .map_err(|source| SessionError::Listen { source })?;
    Ok(descriptors.map(|(number, _)| number).collect())
}

/// True where a variable names a process other than this one.
fn is_for_another(variable: &str) -> bool {
    let named = std::env::var(variable)
        .ok()
        .and_then(|pid| pid.parse().ok());
    named.is_some_and(|pid: u32| pid != std::process::id())
}

/// The descriptors that a holder was started with.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) device: Option<Device>,
    /// A listening socket.
    pub(super) socket: Option<UnixListener>,
}

impl Given {
    pub(super) fn take() -> Result<Self> {
        let mut given = Self::default();
        for number in passed()? {
            let fd = ioctl::duplicate_number(number)
                .map_err(|source| SessionError::Listen { source })?;
            if getsockopt(&fd, AcceptConn) == Ok(true) {
                given.socket.get_or_insert(fd.into());
            } else if let Ok(device) = Device::from_fd(fd) {
                given.device.get_or_insert(device);
            }
        }
        Ok(given)
    }
}

/// True where this process is a service, which notifies systemd. `NOTIFY_SOCKET` alone doesn't mean
/// that: programs that a service starts inherit it.
fn is_service() -> bool {
    !is_for_another("SYSTEMD_EXEC_PID")
}

/// Asks systemd, if it started this process, to keep the device. A restarted service then gets the
/// same tables.
pub(super) fn store(device: &Device) -> io::Result<()> {
    if !is_service() {
        return Ok(());
    }
    let state = [
        NotifyState::FdStore,
        NotifyState::FdName(FD_NAME),
        // Without this, systemd would drop a descriptor that reports an error or a hang-up.
        NotifyState::Custom("FDPOLL=0"),
    ];
    sd_notify::notify_with_fds(false, &state, &[device.as_fd()])
}

/// Tells systemd, if it started this process, that the service is ready.
pub(super) fn ready(status: &str) -> io::Result<()> {
    if !is_service() {
        return Ok(());
    }
    sd_notify::notify(false, &[NotifyState::Ready, NotifyState::Status(status)])
}
