// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Holder`]: keeps a descriptor, and hands it to processes of its user.

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

/// How long a holder waits before it accepts again after memory or descriptors ran out.
const PAUSE: Duration = Duration::from_millis(100);

/// Keeps a [`Device`] open, and so its tables, and hands it over a unix socket to processes of the
/// same user and of root.
///
/// [`Sessions::hold`](super::Sessions::hold) makes it. The session ends with it; the tables end
/// when the last process that got the descriptor has closed it.
#[derive(Debug)]
pub struct Holder {
    pub(super) name: SessionName,
    pub(super) device: Device,
    pub(super) socket: UnixListener,
    /// The socket's path, where this process made it and removes it.
    pub(super) path: Option<PathBuf>,
}

/// The holder's next step after an answer.
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

    /// The device that it keeps.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Serves clients until one stops the session. This blocks: give it a thread or a process of
    /// its own.
    ///
    /// # Errors
    ///
    /// [`SessionError::Os`] where no more clients can be accepted. An error with one client ends
    /// only that connection. Where memory or descriptors run out, this waits and tries again, as
    /// the tables would end with it.
    pub fn serve(self) -> Result<()> {
        loop {
            match self.socket.accept() {
                Ok((client, _)) => {
                    if matches!(self.answer(&client), Ok(Next::End)) {
                        // Answer when the name is free and the device closed, so that the client
                        // can unload the driver next.
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

    /// Answers one client; to a client that stops the session, the caller answers.
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
            // The only likely error is that it is gone already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The process at the other end of a connection, as the kernel reports it.
pub(super) struct Peer {
    pub(super) uid: u32,
    /// The process id; none where it is in a PID namespace that this process doesn't see.
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

    /// True where it and this process may exchange a descriptor: it is of the same user, or root.
    pub(super) fn may_have(&self) -> bool {
        self.uid == 0 || self.uid == geteuid().as_raw()
    }
}
