# SPDX-License-Identifier: MIT OR Apache-2.0
"""Exceptions that carry values."""


class Canceled(Exception):
    """A condition of a batch doesn't hold, and nothing of the batch was done."""

    __module__ = "atomik_core"

    entry: int
    """The number of the first such condition among the batch's operations, from 0."""
    addr: int
    """The context's address."""
    expected: int
    """The state that it was to have."""
    found: int
    """The state that it has."""

    def __init__(self, entry: int, addr: int, expected: int, found: int) -> None:
        super().__init__(entry, addr, expected, found)
        self.entry = entry
        self.addr = addr
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return (
            f"operation {self.entry} of the batch: the state at address {self.addr} is "
            f"{self.found:#x}, where {self.expected:#x} was expected; nothing was done"
        )


class Contended(Exception):
    """Others changed the contexts of an ``update`` or a ``transact`` during each of its attempts.

    Nothing was changed here.
    """

    __module__ = "atomik_core"

    addr: int
    """An address that was changed during the last attempt."""
    attempts: int
    """The number of attempts."""

    def __init__(self, addr: int, attempts: int) -> None:
        super().__init__(addr, attempts)
        self.addr = addr
        self.attempts = attempts

    def __str__(self) -> str:
        return (
            f"others were faster in each of {self.attempts} attempts, the last time at address "
            f"{self.addr}"
        )
