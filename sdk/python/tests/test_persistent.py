# SPDX-License-Identifier: MIT OR Apache-2.0
"""PersistentSyncTable: nothing that it has acknowledged is lost, whatever stops it."""

import errno
import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from atomik_core import AtomikTable, DeltaMessage, MemoryTransport, PersistentSyncTable, SyncTable

LOAD = 0xFFFFFFFF


def record(addr: int, delta: int, seq: int) -> bytes:
    """As atomik-core 0.4.0 writes it."""
    return struct.pack("!IQI", addr, delta, seq)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.wal"


def test_it_is_there_again(path: Path) -> None:
    told: list[DeltaMessage] = []
    with PersistentSyncTable(16, path=path, on_delta=told.append, width=64) as table:
        message = table.put(addr=1, value=5)
        table.put(1, 5)
        table.receive(msg=DeltaMessage(2, 7, seq=42))
        assert message == DeltaMessage(1, 5, seq=1)
    with PersistentSyncTable(16, str(path)) as table:
        assert (table.get(addr=1), table.get(2)) == (5, 7)
        assert table.put(1, 4) == DeltaMessage(1, 1, seq=2)
        table.put(2, 0)
    with PersistentSyncTable(16, path) as table:
        assert table.snapshot() == dict.fromkeys(range(16), 0) | {1: 4}
    assert told == [message]


def test_the_same_calls_as_a_sync_table(path: Path) -> None:
    table, other = PersistentSyncTable(8, path), SyncTable(8)
    hub = MemoryTransport()
    hub.connect(table)
    hub.connect(other)
    table.put(0, 5)
    other.put(1, 6)
    assert table.diff(other) == other.diff(table) == []
    table.on_delta(callback=None)
    table.put(3, 1)
    assert table.diff(other=other) == [3]
    assert (table.num_contexts, table.width, len(table), table.sender) == (8, 64, 8, 0)
    assert list(table) == list(range(8))
    assert 7 in table
    assert 8 not in table
    assert repr(table) == f"<PersistentSyncTable num_contexts=8 width=64 path='{path}'>"
    for call in (lambda: table.put(8, 0), lambda: table.get(-1)):
        with pytest.raises(IndexError, match="outside the table, whose addresses are 0 to 7"):
            call()
    table.close()


def test_what_is_closed(path: Path) -> None:
    table = PersistentSyncTable(8, path)
    table.close()
    table.close()
    for call in (lambda: table.put(0, 1), lambda: table.get(0), table.compact, table.snapshot):
        with pytest.raises(ValueError, match="^operation on a closed PersistentSyncTable$"):
            call()
    with pytest.raises(ValueError, match="closed"), table:
        pass


def test_duplicates_do_not_cancel_also_later(path: Path) -> None:
    sender = SyncTable(sender=2**64 - 1)
    messages = [sender.put(0, n) for n in (1, 2, 4, 8, 16)]
    for n in (2, 0, 2, 4, 1, 0, 4, 2, 3, 3, 4):
        with PersistentSyncTable(8, path, sender=5) as table:
            table.receive(messages[n])
    with PersistentSyncTable(8, path) as table:
        assert (table.get(0), table.sender) == (16, 5)
        own = table.put(0, 1)
        table.receive(own)
        assert (own.sender, own.seq, table.get(0)) == (5, 1, 1)
        with pytest.raises(ValueError, match="has no number"):
            table.receive(DeltaMessage(0, 1, sender=7))
    # One number is kept for all of a sender's that follow each other.
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT sender, seq FROM received").fetchall()
    database.close()
    assert rows == [(b"\xff" * 8, (5).to_bytes(8, "big"))]


def test_widths(path: Path) -> None:
    with PersistentSyncTable(4, path, width=100) as table:
        message = table.put(0, -1)
        assert table.get(0) == message.delta == 2**100 - 1
    with PersistentSyncTable(4, path, width=100) as table:
        assert table.get(0) == 2**100 - 1


def test_a_file_of_another_table(path: Path, tmp_path: Path) -> None:
    with PersistentSyncTable(8, path, sender=3) as table:
        table.put(7, 1)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="has states of 64 bits, and the table has 32"):
        PersistentSyncTable(8, path, width=32)
    with pytest.raises(IndexError, match="has a state at address 7, and the table has 7 contexts"):
        PersistentSyncTable(7, path)
    with pytest.raises(ValueError, match="has the sender 0x3, and the table 0x4"):
        PersistentSyncTable(8, path, sender=4)
    with pytest.raises(ValueError, match="^num_contexts must be from 1"):
        PersistentSyncTable(0, path)
    with pytest.raises(ValueError, match="^width must be from 1"):
        PersistentSyncTable(8, path, width=0)
    assert path.read_bytes() == before
    other = tmp_path / "other"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE other (word)")
    database.close()
    with pytest.raises(ValueError, match="is a database of something else"):
        PersistentSyncTable(8, other)
    with pytest.raises(OSError, match="unable to open"):
        PersistentSyncTable(8, tmp_path / "no" / "such")


def test_a_group_is_all_or_nothing(path: Path) -> None:
    told: list[DeltaMessage] = []
    with PersistentSyncTable(8, path, told.append) as table, PersistentSyncTable(8, path) as other:
        with table.group():
            table.put(0, 1)
            table.put(1, 2)
            assert (table.get(1), other.get(1), told) == (2, 0, [])
            with pytest.raises(ValueError, match="open already"), table.group():
                pass
            with pytest.raises(IndexError):
                table.put(8, 1)
        assert [message.seq for message in told] == [1, 2]
        assert (other.get(0), other.get(1)) == (1, 2)
        with pytest.raises(KeyError), table.group():
            table.put(0, 5)
            raise KeyError
        assert (table.get(0), other.get(0), len(told)) == (1, 1, 2)
        assert table.put(0, 5).seq == 3


def test_two_tables_of_one_file(path: Path) -> None:
    """They see each other's changes, and number their messages together."""
    with PersistentSyncTable(8, path) as one, PersistentSyncTable(8, path) as other:
        assert one.put(0, 1).seq == 1
        assert other.put(0, 3) == DeltaMessage(0, 2, seq=2)
        assert one.get(0) == 3


def test_after_a_fork(path: Path) -> None:
    table = PersistentSyncTable(8, path)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            table.get(0)
        except ValueError as error:
            os.write(write, str(error).encode())
        table.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1000) == b"the file was opened before the fork: open it again in the child"
    os.close(read)
    os.close(write)
    table.put(0, 1)
    table.close()
    with PersistentSyncTable(8, path) as table:
        assert table.get(0) == 1


def test_compact(path: Path) -> None:
    with PersistentSyncTable(4096, path) as table:
        with table.group():
            for addr in table:
                table.put(addr, addr + 1)
        table.compact()
        long = path.stat().st_size
        with table.group():
            for addr in table:
                table.put(addr, addr == 7)
        table.compact()
        assert path.stat().st_size < long / 4
        assert [addr for addr in table if table.get(addr)] == [7]


# Files of atomik-core 0.4.0.


def test_an_old_file_is_taken_over(path: Path) -> None:
    records = [record(0, 9, 1), record(1, 5, 1), record(0, 6, LOAD), record(0, 1, 2)]
    # Its process died while it wrote the last one.
    path.write_bytes(b"".join(records) + record(1, 1, 3)[:9])
    path.chmod(0o640)
    with PersistentSyncTable(4, path) as table:
        assert table.snapshot() == {0: 7, 1: 5, 2: 0, 3: 0}
        table.put(2, 1)
    with PersistentSyncTable(4, path) as table:
        assert table.snapshot() == {0: 7, 1: 5, 2: 1, 3: 0}
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(path.parent) == [path.name]


def test_an_old_file_that_does_not_fit_stays(path: Path) -> None:
    path.write_bytes(record(4, 1, 1))
    with pytest.raises(IndexError, match="address 4 is outside"):
        PersistentSyncTable(4, path)
    assert path.read_bytes() == record(4, 1, 1)
    assert os.listdir(path.parent) == [path.name]


def test_an_empty_file_is_new(path: Path) -> None:
    path.touch()
    with PersistentSyncTable(4, path) as table:
        assert table.put(0, 1).seq == 1


# What may stop it.

WRITER = """
import sys
from atomik_core import PersistentSyncTable
table = PersistentSyncTable(4, sys.argv[1])
count = table.get(0)
print(count, flush=True)
while True:
    count += 1
    if count % 3:
        table.put(0, count)
        table.put(1, count)
    else:
        with table.group():
            table.put(0, count)
            table.put(1, count)
    if count % 16 == 0:
        table.compact()
    print(count, flush=True)
"""


def test_nothing_acknowledged_is_lost_by_a_kill(path: Path) -> None:
    """Killed after ever other numbers of writes, and at whatever comes next."""
    last = 0
    # The first time, an old file is there to be taken over.
    path.write_bytes(record(2, 77, 1))
    for writes in range(1, 33):
        child = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _ in range(writes):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().split(b"\n")
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        acknowledged = max(last + writes - 1, *(int(line or 0) for line in lines[:-1]), 0)
        with PersistentSyncTable(4, path) as table:
            last = table.get(0)
            assert last in (acknowledged, acknowledged + 1)
            # The second put may not have come to be; of a group both have, or none.
            assert table.get(1) in ((last,) if last % 3 == 0 else (last - 1, last))
            assert table.get(2) == 77


def test_a_kill_while_an_old_file_is_taken_over(path: Path) -> None:
    """It is the old file or the new one, at each system call that changes files."""
    old = b"".join(record(n, n + 1, 1) for n in range(4))
    program = """
import os, signal, sys, atomik_core.persistent as persistent
calls = 0
def killed(f):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return f(*arguments, **options)
    return call
persistent._open = killed(persistent._open)
persistent._make = killed(persistent._make)
os.chmod, os.replace, os.fsync = map(killed, (os.chmod, os.replace, os.fsync))
persistent.PersistentSyncTable(4, sys.argv[1]).close()
print(calls)
"""
    for n in range(1, 100):
        path.write_bytes(old)
        child = subprocess.run(
            [sys.executable, "-c", program, path, str(n)], capture_output=True, check=False
        )
        with PersistentSyncTable(4, path) as table:
            assert table.snapshot() == {0: 1, 1: 2, 2: 3, 3: 4}
        if child.returncode == 0:
            assert n == int(child.stdout) + 1 > 5
            return
        assert child.returncode == -signal.SIGKILL, child.stderr
    raise AssertionError("it never came to its end")


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def copied(path: Path, to: Path, log: bytes) -> PersistentSyncTable:
    """The table of a copy of the file with this log."""
    to.mkdir()
    shutil.copy(path, to / path.name)
    log_of(to / path.name).write_bytes(log)
    return PersistentSyncTable(8, to / path.name)


def test_a_torn_end_is_cut_off(path: Path, tmp_path: Path) -> None:
    """At whatever byte the log ends: what is there is whole, and what was before it, too."""
    with PersistentSyncTable(8, path) as table:
        table.compact()
        lengths = []
        for n in range(1, 5):
            table.put(0, n)
            lengths.append(log_of(path).stat().st_size)
        log = log_of(path).read_bytes()
        for cut in {*range(0, len(log), 499), *(length - 1 for length in lengths), *lengths}:
            whole = sum(length <= cut for length in lengths)
            with copied(path, tmp_path / str(cut), log[:cut]) as torn:
                assert (cut, torn.get(0)) == (cut, whole)
                assert torn.put(0, 9).seq == whole + 1


def test_a_damaged_end_is_noticed(path: Path, tmp_path: Path) -> None:
    with PersistentSyncTable(8, path) as table:
        table.compact()
        table.put(0, 1)
        start = log_of(path).stat().st_size
        table.put(0, 2)
        log = log_of(path).read_bytes()
        assert len(log) > start
        for at in range(start, len(log), 97):
            damaged = bytearray(log)
            damaged[at] ^= 0x10
            with copied(path, tmp_path / str(at), bytes(damaged)) as again:
                assert (at, again.get(0)) == (at, 1)


def test_a_damaged_file_is_an_error(path: Path) -> None:
    with PersistentSyncTable(8, path) as table:
        table.put(0, 1)
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096)
    with pytest.raises(OSError) as raised:
        PersistentSyncTable(8, path)
    assert (raised.value.errno, raised.value.filename) == (errno.EIO, str(path))


def test_a_full_disk_loses_nothing(path: Path) -> None:
    """A limit of the files' size is the full disk. When there is room again, it goes on."""
    told: list[DeltaMessage] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with PersistentSyncTable(8, path, told.append) as table:
        table.put(0, 1)
        size = log_of(path).stat().st_size
        for room in (0, 1, 24, 4000, 4120):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
            try:
                count = len(told)
                with pytest.raises(OSError) as raised:
                    for n in range(2, 1000):
                        table.put(0, n)
                with pytest.raises(OSError), table.group():
                    for addr in range(8):
                        table.put(addr, 2000)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert raised.value.errno in (errno.EIO, errno.ENOSPC)
            assert "nothing has changed in the file" in str(raised.value)
            state = 0
            for message in told:
                state ^= message.delta
            assert len(told) >= count
            assert table.snapshot() == {0: state} | dict.fromkeys(range(1, 8), 0)
            with PersistentSyncTable(8, path) as other:
                assert other.diff(table) == []
            table.put(0, 10_000 + room)
            size = log_of(path).stat().st_size
    with PersistentSyncTable(8, path) as table:
        assert table.get(0) == 10_000 + 4120


def test_a_full_disk_within_a_group(path: Path) -> None:
    """Whoever goes on after the error gets another one, and nothing has changed."""
    width = 2**15
    with PersistentSyncTable(64, path, width=width) as table:
        table.put(0, 1)
        assert table._database is not None
        # A database of SQLite's that may grow by a few pages.
        (pages,) = table._database.execute("PRAGMA page_count").fetchone()
        table._database.execute(f"PRAGMA max_page_count = {pages + 4}")
        with pytest.raises(OSError) as raised, table.group():
            table.put(0, 2)
            with pytest.raises(OSError, match="full"):
                for addr in table:
                    table.put(addr, 2**width - 1)
            table.put(1, 1)
        assert raised.value.errno == errno.ECANCELED
        assert table.snapshot() == {0: 1} | dict.fromkeys(range(1, 64), 0)
        with pytest.raises(OSError) as alone:
            for addr in table:
                table.put(addr, 2**width - 1)
        assert alone.value.errno == errno.ENOSPC


def test_a_full_disk_leaves_an_old_file(path: Path) -> None:
    old = b"".join(record(n % 4, n, n) for n in range(1, 100))
    path.write_bytes(old)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises(OSError):
            PersistentSyncTable(4, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == old
    table = AtomikTable(4)
    for n in range(1, 100):
        table.accum(n % 4, n)
    with PersistentSyncTable(4, path) as new:
        assert new.snapshot() == dict.fromkeys(range(4), 0) | table.snapshot()


def increment(path: Path, addr: int) -> None:
    with PersistentSyncTable(4, path) as table:
        for n in range(20):
            table.put(addr, n + 1)
            table.receive(DeltaMessage(3, 1 << 20 * addr + n))


def test_several_processes(path: Path) -> None:
    """They begin at the same time, with a file that has to be taken over."""
    path.write_bytes(record(0, 9, 1))
    processes = [multiprocessing.Process(target=increment, args=(path, n)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with PersistentSyncTable(4, path) as table:
        assert [table.get(n) for n in range(4)] == [20, 20, 20, 2**60 - 1]
        assert table.put(0, 0).seq == 61
