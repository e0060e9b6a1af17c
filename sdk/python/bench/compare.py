# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares the package's speed with the same classes in plain Python, and prints a table of ratios.

Both are timed in turns, and the shortest time of each counts. Only their ratio means something: the
times are those of this machine and this moment.
"""

import time
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any

import plain

import atomik_core

ROUNDS = 9
# The shortest round, in seconds of this process: much longer than the clock's step.
ROUND = 0.02

Case = Callable[[Any], Callable[[], object]]


def shortest(f: Callable[[], object], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        f()
    return (time.process_time() - start) / count


def enough(f: Callable[[], object]) -> int:
    """The number of calls in a round."""
    count = 1
    while shortest(f, count) * count < ROUND:
        count *= 2
    return count


def ratio(case: Case) -> float:
    """The speed of the package, as a multiple of plain Python's."""
    functions = [case(plain), case(atomik_core)]
    counts = [enough(f) for f in functions]
    best = [float("inf")] * 2
    for _ in range(ROUNDS):
        for i, (f, count) in enumerate(zip(functions, counts, strict=True)):
            best[i] = min(best[i], shortest(f, count))
    return best[0] / best[1]


def on_context(name: str, *arguments: object) -> Case:
    def case(module: Any) -> Callable[[], object]:
        method = getattr(module.AtomikContext(64, 0xCAFEBABE), name)

        def run() -> None:
            for _ in range(1000):
                method(*arguments)

        return run

    return case


def on_table(name: str, *arguments: object) -> Case:
    def case(module: Any) -> Callable[[], object]:
        table = module.AtomikTable(256)
        table.batch_accum({addr: addr for addr in range(256)})
        method = getattr(table, name)

        def run() -> None:
            for _ in range(100):
                method(*arguments)

        return run

    return case


COUNT = 1_000_000
ADDRS = array("I", (i * 7919 % 65536 for i in range(COUNT)))
DELTAS = array("Q", (i * 0x9E3779B97F4A7C15 % 2**64 for i in range(COUNT)))


def in_bulk(name: str, *arguments: object) -> Case:
    return lambda module: partial(getattr(module.AtomikTable(65536), name), *arguments)


def on_stream(module: Any) -> Callable[[], object]:
    def run() -> None:
        one, other = module.DeltaStream(sender=1), module.DeltaStream(sender=2)
        messages = [one.accum(i % 256, i) for i in range(1000)]
        for message in messages:
            other.apply(message)

    return run


def on_bytes(size: int, width: int = 64) -> Case:
    data = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    return lambda module: partial(module.Fingerprint(width).load, data)


CASES: list[tuple[str, Case]] = [
    ("`AtomikContext.accum`", on_context("accum", 0x1234)),
    ("`AtomikContext.read`", on_context("read")),
    ("`AtomikContext.swap`", on_context("swap")),
    ("`AtomikTable.load`", on_table("load", 7, 0xCAFEBABE)),
    ("`AtomikTable.accum`", on_table("accum", 7, 0x1234)),
    ("`AtomikTable.read`", on_table("read", 7)),
    ("`AtomikTable.swap`", on_table("swap", 7)),
    (
        "`AtomikTable.batch_accum`, 256 addresses",
        on_table("batch_accum", {a: a for a in range(256)}),
    ),
    ("`AtomikTable.snapshot`, 256 contexts", on_table("snapshot")),
    ("`AtomikTable.accum_many`, 1,000,000 deltas", in_bulk("accum_many", ADDRS, DELTAS)),
    ("`AtomikTable.load_many`, 1,000,000 states", in_bulk("load_many", ADDRS, DELTAS)),
    ("`AtomikTable.read_many`, 1,000,000 contexts", in_bulk("read_many", ADDRS)),
    ("`DeltaStream.accum` and `apply` elsewhere", on_stream),
    ("`Fingerprint.load`, 64 bytes", on_bytes(64)),
    ("`Fingerprint.load`, 1 MiB", on_bytes(2**20)),
    ("`Fingerprint(32).load`, 1 MiB", on_bytes(2**20, 32)),
]


def main() -> None:
    print("| | times as fast as plain Python |")
    print("| --- | --- |")
    for name, case in CASES:
        print(f"| {name} | {float(f'{ratio(case):.2g}'):g} |", flush=True)


if __name__ == "__main__":
    main()
