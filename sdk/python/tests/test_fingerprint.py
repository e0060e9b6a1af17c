# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fingerprint and OrderedFingerprint."""

import copy
import ctypes
import mmap
import pickle
from array import array
from typing import Any

import pytest

from atomik_core import Fingerprint, OrderedFingerprint

WIDTHS = [8, 16, 24, 32, 64, 72, 128, 1000, 80_000]


def data_of(length: int) -> bytes:
    return bytes(i * 167 + (i >> 8) * 13 & 0xFF for i in range(length))


# Lengths around those where reading changes: to words, to blocks, to releasing the interpreter.
LENGTHS = [0, 1, 7, 8, 9, 15, 17, 2047, 2048, 2049, 8191, 8192, 8193, 40_000]


def in_pieces(width: int, data: bytes) -> int:
    """The fingerprint of data, of pieces that are as short as the vectors'."""
    chunk = width // 8
    size = chunk * max(1, 1000 // chunk)
    fingerprint = Fingerprint(width)
    for i in range(0, len(data), size):
        fingerprint.accumulate_delta(b"", data[i : i + size])
    return fingerprint.value


def ordered_in_pieces(data: bytes) -> int:
    """The same in order, as changes of zeros."""
    fingerprint = OrderedFingerprint()
    fingerprint.load(bytes(len(data)))
    for i in range(0, len(data), 1000):
        piece = data[i : i + 1000]
        fingerprint.accumulate_delta(i, bytes(len(piece)), piece)
    return fingerprint.value


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("length", LENGTHS)
def test_all_memory_has_the_same_fingerprint(width: int, length: int) -> None:
    data = data_of(length)
    expected = in_pieces(width, data)
    fingerprint = Fingerprint(width)
    aligned = array("B", data)
    unaligned = memoryview(b"12345" + data)[5:]
    gaps = memoryview(bytes(byte for pair in zip(data, data, strict=True) for byte in pair))[::2]
    for buffer in (
        data,
        bytearray(data),
        memoryview(data),
        aligned,
        unaligned,
        memoryview(bytearray(unaligned.obj))[5:],
        gaps,
    ):
        assert fingerprint.load(buffer) == expected
    for part in (1, 3, 8):
        assert fingerprint.load(memoryview(bytearray(data))[part:]) == in_pieces(width, data[part:])


@pytest.mark.parametrize("length", LENGTHS)
def test_the_same_in_order(length: int) -> None:
    data = data_of(length)
    fingerprint = OrderedFingerprint()
    for buffer in (data, bytearray(data), memoryview(b"123" + data)[3:]):
        assert fingerprint.load(buffer) == ordered_in_pieces(data)


@pytest.mark.parametrize("kind", [Fingerprint, OrderedFingerprint])
def test_what_has_changed(kind: type[Fingerprint | OrderedFingerprint]) -> None:
    fingerprint = kind()
    assert (fingerprint.value, fingerprint.delta, fingerprint.changed, fingerprint.width) == (
        0,
        0,
        False,
        64,
    )
    before = fingerprint.load(data=b"the quick brown fox")
    assert (fingerprint.value, fingerprint.delta, fingerprint.changed) == (before, 0, False)
    after = fingerprint.update(data=b"the quick brown cat")
    assert before != after
    assert (fingerprint.value, fingerprint.delta, fingerprint.changed) == (
        after,
        before ^ after,
        True,
    )
    assert fingerprint.update(b"the quick brown fox") == before
    assert not fingerprint.changed
    fingerprint.update(b"the quick brown cat")
    fingerprint.reset()
    assert (fingerprint.value, fingerprint.delta, fingerprint.changed) == (after, 0, False)


def test_a_part_that_changes() -> None:
    fingerprint = Fingerprint()
    fingerprint.load(b"the quick brown fox")
    fingerprint.accumulate_delta(old=b"fox", new=bytearray(b"cat"))
    assert fingerprint.value == Fingerprint().load(b"the quick brown cat")
    ordered = OrderedFingerprint()
    ordered.load(b"the quick brown fox")
    ordered.accumulate_delta(offset=16, old=b"fox", new=bytearray(b"cat"))
    assert ordered.value == OrderedFingerprint().load(b"the quick brown cat")


def test_what_an_xor_can_not_see_and_the_other_can() -> None:
    one, two = b"chunk 1.", b"chunk 2."
    for before, after in (
        (one + two, two + one),
        (one + one, two + two),
        (one, one + two + two),
        (one, one + bytes(8)),
        (b"1", b"1\0"),
    ):
        blind, seeing = Fingerprint(), OrderedFingerprint()
        assert blind.load(before) == blind.update(after)
        assert seeing.load(before) != seeing.update(after)


@pytest.mark.parametrize(
    ("offset", "old", "new"),
    [
        (1, b"12345678", b"12345678"),
        (0, b"12345678", b"1234567"),
        (0, b"1234", b"1234"),
        (16, b"1234", b"1234"),
        (2**64 - 8, b"12345678", b"12345678"),
    ],
)
def test_changes_that_are_none(offset: int, old: bytes, new: bytes) -> None:
    fingerprint = OrderedFingerprint()
    fingerprint.load(b"12345678abc")
    with pytest.raises(
        ValueError, match=f"{len(old)} bytes at {offset} that became {len(new)} are no change"
    ):
        fingerprint.accumulate_delta(offset, old, new)
    assert not fingerprint.changed


@pytest.mark.parametrize("width", [1, 7, 63, 65, 2**24 - 1])
def test_bad_widths(width: int) -> None:
    with pytest.raises(ValueError, match=f"multiple of 8 bits, not {width}$"):
        Fingerprint(width)


@pytest.mark.parametrize("wrong", ["text", None, 5, [1]])
def test_what_is_no_buffer(wrong: Any) -> None:
    name = type(wrong).__name__
    for fingerprint in (Fingerprint(), OrderedFingerprint()):
        fingerprint.load(b"1")
        for f in (fingerprint.load, fingerprint.update):
            with pytest.raises(
                TypeError, match=f"^data must be bytes or another object with a buffer, not {name}$"
            ):
                f(wrong)
        assert not fingerprint.changed
    if wrong == 5:
        # An integer is a chunk there.
        return
    with pytest.raises(TypeError, match="^new must be bytes"):
        Fingerprint().accumulate_delta(b"", wrong)
    with pytest.raises(TypeError, match="^old must be bytes"):
        OrderedFingerprint().accumulate_delta(0, wrong, b"")
    with pytest.raises(ValueError, match="^offset must be from 0"):
        OrderedFingerprint().accumulate_delta(-8, b"", b"")


def test_mapped_files_and_other_items(tmp_path: Any) -> None:
    path = tmp_path / "data"
    path.write_bytes(data_of(10_000))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert Fingerprint().load(mapped) == Fingerprint().load(data_of(10_000))
    three = (ctypes.c_long * 3)(1, 2, 3)
    assert Fingerprint().load(three) == Fingerprint().load(bytes(three)) == 0
    doubles = array("d", [1.5, 2.5])
    assert Fingerprint().load(doubles) == Fingerprint().load(doubles.tobytes())


@pytest.mark.parametrize("width", [8, 64, 128])
def test_pickles_and_copies(width: int) -> None:
    fingerprint = Fingerprint(width)
    fingerprint.load(b"before")
    fingerprint.update(b"after")
    for twin in (
        pickle.loads(pickle.dumps(fingerprint)),
        copy.copy(fingerprint),
        copy.deepcopy(fingerprint),
    ):
        assert twin == fingerprint
        assert (twin.value, twin.delta, twin.width) == (fingerprint.value, fingerprint.delta, width)
        twin.reset()
        assert twin != fingerprint


def test_an_ordered_one_pickles_and_copies() -> None:
    fingerprint = OrderedFingerprint()
    fingerprint.load(b"chunk 1.chunk 2.abc")
    fingerprint.update(b"chunk 1.chunk 2.xyz")
    for twin in (
        pickle.loads(pickle.dumps(fingerprint)),
        copy.copy(fingerprint),
        copy.deepcopy(fingerprint),
    ):
        assert twin == fingerprint
        assert (twin.value, twin.delta) == (fingerprint.value, fingerprint.delta)
        # It knows where the string ends, too.
        twin.accumulate_delta(16, b"xyz", b"abc")
        assert not twin.changed and fingerprint.changed


def test_a_single_item() -> None:
    """It has bytes, and no dimensions."""
    assert Fingerprint().load(memoryview(ctypes.c_uint32(5))) == 5
    assert OrderedFingerprint().load(memoryview(ctypes.c_uint32(5))) == OrderedFingerprint().load(
        b"\5\0\0\0"
    )


@pytest.mark.parametrize("width", [8, 64, 128])
def test_a_chunk_may_be_an_integer(width: int) -> None:
    size = width // 8
    one, other = Fingerprint(width), Fingerprint(width)
    old, new = bytes(range(size)), bytes(range(1, size + 1))
    numbers = [int.from_bytes(chunk, "little") for chunk in (old, new)]
    one.accumulate_delta(old, new)
    other.accumulate_delta(*numbers)
    assert one == other
    other.accumulate_delta(new_chunk := numbers[1], old)
    assert not other.changed
    other.accumulate_delta(new_chunk + 2**width, new)
    assert not other.changed


def test_equality_and_repr() -> None:
    one, other = Fingerprint(8), Fingerprint(8)
    one.load(b"\1")
    assert one != other
    other.load(b"\1")
    assert one == other
    assert one != Fingerprint(16)
    assert one != 1
    assert repr(one) == "<Fingerprint width=8 value=0x01 changed=False>"
    one.update(b"\2")
    assert repr(one) == "<Fingerprint width=8 value=0x02 changed=True>"
    assert OrderedFingerprint() == OrderedFingerprint()
    ordered = OrderedFingerprint()
    ordered.load(b"")
    assert ordered != OrderedFingerprint()
    assert repr(OrderedFingerprint()) == "<OrderedFingerprint value=0x0 delta=0x0>"
