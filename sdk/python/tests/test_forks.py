# SPDX-License-Identifier: MIT OR Apache-2.0
"""Forks while other threads are inside an object: the child finds it whole, and doesn't wait."""

import os
import signal
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from atomik_core import (
    AtomikContext,
    AtomikTable,
    DeltaStream,
    DeviceTable,
    Fingerprint,
    OrderedFingerprint,
)

# Python warns of forks beside threads, which is what this is about.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

FORKS = 20
# Far more than a child takes, also in an emulated machine that is busy.
SECONDS = 300


@contextmanager
def others(*calls: Callable[[], object]) -> Iterator[None]:
    """Threads that make these calls without end."""
    ended = threading.Event()
    failures: list[BaseException] = []
    begun = threading.Barrier(len(calls) + 1)

    def run(call: Callable[[], object]) -> None:
        try:
            begun.wait()
            while not ended.is_set():
                call()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    begun.wait()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not failures


def in_children(check: Callable[[], bool]) -> None:
    """Forks again and again. Each child must find the check true, and is ended where it hangs."""
    for _ in range(FORKS):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(SECONDS)
                status = 0 if check() else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# So many that a thread is inside the call nearly all the time.
MANY = 300_000


def test_a_table(table: AtomikTable | DeviceTable) -> None:
    # Each call toggles all contexts, so that all are alike whenever it isn't running. On the device
    # the others go on meanwhile.
    every = array("H", range(256))
    addrs = every * (2 * (MANY // 512) + 1)
    deltas = array("Q", [1]) * len(addrs)

    def check() -> bool:
        states = set(table.read_many(every))
        table.accum(0, 0)
        table.batch([("read", 0)])
        return states in ({0}, {1}) or (isinstance(table, DeviceTable) and states == {0, 1})

    with others(lambda: table.accum_many(addrs, deltas)):
        in_children(check)


def test_a_context_of_a_table() -> None:
    table = AtomikTable(2)
    context = table.context(1)
    ones = array("B", [1]) * (MANY + 1)

    def check() -> bool:
        context.accum(0)
        return context.read() in (0, 1) and context.swap() == context.reference

    with others(lambda: table.accum_many(ones, ones), lambda: context.accum_many(ones)):
        in_children(check)


def test_a_watch(table: AtomikTable | DeviceTable) -> None:
    """Also one that a thread makes or waits for."""
    every = array("H", range(256))
    shared, ones = table.watch(), array("B", [1]) * 256

    def read_some() -> None:
        # Once it is closed, there is nothing to wait for.
        with suppress(ValueError):
            next(shared)
            shared.read()

    def make() -> None:
        with table.watch() as watch, suppress(TimeoutError):
            watch.read(0)
            watch.read(0)

    def check() -> bool:
        with table.watch() as watch:
            right = len(watch.read()) == 256
            table.accum_many(every, ones)
            right = right and set(range(256)) == {change.addr for change in watch.read()}
        if isinstance(table, AtomikTable):
            # What the child takes is its own: on the device the parent would lack it.
            table.touch()
            while right and 255 not in dict(shared.read()):
                pass
        return right

    with others(lambda: table.accum_many(every, ones), read_some, make):
        in_children(check)
        shared.close()


def test_comparing() -> None:
    one, other = AtomikTable(MANY), AtomikTable(MANY)
    with others(lambda: one == other, lambda: other == one):
        in_children(lambda: one == other and one.read(0) == other.read(0))


def test_a_context() -> None:
    context, deltas = AtomikContext(), array("Q", [1]) * MANY

    def check() -> bool:
        context.accum(0)
        return context.read() in (0, 1)

    with others(lambda: context.accum_many(deltas), lambda: context.accum(0)):
        in_children(check)


def test_a_stream() -> None:
    one, other = DeltaStream(num_contexts=4), DeltaStream(num_contexts=4)
    messages = [other.accum(n % 4, 1) for n in range(5000)]
    # Behind a gap they are kept one by one, and merging takes its time.
    for message in messages[1:]:
        one.apply(message)
    third = DeltaStream(num_contexts=4)

    def check() -> bool:
        third.merge(one)
        third.apply(messages[0])
        one.apply(messages[0])
        return one.snapshot() == third.snapshot() and one.accum(0, 1).seq == 1

    with others(lambda: third.merge(one), lambda: one.merge(third)):
        in_children(check)


@pytest.mark.parametrize("kind", [Fingerprint, OrderedFingerprint])
def test_a_fingerprint(kind: type[Fingerprint | OrderedFingerprint]) -> None:
    fingerprint, data = kind(), bytes(8 * MANY)
    zeros = kind().load(data)

    def change() -> None:
        if isinstance(fingerprint, OrderedFingerprint):
            fingerprint.accumulate_delta(0, data, data)
        else:
            fingerprint.accumulate_delta(data, data)

    def check() -> bool:
        change()
        return fingerprint.load(data) == zeros and not fingerprint.changed

    fingerprint.load(data)
    with others(change, lambda: fingerprint.update(data)):
        in_children(check)
