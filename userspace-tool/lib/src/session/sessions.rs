// SPDX-License-Identifier: MIT OR Apache-2.0

//! [`Sessions`]: finds, makes and stops a user's sessions.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket,
};
use nix::unistd::geteuid;

use super::holder::Peer;
use super::message::{self, Message};
use super::systemd::{self, Given};
use super::{Holder, Result, Session, SessionError, SessionName};
use crate::Device;

/// The suffix of a socket's name, after the session's.
const SUFFIX: &str = ".socket";

/// The number of clients that may wait while another is served.
const BACKLOG: i32 = 64;

/// A user's sessions: a directory of sockets.
#[derive(Clone, Debug)]
pub struct Sessions {
    directory: PathBuf,
}

impl Sessions {
    /// The sessions of this user, in `$XDG_RUNTIME_DIR/atomik`. Where `$XDG_RUNTIME_DIR` isn't this
    /// user's (`su` leaves another user's there), in `/run/user/UID/atomik`; without such a
    /// directory, in `/tmp/atomik-UID`.
    ///
    /// # Errors
    ///
    /// [`SessionError::Directory`] and [`SessionError::Shared`].
    pub fn of_this_user() -> Result<Self> {
        let uid = geteuid();
        let given = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let mut runtime = (given.into_iter().filter(|path| path.is_absolute()))
            .chain([format!("/run/user/{uid}").into()]);
        let own = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| is_own_directory(&found));
        Self::at(match runtime.find(own) {
            Some(runtime) => runtime.join("atomik"),
            None => format!("/tmp/atomik-{uid}").into(),
        })
    }

    /// The sessions whose sockets are in `directory`. It need not exist: [`hold`](Self::hold) makes
    /// it.
    ///
    /// # Errors
    ///
    /// [`SessionError::Directory`]; [`SessionError::Shared`] where it's another user's, or other
    /// users could put sockets there.
    pub fn at(directory: impl Into<PathBuf>) -> Result<Self> {
        let sessions = Self {
            directory: directory.into(),
        };
        match sessions.check() {
            Err(SessionError::Directory { source, .. }) if source.kind() == ErrorKind::NotFound => {
            }
            checked => checked?,
        }
        Ok(sessions)
    }

    /// Checks that the directory exists, and is this user's alone.
    fn check(&self) -> Result<()> {
        // A link is checked itself: its target may change.
        let found = fs::symlink_metadata(&self.directory).map_err(|e| self.failed(e))?;
        let own = is_own_directory(&found);
        if own && found.mode() & 0o077 == 0 {
            return Ok(());
        }
        Err(SessionError::Shared {
            path: self.directory.clone(),
            own,
        })
    }

    /// The error of a directory that can't be used.
    fn failed(&self, source: io::Error) -> SessionError {
        SessionError::Directory {
            path: self.directory.clone(),
            source,
        }
    }

    /// The directory of the sockets.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The names of the sockets, sorted. A holder may have ended and left its socket behind, which
    /// [`connect`](Self::connect) finds out.
    ///
    /// # Errors
    ///
    /// [`SessionError::Directory`].
    pub fn names(&self) -> Result<Vec<SessionName>> {
        let mut names = vec![];
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(names),
            entries => entries.map_err(|e| self.failed(e))?,
        };
        for entry in entries {
            let entry = entry.map_err(|e| self.failed(e))?;
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

    /// Gets the device of a session from its holder.
    ///
    /// This waits for the holder, at most 10 seconds for each of two steps.
    ///
    /// # Errors
    ///
    /// [`SessionError::None`], [`SessionError::OtherUser`], [`SessionError::Silent`],
    /// [`SessionError::Unanswered`], [`SessionError::Protocol`], [`SessionError::Path`],
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

    /// Ends a session: its holder closes the device, and the name becomes free. The tables end when
    /// all processes that got the descriptor have closed it. A socket whose holder has ended is
    /// removed.
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

    /// Makes a session that holds `device` as long as the [`Holder`] serves. Makes the directory of
    /// the sockets where it is missing, and replaces a socket whose holder has ended.
    ///
    /// # Errors
    ///
    /// [`SessionError::Exists`], [`SessionError::Path`], [`SessionError::Directory`],
    /// [`SessionError::Shared`], [`SessionError::Os`].
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
        let address = self.address(name)?;
        let socket = new_socket(SockFlag::empty())?;
        match DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(self.failed(error));
            }
            _ => self.check()?,
        }
        let _lock = self.lock()?;
        self.remove_stale(name)?;
        bind(socket.as_raw_fd(), &address).map_err(SessionError::os("binding the socket"))?;
        start_listening(&socket)?;
        Ok(Holder {
            name: name.clone(),
            device,
            socket: socket.into(),
            path: Some(self.path(name)),
        })
    }

    /// Makes a session as a service of systemd: takes the device from the descriptor store and the
    /// socket from the socket unit, where these were passed; asks systemd to keep the device; and
    /// tells it that the service is ready. `open` opens the device where none was passed.
    ///
    /// Without systemd this does the same as [`hold`](Self::hold).
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
            Some(socket) => {
                // The kernel names to clients the process that called listen() last. That must be
                // this holder, not systemd, as users may kill it.
                start_listening(&socket)?;
                Holder {
                    name: name.clone(),
                    device,
                    socket,
                    path: None,
                }
            }
            None => self.hold(name, device)?,
        };
        systemd::ready(&format!("holding session {name}")).map_err(os("telling systemd"))?;
        Ok(holder)
    }

    fn path(&self, name: &SessionName) -> PathBuf {
        self.directory.join(format!("{name}{SUFFIX}"))
    }

    fn address(&self, name: &SessionName) -> Result<UnixAddr> {
        let path = self.path(name);
        UnixAddr::new(&path).map_err(|errno| match errno {
            Errno::ENAMETOOLONG => SessionError::Path { path },
            errno => SessionError::os("naming the socket")(errno),
        })
    }

    /// The process that holds a session; none where it is too busy to be reached without waiting.
    pub(super) fn holder(&self, name: &SessionName) -> Option<i32> {
        let socket = self.connected(name, SockFlag::SOCK_NONBLOCK).ok()?;
        let peer = Peer::of(&socket).ok()?;
        peer.pid.filter(|_| peer.may_have())
    }

    /// Sends one message to the holder. Returns its process id and what came with the answer.
    fn ask(&self, name: &SessionName, question: Message) -> Result<(Option<i32>, Option<OwnedFd>)> {
        let named = || name.to_string();
        let socket = self.connected(name, SockFlag::empty())?;
        let peer = Peer::of(&socket).map_err(SessionError::os("looking at the peer"))?;
        let (uid, pid) = (peer.uid, peer.pid);
        if !peer.may_have() {
            return Err(SessionError::OtherUser { name: named(), uid });
        }
        let asked = match message::send(&socket, question, None) {
            // The holder may have refused this user already, and closed its end.
            Ok(()) | Err(Errno::EPIPE) => message::receive(&socket),
            Err(errno) => Err(errno),
        };
        match asked {
            Ok(Some((Message::Done, fd))) => Ok((pid, fd)),
            Ok(Some((Message::Refused, _))) => Err(SessionError::OtherUser { name: named(), uid }),
            Ok(_) => Err(SessionError::Protocol { name: named() }),
            Err(Errno::EAGAIN) => Err(SessionError::Silent { name: named(), pid }),
            // The holder has closed the connection, or has ended.
            Err(Errno::ECONNRESET) => match self.connected(name, SockFlag::SOCK_NONBLOCK) {
                Err(ended @ SessionError::None { .. }) => Err(ended),
                _ => Err(SessionError::Unanswered { name: named() }),
            },
            Err(errno) => Err(SessionError::os("talking to the holder")(errno)),
        }
    }

    /// Connects to the holder. Waits for it as [`message::be_patient`] limits; with NONBLOCK, not
    /// at all.
    fn connected(&self, name: &SessionName, flags: SockFlag) -> Result<OwnedFd> {
        let none = |stale| SessionError::None {
            name: name.to_string(),
            stale,
        };
        let address = self.address(name)?;
        let socket = new_socket(flags)?;
        // Before connecting, which may wait too.
        message::be_patient(&socket).map_err(SessionError::os("preparing the socket"))?;
        match connect(socket.as_raw_fd(), &address) {
            Ok(()) => Ok(socket),
            Err(Errno::ENOENT) => Err(none(false)),
            Err(Errno::ECONNREFUSED) => Err(none(true)),
            Err(Errno::EAGAIN) => Err(SessionError::Silent {
                name: name.to_string(),
                pid: None,
            }),
            Err(errno) => Err(SessionError::os("connecting to the holder")(errno)),
        }
    }

    /// Removes the socket of a holder that has ended. The caller has the lock, as has a holder that
    /// is about to listen.
    fn remove_stale(&self, name: &SessionName) -> Result<()> {
        match self.connected(name, SockFlag::SOCK_NONBLOCK) {
            Err(SessionError::None { stale: false, .. }) => Ok(()),
            Err(SessionError::None { stale: true, .. }) => fs::remove_file(self.path(name))
                .map_err(|source| SessionError::Os {
                    step: "removing the socket of a holder that has ended",
                    source,
                }),
            // A holder that doesn't answer still has the name.
            Ok(_) | Err(SessionError::Silent { .. }) => Err(SessionError::Exists {
                name: name.to_string(),
            }),
            Err(error) => Err(error),
        }
    }

    /// Keeps other processes from making sessions meanwhile.
    fn lock(&self) -> Result<Flock<File>> {
        let directory = File::open(&self.directory).map_err(|e| self.failed(e))?;
        Flock::lock(directory, FlockArg::LockExclusive)
            .map_err(|(_, errno)| self.failed(errno.into()))
    }
}

fn is_own_directory(found: &Metadata) -> bool {
    found.is_dir() && found.uid() == geteuid().as_raw()
}

fn new_socket(flags: SockFlag) -> Result<OwnedFd> {
    let (family, kind) = (AddressFamily::Unix, SockType::SeqPacket);
    socket(family, kind, SockFlag::SOCK_CLOEXEC | flags, None)
        .map_err(SessionError::os("making a socket"))
}

fn start_listening(socket: &impl AsFd) -> Result<()> {
    let clients = Backlog::new(BACKLOG);
    (clients.and_then(|clients| listen(socket, clients)))
        .map_err(SessionError::os("listening on the socket"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{Shutdown, shutdown};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    /// The sessions of a new directory in this one.
    fn sessions(directory: &Path) -> Sessions {
        let new = directory.join("atomik");
        DirBuilder::new().mode(0o700).create(&new).unwrap();
        Sessions::at(new).unwrap()
    }

    #[test]
    fn directories_of_others_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = sessions(directory.path());
        let open = directory.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let error = Sessions::at(&open).unwrap_err();
        assert!(matches!(error, SessionError::Shared { own: true, .. }));
        assert!(error.hint().unwrap().contains("chmod 700"));

        let link = directory.path().join("link");
        std::os::unix::fs::symlink(sessions.directory(), &link).unwrap();
        let error = Sessions::at(&link).unwrap_err();
        assert!(matches!(error, SessionError::Shared { own: false, .. }));
        assert!(error.hint().unwrap().contains("XDG_RUNTIME_DIR"));
    }

    #[test]
    fn looking_makes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let name: SessionName = "work".parse().unwrap();
        for path in ["new", "a/b"] {
            let sessions = Sessions::at(directory.path().join(path)).unwrap();
            assert_eq!(sessions.names().unwrap(), []);
            assert_eq!(sessions.holder(&name), None);
            for error in [
                sessions.connect(&name).unwrap_err(),
                sessions.stop(&name).unwrap_err(),
            ] {
                assert!(matches!(error, SessionError::None { stale: false, .. }));
            }
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_path_that_is_too_long_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("x".repeat(100));
        let sessions = Sessions::at(&directory).unwrap();
        let name: SessionName = "work".parse().unwrap();
        let error = sessions.connect(&name).unwrap_err();
        let path = directory.join("work.socket");
        assert!(error.to_string().ends_with(path.to_str().unwrap()));
        assert!(error.hint().unwrap().contains("shorter"));
    }

    /// The sessions of a new directory, with one on whose socket nobody answers.
    fn listening() -> (tempfile::TempDir, Sessions, SessionName, UnixListener) {
        let directory = tempfile::tempdir().unwrap();
        let sessions = sessions(directory.path());
        let name: SessionName = "work".parse().unwrap();
        let socket = new_socket(SockFlag::empty()).unwrap();
        bind(socket.as_raw_fd(), &sessions.address(&name).unwrap()).unwrap();
        listen(&socket, Backlog::new(1).unwrap()).unwrap();
        (directory, sessions, name, socket.into())
    }

    /// The error for a holder that answers so.
    fn answered(answer: impl FnOnce(&UnixListener, UnixStream) + Send) -> SessionError {
        let (_directory, sessions, name, socket) = listening();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| sessions.connect(&name));
            let (client, _) = socket.accept().unwrap();
            answer(&socket, client);
            asked.join().unwrap().unwrap_err()
        })
    }

    /// The hints for a holder that goes on must not sacrifice its tables.
    #[test]
    fn why_a_holder_does_not_answer_is_told() {
        // The question is left unread, or is read.
        for bytes in [0, 2] {
            let error = answered(|_, client| {
                let mut asked = [0; 2];
                nix::unistd::read(&client, &mut asked[..bytes]).unwrap();
            });
            assert!(
                matches!(error, SessionError::Unanswered { .. }),
                "{error:?}"
            );
            let hint = error.hint().unwrap();
            assert!(!hint.contains("anew") && !hint.contains("kill"), "{hint}");
        }
        let error = answered(|_, client| message::send(&client, Message::Refused, None).unwrap());
        assert!(matches!(error, SessionError::OtherUser { .. }), "{error:?}");
        let error = answered(|socket, client| {
            // The same happens when the holder ends.
            shutdown(socket.as_raw_fd(), Shutdown::Both).unwrap();
            drop(client);
        });
        let ended = matches!(error, SessionError::None { stale: true, .. });
        assert!(ended, "{error:?}");
    }

    #[test]
    fn sockets_without_a_holder_are_noticed_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = sessions(directory.path());
        let name: SessionName = "work".parse().unwrap();
        let socket = new_socket(SockFlag::empty()).unwrap();
        bind(socket.as_raw_fd(), &sessions.address(&name).unwrap()).unwrap();
        drop(socket);
        fs::write(sessions.directory().join("file.socket"), "").unwrap();
        assert_eq!(sessions.names().unwrap(), std::slice::from_ref(&name));
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
        let error = answered(|_, client| {
            nix::unistd::write(&client, b"\x01?").unwrap();
        });
        assert!(matches!(error, SessionError::Protocol { .. }), "{error:?}");
    }

    #[test]
    fn who_is_not_served_does_not_wait_to_know_the_holder() {
        let (_directory, sessions, name, _socket) = listening();
        // Nobody accepts, and soon the queue is full.
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(sessions.holder(&name), Some(own));
        while sessions.holder(&name).is_some() {}
        let error = sessions
            .connected(&name, SockFlag::SOCK_NONBLOCK)
            .unwrap_err();
        assert!(matches!(error, SessionError::Silent { .. }), "{error:?}");
        let error = sessions.remove_stale(&name).unwrap_err();
        assert!(matches!(error, SessionError::Exists { .. }), "{error:?}");
    }
}
