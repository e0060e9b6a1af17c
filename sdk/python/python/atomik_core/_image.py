# SPDX-License-Identifier: MIT OR Apache-2.0
"""Images of tables."""

from array import array
from typing import NamedTuple


class Image(NamedTuple):
    """Both words of some contexts of a table, as they were at one moment.

    A table's ``image`` makes one, and its ``restore`` takes it. A word of more than 64 bits takes
    several items, the lowest first.
    """

    references: "array[int]"
    """The states that the epochs started from, an ``array.array("Q")``."""
    accumulators: "array[int]"
    """The XORs of all deltas since, likewise: 0 where the state is the reference."""


Image.__module__ = "atomik_core"
