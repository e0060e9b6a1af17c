# SPDX-License-Identifier: MIT OR Apache-2.0
"""AtomikContext, and the DeviceContext that has the same calls."""

import copy
import pickle
from array import array
from collections.abc import Callable

import pytest

from atomik_core import AtomikContext, AtomikTable, DeviceContext
from conftest import STORAGES

Context = AtomikContext | DeviceContext
Make = Callable[..., Context]


@pytest.fixture(params=STORAGES)
def make(request: pytest.FixtureRequest) -> Make:
    return AtomikContext if request.param == "process" else DeviceContext


def words(context: Context) -> tuple[int, int, int]:
    return context.reference, context.accumulator, context.delta_count


def test_the_four_operations(make: Make) -> None:
    context = make(width=64, initial_state=0xFF00)
    assert words(context) == (0xFF00, 0, 0)
    context.accum(delta=0x00FF)
    assert context.read() == 0xFFFF
    assert words(context) == (0xFF00, 0x00FF, 1)
    assert not context.is_clean
    assert context.swap() == 0xFFFF
    assert words(context) == (0xFFFF, 0, 0)
    assert context.is_clean
    context.load(value=7)
    assert words(context) == (7, 0, 0)


def test_defaults(make: Make) -> None:
    context = make()
    assert (context.width, context.read(), context.delta_count) == (64, 0, 0)


def test_rollback_undoes_whatever_came_after(make: Make) -> None:
    context = make()
    context.accum(1)
    context.accum(2)
    context.rollback(delta=1)
    assert (context.read(), context.delta_count) == (2, 3)
    context.rollback(2)
    assert context.is_clean


def test_swap_starts_from_what_it_is_given(make: Make) -> None:
    context = make(64, 5)
    assert context.swap(new_reference=9) == 5
    assert context.read() == context.reference == 9
    assert context.swap(0) == 9
    assert context.read() == context.reference == 0
    assert context.swap(None) == 0


@pytest.mark.parametrize("width", [1, 7, 8, 32, 63, 64])
def test_values_are_masked(make: Make, width: int) -> None:
    context = make(width, -1)
    mask = 2**width - 1
    assert context.read() == mask
    context.accum(2**200 - 1)
    assert context.read() == 0
    context.load(2**width)
    assert context.read() == 0
    assert context.swap(2 ** (width + 1) - 1) == 0
    assert context.read() == mask


@pytest.mark.parametrize("width", [65, 100, 128, 1000])
def test_any_width(width: int) -> None:
    context = AtomikContext(width, -1)
    assert context.read() == 2**width - 1
    context.accum(2 ** (width - 1))
    assert context.read() == 2 ** (width - 1) - 1
    assert context.swap(5) == 2 ** (width - 1) - 1
    assert context.reference == 5


def test_merge_folds_the_other_deltas_in(make: Make) -> None:
    one, other = make(64, 0x100), make(64, 0x200)
    one.accum(1)
    other.accum(2)
    other.accum(4)
    one.merge(other=other)
    assert words(one) == (0x100, 7, 3)
    assert words(other) == (0x200, 6, 2)
    one.merge(one)
    assert words(one) == (0x100, 0, 6)


def test_only_contexts_of_the_same_width_are_merged(make: Make) -> None:
    context = make(32)
    with pytest.raises(ValueError, match="of 8 bits can't be merged into one of 32"):
        context.merge(make(8))
    with pytest.raises(TypeError, match="not int"):
        context.merge(5)  # type: ignore[arg-type]


def test_equality_is_of_state_and_width(make: Make) -> None:
    one, other = make(64, 5), make(64, 4)
    assert one != other
    other.accum(1)
    assert one == other
    assert one != make(63, 5)
    assert one != 5
    with pytest.raises(TypeError):
        hash(one)


def test_integers_of_other_types(make: Make) -> None:
    class Five:
        def __index__(self) -> int:
            return 5

    context = make(64, Five())
    context.accum(True)
    assert context.read() == 4


def test_an_error_of_index_is_not_hidden() -> None:
    class Wrong:
        def __index__(self) -> int:
            raise KeyError("mine")

    for f in (AtomikContext().accum, AtomikContext(100).accum, AtomikContext, AtomikTable().read):
        with pytest.raises(KeyError, match="mine"):
            f(Wrong())


@pytest.mark.parametrize("wrong", [None, "1", 1.0, b"1", [1]])
def test_what_is_no_integer(make: Make, wrong: object) -> None:
    context = make(64, 5)
    name = type(wrong).__name__
    with pytest.raises(TypeError, match=f"^value must be an int, not {name}$"):
        context.load(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"^delta must be an int, not {name}$"):
        context.accum(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"^width must be an int, not {name}$"):
        make(wrong)
    with pytest.raises(TypeError, match=f"^initial_state must be an int, not {name}$"):
        make(64, wrong)
    if wrong is not None:
        with pytest.raises(TypeError, match=f"^new_reference must be an int, not {name}$"):
            context.swap(wrong)  # type: ignore[arg-type]
    assert words(context) == (5, 0, 0)


@pytest.mark.parametrize(
    "width", [0, -1, 2**24 + 1, 2**32 - 1, 2**32, -(2**70), pytest.param(10**5000, id="10**5000")]
)
def test_bad_widths(make: Make, width: int) -> None:
    shown = str(width) if abs(width) < 2**71 else "this int"
    most = "16777216 bits" if make is AtomikContext else "64 bits on the device"
    with pytest.raises(ValueError, match=f"^width must be from 1 to {most}, not {shown}$"):
        make(width)


def test_many_deltas(make: Make) -> None:
    context = make(8, 1)
    context.accum_many(array("H", [0x102, 0x204, 8]))
    assert words(context) == (1, 14, 3)
    context.accum_many(b"")
    assert words(context) == (1, 14, 3)


def test_many_wide_deltas() -> None:
    context = AtomikContext(100)
    context.accum_many(array("Q", [1, 2, 4, 2**64 - 1]))
    assert context.accumulator == 5 | (2**36 - 3) << 64
    assert context.delta_count == 2
    with pytest.raises(ValueError, match="2 items"):
        context.accum_many(array("Q", [1, 2, 4]))
    with pytest.raises(TypeError, match="64 bits"):
        context.accum_many(array("I", [1, 2]))


def test_a_table_context_is_the_table_own() -> None:
    table = AtomikTable(4, width=8)
    context = table.context(3)
    context.load(0xFF)
    table.accum(3, 1)
    assert (context.read(), context.width, context.delta_count) == (0xFE, 8, 1)
    del table
    assert context.read() == 0xFE


@pytest.mark.parametrize("width", [8, 64, 100])
def test_pickles_and_copies(width: int) -> None:
    context = AtomikContext(width, 0xF0)
    context.accum(1)
    table = AtomikTable(2, width)
    table.load(1, 0xF0)
    table.accum(1, 1)
    for original in (context, table.context(1)):
        for twin in (
            pickle.loads(pickle.dumps(original)),
            copy.copy(original),
            copy.deepcopy(original),
        ):
            assert words(twin) == (0xF0, 1, 1)
            assert twin == original
            twin.accum(2)
            assert twin != original


def test_a_subclass_stays_one() -> None:
    twin = pickle.loads(pickle.dumps(Sub(8, 5)))
    assert type(twin) is Sub
    assert twin == AtomikContext(8, 5)


class Sub(AtomikContext):
    """Pickle wants it at the top."""


def test_repr() -> None:
    context = AtomikContext(100, 1 << 90)
    context.accum(255)
    assert repr(context) == (
        "<AtomikContext width=100 state=0x00400000000000000000000ff "
        "reference=0x0040000000000000000000000 accumulator=0x00000000000000000000000ff "
        "delta_count=1>"
    )
    assert "state=0x0000cafe " in repr(AtomikContext(32, 0xCAFE))


@pytest.mark.parametrize("width", [1, 64, 100])
def test_snapshots(width: int) -> None:
    context = AtomikContext(width, -1)
    context.accum(1)
    top = 2**width - 1
    snapshot = context.snapshot()
    assert snapshot == {
        "width": width,
        "reference": top,
        "accumulator": 1,
        "state": top ^ 1,
        "delta_count": 1,
    }
    again = AtomikContext.from_snapshot(snap=snapshot)
    assert again.snapshot() == snapshot
    assert again.accumulator == 1
    del snapshot["state"], snapshot["delta_count"]
    assert AtomikContext.from_snapshot(snapshot).delta_count == 0
    with pytest.raises(KeyError):
        AtomikContext.from_snapshot({"width": 8, "reference": 1})


def test_snapshots_of_subclasses() -> None:
    class Mine(AtomikContext):
        pass

    assert type(Mine.from_snapshot(Mine(8, 5).snapshot())) is Mine


def test_the_end_of_a_with_block_loads_0() -> None:
    with AtomikContext(8, 5) as context:
        context.accum(1)
        assert context.read() == 4
    assert (context.reference, context.accumulator, context.delta_count) == (0, 0, 0)
    with pytest.raises(KeyError), context:
        context.load(5)
        raise KeyError
    assert context.read() == 0
