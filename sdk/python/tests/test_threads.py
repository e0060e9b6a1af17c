# SPDX-License-Identifier: MIT OR Apache-2.0
"""Several Python threads: each call is atomic, and long ones let the others run."""

import sys
import threading
from array import array
from collections.abc import Callable, Iterator

import pytest

from atomik_core import (
    AtomikContext,
    AtomikTable,
    DeltaStream,
    DeviceTable,
    Fingerprint,
    OrderedFingerprint,
)


# Whether threads of Python's wait for each other.
HAS_LOCK = getattr(sys, "_is_gil_enabled", lambda: True)()


def together(functions: list[Callable[[], None]]) -> None:
    """Runs functions in threads of their own, from one moment on, and waits for them."""
    start = threading.Barrier(len(functions))
    failures: list[BaseException] = []

    def run(f: Callable[[], None]) -> None:
        start.wait()
        try:
            f()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_no_delta_is_lost(table: AtomikTable | DeviceTable) -> None:
    def many(bit: int) -> Callable[[], None]:
        addrs, deltas = array("B", [0, 255] * 999), array("Q", [1 << bit] * 1998)
        return lambda: table.accum_many(addrs, deltas)

    def single(bit: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(999):
                table.accum(0, 1 << bit)
                table.batch_accum({255: 1 << bit})

        return run

    together([*(many(bit) for bit in range(4)), *(single(bit) for bit in range(4, 8))])
    # An odd number of each.
    assert table.snapshot() == {0: 0xFF, 255: 0xFF}
    if isinstance(table, AtomikTable):
        assert table.context(0).delta_count == 8 * 999


def test_what_goes_both_ways_does_not_wait_for_itself() -> None:
    one, other = DeltaStream(sender=1), DeltaStream(sender=2)
    tables = AtomikTable(), AtomikTable()
    contexts = AtomikContext(), AtomikContext()

    def exchange(a: int, b: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(300):
                streams = one, other
                streams[a].accum(a, 1)
                streams[a].merge(streams[b])
                assert tables[a] == tables[b]
                assert contexts[a] == contexts[b]
                contexts[a].merge(contexts[b])

        return run

    together([exchange(0, 1), exchange(1, 0)])
    one.merge(other)
    other.merge(one)
    assert one.snapshot() == other.snapshot()


@pytest.fixture
def nobody_is_interrupted() -> Iterator[None]:
    """Threads get the interpreter only where another one gives it up."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


def lets_others_run(f: Callable[[], object], tries: int) -> bool:
    """True if another thread ran during some call of ``f``."""
    gate, ran = threading.Lock(), threading.Event()
    gate.acquire()

    def run() -> None:
        gate.acquire()
        ran.set()

    thread = threading.Thread(target=run)
    thread.start()
    # From here on it may run, but has no interpreter.
    gate.release()
    for _ in range(tries):
        f()
        if ran.is_set():
            break
    result = ran.is_set()
    thread.join()
    return result


COUNT = 300_000
ADDRS = array("B", bytes(COUNT))
VALUES = array("Q", [1]) * COUNT
OUT = array("Q", [0]) * COUNT
DATA = bytes(8 * COUNT)


@pytest.mark.parametrize(
    "call",
    [
        lambda: AtomikTable().accum_many(ADDRS, VALUES),
        lambda: AtomikTable().load_many(ADDRS, VALUES),
        lambda: AtomikTable().read_many(ADDRS, OUT),
        lambda: AtomikContext().accum_many(VALUES),
        lambda: Fingerprint().load(DATA),
        lambda: Fingerprint().update(VALUES),
        lambda: Fingerprint().accumulate_delta(DATA, VALUES),
        lambda: OrderedFingerprint().load(DATA),
        lambda: OrderedFingerprint().update(VALUES),
    ],
    ids=lambda call: ".".join(call.__code__.co_names),
)
@pytest.mark.usefixtures("nobody_is_interrupted")
def test_long_calls_let_others_run(call: Callable[[], object]) -> None:
    # The other thread takes a moment to wake up, in which a call may end.
    assert lets_others_run(call, 1000)


@pytest.mark.skipif(not HAS_LOCK, reason="threads of this Python run at any time")
@pytest.mark.usefixtures("nobody_is_interrupted")
def test_others_do_not_run_by_themselves() -> None:
    """The test above can fail."""
    table = AtomikTable()
    assert not lets_others_run(lambda: table.accum(0, 1), 100_000)


@pytest.mark.parametrize("kind", ["addresses", "deltas", "out", "data"])
def test_memory_that_changes_meanwhile(kind: str) -> None:
    """The result is one of values that were there, and nothing else happens."""
    table = AtomikTable(256)
    addrs, deltas = bytearray(100_000), array("Q", [1]) * 100_000
    out = array("Q", [0]) * 100_000
    data = bytearray(100_000)
    ended = threading.Event()

    def change() -> None:
        while not ended.is_set():
            match kind:
                case "addresses":
                    addrs[:] = b"\1" * len(addrs)
                    addrs[:] = b"\0" * len(addrs)
                case "deltas":
                    deltas[:] = array("Q", [3]) * len(deltas)
                case "out":
                    out[:] = array("Q", [5]) * len(out)
                case "data":
                    data[:] = b"\1" * len(data)

    def use() -> None:
        try:
            for _ in range(50):
                table.accum_many(addrs, deltas)
                table.read_many(addrs, out)
                assert Fingerprint(8).load(data) in (0, 1)
                OrderedFingerprint().load(data)
                assert set(table.snapshot()) <= {0, 1}
                assert all(state in (0, 1, 2, 3) for state in table.snapshot().values())
        finally:
            ended.set()

    together([change, use])
