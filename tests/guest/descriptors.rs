// SPDX-License-Identifier: MIT OR Apache-2.0

//! Descriptors of the crate `atomik` that others get: exported tables, messages over sockets.

use atomik::{Batch, Context, Device, Error, Operation, Rights, Table, TableRef};
use atomik_test_support::task;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        socket::{
            AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
        },
    },
};
use std::{
    fs,
    io::IoSlice,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

fn pair(kind: SockType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap()
}

/// A table of 600 contexts, the first with state 5, beside another.
fn tables() -> (Device, Table, Table) {
    let device = Device::open().unwrap();
    let [table, other] = [600, 1].map(|contexts| device.create_table(contexts).unwrap());
    table.load(0, 5).unwrap();
    (device, table, other)
}

fn is_read_only<T>(result: atomik::Result<T>, operation: Operation) -> bool {
    matches!(result, Err(Error::ReadOnly { op }) if op == operation)
}

/// Whether an exported device is of this table, and of no other.
fn check_is_of(export: &Device, table: &TableRef, rights: Rights) {
    let usage = export.usage().unwrap();
    assert_eq!(usage.export, Some(rights));
    assert_eq!(usage.contexts(), 600);
    let only = export.only_table().unwrap();
    assert_eq!((only.id(), only.contexts()), (table.id(), Some(600)));
    assert_eq!(export.tables().unwrap().len(), 1);
    // Found by its id, its size has to be asked for.
    let found = export.table(table.id()).unwrap();
    assert_eq!((found.contexts(), found.size().unwrap()), (None, 600));
    assert_eq!(found.read(0).unwrap(), table.read(0).unwrap());
    let other = export.table(table.id() + 1).unwrap_err();
    assert!(matches!(other, Error::NoSuchTable { .. }), "{other}");
    // It neither makes nor destroys tables.
    assert!(is_read_only(export.create_table(1), Operation::CreateTable));
    let export_of = |rights| only.export(rights);
    assert!(is_read_only(export_of(Rights::ReadOnly), Operation::Export));
    let error = only.clone().destroy().unwrap_err();
    assert!(error.hint().unwrap().contains("exported"), "{error}");
    assert!(is_read_only(Err::<(), _>(error), Operation::DestroyTable));
    let flags = fcntl(export, FcntlArg::F_GETFD).unwrap();
    assert!(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC));
}

#[test]
fn a_table_is_exported_with_all_rights() {
    let (_, table, _) = tables();
    let export = table.export(Rights::ReadWrite).unwrap();
    check_is_of(&export, &table, Rights::ReadWrite);
    let theirs = export.only_table().unwrap();
    theirs.accum(0, 1).unwrap();
    theirs.set(1, 9).unwrap();
    theirs
        .transact(&[0, 1], |states| states.swap(0, 1))
        .unwrap();
    theirs.map().unwrap().accum(2, 3).unwrap();
    let image = table.snapshot(0..3).unwrap();
    assert_eq!(
        image.into_iter().map(Context::state).collect::<Vec<_>>(),
        [9, 4, 3]
    );
}

#[test]
fn a_table_is_exported_to_be_read() {
    let (_, table, _) = tables();
    let export = table.export(Rights::ReadOnly).unwrap();
    check_is_of(&export, &table, Rights::ReadOnly);
    let theirs = export.only_table().unwrap();
    let before = table.snapshot(0..600).unwrap();
    assert_eq!(theirs.snapshot(0..600).unwrap(), before);
    assert_eq!(theirs.view().unwrap().read(0).unwrap(), 5);
    let mut batch = Batch::new();
    batch.expect(0, 5);
    let read = batch.read(0);
    assert_eq!(theirs.run(&mut batch).unwrap().get(read).unwrap(), 5);
    // Transactions that change nothing.
    assert_eq!(theirs.transact(&[1, 0], |states| states[1]).unwrap(), 5);
    assert_eq!(theirs.update(0, |state| state).unwrap(), 5);

    assert!(is_read_only(theirs.load(0, 1), Operation::Load));
    assert!(is_read_only(theirs.accum(0, 1), Operation::Accum));
    assert!(is_read_only(theirs.swap(0), Operation::Swap));
    assert!(is_read_only(theirs.swap_with(0, 0), Operation::Swap));
    assert!(is_read_only(theirs.set(0, 1), Operation::Set));
    let exchanged = theirs.compare_exchange(0, 5, 6);
    assert!(is_read_only(exchanged, Operation::Set));
    assert!(is_read_only(
        theirs.update(0, |state| state + 1),
        Operation::Set
    ));
    let changed = theirs.transact(&[0], |states| states[0] += 1);
    assert!(is_read_only(changed, Operation::Batch));
    assert!(is_read_only(theirs.restore(0, &before), Operation::Restore));
    assert!(is_read_only(theirs.map(), Operation::Map));
    let error = theirs.load(0, 1).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EBADF as i32));
    assert!(error.hint().unwrap().contains("right to write"), "{error}");
    assert_eq!(table.snapshot(0..600).unwrap(), before);
}

#[test]
fn an_export_outlives_the_device_and_not_the_table() {
    let (device, table, other) = tables();
    let [export, of_other] = [&table, &other].map(|table| table.export(Rights::ReadWrite).unwrap());
    let theirs = of_other.only_table().unwrap();
    drop(other);
    assert!(matches!(of_other.only_table(), Err(Error::NoTable)));
    assert!(matches!(theirs.read(0), Err(Error::NoSuchTable { .. })));
    let id = table.into_id();
    drop(device);
    assert_eq!(export.table(id).unwrap().read(0).unwrap(), 5);
}

#[test]
fn descriptors_reach_other_processes_over_sockets_of_all_kinds() {
    for kind in [SockType::Stream, SockType::Datagram, SockType::SeqPacket] {
        let (ours, theirs) = pair(kind);
        // The child exists before the file, so only the messages can give it.
        let child = task::spawn(|| {
            let device = Device::receive(&theirs).unwrap();
            let flags = fcntl(&device, FcntlArg::F_GETFD).unwrap();
            assert!(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC));
            device.only_table().unwrap().accum(0, 0xff).unwrap();
            let table = Device::receive(&theirs).unwrap().only_table().unwrap();
            assert_eq!(table.read(0).unwrap(), 0xff);
            assert!(table.accum(0, 1).is_err());
            // And back.
            device.send(&theirs).unwrap();
        });
        let device = Device::open().unwrap();
        let table = device.create_table(1).unwrap();
        device.send(&ours).unwrap();
        table.export(Rights::ReadOnly).unwrap().send(&ours).unwrap();
        task::join(child);
        assert_eq!(table.read(0).unwrap(), 0xff);
        let again = Device::receive(&ours).unwrap().only_table().unwrap();
        again.accum(0, 0xff).unwrap();
        assert_eq!(table.read(0).unwrap(), 0);
    }
}

#[test]
fn without_room_for_them_all_no_descriptor_stays() {
    let (ours, theirs) = pair(SockType::SeqPacket);
    let device = Device::open().unwrap();
    // A process of its own has descriptors and a limit of its own.
    task::run(|| {
        let numbers = [device.as_fd().as_raw_fd(); 3];
        let rights = [ControlMessage::ScmRights(&numbers)];
        let (fd, bytes) = (ours.as_raw_fd(), [IoSlice::new(b"x")]);
        sendmsg::<()>(fd, &bytes, &rights, MsgFlags::empty(), None).unwrap();
        device.send(&ours).unwrap();
        let open = || {
            let entries = fs::read_dir("/proc/self/fd").unwrap();
            entries.map(|entry| {
                let name = entry.unwrap().file_name();
                name.to_str().unwrap().parse::<i32>().unwrap()
            })
        };
        let before = open().count();
        // All numbers are taken up to `last`, and there is room for two above.
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let highest = open().max().unwrap();
        let mut filler = vec![device.try_clone().unwrap()];
        while filler.last().unwrap().as_raw_fd() < highest {
            filler.push(device.try_clone().unwrap());
        }
        let last = filler
            .iter()
            .map(AsRawFd::as_raw_fd)
            .max()
            .unwrap()
            .max(highest);
        let limit = u64::try_from(last).unwrap() + 3;
        setrlimit(Resource::RLIMIT_NOFILE, limit, hard).unwrap();
        let error = Device::receive(&theirs).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EMFILE as i32), "{error}");
        assert!(error.hint().unwrap().contains("ulimit -n"));
        // There is room again for what fits.
        let received = Device::receive(&theirs).unwrap();
        assert_eq!(received.as_raw_fd(), last + 1);
        drop((received, filler));
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        assert_eq!(open().count(), before);
    });
}
