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
others as DeltaMessages. SyncTable and PersistentSyncTable are simpler tables of this kind, the
latter in a file; MemoryTransport, CallbackTransport and AsyncCallbackTransport carry their
messages, and AsyncSyncTable sends its own. DeviceContext and DeviceTable are in the kernel, shared
between processes, to which a Device is sent. An Image is both words of each context. A Watch waits
for Changes of a table, and a TableMap reads it without system calls. Fingerprint and
OrderedFingerprint show whether bytes have changed. The bench functions measure some jobs.
"""

from . import _alone  # noqa: F401  before the library in Rust is loaded
from ._exceptions import Canceled, Contended
from ._image import Image
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
from .async_transport import AsyncCallbackTransport, AsyncSyncTable
from .benchmark import (
    bench_bandwidth,
    bench_change_detection,
    bench_convergence,
    bench_rollback,
    bench_throughput,
)
from .persistent import PersistentSyncTable
from .sync import SyncTable
from .transport import CallbackTransport, MemoryTransport

__all__ = [
    "AsyncCallbackTransport",
    "AsyncSyncTable",
    "AtomikContext",
    "AtomikTable",
    "CallbackTransport",
    "Canceled",
    "Change",
    "Contended",
    "DeltaMessage",
    "DeltaStream",
    "Device",
    "DeviceContext",
    "DeviceTable",
    "Fingerprint",
    "Image",
    "MemoryTransport",
    "OrderedFingerprint",
    "PersistentSyncTable",
    "StaleEpochError",
    "SyncTable",
    "TableMap",
    "Watch",
    "__version__",
    "bench_bandwidth",
    "bench_change_detection",
    "bench_convergence",
    "bench_rollback",
    "bench_throughput",
]
