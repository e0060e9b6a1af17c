# SPDX-License-Identifier: MIT OR Apache-2.0
"""Ways of SyncTables' messages for asyncio."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import SupportsIndex

from ._native import DeltaMessage
from .sync import SyncTable, differing
from .transport import Synced

Send = Callable[[bytes], Awaitable[object]]


class AsyncCallbackTransport:
    """Keeps the bytes of a table's messages until ``send_pending`` hands them to a coroutine
    function, and takes others' bytes."""

    __slots__ = ("_queue", "_send_fn", "_table")

    def __init__(self, table: Synced, send_fn: Send | None = None) -> None:
        self._table = table
        self._send_fn = send_fn
        self._queue: deque[bytes] = deque()
        table.on_delta(lambda message: self._queue.append(message.to_bytes()))

    async def send_pending(self) -> int:
        """Sends all messages that are kept, and returns their number. Without a function, drops
        them. One whose sending fails is kept, and so are those after it."""
        count = 0
        while self._queue:
            data = self._queue.popleft()
            if self._send_fn is not None:
                try:
                    await self._send_fn(data)
                except BaseException:
                    self._queue.appendleft(data)
                    raise
            count += 1
        return count

    def receive_bytes(self, data: bytes) -> None:
        """Takes the bytes of one message. Raises ValueError where they are none."""
        self._table.receive(DeltaMessage.from_bytes(data))

    @property
    def pending_count(self) -> int:
        """The number of messages that are kept."""
        return len(self._queue)


class AsyncSyncTable:
    """A SyncTable for asyncio: ``put`` sends the message by a coroutine function."""

    __slots__ = ("_table", "_transport")

    def __init__(
        self,
        num_contexts: int = 256,
        width: int = 64,
        send_fn: Send | None = None,
        *,
        sender: int = 0,
    ) -> None:
        self._table = SyncTable(num_contexts, width, sender=sender)
        self._transport = AsyncCallbackTransport(self._table, send_fn)

    @property
    def num_contexts(self) -> int:
        """The number of contexts."""
        return self._table.num_contexts

    @property
    def width(self) -> int:
        """The width of states, in bits."""
        return self._table.width

    async def put(self, addr: SupportsIndex, value: SupportsIndex) -> DeltaMessage:
        """Changes the state at an address to ``value``, sends the message, and returns it.

        The state has changed also where sending fails. The message is kept then, and the next
        ``put`` or ``send_pending`` sends it.
        """
        message = self._table.put(addr, value)
        await self.send_pending()
        return message

    async def send_pending(self) -> int:
        """Sends all messages that are kept, and returns their number."""
        return await self._transport.send_pending()

    @property
    def pending_count(self) -> int:
        """The number of messages that are kept."""
        return self._transport.pending_count

    def get(self, addr: SupportsIndex) -> int:
        """The state at an address."""
        return self._table.get(addr)

    def receive(self, msg: DeltaMessage) -> None:
        """Takes a message of another table."""
        self._table.receive(msg)

    def receive_bytes(self, data: bytes) -> None:
        """Takes the bytes of one message. Raises ValueError where they are none."""
        self._transport.receive_bytes(data)

    def snapshot(self) -> dict[int, int]:
        """All states by address, those that are 0, too, as they are at one moment."""
        return self._table.snapshot()

    def diff(self, other: AsyncSyncTable) -> list[int]:
        """The addresses, ascending, at which the states of two tables differ, of those that both
        have."""
        return differing(self._table, other._table)

    def __repr__(self) -> str:
        return f"<AsyncSyncTable num_contexts={self.num_contexts} width={self.width}>"
