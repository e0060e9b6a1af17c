# SPDX-License-Identifier: MIT OR Apache-2.0
"""What all objects have in common. Programs use the classes that are made from it."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Literal, Protocol, Union

Operation = Union[
    tuple[Literal["load", "accum", "expect", "set"], int, int],
    tuple[Literal["read", "swap"], int],
]


class Table(Protocol):
    """A table of contexts of 64 bits, such as `atomik_core.DeviceTable`."""

    def batch(self, operations: Iterable[Operation], /) -> list[int]: ...


class MessageError(ValueError):
    """A message was refused, and nothing has changed.

    `reason` is "damaged", "other" (it is of another object or field) or "version" (it is of a
    version of the schema that is not compatible).
    """

    def __init__(self, reason: Literal["damaged", "other", "version"], text: str) -> None:
        super().__init__(text)
        self.reason = reason


class _Canceled(Exception):
    """A state is not as it was expected."""


class _Local:
    """Contexts in the process. Batches are isolated from those of other threads."""

    def __init__(self, contexts: int) -> None:
        self._reference = [0] * contexts
        self._accumulator = [0] * contexts
        self._lock = threading.Lock()

    def run(self, operations: Sequence[Operation]) -> list[int]:
        reference, accumulator = self._reference, self._accumulator
        results: list[int] = []
        with self._lock:
            for operation in operations:
                if operation[0] == "expect":
                    _, at, state = operation
                    if reference[at] ^ accumulator[at] != state:
                        raise _Canceled
            for operation in operations:
                if operation[0] == "load":
                    _, at, value = operation
                    reference[at], accumulator[at] = value, 0
                elif operation[0] == "accum":
                    _, at, value = operation
                    accumulator[at] ^= value
                elif operation[0] == "set":
                    _, at, value = operation
                    accumulator[at] = reference[at] ^ value
                elif operation[0] == "read":
                    at = operation[1]
                    results.append(reference[at] ^ accumulator[at])
                elif operation[0] == "swap":
                    at = operation[1]
                    reference[at], accumulator[at] = reference[at] ^ accumulator[at], 0
                    results.append(reference[at])
        return results


class _OnTable:
    """Contexts of a table, from one of them on."""

    def __init__(self, table: Table, first: int) -> None:
        self._table = table
        self._first = first
        self._canceled: Any = import_module("atomik_core").Canceled

    def run(self, operations: Sequence[Operation]) -> list[int]:
        moved: list[Any] = [(op[0], op[1] + self._first, *op[2:]) for op in operations]
        try:
            return self._table.batch(moved)
        except self._canceled as error:
            raise _Canceled from error


@dataclass(frozen=True)
class Field:
    """A field, as the schema has it."""

    name: str
    number: int
    first: int
    width: int
    encoding: Literal["raw", "rle", "spatiotemporal_4x4x4"]
    compression: Literal["none", "xor", "rle"]
    default: int
    header: bytes

    @property
    def mask(self) -> int:
        return (1 << self.width) - 1

    @property
    def contexts(self) -> range:
        return range(self.first, self.first + (self.width + 63) // 64)

    def lay(self, value: int) -> int:
        """The bits of a value as they lie in the contexts."""
        if self.encoding == "rle":
            value ^= value << 1
        return value & self.mask

    def lift(self, laid: int) -> int:
        """The value of bits that lie in the contexts."""
        if self.encoding == "rle":
            shift = 1
            while shift < self.width:
                laid ^= laid << shift
                shift *= 2
        return laid & self.mask

    def split(self, laid: int) -> list[tuple[int, int]]:
        """Contexts and their bits."""
        words = ((laid >> 64 * n) & 0xFFFF_FFFF_FFFF_FFFF for n in range(len(self.contexts)))
        return list(zip(self.contexts, words))

    def bit(self, number: int) -> int:
        if not 0 <= number < self.width:
            raise IndexError(f"bit {number} is outside {self.name}, which has {self.width} bits")
        return 1 << number

    def cell(self, x: int, y: int, t: int) -> int:
        """The lowest bit of a cell."""
        if not (0 <= x < 4 and 0 <= y < 4 and 0 <= t < 4):
            raise IndexError(f"cell ({x}, {y}, {t}) is outside 4 x 4 x 4 cells")
        return (x + 4 * y + 16 * t) * (self.width // 64)

    @property
    def cell_mask(self) -> int:
        return (1 << self.width // 64) - 1


def _join(words: Sequence[int]) -> int:
    return sum(word << 64 * n for n, word in enumerate(words))


class Object:
    """Fields in contexts, in the process or in a table."""

    FIELDS: ClassVar[tuple[Field, ...]]
    CONTEXTS: ClassVar[int]
    HISTORY_DEPTH: ClassVar[int]
    _VERSION: ClassVar[tuple[int, int]]
    _NAME: ClassVar[str]

    def __init__(self, table: Table | None = None, index: int = 0) -> None:
        self._history: deque[tuple[Field, int]] = deque(maxlen=self.HISTORY_DEPTH)
        self._lock = threading.RLock()
        self._contexts: _Local | _OnTable
        if table is None:
            self._contexts = _Local(self.CONTEXTS)
            self.reset()
        else:
            if index < 0:
                raise IndexError(f"object {index} is in no table")
            self._contexts = _OnTable(table, index * self.CONTEXTS)

    def reset(self) -> None:
        """Give all fields their default values, at once, and forget the history."""
        with self._lock:
            self._contexts.run(
                [("load", at, w) for f in self.FIELDS for at, w in f.split(f.lay(f.default))]
            )
            self._history.clear()

    def contexts(self) -> list[int]:
        """The states of the contexts, all of one moment, as they lie in a table."""
        return self._contexts.run([("read", at) for at in range(self.CONTEXTS)])

    def _forget(self, field: Field) -> None:
        kept = [entry for entry in self._history if entry[0] is not field]
        self._history.clear()
        self._history.extend(kept)

    def _load(self, field: Field, value: int) -> None:
        with self._lock:
            self._contexts.run([("load", at, w) for at, w in field.split(field.lay(value))])
            self._forget(field)

    def _accum_laid(self, field: Field, laid: int) -> None:
        with self._lock:
            self._contexts.run([("accum", at, w) for at, w in field.split(laid)])
            self._history.append((field, laid))

    def _accum(self, field: Field, delta: int) -> None:
        self._accum_laid(field, field.lay(delta))

    def _read(self, field: Field) -> int:
        return field.lift(_join(self._contexts.run([("read", at) for at in field.contexts])))

    def _swap(self, field: Field) -> int:
        with self._lock:
            words = self._contexts.run([("swap", at) for at in field.contexts])
            self._forget(field)
        return field.lift(_join(words))

    def _change(self, field: Field, change: Callable[[int], int]) -> int:
        """Accumulate what `change` makes of the state, though others change it, too."""
        with self._lock:
            while True:
                words = self._contexts.run([("read", at) for at in field.contexts])
                delta = change(field.lift(_join(words))) & field.mask
                laid = field.lay(delta)
                expected: list[Operation] = [
                    ("expect", at, w) for at, w in zip(field.contexts, words)
                ]
                try:
                    self._contexts.run(expected + [("accum", at, w) for at, w in field.split(laid)])
                except _Canceled:
                    continue
                self._history.append((field, laid))
                return delta

    def _set(self, field: Field, value: int) -> int:
        laid = field.lay(value)
        with self._lock:
            reads: list[Operation] = [("read", at) for at in field.contexts]
            words = self._contexts.run(reads + [("set", at, w) for at, w in field.split(laid)])
            laid ^= _join(words)
            self._history.append((field, laid))
        return field.lift(laid)

    def _cell(self, field: Field, x: int, y: int, t: int, delta: int) -> int:
        return (delta & field.cell_mask) << field.cell(x, y, t)

    def _read_cell(self, field: Field, x: int, y: int, t: int) -> int:
        shift = field.cell(x, y, t)
        return (self._read(field) >> shift) & field.cell_mask

    def _update(
        self,
        values: Mapping[Field, int | None],
        expected: Mapping[Field, int | None] | None = None,
    ) -> bool:
        new = [(f, f.lay(v)) for f, v in values.items() if v is not None]
        expects: list[Operation] = []
        for f, v in (expected or {}).items():
            if v is not None:
                if v & f.mask != v:
                    return False
                expects += [("expect", at, w) for at, w in f.split(f.lay(v))]
        reads: list[Operation] = [("read", at) for f, _ in new for at in f.contexts]
        sets: list[Operation] = [("set", at, w) for f, laid in new for at, w in f.split(laid)]
        if not expects + reads:
            return True
        with self._lock:
            try:
                words = self._contexts.run(expects + reads + sets)
            except _Canceled:
                return False
            for f, laid in new:
                count = len(f.contexts)
                self._history.append((f, laid ^ _join(words[:count])))
                words = words[count:]
        return True

    def _rollback(self, steps: int) -> int:
        if steps < 0:
            raise ValueError(f"{steps} accums can't be undone")
        with self._lock:
            count = min(steps, len(self._history))
            deltas: dict[Field, int] = {}
            for field, laid in list(self._history)[len(self._history) - count :]:
                deltas[field] = deltas.get(field, 0) ^ laid
            undo: list[Operation] = [
                ("accum", at, w) for f, laid in deltas.items() for at, w in f.split(laid)
            ]
            if undo:
                self._contexts.run(undo)
            for _ in range(count):
                self._history.pop()
            return count

    def _message(self, field: Field, delta: int) -> bytes:
        return _seal(field, field.header, field.lay(delta))

    def _apply(self, field: Field, message: bytes) -> None:
        self._accum_laid(field, self._decode(field, memoryview(message).tobytes()))

    def _decode(self, field: Field, message: bytes) -> int:
        damaged = MessageError("damaged", "the message is damaged, or is no message")
        content, checksum = message[:-4], message[-4:]
        if not 9 <= len(message) <= 96 or zlib.crc32(content) != int.from_bytes(checksum, "little"):
            raise damaged
        if content[:1] != field.header[:1]:
            raise damaged
        if content[1:5] != field.header[1:5]:
            raise MessageError("other", f"the message is not of {self._NAME}.{field.name}")
        at = 5
        version = []
        for _ in range(2):
            number = shift = 0
            while True:
                if at >= len(content) or shift > 63:
                    raise damaged
                byte = content[at]
                at += 1
                number |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            # A last byte that says nothing has no place in a number.
            if byte == 0 and shift > 7:
                raise damaged
            if number >> 64:
                raise damaged
            version.append(number)
        major, minor = self._VERSION
        if version[0] != major or (major == 0 and version[1] != minor):
            theirs, ours = f"{version[0]}.{version[1]}", f"{major}.{minor}"
            raise MessageError("version", f"the message is of version {theirs}, not of {ours}")
        # The longest one of a sender has 64 bytes.
        body = content[at : at + 65]
        if field.compression == "none":
            delta = body
        elif field.compression == "xor":
            delta = bytes(body[0]) + body[1:] if body else b""
        else:
            delta = b"".join(body[n + 1 : n + 2] * body[n] for n in range(0, len(body), 2))
        laid = int.from_bytes(delta, "little")
        # A delta has one message: what isn't that is damaged.
        if laid > field.mask or _seal(field, content[:at], laid) != message:
            raise damaged
        return laid


def _seal(field: Field, header: bytes, laid: int) -> bytes:
    delta = laid.to_bytes(field.width // 8, "little")
    if field.compression == "none":
        body = delta
    elif field.compression == "xor":
        end = delta.rstrip(b"\0")
        inner = end.lstrip(b"\0")
        body = bytes([len(end) - len(inner)]) + inner
    else:
        runs = bytearray()
        for byte in delta:
            if runs and runs[-1] == byte:
                runs[-2] += 1
            else:
                runs += bytes([1, byte])
        body = bytes(runs)
    content = header + body
    return content + zlib.crc32(content).to_bytes(4, "little")
