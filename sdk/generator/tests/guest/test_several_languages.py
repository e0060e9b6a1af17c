# SPDX-License-Identifier: MIT OR Apache-2.0
"""One object in a table of the device, which programs made from one schema change at the same
time: nothing of them is lost, and nobody sees half of anything."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomik_core import DeviceTable

PROGRAMS = Path("/sdk/programs")
sys.path.insert(0, str(PROGRAMS / "python"))

from atomik.System.Tests import Shared  # noqa: E402

LANGUAGES = ["rust", "c"]
ROUNDS = 300
ONES = (1 << 64) - 1


@pytest.fixture
def table() -> Iterator[DeviceTable]:
    with DeviceTable(3 * Shared.CONTEXTS) as table:
        for addr in range(3 * Shared.CONTEXTS):
            table.load(addr, 0xDEAD)
        Shared(table, 1).reset()
        yield table
        # The objects around it have stayed.
        around = [*range(Shared.CONTEXTS), *range(2 * Shared.CONTEXTS, 3 * Shared.CONTEXTS)]
        assert {table.read(addr) for addr in around} == {0xDEAD}


def start(table: DeviceTable, name: str, program: int, programs: int) -> "subprocess.Popen[str]":
    with table.export() as device:
        fd = device.fileno()
        arguments = [fd, table.table_id] if name == "c" else [fd]
        arguments += [program, programs, ROUNDS]
        return subprocess.Popen(
            [PROGRAMS / name, *map(str, arguments)],
            pass_fds=[fd],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def whole(shared: Shared) -> None:
    states = shared.contexts()
    assert len(set(states[4:8])) == 1, states
    assert states[8] == states[9] ^ ONES, states


def words(*values: int) -> int:
    return sum((value & ONES) << 64 * at for at, value in enumerate(values))


def delta(program: int, number: int) -> int:
    mark = program << 32 | number
    return words(mark, ~mark, mark << 1, mark ^ 0x5555)


def change(shared: Shared, program: int, number: int) -> None:
    """One round, as those of the other programs."""
    mark = program << 32 | number
    shared.set_quad(words(*[mark] * 4))
    quad = shared.read_quad()
    assert quad == words(*[quad & ONES] * 4)
    whole(shared)

    shared.accum_sum(delta(program, number))
    shared.accum_sum((1 << 256) - 1)
    assert shared.rollback(1) == 1

    shared.update(quad=words(*[~mark] * 4), left=mark, right=~mark & ONES)
    whole(shared)

    bit = 3 * (number % 42) + program
    shared.clear_flags_bit(bit)
    assert not shared.test_flags_bit(bit)
    shared.set_flags_bit(bit)
    assert shared.test_flags_bit(bit)

    while True:
        count = shared.read_counter()
        if shared.compare_update({"counter": count}, counter=count + 1):
            break


def finish(shared: Shared) -> None:
    while True:
        done = shared.read_done()
        if shared.compare_update({"done": done}, done=done + 1):
            break


def test_nothing_is_lost_and_nothing_torn(table: DeviceTable) -> None:
    shared = Shared(table, 1)
    others = [start(table, name, at, 3) for at, name in enumerate(LANGUAGES, 1)]
    done = 0
    try:
        # All go on until each of them has done its rounds, so that they do them at the same time.
        while done < ROUNDS or shared.read_done() < 3:
            change(shared, 0, done)
            done += 1
            if done == ROUNDS:
                finish(shared)
            for other in others:
                # One that has failed would never be done.
                assert other.poll() in (None, 0), other.communicate()
        ends = [other.communicate() for other in others]
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert [other.returncode for other in others] == [0, 0], ends
    rounds = [done, *(int(out) for out, _ in ends)]
    assert min(rounds) >= ROUNDS

    assert shared.read_counter() == sum(rounds)
    deltas = 0
    for program, count in enumerate(rounds):
        for number in range(count):
            deltas ^= delta(program, number)
    assert shared.read_sum() == deltas
    assert shared.read_flags() == (1 << 3 * 42) - 1
    whole(shared)


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_program_that_is_killed_leaves_the_object_whole(table: DeviceTable, name: str) -> None:
    shared = Shared(table, 1)
    for _ in range(10):
        before = shared.read_counter()
        # It waits for another one that never comes.
        program = start(table, name, 1, 255)
        try:
            while shared.read_counter() < before + 5:
                assert program.poll() is None, program.communicate()
        finally:
            program.send_signal(signal.SIGKILL)
            program.communicate()
        whole(shared)
        # Others go on, with histories of their own.
        assert shared.rollback(9) == 0
        change(shared, 0, 0)
        assert shared.rollback(1) == 1
        shared.reset()
