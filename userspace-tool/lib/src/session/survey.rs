// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`OpenFile`]: finds the processes that have the device open.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use super::raw::{self, Descriptor, compare};
use super::same_file::SameFile;
use super::{Result, SessionError, SessionName, Sessions};
use crate::{Device, Usage};

/// An open file of the device, found in `/proc`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenFile {
    /// A process that has it open; the one with the lowest id that was found, or a session's
    /// holder.
    pub pid: i32,
    /// The descriptor in that process.
    pub descriptor: i32,
    /// The name of that process, which chose it: it may contain control characters.
    pub command: String,
    /// The number of its descriptors, in all processes.
    pub descriptors: usize,
    /// The session whose holder has it open.
    pub session: Option<SessionName>,
    /// Its tables and counters.
    pub usage: Usage,
}

impl OpenFile {
    /// Finds all open files of the device in processes that this user may inspect: the user's own;
    /// for root, all. Processes that start, end or change meanwhile may be missing.
    ///
    /// This reads `/proc` for every descriptor of every process: some milliseconds on a busy
    /// machine. It waits only for a process that holds both sessions and several open files, as
    /// [`Sessions::connect`] does: that process is asked which file is a session's.
    ///
    /// # Errors
    ///
    /// [`SessionError::Os`] where `/proc` can't be read.
    pub fn find() -> Result<Vec<Self>> {
        let holders = Holders::of_this_user();
        let mut same = SameFile::new(compare);
        let mut found: Vec<Self> = vec![];
        for pid in processes()? {
            // The descriptors of this process, each with the number of its file.
            let mut held = vec![];
            for (descriptor, usage) in descriptors(pid) {
                let number = same.find((pid, descriptor), found.len());
                held.push((descriptor, number.unwrap_or(found.len())));
                match number.and_then(|number| found.get_mut(number)) {
                    Some(known) => known.descriptors += 1,
                    None => found.push(Self {
                        pid,
                        descriptor,
                        command: command(pid),
                        descriptors: 1,
                        session: None,
                        usage,
                    }),
                }
            }
            for (name, descriptor, number) in holders.served(pid, &held) {
                if let Some(file) = found.get_mut(number).filter(|f| f.session.is_none()) {
                    (file.pid, file.descriptor) = (pid, descriptor);
                    file.command = command(pid);
                    file.session = Some(name);
                }
            }
        }
        Ok(found)
    }

    /// Opens the file here as well: through the session's holder where it is a session's, which
    /// this waits for as [`Sessions::connect`] does, else from the process.
    ///
    /// # Errors
    ///
    /// [`SessionError::Os`] where this user may not inspect the process (see `ptrace(2)`), or it
    /// has ended; those of [`Sessions::connect`].
    pub fn device(&self) -> Result<Device> {
        if let Some(name) = &self.session {
            return Ok(Sessions::of_this_user()?.connect(name)?.into_device());
        }
        let process =
            raw::open_process(self.pid).map_err(SessionError::os("opening the process"))?;
        let fd = raw::duplicate(&process, self.descriptor)
            .map_err(SessionError::os("getting the descriptor"))?;
        Ok(Device::from_fd(fd)?)
    }

    /// True where this is the open file of `device`.
    pub fn is_of(&self, device: &Device) -> bool {
        is_of(device, (self.pid, self.descriptor))
    }
}

/// True where a descriptor is of the open file of `device`; false where the kernel can't compare
/// them.
fn is_of(device: &Device, descriptor: Descriptor) -> bool {
    let own = i32::try_from(std::process::id());
    own.is_ok_and(|own| {
        compare((own, device.as_fd().as_raw_fd()), descriptor) == Some(Ordering::Equal)
    })
}

/// The processes that hold this user's sessions.
struct Holders {
    sessions: Option<Sessions>,
    names: HashMap<i32, Vec<SessionName>>,
}

impl Holders {
    /// Finds the holders; errors count as none.
    fn of_this_user() -> Self {
        let sessions = Sessions::of_this_user().ok();
        let mut holders: HashMap<_, Vec<_>> = HashMap::new();
        if let Some(sessions) = &sessions {
            for name in sessions.names().unwrap_or_default() {
                if let Some(pid) = sessions.holder(&name) {
                    holders.entry(pid).or_default().push(name);
                }
            }
        }
        Self {
            sessions,
            names: holders,
        }
    }

    /// Finds the sessions that a process holds among its open descriptors, which come with the
    /// numbers of their files.
    fn served(&self, pid: i32, held: &[(i32, usize)]) -> Vec<(SessionName, i32, usize)> {
        let names = self.names.get(&pid).map_or(&[][..], Vec::as_slice);
        // A holder of one file serves that one. Asking it could take long.
        let one = held
            .iter()
            .all(|(_, number)| held.first().is_some_and(|f| f.1 == *number));
        let serves = |name: &SessionName| {
            let mut held = held.iter();
            let &(descriptor, number) = if one {
                held.next()
            } else {
                let session = self.sessions.as_ref()?.connect(name).ok()?;
                held.find(|&&(descriptor, _)| is_of(session.device(), (pid, descriptor)))
            }?;
            Some((name.clone(), descriptor, number))
        };
        names.iter().filter_map(serves).collect()
    }
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
        // It is another user's, or has ended.
        return vec![];
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let descriptor = entry.file_name().to_str()?.parse().ok()?;
            // Compare the name first, which is cheaper than reading each descriptor's fdinfo.
            let target = fs::read_link(entry.path()).ok()?;
            // The second is an exported table's.
            let name = target.file_name()?;
            (name == "atomik" || name == "anon_inode:[atomik]").then_some(())?;
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
