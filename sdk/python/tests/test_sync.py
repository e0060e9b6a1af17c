# SPDX-License-Identifier: MIT OR Apache-2.0
"""SyncTable, in the process and on a table of either kind, and the transports."""

import asyncio
import threading

import pytest

from atomik_core import (
    AsyncCallbackTransport,
    AsyncSyncTable,
    AtomikTable,
    CallbackTransport,
    DeltaMessage,
    DeviceTable,
    MemoryTransport,
    SyncTable,
)

Table = AtomikTable | DeviceTable


def test_put_get_and_the_message(table: Table) -> None:
    synced = SyncTable(table=table)
    assert (synced.num_contexts, synced.width, len(synced), synced.sender) == (256, 64, 256, 0)
    assert synced.put(addr=7, value=0xF0) == DeltaMessage(7, 0xF0, seq=1)
    assert synced.put(7, 0xFF) == DeltaMessage(7, 0x0F, seq=2)
    assert synced.put(7, 0xFF) == DeltaMessage(7, 0, seq=2)
    assert synced.get(addr=7) == table.read(7) == 0xFF
    assert table.context(7).reference == 0


def test_receive_and_on_delta(table: Table) -> None:
    synced = SyncTable(table=table)
    told: list[DeltaMessage] = []
    synced.on_delta(told.append)
    synced.receive(msg=DeltaMessage(1, 5))
    synced.put(1, 5)
    assert (synced.get(1), told) == (5, [])
    message = synced.put(1, 4)
    synced.on_delta(callback=None)
    synced.put(1, 3)
    assert told == [message] == [DeltaMessage(1, 1, seq=1)]


def test_duplicates_of_named_messages_change_nothing() -> None:
    one, other = SyncTable(sender=1), SyncTable(sender=2)
    messages = [one.put(0, n) for n in (1, 2, 4, 8)]
    assert [message.seq for message in messages] == [1, 2, 3, 4]
    assert {message.sender for message in messages} == {1}
    for message in [messages[n] for n in (2, 0, 2, 3, 0, 1, 3, 1, 2)]:
        other.receive(DeltaMessage.from_bytes(message.to_bytes()))
    assert other.get(0) == 8
    # Its own come back.
    one.receive(messages[0])
    assert one.get(0) == 8
    with pytest.raises(ValueError, match="^the message of 0x1 has no number: its seq is 0, so"):
        other.receive(DeltaMessage(0, 1, sender=1))
    assert other.get(0) == 8


def test_messages_without_names_are_as_they_were() -> None:
    one, other = SyncTable(), SyncTable()
    message = one.put(0, 5)
    assert len(message.to_bytes()) == 16
    other.receive(message)
    other.receive(message)
    assert other.get(0) == 0


def test_widths() -> None:
    narrow, wide = SyncTable(4, 8), SyncTable(4, width=100)
    assert narrow.put(0, -1) == DeltaMessage(0, 0xFF, seq=1)
    assert narrow.put(0, 0x1FF).delta == 0
    narrow.receive(DeltaMessage(1, 0x1FF))
    assert narrow.snapshot() == {0: 0xFF, 1: 0xFF, 2: 0, 3: 0}
    message = wide.put(0, 1 << 99)
    assert DeltaMessage.from_bytes(message.to_bytes()) == message
    assert message.delta == wide.get(0) == 1 << 99


def test_snapshot_and_diff() -> None:
    one = SyncTable(8)
    one.put(2, 5)
    one.put(5, 6)
    again = SyncTable.from_snapshot(snap=one.snapshot(), width=64)
    assert (again.snapshot(), len(again)) == (one.snapshot(), 8)
    assert again.diff(other=one) == []
    again.put(7, 1)
    again.put(2, 0)
    assert one.diff(again) == again.diff(one) == [2, 7]
    assert SyncTable(3).diff(one) == [2]
    assert len(SyncTable.from_snapshot({})) == 256
    assert SyncTable.from_snapshot({1: 256}, 8).snapshot() == {0: 0, 1: 0}


def test_it_is_a_container_of_addresses() -> None:
    table = SyncTable(3)
    assert list(table) == [0, 1, 2]
    assert 2 in table
    assert 3 not in table
    assert -1 not in table
    assert "1" not in table
    assert repr(table) == "<SyncTable num_contexts=3 width=64>"


def test_wrong_arguments() -> None:
    table = SyncTable(4)
    for call in (lambda: table.put(4, 0), lambda: table.get(-1)):
        with pytest.raises(IndexError, match="outside the table, whose addresses are 0 to 3"):
            call()
    with pytest.raises(IndexError, match="address 4 is outside"):
        table.receive(DeltaMessage(4, 1))
    with pytest.raises(TypeError, match="must be an int, not str"):
        table.put(0, "1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="^sender must be from 0"):
        SyncTable(sender=-1)
    with pytest.raises(ValueError, match="^num_contexts must be from 1"):
        SyncTable(0)
    assert table.snapshot() == dict.fromkeys(range(4), 0)


def test_threads_lose_nothing(table: Table) -> None:
    """Each puts at an address of its own, and all at one more; a replica follows."""
    synced, replica = SyncTable(table=table, sender=1), SyncTable(sender=2)
    synced.on_delta(replica.receive)

    def put(number: int) -> None:
        for n in range(200):
            synced.put(number, n)
            synced.put(9, number << 8 | n)

    threads = [threading.Thread(target=put, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert synced.diff(replica) == []
    assert [synced.get(n) for n in range(4)] == [199] * 4


def test_memory_transport() -> None:
    hub = MemoryTransport()
    tables = [SyncTable(4, sender=n) for n in (1, 2, 3)]
    for table in tables:
        hub.connect(table)
        hub.connect(table=table)
    assert hub.peer_count == 3
    tables[0].put(0, 5)
    tables[1].put(0, 6)
    assert [table.get(0) for table in tables] == [6, 6, 6]
    hub.disconnect(table=tables[2])
    assert hub.peer_count == 2
    tables[2].put(1, 1)
    tables[0].put(1, 2)
    assert [table.get(1) for table in tables] == [2, 2, 1]
    with pytest.raises(ValueError, match="isn't connected"):
        hub.disconnect(tables[2])


def test_callback_transport() -> None:
    one, other = SyncTable(4), SyncTable(4)
    there = CallbackTransport(other)
    sent: list[bytes] = []
    CallbackTransport(table=one, send_fn=sent.append)
    one.put(0, 0xCAFE)
    assert sent == [bytes.fromhex("00000000 000000000000cafe 00000001")]
    there.receive_bytes(data=sent[0])
    assert other.get(0) == 0xCAFE
    other.put(0, 0)
    with pytest.raises(ValueError, match="message"):
        there.receive_bytes(b"")


def test_async_callback_transport() -> None:
    sent: list[bytes] = []
    fails = True

    async def send(data: bytes) -> None:
        if fails and len(sent) == 1:
            raise ConnectionError("away")
        sent.append(data)

    async def main() -> None:
        nonlocal fails
        table = SyncTable(4)
        transport = AsyncCallbackTransport(table=table, send_fn=send)
        for n in range(3):
            table.put(n, 5)
        assert transport.pending_count == 3
        with pytest.raises(ConnectionError):
            await transport.send_pending()
        assert (len(sent), transport.pending_count) == (1, 2)
        fails = False
        assert await transport.send_pending() == 2
        assert await transport.send_pending() == transport.pending_count == 0
        transport.receive_bytes(sent[0])
        assert table.get(0) == 0
        dropped = AsyncCallbackTransport(table)
        table.put(0, 1)
        assert await dropped.send_pending() == 1

    asyncio.run(main())
    assert [DeltaMessage.from_bytes(data).addr for data in sent] == [0, 1, 2]


def test_async_sync_table() -> None:
    async def main() -> None:
        sent: list[bytes] = []

        async def send(data: bytes) -> None:
            sent.append(data)

        one = AsyncSyncTable(4, send_fn=send, sender=1)
        other = AsyncSyncTable(num_contexts=4, width=64)
        assert (one.num_contexts, one.width, one.pending_count) == (4, 64, 0)
        message = await one.put(addr=1, value=5)
        assert sent == [message.to_bytes()]
        other.receive_bytes(sent[0])
        other.receive(message)
        assert other.get(1) == 5
        assert one.diff(other) == []
        await other.put(2, 1)
        assert await other.send_pending() == 0
        assert one.diff(other) == [2]
        assert one.snapshot() == {0: 0, 1: 5, 2: 0, 3: 0}
        assert repr(one) == "<AsyncSyncTable num_contexts=4 width=64>"

    asyncio.run(main())
