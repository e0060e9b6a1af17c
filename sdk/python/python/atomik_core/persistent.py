# SPDX-License-Identifier: MIT OR Apache-2.0
"""PersistentSyncTable: a SyncTable in a file.

The file is a database of SQLite with a write-ahead log, each part of which has a checksum: an end
that is torn or damaged is dropped. The table ``words`` has the states that aren't 0, ``received``
the numbers of others' messages.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self, SupportsIndex

from ._native import AtomikTable, DeltaMessage
from .sync import Callback, HasStates, check_numbered, differing, masked, message_of

# A file of atomik-core 0.4.0 has nothing but records: address, delta and number.
_RECORD = struct.Struct("!IQI")
_RECORD_SIZE = _RECORD.size
# The number of a record that sets a state.
_LOAD = 0xFFFFFFFF

_DATABASE = b"SQLite format 3\0"
_TABLES = (
    "words (addr INTEGER PRIMARY KEY, state BLOB NOT NULL)",
    "received (sender BLOB, seq BLOB, PRIMARY KEY (sender, seq)) WITHOUT ROWID",
    "own (width INTEGER NOT NULL, sender BLOB NOT NULL, seq BLOB NOT NULL)",
)


class PersistentSyncTable:
    """A SyncTable in a file, which is there again when the program or the machine has stopped.

    ``put`` and ``receive`` return, and the callback is called, when the change is on the disk.
    Where that fails, that is OSError, and nothing has changed: the disk may be full. Changes in a
    ``with table.group()`` block are on the disk at its end, all of them or none.

    Several processes may have the file open, on one machine. It has two companions meanwhile, whose
    names end in ``-wal`` and ``-shm``. A file that atomik-core 0.4.0 has written is taken over.

    ``sender`` is as of a SyncTable. The file keeps it: without it, the next table of this file has
    it, too.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/state.wal"
    >>> with PersistentSyncTable(path=path) as table:
    ...     _ = table.put(7, 0xFF)
    >>> with PersistentSyncTable(path=path) as table:
    ...     table.get(7)
    255
    """

    __slots__ = (
        "__weakref__", "_callback", "_database", "_lock", "_messages", "_num_contexts", "_path",
        "_process", "_sender", "_width",
    )  # fmt: skip

    def __init__(
        self,
        num_contexts: int = 256,
        path: str | os.PathLike[str] = "state.wal",
        on_delta: Callback | None = None,
        width: int = 64,
        *,
        sender: int = 0,
    ) -> None:
        # Refuses numbers that are none.
        AtomikTable(1, width), AtomikTable(num_contexts, 1)
        sender = DeltaMessage(0, 0, sender=sender).sender
        self._num_contexts, self._width = num_contexts, width
        self._path = Path(path)
        self._callback = on_delta
        self._process = os.getpid()
        self._lock = threading.RLock()
        # Of the group that is open, if one is.
        self._messages: list[DeltaMessage] | None = None
        self._database: sqlite3.Connection | None = None
        with _errors(self._path):
            _take_over(self._path, num_contexts, width)
            self._database = _open(self._path)
        try:
            self._sender = self._begin(sender)
        except BaseException:
            self.close()
            raise

    def _begin(self, sender: int) -> int:
        with self._change() as database:
            own = database.execute("SELECT width, sender FROM own").fetchone()
            if own is None:
                _make(database, self._width, sender)
                return sender
            width, known = own[0], int.from_bytes(own[1], "big")
            if width != self._width:
                raise ValueError(
                    f"{self._path} has states of {width} bits, and the table has {self._width}"
                )
            (highest,) = database.execute("SELECT max(addr) FROM words").fetchone()
            if highest is not None and highest >= self._num_contexts:
                raise IndexError(
                    f"{self._path} has a state at address {highest}, and the table has "
                    f"{self._num_contexts} contexts"
                )
            if sender and sender != known:
                if known:
                    raise ValueError(
                        f"{self._path} has the sender {known:#x}, and the table {sender:#x}"
                    )
                database.execute("UPDATE own SET sender = ?", (_number(sender),))
            return sender or known

    @property
    def num_contexts(self) -> int:
        """The number of contexts."""
        return self._num_contexts

    @property
    def width(self) -> int:
        """The width of states, in bits."""
        return self._width

    @property
    def sender(self) -> int:
        """The number by which others know this table; 0 where they don't."""
        return self._sender

    def on_delta(self, callback: Callback | None) -> None:
        """Calls ``callback`` with the message of each later ``put`` that changes a state, once it
        is on the disk. It takes the place of the one before; None takes none."""
        self._callback = callback

    def put(self, addr: SupportsIndex, value: SupportsIndex) -> DeltaMessage:
        """Changes the state at an address to ``value``, on the disk, and returns the message for
        others. Where it is that already, the message's delta is 0, and nobody needs it."""
        at, state = self._address(addr), masked(value, self._width)
        with self._change() as database:
            delta = self._state(database, at) ^ state
            (seq,) = database.execute("SELECT seq FROM own").fetchone()
            seq = int.from_bytes(seq, "big")
            if delta:
                seq += 1
                database.execute("UPDATE own SET seq = ?", (_number(seq),))
                self._set(database, at, state)
            message = message_of(at, delta, seq, self._sender, self._width)
            if delta and self._messages is not None:
                self._messages.append(message)
                return message
        # Another thread may set it meanwhile.
        callback = self._callback
        if delta and callback is not None:
            callback(message)
        return message

    def receive(self, msg: DeltaMessage) -> None:
        """Takes a message of another table, on the disk. Calls no callback.

        A duplicate of a message that names its sender changes nothing, and neither does the table's
        own.
        """
        check_numbered(msg)
        at = self._address(msg.addr)
        with self._change() as database:
            if msg.sender:
                if msg.sender == self._sender or not _is_new(database, msg.sender, msg.seq):
                    return
            state = self._state(database, at) ^ masked(msg.delta, self._width)
            self._set(database, at, state)

    def get(self, addr: SupportsIndex) -> int:
        """The state at an address."""
        at = self._address(addr)
        with self._lock, _errors(self._path):
            return self._state(self._open(), at)

    @contextlib.contextmanager
    def group(self) -> Iterator[Self]:
        """A block whose changes are one: at its end they are on the disk, and the callback is
        called with their messages.

        Where the block raises, nothing has changed. Other threads and processes wait with their
        changes meanwhile.
        """
        messages: list[DeltaMessage] = []
        with self._lock:
            if self._messages is not None:
                raise ValueError("a group is open already")
            with self._change():
                self._messages = messages
                try:
                    yield self
                finally:
                    self._messages = None
        callback = self._callback
        if callback is not None:
            for message in messages:
                callback(message)

    def compact(self) -> None:
        """Makes the file as short as it can be."""
        with self._lock, _errors(self._path):
            database = self._open()
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def snapshot(self) -> dict[int, int]:
        """All states by address, those that are 0, too, as they are at one moment."""
        with self._lock, _errors(self._path):
            rows = self._open().execute("SELECT addr, state FROM words").fetchall()
        states = {addr: int.from_bytes(state, "little") for addr, state in rows}
        return dict.fromkeys(self, 0) | states

    def diff(self, other: HasStates) -> list[int]:
        """The addresses, ascending, at which the states of two tables differ, of those that both
        have."""
        return differing(self, other)

    def close(self) -> None:
        """Closes the file. Closing again does nothing; other calls then raise ValueError."""
        with self._lock:
            database, self._database = self._database, None
            # In the child of a fork the file's locks are the parent's.
            if database is not None and self._process == os.getpid():
                database.close()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._num_contexts

    def __iter__(self) -> Iterator[int]:
        """The addresses."""
        return iter(range(self._num_contexts))

    def __contains__(self, addr: object) -> bool:
        """Whether the table has an address."""
        return isinstance(addr, int) and 0 <= addr < self._num_contexts

    def __repr__(self) -> str:
        return (
            f"<PersistentSyncTable num_contexts={self._num_contexts} width={self._width} "
            f"path={str(self._path)!r}>"
        )

    def _open(self) -> sqlite3.Connection:
        if self._process != os.getpid():
            raise ValueError("the file was opened before the fork: open it again in the child")
        if self._database is None:
            raise ValueError("operation on a closed PersistentSyncTable")
        return self._database

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """A block that changes the file: all of it is on the disk afterwards, or nothing."""
        with self._lock, _errors(self._path):
            database = self._open()
            if self._messages is not None:
                # A group's, which ends it.
                if not database.in_transaction:
                    raise OSError(
                        errno.ECANCELED, "an earlier change of the group failed", str(self._path)
                    )
                try:
                    yield database
                except BaseException:
                    if database.in_transaction:
                        database.execute("ROLLBACK")
                    raise
                return
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            finally:
                # Some errors have done it already.
                if database.in_transaction:
                    database.execute("ROLLBACK")

    def _address(self, addr: SupportsIndex) -> int:
        at = addr.__index__()
        if at not in self:
            raise IndexError(
                f"address {at} is outside the table, whose addresses are 0 to "
                f"{self._num_contexts - 1}"
            )
        return at

    def _state(self, database: sqlite3.Connection, addr: int) -> int:
        row = database.execute("SELECT state FROM words WHERE addr = ?", (addr,)).fetchone()
        return 0 if row is None else int.from_bytes(row[0], "little")

    def _set(self, database: sqlite3.Connection, addr: int, state: int) -> None:
        if state:
            words = state.to_bytes(-(-self._width // 8), "little")
            database.execute("INSERT OR REPLACE INTO words VALUES (?, ?)", (addr, words))
        else:
            database.execute("DELETE FROM words WHERE addr = ?", (addr,))


def _number(number: int) -> bytes:
    """A number of 64 bits: SQLite's own have 63. Their order is the numbers'."""
    return number.to_bytes(8, "big")


def _open(path: Path) -> sqlite3.Connection:
    # Explicit transactions, and a minute of waiting for those of other processes.
    database = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        # Each commit waits for the disk.
        database.execute("PRAGMA synchronous = FULL")
        for (found,) in database.execute("PRAGMA quick_check(1)"):
            if found != "ok":
                raise sqlite3.DatabaseError(found)
        database.execute("BEGIN IMMEDIATE")
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if names and "own" not in names:
            raise ValueError(f"{path} is a database of something else")
        if not names:
            for table in _TABLES:
                database.execute(f"CREATE TABLE {table}")
        database.execute("COMMIT")
    except BaseException:
        database.close()
        raise
    return database


def _make(database: sqlite3.Connection, width: int, sender: int) -> None:
    database.execute("INSERT INTO own VALUES (?, ?, ?)", (width, _number(sender), _number(0)))


def _is_new(database: sqlite3.Connection, sender: int, seq: int) -> bool:
    """Notes a message, and tells whether it was unknown.

    Of numbers that follow each other from 1, only the highest is kept.
    """
    name = _number(sender)
    one = "SELECT seq FROM received WHERE sender = ? ORDER BY seq"
    first = database.execute(one, (name,)).fetchone()
    all_to = 0 if first is None else int.from_bytes(first[0], "big")
    if seq <= all_to:
        return False
    if first is None:
        database.execute("INSERT INTO received VALUES (?, ?)", (name, _number(0)))
    insert = "INSERT OR IGNORE INTO received VALUES (?, ?)"
    if not database.execute(insert, (name, _number(seq))).rowcount:
        return False
    if seq == all_to + 1:
        for (number,) in database.execute(f"{one} LIMIT -1 OFFSET 1", (name,)):
            if int.from_bytes(number, "big") != all_to + 1:
                break
            all_to += 1
        delete = "DELETE FROM received WHERE sender = ? AND seq < ?"
        database.execute(delete, (name, _number(all_to)))
    return True


def _take_over(path: Path, num_contexts: int, width: int) -> None:
    """Makes a database of a file of records, if it is one.

    Until that is on the disk, the file stays as it is.
    """
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return
    with file:
        # Two processes may do so at a time.
        fcntl.flock(file, fcntl.LOCK_EX)
        if not os.path.samestat(os.stat(path), os.fstat(file.fileno())):
            return
        records = file.read()
        if not records or records.startswith(_DATABASE):
            return
        table = AtomikTable(num_contexts, width)
        # An end that is no whole record was never acknowledged.
        whole = len(records) - len(records) % _RECORD_SIZE
        for addr, delta, number in _RECORD.iter_unpack(records[:whole]):
            if number == _LOAD:
                table.load(addr, delta)
            else:
                table.accum(addr, delta)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as directory:
            new = Path(directory, path.name)
            database = _open(new)
            try:
                database.execute("BEGIN")
                _make(database, width, 0)
                size = -(-width // 8)
                states = table.snapshot().items()
                rows = ((addr, state.to_bytes(size, "little")) for addr, state in states)
                database.executemany("INSERT INTO words VALUES (?, ?)", rows)
                database.execute("COMMIT")
            finally:
                # Leaves one file, with everything in it, on the disk.
                database.close()
            os.chmod(new, os.fstat(file.fileno()).st_mode & 0o777)
            os.replace(new, path)
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


@contextlib.contextmanager
def _errors(path: Path) -> Iterator[None]:
    """SQLite's errors as the system's."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        number = errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EIO
        text = f"nothing has changed in the file: {error}"
        raise OSError(number, text, str(path)) from error
