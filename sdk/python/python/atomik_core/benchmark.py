# SPDX-License-Identifier: MIT OR Apache-2.0
"""Times of some jobs, done by contexts and in plain Python: `python -m atomik_core benchmark`.

Each function prints what it has found, and returns it as a dict. Times are those of this machine
and this moment, of which only the ratios tell something.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from ._native import AtomikContext, AtomikTable, DeltaMessage, Fingerprint

_Result = dict[str, Any]

# The shortest time that is measured, in seconds: much longer than the clock's step.
_SHORTEST = 1e-9


def _seconds(job: Callable[[], object], times: int = 3) -> float:
    """The shortest time of several."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        job()
        best = min(best, time.perf_counter() - start)
    return max(best, _SHORTEST)


def _compared(test: str, title: str, plain: float, atomik: float, **others: object) -> _Result:
    ratio = plain / atomik
    print(f"{title}: {plain * 1e3:.2f} ms, with atomik {atomik * 1e3:.2f} ms: {ratio:.1f} times")
    times = {"trad_time_ms": plain * 1e3, "atomik_time_ms": atomik * 1e3, "speedup": ratio}
    return {"test": test, **times, **others}


def bench_rollback() -> _Result:
    """Undoes 10,000 changes of a state: from a list of all states, and by the same deltas again."""
    count = 10_000
    deltas = array("Q", (0x9E3779B97F4A7C15 * n % 2**64 for n in range(1, count + 1)))
    states: list[int] = []
    context = AtomikContext(initial_state=0xCAFEBABE)

    def plain() -> None:
        states.clear()
        state = 0xCAFEBABE
        for delta in deltas:
            states.append(state)
            state ^= delta
        while states[-1] != 0xCAFEBABE:
            states.pop()

    def atomik() -> None:
        context.accum_many(deltas)
        context.accum_many(deltas)

    plain_time = _seconds(plain)
    kept = sys.getsizeof([0] * count) + count * sys.getsizeof(deltas[0])
    result = _compared("rollback", f"undo {count:,} changes", plain_time, _seconds(atomik))
    assert context.read() == 0xCAFEBABE
    # The deltas, which both need, aren't counted.
    words = 16
    print(f"  it keeps {kept:,} bytes of states, and a context has {words}")
    memory = {"trad_mem_bytes": kept, "atomik_mem_bytes": words, "mem_reduction": kept / words}
    return {**result, "n": count, **memory}


def bench_change_detection() -> _Result:
    """Looks 1000 times whether 64 KiB have changed: compares them with a copy, and a fingerprint
    with the one that was loaded. Finds the fingerprint of all bytes, too."""
    size, count = 65536, 1000
    data = bytearray(b"\xaa" * size)
    copy = bytes(data)
    fingerprint = Fingerprint()
    fingerprint.load(data)
    plain = _seconds(lambda: [data == copy for _ in range(count)])
    kept = _seconds(lambda: [fingerprint.changed for _ in range(count)])
    print(f"{count:,} looks at {size:,} bytes:")
    result = _compared("change_detection", "  with deltas kept", plain, kept)
    # A change of the last byte, so that the comparison has all bytes to look at.
    data[-1] ^= 1
    plain = _seconds(lambda: [data == copy for _ in range(count)])
    folded = _seconds(lambda: [fingerprint.update(data) for _ in range(count)])
    assert fingerprint.changed
    print(f"  of all bytes: {plain * 1e3:.2f} ms, with atomik {folded * 1e3:.2f} ms")
    times = {"incr_trad_time_ms": plain * 1e3, "incr_atomik_time_ms": folded * 1e3}
    numbers = {"buf_size": size, "n_checks": count, "incr_speedup": plain / folded}
    return {**result, **numbers, **times}


def bench_convergence() -> _Result:
    """Brings together 1000 deltas of each of 8 machines: in an order that all agree on, and in any
    order."""
    nodes, count = 8, 1000
    deltas = [array("Q", (n << 16 | node for n in range(count))) for node in range(nodes)]
    # A clock's time for each, that no two share.
    events = [
        (n * 7919 % count * nodes + node, delta)
        for node in range(nodes)
        for n, delta in enumerate(deltas[node])
    ]
    states: list[int] = []

    def plain() -> None:
        state = 0
        for _, delta in sorted(events):
            state ^= delta
        states.append(state)

    def atomik() -> None:
        contexts = [AtomikContext() for _ in range(nodes)]
        for context, made in zip(contexts, deltas, strict=True):
            context.accum_many(made)
        for context in contexts[1:]:
            contexts[0].merge(context)
        states.append(contexts[0].read())

    title = f"{nodes} times {count:,} deltas"
    result = _compared("convergence", title, _seconds(plain), _seconds(atomik))
    assert len(set(states)) == 1
    return {**result, "n_nodes": nodes, "n_updates": count}


def bench_bandwidth() -> _Result:
    """Counts the bytes that tell of one change in a table: all states, and one message."""
    entries = []
    for contexts in (8, 128, 8192, 65536):
        states = 8 * contexts
        message = len(DeltaMessage(contexts - 1, 2**64 - 1, seq=1).to_bytes())
        print(f"{contexts:,} contexts: {states:,} bytes of states, {message} of a message")
        numbers = {"state_bytes": states, "trad_bytes": states, "atomik_bytes": message}
        entries.append({**numbers, "reduction": states / message})
    return {"test": "bandwidth", "entries": entries}


def bench_throughput() -> _Result:
    """Counts operations in a second: each by a call of its own, and many by one call."""
    count = 200_000
    context, table = AtomikContext(), AtomikTable(65536)
    addrs = array("I", (n * 7919 % 65536 for n in range(count)))
    deltas = array("Q", range(count))

    def load() -> None:
        for n in range(count):
            context.load(n)

    def accum() -> None:
        for n in range(count):
            context.accum(n)

    def read() -> None:
        for _ in range(count):
            context.read()

    def accum_many() -> None:
        table.accum_many(addrs, deltas)

    jobs = {job.__name__: job for job in (load, accum, read, accum_many)}
    rates = {f"{name}_ops_sec": count / _seconds(job) for name, job in jobs.items()}
    for name, rate in rates.items():
        print(f"{name.removesuffix('_ops_sec')}: {rate / 1e6:.1f} million a second")
    return {"test": "throughput", "n": count, **rates}


def main(arguments: Sequence[str] | None = None) -> list[_Result]:
    """Runs all of them. With ``--json``, prints their results as JSON, and nothing else."""
    parser = argparse.ArgumentParser(prog="python -m atomik_core benchmark", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    as_json = parser.parse_args(arguments).json
    # What they print goes nowhere then.
    with contextlib.redirect_stdout(io.StringIO()) if as_json else contextlib.nullcontext():
        results = [
            bench_rollback(),
            bench_change_detection(),
            bench_convergence(),
            bench_bandwidth(),
            bench_throughput(),
        ]
    if as_json:
        print(json.dumps({"benchmarks": results}, indent=2))
    return results


if __name__ == "__main__":
    main()
