# SPDX-License-Identifier: MIT OR Apache-2.0
"""Arbitrary operations and bytes: the package does what plain Python does."""

from array import array
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import pure
from atomik_core import AtomikContext, AtomikTable, DeltaMessage, Fingerprint, OrderedFingerprint

CONTEXTS = 5
widths = st.one_of(st.sampled_from([1, 7, 8, 63, 64, 65, 128]), st.integers(1, 300))
# Also values that are negative or too wide.
values = st.one_of(st.integers(-(2**70), 2**70), st.integers(0, 3), st.integers(0, 2**320))
# Also addresses that are not there.
addresses = st.one_of(st.integers(0, CONTEXTS - 1), st.sampled_from([-1, CONTEXTS, 2**32, 2**70]))
operations = st.one_of(
    st.tuples(st.just("load"), addresses, values),
    st.tuples(st.just("accum"), addresses, values),
    st.tuples(st.just("read"), addresses),
    st.tuples(st.just("swap"), addresses, st.one_of(st.none(), values)),
    st.tuples(st.just("batch_accum"), st.dictionaries(addresses, values, max_size=4)),
    st.tuples(st.just("snapshot")),
)


def outcome(table: Any, operation: Any) -> Any:
    name, *arguments = operation
    try:
        return getattr(table, name)(*arguments)
    except IndexError:
        return IndexError


@given(widths, st.lists(operations, max_size=40))
def test_tables(width: int, steps: list[Any]) -> None:
    table, model = AtomikTable(CONTEXTS, width), pure.AtomikTable(CONTEXTS, width)
    for operation in steps:
        assert outcome(table, operation) == outcome(model, operation)
    for addr in range(CONTEXTS):
        ours, theirs = table.context(addr), model.context(addr)
        assert ours.reference == theirs.reference
        assert ours.accumulator == theirs.accumulator
        assert ours.delta_count == theirs.delta_count
        assert ours.is_clean == theirs.is_clean


@given(widths, values, st.lists(values), values, st.lists(values))
def test_merges(width: int, reference: int, deltas: list[int], other_reference: int, others: list[int]) -> None:
    results = []
    for kind in (AtomikContext, pure.AtomikContext):
        one, other = kind(width, reference), kind(width, other_reference)
        for delta in deltas:
            one.accum(delta)
        for delta in others:
            other.rollback(delta)
        one.merge(other)  # type: ignore[arg-type]
        results.append((one.reference, one.accumulator, one.read(), one.delta_count, one.is_clean))
    assert results[0] == results[1]


@given(st.integers(1, 64), st.data())
def test_bulk_calls(width: int, data: st.DataObject) -> None:
    typecode = data.draw(st.sampled_from("bBhHiIqQ"))
    bits = 8 * array(typecode).itemsize
    low = -(2 ** (bits - 1)) if typecode.islower() else 0
    items = st.lists(st.integers(low, low + 2**bits - 1), max_size=50)
    deltas, states = data.draw(items), data.draw(items)
    some = st.lists(st.integers(0, CONTEXTS - 1), min_size=50, max_size=50)
    addrs, others = data.draw(some)[: len(deltas)], data.draw(some)[: len(states)]
    table, model = AtomikTable(CONTEXTS, width), pure.AtomikTable(CONTEXTS, width)
    model.load_many(others, states)
    table.load_many(array("B", others), array(typecode, states))
    model.accum_many(addrs, deltas)
    table.accum_many(array(typecode, addrs), array(typecode, deltas))
    assert table.read_many(array("Q", addrs)).tolist() == model.read_many(addrs)
    assert table.snapshot() == model.snapshot()


@given(st.integers(1, 40).map(lambda size: 8 * size), st.lists(st.binary(max_size=100), max_size=6))
def test_fingerprints(width: int, texts: list[bytes]) -> None:
    ours, theirs = Fingerprint(width), pure.Fingerprint(width)
    for i, text in enumerate(texts):
        if i % 3 == 2:
            ours.accumulate_delta(bytearray(texts[i - 1]), text)
            theirs.accumulate_delta(texts[i - 1], text)
        else:
            name = "update" if i % 3 else "load"
            assert getattr(ours, name)(bytearray(text)) == getattr(theirs, name)(text)
        assert (ours.value, ours.delta, ours.changed) == (theirs.value, theirs.delta, theirs.changed)
    ours.reset()
    theirs.reset()
    assert (ours.value, ours.delta, ours.changed) == (theirs.value, theirs.delta, theirs.changed)


@given(st.binary(max_size=100), st.data())
def test_ordered_fingerprints(text: bytes, data: st.DataObject) -> None:
    fingerprint = OrderedFingerprint()
    assert fingerprint.load(text) == pure.ordered(text)
    start = 8 * data.draw(st.integers(0, len(text) // 8))
    end = data.draw(st.sampled_from([*range(start, len(text), 8), len(text)]))
    part = data.draw(st.binary(min_size=end - start, max_size=end - start))
    fingerprint.accumulate_delta(start, text[start:end], bytearray(part))
    assert fingerprint.value == pure.ordered(text[:start] + part + text[end:])


@given(
    st.integers(0, 2**32 - 1),
    values,
    st.integers(0, 2**64 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    widths,
)
def test_messages_come_back(addr: int, delta: int, epoch: int, seq: int, sender: int, width: int) -> None:
    message = DeltaMessage(addr, delta, epoch, seq, sender, width)
    again = DeltaMessage.from_bytes(message.to_bytes())
    assert again == message
    assert hash(again) == hash(message)
    assert (again.addr, again.delta, again.epoch, again.seq, again.sender, again.width) == (
        addr,
        delta & (1 << width) - 1,
        epoch,
        seq,
        sender,
        width,
    )


@given(st.binary(max_size=40))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    for tried in (data, b"\xa1" + data):
        try:
            message = DeltaMessage.from_bytes(tried)
        except ValueError:
            continue
        # A message has one encoding.
        assert message.to_bytes() == tried
