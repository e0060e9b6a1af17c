// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Sessions`]: where a user's sessions are found and made.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
    sockopt,
};
use rustix::process::geteuid;

use super::holder::may_have;
use super::message::{self, Message};
use super::systemd::{self, Given};
use super::{Holder, Result, Session, SessionError, SessionName};
use crate::Device;

/// What follows the session's name in the name of its socket.
const SUFFIX: &str = ".socket";

/// Clients that may wait while another is served.
const BACKLOG: i32 = 64;

/// A user's sessions: a directory of sockets.
#[derive(Clone, Debug)]
pub struct Sessions {
    directory: PathBuf,
}

impl Sessions {
    /// Those of this user: `$XDG_RUNTIME_DIR/atomik`; where that isn't set, `/run/user/UID/atomik`;
    /// where there is no such directory either, `/tmp/atomik-UID`. It's made where it isn't there.
    ///
    /// # Errors
    ///
    /// [`SessionError::Directory`] and [`SessionError::Shared`].
    pub fn of_this_user() -> Result<Self> {
        let uid = geteuid().as_raw();
        let from_environment = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let runtime = from_environment
            .filter(|path| path.is_absolute())
            .or_else(|| {
                Some(format!("/run/user/{uid}").into()).filter(|path: &PathBuf| path.is_dir())
            });
        Self::at(match runtime {
            Some(runtime) => runtime.join("atomik"),
            None => format!("/tmp/atomik-{uid}").into(),
        })
    }

    /// Those whose sockets are in `directory`, which is made where it isn't there.
    ///
    /// # Errors
    ///
    /// [`SessionError::Directory`]; [`SessionError::Shared`] where it's another user's, or others
    /// could put a socket of theirs there.
    pub fn at(directory: impl Into<PathBuf>) -> Result<Self> {
        let path = directory.into();
        let failed = |source| SessionError::Directory {
            path: path.clone(),
            source,
        };
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        // Of the link itself, should it be one: where it leads to may change.
        let metadata = fs::symlink_metadata(&path).map_err(failed)?;
        let own = metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o077 == 0;
        if !metadata.is_dir() || !own {
            return Err(SessionError::Shared { path });
        }
        Ok(Self { directory: path })
    }

    /// Where the sockets are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The names of the sockets, sorted. A holder may have ended and left its socket behind:
    /// [`connect`](Self::connect) tells.
    ///
    /// # Errors
    ///
    /// [`SessionError::Directory`].
    pub fn names(&self) -> Result<Vec<SessionName>> {
        let failed = |source| SessionError::Directory {
            path: self.directory.clone(),
            source,
        };
        let mut names = vec![];
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let file = entry.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(SUFFIX));
            if let Some(Ok(name)) = name.map(str::parse) {
                if entry.file_type().is_ok_and(|kind| kind.is_socket()) {
                    names.push(name);
                }
            }
        }
        names.sort();
        Ok(names)
    }

    /// Gets the device of a session.
    ///
    /// This waits for the holder, 10 seconds at most for each of two steps.
    ///
    /// # Errors
    ///
    /// [`SessionError::None`], [`SessionError::OtherUser`], [`SessionError::Silent`],
    /// [`SessionError::Protocol`],
    /// [`SessionError::Device`] where the driver's version is another, [`SessionError::Os`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use atomik::session::Sessions;
    ///
    /// let session = Sessions::of_this_user()?.connect(&"work".parse()?)?;
    /// let table = session.device().only_table()?;
    /// println!("{:#x}", table.read(0)?);
    /// # Ok::<(), atomik::session::SessionError>(())
    /// ```
    pub fn connect(&self, name: &SessionName) -> Result<Session> {
        let (pid, answer) = self.ask(name, Message::Get)?;
        let fd = answer.ok_or_else(|| SessionError::Protocol {
            name: name.to_string(),
        })?;
        Ok(Session {
            name: name.clone(),
            device: Device::from_fd(fd)?,
            pid,
        })
    }

    /// Ends a session: its holder has closed the device, and the name is free. The tables end when all who
    /// got the descriptor have closed it. What is left of one whose holder has ended is removed.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect).
    pub fn stop(&self, name: &SessionName) -> Result<()> {
        match self.ask(name, Message::Stop) {
            Err(SessionError::None { stale: true, .. }) => {
                let _lock = self.lock()?;
                self.remove_stale(name)
            }
            answer => answer.map(drop),
        }
    }

    /// Makes a session that holds `device`, for as long as the [`Holder`] serves. What is left of
    /// one whose holder has ended is replaced.
    ///
    /// # Errors
    ///
    /// [`SessionError::Exists`], [`SessionError::Os`].
    ///
    /// # Examples
    ///
    /// In a thread; `atomikctl session start` gives it a process.
    ///
    /// ```no_run
    /// use atomik::{Device, session::Sessions};
    ///
    /// let holder = Sessions::of_this_user()?.hold(&"work".parse()?, Device::open()?)?;
    /// std::thread::spawn(|| holder.serve());
    /// # Ok::<(), atomik::session::SessionError>(())
    /// ```
    pub fn hold(&self, name: &SessionName, device: Device) -> Result<Holder> {
        let path = self.path(name);
        let address = SocketAddrUnix::new(&path).map_err(SessionError::os("naming the socket"))?;
        let socket = new_socket(SocketFlags::empty())?;
        let _lock = self.lock()?;
        self.remove_stale(name)?;
        bind(&socket, &address).map_err(SessionError::os("binding the socket"))?;
        listen(&socket, BACKLOG).map_err(SessionError::os("listening on the socket"))?;
        Ok(Holder {
            name: name.clone(),
            device,
            socket,
            path: Some(path),
        })
    }

    /// Makes a session as a service of systemd does: it takes the device from the descriptor store
    /// and the socket from the socket unit, if it was started with these, has systemd keep the
    /// device, and tells it that it is ready. `open` opens the device where none was passed.
    ///
    /// Where systemd didn't start this process, that's [`hold`](Self::hold).
    ///
    /// # Errors
    ///
    /// Those of [`hold`](Self::hold) and of `open`; [`SessionError::Listen`].
    pub fn hold_as_service(
        &self,
        name: &SessionName,
        open: impl FnOnce() -> crate::Result<Device>,
    ) -> Result<Holder> {
        let os = |step| move |source| SessionError::Os { step, source };
        let given = Given::take()?;
        let device = match given.device {
            Some(device) => device,
            None => {
                let device = open()?;
                systemd::store(&device).map_err(os("storing the descriptor"))?;
                device
            }
        };
        let holder = match given.socket {
            Some(socket) => Holder {
                name: name.clone(),
                device,
                socket,
                path: None,
            },
            None => self.hold(name, device)?,
        };
        systemd::ready(&format!("holding session {name}")).map_err(os("telling systemd"))?;
        Ok(holder)
    }

    fn path(&self, name: &SessionName) -> PathBuf {
        self.directory.join(format!("{name}{SUFFIX}"))
    }

    /// Who holds a session, without waiting for him: of one who is too busy to be reached, nothing is
    /// known.
    pub(super) fn holder(&self, name: &SessionName) -> Option<i32> {
        let socket = self.connected(name, SocketFlags::NONBLOCK).ok()?;
        let peer = sockopt::socket_peercred(&socket).ok()?;
        may_have(peer.uid.as_raw()).then(|| peer.pid.as_raw_nonzero().get())
    }

    /// Sends one message to the holder. Returns its process id and what came with the answer.
    fn ask(&self, name: &SessionName, question: Message) -> Result<(i32, Option<OwnedFd>)> {
        let named = || name.to_string();
        let socket = self.connected(name, SocketFlags::empty())?;
        let peer =
            sockopt::socket_peercred(&socket).map_err(SessionError::os("looking at the peer"))?;
        let uid = peer.uid.as_raw();
        if !may_have(uid) {
            return Err(SessionError::OtherUser { name: named(), uid });
        }
        let pid = peer.pid.as_raw_nonzero().get();
        let asked = message::send(&socket, question, None).and_then(|()| message::receive(&socket));
        match asked {
            Ok(Some((Message::Done, fd))) => Ok((pid, fd)),
            Ok(_) => Err(SessionError::Protocol { name: named() }),
            Err(Errno::AGAIN) => Err(SessionError::Silent {
                name: named(),
                pid: Some(pid),
            }),
            Err(errno) => Err(SessionError::os("talking to the holder")(errno)),
        }
    }

    /// A connection to the holder, that waits for him as [`message::be_patient`] has it; or, with
    /// NONBLOCK, not at all.
    fn connected(&self, name: &SessionName, flags: SocketFlags) -> Result<OwnedFd> {
        let none = |stale| SessionError::None {
            name: name.to_string(),
            stale,
        };
        let path = self.path(name);
        let address = SocketAddrUnix::new(&path).map_err(SessionError::os("naming the socket"))?;
        let socket = new_socket(flags)?;
        // Before it connects, which waits too where many others do.
        message::be_patient(&socket).map_err(SessionError::os("preparing the socket"))?;
        match connect(&socket, &address) {
            Ok(()) => Ok(socket),
            Err(Errno::NOENT) => Err(none(false)),
            Err(Errno::CONNREFUSED) => Err(none(true)),
            Err(Errno::AGAIN) => Err(SessionError::Silent {
                name: name.to_string(),
                pid: None,
            }),
            Err(errno) => Err(SessionError::os("connecting to the holder")(errno)),
        }
    }

    /// Makes the name free, unless there is a holder. The caller has the lock: a holder that is
    /// about to listen does as well.
    fn remove_stale(&self, name: &SessionName) -> Result<()> {
        match self.connected(name, SocketFlags::NONBLOCK) {
            Err(SessionError::None { stale: false, .. }) => Ok(()),
            Err(SessionError::None { stale: true, .. }) => fs::remove_file(self.path(name))
                .map_err(|source| SessionError::Os {
                    step: "removing the socket of a holder that has ended",
                    source,
                }),
            // Also one who doesn't answer has his name.
            Ok(_) | Err(SessionError::Silent { .. }) => Err(SessionError::Exists {
                name: name.to_string(),
            }),
            Err(error) => Err(error),
        }
    }

    /// Keeps others from making sessions meanwhile.
    fn lock(&self) -> Result<File> {
        let failed = |source: io::Error| SessionError::Directory {
            path: self.directory.clone(),
            source,
        };
        let directory = File::open(&self.directory).map_err(failed)?;
        flock(&directory, FlockOperation::LockExclusive).map_err(|errno| failed(errno.into()))?;
        Ok(directory)
    }
}

fn new_socket(flags: SocketFlags) -> Result<OwnedFd> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    socket_with(family, kind, SocketFlags::CLOEXEC | flags, None)
        .map_err(SessionError::os("making a socket"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn directories_of_others_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Sessions::at(directory.path().join("new")).unwrap();
        let mode = fs::metadata(sessions.directory()).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);

        let open = directory.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(
            Sessions::at(&open),
            Err(SessionError::Shared { .. })
        ));

        let link = directory.path().join("link");
        std::os::unix::fs::symlink(sessions.directory(), &link).unwrap();
        assert!(matches!(
            Sessions::at(&link),
            Err(SessionError::Shared { .. })
        ));
        let nowhere = directory.path().join("a/b");
        assert!(matches!(
            Sessions::at(nowhere),
            Err(SessionError::Directory { .. })
        ));
    }

    #[test]
    fn sockets_without_a_holder_are_noticed_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Sessions::at(directory.path().join("atomik")).unwrap();
        let name: SessionName = "work".parse().unwrap();
        assert!(matches!(
            sessions.connect(&name),
            Err(SessionError::None { stale: false, .. })
        ));
        let socket = new_socket(SocketFlags::empty()).unwrap();
        bind(&socket, &SocketAddrUnix::new(sessions.path(&name)).unwrap()).unwrap();
        drop(socket);
        fs::write(sessions.directory().join("file.socket"), "").unwrap();
        assert_eq!(sessions.names().unwrap(), [name.clone()]);
        let error = sessions.connect(&name).unwrap_err();
        assert!(
            matches!(error, SessionError::None { stale: true, .. }),
            "{error:?}"
        );
        sessions.stop(&name).unwrap();
        assert_eq!(sessions.names().unwrap(), []);
        assert!(sessions.stop(&name).is_err());
    }

    #[test]
    fn what_is_no_holder_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Sessions::at(directory.path().join("atomik")).unwrap();
        let name: SessionName = "work".parse().unwrap();
        let socket = new_socket(SocketFlags::empty()).unwrap();
        bind(&socket, &SocketAddrUnix::new(sessions.path(&name)).unwrap()).unwrap();
        listen(&socket, 1).unwrap();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| sessions.connect(&name));
            let client = rustix::net::accept(&socket).unwrap();
            rustix::io::write(&client, b"\x01?").unwrap();
            let error = asked.join().unwrap().unwrap_err();
            assert!(matches!(error, SessionError::Protocol { .. }), "{error:?}");
        });
    }

    #[test]
    fn who_is_not_served_does_not_wait_to_know_the_holder() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Sessions::at(directory.path().join("atomik")).unwrap();
        let name: SessionName = "work".parse().unwrap();
        assert_eq!(sessions.holder(&name), None);
        let socket = new_socket(SocketFlags::empty()).unwrap();
        bind(&socket, &SocketAddrUnix::new(sessions.path(&name)).unwrap()).unwrap();
        listen(&socket, 1).unwrap();
        // Nobody accepts, and soon nobody fits in any more.
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(sessions.holder(&name), Some(own));
        while sessions.holder(&name).is_some() {}
        let error = sessions
            .connected(&name, SocketFlags::NONBLOCK)
            .unwrap_err();
        assert!(matches!(error, SessionError::Silent { .. }), "{error:?}");
        let error = sessions.remove_stale(&name).unwrap_err();
        assert!(matches!(error, SessionError::Exists { .. }), "{error:?}");
    }
}
