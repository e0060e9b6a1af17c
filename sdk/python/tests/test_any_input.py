# SPDX-License-Identifier: MIT OR Apache-2.0
"""Arbitrary operations and bytes. The vectors prove the algebra; these, that all ways of handing
values in and out come to the same."""

import operator
from array import array
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

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


def outcome(table: AtomikTable, operation: Any) -> Any:
    name, *arguments = operation
    try:
        return getattr(table, name)(*arguments)
    except IndexError:
        return IndexError


def by_contexts(contexts: list[AtomikContext], operation: Any) -> Any:
    """The same on contexts by themselves, with values that need no masking."""
    name, *arguments = operation
    mask = (1 << contexts[0].width) - 1
    if name == "snapshot":
        return {addr: context.read() for addr, context in enumerate(contexts) if context.read()}
    if name == "batch_accum":
        (deltas,) = arguments
        if not all(addr in range(CONTEXTS) for addr in deltas):
            return IndexError
        for addr, delta in deltas.items():
            contexts[addr].accum(delta & mask)
        return None
    addr, *values = arguments
    if addr not in range(CONTEXTS):
        return IndexError
    return getattr(contexts[addr], name)(
        *[value if value is None else value & mask for value in values]
    )


@given(widths, st.lists(operations, max_size=40))
def test_tables(width: int, steps: list[Any]) -> None:
    table, contexts = AtomikTable(CONTEXTS, width), [AtomikContext(width) for _ in range(CONTEXTS)]
    for operation in steps:
        assert outcome(table, operation) == by_contexts(contexts, operation)
    for addr, context in enumerate(contexts):
        ours = table.context(addr)
        assert ours.reference == context.reference
        assert ours.accumulator == context.accumulator
        assert ours.delta_count == context.delta_count
        assert ours.is_clean == context.is_clean


@given(widths, values, st.lists(values), values, st.lists(values))
def test_merges(
    width: int, reference: int, deltas: list[int], other_reference: int, others: list[int]
) -> None:
    one, other = AtomikContext(width, reference), AtomikContext(width, other_reference)
    for delta in deltas:
        one.accum(delta)
    for delta in others:
        other.rollback(delta)
    one.merge(other)
    mask = (1 << width) - 1
    accumulator = reduce(operator.xor, deltas + others, 0) & mask
    assert (one.reference, one.accumulator) == (reference & mask, accumulator)
    assert one.read() == (reference & mask) ^ accumulator
    assert (one.delta_count, one.is_clean) == (len(deltas + others), accumulator == 0)


@given(st.integers(1, 64), st.data())
def test_bulk_calls(width: int, data: st.DataObject) -> None:
    typecode = data.draw(st.sampled_from("bBhHiIqQ"))
    bits = 8 * array(typecode).itemsize
    low = -(2 ** (bits - 1)) if typecode.islower() else 0
    items = st.lists(st.integers(low, low + 2**bits - 1), max_size=50)
    deltas, states = data.draw(items), data.draw(items)
    some = st.lists(st.integers(0, CONTEXTS - 1), min_size=50, max_size=50)
    addrs, others = data.draw(some)[: len(deltas)], data.draw(some)[: len(states)]
    bulk, single = AtomikTable(CONTEXTS, width), AtomikTable(CONTEXTS, width)
    for addr, state in zip(others, states, strict=True):
        single.load(addr, state)
    bulk.load_many(array("B", others), array(typecode, states))
    for addr, delta in zip(addrs, deltas, strict=True):
        single.accum(addr, delta)
    bulk.accum_many(array(typecode, addrs), array(typecode, deltas))
    assert bulk.read_many(array("Q", addrs)).tolist() == [single.read(addr) for addr in addrs]
    assert bulk.snapshot() == single.snapshot()


@given(st.integers(1, 40).map(lambda size: 8 * size), st.lists(st.binary(max_size=100), max_size=6))
def test_fingerprints(width: int, texts: list[bytes]) -> None:
    fingerprint = Fingerprint(width)
    value = reference = 0
    for i, text in enumerate(texts):
        if i % 3 == 2:
            fingerprint.accumulate_delta(bytearray(texts[i - 1]), text)
            value ^= fold(width, texts[i - 1]) ^ fold(width, text)
        elif i % 3:
            value = fold(width, text)
            assert fingerprint.update(bytearray(text)) == value
        else:
            value = reference = fold(width, text)
            assert fingerprint.load(bytearray(text)) == value
        assert (fingerprint.value, fingerprint.delta) == (value, value ^ reference)
        assert fingerprint.changed == (value != reference)
    fingerprint.reset()
    assert (fingerprint.value, fingerprint.delta, fingerprint.changed) == (value, 0, False)


def fold(width: int, text: bytes) -> int:
    """The XOR of the chunks of a text."""
    chunks = [text[i : i + width // 8] for i in range(0, len(text), width // 8)]
    return reduce(operator.xor, (int.from_bytes(chunk, "little") for chunk in chunks), 0)


@given(st.binary(max_size=100), st.data())
def test_ordered_fingerprints(text: bytes, data: st.DataObject) -> None:
    fingerprint, other = OrderedFingerprint(), OrderedFingerprint()
    assert fingerprint.load(text) == other.load(bytearray(text))
    start = 8 * data.draw(st.integers(0, len(text) // 8))
    end = data.draw(st.sampled_from([*range(start, len(text), 8), len(text)]))
    part = data.draw(st.binary(min_size=end - start, max_size=end - start))
    fingerprint.accumulate_delta(start, text[start:end], bytearray(part))
    assert fingerprint.value == other.load(text[:start] + part + text[end:])


@given(
    st.integers(0, 2**32 - 1),
    values,
    st.integers(0, 2**64 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    widths,
)
def test_messages_come_back(
    addr: int, delta: int, epoch: int, seq: int, sender: int, width: int
) -> None:
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
