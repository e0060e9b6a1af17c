# SPDX-License-Identifier: MIT OR Apache-2.0
"""Mapped tables: single reads and deltas, and many reads as of one moment."""

import errno
import multiprocessing
import os
import pickle
import threading
from array import array

import pytest

from atomik_core import AtomikTable, DeviceTable, TableMap
from conftest import HAS_DEVICE

on_device = pytest.mark.skipif(not HAS_DEVICE, reason="there is no device")

Table = AtomikTable | DeviceTable


def test_the_states_are_the_tables(table: Table) -> None:
    table.load(3, 5)
    states = table.map()
    assert (states.num_contexts, len(states), states.width) == (256, 256, 64)
    assert states.read(3) == 5 and states.read(255) == 0
    states.accum(255, 2**64 - 1)
    states.accum(255, -1 << 8)
    assert table.read(255) == states.read(255) == 255
    # The reference stays, as by the table's own accum.
    assert table.context(255).reference == 0
    table.set(3, 6)
    assert states.read(3) == 6
    assert repr(states) == "<TableMap num_contexts=256 width=64>"


def test_many_reads(table: Table) -> None:
    states = table.map()
    for addr in range(256):
        states.accum(addr, addr + 1)
    addrs = array("I", [255, 0, 7, 7])
    assert states.read_consistent(addrs) == array("Q", [256, 1, 8, 8])
    out = array("Q", bytes(32))
    assert states.read_consistent(addrs, out) is out
    assert out == states.read_consistent(addrs) == table.read_many(addrs)
    assert states.read_consistent(b"") == array("Q")
    # The addresses' own array, and any number of them.
    both = array("q", range(256)) * 300
    assert states.read_consistent(both, both) is both
    assert both == array("q", range(1, 257)) * 300


def test_what_is_refused(table: Table) -> None:
    table.load(0, 9)
    states = table.map()
    for addr in (256, -1, 2**40):
        with pytest.raises(IndexError, match=f"address {addr} is outside the table"):
            states.read(addr)
        with pytest.raises(IndexError, match=f"address {addr} is outside the table"):
            states.accum(addr, 1)
        out = array("Q", [7, 7])
        with pytest.raises(IndexError, match=f"address {addr} is outside the table"):
            states.read_consistent(array("q", [0, addr]), out)
        assert out == array("Q", [7, 7])
    with pytest.raises(TypeError, match="addr must be an int, not str"):
        states.read("0")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="delta must be an int, not float"):
        states.accum(0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="addrs must be a buffer, an array or a list of integers"):
        states.read_consistent(0)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="addrs and out must be equally long"):
        states.read_consistent(b"\0", array("Q"))
    with pytest.raises(ValueError, match="out is read-only"):
        states.read_consistent(b"\0", bytes(8))
    with pytest.raises(TypeError, match="out has items of 32 bits, and states have 64"):
        states.read_consistent(b"\0", array("I", [0]))
    with pytest.raises(TypeError):
        TableMap()
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(states)
    assert table.snapshot() == {0: 9}


def test_a_mapping_that_is_read_only(table: Table) -> None:
    table.load(3, 5)
    states = table.map(read_only=True)
    with pytest.raises(OSError, match="doesn't give the right to ACCUM") as raised:
        states.accum(3, 1)
    assert raised.value.errno == errno.EBADF
    with pytest.raises(IndexError):
        states.accum(256, 1)
    assert states.read(3) == 5
    assert states.read_consistent(b"\3") == array("Q", [5])


def test_closing(table: Table) -> None:
    with table.map() as states, table.map() as other:
        assert not states.closed
        states.close()
        states.close()
        assert states.closed and repr(states) == "<TableMap closed>"
        for call in (
            lambda: states.read(0),
            lambda: states.accum(0, 1),
            lambda: states.read_consistent(b"\0"),
            lambda: states.width,
            lambda: len(states),
            states.__enter__,
        ):
            with pytest.raises(ValueError, match="operation on a closed TableMap"):
                call()
        other.accum(0, 1)
    assert other.closed and table.read(0) == 1


@pytest.mark.parametrize("kind", [AtomikTable, pytest.param(DeviceTable, marks=on_device)])
def test_narrow_values(kind: type[Table]) -> None:
    table = kind(4, width=8)
    states = table.map()
    assert states.width == 8
    states.accum(1, 0x1FF)
    assert states.read(1) == table.read(1) == 0xFF
    assert states.read_consistent(b"\1", bytearray(1)) == b"\xff"


@on_device
def test_what_another_width_has_put_above() -> None:
    table = DeviceTable(4)
    table.load(1, 0x1234)
    same = DeviceTable.from_fd(table, table_id=table.table_id, width=8)
    states = same.map()
    assert states.read(1) == 0x34
    assert states.read_consistent(b"\1") == array("Q", [0x34])
    states.accum(1, 0xF01)
    assert table.read(1) == 0x1235


def test_wide_values() -> None:
    table = AtomikTable(4, width=100)
    states = table.map()
    states.accum(1, 2**99 + 1)
    assert states.read(1) == 2**99 + 1
    assert states.read_consistent(b"\1") == array("Q", [1, 2**35])


def test_no_batch_is_seen_half_done(table: Table) -> None:
    """Sixteen contexts, which each batch sets to the same."""
    contexts = range(0, 256, 16)
    addrs = array("B", contexts)
    ended = threading.Event()

    def change() -> None:
        try:
            for state in range(1, 2001):
                table.batch([("set" if state % 2 else "load", addr, state) for addr in contexts])
        finally:
            ended.set()

    thread = threading.Thread(target=change)
    states = table.map(read_only=True)
    out = array("Q", bytes(8 * 16))
    thread.start()
    last = 0
    while True:
        at_end = ended.is_set()
        states.read_consistent(addrs, out)
        assert set(out) == {out[0]} and out[0] >= last
        last = out[0]
        if at_end:
            break
    thread.join()
    assert last == 2000


def change_in_child(table: DeviceTable) -> None:
    for state in range(1, 5001):
        table.batch([("set", addr, state) for addr in range(0, 256, 16)])


@on_device
def test_no_batch_of_another_process_is_seen_half_done() -> None:
    table = DeviceTable(256)
    states = table.map()
    addrs = array("B", range(0, 256, 16))
    out = array("Q", bytes(8 * 16))
    child = multiprocessing.get_context("fork").Process(target=change_in_child, args=(table,))
    child.start()
    while True:
        at_end = not child.is_alive()
        states.read_consistent(addrs, out)
        assert set(out) == {out[0]}
        if at_end:
            break
    child.join()
    assert child.exitcode == 0 and out[0] == 5000


@on_device
def test_a_table_that_can_only_be_read() -> None:
    table = DeviceTable(4)
    table.load(2, 7)
    with table.export(read_only=True) as device:
        reader = device.table()
    with pytest.raises(OSError, match="doesn't give the right to mmap") as raised:
        reader.map()
    assert raised.value.errno == errno.EBADF
    states = reader.map(read_only=True)
    assert states.read_consistent(b"\2\0") == array("Q", [7, 0])
    with pytest.raises(OSError):
        states.accum(2, 1)
    table.set(2, 8)
    assert states.read(2) == 8


@on_device
def test_a_mapping_outlives_its_table() -> None:
    table = DeviceTable(4)
    other = DeviceTable.from_fd(table, table_id=table.table_id)
    number = table.fileno()
    states = table.map()
    table.load(1, 5)
    table.close()
    # It keeps the descriptor, by which it waits for batches.
    os.fstat(number)
    assert states.read(1) == 5
    other.destroy()
    states.accum(1, 2)
    assert states.read(1) == 7 and states.read_consistent(b"\1") == array("Q", [7])
    states.close()
    with pytest.raises(OSError):
        os.fstat(number)
    with pytest.raises(ValueError, match="operation on a closed DeviceTable"):
        table.map()


@on_device
def test_no_watch_is_told() -> None:
    table = DeviceTable(4)
    states = table.map()
    with table.watch() as watch:
        watch.read()
        states.accum(1, 5)
        with pytest.raises(TimeoutError):
            watch.read(0)
        table.touch(1, 2)
        assert watch.read(0) == [(1, 5)]


@on_device
def test_after_a_fork_both_have_it() -> None:
    table = DeviceTable(4)
    states = table.map()
    child = os.fork()
    if child == 0:
        try:
            states.accum(1, 5)
            states.close()
        finally:
            os._exit(0 if states.closed else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert states.read(1) == 5 == table.read(1)
