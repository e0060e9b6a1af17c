// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`OpenFile`]: who has the device open.

use std::collections::HashMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use nix::libc;
use rustix::process::{ForeignRawFd, Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::{Result, SessionError, SessionName, Sessions};
use crate::{Device, Usage};

/// An open file of the device, found in `/proc`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenFile {
    /// A process that has it open; the one with the lowest id that was found, or a session's holder.
    pub pid: i32,
    /// The descriptor in that process.
    pub descriptor: i32,
    /// The name of that process.
    pub command: String,
    /// How many descriptors of it were found, in all processes.
    pub descriptors: usize,
    /// The session whose holder has it, where there is one.
    pub session: Option<SessionName>,
    /// What it holds.
    pub usage: Usage,
}

impl OpenFile {
    /// All open files of the device in processes that this user may look into: their own; all, for
    /// root. Processes that come, go or change meanwhile may be missing. This waits for nobody, and
    /// reads about every descriptor of every process: some milliseconds on a busy machine.
    ///
    /// # Errors
    ///
    /// [`SessionError::Os`] where `/proc` can't be read.
    pub fn find() -> Result<Vec<Self>> {
        let sessions = holders();
        let mut found: Vec<Self> = vec![];
        for pid in processes()? {
            for (descriptor, usage) in descriptors(pid) {
                let same =
                    |file: &&mut Self| same_file((file.pid, file.descriptor), (pid, descriptor));
                let session = sessions.get(&pid).cloned();
                if let Some(known) = found.iter_mut().find(same) {
                    known.descriptors += 1;
                    if known.session.is_none() && session.is_some() {
                        (known.pid, known.descriptor) = (pid, descriptor);
                        known.command = command(pid);
                        known.session = session;
                    }
                    continue;
                }
                found.push(Self {
                    pid,
                    descriptor,
                    command: command(pid),
                    descriptors: 1,
                    session,
                    usage,
                });
            }
        }
        Ok(found)
    }

    /// The device itself: from the session's holder where it is a session's, else from the process.
    /// This waits for the holder, as [`Sessions::connect`] does.
    ///
    /// # Errors
    ///
    /// [`SessionError::Os`] where this user may not look into the process (`ptrace(2)` says who may),
    /// or it has ended; those of [`Sessions::connect`].
    pub fn device(&self) -> Result<Device> {
        if let Some(name) = &self.session {
            return Ok(Sessions::of_this_user()?.connect(name)?.into_device());
        }
        let pid = Pid::from_raw(self.pid).ok_or(SessionError::Os {
            step: "finding the process",
            source: std::io::ErrorKind::InvalidInput.into(),
        })?;
        let process = pidfd_open(pid, PidfdFlags::empty())
            .map_err(SessionError::os("opening the process"))?;
        let descriptor: ForeignRawFd = self.descriptor;
        let fd = pidfd_getfd(&process, descriptor, PidfdGetfdFlags::empty())
            .map_err(SessionError::os("getting the descriptor"))?;
        Ok(Device::from_fd(fd)?)
    }
}

impl OpenFile {
    /// Whether this is the file of a device that this process has.
    pub fn is_of(&self, device: &Device) -> bool {
        let Ok(own) = i32::try_from(std::process::id()) else {
            return false;
        };
        same_file(
            (own, device.as_fd().as_raw_fd()),
            (self.pid, self.descriptor),
        )
    }
}

/// The holders of this user's sessions. That there are none is no error.
fn holders() -> HashMap<i32, SessionName> {
    let Ok(sessions) = Sessions::of_this_user() else {
        return HashMap::new();
    };
    let names = sessions.names().unwrap_or_default();
    let holder = |name| sessions.holder(&name).map(|pid| (pid, name));
    names.into_iter().filter_map(holder).collect()
}

/// The ids of all processes, ascending.
fn processes() -> Result<Vec<i32>> {
    let failed = |source| SessionError::Os {
        step: "reading /proc",
        source,
    };
    let own = i32::try_from(std::process::id()).ok();
    let mut pids: Vec<i32> = fs::read_dir("/proc")
        .map_err(failed)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid| Some(pid) != own)
        .collect();
    pids.sort_unstable();
    Ok(pids)
}

/// The descriptors of the device in a process, with what they hold.
fn descriptors(pid: i32) -> Vec<(i32, Usage)> {
    let directory = format!("/proc/{pid}/fd");
    let Ok(entries) = fs::read_dir(Path::new(&directory)) else {
        // Another user's, or gone.
        return vec![];
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let descriptor = entry.file_name().to_str()?.parse().ok()?;
            // Cheaper than asking each descriptor: it's a device of this name, wherever.
            let target = fs::read_link(entry.path()).ok()?;
            (target.file_name()? == "atomik").then_some(())?;
            let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).ok()?;
            Some((descriptor, Usage::parse(&text)?))
        })
        .collect();
    found.sort_unstable_by_key(|(descriptor, _)| *descriptor);
    found
}

fn command(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().into()
}

/// Whether two descriptors are of the same open file. Where the kernel can't compare them, they
/// count as different.
fn same_file((pid, fd): (i32, i32), (other_pid, other_fd): (i32, i32)) -> bool {
    /// Of `linux/kcmp.h`.
    const KCMP_FILE: libc::c_int = 0;
    // SAFETY: kcmp takes five numbers and accesses no memory of this process.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pid, other_pid, KCMP_FILE, fd, other_fd) };
    order == 0
}
