# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sizes that are asked for and can't be had: an exception, and no process that ends."""

import subprocess
import sys
import textwrap

import pytest

# The beginning of each program: limits its memory to what it has and some more.
BEGIN = """
import itertools, mmap, pickle, resource
from atomik_core import *

def limit(more):
    pages = int(open("/proc/self/statm").read().split()[0])
    size = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (size, size))

def refused(kind, text, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind and text in str(error), repr(error)
    else:
        raise AssertionError("it is done")

MIB = 1 << 20
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(
            """
            limit(256 * MIB)
            most = 2**32 - 1
            refused(MemoryError, f"table of {most} contexts", lambda: AtomikTable(most))
            make = lambda: DeltaStream(num_contexts=most)
            refused(MemoryError, f"table of {most} contexts", make)
            refused(MemoryError, f"table of 1000 contexts", lambda: AtomikTable(1000, 2**24))
            refused(MemoryError, f"table of 1000 contexts", lambda: DeltaStream(2**24, 1000))
            """,
            id="tables",
        ),
        pytest.param(
            """
            limit(256 * MIB)
            for width in (2**24 + 1, 2**32 - 8, 2**32 - 1):
                for make in (AtomikContext, Fingerprint, DeltaStream,
                             lambda width: AtomikTable(1, width),
                             lambda width: DeltaMessage(0, 1, 0, 1, 0, width)):
                    text = f"width must be from 1 to 16777216 bits, not {width}"
                    refused(ValueError, text, lambda: make(width))
            widest = AtomikContext(2**24, -1)
            widest.accum(1)
            assert widest.read() == 2**(2**24) - 2
            assert pickle.loads(pickle.dumps(widest)) == widest
            message = DeltaMessage(0, -1, 0, 1, 0, 2**24)
            assert DeltaMessage.from_bytes(bytearray(message.to_bytes())) == message
            """,
            id="widths",
        ),
        pytest.param(
            """
            size = 7 << 30
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_NORESERVE
            large = mmap.mmap(-1, size, flags=flags)
            limit(256 * MIB)
            for data in (large, memoryview(large), memoryview(large)[::2]):
                length = len(data)
                text = f"data is not to have more than 2097190 bytes, and has {length}"
                refused(ValueError, text, lambda: DeltaMessage.from_bytes(data))
            # Nor are parts of a string copied that are looked at.
            part = memoryview(large)[:320 * MIB]
            ordered = OrderedFingerprint()
            ordered.load(b"12345678")
            refused(ValueError, "no change", lambda: ordered.accumulate_delta(0, part, part))
            """,
            id="bytes",
        ),
        pytest.param(
            """
            limit(256 * MIB)
            text = "the batch has 4097 entries or more, and 4096 is the most"
            refused(ValueError, text, lambda: AtomikTable().batch(itertools.repeat(("read", 0))))
            """,
            id="operations without end",
        ),
        pytest.param(
            """
            one, other = AtomikTable(1 << 22), AtomikTable(1 << 22)
            other.load(0, 1)
            limit(48 * MIB)
            # Without a copy.
            assert one == one and one != other
            refused(MemoryError, "", lambda: one.__getstate__())
            refused(MemoryError, "", lambda: pickle.dumps(one))
            """,
            id="large tables",
        ),
        pytest.param(
            """
            import array
            addrs = bytes(1 << 26)
            table = AtomikTable()
            limit(64 * MIB)
            call = lambda: table.accum_many(addrs, addrs)
            refused(MemoryError, "no memory for 67108864 items", call)
            refused(MemoryError, "", lambda: table.read_many(addrs))
            """,
            id="many at once",
        ),
    ],
)
def test_what_can_not_be_had(program: str) -> None:
    text = BEGIN + textwrap.dedent(program)
    result = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{result.returncode}: {result.stderr}"
