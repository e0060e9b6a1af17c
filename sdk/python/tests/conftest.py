# SPDX-License-Identifier: MIT OR Apache-2.0
"""Common parts of all tests: hypothesis' settings, the device where there is one, and a line of
counts at the end."""

import os
from collections.abc import Iterator

import pytest

import counts
from atomik_core import AtomikTable, DeviceTable

try:
    import hypothesis
except ImportError:
    # The guest hasn't got it, and its tests need none.
    collect_ignore_glob = ["test_any_*.py"]
else:
    # Examples are the same in each run, so that a failure is a change's and not the day's.
    hypothesis.settings.register_profile(
        "repeatable", derandomize=True, database=None, deadline=None, max_examples=200
    )
    hypothesis.settings.load_profile("repeatable")

HAS_DEVICE = os.path.exists("/dev/atomik")
# In the guest it is the device alone that is tested.
STORAGES = os.environ.get("ATOMIK_STORAGES", "process device" if HAS_DEVICE else "process").split()


@pytest.fixture(params=STORAGES)
def table(request: pytest.FixtureRequest) -> Iterator[AtomikTable | DeviceTable]:
    """A table of 256 contexts, here and, where there is one, on the device."""
    if request.param == "process":
        yield AtomikTable(256)
    else:
        with DeviceTable(256) as on_device:
            yield on_device


pytest_terminal_summary = counts.pytest_terminal_summary
