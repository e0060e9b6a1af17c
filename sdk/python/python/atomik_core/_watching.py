# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts of watches that are Python: a change, and waiting in asyncio."""

from __future__ import annotations

import os
import typing

if typing.TYPE_CHECKING:
    from ._native import Watch as _Watch


class Change(typing.NamedTuple):
    """A context that changed, as a Watch tells of it."""

    addr: int
    """The context's address."""
    state: int
    """Its state when it was told."""


Change.__module__ = "atomik_core"


async def next_change(watch: _Watch) -> Change:
    """The next change of a watch. StopAsyncIteration once there can be none."""
    change = watch._next(False)
    while change is None:
        # Also where there is something to tell already, so that other tasks run.
        await _readable(watch)
        change = watch._next(True)
    return change


async def _readable(watch: _Watch) -> None:
    """Waits until a watch may have something to tell, or is closed."""
    # Whoever gets here has it already.
    import asyncio

    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    # Of its own, as a loop knows one reader of each, and other tasks may wait, too.
    descriptors = watch._descriptors()
    try:
        for descriptor in descriptors:
            loop.add_reader(descriptor, wake)
        await ready
    finally:
        for descriptor in descriptors:
            loop.remove_reader(descriptor)
            os.close(descriptor)
