# SPDX-License-Identifier: MIT OR Apache-2.0
"""The bulk calls, on buffers and arrays of all kinds."""

import ctypes
import mmap
from array import array
from typing import Any

import pytest

from atomik_core import AtomikTable, DeviceTable

Table = AtomikTable | DeviceTable


def test_a_million_deltas(table: Table) -> None:
    count = 1_000_000 if isinstance(table, AtomikTable) else 20_000
    addrs = array("H", (i * 7 % 256 for i in range(count)))
    deltas = array("Q", (i * 0x9E3779B97F4A7C15 % 2**64 for i in range(count)))
    table.accum_many(addrs=addrs, deltas=deltas)
    expected = [0] * 256
    for addr, delta in zip(addrs, deltas, strict=True):
        expected[addr] ^= delta
    assert table.read_many(addrs=range_of(256)).tolist() == expected
    assert [table.read(addr) for addr in range(256)] == expected


def range_of(count: int) -> "array[int]":
    return array("I", range(count))


def test_load_and_read_many(table: Table) -> None:
    table.load_many(addrs=array("B", [3, 1, 3]), states=array("Q", [5, 6, 7]))
    out = table.read_many(array("B", [1, 3, 1, 0]))
    assert isinstance(out, array) and out.typecode == "Q"
    assert out.tolist() == [6, 7, 6, 0]
    assert table.context(3).reference == 7


def test_read_many_into_what_it_is_given(table: Table) -> None:
    table.load_many(array("B", [0, 1]), array("Q", [2**64 - 1, 2]))
    out = array("Q", [9, 9, 9])
    assert table.read_many(array("B", [1, 0, 1]), out=out) is out
    assert out.tolist() == [2, 2**64 - 1, 2]
    memory = bytearray(16)
    table.read_many(array("B", [1, 0]), memoryview(memory).cast("Q"))
    assert memory == (2).to_bytes(8, "little") + b"\xff" * 8
    signed = array("q", [0])
    table.read_many(array("B", [0]), signed)
    assert signed.tolist() == [-1]


def test_nothing_at_all(table: Table) -> None:
    table.accum_many(array("Q"), array("Q"))
    table.load_many(b"", b"")
    assert table.read_many(b"").tolist() == []
    assert table.snapshot() == {}


@pytest.mark.parametrize("typecode", "bBhHiIlLqQ")
def test_all_types_of_integers(table: Table, typecode: str) -> None:
    table.accum_many(array(typecode, [5, 100, 5]), array(typecode, [1, 2, 3]))
    assert table.snapshot() == {5: 2, 100: 2}
    if typecode.islower():
        table.accum_many(b"\1", array(typecode, [-2]))
        assert table.read(1) == 2**64 - 2


@pytest.mark.parametrize("typecode", "bhilq")
def test_negative_addresses(table: Table, typecode: str) -> None:
    with pytest.raises(
        IndexError, match="^address -3 is outside the table, whose addresses are 0 to 255$"
    ):
        table.accum_many(array(typecode, [1, -3]), array("Q", [1, 1]))
    assert table.snapshot() == {}


@pytest.mark.parametrize("wrong", [256, 2**32, 2**32 + 1, 2**64 - 1])
@pytest.mark.parametrize("storage", [0, 511, 512, 4999])
def test_a_bad_address_changes_nothing(table: Table, wrong: int, storage: int) -> None:
    addrs, ones = array("Q", [1]) * 5000, array("Q", [1]) * 5000
    addrs[storage] = wrong
    text = f"^address {wrong} is outside the table, whose addresses are 0 to 255$"
    out = array("Q", [9]) * 5000
    with pytest.raises(IndexError, match=text):
        table.accum_many(addrs, ones)
    with pytest.raises(IndexError, match=text):
        table.load_many(addrs, ones)
    with pytest.raises(IndexError, match=text):
        table.read_many(addrs, out)
    assert table.snapshot() == {}
    assert set(out) == {9}
    assert AtomikTable.read_many(AtomikTable(), b"\0").tolist() == [0]


@pytest.mark.parametrize(("addrs", "values"), [(2, 1), (0, 1), (3, 4)])
def test_arrays_that_are_not_equally_long(table: Table, addrs: int, values: int) -> None:
    text = f"must be equally long, and have {addrs} and {values} items$"
    with pytest.raises(ValueError, match=f"^addrs and deltas {text}"):
        table.accum_many(bytes(addrs), bytes(values))
    with pytest.raises(ValueError, match=f"^addrs and states {text}"):
        table.load_many(bytes(addrs), bytes(values))
    with pytest.raises(ValueError, match=f"^addrs and out {text}"):
        table.read_many(bytes(addrs), array("Q", [0]) * values)


@pytest.mark.parametrize("wrong", ["1", None, 5, {1}, {1: 1}, 1.0])
def test_what_is_no_buffer(table: Table, wrong: Any) -> None:
    name = type(wrong).__name__
    with pytest.raises(
        TypeError, match=f"^addrs must be a buffer, an array or a list of integers, not {name}$"
    ):
        table.accum_many(wrong, b"\0")
    with pytest.raises(
        TypeError, match=f"^deltas must be a buffer, an array or a list of integers, not {name}$"
    ):
        table.accum_many(b"\0", wrong)


def test_lists_and_ranges(table: Table) -> None:
    table.load_many(range(4), [10, 20, 30, -1])
    table.accum_many((3, 0, 3), range(1, 4))
    table.set_many([1], array("Q", [7]))
    table.accum_many(array("I", [2]), (30,))
    assert table.read_many(range(4)) == array("Q", [8, 7, 0, 2**64 - 3])
    assert table.map().read_consistent([3, 0]) == array("Q", [2**64 - 3, 8])
    context = table.context(9)
    context.accum_many([1, 2**64 + 4, -(2**63)])
    assert (context.read(), context.delta_count) == (5 | 1 << 63, 3)
    table.accum_many([], [])


def test_lists_of_wide_values() -> None:
    table = AtomikTable(4, 100)
    table.accum_many([1, 2], [1 << 99, -1])
    assert table.snapshot() == {1: 1 << 99, 2: 2**100 - 1}
    assert table.read_many([1]) == array("Q", [0, 1 << 35])


def test_wrong_items_of_lists(table: Table) -> None:
    table.load(0, 7)
    for addr in (-1, 256, 2**70):
        with pytest.raises(IndexError, match=f"^address {addr} is outside the table, whose"):
            table.load_many([0, addr], [1, 1])
    with pytest.raises(TypeError, match="^addr must be an int, not str$"):
        table.load_many([0, "1"], [1, 1])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="^states must be an int, not float$"):
        table.load_many([0, 1], [1, 1.0])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="equally long, and have 2 and 1 items$"):
        table.load_many([0, 1], [1])
    with pytest.raises(TypeError, match="^out must be a buffer"):
        table.read_many([0], [0])  # type: ignore[call-overload]
    assert table.snapshot() == {0: 7}


@pytest.mark.parametrize("typecode", "fd")
def test_buffers_of_other_things(table: Table, typecode: str) -> None:
    with pytest.raises(TypeError, match=f'^addrs must have integers .* format "{typecode}"$'):
        table.accum_many(array(typecode, [1]), b"\0")
    with pytest.raises(TypeError, match='^deltas must have integers .* format "c"$'):
        table.accum_many(b"\0", memoryview(b"\0").cast("c"))
    with pytest.raises(TypeError, match='^deltas must have integers .* format "\\?"$'):
        table.accum_many(b"\0", memoryview(b"\0").cast("?"))


def test_places_that_can_not_take_states(table: Table) -> None:
    with pytest.raises(ValueError, match="^out is read-only$"):
        table.read_many(b"\0", bytes(8))
    with pytest.raises(ValueError, match="^out is read-only$"):
        table.read_many(b"\0", memoryview(array("Q", [0])).toreadonly())
    with pytest.raises(TypeError, match="^out has items of 32 bits, and states have 64$"):
        table.read_many(b"\0", array("I", [0]))


def test_narrow_states_fit_narrow_items() -> None:
    table = AtomikTable(4, width=12)
    table.accum_many(b"\0\1", array("Q", [-1 % 2**64, 0x1234]))
    assert table.read_many(b"\0\1", array("H", [0, 0])).tolist() == [0xFFF, 0x234]
    with pytest.raises(TypeError, match="^out has items of 8 bits, and states have 12$"):
        table.read_many(b"\0\1", bytearray(2))


def test_memory_with_gaps_backwards_and_unaligned(table: Table) -> None:
    addrs = memoryview(bytes([1, 99, 2, 99, 3, 99]))[::2]
    deltas = memoryview(array("Q", [30, 20, 10]))[::-1]
    table.accum_many(addrs, deltas)
    assert table.snapshot() == {1: 10, 2: 20, 3: 30}
    memory = bytearray(1 + 3 * 8)
    out = memoryview(memory)[1:].cast("Q")
    table.read_many(addrs, out)
    assert out.tolist() == [10, 20, 30]
    table.accum_many(addrs, out)
    assert table.snapshot() == {}
    backwards = array("Q", [0, 0, 0])
    table.load_many(addrs, out)
    table.read_many(addrs, memoryview(backwards)[::-1])
    assert backwards.tolist() == [30, 20, 10]


@pytest.mark.parametrize(
    "item",
    [
        ctypes.c_uint8,
        ctypes.c_int16,
        ctypes.c_uint32,
        ctypes.c_long,
        ctypes.c_ulong,
        ctypes.c_uint64,
        ctypes.c_int64,
    ],
)
def test_arrays_of_ctypes(table: Table, item: Any) -> None:
    """They have the wrong size of some items."""
    three = (item * 3)(1, 2, 3)
    table.accum_many(three, three)
    assert table.snapshot() == {1: 1, 2: 2, 3: 3}
    big = (item.__ctype_be__ * 3)(4, 5, 6)
    table.load_many(three, big)
    assert table.snapshot() == {1: 4, 2: 5, 3: 6}
    out = (ctypes.c_uint64 * 3)()
    table.read_many(three, out)
    assert list(out) == [4, 5, 6]


def test_a_memoryview_that_was_released(table: Table) -> None:
    view = memoryview(b"\0")
    view.release()
    with pytest.raises(ValueError, match="released"):
        table.accum_many(view, b"\0")


def test_two_dimensions(table: Table) -> None:
    addrs = memoryview(bytes([1, 2, 3, 4])).cast("B", (2, 2))
    table.accum_many(addrs, bytes([5, 6, 7, 8]))
    assert table.snapshot() == {1: 5, 2: 6, 3: 7, 4: 8}


def test_a_single_item_is_no_array(table: Table) -> None:
    """numpy has arrays without dimensions."""
    item = memoryview(ctypes.c_uint32(1))
    assert item.ndim == 0
    for name, call in (
        ("addrs", lambda: table.accum_many(item, b"\1")),
        ("deltas", lambda: table.accum_many(b"\1", item)),
        ("states", lambda: table.load_many(b"\1", item)),
        ("out", lambda: table.read_many(b"\1", item)),
    ):
        with pytest.raises(
            TypeError,
            match=f"^{name} must be an array, and is a single item: it has no dimensions$",
        ):
            call()
    assert table.snapshot() == {}


def test_out_may_be_where_the_addresses_are(table: Table) -> None:
    table.load_many(b"\0\1\2", array("Q", [2, 2, 2]))
    both = array("Q", [0, 1, 2])
    table.read_many(both, both)
    assert both.tolist() == [2, 2, 2]


def test_a_mapped_file(table: Table, tmp_path: Any) -> None:
    path = tmp_path / "deltas"
    path.write_bytes(array("Q", [1, 2, 4]).tobytes())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        with memoryview(mapped).cast("Q") as deltas:
            table.accum_many(b"\0\0\0", deltas)
    assert table.read(0) == 7


def test_a_buffer_can_not_be_resized_meanwhile_but_can_afterwards() -> None:
    addrs, deltas = array("B", [0]), array("Q", [1])
    AtomikTable().accum_many(addrs, deltas)
    addrs.append(1)
    deltas.append(1)


def test_wide_values_are_several_items() -> None:
    table = AtomikTable(4, width=100)
    table.accum_many(array("B", [3, 0, 3]), array("Q", [1, 2, 3, 4, 5, 2**64 - 1]))
    assert table.snapshot() == {3: 4 | (2**36 - 1 ^ 2) << 64, 0: 3 | 4 << 64}
    assert table.read_many(b"\3\1").tolist() == [4, 2**36 - 1 ^ 2, 0, 0]
    table.load_many(b"\1", memoryview(array("Q", [7, 8])))
    assert table.read(1) == 7 | 8 << 64
    with pytest.raises(
        ValueError, match="^addrs and deltas must be equally long, with 2 items of 64 bits"
    ):
        table.accum_many(b"\0", array("Q", [1]))
    with pytest.raises(TypeError, match="^deltas must have items of 64 bits, 2 for each value"):
        table.accum_many(b"\0", array("I", [1, 1]))


def test_wide_values_in_more_than_one_piece() -> None:
    for width in (64 * 600, 64 * 512, 64 * 511):
        table = AtomikTable(3, width)
        limbs = width // 64
        table.accum_many(b"\2\1", array("Q", range(2 * limbs)))
        assert table.read_many(b"\1\2").tolist() == [*range(limbs, 2 * limbs), *range(limbs)]
        total = table.context(0)
        total.accum_many(array("Q", [1]) * (3 * limbs))
        assert total.read() == sum(1 << 64 * limb for limb in range(limbs))


def test_deltas_are_counted() -> None:
    table = AtomikTable(2)
    table.accum_many(b"\0\1\0", b"\1\1\1")
    assert [table.context(addr).delta_count for addr in (0, 1)] == [2, 1]
    table.load_many(b"\0", b"\1")
    assert [table.context(addr).delta_count for addr in (0, 1)] == [0, 1]
