# SPDX-License-Identifier: MIT OR Apache-2.0
"""DeltaStream and DeltaMessage."""

import copy
import json
import pickle

import pytest

from atomik_core import AtomikTable, DeltaMessage, DeltaStream, StaleEpochError


def pair(**options: int) -> tuple[DeltaStream, DeltaStream]:
    return DeltaStream(sender=1, **options), DeltaStream(sender=2, **options)


def test_deltas_arrive_in_any_order() -> None:
    one, other = pair()
    one.load(addr=7, initial_state=1000)
    other.load(7, 1000)
    messages = [one.accum(addr=7, delta=delta) for delta in (1, 2, 4)]
    assert [(m.addr, m.delta, m.epoch, m.seq) for m in messages] == [
        (7, 1, 1, 1),
        (7, 2, 1, 2),
        (7, 4, 1, 3),
    ]
    for message in reversed(messages):
        assert other.apply(msg=message) == "applied"
    assert other.read(addr=7) == one.read(7) == 1007


def test_a_duplicate_does_not_cancel() -> None:
    one, other = pair()
    message = one.accum(0, 5)
    assert other.apply(message) == "applied"
    assert other.apply(message) == "duplicate"
    assert one.apply(message) == "duplicate"
    assert one.read(0) == other.read(0) == 5


def test_an_epoch_that_is_over_is_refused() -> None:
    one, other = pair()
    message = one.accum(3, 5)
    other.load(3, 1)
    with pytest.raises(StaleEpochError, match="epoch 0 of address 3, where epoch 1 has begun"):
        other.apply(message)
    assert issubclass(StaleEpochError, ValueError)
    assert other.snapshot() == {3: 1}


def test_an_epoch_to_come_is_waited_for() -> None:
    one, other = pair()
    one.load(3, 1)
    message = one.accum(3, 4)
    assert other.apply(message) == "waiting"
    assert other.apply(message) == "duplicate"
    assert (other.read(3), other.epoch(3)) == (0, 0)
    other.load(3, 1)
    assert (other.read(3), other.epoch(addr=3)) == (5, 1)


def test_many_have_each_its_effect() -> None:
    one, other = pair()
    third = DeltaStream(sender=3)
    stale = third.accum(3, 9)
    other.load(3, 1)
    one.load(4, 1)
    applied, waiting, own = one.accum(0, 5), one.accum(4, 6), other.accum(1, 7)
    messages = [
        (applied, "applied"),
        (waiting, "waiting"),
        (applied, "duplicate"),
        (own, "duplicate"),
        (stale, StaleEpochError),
        (DeltaMessage(256, 1, seq=1, sender=4), IndexError),
        (DeltaMessage(0, 1, seq=1, sender=4, width=8), ValueError),
        (DeltaMessage(0, 1, seq=5, sender=2), ValueError),
        (DeltaMessage(0, 1, sender=5), ValueError),
        (one.accum(0, 2), "applied"),
    ]
    found = other.apply_many(messages=(message for message, _ in messages))
    assert [e if isinstance(e, str) else type(e) for e in found] == [e for _, e in messages]
    assert other.snapshot() == {0: 7, 1: 7, 3: 1}
    assert str(found[8]).startswith("the message's seq is 0: without a number")
    # Each is what apply raises.
    for (message, _), effect in zip(messages, found, strict=True):
        if isinstance(effect, Exception) and not isinstance(effect, StaleEpochError):
            with pytest.raises(type(effect)) as raised:
                other.apply(message)
            assert str(raised.value) == str(effect)
    assert other.apply(stale) == other.apply(waiting) == "duplicate"
    assert other.apply_many([]) == []
    with pytest.raises(TypeError, match="^an item of messages must be a DeltaMessage, not int$"):
        other.apply_many([one.accum(0, 8), 5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="not iterable"):
        other.apply_many(applied)  # type: ignore[arg-type]
    assert other.read(0) == 7


def test_a_newcomer_joins() -> None:
    old, other = DeltaStream(100, 4, 1), DeltaStream(100, 4, 2)
    for stream in (old, other):
        stream.load(3, 1 << 99)
    old.apply(other.accum(3, 2))
    before, late = old.accum(0, 5), other.accum(1, 6)
    state = old.encode()
    after = old.accum(3, 4)
    for buffer in (state, bytearray(state), memoryview(state)):
        new = DeltaStream.join(state=buffer, width=100, num_contexts=4, sender=3)
        assert (new.width, new.num_contexts, new.sender) == (100, 4, 3)
        assert new.snapshot() == {0: 5, 3: 1 << 99 | 2}
        assert (new.epoch(0), new.epoch(3)) == (0, 1)
        assert new.apply_many([before, after, late]) == ["duplicate", "applied", "applied"]
        assert new.accum(2, 1).seq == 1
    assert new.pending() != [] and old.snapshot() == {0: 5, 3: 1 << 99 | 6}
    old.merge(new)
    assert old.snapshot() == new.snapshot() == {0: 5, 1: 6, 2: 1, 3: 1 << 99 | 6}
    assert DeltaStream.join(state, 100, 4).sender != DeltaStream.join(state, 100, 4).sender


def test_what_nobody_joins() -> None:
    stream = DeltaStream(num_contexts=4)
    stream.load(1, 5)
    stream.accum(2, 6)
    state = stream.encode()
    with pytest.raises(ValueError, match="of 64 bits doesn't fit a stream of 32"):
        DeltaStream.join(state, 32, 4)
    with pytest.raises(ValueError, match="of 4 contexts doesn't fit one of 256"):
        DeltaStream.join(state)
    for length in range(len(state)):
        with pytest.raises(ValueError, match="is cut off"):
            DeltaStream.join(state[:length], num_contexts=4)
    with pytest.raises(ValueError, match="the state is followed by 1 bytes"):
        DeltaStream.join(state + b"\0", num_contexts=4)
    with pytest.raises(ValueError, match="version 0xa1"):
        DeltaStream.join(stream.accum(0, 1).to_bytes(), num_contexts=4)
    with pytest.raises(TypeError, match="^state must be bytes or another object with a buffer"):
        DeltaStream.join("state")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^table must be a DeviceTable, not AtomikTable$"):
        DeltaStream.join_on(AtomikTable(4), state)  # type: ignore[arg-type]


def test_pending_gets_and_clears() -> None:
    stream, _ = pair()
    messages = [stream.accum(0, 1), stream.accum(1, 2)]
    assert stream.pending() == messages
    assert stream.pending() == []


def test_merging_in_any_order_converges() -> None:
    streams = [DeltaStream(sender=sender) for sender in (1, 2, 3)]
    for i, stream in enumerate(streams):
        stream.accum(i, 1 << i)
        stream.accum(9, 1 << i)
    streams[2].load(5, 50)
    for a, b in ((0, 1), (1, 2), (0, 2), (2, 0), (1, 0), (1, 2), (0, 1)):
        streams[a].merge(other=streams[b])
        streams[a].merge(streams[b])
        streams[a].merge(streams[a])
    assert [stream.snapshot() for stream in streams] == [{0: 1, 1: 2, 2: 4, 5: 50, 9: 7}] * 3


def test_only_streams_of_a_kind_are_merged() -> None:
    stream = DeltaStream()
    with pytest.raises(ValueError, match="of 32 bits doesn't fit a stream of 64"):
        stream.merge(DeltaStream(32))
    with pytest.raises(ValueError, match="of 5 contexts doesn't fit one of 256"):
        stream.merge(DeltaStream(num_contexts=5))
    with pytest.raises(TypeError, match="^other must be a DeltaStream, not int$"):
        stream.merge(5)  # type: ignore[arg-type]


def test_wrong_arguments() -> None:
    stream = DeltaStream(width=8, num_contexts=4)
    assert (stream.width, stream.num_contexts) == (8, 4)
    for call in (
        lambda: stream.load(4, 0),
        lambda: stream.accum(4, 0),
        lambda: stream.read(4),
        lambda: stream.epoch(4),
    ):
        with pytest.raises(
            IndexError, match="^address 4 is outside the table, whose addresses are 0 to 3$"
        ):
            call()
    with pytest.raises(IndexError, match="address 4 is outside the table"):
        stream.apply(DeltaMessage(4, 1, 0, 1, width=8))
    with pytest.raises(ValueError, match="of 64 bits doesn't fit a stream of 8"):
        stream.apply(DeltaMessage(0, 1, 0, 1))
    with pytest.raises(TypeError, match="^msg must be a DeltaMessage, not tuple$"):
        stream.apply((0, 1, 0, 1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^delta must be an int, not str$"):
        stream.accum(0, "1")  # type: ignore[arg-type]
    for sender in (-1, 2**64):
        with pytest.raises(
            ValueError, match=f"^sender must be from 0 to 2\\*\\*64 - 1, not {sender}$"
        ):
            DeltaStream(sender=sender)
    assert stream.snapshot() == {}


@pytest.mark.parametrize("seq", [1, 2, 2**64 - 2, 2**64 - 1])
def test_a_message_that_was_never_sent_is_refused(seq: int) -> None:
    stream, other = pair()
    with pytest.raises(ValueError, match=f"^this stream, 0x1, has made no message number {seq}$"):
        stream.apply(DeltaMessage(0, 4, 0, seq, sender=1))
    assert stream.snapshot() == {}
    assert stream.accum(0, 1).seq == 1
    # Another stream can't know, and the sender goes on also where it has merged that.
    assert other.apply(DeltaMessage(0, 4, 0, 2**64 - 1, sender=1)) == "applied"
    stream.merge(other)
    assert stream.accum(0, 2).seq == 2


def test_senders_are_random_or_given() -> None:
    assert DeltaStream().sender != DeltaStream().sender
    assert DeltaStream(sender=2**64 - 1).sender == 2**64 - 1


def test_a_stream_is_not_copied() -> None:
    for f in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="no two may have the same sender"):
            f(DeltaStream())


@pytest.mark.parametrize("width", [1, 64, 65, 1000])
def test_messages_as_bytes(width: int) -> None:
    message = DeltaMessage(2**32 - 1, -1, 2**64 - 1, 2**64 - 1, 2**64 - 1, width)
    data = message.to_bytes()
    assert data[0] == 0xA1
    assert bytes(message) == data
    for buffer in (data, bytearray(data), memoryview(data)):
        assert DeltaMessage.from_bytes(buffer) == message
    assert message.delta == 2**width - 1
    for twin in (pickle.loads(pickle.dumps(message)), copy.copy(message), copy.deepcopy(message)):
        assert twin == message


def test_damaged_bytes() -> None:
    data = DeltaMessage(300, 0xFF, 0, 1, sender=5).to_bytes()
    for length in range(len(data)):
        with pytest.raises(ValueError, match="message"):
            DeltaMessage.from_bytes(data[:length])
    with pytest.raises(ValueError, match="the message is followed by 1 bytes"):
        DeltaMessage.from_bytes(data + b"\0")
    assert len(data) not in (15, 16)
    with pytest.raises(ValueError, match="version 0xa4"):
        DeltaMessage.from_bytes(b"\xa4" + data[1:])
    with pytest.raises(
        TypeError, match="^data must be bytes or another object with a buffer, not str$"
    ):
        DeltaMessage.from_bytes("message")  # type: ignore[arg-type]


PLAIN = [
    (DeltaMessage(0, 0), "00000000 0000000000000000 00000000"),
    (DeltaMessage(0x100, 0xCAFEBABEDEADBEEF, seq=99), "00000100 cafebabedeadbeef 00000063"),
    (DeltaMessage(2**32 - 1, -1, 0, 2**32 - 1), "ffffffff ffffffffffffffff ffffffff"),
    # Its first byte is the mark of the other encoding, which doesn't end so.
    (DeltaMessage(0xA1 << 24, 5), "a1000000 0000000000000005 00000000"),
]


@pytest.mark.parametrize(("message", "text"), PLAIN)
def test_what_says_no_more_takes_16_bytes(message: DeltaMessage, text: str) -> None:
    data = bytes.fromhex(text)
    assert message.to_bytes() == bytes(message) == data
    assert DeltaMessage.from_bytes(data) == message


@pytest.mark.parametrize(
    "message",
    [
        DeltaMessage(1, 2, epoch=1, seq=1),
        DeltaMessage(1, 2, seq=1, sender=1),
        DeltaMessage(1, 2, seq=1, width=32),
        DeltaMessage(1, 2, seq=2**32),
        DeltaMessage(0xA1000000, 2, seq=1),
        DeltaMessage(0xA1FFFFFF, 2**64 - 1, seq=2**32 - 1),
        # Of 16 bytes, too.
        DeltaMessage(1, 2, seq=1, width=24),
        DeltaMessage(128, 2, seq=1, width=16),
        DeltaMessage(128, 2, epoch=128, seq=1, width=8),
        DeltaMessage(1, 0, seq=1, width=24),
    ],
)
def test_what_says_more_comes_back_too(message: DeltaMessage) -> None:
    data = message.to_bytes()
    assert data[0] == 0xA1
    assert DeltaMessage.from_bytes(data) == message


# The crate's tests have the same bytes.
SENDER = 0x0102030405060708
PACKED = [
    DeltaMessage(300, 0xFF, seq=1, sender=SENDER),
    DeltaMessage(1, 0x100, epoch=2, seq=5, sender=SENDER),
]
PACKET = bytes.fromhex("a2 0807060504030201 40 02  ac02 04 ff  01 0b 02 05 0001")


def test_packets() -> None:
    assert DeltaMessage.encode_many(messages=iter(PACKED)) == PACKET
    assert DeltaMessage.encode_many([]) == b""
    for buffer in (PACKET, bytearray(PACKET), memoryview(PACKET)):
        assert DeltaMessage.take_many(data=buffer) == (PACKED, len(PACKET))
    with pytest.raises(ValueError, match="have a seq, from 1; that of messages\\[2\\] is 0$"):
        DeltaMessage.encode_many([*PACKED, DeltaMessage(1, 2)])
    with pytest.raises(TypeError, match="^an item of messages must be a DeltaMessage, not bytes$"):
        DeltaMessage.encode_many([PACKET])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="^data must be bytes or another object with a buffer"):
        DeltaMessage.take_many(5)  # type: ignore[arg-type]


def test_a_byte_stream_in_pieces() -> None:
    """Of packets, of messages by themselves, and of wide ones, which are in no packet."""
    wide = DeltaMessage(7, 1 << 99, seq=1, sender=3, width=100)
    # 16 bytes would have no mark.
    plain = DeltaMessage(7, 5, seq=1)
    messages = [*PACKED, wide, PACKED[1], plain]
    data = DeltaMessage.encode_many(messages[:3]) + PACKED[1].to_bytes()
    data += DeltaMessage.encode_many([plain])
    for size in range(1, len(data) + 1):
        received, found = bytearray(), []
        for start in range(0, len(data), size):
            received += data[start : start + size]
            more, taken = DeltaMessage.take_many(received)
            assert bool(more) == bool(taken)
            del received[:taken]
            found += more
        assert (found, received) == (messages, b"")


def test_a_mistake_in_a_byte_stream() -> None:
    """The messages before it aren't lost."""
    data = PACKET + b"\xff"
    messages, taken = DeltaMessage.take_many(data)
    assert (messages, taken) == (PACKED, len(PACKET))
    with pytest.raises(ValueError, match="version 0xff"):
        DeltaMessage.take_many(data[taken:])
    with pytest.raises(ValueError, match="version 0x00"):
        DeltaMessage.take_many(DeltaMessage(1, 2, seq=3).to_bytes())


def loaded(addr: int, value: int) -> DeltaStream:
    stream = DeltaStream()
    stream.load(addr, value)
    return stream


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PACKET, "a packet of messages, or a part of one: DeltaMessage.take_many takes them"),
        (PACKET[:5], "a packet of messages"),
        # Of 16 bytes, as a plain message.
        (DeltaMessage.encode_many([DeltaMessage(1, 0xFFFFFF, seq=1, sender=3)]), "a packet of"),
        (DeltaStream().encode(), "the state of a stream, or a part of one: DeltaStream.join takes"),
        (DeltaStream().encode()[:1], "the state of a stream"),
        (loaded(7, 5).encode(), "the state of a stream"),
        (loaded(7, -1).encode(), "the state of a stream"),
    ],
)
def test_what_is_not_one_message(data: bytes, kind: str) -> None:
    with pytest.raises(ValueError, match=f"^data is {kind}"):
        DeltaMessage.from_bytes(data)


def test_there_are_packets_and_states_of_16_bytes() -> None:
    """Messages that would look like them take the other encoding."""
    packet = DeltaMessage.encode_many([DeltaMessage(1, 0xFFFFFF, seq=1, sender=3)])
    for data in (packet, loaded(7, -1).encode()):
        assert len(data) == 16
        addr, delta, seq = (int.from_bytes(data[a:b]) for a, b in ((0, 4), (4, 12), (12, 16)))
        message = DeltaMessage(addr, delta, seq=seq)
        encoded = message.to_bytes()
        assert encoded[0] == 0xA1
        assert DeltaMessage.from_bytes(encoded) == message
        # Others that begin with such a byte are plain.
        other = DeltaMessage(addr, 2**64 - 1, seq=seq)
        assert DeltaMessage.from_bytes(other.to_bytes()) == other
        assert len(other.to_bytes()) == 16


def test_what_has_no_number() -> None:
    message = DeltaMessage(1, 2, sender=5)
    with pytest.raises(ValueError, match="has a seq, from 1; this one's is 0"):
        message.to_bytes()
    assert pickle.loads(pickle.dumps(message)) == message
    stream = DeltaStream()
    with pytest.raises(ValueError, match="the message's seq is 0"):
        stream.apply(DeltaMessage(1, 2))
    assert stream.snapshot() == {}


def test_dicts() -> None:
    message = DeltaMessage(7, 2**64 - 1, seq=42)
    assert message.to_dict() == {"addr": 7, "delta": 2**64 - 1, "seq": 42}
    assert DeltaMessage.from_dict(d=message.to_dict()) == message
    full = DeltaMessage(1, 2, 3, 4, 5, 6)
    assert full.to_dict() == dict(addr=1, delta=2, epoch=3, seq=4, sender=5, width=6)
    assert DeltaMessage.from_dict(json.loads(json.dumps(full.to_dict()))) == full
    with pytest.raises(KeyError):
        DeltaMessage.from_dict({"addr": 1, "delta": 2})


def test_contexts_are_copies() -> None:
    stream = DeltaStream(width=100)
    stream.load(3, 1 << 99)
    stream.accum(5, 7)
    stream.accum(6, 7)
    stream.accum(6, 7)
    stream.load(7, 1)
    stream.accum(7, 1)
    found = {addr: context for addr, context in stream.contexts()}
    assert {a: (c.reference, c.accumulator) for a, c in found.items()} == {
        3: (1 << 99, 0),
        5: (0, 7),
        7: (1, 1),
    }
    found[5].accum(7)
    assert stream.snapshot() == {3: 1 << 99, 5: 7}
    with pytest.raises(TypeError, match="^table must be a DeviceTable, not AtomikTable$"):
        DeltaStream.on(AtomikTable())  # type: ignore[arg-type]


def test_messages_are_values() -> None:
    message = DeltaMessage(addr=1, delta=2, epoch=3, seq=4, sender=5, width=6)
    assert repr(message) == "DeltaMessage(addr=1, delta=0x2, epoch=3, seq=4, sender=0x5, width=6)"
    assert eval(repr(message)) == message
    assert len({message, DeltaMessage(1, 2, 3, 4, 5, 6), DeltaMessage(1, 2, 3, 4, 5, 7)}) == 2
    assert message != DeltaMessage(1, 2, 3, 4, 6, 6)
    assert message != (1, 2, 3, 4)
    match message:
        case DeltaMessage(addr, delta, epoch, seq):
            assert (addr, delta, epoch, seq) == (1, 2, 3, 4)
    with pytest.raises(AttributeError):
        message.delta = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ((-1, 0, 0, 1), IndexError, "^addr must be from 0 to 4294967295, not -1$"),
        ((2**32, 0, 0, 1), IndexError, "^addr must be"),
        (("1", 0, 0, 1), TypeError, "^addr must be an int, not str$"),
        ((0, "1", 0, 1), TypeError, "^delta must be an int, not str$"),
        ((0, 0, -1, 1), ValueError, "^epoch must be from 0 to"),
        ((0, 0, 0, -1), ValueError, "^seq must be from 0 to"),
        ((0, 0, 0, 2**64), ValueError, "^seq must be from"),
        ((0, 0, 0, 1, -5), ValueError, "^sender must be from 0 to"),
        ((0, 0, 0, 1, 0, 0), ValueError, "^width must be from 1 to"),
    ],
)
def test_wrong_fields(fields: tuple[int, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        DeltaMessage(*fields)


def test_repr() -> None:
    assert repr(DeltaStream(8, 4, 255)) == "<DeltaStream width=8 num_contexts=4 sender=0xff>"
