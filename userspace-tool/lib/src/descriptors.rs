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
    // may have asked for the peer's credentials, which come first.
    let mut space = nix::cmsg_space!(UnixCredentials, [RawFd; MOST_DESCRIPTORS]);
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
    // nix's own iterator has nothing of a message that was cut off, whose descriptors are open.
    let descriptors = passed(&space)
        // SAFETY: the kernel has made it for this message, which nobody else has received.
        .map(|number| unsafe { OwnedFd::from_raw_fd(number) })
        .collect();
    if flags.contains(MsgFlags::MSG_CTRUNC) {
        return Err(Errno::EMFILE);
    }
    Ok((length, descriptors))
}

/// The numbers of the descriptors in the control data of a message, behind which zeros follow.
fn passed(mut control: &[u8]) -> impl Iterator<Item = RawFd> {
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
        if (integers.next(), integers.next()) == (Some(libc::SOL_SOCKET), Some(libc::SCM_RIGHTS)) {
            numbers.extend(integers);
        }
        control = control
            .get(length.next_multiple_of(WORD)..)
            .unwrap_or_default();
    }
    numbers.into_iter()
}
