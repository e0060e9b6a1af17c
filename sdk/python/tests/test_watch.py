# SPDX-License-Identifier: MIT OR Apache-2.0
"""Watches: what they tell and when, of tables here and on the device."""

import asyncio
import copy
import errno
import gc
import os
import pickle
import resource
import select
import selectors
import signal
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from atomik_core import AtomikTable, Change, Device, DeviceContext, DeviceTable, Watch
from conftest import HAS_DEVICE

on_device = pytest.mark.skipif(not HAS_DEVICE, reason="there is no device")
Table = AtomikTable | DeviceTable


@contextmanager
def watched(table: Table, start: int = 0, stop: int | None = None) -> Iterator[Watch]:
    """A watch that has nothing to tell."""
    with table.watch(start, stop) as watch:
        watch.read()
        yield watch


def is_ready(watch: Watch) -> bool:
    return select.select([watch], [], [], 0) == ([watch], [], [])


def has_nothing_to_tell(watch: Watch) -> bool:
    with pytest.raises(TimeoutError, match="^nothing has changed$"):
        watch.read(0)
    return not is_ready(watch)


def test_the_first_read_tells_everything(table: Table) -> None:
    table.load(2, 7)
    with table.watch(1, 4) as watch:
        assert is_ready(watch)
        changes = watch.read()
        assert changes == [(1, 0), (2, 7), (3, 0)]
        assert type(changes[1]) is Change
        assert (changes[1].addr, changes[1].state) == (2, 7)
        assert has_nothing_to_tell(watch)
    with table.watch() as watch:
        assert watch.read() == [(addr, 7 if addr == 2 else 0) for addr in range(256)]
    with table.watch(250) as watch:
        assert [change.addr for change in watch.read()] == list(range(250, 256))
    with table.watch(stop=1) as watch:
        assert watch.read(timeout=None) == [(0, 0)]


CHANGES: list[tuple[Callable[[Any], object], dict[int, int]]] = [
    (lambda table: table.load(3, 5), {3: 5}),
    (lambda table: table.accum(3, 1), {3: 1}),
    (lambda table: [table.accum(3, 1), table.accum(3, 2)], {3: 3}),
    (lambda table: table.swap(3, 9), {3: 9}),
    (lambda table: table.swap(3, 0), {3: 0}),
    (lambda table: table.set(3, 5), {3: 5}),
    (lambda table: table.compare_exchange(3, 0, 4), {3: 4}),
    (lambda table: table.update(3, lambda state: state + 2), {3: 2}),
    (lambda table: table.transact([3, 9], lambda states: states.__setitem__(1, 8)), {9: 8}),
    (lambda table: table.context(3).accum(6), {3: 6}),
    (lambda table: table.context(3).accum_many(b"\1\2"), {3: 3}),
    (lambda table: table.batch_accum({3: 1, 200: 2, 5: 0}), {3: 1, 200: 2}),
    (lambda table: table.accum_many(b"\3\xc8\3\5", b"\1\2\4\0"), {3: 5, 200: 2}),
    (lambda table: table.load_many(b"\3\xc8", b"\1\2"), {3: 1, 200: 2}),
    (lambda table: table.set_many(b"\xc8\3", b"\1\2"), {3: 2, 200: 1}),
    (
        lambda table: table.batch(
            [
                ("load", 200, 1),
                ("set", 64, 2),
                ("accum", 3, 4),
                ("accum", 5, 0),
                ("swap", 6),
                ("read", 7),
                ("expect", 8, 0),
            ]
        ),
        {3: 4, 64: 2, 200: 1},
    ),
    (lambda table: table.touch(3, 5), {3: 0, 4: 0}),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_a_change_is_told(
    table: Table, change: Callable[[Any], object], told: dict[int, int]
) -> None:
    with watched(table) as watch, watched(table, 3, 4) as narrow, watched(table, 10, 60) as other:
        change(table)
        assert is_ready(watch)
        assert watch.read() == sorted(told.items())
        assert has_nothing_to_tell(watch)
        # Of others' contexts it says nothing.
        assert has_nothing_to_tell(other)
        if 3 in told:
            assert narrow.read(0) == [(3, told[3])]
        assert has_nothing_to_tell(narrow)


NO_CHANGES: list[Callable[[Any], object]] = [
    lambda table: table.accum(3, 0),
    lambda table: table.swap(3),
    lambda table: table.read(3),
    lambda table: table.compare_exchange(3, 1, 2),
    lambda table: table.update(3, lambda state: state),
    lambda table: table.transact([3], list),
    lambda table: table.batch([("swap", 3), ("accum", 3, 0), ("read", 3), ("expect", 3, 0)]),
    lambda table: table.accum_many(b"\3\3", b"\0\0"),
    lambda table: table.batch_accum({3: 0}),
    lambda table: table.context(3).rollback(0),
    lambda table: table.snapshot(),
    lambda table: pytest.raises(IndexError, table.load, 256, 1),
    lambda table: pytest.raises(IndexError, table.accum_many, array("H", [3, 256]), b"\1\1"),
]


@pytest.mark.parametrize("call", NO_CHANGES)
def test_what_changes_nothing_tells_nothing(table: Table, call: Callable[[Any], object]) -> None:
    with watched(table) as watch:
        call(table)
        assert has_nothing_to_tell(watch)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((256,), ValueError, "^there are no addresses from 256 to before 256$"),
        ((5, 5), ValueError, "^there are no addresses from 5 to before 5$"),
        ((5, 4), ValueError, "^there are no addresses from 5 to before 4$"),
        ((0, 0), ValueError, "^there are no addresses from 0 to before 0$"),
        ((257,), IndexError, "^start must be from 0 to 256, the number of contexts, not 257$"),
        ((-1,), IndexError, "^start must be from 0 to 256, the number of contexts, not -1$"),
        ((0, 257), IndexError, "^stop must be from 0 to 256, the number of contexts, not 257$"),
        ((0, -1), IndexError, "^stop must be from 0 to 256, the number of contexts, not -1$"),
        ((2**64,), IndexError, "^start must be from 0 to 256, .*, not 18446744073709551616$"),
        (("a",), TypeError, "^start must be an int, not str$"),
        ((0, "a"), TypeError, "^stop must be an int, not str$"),
        ((None,), TypeError, "^start must be an int, not NoneType$"),
    ],
)
def test_ranges_that_are_none(
    table: Table, arguments: tuple[Any, ...], error: type[Exception], text: str
) -> None:
    for call in (table.watch, table.touch):
        with pytest.raises(error, match=text):
            call(*arguments)


def test_timeouts(table: Table) -> None:
    with watched(table) as watch:
        with pytest.raises(TimeoutError, match="^nothing has changed for 0.001 s$"):
            watch.read(0.001)
        for timeout in (-1, -0.001, float("nan")):
            with pytest.raises(ValueError, match="timeout must be a number of seconds from 0"):
                watch.read(timeout)
        with pytest.raises(TypeError):
            watch.read("1")  # type: ignore[arg-type]
        for timeout in (0, 1, 1e9, 1e300, float("inf")):
            table.accum(3, 1)
            assert len(watch.read(timeout)) == 1


def in_thread(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def until_it_sleeps(thread: int) -> None:
    """Waits until a thread of this process waits for something. It waits for nothing else."""
    while ") S " not in Path(f"/proc/self/task/{thread}/stat").read_text():
        os.sched_yield()


@pytest.mark.parametrize("timeout", [None, 1e300])
def test_it_waits_for_another_thread(table: Table, timeout: float | None) -> None:
    reader = threading.get_native_id()
    with watched(table, 3, 4) as watch:
        for state in range(1, 20):

            def change(state: int = state) -> None:
                until_it_sleeps(reader)
                table.load(2, state)
                table.load(3, state)

            thread = in_thread(change)
            assert watch.read(timeout) == [(3, state)]
            thread.join()


def test_no_last_change_is_lost(table: Table) -> None:
    """However many watch, and however the changes fall between their reads."""
    rounds = 3000
    last = {addr: rounds - addr for addr in range(8)}

    def read() -> None:
        with table.watch(0, 8) as watch:
            states: dict[int, int] = {}
            while states != last:
                states |= dict(watch.read())

    readers = [in_thread(read) for _ in range(3)]
    for count in range(rounds + 1):
        table.load((rounds - count) % 8 if count > rounds - 8 else count % 8, count)
    for reader in readers:
        reader.join()


def test_a_batch_is_told_as_a_whole(table: Table) -> None:
    rounds = 500

    def write() -> None:
        for state in range(1, rounds + 1):
            table.batch([("set", addr, state) for addr in (0, 100, 255)])

    with table.watch() as watch:
        states = dict(watch.read())
        thread = in_thread(write)
        while states[0] != rounds:
            states |= dict(watch.read())
            assert states[0] == states[100] == states[255]
        thread.join()


def test_a_loop_takes_one_after_the_other(table: Table) -> None:
    with watched(table) as watch:
        table.load_many(b"\1\2\3\4", b"\5\6\7\x08")
        for change in watch:
            assert change == (1, 5)
            break
        # What is left comes first, as it was; then what is new.
        table.load(2, 20)
        assert next(watch) == (2, 6)
        assert watch.read() == [(3, 7), (4, 8)]
        assert watch.read() == [(2, 20)]
        assert has_nothing_to_tell(watch)
        assert iter(watch) is watch


def test_several_at_once(table: Table) -> None:
    with watched(table, 0, 10) as low, watched(table, 10, 20) as high:
        poll = select.poll()
        with select.epoll() as epoll, selectors.DefaultSelector() as selector:
            for watch in (low, high):
                poll.register(watch, select.POLLIN)
                epoll.register(watch, select.EPOLLIN)
                selector.register(watch, selectors.EVENT_READ)
            assert (poll.poll(0), epoll.poll(0), selector.select(0)) == ([], [], [])
            table.accum(12, 1)
            assert poll.poll(0) == epoll.poll(0) == [(high.fileno(), select.POLLIN)]
            assert [key.fileobj for key, _ in selector.select(0)] == [high]
            assert high.read(0) == [(12, 1)]
            assert (poll.poll(0), epoll.poll(0), selector.select(0)) == ([], [], [])


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_what_is_closed(table: Table) -> None:
    before = open_descriptors()
    with table.watch() as watch:
        assert watch.closed is False
        number = watch.fileno()
        assert repr(watch) == f"<Watch fd={number}>"
        assert os.get_inheritable(number) is False
        watch.read()
    assert watch.closed is True
    assert repr(watch) == "<Watch closed>"
    watch.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
    calls: list[Callable[[], object]] = [
        watch.read,
        watch.fileno,
        watch.__iter__,
        watch.__enter__,
        watch.__aiter__,
        lambda: next(watch),
        lambda: asyncio.run(ended(watch)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="^operation on a closed Watch$"):
            call()
    # A table goes on without it.
    table.accum(3, 1)
    assert open_descriptors() == before
    for _ in range(3):
        table.watch()
    assert open_descriptors() == before
    with pytest.raises(TypeError):
        Watch()


@pytest.mark.parametrize("call", [Watch.read, next])
def test_it_is_closed_while_a_thread_reads(table: Table, call: Callable[[Watch], object]) -> None:
    for _ in range(20):
        with watched(table) as watch:
            threads: list[int] = []
            raised = []

            def read(watch: Watch = watch, threads: list[int] = threads) -> None:
                threads.append(threading.get_native_id())
                try:
                    call(watch)
                except ValueError as error:
                    raised.append(str(error))

            readers = [in_thread(read), in_thread(read)]
            while len(threads) < 2:
                os.sched_yield()
            for thread in threads:
                until_it_sleeps(thread)
        for reader in readers:
            reader.join()
        assert raised == ["operation on a closed Watch"] * 2


def test_it_is_not_copied(table: Table) -> None:
    with table.watch() as watch:
        calls: list[Callable[[Watch], object]] = [pickle.dumps, copy.copy, copy.deepcopy]
        for call in calls:
            with pytest.raises(TypeError, match="cannot pickle"):
                call(watch)
    change = Change(3, 4)
    assert pickle.loads(pickle.dumps(change)) == change == copy.copy(change)
    assert repr(change) == "Change(addr=3, state=4)"


class Ended(Exception):
    pass


@pytest.mark.parametrize("raises", [False, True])
def test_a_signal_is_handled_meanwhile(table: Table, raises: bool) -> None:
    reader = threading.get_native_id()

    def handle(_number: int, _frame: object) -> None:
        if raises:
            raise Ended
        table.accum(3, 1)

    reading = threading.Event()

    def send() -> None:
        reading.wait()
        until_it_sleeps(reader)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def read() -> list[Change]:
        reading.set()
        return watch.read()

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with watched(table) as watch:
            for state in (1, 0):
                reading.clear()
                thread = in_thread(send)
                if raises:
                    with pytest.raises(Ended):
                        read()
                else:
                    assert read() == [(3, state)]
                thread.join()
            # It can be used as before.
            table.load(4, 1)
            assert watch.read() == [(4, 1)]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_no_descriptor_is_left(table: Table) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    with watched(table) as watch:
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            for call in (table.watch, watch.read):
                with pytest.raises(OSError, match="Too many open files; .*ulimit -n") as raised:
                    call()
                assert raised.value.errno == errno.EMFILE
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        table.load(3, 1)
        assert watch.read() == [(3, 1)]


# ---- In asyncio ----


async def ended(watch: Watch) -> list[Change]:
    return [change async for change in watch]


def test_asyncio_goes_through_changes(table: Table) -> None:
    async def main() -> None:
        with table.watch(0, 3) as watch:
            seen: list[Change] = []
            async for change in watch:
                seen.append(change)
                if len(seen) == 3:
                    # It has to wait for this.
                    asyncio.get_running_loop().call_soon(table.load, 1, 5)
                if change.state == 5:
                    break
            assert seen == [(0, 0), (1, 0), (2, 0), (1, 5)]

    asyncio.run(main())


def test_asyncio_lets_other_tasks_run(table: Table) -> None:
    """Also where there is always something to tell."""

    async def main() -> None:
        with table.watch(3, 4) as watch:

            async def change_and_read() -> None:
                async for change in watch:
                    table.accum(3, 1)

            task = asyncio.create_task(change_and_read())
            for _ in range(20):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_asyncio_cancels(table: Table) -> None:
    selector = selectors.DefaultSelector()

    async def main() -> None:
        with watched(table) as watch:
            before, readers = open_descriptors(), len(selector.get_map())
            for turns in range(5):
                task = asyncio.create_task(anext(watch))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            # The bell of its end stays.
            assert open_descriptors() <= before + 1
            assert len(selector.get_map()) == readers
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(watch), 0.001)
            # Nothing is lost, and nothing else has changed.
            table.load(3, 1)
            assert await anext(watch) == (3, 1)
            assert open_descriptors() <= before + 1

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(main())


def test_asyncio_is_woken_by_a_change_and_the_end_at_once(table: Table) -> None:
    async def main() -> None:
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what))
        with watched(table) as watch:
            task = asyncio.create_task(anext(watch))
            for _ in range(5):
                await asyncio.sleep(0)
            table.load(3, 1)
            watch.close()
            with pytest.raises(ValueError, match="^operation on a closed Watch$"):
                await task
        assert failures == []

    asyncio.run(main())


def test_asyncio_has_two_tasks(table: Table) -> None:
    """Each change goes to one of those that share a watch, and to each that has its own."""

    async def main() -> None:
        shared = table.watch(0, 100)
        own = [table.watch(0, 100), table.watch(50, 51)]
        seen: list[list[Change]] = [[], [], [], []]

        async def read(watch: Watch, into: list[Change]) -> None:
            async for change in watch:
                into.append(change)

        tasks = [
            asyncio.create_task(read(watch, into))
            for watch, into in zip([shared, shared, *own], seen, strict=True)
        ]
        # Also beside a reader of the program's own.
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(own[1], readable.set)
        await readable.wait()
        for state in range(1, 100):
            table.load_many(bytes(range(100)), bytes([state] * 100))
            await asyncio.sleep(0)
        last = [(addr, 99) for addr in range(100)]
        while not (
            set(last) <= set(seen[0] + seen[1])
            and set(last) <= set(seen[2])
            and (50, 99) in seen[3]
        ):
            await asyncio.sleep(0)
        assert len(set(seen[0] + seen[1])) == len(seen[0] + seen[1])
        loop.remove_reader(own[1])
        for watch in (shared, *own):
            watch.close()
        for task in tasks:
            with pytest.raises(ValueError, match="^operation on a closed Watch$"):
                await task

    asyncio.run(main())


def test_asyncio_reads_what_is_of_one_moment(table: Table) -> None:
    """As the README has it."""

    async def main() -> list[Change]:
        loop = asyncio.get_running_loop()
        told: asyncio.Queue[list[Change]] = asyncio.Queue()
        with watched(table) as watch:
            loop.add_reader(watch, lambda: told.put_nowait(watch.read(0)))
            table.batch([("set", 3, 1), ("set", 9, 2)])
            changes = await told.get()
            loop.remove_reader(watch)
        return changes

    assert asyncio.run(main()) == [(3, 1), (9, 2)]


def test_the_loop_is_closed_meanwhile(table: Table) -> None:
    with watched(table) as watch:

        async def some_turns() -> None:
            for _ in range(5):
                await asyncio.sleep(0)

        async def never() -> None:
            await anext(watch)

        before = open_descriptors()
        loop = asyncio.new_event_loop()
        task = loop.create_task(never())
        loop.run_until_complete(some_turns())
        assert open_descriptors() > before + 1
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
        del task
        # The bell of its end stays.
        assert open_descriptors() == before + 1
        table.load(3, 1)
        assert asyncio.run(some_changes(watch, 1)) == [(3, 1)]


async def some_changes(watch: Watch, count: int) -> list[Change]:
    return [await anext(watch) for _ in range(count)]


# ---- The end, forks, and what only one of the two has ----


def test_a_table_that_nobody_has() -> None:
    table = AtomikTable(8)
    context = table.context(2)
    with table.watch() as watch, table.watch(4) as other:
        assert watch.read() and other.read()
        del table
        gc.collect()
        # The context is still there.
        context.load(1)
        assert watch.read() == [(2, 1)]
        context.load(2)
        del context
        gc.collect()
        assert is_ready(watch) and is_ready(other)
        assert next(watch) == (2, 2)
        assert list(watch) == [] == watch.read() == watch.read(0) == other.read()
        assert asyncio.run(ended(watch)) == []
        assert is_ready(watch)


def test_the_end_wakes() -> None:
    tables = [AtomikTable(8)]
    reader = threading.get_native_id()
    with tables[0].watch() as watch:
        watch.read()

        def end() -> None:
            until_it_sleeps(reader)
            tables.clear()

        thread = in_thread(end)
        assert list(watch) == []
        thread.join()


@on_device
@pytest.mark.parametrize("how", ["destroy", "close"])
def test_a_table_of_the_device_that_ends(how: str) -> None:
    table = DeviceTable(8)
    reader = threading.get_native_id()
    with watched(table) as watch:
        table.load_many(b"\1\2", b"\5\6")

        def end() -> None:
            until_it_sleeps(reader)
            getattr(table, how)()

        thread = in_thread(end)
        assert next(watch) == (1, 5)
        assert list(watch) == [(2, 6)]
        thread.join()
        assert watch.read() == [] == watch.read(0)
        assert asyncio.run(ended(watch)) == []
        assert select.select([watch], [], [], 0)[0] == [watch]
        with pytest.raises((ValueError, FileNotFoundError)):
            table.watch()


@on_device
def test_a_table_that_was_destroyed_by_another() -> None:
    table = DeviceTable(4)
    other = DeviceTable.from_fd(table, table_id=table.table_id)
    table.destroy()
    for call in (other.watch, other.touch):
        with pytest.raises(FileNotFoundError, match="no table"):
            call()


@on_device
def test_a_read_only_table_is_watched() -> None:
    with DeviceTable(16) as table:
        with table.export(read_only=True) as device:
            other = device.table()
        with watched(other) as watch:
            other_call = pytest.raises(OSError, match="doesn't give the right to TOUCH")
            with other_call as raised:
                other.touch()
            assert raised.value.errno == errno.EBADF
            other.close()
            table.load(3, 7)
            assert watch.read() == [(3, 7)]


@on_device
def test_the_tables_own_descriptor_is_nothing_to_wait_for() -> None:
    """As the documents say."""
    with DeviceTable(1) as table, table.export() as device:
        for own in (table, device):
            assert select.select([own], [], [], 0)[0] == [own]
            with select.epoll() as epoll, pytest.raises(PermissionError) as raised:
                epoll.register(own, select.EPOLLIN)
            assert raised.value.errno == errno.EPERM


def test_the_docstrings_lead_to_watches() -> None:
    for documented in (DeviceTable, DeviceTable.fileno):
        assert "``watch``" in (documented.__doc__ or "")
    for method in (Device.fileno, DeviceContext.fileno):
        assert "``DeviceTable.fileno``" in (method.__doc__ or "")


@on_device
def test_narrow_watches_of_a_wide_table() -> None:
    wide = DeviceTable(2)
    narrow = DeviceTable.from_fd(wide, table_id=wide.table_id, width=8)
    with watched(narrow) as watch:
        wide.load(0, 0x1FF)
        assert watch.read() == [(0, 0xFF)]


@on_device
def test_another_process_is_watched() -> None:
    with DeviceTable(4) as table, watched(table) as watch:
        child = os.fork()
        if child == 0:
            table.load(3, 9)
            os._exit(0)
        assert watch.read() == [(3, 9)]
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@on_device
def test_the_most_contexts() -> None:
    with DeviceTable(65536) as table, table.watch() as watch:
        assert len(watch.read()) == 65536
        every = array("I", range(65536))
        table.load_many(every, every)
        assert watch.read() == list(zip(every, every, strict=True))
        table.load(65535, 1)
        assert watch.read() == [(65535, 1)]


@pytest.mark.parametrize("width", [1, 63, 65, 1000])
def test_states_of_any_width(width: int) -> None:
    table = AtomikTable(3, width)
    with watched(table) as watch:
        table.accum(1, -1)
        assert watch.read() == [(1, (1 << width) - 1)]
        words = array("Q", [0] * (-(-width // 64) - 1) + [1])
        table.accum_many(b"\2", words)
        assert watch.read() == [(2, 1 << 64 * (len(words) - 1))]


def test_a_table_that_is_unpickled_again() -> None:
    table, other = AtomikTable(70), AtomikTable(70)
    other.load(69, 5)
    with watched(table) as watch:
        table.__setstate__(other.__getstate__())
        assert dict(watch.read()) == {addr: 5 if addr == 69 else 0 for addr in range(70)}
        # A copy isn't watched.
        copy.copy(table).load(0, 1)
        assert has_nothing_to_tell(watch)


def test_many_contexts() -> None:
    count = 70_000
    table = AtomikTable(count)
    with watched(table, 5) as watch:
        for addr in (5, 4100, 69_990, count - 1):
            table.load(addr, addr)
        assert watch.read() == [(a, a) for a in (5, 4100, 69_990, count - 1)]
        table.touch(63 + 5, 64 * 64 * 3 + 5)
        changes = watch.read()
        assert [change.addr for change in changes] == list(range(63 + 5, 64 * 64 * 3 + 5))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_has_a_watch_of_its_own() -> None:
    """On tables of the process, which it has of its own, too."""
    table = AtomikTable(8)
    with watched(table) as watch, watched(table, 4) as other:
        # So that it has a bell for its end.
        with pytest.raises(TimeoutError):
            watch.read(0.001)
        table.load(1, 1)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                right = is_ready(watch) and watch.read() == [(1, 1)] and not is_ready(watch)
                table.load(5, 5)
                right = right and is_ready(other)
                right = right and watch.read() == [(5, 5)] == other.read()
                with pytest.raises(TimeoutError):
                    watch.read(0.001)
                watch.close()
                status = 0 if right else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        # What the child has read, changed and closed is its own.
        assert is_ready(watch) and not is_ready(other)
        assert watch.read() == [(1, 1)]
        with pytest.raises(TimeoutError):
            watch.read(0.001)
        table.load(2, 2)
        assert is_ready(watch) and watch.read() == [(2, 2)]
