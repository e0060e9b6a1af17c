// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptors by systemd's convention, and what a service tells systemd.

use std::io;
use std::os::fd::{AsFd, RawFd};
use std::os::unix::net::UnixListener;

use nix::sys::socket::{getsockopt, sockopt::AcceptConn};
use sd_notify::NotifyState;

use super::{Result, SessionError};
use crate::{Device, ioctl};

/// What the descriptor is called in `LISTEN_FDNAMES` and in the descriptor store.
pub const FD_NAME: &str = "atomik";

/// The first number of descriptors that are passed so.
pub const FIRST_FD: i32 = 3;

/// The device that this process was started with, by the convention of `LISTEN_FDS`: `atomikctl
/// session exec` and systemd's descriptor store pass it so. None where this process was passed no
/// device.
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

/// The numbers of the descriptors that this process was passed by the convention of `LISTEN_FDS`.
/// None where they were meant for another process, of which this one has inherited the variables.
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

/// Whether a variable names a process, and another one than this.
fn is_for_another(variable: &str) -> bool {
    let named = std::env::var(variable)
        .ok()
        .and_then(|pid| pid.parse().ok());
    named.is_some_and(|pid: u32| pid != std::process::id())
}

/// What a holder was started with.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) device: Option<Device>,
    /// A socket that listens.
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

/// Whether this process is a service, which notifies. `NOTIFY_SOCKET` alone doesn't say so:
/// whatever a service starts inherits it.
fn is_service() -> bool {
    !is_for_another("SYSTEMD_EXEC_PID")
}

/// Tells systemd, if that has started this process, to keep the device: should the service be
/// started again, it gets the same tables.
pub(super) fn store(device: &Device) -> io::Result<()> {
    if !is_service() {
        return Ok(());
    }
    let state = [
        NotifyState::FdStore,
        NotifyState::FdName(FD_NAME),
        // Without this systemd would drop a descriptor on which it sees an error or a hang-up.
        NotifyState::Custom("FDPOLL=0"),
    ];
    sd_notify::notify_with_fds(false, &state, &[device.as_fd()])
}

/// Tells systemd, if that has started this process, that it serves.
pub(super) fn ready(status: &str) -> io::Result<()> {
    if !is_service() {
        return Ok(());
    }
    sd_notify::notify(false, &[NotifyState::Ready, NotifyState::Status(status)])
}
