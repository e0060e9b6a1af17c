# SPDX-License-Identifier: MIT OR Apache-2.0
"""Delta-state contexts: XOR deltas that commute, merge and undo themselves, in the process and on
/dev/atomik.

A context is a *reference* and an *accumulator*; its state is reference ^ accumulator. Four
operations make the algebra:

- ``load(value)``: reference = value, accumulator = 0
- ``accum(delta)``: accumulator ^= delta
- ``read()``: returns the state
- ``swap()``: returns the state, which becomes the reference; accumulator = 0

AtomikContext is one context, AtomikTable many of them, DeltaStream a table whose deltas go to
others as DeltaMessages. DeviceContext and DeviceTable are in the kernel, shared between processes,
to which a Device is sent. A Watch waits for Changes of a table, and a TableMap reads it without
system calls. Fingerprint and OrderedFingerprint show whether bytes have changed.
"""

from ._exceptions import Canceled, Contended
from ._native import (
    AtomikContext,
    AtomikTable,
    DeltaMessage,
    DeltaStream,
    Device,
    DeviceContext,
    DeviceTable,
    Fingerprint,
    OrderedFingerprint,
    StaleEpochError,
    TableMap,
    Watch,
    __version__,
)
from ._watching import Change

__all__ = [
    "AtomikContext",
    "AtomikTable",
    "Canceled",
    "Change",
    "Contended",
    "DeltaMessage",
    "DeltaStream",
    "Device",
    "DeviceContext",
    "DeviceTable",
    "Fingerprint",
    "OrderedFingerprint",
    "StaleEpochError",
    "TableMap",
    "Watch",
    "__version__",
]
