// SPDX-License-Identifier: MIT OR Apache-2.0

//! Messages with descriptors over unix sockets, `SCM_RIGHTS`.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixCredentials, recvmsg, sendmsg};

use crate::ioctl::uninterrupted;

/// The most descriptors that come with one message: the kernel's SCM_MAX_FD.
const MOST_DESCRIPTORS: usize = 253;

/// The type of a message with a pidfd, SCM_PIDFD, which neither nix nor libc has.
const PIDFD: libc::c_int = 4;

/// Sends a message, and a descriptor with it. A peer that has gone away is an error and no signal.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> nix::Result<()> {
    let descriptors: Vec<_> = descriptor.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let rights = rights.get(..descriptors.len()).unwrap_or_default();
    let bytes = [IoSlice::new(bytes)];
    let flags = MsgFlags::MSG_NOSIGNAL;
    uninterrupted(|| sendmsg::<()>(socket.as_raw_fd(), &bytes, rights, flags, None)).map(drop)
}

/// Receives one message of a socket, or as much of a stream as there is room for. Returns its
/// length, and the descriptors that came with it, which `exec` closes.
///
/// EMFILE where this process has no room for all of them; none is left open then.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
) -> nix::Result<(usize, Vec<OwnedFd>)> {
    // With less room, a peer could leave descriptors here that nobody knows of. The socket's owner
    // may have asked for the peer's credentials, which come first, and for its pidfd, which comes
    // last.
    let mut space = nix::cmsg_space!(UnixCredentials, [RawFd; MOST_DESCRIPTORS], RawFd);
    let mut receive = || {
        let (mut bytes, flags) = ([IoSliceMut::new(bytes)], MsgFlags::MSG_CMSG_CLOEXEC);
        let received = recvmsg::<()>(socket.as_raw_fd(), &mut bytes, Some(&mut space), flags)?;
        Ok((received.bytes, received.flags))
    };
    let (length, flags) = match uninterrupted(&mut receive) {
        // The other side didn't read all. What it has sent before is still there.
        Err(Errno::ECONNRESET) => uninterrupted(receive)?,
        received => received?,
    };
    // nix's own iterator has nothing of a message that was cut off, whose descriptors are open,
    // and nothing of a pidfd.
    let (pidfds, descriptors): (Vec<_>, Vec<_>) = passed(&space)
        // SAFETY: the kernel has made it for this message, which nobody else has received.
        .map(|(kind, number)| (kind, unsafe { OwnedFd::from_raw_fd(number) }))
        .partition(|(kind, _)| *kind == PIDFD);
    drop(pidfds);
    let descriptors = descriptors.into_iter().map(|(_, fd)| fd).collect();
    if flags.contains(MsgFlags::MSG_CTRUNC) {
        return Err(Errno::EMFILE);
    }
    Ok((length, descriptors))
}

/// The numbers of the descriptors in the control data of a message, behind which zeros follow. Each
/// comes with its kind: SCM_RIGHTS or [`PIDFD`].
fn passed(mut control: &[u8]) -> impl Iterator<Item = (libc::c_int, RawFd)> {
    const WORD: usize = size_of::<usize>();
    const HEADER: usize = WORD + 2 * size_of::<libc::c_int>();
    let mut numbers = vec![];
    while let Some((head, _)) = control.split_first_chunk::<WORD>() {
        let length = usize::from_ne_bytes(*head);
        let Some(message) = control.get(..length).filter(|_| length >= HEADER) else {
            break;
        };
        let integers = message[WORD..].chunks_exact(4);
        let mut integers = integers.map(|i| i32::from_ne_bytes([i[0], i[1], i[2], i[3]]));
        let header = (integers.next(), integers.next());
        if let (Some(libc::SOL_SOCKET), Some(kind @ (libc::SCM_RIGHTS | PIDFD))) = header {
            // The kernel puts an error's number in the place of a pidfd that it couldn't make.
            numbers.extend(
                integers
                    .filter(|&number| number >= 0)
                    .map(|number| (kind, number)),
            );
        }
        control = control
            .get(length.next_multiple_of(WORD)..)
            .unwrap_or_default();
    }
    numbers.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{setsockopt, sockopt};
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    /// Control data of one message.
    fn message(kind: i32, integers: &[i32]) -> Vec<u8> {
        let mut message = (size_of::<usize>() + 8 + 4 * integers.len())
            .to_ne_bytes()
            .to_vec();
        for integer in [&[libc::SOL_SOCKET, kind], integers].concat() {
            message.extend(integer.to_ne_bytes());
        }
        message.resize(message.len().next_multiple_of(size_of::<usize>()), 0);
        message
    }

    #[test]
    fn descriptors_are_found_among_other_messages() {
        let control = [
            message(libc::SCM_CREDENTIALS, &[1, 2, 3]),
            message(libc::SCM_RIGHTS, &[5, 6, 7]),
            message(PIDFD, &[8]),
            message(PIDFD, &[-libc::EMFILE]),
            vec![0; 32],
        ];
        let found: Vec<_> = passed(&control.concat()).collect();
        let rights = libc::SCM_RIGHTS;
        assert_eq!(found, [(rights, 5), (rights, 6), (rights, 7), (PIDFD, 8)]);
    }

    /// The socket's owner may have asked for the peer's pidfd, which nobody else would close.
    #[test]
    fn pidfds_are_closed() {
        const PASS_PIDFD: libc::c_int = 76; // SO_PASSPIDFD
        let (a, b) = UnixStream::pair().unwrap();
        setsockopt(&b, sockopt::PassCred, &true).unwrap();
        let on: libc::c_int = 1;
        // SAFETY: the kernel reads an integer of this length, which lives.
        let set = unsafe {
            libc::setsockopt(
                b.as_raw_fd(),
                libc::SOL_SOCKET,
                PASS_PIDFD,
                (&raw const on).cast(),
                size_of_val(&on) as libc::socklen_t,
            )
        };
        if set == -1 {
            // Linux has it since 6.5.
            assert_eq!(Errno::last(), Errno::ENOPROTOOPT);
            return;
        }
        let (mut reader, writer) = UnixStream::pair().unwrap();
        send(a.as_fd(), b"x", Some(writer.as_fd())).unwrap();
        let (length, descriptors) = receive(b.as_fd(), &mut [0]).unwrap();
        assert_eq!((length, descriptors.len()), (1, 1));
        drop((writer, descriptors));
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        // A pidfd of the peer, which is this process, would be among its descriptors.
        let peer = format!("\nPid:\t{}\n", std::process::id());
        for entry in std::fs::read_dir("/proc/self/fdinfo").unwrap() {
            let info = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
            assert!(!info.contains(&peer), "{info}");
        }
    }
}
