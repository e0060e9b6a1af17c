# SPDX-License-Identifier: MIT OR Apache-2.0
"""The vectors of tests/vectors, which the other interfaces are held to as well."""

from typing import Any

import pytest

import vectors
from conftest import PLACES

ALL = [
    (file["kind"], case) for path in vectors.files() for file in [vectors.read(path)] for case in file["cases"]
]


def parameters(place: str) -> list[Any]:
    return [
        pytest.param(place, kind, case, id=f"{place}-{kind}-{case['name']}")
        for kind, case in ALL
        if vectors.can_run(kind, case, place)
    ]


@pytest.mark.parametrize(("place", "kind", "case"), [p for place in PLACES for p in parameters(place)])
def test_vector(place: str, kind: str, case: vectors.Json) -> None:
    vectors.run(kind, case, place)


def test_all_kinds_are_there() -> None:
    assert {kind for kind, _ in ALL} == set(vectors.KINDS)


def test_the_process_does_all_of_them() -> None:
    assert len(parameters("process")) == len(ALL)


def test_the_device_leaves_out_nothing_else() -> None:
    """Widths above the kernel's, and what isn't a table."""
    left_out = [(kind, case) for kind, case in ALL if not vectors.can_run(kind, case, "device")]
    wide = [case for kind, case in left_out if kind in ("context", "table", "batch")]
    assert all(case["width"] > 64 for case in wide)
    assert {kind for kind, case in left_out if case not in wide} == {
        "stream",
        "message",
        "fingerprint",
        "ordered_fingerprint",
        "errors",
    }
    assert len(parameters("device")) + len(left_out) == len(ALL)
    for kind in ("context", "table", "batch"):
        assert any(kind == other for other, case in ALL if vectors.can_run(other, case, "device"))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", vectors.KINDS)
def test_a_changed_vector_fails(place: str, kind: str) -> None:
    """Each expectation of each case, changed by itself: the tests look at all of them. On the device, where each takes longer,
    one in twenty."""
    changed = [(name, case) for name, case in vectors.changed(kind) if vectors.can_run(kind, case, place)]
    for name, wrong in changed[:: 20 if place == "device" else 1]:
        with pytest.raises(Exception):  # noqa: B017
            vectors.run(kind, wrong, place)
            pytest.fail(f"{name} passes", pytrace=False)
    assert changed or not any(vectors.can_run(kind, case, place) for other, case in ALL if other == kind)


def test_what_is_not_known_fails() -> None:
    kind, case = ALL[0]
    with pytest.raises(AssertionError, match="other fields"):
        vectors.run(kind, {**case, "more": 1})
    with pytest.raises(AssertionError, match="unknown operation"):
        vectors.run("context", {"name": "", "width": 64, "steps": [{"op": "fold"}]})
