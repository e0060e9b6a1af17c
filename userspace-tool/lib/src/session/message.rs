// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a client and a holder say to each other: two bytes, version and kind, and in one of the
//! answers a descriptor. The socket keeps messages apart (`SOCK_SEQPACKET`).

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Of both sides alike.
const VERSION: u8 = 1;

/// How long either side waits for the other. Both are idle processes of one user: this only has to
/// be longer than a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the holder: send the descriptor.
    Get,
    /// To the holder: end.
    Stop,
    /// From the holder: done; with the descriptor, where that was asked for.
    Done,
    /// From the holder: not understood.
    What,
    /// From the holder: not for this user.
    Refused,
}

impl Message {
    const ALL: [Self; 5] = [Self::Get, Self::Stop, Self::Done, Self::What, Self::Refused];

    fn byte(self) -> u8 {
        match self {
            Self::Get => b'g',
            Self::Stop => b's',
            Self::Done => b'd',
            Self::What => b'?',
            Self::Refused => b'r',
        }
    }
}

/// Has each read and write on this socket end in time.
pub fn be_patient(socket: &impl AsFd) -> Result<(), Errno> {
    for timeout in [Timeout::Recv, Timeout::Send] {
        sockopt::set_socket_timeout(socket, timeout, Some(PATIENCE))?;
    }
    Ok(())
}

/// Sends a message, and a descriptor with it.
pub fn send(
    socket: &impl AsFd,
    message: Message,
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = descriptor.into_iter().collect();
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(Errno::NOBUFS);
    }
    let bytes = [VERSION, message.byte()];
    // A peer that has gone away is an error and no signal.
    let flags = SendFlags::NOSIGNAL;
    sendmsg(socket, &[IoSlice::new(&bytes)], &mut ancillary, flags).map(drop)
}

/// Receives a message and the descriptor with it; none where it isn't one, or of another version.
///
/// ECONNRESET where the other side has closed the connection, whether it has read all or not;
/// EMFILE where this process has no room for the descriptor.
pub fn receive(socket: &impl AsFd) -> Result<Option<(Message, Option<OwnedFd>)>, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 3];
    let mut receive = || {
        let mut bytes = [IoSliceMut::new(&mut bytes)];
        recvmsg(socket, &mut bytes, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
    };
    let received = match receive() {
        // It didn't read all. What it has sent before is still there.
        Err(Errno::CONNRESET) => receive()?,
        received => received?,
    };
    let mut descriptor = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            descriptor = descriptors.next();
        }
    }
    if received.bytes == 0 {
        return Err(Errno::CONNRESET);
    }
    if descriptor.is_none() && received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Errno::MFILE);
    }
    let kind = match bytes.get(..received.bytes) {
        Some(&[VERSION, byte]) => Message::ALL.into_iter().find(|m| m.byte() == byte),
        _ => None,
    };
    Ok(kind.map(|kind| (kind, descriptor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    fn pair() -> (OwnedFd, OwnedFd) {
        let kind = SocketType::SEQPACKET;
        socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
    }

    #[test]
    fn messages_arrive_with_their_descriptors() {
        let (a, b) = pair();
        for message in Message::ALL {
            send(&a, message, None).unwrap();
            let (received, descriptor) = receive(&b).unwrap().unwrap();
            assert_eq!(received, message);
            assert!(descriptor.is_none());
        }
        let null = std::fs::File::open("/dev/null").unwrap();
        send(&a, Message::Done, Some(null.as_fd())).unwrap();
        let (_, descriptor) = receive(&b).unwrap().unwrap();
        let flags = fcntl(descriptor.unwrap(), FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags, FdFlag::FD_CLOEXEC.bits());
    }

    #[test]
    fn an_answer_outlives_who_has_not_read_the_question() {
        let (a, b) = pair();
        send(&a, Message::Get, None).unwrap();
        send(&b, Message::Refused, None).unwrap();
        drop(b);
        let (answer, _) = receive(&a).unwrap().unwrap();
        assert_eq!(answer, Message::Refused);
        assert_eq!(receive(&a).unwrap_err(), Errno::CONNRESET);
    }

    #[test]
    fn other_bytes_are_no_message() {
        let (a, b) = pair();
        for bytes in [&b"x"[..], b"\x02g", b"\x01x", b"\x01gg", b"\x01ggggggg"] {
            nix::unistd::write(&a, bytes).unwrap();
            assert!(receive(&b).unwrap().is_none(), "{bytes:?}");
        }
        drop(a);
        assert_eq!(receive(&b).unwrap_err(), Errno::CONNRESET);
    }
}
