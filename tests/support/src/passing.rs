// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptors that are passed on over sockets.

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
        sendmsg, socketpair,
    },
};
use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// Sends a descriptor through a socket, and takes it out at the other end.
pub fn pass(fd: i32) -> Result<OwnedFd, Errno> {
    let (here, there) = socketpair(
        AddressFamily::Unix,
        SockType::Datagram,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?;
    let fds = [fd];
    let control = [ControlMessage::ScmRights(&fds)];
    let byte = [IoSlice::new(b"x")];
    sendmsg::<()>(here.as_raw_fd(), &byte, &control, MsgFlags::empty(), None)?;
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!([i32; 1]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(there.as_raw_fd(), &mut bytes, Some(&mut space), flags)?;
    let Some(ControlMessageOwned::ScmRights(fds)) = message.cmsgs()?.next() else {
        return Err(Errno::ENOMSG);
    };
    // SAFETY: the kernel has made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fds[0]) })
}
