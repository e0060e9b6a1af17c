# SPDX-License-Identifier: MIT OR Apache-2.0
"""States that are set, compared and changed together, of AtomikTable and DeviceTable."""

import copy
import pickle
import threading
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from atomik_core import AtomikTable, Canceled, Contended, DeviceTable
from conftest import HAS_DEVICE

Table = AtomikTable | DeviceTable
ATTEMPTS = 10_000


def words(table: Table, addr: int) -> tuple[int, int]:
    context = table.context(addr)
    return context.reference, context.accumulator


def test_set_keeps_the_reference(table: Table) -> None:
    table.load(addr=1, initial_state=0xF0)
    table.set(addr=1, state=0x0F)
    assert words(table, 1) == (0xF0, 0xFF)
    table.set(1, -1)
    assert table.read(1) == 2**64 - 1


def test_compare_exchange(table: Table) -> None:
    table.load(1, 5)
    assert table.compare_exchange(addr=1, expected=4, new=6) is False
    assert table.read(1) == 5
    assert table.compare_exchange(1, 5, 6) is True
    assert words(table, 1) == (5, 3)
    # Masked as all values are.
    assert table.compare_exchange(1, 6 + 2**64, -1) is True
    assert table.read(1) == 2**64 - 1


def test_a_batch_with_conditions(table: Table) -> None:
    table.load(1, 5)
    batch: Any = [("set", 1, 6), ("read", 1), ("expect", 1, 5), ("expect", 2, 0), ("set", 2, 7)]
    assert table.batch(batch) == [6]
    assert (words(table, 1), words(table, 2)) == ((5, 3), (0, 7))
    with pytest.raises(Canceled) as raised:
        table.batch(batch)
    error = raised.value
    assert (error.entry, error.addr, error.expected, error.found) == (2, 1, 5, 6)
    assert str(error) == (
        "operation 2 of the batch: the state at address 1 is 0x6, where 0x5 was expected; nothing "
        "was done"
    )
    assert (words(table, 1), words(table, 2)) == ((5, 3), (0, 7))
    assert table.batch([("expect", 1, 6), ("expect", 2, 7)]) == []
    with pytest.raises(IndexError):
        table.batch([("expect", 1, 0), ("read", 256)])


def test_the_exceptions_can_be_copied() -> None:
    for error in (Canceled(1, 2, 3, 4), Contended(5, 6)):
        for same in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert type(same) is type(error)
            assert (same.args, vars(same)) == (error.args, vars(error))
        assert type(error).__module__ == "atomik_core"


def test_update(table: Table) -> None:
    table.load(1, 5)
    assert table.update(addr=1, f=lambda state: state + 1) == 5
    assert words(table, 1) == (5, 3)
    assert table.update(1, lambda state: -1) == 6
    assert table.read(1) == 2**64 - 1


def test_transact(table: Table) -> None:
    table.load(1, 100)

    def move(states: list[int]) -> str:
        states[0] -= 70
        states[1] += 70
        return "moved"

    assert table.transact(addrs=[1, 2], f=move) == "moved"
    assert table.snapshot() == {1: 30, 2: 70}
    assert words(table, 1) == (100, 100 ^ 30)
    # In the order of the addresses, which may be any iterable.
    assert table.transact(iter([2, 0, 1]), list) == [70, 0, 30]
    assert table.transact([], list) == []
    states = table.transact(range(256)[::-1], list)
    assert (len(states), states[-3:]) == (256, [70, 30, 0])


def interrupted(table: Table, times: int, addr: int = 1) -> Callable[[Any], Any]:
    """A function for ``update`` or ``transact`` that others are faster than, so many times."""

    def change(states: Any) -> Any:
        calls.append(copy.copy(states))
        if len(calls) <= times:
            table.accum(addr, 1 << 32)
        if isinstance(states, int):
            return states + 1
        states[0] += 1
        return len(calls)

    calls: list[Any] = []
    change.calls = calls  # type: ignore[attr-defined]
    return change


def test_others_are_faster_now_and_then(table: Table) -> None:
    f: Any = interrupted(table, 3)
    assert table.update(1, f) == 1 << 32
    assert f.calls == [0, 1 << 32, 0, 1 << 32]
    assert table.read(1) == (1 << 32) + 1
    f = interrupted(table, 2, addr=2)
    # A state that it doesn't change, but has seen.
    assert table.transact([1, 2], f) == 3
    assert f.calls == [[(1 << 32) + 1, state] for state in (0, 1 << 32, 0)]
    assert table.snapshot() == {1: (1 << 32) + 2}


def test_others_are_always_faster(table: Table) -> None:
    for call, addr in (
        (lambda f: table.update(1, f), 1),
        (lambda f: table.transact([1, 3], f), 3),
    ):
        f: Any = interrupted(table, ATTEMPTS, addr)
        with pytest.raises(Contended) as raised:
            call(f)
        assert (raised.value.addr, raised.value.attempts) == (addr, ATTEMPTS)
        assert str(raised.value) == (
            f"others were faster in each of 10000 attempts, the last time at address {addr}"
        )
        assert len(f.calls) == ATTEMPTS
    assert table.snapshot() == {}


def test_functions_that_fail(table: Table) -> None:
    """Their errors go through, and nothing has changed."""

    def fail(states: Any) -> int:
        if isinstance(states, list):
            states[0] = 1
        raise KeyError("mine")

    def put_text(states: Any) -> None:
        states[1] = "2"

    with pytest.raises(KeyError, match="mine"):
        table.update(1, fail)
    with pytest.raises(KeyError, match="mine"):
        table.transact([1, 2], fail)
    with pytest.raises(TypeError, match="^a state must be an int, not NoneType$"):
        table.update(1, lambda state: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="^a state must be an int, not str$"):
        table.transact([1, 2], put_text)
    changes: list[Callable[[list[int]], object]] = [
        lambda states: states.pop(),
        lambda states: states.clear(),
        lambda states: states.append(1),
    ]
    for change in changes:
        with pytest.raises(ValueError, match="the list of states has . items after the call"):
            table.transact([1, 2], change)
    with pytest.raises(TypeError):
        table.update(1, 5)  # type: ignore[arg-type]
    assert table.snapshot() == {}


def test_wrong_addresses(table: Table) -> None:
    def never(_: Any) -> int:
        raise AssertionError("it is called")

    text = "^address 256 is outside the table, whose addresses are 0 to 255$"
    for call in (
        lambda: table.set(256, 1),
        lambda: table.compare_exchange(256, 0, 1),
        lambda: table.update(256, never),
        lambda: table.transact([1, 256], never),
        lambda: table.batch([("set", 1, 1), ("expect", 256, 0)]),
    ):
        with pytest.raises(IndexError, match=text):
            call()
    with pytest.raises(ValueError, match="^address 2 is given more than once"):
        table.transact([1, 2, 3, 2], never)
    with pytest.raises(ValueError, match="^2049 addresses are given, and 2048 is the most$"):
        table.transact([0] * 2049, never)
    with pytest.raises(TypeError, match="^addrs must be addresses, not int$"):
        table.transact(5, never)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^addr must be an int, not str$"):
        table.transact("12", never)  # type: ignore[arg-type]
    assert table.snapshot() == {}


def test_arguments_that_are_no_integers(table: Table) -> None:
    for call, name in (
        (lambda: table.set(0, "1"), "state"),  # type: ignore[arg-type]
        (lambda: table.compare_exchange(0, "1", 1), "expected"),  # type: ignore[arg-type]
        (lambda: table.compare_exchange(0, 1, "1"), "new"),  # type: ignore[arg-type]
        (lambda: table.batch([("expect", 0, "1")]), "state"),  # type: ignore[list-item]
        (lambda: table.batch([("set", 0, "1")]), "state"),  # type: ignore[list-item]
    ):
        with pytest.raises(TypeError, match=f"^{name} must be an int, not str$"):
            call()
    with pytest.raises(ValueError, match="an operation is"):
        table.batch([("expect", 0)])  # type: ignore[list-item]
    assert table.snapshot() == {}


def test_set_many(table: Table) -> None:
    table.load(1, 8)
    table.set_many(array("I", [1, 2, 1]), array("Q", [5, 6, 7]))
    assert (words(table, 1), words(table, 2)) == ((8, 15), (0, 6))
    with pytest.raises(IndexError):
        table.set_many(array("I", [1, 256]), array("Q", [1, 1]))
    assert table.snapshot() == {1: 7, 2: 6}


def test_the_most_addresses() -> None:
    tables: list[Table] = [AtomikTable(2048)]
    if HAS_DEVICE:
        tables.append(DeviceTable(2048))
    for table in tables:

        def number(states: list[int]) -> None:
            states[:] = range(2048)

        table.transact(range(2048), number)
        assert table.transact(range(2048), list) == list(range(2048))


@pytest.mark.parametrize("width", [1, 8, 65, 1000])
def test_other_widths(width: int) -> None:
    ones = (1 << width) - 1
    table = AtomikTable(4, width=width)
    table.load(1, 1)
    table.set(1, -1)
    assert words(table, 1) == (1, ones ^ 1)
    assert table.compare_exchange(1, ones - 1, 0) is False
    assert table.compare_exchange(1, ones | 1 << width, 2 << width) is True
    assert table.read(1) == 0
    assert table.update(1, lambda state: state - 1) == 0
    table.transact([0, 1], lambda states: states.reverse())
    assert table.snapshot() == {0: ones}
    limbs = (width + 63) // 64
    table.set_many(array("I", [3]), array("Q", [2**64 - 1] * limbs))
    assert table.snapshot() == {0: ones, 3: ones}


def test_changes_are_counted() -> None:
    """As the deltas that they are."""
    table = AtomikTable(4)
    context = table.context(1)
    table.set(1, 1)
    table.compare_exchange(1, 1, 2)
    table.compare_exchange(1, 1, 3)
    table.update(1, lambda state: state + 1)
    table.update(1, lambda state: state)
    table.batch([("expect", 1, 3), ("set", 1, 4)])
    table.set_many(array("I", [1]), array("Q", [5]))
    assert context.delta_count == 5


def test_a_counter_of_many_threads(table: Table) -> None:
    def count() -> None:
        for _ in range(200):
            table.update(0, lambda state: state + 1)
            table.transact([1, 2], move)

    def move(states: list[int]) -> None:
        states[0] += 1
        states[1] -= 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [table.read(addr) for addr in range(3)] == [800, 800, 2**64 - 800]
