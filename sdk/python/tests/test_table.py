# SPDX-License-Identifier: MIT OR Apache-2.0
"""AtomikTable, and the DeviceTable that has the same calls."""

import copy
import pickle
from collections import OrderedDict
from types import MappingProxyType

import pytest

from atomik_core import AtomikTable, DeviceTable

Table = AtomikTable | DeviceTable


def test_the_four_operations(table: Table) -> None:
    table.load(addr=1, initial_state=1000)
    table.accum(addr=1, delta=50)
    assert table.read(addr=1) == 986
    assert table.swap(1) == 986
    assert table.context(1).reference == 986
    assert table.swap(1, new_reference=5) == 986
    assert table.swap(1, 0) == 5
    assert table.read(1) == table.context(1).reference == 0


def test_the_numbers(table: Table) -> None:
    assert (table.num_contexts, table.width, len(table)) == (256, 64, 256)
    assert AtomikTable().num_contexts == 256


@pytest.mark.parametrize("addr", [256, -1, 2**32, 2**64, -(2**70)])
def test_bad_addresses(table: Table, addr: int) -> None:
    table.load(255, 7)
    for call in (
        lambda: table.load(addr, 1),
        lambda: table.accum(addr, 1),
        lambda: table.read(addr),
        lambda: table.swap(addr),
        lambda: table.context(addr),
        lambda: table.batch_accum({255: 1, addr: 2}),
        lambda: table.batch([("accum", 255, 1), ("read", addr)]),
    ):
        with pytest.raises(
            IndexError, match=f"^address {addr} is outside the table, whose addresses are 0 to 255$"
        ):
            call()
    assert table.snapshot() == {255: 7}


@pytest.mark.parametrize("wrong", [None, "1", 1.0])
def test_what_is_no_integer(table: Table, wrong: object) -> None:
    name = type(wrong).__name__
    with pytest.raises(TypeError, match=f"^addr must be an int, not {name}$"):
        table.read(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"^initial_state must be an int, not {name}$"):
        table.load(0, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"^delta must be an int, not {name}$"):
        table.batch_accum({0: 1, 1: wrong})  # type: ignore[dict-item]
    assert table.snapshot() == {}


@pytest.mark.parametrize("contexts", [0, -1, 2**32])
def test_bad_numbers_of_contexts(contexts: int) -> None:
    with pytest.raises(
        ValueError, match=f"^num_contexts must be from 1 to 4294967295, not {contexts}$"
    ):
        AtomikTable(contexts)


def test_more_than_there_is_memory_for() -> None:
    with pytest.raises(MemoryError, match="4294967295 contexts"):
        AtomikTable(2**32 - 1, 2**24)


def test_batch_accum_takes_any_mapping(table: Table) -> None:
    table.batch_accum({1: 1, 2: 2})
    table.batch_accum(MappingProxyType({1: 4}))
    table.batch_accum(OrderedDict([(2, 8)]))
    table.batch_accum({})
    assert table.snapshot() == {1: 5, 2: 10}
    for wrong in (5, None, [1, 2], {1, 2}):
        with pytest.raises(
            TypeError, match=f"^deltas must be a mapping of .*, not {type(wrong).__name__}$"
        ):
            table.batch_accum(wrong)  # type: ignore[arg-type]

    class Wrong:
        def items(self) -> list[tuple[int, int]]:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        table.batch_accum(Wrong())


def test_batch_accum_of_a_mapping_that_changes(table: Table) -> None:
    deltas: dict[object, int] = {}

    class Address:
        def __index__(self) -> int:
            deltas[object()] = 1
            return 3

        def __hash__(self) -> int:
            return 0

    deltas[Address()] = 1
    with pytest.raises(RuntimeError, match="changed size"):
        table.batch_accum(deltas)  # type: ignore[arg-type]
    assert table.snapshot() == {}


def test_snapshot_is_of_the_states_that_are_not_0(table: Table) -> None:
    assert table.snapshot() == {}
    table.load(200, 5)
    table.load(3, 9)
    table.accum(3, 9)
    table.accum(4, 2**64 - 1)
    assert list(table.snapshot().items()) == [(4, 2**64 - 1), (200, 5)]


def test_batch(table: Table) -> None:
    operations = [("load", 1, 1000), ("accum", 1, 50), ("swap", 1), ("accum", 1, 1), ("read", 1)]
    assert table.batch(operations) == [986, 987]  # type: ignore[arg-type]
    assert table.context(1).reference == 986
    assert table.batch(iter([("accum", 0, -1)])) == []  # type: ignore[arg-type]
    assert table.read(0) == 2**64 - 1


@pytest.mark.parametrize(
    ("operations", "error", "text"),
    [
        ([], ValueError, "^the batch is empty$"),
        (
            [("accum", 0, 1)] * 4097,
            ValueError,
            "^the batch has 4097 entries or more, and 4096 is the most; run it as several batches$",
        ),
        (
            [("accum", 0, 1), ("fold", 0)],
            ValueError,
            r"^an operation is \(\"load\", .*, not \('fold', 0\)$",
        ),
        ([("read", 0, 1)], ValueError, r"\('read', 0, 1\)"),
        ([("load", 0)], ValueError, r"\('load', 0\)"),
        ([()], ValueError, r"\(\)"),
        ([("read",)], ValueError, r"\('read',\)"),
        ([(0, 1)], ValueError, r"\(0, 1\)"),
        (["read"], TypeError, "^an operation is a tuple, not str$"),
        (5, TypeError, "int"),
        ([("accum", 0, 1), ("accum", 0, "1")], TypeError, "^delta must be an int, not str$"),
    ],
)
def test_wrong_batches(table: Table, operations: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        table.batch(operations)  # type: ignore[arg-type]
    assert table.snapshot() == {}


def test_no_batch_of_wide_values() -> None:
    with pytest.raises(ValueError, match="up to 64 bits, and the table has 65"):
        AtomikTable(1, 65).batch([("read", 0)])


def test_a_batch_counts_deltas() -> None:
    table = AtomikTable(1)
    table.batch([("accum", 0, 1), ("accum", 0, 1)])
    assert table.context(0).delta_count == 2
    table.batch([("accum", 0, 1), ("swap", 0), ("accum", 0, 1)])
    assert table.context(0).delta_count == 1
    table.batch([("load", 0, 1)])
    assert table.context(0).delta_count == 0


def test_equality_is_of_states(table: Table) -> None:
    assert AtomikTable(2) == AtomikTable(2)
    assert AtomikTable(2) != AtomikTable(3)
    assert AtomikTable(2, 64) != AtomikTable(2, 63)
    one, other = AtomikTable(2), AtomikTable(2)
    one.load(1, 3)
    assert one != other
    other.accum(1, 3)
    assert one == other
    assert table == table
    assert table != 5


@pytest.mark.parametrize("width", [8, 64, 100])
def test_pickles_and_copies(width: int) -> None:
    table = AtomikTable(5, width)
    table.load(4, 0xF0)
    table.accum(4, 1)
    for twin in (pickle.loads(pickle.dumps(table)), copy.copy(table), copy.deepcopy(table)):
        assert twin == table
        context = twin.context(4)
        assert (context.reference, context.accumulator, context.delta_count) == (0xF0, 1, 1)
        twin.accum(4, 1)
        assert table.read(4) == 0xF1
    with pytest.raises(ValueError, match="of another table"):
        AtomikTable(6, width).__setstate__(table.__getstate__())


def test_repr() -> None:
    assert repr(AtomikTable(7, 12)) == "AtomikTable(num_contexts=7, width=12)"
