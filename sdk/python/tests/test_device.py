# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tables of the device alone: files, descriptors, other processes, and the system's errors."""

import errno
import gc
import multiprocessing
import os
import pickle
import resource
import socket
import sys
import threading
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atomik_core import (
    AtomikContext,
    Canceled,
    DeltaStream,
    Device,
    DeviceContext,
    DeviceTable,
)
from atomik_core.device import DeviceInfo
from conftest import HAS_DEVICE

DEVICE = "/dev/atomik"
on_device = pytest.mark.skipif(not HAS_DEVICE, reason="there is no device")


@pytest.mark.parametrize("kind", [DeviceTable, DeviceContext])
def test_where_there_is_no_device(kind: type[DeviceTable | DeviceContext], tmp_path: Path) -> None:
    for path in (tmp_path / "atomik", str(tmp_path / "atomik")):
        with pytest.raises(
            FileNotFoundError, match="no atomik device at .*modprobe atomik"
        ) as raised:
            kind(path=path)
        assert raised.value.errno == errno.ENOENT
        assert raised.value.filename == str(path)
    with pytest.raises(OSError, match="/dev/null is not an atomik device") as other:
        kind(path="/dev/null")
    assert other.value.errno == errno.ENOTTY
    with pytest.raises(TypeError, match="not int"):
        kind(path=5)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match="^can't open a\0b: file name contained an unexpected NUL byte$"
    ):
        kind(path="a\0b")


@pytest.mark.parametrize("kind", [DeviceTable, DeviceContext])
def test_no_descriptor_is_left(kind: type[DeviceTable | DeviceContext]) -> None:
    """The error has the system's words, and what to do."""
    remedy = (
        "this process has too many open files: close some, or raise the limit, in the shell with "
        "`ulimit -n`"
    )
    raised = []
    calls: list[Callable[[], object]] = [lambda: kind(path="/dev/null"), lambda: kind.from_fd(0)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Those below it are open.
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        for call in calls:
            with pytest.raises(OSError) as info:
                call()
            raised.append(info.value)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [error.errno for error in raised] == [errno.EMFILE] * 2
    assert (
        str(raised[0])
        == f"[Errno 24] can't open /dev/null: Too many open files; {remedy}: '/dev/null'"
    )
    assert str(raised[1]) == f"[Errno 24] dup failed: Too many open files; {remedy}"


def test_a_file_that_can_not_be_opened(tmp_path: Path) -> None:
    """For which there is no remedy to tell."""
    with pytest.raises(OSError) as raised:
        DeviceTable(path=tmp_path)
    assert str(raised.value) == f"[Errno 21] can't open {tmp_path}: Is a directory: '{tmp_path}'"


@pytest.mark.parametrize("kind", [DeviceTable, DeviceContext])
def test_descriptors_of_something_else(kind: type[DeviceTable | DeviceContext]) -> None:
    with open("/dev/null", "rb") as null:
        for fd in (null, null.fileno()):
            with pytest.raises(OSError, match="the descriptor is not an atomik device") as raised:
                kind.from_fd(fd)
            assert raised.value.errno == errno.ENOTTY
        assert not null.closed
    for number in (-1, 2**31 - 1):
        with pytest.raises(OSError) as closed:
            kind.from_fd(number)
        assert str(closed.value) == f"[Errno 9] descriptor {number} is not open"
        assert closed.value.errno == errno.EBADF


class File:
    """Something with a ``fileno``."""

    def __init__(self, number: Any) -> None:
        self.number = number

    def fileno(self) -> Any:
        return self.number


class NoFile:
    def fileno(self) -> int:
        raise KeyError("mine")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"fd": "3"}, TypeError, "^fd must be an int or have a fileno\\(\\), not str$"),
        ({"fd": None}, TypeError, "^fd must be an int or have a fileno\\(\\), not NoneType$"),
        ({"fd": 2**40}, ValueError, "^fd must be from 0 to 2147483647, not 1099511627776$"),
        ({"fd": -(2**40)}, ValueError, "^fd must be from 0 to 2147483647, not -1099511627776$"),
        ({"fd": File("3")}, TypeError, "^fileno\\(\\) must be an int, not str$"),
        (
            {"fd": File(2**40)},
            ValueError,
            "^fileno\\(\\) must be from 0 to 2147483647, not 1099511627776$",
        ),
        ({"fd": NoFile()}, KeyError, "mine"),
        ({"fd": 0, "table_id": 0}, ValueError, "^table_id must be from 1 to 4294967295, not 0$"),
        ({"fd": 0, "table_id": -1}, ValueError, "^table_id must be from 1 to 4294967295, not -1$"),
        (
            {"fd": 0, "table_id": 2**32},
            ValueError,
            "^table_id must be from 1 to 4294967295, not 4294967296$",
        ),
        ({"fd": 0, "table_id": "1"}, TypeError, "^table_id must be an int, not str$"),
        (
            {"fd": 0, "width": 65},
            ValueError,
            "^width must be from 1 to 64 bits on the device, not 65$",
        ),
    ],
)
@pytest.mark.parametrize("kind", [DeviceTable, DeviceContext])
def test_wrong_arguments_of_from_fd(
    kind: type[DeviceTable | DeviceContext],
    arguments: dict[str, Any],
    error: type[Exception],
    text: str,
) -> None:
    with pytest.raises(error, match=text):
        kind.from_fd(**arguments)


@pytest.mark.parametrize("width", [0, 65, 2**32 - 1, 2**64])
def test_widths_that_the_device_has_not(width: int) -> None:
    for make in (lambda: DeviceTable(width=width), lambda: DeviceContext(width)):
        with pytest.raises(
            ValueError, match=f"^width must be from 1 to 64 bits on the device, not {width}$"
        ):
            make()


@pytest.mark.parametrize("contexts", [0, -1, 65537, 2**32 - 1, 2**64])
def test_numbers_of_contexts_that_the_device_has_not(contexts: int) -> None:
    text = f"^num_contexts must be from 1 to 65536 on the device, not {contexts}$"
    calls: list[Callable[[], object]] = [
        lambda: DeviceTable(contexts),
        lambda: DeviceTable(contexts, fd=0),
    ]
    for make in calls:
        with pytest.raises(ValueError, match=text):
            make()


@on_device
def test_the_most_contexts() -> None:
    with DeviceTable(65536) as table:
        table.load(65535, 1)
        assert table.snapshot() == {65535: 1}


@on_device
def test_what_is_closed() -> None:
    table = DeviceTable(4)
    context, other = table.context(1), table.context(2)
    number = table.fileno()
    assert os.fstat(number).st_rdev == os.stat(DEVICE).st_rdev
    context.close()
    assert (context.closed, other.closed, table.closed) == (True, False, False)
    with table as same:
        assert same is table
    assert table.closed and other.closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
    table.close()
    calls: list[Callable[[], object]] = [
        lambda: table.read(0),
        lambda: table.num_contexts,
        lambda: table.snapshot(),
        lambda: table.fileno(),
        lambda: table.accum_many(b"\0", b"\1"),
        lambda: table.context(0),
        lambda: table.__enter__(),
        lambda: table.destroy(),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="^operation on a closed DeviceTable$"):
            call()
    with pytest.raises(ValueError, match="^operation on a closed DeviceContext$"):
        context.accum(1)
    with pytest.raises(ValueError, match="^operation on a closed DeviceTable$"):
        other.accum(1)
    # What is compared needn't be open: lists do that by themselves.
    with DeviceTable(4) as opened, DeviceContext() as state:
        assert table == table and table != opened and opened != table
        assert other == other and other != context and other != state and state != other
        assert table in [opened, table] and table not in [opened, state]
    assert repr(table) == "<DeviceTable closed>"
    assert repr(context) == "<DeviceContext closed>"
    single = DeviceContext()
    single.close()
    with pytest.raises(ValueError, match="^operation on a closed DeviceContext$"):
        single.read()


@on_device
def test_an_error_closes_it_too() -> None:
    with pytest.raises(KeyError), DeviceTable(1) as table, DeviceContext() as context:
        raise KeyError
    assert table.closed and context.closed


def open_descriptors() -> int:
    """The number of this process's descriptors, without those of objects that nobody has."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@on_device
def test_the_descriptor_goes_with_the_last_object() -> None:
    before = open_descriptors()
    table = DeviceTable(4)
    context = table.context(3)
    assert open_descriptors() == before + 1
    del table
    gc.collect()
    context.accum(5)
    assert context.read() == 5
    del context
    assert open_descriptors() == before


@on_device
def test_two_opens_share_nothing_and_one_descriptor_all() -> None:
    with DeviceTable(4) as table, DeviceTable(4) as stranger:
        table.load(0, 5)
        assert stranger.read(0) == 0
        same = DeviceTable.from_fd(table.fileno(), table_id=table.table_id)
        assert (same.num_contexts, same.table_id, same.read(0)) == (4, table.table_id, 5)
        assert same == table
        same.accum(1, 1)
        assert table != stranger
        assert table.snapshot() == {0: 5, 1: 1}
        one = DeviceContext.from_fd(table, table_id=table.table_id, addr=1)
        assert one.read() == 1
        with pytest.raises(IndexError, match="^address 4 is outside the table"):
            DeviceContext.from_fd(table, table_id=table.table_id, addr=4)
        # The only table needs no number.
        assert DeviceTable.from_fd(table) == table
        assert DeviceContext.from_fd(table, addr=1).read() == 1
        another = Device.from_fd(table).create_table(7)
        assert (another.num_contexts, another.snapshot()) == (7, {})
        assert another.table_id != table.table_id
        with pytest.raises(FileNotFoundError, match="no table 4000000000 in this open file"):
            DeviceTable.from_fd(table, table_id=4_000_000_000)
        for kind in (DeviceTable, DeviceContext):
            with pytest.raises(OSError, match="has the tables .*; choose one by its id"):
                kind.from_fd(table)
        assert len(Device.from_fd(table).tables()) == 2


@on_device
def test_a_file_and_its_tables() -> None:
    with Device() as device:
        calls: list[Callable[[], object]] = [device.table, lambda: DeviceTable.from_fd(device)]
        for call in calls:
            with pytest.raises(OSError, match="no table"):
                call()
        assert device.tables() == []
        one = device.create_table(4)
        other = device.create_table(num_contexts=5, width=8)
        one.load(0, 0x1FF)
        assert [table.table_id for table in device.tables()] == [one.table_id, other.table_id]
        assert [table.read(0) for table in device.tables(width=8)] == [0xFF, 0]
        assert device.table(table_id=other.table_id).num_contexts == 5
        one.close()
        assert len(device.tables()) == 2
        info = device.info()
        assert type(info) is DeviceInfo
        assert info == device.table(other.table_id).info()._replace(ops_total=info.ops_total)
        assert info.version == "0.4.0"
        assert (info.version_major, info.version_minor, info.version_patch) == (0, 4, 0)
        assert (info.backend, info.hw_banks, info.fp_enabled) == ("software", 0, False)
        assert (info.fp_checks, info.fp_bytes_saved) == (0, 0)
        before = device.info().ops_total
        other.load(0, 1)
        assert device.info().ops_total > before


@on_device
def test_a_table_that_is_made_in_an_open_file() -> None:
    """It ends with its object, as in atomik-core 0.4.0, and the file doesn't."""
    with Device() as device:
        with DeviceTable(4, fd=device.fileno()) as table:
            table.load(0, 5)
            assert len(device.tables()) == 1
        assert device.tables() == []
        context = DeviceContext(fd=device, addr=3)
        context.load(5)
        (table,) = device.tables()
        assert (table.num_contexts, table.read(3)) == (4, 5)
        child = os.fork()
        if child == 0:
            context.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert context.read() == 5
        del context
        gc.collect()
        assert device.tables() == []
    with DeviceTable(4, device=DEVICE) as table, DeviceContext(device=DEVICE) as context:
        assert table.read(0) == context.read() == 0


def _spawned(table: DeviceTable, context: DeviceContext, device: Device, narrow: Any) -> None:
    table.accum(0, 1)
    context.accum(2)
    device.table().accum(3, 4)
    narrow.accum(2, 0x1FF)


@on_device
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_that_are_spawned_get_the_descriptor(method: str) -> None:
    with DeviceTable(4) as table:
        context: Any = multiprocessing.get_context(method)
        narrow = DeviceTable.from_fd(table, width=8)
        arguments = (table, table.context(1), Device.from_fd(table), narrow)
        process = context.Process(target=_spawned, args=arguments)
        process.start()
        process.join()
        assert process.exitcode == 0
        assert table.snapshot() == {0: 1, 1: 2, 2: 0xFF, 3: 4}


@on_device
def test_what_was_inherited() -> None:
    program = """
import os
from atomik_core import Device
os.environ["LISTEN_PID"] = str(os.getpid())
(table,) = Device.inherited().tables()
table.accum(0, 7)
"""
    with DeviceTable(4) as table, open(os.devnull) as null:
        os.set_inheritable(table.fileno(), True)
        # The first one is something else.
        actions = [
            (os.POSIX_SPAWN_DUP2, null.fileno(), 3),
            (os.POSIX_SPAWN_DUP2, table.fileno(), 4),
        ]
        assert table.fileno() > 4 or table.fileno() == 4
        environment = os.environ | {"LISTEN_FDS": "2"}
        command = [sys.executable, "-c", program]
        child = os.posix_spawn(sys.executable, command, environment, file_actions=actions)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert table.read(0) == 7


def test_nothing_was_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LISTEN_PID", "LISTEN_FDS"):
        monkeypatch.delenv(name, raising=False)
    assert Device.inherited() is None
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    assert Device.inherited() is None
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "0")
    assert Device.inherited() is None
    for wrong in ("", "-1", "one", "\u0663"):
        monkeypatch.setenv("LISTEN_FDS", wrong)
        with pytest.raises(ValueError, match="^LISTEN_FDS must be the number of descriptors"):
            Device.inherited()


@on_device
def test_a_stream_on_the_device() -> None:
    with DeviceTable(4) as table, DeviceTable(4, width=8) as narrow:
        table.load(1, 100)
        stream, other = DeltaStream.on(table, sender=1), DeltaStream(num_contexts=4, sender=2)
        assert (stream.width, stream.num_contexts, stream.sender) == (64, 4, 1)
        message = stream.accum(0, 5)
        assert other.apply(message) == "applied"
        assert stream.apply(other.accum(0, 2)) == "applied"
        assert table.read(0) == stream.read(0) == other.read(0) == 7
        assert stream.snapshot() == {0: 7, 1: 100}
        assert [(a, c.reference, c.accumulator) for a, c in stream.contexts()] == [
            (0, 0, 7),
            (1, 100, 0),
        ]
        other.accum(2, 9)
        stream.merge(other)
        assert table.read(2) == 9
        stream.load(3, 1)
        assert (stream.epoch(3), table.context(3).reference) == (1, 1)
        with pytest.raises(ValueError, match="a stream on the device has 64 bits, and the table 8"):
            DeltaStream.on(narrow)
        table.close()
        assert stream.read(0) == 7
        with pytest.raises(ValueError, match="closed"):
            DeltaStream.on(table)


@on_device
def test_many_messages_are_one_batch_on_the_device() -> None:
    """So that others see all of them or none."""
    size, rounds = 64, 300
    with DeviceTable(size) as table, table.map(read_only=True) as states:
        stream, other = DeltaStream.on(table), DeltaStream(num_contexts=size)
        seen = set()
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                seen.add(tuple(states.read_consistent(range(size))))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            for count in range(rounds):
                # Each state counts.
                messages = [other.accum(addr, count ^ count + 1) for addr in range(size)]
                assert stream.apply_many(messages) == ["applied"] * size
        finally:
            done.set()
            thread.join()
        assert table.snapshot() == dict.fromkeys(range(size), rounds)
        assert [found for found in seen if len(set(found)) > 1] == []


@on_device
def test_a_newcomer_on_the_device() -> None:
    with DeviceTable(4) as table, DeviceTable(4, width=8) as narrow, DeviceTable(3) as small:
        old = DeltaStream(num_contexts=4)
        old.load(1, 100)
        before, state = old.accum(1, 5), old.encode()
        small.load(0, 7)
        with pytest.raises(ValueError, match="of 4 contexts doesn't fit one of 3"):
            DeltaStream.join_on(small, state)
        with pytest.raises(ValueError, match="is cut off"):
            DeltaStream.join_on(small, state[:-1])
        assert small.snapshot() == {0: 7}
        with pytest.raises(ValueError, match="a stream on the device has 64 bits, and the table 8"):
            DeltaStream.join_on(narrow, state)
        table.load(0, 7)
        new = DeltaStream.join_on(table=table, state=state, sender=9)
        assert (new.sender, new.epoch(1), table.snapshot()) == (9, 1, {1: 97})
        assert new.apply_many([before, old.accum(2, 6)]) == ["duplicate", "applied"]
        # And others join what is on the device.
        third = DeltaStream.join(new.encode(), num_contexts=4)
        assert third.snapshot() == table.snapshot() == old.snapshot() == {1: 97, 2: 6}


@on_device
def test_messages_that_the_device_refuses_can_be_applied_again() -> None:
    with DeviceTable(4) as table:
        reader = table.export(read_only=True).table()
        stream, other = DeltaStream.on(reader), DeltaStream(num_contexts=4)
        messages = [other.accum(0, 1), other.accum(1, 2)]
        for _ in range(2):
            with pytest.raises(OSError, match="doesn't give the right to") as raised:
                stream.apply_many(messages)
            assert raised.value.errno == errno.EBADF
        assert table.snapshot() == {}


@on_device
def test_a_table_that_is_destroyed() -> None:
    table = DeviceTable(4)
    other = DeviceTable.from_fd(table, table_id=table.table_id)
    table.destroy()
    assert table.closed
    for call in (
        lambda: other.read(0),
        lambda: other.accum(0, 1),
        lambda: other.swap(0, 0),
        lambda: other.snapshot(),
        lambda: other.batch([("read", 0)]),
        lambda: other.accum_many(b"\0", b"\1"),
        lambda: other.context(0).reference,
    ):
        with pytest.raises(FileNotFoundError, match="no table"):
            call()


@on_device
def test_too_many_tables() -> None:
    with DeviceTable(1) as first:
        tables = [DeviceTable(1, fd=first) for _ in range(255)]
        with pytest.raises(OSError, match="256 tables already") as raised:
            DeviceTable(1, fd=first)
        assert raised.value.errno == errno.ENOSPC
        del tables


@on_device
def test_a_file_that_is_open_for_reading_only() -> None:
    with open(DEVICE, "rb", buffering=0) as file:
        with pytest.raises(OSError, match="doesn't give the right to") as raised:
            DeviceTable(fd=file)
        assert raised.value.errno == errno.EBADF


@on_device
def test_who_may_not_open_it() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            DeviceTable(1)
        except PermissionError as error:
            right = (
                error.errno == errno.EACCES
                and error.filename == DEVICE
                and "group atomik" in str(error)
            )
            status = 0 if right else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@on_device
def test_a_child_that_ends_takes_nothing_with_it() -> None:
    """Also one that tears Python down as usual."""
    with DeviceTable(4) as table:
        table.load(0, 8)

        def work(bit: int) -> None:
            table.accum(0, bit)
            with table:
                table.context(1).accum(bit)

        fork = multiprocessing.get_context("fork")
        children = [fork.Process(target=work, args=(bit,)) for bit in (1, 2, 4)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
        assert table.snapshot() == {0: 15, 1: 7}


@on_device
def test_a_descriptor_over_a_socket() -> None:
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            # The child's own table, which outlives it.
            table = DeviceTable(4)
            table.load(2, 42)
            socket.send_fds(theirs, [str(table.table_id).encode()], [table.fileno()])
            status = 0
        finally:
            os._exit(status)
    text, (fd,), _, _ = socket.recv_fds(ours, 100, 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    table = DeviceTable.from_fd(fd, table_id=int(text))
    os.close(fd)
    assert table.snapshot() == {2: 42}
    ours.close()
    theirs.close()


@on_device
@pytest.mark.parametrize("read_only", [False, True])
def test_an_exported_table(read_only: bool) -> None:
    with DeviceTable(16) as table:
        table.load(3, 7)
        device = table.export(read_only=read_only)
        table_id = table.table_id
    # It holds the table.
    other = device.table()
    assert (other.table_id, other.num_contexts, other.width) == (table_id, 16, 64)
    assert device.table(width=8).width == 8
    assert other.read(3) == 7
    assert other.batch([("expect", 3, 7), ("read", 3)]) == [7]
    assert other.snapshot() == {3: 7}
    assert os.get_inheritable(device.fileno()) is False
    changes: list[Callable[[], object]] = [
        lambda: other.load(3, 7),
        lambda: other.accum(3, 0),
        lambda: other.swap(3),
        lambda: other.set(3, 7),
        lambda: other.compare_exchange(3, 7, 7),
        lambda: other.batch([("set", 3, 7)]),
        lambda: other.batch_accum({3: 0}),
        lambda: other.transact([3], lambda states: states.__setitem__(0, 7 ^ 1 << 63)),
        lambda: other.update(3, lambda state: state ^ 1 << 63),
    ]
    for change in changes:
        if read_only:
            with pytest.raises(OSError, match="doesn't give the right") as raised:
                change()
            assert raised.value.errno == errno.EBADF
        else:
            change()
    # Where nothing is to change, reading is enough.
    assert other.update(3, lambda state: state) == 7
    assert other.transact([3], list) == [7]
    never: list[Callable[[], object]] = [
        other.export,
        other.destroy,
        lambda: DeviceTable(fd=device),
        lambda: device.create_table(1),
    ]
    for call in never:
        with pytest.raises(OSError, match="doesn't give the right") as raised:
            call()
        assert raised.value.errno == errno.EBADF
    device.close()
    assert other.read(3) == 7


@on_device
def test_a_device_that_is_closed() -> None:
    table = DeviceTable(4)
    with table.export() as device:
        assert repr(device) == f"<Device fd={device.fileno()}>"
        assert device.closed is False
    device.close()
    assert device.closed is True
    assert repr(device) == "<Device closed>"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for call in (
            lambda: device.send(ours),
            device.table,
            device.fileno,
            device.__enter__,
        ):
            with pytest.raises(ValueError, match="^operation on a closed Device$"):
                call()


@on_device
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_device_goes_over_a_socket(kind: socket.SocketKind) -> None:
    ours, theirs = socket.socketpair(type=kind)
    # Timeouts are no reason to fail.
    ours.settimeout(60)
    theirs.settimeout(60)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            # The child's own table, which outlives it.
            table = DeviceTable(4)
            table.load(2, 42)
            table.export().send(theirs)
            table.export(read_only=True).send(theirs)
            status = 0
        finally:
            os._exit(status)
    for change in (lambda table: table.set(2, 43), lambda table: None):
        device = Device.receive(ours)
        assert os.get_inheritable(device.fileno()) is False
        table = device.table()
        change(table)
        assert table.snapshot() == {2: 43}
    with pytest.raises(OSError, match="doesn't give the right"):
        table.set(2, 44)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ours.close()
    theirs.close()


# SO_PASSPIDFD, which the module has since Python 3.15, and Linux since 6.5.
PASS_PIDFD = 76


@pytest.mark.parametrize("option", [None, socket.SO_PASSCRED, PASS_PIDFD])
def test_what_comes_instead_of_a_device(option: int | None) -> None:
    ours, theirs = socket.socketpair()
    if option is not None:
        try:
            theirs.setsockopt(socket.SOL_SOCKET, option, 1)
        except OSError:
            pytest.skip("this kernel doesn't have the option")
    before = open_descriptors()
    with open("/dev/null", "rb") as null:
        socket.send_fds(ours, [b"1"], [null.fileno()])
        for number in (2, 253):
            socket.send_fds(ours, [b"2"], [null.fileno()] * number)
    ours.send(b"3")
    ours.close()
    with pytest.raises(OSError, match="the descriptor is not an atomik device") as raised:
        Device.receive(theirs)
    assert raised.value.errno == errno.ENOTTY
    for number in (2, 253, 0):
        with pytest.raises(OSError, match=f"brought {number} descriptors"):
            Device.receive(theirs)
    with pytest.raises(EOFError, match="closed the socket without sending a descriptor"):
        Device.receive(theirs)
    # All of them have been closed.
    assert open_descriptors() == before - 1  # ours
    theirs.close()
    with pytest.raises(OSError):
        Device.receive(theirs)


def test_no_number_is_left_for_a_device() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, open("/dev/null", "rb") as null:
        socket.send_fds(ours, [b"1"], [null.fileno()])
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(OSError, match="no descriptor is left") as raised:
                Device.receive(theirs)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert raised.value.errno == errno.EMFILE


def test_what_is_received_is_closed_by_exec_from_the_beginning() -> None:
    class Recorder(socket.socket):
        flags = 0

        def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0):  # type: ignore
            self.flags = flags
            return super().recvmsg(bufsize, ancbufsize, flags)

    ours, theirs = socket.socketpair()
    with ours, Recorder(fileno=theirs.detach()) as recorder:
        ours.send(b"1")
        with pytest.raises(OSError, match="brought 0 descriptors"):
            Device.receive(recorder)
        assert recorder.flags == socket.MSG_CMSG_CLOEXEC


def test_sockets_that_carry_no_descriptors() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inet:
        with pytest.raises(OSError, match="not a unix socket") as raised:
            Device.receive(inet)
        assert raised.value.errno == errno.EAFNOSUPPORT
    with pytest.raises(AttributeError):
        Device.receive(5)  # type: ignore[arg-type]


@on_device
def test_a_socket_that_would_lose_the_device() -> None:
    device = DeviceTable(4).export()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inet:
        with pytest.raises(OSError, match="not a unix socket"):
            device.send(inet)
    ours, theirs = socket.socketpair()
    theirs.close()
    with pytest.raises(BrokenPipeError):
        device.send(ours)
    ours.close()


@on_device
def test_narrow_conditions_on_a_wide_table() -> None:
    """Bits that others have put beyond the width aren't compared, and stay, but by a set."""
    wide = DeviceTable(2)
    narrow = DeviceTable.from_fd(wide, table_id=wide.table_id, width=8)
    wide.load(0, 0x1FE)
    assert narrow.compare_exchange(0, 0xFF, 1) is False
    assert narrow.compare_exchange(0, narrow.read(0), 1) is True
    assert wide.read(0) == 0x101
    assert narrow.compare_exchange(0, 1, 0xFE) is True
    with pytest.raises(Canceled):
        narrow.batch([("expect", 0, 0xFE)])
    assert narrow.update(0, lambda state: state + 1) == 0xFE
    assert wide.read(0) == 0x1FF
    narrow.transact([0, 1], lambda states: states.reverse())
    assert (wide.read(0), wide.read(1)) == (0x100, 0xFF)
    narrow.set(0, 0xF01)
    assert wide.read(0) == 1


@on_device
def test_narrow_values_of_a_wide_table() -> None:
    """Another one may have put wider values there."""
    wide = DeviceTable(2)
    narrow = DeviceTable.from_fd(wide, table_id=wide.table_id, width=8)
    wide.load(0, 0x1FF)
    wide.accum(0, 0xE01)
    assert narrow.read(0) == 0xFE
    assert narrow.snapshot() == {0: 0xFE}
    assert narrow.read_many(b"\0").tolist() == [0xFE]
    assert narrow.batch([("read", 0)]) == [0xFE]
    assert (narrow.context(0).reference, narrow.context(0).accumulator) == (0xFF, 1)
    narrow.accum_many(b"\1", array("H", [0x1FF]))
    assert wide.read(1) == 0xFF
    assert narrow.swap(0) == 0xFE


@on_device
def test_contexts_here_and_there_are_merged() -> None:
    here, there = AtomikContext(64, 1), DeviceContext(64, 2)
    here.accum(0x10)
    there.accum(0x20)
    here.merge(there)
    there.merge(here)
    assert (here.accumulator, here.delta_count) == (0x30, 2)
    assert (there.accumulator, there.delta_count) == (0x10, 3)
    assert here != there


@on_device
def test_more_than_a_batch_holds() -> None:
    with DeviceTable(5000) as table:
        table.batch_accum({addr: addr for addr in range(5000)})
        assert table.snapshot() == {addr: addr for addr in range(1, 5000)}
        addrs = array("I", range(5000)) * 2
        table.accum_many(addrs, addrs)
        assert table.read_many(addrs) == array("Q", addrs)
        table.load_many(addrs, addrs[::-1])
        assert table.read_many(addrs[:5000])[::-1] == array("Q", addrs[:5000])


@on_device
def test_it_is_not_pickled() -> None:
    for of in (DeviceTable(1), DeviceContext(), Device()):
        with pytest.raises(TypeError, match="is an argument of a process that multiprocessing"):
            pickle.dumps(of)
        of.close()
        with pytest.raises(ValueError, match="closed"):
            pickle.dumps(of)


@on_device
def test_repr() -> None:
    with DeviceTable(4, width=8) as table:
        where = f"fd={table.fileno()} table_id={table.table_id}"
        assert repr(table) == f"<DeviceTable num_contexts=4 width=8 {where}>"
        assert repr(table.context(3)) == f"<DeviceContext width=8 {where} addr=3>"
