// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Holder`]: keeps a descriptor, and hands it to who may have it.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;

use super::message::{self, Message};
use super::{Result, SessionError, SessionName};
use crate::Device;

/// How long a holder waits before it tries again to take a client, where memory or descriptors were
/// short.
const PAUSE: Duration = Duration::from_millis(100);

/// Keeps a [`Device`] open, and so its tables, and hands it over a unix socket to processes of
/// the same user and of root.
///
/// It's made by [`Sessions::hold`](super::Sessions::hold). The session ends with it; the tables
/// end when the last of those who got the descriptor has closed it.
#[derive(Debug)]
pub struct Holder {
    pub(super) name: SessionName,
    pub(super) device: Device,
    pub(super) socket: UnixListener,
    /// The socket's path, where it is this process's to remove.
    pub(super) path: Option<PathBuf>,
}

/// Whether the holder goes on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

impl Holder {
    /// The session's name.
    pub fn name(&self) -> &SessionName {
        &self.name
    }

    /// What is held.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Serves until somebody stops the session. This blocks: give it a thread or a process of its
    /// own.
    ///
    /// # Errors
    ///
    /// [`SessionError::Os`] where no more clients can be taken. What goes wrong with one client
    /// ends that one only, and where memory or descriptors are short, this waits: the tables would
    /// end with it.
    pub fn serve(self) -> Result<()> {
        loop {
            match self.socket.accept() {
                Ok((client, _)) => {
                    if matches!(self.answer(&client), Ok(Next::End)) {
                        // The name is free and the device closed when the answer comes: who unloads the
                        // driver next is not to find it in use.
                        drop(self);
                        let _ = message::send(&client, Message::Done, None);
                        return Ok(());
                    }
                }
                Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                    // The client has gone before it was its turn.
                    Some(Errno::ECONNABORTED) => {}
                    Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM) => {
                        thread::sleep(PAUSE);
                    }
                    _ => return Err(SessionError::os("accepting a client")(error)),
                },
            }
        }
    }

    /// Does what one client asks for; but the answer to him who stops the session is left to the caller.
    fn answer(&self, client: &UnixStream) -> io::Result<Next> {
        message::be_patient(client)?;
        if !Peer::of(client)?.may_have() {
            message::send(client, Message::Refused, None)?;
            return Ok(Next::GoOn);
        }
        match message::receive(client)? {
            Some((Message::Get, _)) => {
                message::send(client, Message::Done, Some(self.device.as_fd()))?;
                Ok(Next::GoOn)
            }
            Some((Message::Stop, _)) => Ok(Next::End),
            _ => {
                message::send(client, Message::What, None)?;
                Ok(Next::GoOn)
            }
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Should it be gone already, that is what was wanted.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Who has the other end of a connection, as the kernel says.
pub(super) struct Peer {
    pub(super) uid: u32,
    /// None where the process is in a PID namespace that this one doesn't see.
    pub(super) pid: Option<i32>,
}

impl Peer {
    pub(super) fn of(socket: &impl AsFd) -> io::Result<Self> {
        let peer = getsockopt(socket, PeerCredentials)?;
        Ok(Self {
            uid: peer.uid(),
            pid: Some(peer.pid()).filter(|&pid| pid != 0),
        })
    }

    /// Whether it and this process may exchange a descriptor. The user decides.
    pub(super) fn may_have(&self) -> bool {
        self.uid == 0 || self.uid == geteuid().as_raw()
    }
}
