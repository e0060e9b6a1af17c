# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checks the vectors of tests/vectors, whose README describes them.

A vector that doesn't hold is an AssertionError, and so is one with anything unknown.
"""

import json
import re
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from atomik_core import (
    AtomikContext,
    AtomikTable,
    Canceled,
    DeltaMessage,
    DeltaStream,
    DeviceContext,
    DeviceTable,
    Fingerprint,
    OrderedFingerprint,
    StaleEpochError,
)

Json = dict[str, Any]

PROJECT = Path(__file__).resolve().parents[3]
DIRECTORY = PROJECT / "tests" / "vectors"
# Written for each test run, as tests/vectors/src/main.rs says.
CHANGES = PROJECT / "target" / "changed-vectors.json"

# The exception of each kind of error, and a part of its text.
ERRORS: dict[str, tuple[type[Exception], str]] = {
    "address": (IndexError, "address .* is outside the table"),
    "width": (ValueError, "width|bits"),
    "count": (ValueError, "num_contexts|a table has|contexts doesn't fit"),
    "lengths": (ValueError, "equally long"),
    "change": (ValueError, "no change of whole 8-byte chunks"),
    "stale_epoch": (StaleEpochError, "belongs to epoch"),
    "never_sent": (ValueError, "has made no message number"),
    "message": (ValueError, "the message"),
    "state": (ValueError, "the state"),
}


def files() -> list[Path]:
    """The files of vectors."""
    return sorted(DIRECTORY.glob("*.json"))


def read(path: Path) -> Json:
    """A file, whose format must be known."""
    file: Json = json.loads(path.read_text())
    fields(file, "format", "kind", "about", "cases")
    assert file["format"] == 1, f"{path}: unknown format {file['format']}"
    assert file["kind"] in KINDS, f"{path}: unknown kind {file['kind']}"
    return file


def run(kind: str, case: Json, storage: str = "process") -> None:
    """Checks a case of a kind, with tables in the process or on the device."""
    KINDS[kind](case, storage)


def can_run(kind: str, case: Json, storage: str) -> bool:
    """True if tables there can do a case."""
    if storage == "process":
        return True
    return kind in ("context", "table", "batch") and case["width"] <= 64


def fields(of: Json, *required: str, optional: tuple[str, ...] = ()) -> None:
    """Refuses unknown fields, as nothing would check them."""
    assert set(required) <= set(of) <= {*required, *optional}, f"other fields than known: {of}"


def number(text: str) -> int:
    assert re.fullmatch("0x[0-9a-f]+", text), text
    return int(text, 16)


def pairs(expected: list[tuple[int, str]]) -> dict[int, int]:
    states = {addr: number(state) for addr, state in expected}
    assert list(states) == sorted(states) and len(states) == len(expected)
    return states


def refused(error: str, f: Callable[[], object]) -> None:
    """``f`` must fail, with this kind of error."""
    kind, text = ERRORS[error]
    try:
        result = f()
    except Exception as raised:
        assert type(raised) is kind, f"{raised!r} instead of {error}"
        assert re.search(text, str(raised)), f"{raised} doesn't tell of {error}"
    else:
        raise AssertionError(f"{result!r} instead of the error {error}")


def step(of: Json, f: Callable[[], object], state: Callable[[], object]) -> None:
    """Runs a step, which returns something, fails, or just succeeds."""
    if "error" in of:
        before = state()
        refused(of["error"], f)
        assert state() == before, "the error changed something"
        return
    result = f()
    if "expect" in of:
        assert result == number(of["expect"])
    else:
        assert result is None


def reference(of: Json) -> int | None:
    """The argument of a swap."""
    value = of["new_reference"]
    return None if value is None else number(value)


def context_case(case: Json, storage: str) -> None:
    fields(case, "name", "width", "steps")
    kind = AtomikContext if storage == "process" else DeviceContext
    context: AtomikContext | DeviceContext = kind(width=case["width"])
    other: AtomikContext | DeviceContext

    def words() -> tuple[int, int, int]:
        return context.reference, context.accumulator, context.delta_count

    call: Callable[[], object]
    for of in case["steps"]:
        match of["op"]:
            case "load":
                fields(of, "op", "value")
                step(of, partial(context.load, number(of["value"])), words)
            case "accum" | "rollback":
                fields(of, "op", "delta")
                f = context.accum if of["op"] == "accum" else context.rollback
                step(of, partial(f, number(of["delta"])), words)
            case "read":
                fields(of, "op", "expect")
                step(of, context.read, words)
            case "swap":
                fields(of, "op", "new_reference", "expect")
                step(of, partial(context.swap, reference(of)), words)
            case "merge":
                fields(of, "op", "reference", "deltas")
                other = kind(case["width"], number(of["reference"]))
                for delta in of["deltas"]:
                    other.accum(number(delta))
                step(of, partial(context.merge, other), words)
            case "words":
                fields(of, "op", "reference", "accumulator", "is_clean", "delta_count")
                expected = number(of["reference"]), number(of["accumulator"]), of["delta_count"]
                assert words() == expected
                assert context.is_clean is of["is_clean"]
            case unknown:
                raise AssertionError(f"unknown operation {unknown}")


def table_case(case: Json, storage: str) -> None:
    fields(case, "name", "width", "contexts", "steps")
    kind = AtomikTable if storage == "process" else DeviceTable
    table: AtomikTable | DeviceTable = kind(case["contexts"], width=case["width"])
    call: Callable[[], object]
    for of in case["steps"]:
        match of["op"]:
            case "load":
                fields(of, "op", "addr", "value", optional=("error",))
                call = partial(table.load, of["addr"], number(of["value"]))
            case "accum":
                fields(of, "op", "addr", "delta", optional=("error",))
                call = partial(table.accum, of["addr"], number(of["delta"]))
            case "read":
                fields(of, "op", "addr", optional=("error", "expect"))
                call = partial(table.read, of["addr"])
            case "swap":
                fields(of, "op", "addr", "new_reference", optional=("error", "expect"))
                call = partial(table.swap, of["addr"], reference(of))
            case "set":
                fields(of, "op", "addr", "value", optional=("error",))
                call = partial(table.set, of["addr"], number(of["value"]))
            case "compare_exchange":
                fields(of, "op", "addr", "current", "new", optional=("error", "expect"))
                call = partial(
                    table.compare_exchange, of["addr"], number(of["current"]), number(of["new"])
                )
                if "error" not in of:
                    fields(of["expect"], "exchanged", "state")
                    assert table.read(of["addr"]) == number(of["expect"]["state"])
                    assert call() is of["expect"]["exchanged"]
                    continue
            case "words":
                fields(of, "op", "addr", "reference", "accumulator")
                context = table.context(of["addr"])
                assert context.reference == number(of["reference"])
                assert context.accumulator == number(of["accumulator"])
                continue
            case "accum_many":
                fields(of, "op", "addrs", "deltas", optional=("error",))
                call = partial(accum_many, table, of)
            case "batch" if "canceled" in of:
                fields(of, "op", "entries", "canceled")
                before = table.snapshot()
                canceled(table, of)
                assert table.snapshot() == before, "the condition changed something"
                continue
            case "batch":
                fields(of, "op", "entries", optional=("error",))
                call = partial(batch, table, of)
            case "snapshot":
                fields(of, "op", "expect")
                assert table.snapshot() == pairs(of["expect"])
                continue
            case unknown:
                raise AssertionError(f"unknown operation {unknown}")
        step(of, call, table.snapshot)


def accum_many(table: AtomikTable | DeviceTable, of: Json) -> None:
    """Accumulates arrays; and a mapping, where one can say the same, twice, for no change."""
    limbs = (table.width + 63) // 64
    mask = 2**64 - 1
    deltas = [number(delta) & (1 << table.width) - 1 for delta in of["deltas"]]
    words = [delta >> 64 * limb & mask for delta in deltas for limb in range(limbs)]
    table.accum_many(array("Q", of["addrs"]), array("Q", words))
    if len(set(of["addrs"])) == len(of["addrs"]):
        table.batch_accum(dict(zip(of["addrs"], deltas, strict=True)))
        table.batch_accum(dict(zip(of["addrs"], deltas, strict=True)))


def batch(table: AtomikTable | DeviceTable, of: Json) -> None:
    """Runs a batch, and compares what its entries return."""
    operations, expected = entries(of)
    assert table.batch(operations) == [number(state) for state in expected]


def canceled(table: AtomikTable | DeviceTable, of: Json) -> None:
    """Runs a batch that a condition must cancel."""
    operations, _ = entries(of)
    fields(of["canceled"], "entry", "found")
    entry = of["canceled"]["entry"]
    try:
        result = table.batch(operations)
    except Canceled as raised:
        assert raised.entry == entry
        assert raised.found == number(of["canceled"]["found"])
        _, addr, state = operations[entry]
        assert (raised.addr, raised.expected) == (addr, state & (1 << table.width) - 1)
    else:
        raise AssertionError(f"{result!r} instead of a condition that doesn't hold")


def entries(of: Json) -> tuple[list[Any], list[Any]]:
    """The operations of a batch, and what they must return."""
    operations: list[Any] = []
    expected = []
    for entry in of["entries"]:
        match entry["op"]:
            case "load" | "expect" | "set":
                fields(entry, "op", "addr", "value")
                operations.append((entry["op"], entry["addr"], number(entry["value"])))
            case "accum":
                fields(entry, "op", "addr", "delta")
                operations.append(("accum", entry["addr"], number(entry["delta"])))
            case "read" | "swap":
                fails = "error" in of or "canceled" in of
                fields(entry, "op", "addr", optional=() if fails else ("expect",))
                operations.append((entry["op"], entry["addr"]))
                expected.append(entry.get("expect"))
            case unknown:
                raise AssertionError(f"unknown entry {unknown}")
    return operations, expected


def stream_case(case: Json, _storage: str) -> None:
    fields(case, "name", "width", "contexts", "streams", "steps")
    streams = [
        DeltaStream(case["width"], case["contexts"], sender=number(sender))
        for sender in case["streams"]
    ]
    messages: list[DeltaMessage] = []
    call: Callable[[], object]
    for of in case["steps"]:
        stream = streams[of["stream"]]
        match of["op"]:
            case "load":
                fields(of, "op", "stream", "addr", "value", optional=("error",))
                call = partial(stream.load, of["addr"], number(of["value"]))
            case "accum":
                fields(of, "op", "stream", "addr", "delta", optional=("error", "expect"))
                call = partial(stream.accum, of["addr"], number(of["delta"]))
                if "error" not in of:
                    messages.append(stream.accum(of["addr"], number(of["delta"])))
                    if "expect" in of:
                        check_message(messages[-1], of["expect"])
                    continue
            case "apply":
                fields(of, "op", "stream", "message", optional=("error", "expect"))
                call = partial(stream.apply, messages[of["message"]])
                if "error" not in of:
                    assert call() == of["expect"]
                    continue
            case "read":
                fields(of, "op", "stream", "addr", optional=("error", "expect"))
                call = partial(stream.read, of["addr"])
            case "merge":
                fields(of, "op", "stream", "from", optional=("error",))
                call = partial(stream.merge, streams[of["from"]])
            case "pending":
                fields(of, "op", "stream", "expect")
                assert stream.pending() == [messages[number] for number in of["expect"]]
                continue
            case "contexts":
                fields(of, "op", "stream", "expect")
                assert stream.snapshot() == pairs(of["expect"])
                continue
            case "encode":
                fields(of, "op", "stream", "expect")
                assert stream.encode().hex() == of["expect"]
                continue
            case "join":
                fields(of, "op", "stream", "state", optional=("error",))
                state = bytes.fromhex(of["state"])
                join = partial(DeltaStream.join, state, case["width"], case["contexts"])
                call = partial(join, sender=stream.sender)
                if "error" not in of:
                    streams[of["stream"]] = call()
                    continue
            case unknown:
                raise AssertionError(f"unknown operation {unknown}")
        step(of, call, stream.snapshot)


def check_message(message: DeltaMessage, expected: Json) -> None:
    fields(expected, "epoch", "seq", "bytes")
    assert (message.epoch, message.seq) == (expected["epoch"], expected["seq"])
    assert message.to_bytes().hex() == expected["bytes"]
    assert DeltaMessage.from_bytes(bytes.fromhex(expected["bytes"])) == message


def message_case(case: Json, _storage: str) -> None:
    data = bytes.fromhex(case["bytes"])
    if "error" in case:
        fields(case, "name", "bytes", "error")
        if len(data) == 16 and data[0] != 0xA1:
            # Here that is a message of the other encoding.
            assert case["error"] == "message"
            assert DeltaMessage.from_bytes(data).to_bytes() == data
            return
        refused(case["error"], lambda: DeltaMessage.from_bytes(data))
        return
    fields(case, "name", "bytes", "sender", "addr", "epoch", "seq", "delta", "width")
    message = DeltaMessage(
        case["addr"],
        number(case["delta"]),
        case["epoch"],
        case["seq"],
        number(case["sender"]),
        case["width"],
    )
    assert message.to_bytes() == data
    assert DeltaMessage.from_bytes(data) == message
    assert message.delta == number(case["delta"])


def packet_case(case: Json, _storage: str) -> None:
    data = bytes.fromhex(case["bytes"])
    if "error" in case:
        fields(case, "name", "bytes", "error")
        refused(case["error"], lambda: DeltaMessage.take_many(data))
        return
    fields(case, "name", "bytes", "messages", "left")
    messages = []
    for of in case["messages"]:
        fields(of, "sender", "addr", "epoch", "seq", "width", "delta")
        delta, sender = number(of["delta"]), number(of["sender"])
        messages.append(
            DeltaMessage(of["addr"], delta, of["epoch"], of["seq"], sender, of["width"])
        )
    taken = len(data) - case["left"]
    assert DeltaMessage.take_many(data) == (messages, taken)
    assert DeltaMessage.take_many(bytearray(data)) == (messages, taken)
    assert DeltaMessage.encode_many(messages) == data[:taken]


def fingerprint_case(case: Json, _storage: str) -> None:
    fields(case, "name", "width", "steps")
    run_fingerprint(case, Fingerprint(case["width"]))


def ordered_fingerprint_case(case: Json, _storage: str) -> None:
    fields(case, "name", "width", "steps")
    assert case["width"] == 64
    run_fingerprint(case, OrderedFingerprint())


def run_fingerprint(case: Json, fingerprint: Fingerprint | OrderedFingerprint) -> None:
    def words() -> tuple[int, int, bool]:
        return fingerprint.value, fingerprint.delta, fingerprint.changed

    call: Callable[[], object]
    for of in case["steps"]:
        match of["op"]:
            case "load" | "update":
                fields(of, "op", "data", "expect")
                data = bytes.fromhex(of["data"])
                f = fingerprint.load if of["op"] == "load" else fingerprint.update
                # Immutable memory is read in place, other memory is not.
                assert f(data) == f(bytearray(data)) == number(of["expect"])
            case "accumulate_delta":
                old, new = bytes.fromhex(of["old"]), bytes.fromhex(of["new"])
                if isinstance(fingerprint, OrderedFingerprint):
                    fields(of, "op", "offset", "old", "new", optional=("error",))
                    call = partial(fingerprint.accumulate_delta, of["offset"], old, new)
                else:
                    fields(of, "op", "old", "new")
                    call = partial(fingerprint.accumulate_delta, old, new)
                step(of, call, words)
            case "reset":
                fields(of, "op")
                fingerprint.reset()
            case "words":
                fields(of, "op", "value", "delta", "changed")
                assert words() == (number(of["value"]), number(of["delta"]), of["changed"])
            case unknown:
                raise AssertionError(f"unknown operation {unknown}")


def errors_case(case: Json, _storage: str) -> None:
    fields(case, "name", "make", "width", "error", optional=("contexts",))
    width, contexts = case["width"], case.get("contexts", 0)
    make: dict[str, Callable[[], object]] = {
        "context": lambda: AtomikContext(width),
        "table": lambda: AtomikTable(contexts, width),
        "stream": lambda: DeltaStream(width, contexts),
        "fingerprint": lambda: Fingerprint(width),
    }
    assert ("contexts" in case) == (case["make"] in ("table", "stream"))
    if case["error"] is None:
        make[case["make"]]()
    else:
        refused(case["error"], make[case["make"]])


KINDS: dict[str, Callable[[Json, str], None]] = {
    "context": context_case,
    "table": table_case,
    "batch": table_case,
    "stream": stream_case,
    "state": stream_case,
    "message": message_case,
    "packet": packet_case,
    "fingerprint": fingerprint_case,
    "ordered_fingerprint": ordered_fingerprint_case,
    "errors": errors_case,
}


def changed(kind: str) -> Iterator[tuple[str, Json]]:
    """All cases of a kind with one changed expectation, which can't hold: the change's name, and
    the case."""
    path = next(path for path in files() if read(path)["kind"] == kind)
    cases = read(path)["cases"]
    for change in json.loads(CHANGES.read_text())[path.stem]:
        case, step = cases[change["case"]], change["step"]
        if step is None:
            wrong = change["with"]
        else:
            # Later steps don't matter.
            wrong = {**case, "steps": [*case["steps"][:step], change["with"]]}
        yield f"{case['name']}, step {step}: {change['field']} of {change['with']}", wrong
