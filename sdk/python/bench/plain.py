# SPDX-License-Identifier: MIT OR Apache-2.0
"""The package's classes in plain Python, as one would write them, for comparing their speed."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from atomik_core import StaleEpochError


class AtomikContext:
    def __init__(self, width: int = 64, initial_state: int = 0) -> None:
        if width < 1:
            raise ValueError(f"width must be from 1, not {width}")
        self.width = width
        self.mask = (1 << width) - 1
        self.load(initial_state)

    def load(self, value: int) -> None:
        self.reference = value & self.mask
        self.accumulator = 0
        self.delta_count = 0

    def accum(self, delta: int) -> None:
        self.accumulator ^= delta & self.mask
        self.delta_count += 1

    rollback = accum

    def read(self) -> int:
        return self.reference ^ self.accumulator

    def swap(self, new_reference: int | None = None) -> int:
        state = self.read()
        self.load(state if new_reference is None else new_reference)
        return state

    @property
    def is_clean(self) -> bool:
        return self.accumulator == 0


class AtomikTable:
    def __init__(self, num_contexts: int = 256, width: int = 64) -> None:
        if num_contexts < 1:
            raise ValueError(f"num_contexts must be from 1, not {num_contexts}")
        self.contexts = [AtomikContext(width) for _ in range(num_contexts)]

    def context(self, addr: int) -> AtomikContext:
        if addr < 0:
            raise IndexError(f"address {addr} is outside the table")
        return self.contexts[addr]

    def load(self, addr: int, initial_state: int) -> None:
        self.context(addr).load(initial_state)

    def accum(self, addr: int, delta: int) -> None:
        self.context(addr).accum(delta)

    def read(self, addr: int) -> int:
        return self.context(addr).read()

    def swap(self, addr: int, new_reference: int | None = None) -> int:
        return self.context(addr).swap(new_reference)

    def batch_accum(self, deltas: Mapping[int, int]) -> None:
        for context, delta in [(self.context(addr), delta) for addr, delta in deltas.items()]:
            context.accum(delta)

    def accum_many(self, addrs: Iterable[int], deltas: Iterable[int]) -> None:
        for addr, delta in zip(addrs, deltas, strict=True):
            self.context(addr).accum(delta)

    def load_many(self, addrs: Iterable[int], states: Iterable[int]) -> None:
        for addr, state in zip(addrs, states, strict=True):
            self.context(addr).load(state)

    def read_many(self, addrs: Iterable[int]) -> list[int]:
        return [self.context(addr).read() for addr in addrs]

    def snapshot(self) -> dict[int, int]:
        return {
            addr: context.read() for addr, context in enumerate(self.contexts) if context.read()
        }


class DeltaMessage(NamedTuple):
    addr: int
    delta: int
    epoch: int
    seq: int
    sender: int


class DeltaStream:
    """Keeps all messages that it has ever seen."""

    def __init__(self, width: int = 64, num_contexts: int = 256, sender: int = 0) -> None:
        self.table = AtomikTable(num_contexts, width)
        self.epochs = [0] * num_contexts
        self.sender = sender
        self.seq = 0
        self.known: set[tuple[int, int]] = set()
        self.waiting: list[DeltaMessage] = []
        self.made: list[DeltaMessage] = []

    def load(self, addr: int, initial_state: int) -> None:
        self.table.load(addr, initial_state)
        self.epochs[addr] += 1
        waiting, self.waiting = self.waiting, []
        for message in waiting:
            if (message.addr, message.epoch) == (addr, self.epochs[addr]):
                self.table.accum(addr, message.delta)
            else:
                self.waiting.append(message)

    def accum(self, addr: int, delta: int) -> DeltaMessage:
        self.table.accum(addr, delta)
        self.seq += 1
        message = DeltaMessage(addr, delta, self.epochs[addr], self.seq, self.sender)
        self.known.add((self.sender, self.seq))
        self.made.append(message)
        return message

    def apply(self, msg: DeltaMessage) -> str:
        key = msg.sender, msg.seq
        if key in self.known:
            return "duplicate"
        self.known.add(key)
        epoch = self.epochs[msg.addr]
        if msg.epoch < epoch:
            raise StaleEpochError(
                f"the message belongs to epoch {msg.epoch}, where {epoch} has begun"
            )
        if msg.epoch > epoch:
            self.waiting.append(msg)
            return "waiting"
        self.table.accum(msg.addr, msg.delta)
        return "applied"

    def read(self, addr: int) -> int:
        return self.table.read(addr)


class Fingerprint:
    def __init__(self, width: int = 64) -> None:
        if width < 1 or width % 8:
            raise ValueError(f"the width must be a multiple of 8, not {width}")
        self.context = AtomikContext(width)
        self.size = width // 8

    def fold(self, data: bytes) -> int:
        """Folds the chunks by half until one is left: few steps, with large numbers."""
        value = int.from_bytes(data, "little")
        chunks = -(-len(data) // self.size)
        while chunks > 1:
            chunks = (chunks + 1) // 2
            bits = 8 * self.size * chunks
            value = value >> bits ^ value & (1 << bits) - 1
        return value

    def load(self, data: bytes) -> int:
        self.context.load(self.fold(data))
        return self.value

    @property
    def value(self) -> int:
        return self.context.read()
