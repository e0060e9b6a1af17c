# SPDX-License-Identifier: MIT OR Apache-2.0
"""Ways of SyncTables' messages, in one process and over anything that carries bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ._native import DeltaMessage


class Synced(Protocol):
    """A SyncTable, a PersistentSyncTable, or anything else that makes and takes messages."""

    def on_delta(self, callback: Callable[[DeltaMessage], object] | None) -> None: ...
    def receive(self, msg: DeltaMessage) -> None: ...


class MemoryTransport:
    """Connects tables of one process: each gets the changes of all others.

    >>> from atomik_core import SyncTable
    >>> hub, one, other = MemoryTransport(), SyncTable(), SyncTable()
    >>> hub.connect(one), hub.connect(other), hub.peer_count
    (None, None, 2)
    >>> _ = one.put(7, 0xFF)
    >>> other.get(7)
    255
    """

    def __init__(self) -> None:
        self._tables: list[Synced] = []

    def connect(self, table: Synced) -> None:
        """Connects a table: its later changes go to the others, and theirs to it. It takes the
        place of the table's callback."""
        if not self._has(table):
            self._tables.append(table)
        table.on_delta(lambda message: self._relay(table, message))

    def disconnect(self, table: Synced) -> None:
        """Disconnects a table. Raises ValueError where it isn't connected."""
        if not self._has(table):
            raise ValueError(f"{table!r} isn't connected")
        self._tables = [other for other in self._tables if other is not table]
        table.on_delta(None)

    @property
    def peer_count(self) -> int:
        """The number of tables that are connected."""
        return len(self._tables)

    def _has(self, table: Synced) -> bool:
        return any(other is table for other in self._tables)

    def _relay(self, source: Synced, message: DeltaMessage) -> None:
        for table in list(self._tables):
            if table is not source:
                table.receive(message)


class CallbackTransport:
    """Hands the bytes of a table's messages to a function, and takes others' bytes.

    >>> from atomik_core import SyncTable
    >>> one, other = SyncTable(), SyncTable()
    >>> there = CallbackTransport(other)
    >>> here = CallbackTransport(one, there.receive_bytes)
    >>> _ = one.put(7, 0xFF)
    >>> other.get(7)
    255
    """

    def __init__(self, table: Synced, send_fn: Callable[[bytes], object] | None = None) -> None:
        self._table = table
        self._send_fn = send_fn
        table.on_delta(self._send)

    def receive_bytes(self, data: bytes) -> None:
        """Takes the bytes of one message. Raises ValueError where they are none."""
        self._table.receive(DeltaMessage.from_bytes(data))

    def _send(self, message: DeltaMessage) -> None:
        if self._send_fn is not None:
            self._send_fn(message.to_bytes())
