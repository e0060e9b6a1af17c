// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sharing the tables of a file, and how long they live.

use atomik_test_support::{
    raw::{RawFile, open_device},
    task,
};
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        socket::{
            AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
            recvmsg, sendmsg, socketpair,
        },
        wait::{WaitStatus, waitpid},
    },
    unistd::{close, pipe, read, write},
};
use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

#[test]
fn a_duplicate_shares_the_tables() {
    let file = open_device();
    let table = file.create(1).unwrap();
    let duplicate = RawFile(file.0.try_clone().unwrap());
    duplicate.load(table, 0, 5).unwrap();
    assert_eq!(file.read(table, 0), Ok(5));
    let second = duplicate.create(1).unwrap();
    file.accum(second, 0, 6).unwrap();
    // The tables live as long as one descriptor does.
    drop(file);
    assert_eq!(duplicate.read(second, 0), Ok(6));
    duplicate.destroy(table).unwrap();
    assert_eq!(duplicate.read(table, 0), Err(Errno::ENOENT));
}

#[test]
fn a_forked_process_shares_the_tables() {
    let file = open_device();
    let table = file.create(2).unwrap();
    file.load(table, 0, 1).unwrap();
    task::run(|| {
        assert_eq!(file.read(table, 0), Ok(1));
        file.accum(table, 0, 2).unwrap();
        let own = file.create(7).unwrap();
        file.load(own, 6, 9).unwrap();
        file.load(table, 1, own.into()).unwrap();
    });
    assert_eq!(file.read(table, 0), Ok(3));
    let childs = file.read(table, 1).unwrap() as u32;
    assert_eq!(file.read(childs, 6), Ok(9));
}

#[test]
fn a_passed_descriptor_shares_the_tables() {
    let (here, there) = socketpair(
        AddressFamily::Unix,
        SockType::Datagram,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .unwrap();
    // The child exists before the file, so only the message can give it.
    let child = task::spawn(|| {
        let mut byte = [0];
        let mut buffers = [IoSliceMut::new(&mut byte)];
        let mut space = nix::cmsg_space!([i32; 1]);
        let fd = there.as_raw_fd();
        let message = recvmsg::<()>(fd, &mut buffers, Some(&mut space), MsgFlags::empty()).unwrap();
        let Some(ControlMessageOwned::ScmRights(fds)) = message.cmsgs().unwrap().next() else {
            panic!("no descriptor");
        };
        // SAFETY: the kernel has made this descriptor for us alone.
        let file = RawFile(unsafe { OwnedFd::from_raw_fd(fds[0]) });
        assert_eq!(file.read(1, 0), Ok(0xAB));
        file.accum(1, 0, 0xFF).unwrap();
    });
    let file = open_device();
    assert_eq!(file.create(1), Ok(1));
    file.load(1, 0, 0xAB).unwrap();
    sendmsg::<()>(
        here.as_raw_fd(),
        &[IoSlice::new(b"x")],
        &[ControlMessage::ScmRights(&[file.0.as_raw_fd()])],
        MsgFlags::empty(),
        None,
    )
    .unwrap();
    task::join(child);
    assert_eq!(file.read(1, 0), Ok(0xAB ^ 0xFF));
}

#[test]
fn two_opens_share_nothing() {
    let a = open_device();
    let b = open_device();
    let table = a.create(1).unwrap();
    a.load(table, 0, 5).unwrap();
    assert_eq!(b.read(table, 0), Err(Errno::ENOENT));
    assert_eq!(b.destroy(table), Err(Errno::ENOENT));
    assert_eq!(b.create(1), Ok(table));
    assert_eq!(b.read(table, 0), Ok(0));
    b.load(table, 0, 6).unwrap();
    drop(b);
    assert_eq!(a.read(table, 0), Ok(5));
}

#[test]
fn a_table_outlives_the_killed_process_that_made_it() {
    let file = open_device();
    let (from_child, to_parent) = pipe().unwrap();
    let child = task::spawn(|| {
        let table = file.create(2).unwrap();
        file.load(table, 0, 0x1234).unwrap();
        write(&to_parent, &table.to_ne_bytes()).unwrap();
        // The child dies at work. The same delta an even number of times is none, so the other
        // context ends up as 0 or as the delta.
        loop {
            file.accum(table, 1, 0x55).unwrap();
        }
    });
    close(to_parent).unwrap();
    let mut id = [0; 4];
    assert_eq!(read(&from_child, &mut id), Ok(4));
    let table = u32::from_ne_bytes(id);
    kill(child, Signal::SIGKILL).unwrap();
    assert_eq!(
        waitpid(child, None),
        Ok(WaitStatus::Signaled(child, Signal::SIGKILL, false))
    );
    assert_eq!(file.read(table, 0), Ok(0x1234));
    assert!([0, 0x55].contains(&file.read(table, 1).unwrap()));
    file.accum(table, 0, 1).unwrap();
    assert_eq!(file.read(table, 0), Ok(0x1235));
}
