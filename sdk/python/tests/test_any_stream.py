# SPDX-License-Identifier: MIT OR Apache-2.0
"""Arbitrary traffic between streams. They converge in whatever order and however often messages
arrive."""

from functools import reduce
from operator import xor
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from atomik_core import AtomikTable, DeltaMessage, DeltaStream, StaleEpochError

CONTEXTS = 3
addresses = st.integers(0, CONTEXTS - 1)
widths = st.sampled_from([1, 8, 64, 65, 200])
deltas = st.integers(0, 2**200)
# Operations of one stream by itself.
local = st.lists(
    st.one_of(
        st.tuples(st.just("load"), addresses, deltas),
        st.tuples(st.just("accum"), addresses, deltas),
    ),
    max_size=12,
)


def outcome(stream: Any, name: str, *arguments: Any) -> Any:
    try:
        return getattr(stream, name)(*arguments)
    except StaleEpochError:
        return StaleEpochError


@given(widths, local, local, st.randoms(use_true_random=False))
def test_the_state_is_that_of_the_epochs_messages(
    width: int, made: list[Any], received: list[Any], random: Any
) -> None:
    """One stream sends, one receives, in any order and with duplicates, and loads in between."""
    sender, receiver = DeltaStream(width, CONTEXTS, 1), DeltaStream(width, CONTEXTS, 2)
    results = [getattr(sender, name)(addr, value) for name, addr, value in made]
    messages = [message for message in results if message is not None]
    assert sender.pending() == messages
    events: list[Any] = [
        ("apply", DeltaMessage.from_bytes(m.to_bytes())) for m in messages * 2
    ] + received
    random.shuffle(events)
    known: set[DeltaMessage] = set()
    starts = dict.fromkeys(range(CONTEXTS), 0)
    for name, *arguments in events:
        if name == "apply":
            (message,) = arguments
            epoch = receiver.epoch(message.addr)
            if message in known:
                expected: Any = "duplicate"
            elif message.epoch < epoch:
                expected = StaleEpochError
            else:
                expected = "applied" if message.epoch == epoch else "waiting"
            assert outcome(receiver, "apply", message) == expected
            known.add(message)
        else:
            result = getattr(receiver, name)(*arguments)
            if name == "load":
                starts[arguments[0]] = arguments[1]
            else:
                known.add(result)
    for addr in range(CONTEXTS):
        deltas = [m.delta for m in known if (m.addr, m.epoch) == (addr, receiver.epoch(addr))]
        assert receiver.read(addr) == reduce(xor, deltas, starts[addr] & (1 << width) - 1)


@given(
    widths,
    st.lists(st.tuples(st.integers(0, 2), addresses, deltas), max_size=20),
    st.randoms(use_true_random=False),
)
def test_streams_that_get_all_messages_converge(width: int, made: list[Any], random: Any) -> None:
    """In any order, and with duplicates."""
    streams = [DeltaStream(width, CONTEXTS) for _ in range(3)]
    for stream in streams:
        stream.load(0, 12345)
    messages = [streams[which].accum(addr, delta) for which, addr, delta in made]
    for stream in streams:
        traffic = messages * 2
        random.shuffle(traffic)
        for message in traffic:
            stream.apply(message)
    assert streams[0].snapshot() == streams[1].snapshot() == streams[2].snapshot()
    expected = AtomikTable(CONTEXTS, width)
    expected.load(0, 12345)
    for _, addr, delta in made:
        expected.accum(addr, delta)
    assert streams[0].snapshot() == expected.snapshot()


@given(
    widths,
    st.lists(st.tuples(st.integers(0, 1), local), max_size=4),
    st.randoms(use_true_random=False),
)
def test_many_are_one_by_one(width: int, made: list[Any], random: Any) -> None:
    """Applied as one, and through a byte stream that arrives in two pieces."""
    senders = [DeltaStream(width, CONTEXTS, sender) for sender in (1, 2)]
    single, many = DeltaStream(width, CONTEXTS, 3), DeltaStream(width, CONTEXTS, 4)
    messages = []
    for which, steps in made:
        results = [getattr(senders[which], name)(addr, value) for name, addr, value in steps]
        messages += [message for message in results if message is not None] * 2
    random.shuffle(messages)
    for addr in random.choices(range(CONTEXTS), k=2):
        single.load(addr, 5)
        many.load(addr, 5)
    data, found = DeltaMessage.encode_many(messages), []
    cut = random.randint(0, len(data))
    received = data[:cut]
    for more in (b"", data[cut:]):
        received += more
        some, taken = DeltaMessage.take_many(received)
        received = received[taken:]
        found += some
    assert (found, received) == (messages, b"")
    effects = [e if isinstance(e, str) else type(e) for e in many.apply_many(found)]
    assert effects == [outcome(single, "apply", message) for message in messages]
    assert many.snapshot() == single.snapshot()


def copy_of(stream: DeltaStream) -> DeltaStream:
    """Another stream that knows the same."""
    twin = DeltaStream(stream.width, stream.num_contexts)
    twin.merge(stream)
    return twin


def newcomer(stream: DeltaStream) -> DeltaStream:
    """The same, by its bytes."""
    return DeltaStream.join(stream.encode(), stream.width, stream.num_contexts)


@given(widths, st.lists(local, min_size=3, max_size=3), st.randoms(use_true_random=False))
def test_merging_is_commutative_associative_and_idempotent(
    width: int, made: list[Any], random: Any
) -> None:
    streams = [DeltaStream(width, CONTEXTS) for _ in made]
    results = [
        getattr(stream, name)(addr, value)
        for stream, steps in zip(streams, made, strict=True)
        for name, addr, value in steps
    ]
    messages = [message for message in results if message is not None]
    # Some get to know some of the others' by messages.
    for message in messages:
        if random.random() < 0.5:
            outcome(random.choice(streams), "apply", message)
    a, b, c = streams

    def merged(one: DeltaStream, other: DeltaStream) -> DeltaStream:
        result = copy_of(one)
        result.merge(other)
        return result

    # States alone could agree by chance, so all go on after that.
    def same(one: DeltaStream, other: DeltaStream) -> None:
        assert one.snapshot() == other.snapshot()
        for message in messages:
            assert outcome(one, "apply", message) == outcome(other, "apply", message)
        for addr in range(CONTEXTS):
            assert one.epoch(addr) == other.epoch(addr)
            one.load(addr, 1)
            other.load(addr, 1)
        assert one.snapshot() == other.snapshot()

    same(merged(a, b), merged(b, a))
    same(merged(merged(a, b), c), merged(a, merged(b, c)))
    same(merged(merged(a, b), b), merged(a, b))
    same(merged(a, a), copy_of(a))
    same(newcomer(merged(a, b)), merged(a, b))
