# SPDX-License-Identifier: MIT OR Apache-2.0
"""Subclasses: their objects keep class and attributes when they are copied and pickled."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from atomik_core import AtomikContext, AtomikTable, DeltaStream, Fingerprint, OrderedFingerprint


class Named:
    """The parts that subclasses add; pickle wants them at the top."""

    name: str


class NamedContext(AtomikContext, Named):
    def __new__(cls, name: str) -> "NamedContext":
        self = super().__new__(cls, 100, 5)
        self.name = name
        self.accum(2)
        return self


class NamedTable(AtomikTable, Named):
    def __new__(cls, name: str) -> "NamedTable":
        self = super().__new__(cls, 3, 100)
        self.name = name
        self.load(1, 5)
        return self


class NamedFingerprint(Fingerprint, Named):
    def __new__(cls, name: str) -> "NamedFingerprint":
        self = super().__new__(cls, 72)
        self.name = name
        self.load(b"before")
        self.update(b"after")
        return self


class NamedOrdered(OrderedFingerprint, Named):
    def __new__(cls, name: str) -> "NamedOrdered":
        self = super().__new__(cls)
        self.name = name
        self.load(b"before it all")
        self.update(b"after all")
        return self


class WithSlots(AtomikContext):
    __slots__ = ("both", "one")
    one: int
    both: int


class WithBoth(WithSlots):
    more: list[int]


KINDS: list[Callable[[str], Any]] = [NamedContext, NamedTable, NamedFingerprint, NamedOrdered]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def any_type(of: Any) -> Any:
    return of


def pickled(protocol: int, of: Any) -> Any:
    return pickle.loads(pickle.dumps(of, protocol))


WAYS = [copy.copy, copy.deepcopy, *(partial(pickled, protocol) for protocol in PROTOCOLS)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_attributes_stay(kind: Callable[[str], Any], way: Callable[[Any], Any]) -> None:
    original = kind("mine")
    original.more = [1, 2]
    twin = way(original)
    assert type(twin) is kind
    assert twin == original and twin is not original
    assert twin.__dict__ == {"name": "mine", "more": [1, 2]}
    assert (twin.more is original.more) == (way is copy.copy)
    twin.name = "other"
    assert original.name == "mine"


@pytest.mark.parametrize("way", WAYS)
def test_slots_stay(way: Callable[[Any], Any]) -> None:
    original = WithBoth(8, 5)
    original.one, original.more = 1, [2]
    twin = way(original)
    assert type(twin) is WithBoth
    assert (twin.one, twin.more, twin.read(), twin.width) == (1, [2], 5, 8)
    # One that wasn't set isn't either.
    assert not hasattr(twin, "both")
    without = WithSlots(8, 6)
    without.both = 3
    assert (way(without).both, way(without).read()) == (3, 6)


@pytest.mark.parametrize("way", [copy.deepcopy, pickled])
def test_an_object_that_has_itself(way: Callable[..., Any]) -> None:
    original = NamedTable("ring")
    original.me = original  # type: ignore[attr-defined]
    twin = way(original) if way is copy.deepcopy else pickled(5, original)
    assert twin.me is twin and twin == original


def test_a_subclass_has_a_say_in_its_state() -> None:
    class Counted(AtomikContext):
        copies = 0

        def __getstate__(self) -> Any:
            return (*super().__getstate__(), "and more")

        def __setstate__(self, state: Any) -> None:
            assert state[-1] == "and more"
            super().__setstate__(state[:-1])
            self.copies += 1

    assert copy.copy(Counted(8, 3)).copies == 1
    assert copy.copy(Counted(8, 3)).read() == 3


def test_what_has_attributes_is_no_base_class() -> None:
    context = AtomikContext(8)
    context.__setstate__((1, 2, 3, None))
    assert context.delta_count == 3
    with pytest.raises(AttributeError, match="__dict__"):
        AtomikContext(8).__setstate__((1, 2, 3, {"name": "mine"}))


def test_states_without_attributes() -> None:
    """States of older pickles."""
    context = AtomikContext(8)
    context.__setstate__((0xF0, 1, 2))
    assert (context.reference, context.accumulator, context.delta_count) == (0xF0, 1, 2)
    table = AtomikTable(1, 8)
    table.__setstate__([bytes([0xF0]) + bytes(7), bytes([1]) + bytes(7), bytes([2]) + bytes(7)])
    assert (table.read(0), table.context(0).delta_count) == (0xF1, 2)
    fingerprint = Fingerprint(8)
    fingerprint.__setstate__((3, 1))
    assert (fingerprint.value, fingerprint.delta) == (3, 1)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: AtomikContext().__setstate__((1, 2)), ValueError, "length"),
        (
            lambda: AtomikContext().__setstate__((1, 2, -1)),
            ValueError,
            "^delta_count must be from 0 to",
        ),
        (
            lambda: AtomikContext().__setstate__((1, "2", 0)),
            TypeError,
            "^accumulator must be an int, not str$",
        ),
        (lambda: AtomikContext().__setstate__(any_type(5)), TypeError, "Sequence"),
        (
            lambda: AtomikTable().__setstate__([b"", b"", b""]),
            ValueError,
            "^the pickled state is of another table$",
        ),
        (
            lambda: Fingerprint().__setstate__((None, 1)),
            TypeError,
            "^value must be an int, not NoneType$",
        ),
        (
            lambda: OrderedFingerprint().__setstate__((0, 0, 2**64)),
            ValueError,
            "^length must be from 0 to",
        ),
    ],
)
def test_states_that_are_none(
    call: Callable[[], object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        call()


def test_a_stream_is_still_not_copied() -> None:
    class Stream(DeltaStream):
        pass

    stream = Stream()
    stream.name = "mine"  # type: ignore[attr-defined]
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="no two may have the same sender"):
            way(stream)
