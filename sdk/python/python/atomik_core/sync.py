# SPDX-License-Identifier: MIT OR Apache-2.0
"""SyncTable: a table whose changes are messages to other such tables."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, Self, SupportsIndex

from ._native import AtomikTable, DeltaMessage, DeviceTable

Callback = Callable[[DeltaMessage], object]


class HasStates(Protocol):
    """A SyncTable, a PersistentSyncTable, or anything else with states."""

    def snapshot(self) -> dict[int, int]: ...


class SyncTable:
    """A table of states. Each change is a message, which other tables ``receive``, in any order.

    The contexts are the table's own, in the process. With ``table``, they are those of an
    AtomikTable or a DeviceTable, which has the number of contexts and the width then; other changes
    of that table are no messages.

    With ``sender``, a number of 64 bits that no other table has, messages say who made them, and a
    duplicate changes nothing. Without it messages are 16 bytes that say nothing of the kind, and a
    duplicate undoes the first. Threads may share a table.

    >>> one, other = SyncTable(), SyncTable()
    >>> one.on_delta(other.receive)
    >>> one.put(7, 0xFF)
    DeltaMessage(addr=7, delta=0xff, epoch=0, seq=1, sender=0x0, width=64)
    >>> other.get(7)
    255
    """

    __slots__ = ("__weakref__", "_callback", "_lock", "_received", "_sender", "_seq", "_table")

    def __init__(
        self,
        num_contexts: int = 256,
        width: int = 64,
        *,
        sender: int = 0,
        table: AtomikTable | DeviceTable | None = None,
    ) -> None:
        self._table = AtomikTable(num_contexts, width) if table is None else table
        # Refuses numbers that are none.
        self._sender = DeltaMessage(0, 0, sender=sender).sender
        self._seq = 0
        self._callback: Callback | None = None
        self._received: dict[int, Numbers] = {}
        self._lock = threading.Lock()

    @property
    def num_contexts(self) -> int:
        """The number of contexts."""
        return self._table.num_contexts

    @property
    def width(self) -> int:
        """The width of states, in bits."""
        return self._table.width

    @property
    def sender(self) -> int:
        """The number by which others know this table; 0 where they don't."""
        return self._sender

    def on_delta(self, callback: Callback | None) -> None:
        """Calls ``callback`` with the message of each later ``put`` that changes a state. It takes
        the place of the one before; None takes none."""
        self._callback = callback

    def put(self, addr: SupportsIndex, value: SupportsIndex) -> DeltaMessage:
        """Changes the state at an address to ``value``, and returns the message for others. Where
        it is that already, the message's delta is 0, and nobody needs it."""
        with self._lock:
            before = self._table.update(addr, lambda _: value)
            delta = before ^ masked(value, self.width)
            if delta:
                self._seq += 1
            message = message_of(addr, delta, self._seq, self._sender, self.width)
        # Another thread may set it meanwhile.
        callback = self._callback
        if delta and callback is not None:
            callback(message)
        return message

    def get(self, addr: SupportsIndex) -> int:
        """The state at an address."""
        return self._table.read(addr)

    def receive(self, msg: DeltaMessage) -> None:
        """Takes a message of another table. Calls no callback. A duplicate of a message that names
        its sender changes nothing, and neither does the table's own."""
        check_numbered(msg)
        with self._lock:
            if not msg.sender:
                self._table.accum(msg.addr, msg.delta)
            elif msg.sender != self._sender:
                numbers = self._received.setdefault(msg.sender, Numbers())
                if msg.seq not in numbers:
                    self._table.accum(msg.addr, msg.delta)
                    numbers.add(msg.seq)

    def snapshot(self) -> dict[int, int]:
        """All states by address, those that are 0, too, as they are at one moment."""
        return dict.fromkeys(self, 0) | self._table.snapshot()

    @classmethod
    def from_snapshot(cls, snap: Mapping[int, int], width: int = 64) -> Self:
        """A table with the states of a ``snapshot``. It has as many contexts as the highest address
        needs, or 256 where there is none."""
        table = cls(max(snap, default=255) + 1, width)
        for addr, state in snap.items():
            table._table.load(addr, state)
        return table

    def diff(self, other: HasStates) -> list[int]:
        """The addresses, ascending, at which the states of two tables differ, of those that both
        have."""
        return differing(self, other)

    def __len__(self) -> int:
        return self.num_contexts

    def __iter__(self) -> Iterator[int]:
        """The addresses."""
        return iter(range(self.num_contexts))

    def __contains__(self, addr: object) -> bool:
        """Whether the table has an address."""
        return isinstance(addr, int) and 0 <= addr < self.num_contexts

    def __repr__(self) -> str:
        return f"<SyncTable num_contexts={self.num_contexts} width={self.width}>"


class Numbers:
    """The numbers of one sender's messages that have come: all up to one, and some above."""

    __slots__ = ("above", "all_to")

    def __init__(self) -> None:
        self.all_to: int = 0
        self.above: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number <= self.all_to or number in self.above

    def add(self, number: int) -> None:
        self.above.add(number)
        while self.all_to + 1 in self.above:
            self.all_to += 1
            self.above.remove(self.all_to)


def masked(value: SupportsIndex, width: int) -> int:
    return value.__index__() & (1 << width) - 1


def message_of(addr: SupportsIndex, delta: int, seq: int, sender: int, width: int) -> DeltaMessage:
    """A message that takes 16 bytes if it can."""
    return DeltaMessage(addr, delta, seq=seq, sender=sender, width=max(width, 64))


def check_numbered(message: DeltaMessage) -> None:
    if message.sender and not message.seq:
        raise ValueError(
            f"the message of {message.sender:#x} has no number: its seq is 0, so its duplicates "
            "couldn't be told"
        )


def differing(one: HasStates, other: HasStates) -> list[int]:
    here, there = one.snapshot(), other.snapshot()
    return [addr for addr in sorted(here.keys() & there.keys()) if here[addr] != there[addr]]
