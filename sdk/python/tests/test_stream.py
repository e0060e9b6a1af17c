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
    with pytest.raises(ValueError, match="1 bytes follow"):
        DeltaMessage.from_bytes(data + b"\0")
    assert len(data) not in (15, 16)
    with pytest.raises(ValueError, match="version 0xa2"):
        DeltaMessage.from_bytes(b"\xa2" + data[1:])
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
