# SPDX-License-Identifier: MIT OR Apache-2.0
"""Descriptors that go to a process when it starts.

Objects of the device are arguments of processes that multiprocessing spawns. The pickle holds a
descriptor that the new process gets. It means nothing anywhere else, so objects are pickled for
this alone.
"""

from __future__ import annotations

import errno
import os
import weakref
from collections.abc import Callable
from typing import Protocol

from ._native import Device, DeviceContext, DeviceTable

_Kind = type[Device | DeviceContext | DeviceTable]


# The number of the first descriptor that LISTEN_FDS counts.
_FIRST = 3


def inherited() -> Device | None:
    """The first file of the device among the descriptors that this process was started with."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        # They were for another process, whose environment this one has.
        return None
    count = os.environ.get("LISTEN_FDS", "")
    if not (count.isascii() and count.isdecimal()):
        raise ValueError(f"LISTEN_FDS must be the number of descriptors, not {count!r}")
    for number in range(_FIRST, _FIRST + int(count)):
        try:
            return Device.from_fd(number)
        except OSError as error:
            if error.errno != errno.ENOTTY:
                raise
    return None


def reduce(
    object: Device | DeviceContext | DeviceTable, arguments: tuple[int, ...]
) -> tuple[Callable[..., object], tuple[object, ...]]:
    # Whoever spawns a process has them already.
    from multiprocessing.context import get_spawning_popen
    from multiprocessing.reduction import DupFd

    kind: _Kind = type(object)
    if kind not in (Device, DeviceContext, DeviceTable):
        raise TypeError(f"a {kind.__name__} can't be pickled, as it is of a subclass")
    popen = get_spawning_popen()
    if popen is None:
        raise TypeError(
            f"a {kind.__name__} can't be pickled: it is an argument of a process that "
            "multiprocessing starts, or goes to one over a unix socket, by Device.send and "
            "Device.receive"
        )
    # Each object takes a descriptor of its own along: objects of one file share theirs, and a new
    # process can't be given one twice.
    number = os.dup(object.fileno())
    weakref.finalize(popen, os.close, number)
    return _make, (kind, DupFd(number), *arguments)


class _Descriptor(Protocol):
    def detach(self) -> int: ...


def _make(kind: _Kind, descriptor: _Descriptor, *arguments: int) -> object:
    number = descriptor.detach()
    try:
        if kind is Device:
            return Device.from_fd(number)
        table_id, width, *addr = arguments
        if kind is DeviceTable:
            return DeviceTable.from_fd(number, table_id=table_id, width=width)
        return DeviceContext.from_fd(number, table_id=table_id, width=width, addr=addr[0])
    finally:
        os.close(number)
