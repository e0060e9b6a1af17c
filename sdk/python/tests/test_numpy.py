# SPDX-License-Identifier: MIT OR Apache-2.0
"""numpy's arrays in the bulk calls; in the guest there is no numpy."""

from typing import Any

import pytest

from atomik_core import AtomikContext, AtomikTable, Fingerprint, OrderedFingerprint

np: Any = pytest.importorskip("numpy")


def test_a_million_deltas() -> None:
    random = np.random.default_rng(1)
    addrs = random.integers(0, 65536, 1_000_000, dtype=np.uint32)
    deltas = random.integers(0, 2**64, 1_000_000, dtype=np.uint64)
    table = AtomikTable(65536)
    table.accum_many(addrs, deltas)
    expected = np.zeros(65536, dtype=np.uint64)
    np.bitwise_xor.at(expected, addrs, deltas)
    assert np.array_equal(np.asarray(table.read_many(np.arange(65536))), expected)
    out = np.empty(65536, dtype=np.uint64)
    assert table.read_many(np.arange(65536), out) is out
    assert np.array_equal(out, expected)
    context = AtomikContext()
    context.accum_many(deltas)
    assert context.read() == int(np.bitwise_xor.reduce(deltas))


@pytest.mark.parametrize(
    "dtype",
    [
        "i1",
        "u1",
        "<i2",
        ">i2",
        "<u2",
        ">u2",
        "<i4",
        ">i4",
        "<u4",
        ">u4",
        "<i8",
        ">i8",
        "<u8",
        ">u8",
    ],
)
def test_all_types_and_byte_orders(dtype: str) -> None:
    table = AtomikTable(200)
    values = np.array([1, -2 if "i" in dtype else 2, 3], dtype=dtype)
    table.accum_many(np.array([100, 0, 100], dtype=dtype), values)
    assert table.snapshot() == {100: 2, 0: 2**64 - 2 if "i" in dtype else 2}
    narrow = AtomikTable(200, width=8)
    narrow.accum_many(np.array([100, 0], dtype=dtype), values[:2])
    out = np.zeros(2, dtype=dtype)
    narrow.read_many(np.array([0, 100], dtype=dtype), out)
    assert [int(state) & 0xFF for state in out] == [254 if "i" in dtype else 2, 1]


def test_records_whose_fields_are_not_aligned() -> None:
    records = np.zeros(1000, dtype=np.dtype([("addr", "u1"), ("delta", "u8"), ("more", "u2")]))
    assert records["delta"].strides == (11,)
    records["addr"] = np.arange(1000) % 256
    records["delta"] = np.arange(1000) * 0x123456789
    table = AtomikTable(256)
    table.accum_many(records["addr"], records["delta"])
    expected = np.zeros(256, dtype=np.uint64)
    np.bitwise_xor.at(expected, records["addr"], records["delta"])
    assert table.read_many(np.arange(256)).tolist() == expected.tolist()
    table.read_many(records["addr"], records["delta"])
    assert records["delta"].tolist() == expected[records["addr"]].tolist()
    assert not records["more"].any()


def test_broadcast_and_reversed_arrays() -> None:
    table = AtomikTable(4)
    table.accum_many(np.broadcast_to(np.uint8(3), 5), np.arange(5)[::-1])
    assert table.snapshot() == {3: 4}


def test_two_dimensions() -> None:
    table = AtomikTable(4)
    grid = np.arange(4).reshape(2, 2)
    table.accum_many(grid, grid)
    assert table.snapshot() == {1: 1, 2: 2, 3: 3}
    with pytest.raises(
        ValueError, match="^addrs has 2 dimensions and gaps: make a contiguous copy$"
    ):
        table.accum_many(grid.T, grid)


@pytest.mark.parametrize("dtype", ["f8", "f4", "?", "c16", "O", "S4"])
def test_other_types(dtype: str) -> None:
    with pytest.raises(TypeError, match="^addrs must"):
        AtomikTable().accum_many(np.zeros(1, dtype=dtype), np.zeros(1, dtype="u8"))


def test_numpy_integers_are_integers() -> None:
    table = AtomikTable()
    table.load(np.uint8(3), np.int64(-1))
    table.accum(np.int16(3), np.uint64(2**64 - 1))
    assert table.read(np.uint32(3)) == 0
    with pytest.raises(TypeError, match="^delta must be an int, not float64$"):
        table.accum(0, np.float64(1))


def test_fingerprints_of_arrays() -> None:
    array = np.arange(10_001, dtype=np.uint64) * 0x9E3779B97F4A7C15
    fingerprint, ordered = Fingerprint(), OrderedFingerprint()
    assert (
        fingerprint.load(array)
        == int(np.bitwise_xor.reduce(array))
        == fingerprint.load(array.tobytes())
    )
    assert ordered.load(array) == ordered.load(array.tobytes())
    # Gaps: the bytes are those of the array's logical order.
    assert fingerprint.load(array[::-3]) == int(np.bitwise_xor.reduce(array[::-3]))
    assert ordered.load(array.reshape(73, 137).T) == ordered.load(
        array.reshape(73, 137).T.tobytes()
    )


def test_an_array_without_dimensions() -> None:
    single = np.array(5, dtype=np.uint64)
    with pytest.raises(
        TypeError, match="^deltas must be an array, and is a single item: it has no dimensions$"
    ):
        AtomikTable().accum_many(b"\0", single)
    with pytest.raises(TypeError, match="^addrs must be an array"):
        AtomikTable().read_many(single)
    # Its bytes are bytes.
    assert Fingerprint().load(single) == 5
    # A single item is fine where one is meant.
    table = AtomikTable()
    table.accum(single, single)
    assert table.snapshot() == {5: 5}
