# SPDX-License-Identifier: MIT OR Apache-2.0
"""The vectors of tests/vectors, which hold for the other interfaces as well."""

from typing import Any

import pytest

import vectors
from conftest import STORAGES

ALL = [
    (file["kind"], case)
    for path in vectors.files()
    for file in [vectors.read(path)]
    for case in file["cases"]
]


def parameters(storage: str) -> list[Any]:
    return [
        pytest.param(storage, kind, case, id=f"{storage}-{kind}-{case['name']}")
        for kind, case in ALL
        if vectors.can_run(kind, case, storage)
    ]


@pytest.mark.parametrize(
    ("storage", "kind", "case"), [p for storage in STORAGES for p in parameters(storage)]
)
def test_vector(storage: str, kind: str, case: vectors.Json) -> None:
    vectors.run(kind, case, storage)


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
        "state",
        "message",
        "packet",
        "fingerprint",
        "ordered_fingerprint",
        "errors",
    }
    assert len(parameters("device")) + len(left_out) == len(ALL)
    for kind in ("context", "table", "batch"):
        assert any(kind == other for other, case in ALL if vectors.can_run(other, case, "device"))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", vectors.KINDS)
def test_a_changed_vector_fails(storage: str, kind: str) -> None:
    """Each expectation of each case, changed by itself, fails: the tests look at all of them. On
    the device, which is slower, one in twenty."""
    changed = [
        (name, case) for name, case in vectors.changed(kind) if vectors.can_run(kind, case, storage)
    ]
    for name, wrong in changed[:: 20 if storage == "device" else 1]:
        with pytest.raises(Exception):  # noqa: B017
            vectors.run(kind, wrong, storage)
            pytest.fail(f"{name} passes", pytrace=False)
    assert changed or not any(
        vectors.can_run(kind, case, storage) for other, case in ALL if other == kind
    )


def test_what_is_not_known_fails() -> None:
    kind, case = ALL[0]
    with pytest.raises(AssertionError, match="other fields"):
        vectors.run(kind, {**case, "more": 1})
    with pytest.raises(AssertionError, match="unknown operation"):
        vectors.run("context", {"name": "", "width": 64, "steps": [{"op": "fold"}]})
