// SPDX-License-Identifier: MIT OR Apache-2.0

//! The messages between a client and a holder: two bytes, version and kind, and in one of the
//! answers a descriptor. The socket preserves message boundaries (`SOCK_SEQPACKET`).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{ReceiveTimeout, SendTimeout};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::descriptors;

/// The version of the protocol.
const VERSION: u8 = 1;

/// How long either side waits for the other. Both are idle processes of one user, so this has to be
/// longer only than a busy machine delays them.
const PATIENCE_SECONDS: i64 = 10;

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

/// Limits how long each read and write on this socket waits.
pub fn be_patient(socket: &impl AsFd) -> Result<(), Errno> {
    let patience = TimeVal::seconds(PATIENCE_SECONDS);
    setsockopt(socket, ReceiveTimeout, &patience)?;
    setsockopt(socket, SendTimeout, &patience)
}

/// Sends a message, and a descriptor with it.
pub fn send(
    socket: &impl AsFd,
    message: Message,
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    descriptors::send(socket.as_fd(), &[VERSION, message.byte()], descriptor)
}

/// Receives a message and the descriptor with it; none where it isn't one, or of another version.
///
/// ECONNRESET where the other side has closed the connection, whether it has read all or not;
/// EMFILE where this process has no room for the descriptor.
pub fn receive(socket: &impl AsFd) -> Result<Option<(Message, Option<OwnedFd>)>, Errno> {
    let mut bytes = [0; 3];
    let (length, descriptors) = descriptors::receive(socket.as_fd(), &mut bytes)?;
    if length == 0 {
        return Err(Errno::ECONNRESET);
    }
    let kind = match bytes.get(..length) {
        Some(&[VERSION, byte]) => Message::ALL.into_iter().find(|m| m.byte() == byte),
        _ => None,
    };
    Ok(kind.map(|kind| (kind, descriptors.into_iter().next())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use nix::sys::socket::{
        AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
    };
    use std::io::IoSlice;
    use std::os::fd::AsRawFd;

    fn pair() -> (OwnedFd, OwnedFd) {
        let (family, kind) = (AddressFamily::Unix, SockType::SeqPacket);
        socketpair(family, kind, None, SockFlag::SOCK_CLOEXEC).unwrap()
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

    /// The number of descriptors that this process has open.
    fn open_descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[test]
    fn descriptors_that_nobody_asked_for_are_closed() {
        let (a, b) = pair();
        let numbers = vec![a.as_raw_fd(); 253];
        let rights = [ControlMessage::ScmRights(&numbers)];
        let before = open_descriptors();
        let bytes = [IoSlice::new(&[VERSION, b'd'])];
        sendmsg::<()>(a.as_raw_fd(), &bytes, &rights, MsgFlags::empty(), None).unwrap();
        let (message, descriptor) = receive(&b).unwrap().unwrap();
        assert_eq!(message, Message::Done);
        assert!(open_descriptors() < before + 100);
        drop(descriptor);
    }

    #[test]
    fn an_answer_outlives_who_has_not_read_the_question() {
        let (a, b) = pair();
        send(&a, Message::Get, None).unwrap();
        send(&b, Message::Refused, None).unwrap();
        drop(b);
        let (answer, _) = receive(&a).unwrap().unwrap();
        assert_eq!(answer, Message::Refused);
        assert_eq!(receive(&a).unwrap_err(), Errno::ECONNRESET);
    }

    #[test]
    fn other_bytes_are_no_message() {
        let (a, b) = pair();
        for bytes in [&b"x"[..], b"\x02g", b"\x01x", b"\x01gg", b"\x01ggggggg"] {
            nix::unistd::write(&a, bytes).unwrap();
            assert!(receive(&b).unwrap().is_none(), "{bytes:?}");
        }
        drop(a);
        assert_eq!(receive(&b).unwrap_err(), Errno::ECONNRESET);
    }
}
