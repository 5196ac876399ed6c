"""Proves the cutting of streams: any split of the bytes, keep-alives, limits before buffering, every bad Content-Length,
and that nothing behind a lost length is read as a message.

Does not prove sockets, deadlines or the closing of connections.
"""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.framing import FramingError, Ping, StreamFramer
from softswitch.sip.message import parse_message

HEAD = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n"
LONG = HEAD + b"l : 3\r\n\r\n" + b"abc"
EMPTY = HEAD + b"Content-Length:0\r\nContent-Length: 0\r\n\r\n"
FOLDED = HEAD + b"Content-Length:\r\n 4\r\n\r\n\r\n\r\n"
SMUGGLED = b"INVITE sip:hidden@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK2\r\nContent-Length: 0\r\n\r\n"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([LONG, EMPTY, FOLDED, b"\r\n\r\n", b"\r\n"]), max_size=6),
    st.lists(st.integers(0, 600), max_size=12),
)
def test_any_split_gives_the_same_messages(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    whole = StreamFramer(65535).feed(stream)
    framer, found = StreamFramer(65535), []
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, end in pairwise(places):
        found += framer.feed(stream[start:end])
    assert found == whole
    assert [item for item in found if isinstance(item, bytes)] == [part for part in parts if len(part) > 4]


def test_byte_by_byte() -> None:
    framer, found = StreamFramer(65535), []
    for byte in b"\r\n\r\n" + LONG + b"\r\n" + EMPTY + b"\r\n\r\n" + FOLDED:
        found += framer.feed(bytes([byte]))
    assert found == [Ping(), LONG, EMPTY, Ping(), FOLDED]
    assert framer.buffered == 0


def test_pong_is_no_message_in_progress() -> None:
    framer = StreamFramer(65535)
    assert framer.feed(b"\r\n") == [] and framer.buffered == 0
    assert framer.feed(LONG) == [LONG]


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"-1", 400),
        (b"+5", 400),
        (b"1_0", 400),
        ("٣".encode(), 400),
        (b"5 5", 400),
        (b"0x5", 400),
        (b"", 400),
        (b"4294967328", 400),
        (b"18446744073709551616", 400),
        (b"1" + b"0" * 5000, 400),
        (b"65535", 413),
        (b"2147483647", 413),
    ],
)
def test_bad_content_length_ends_the_stream(value: bytes, status: int) -> None:
    framer = StreamFramer(65535)
    with pytest.raises(FramingError) as caught:
        framer.feed(LONG + HEAD + b"Content-Length: " + value + b"\r\n\r\n" + SMUGGLED)
    assert caught.value.sip_status == status
    assert caught.value.before == [LONG]
    assert caught.value.partial is not None and caught.value.partial.method == "OPTIONS"
    assert framer.buffered == 0
    with pytest.raises(FramingError):
        framer.feed(SMUGGLED)


@pytest.mark.parametrize(
    "lengths",
    [
        b"",
        b"Content-Length: 5\r\nl: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: x\r\n",
        b"Content-Length 5\r\n",
    ],
)
def test_missing_doubled_or_unreadable(lengths: bytes) -> None:
    with pytest.raises(FramingError) as caught:
        StreamFramer(65535).feed(HEAD + lengths + b"\r\n" + SMUGGLED)
    assert caught.value.sip_status == 400 and caught.value.partial is not None


def test_a_message_hidden_in_a_body_stays_there() -> None:
    outer = HEAD + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED
    found = StreamFramer(65535).feed(outer + LONG)
    assert found == [outer, LONG]
    assert parse_message(outer).body == SMUGGLED


def test_limits_hold_before_anything_is_kept() -> None:
    framer = StreamFramer(1000)
    with pytest.raises(FramingError) as caught:
        framer.feed(HEAD + b"X: " + b"y" * 2000)
    assert caught.value.sip_status == 513 and framer.buffered == 0
    framer = StreamFramer(1000)
    exact = HEAD + b"Content-Length: %d\r\n\r\n"
    room = 1000 - len(exact % 100)
    assert len(framer.feed(exact % room + b"z" * room)) == 1
    with pytest.raises(FramingError) as caught:
        framer.feed(exact % (room + 1))
    assert caught.value.sip_status == 413 and framer.buffered == 0


def test_no_sip_at_all() -> None:
    for data in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" * 10_000,
        b"\0" * 70_000,
    ):
        with pytest.raises(FramingError) as caught:
            StreamFramer(65535).feed(data)
        assert caught.value.partial is None


def test_work_grows_with_the_bytes_not_with_their_square() -> None:
    """A head that comes byte by byte is searched once: `find` never starts over at the front."""
    framer = StreamFramer(65535)
    for _ in range(60_000):
        framer.feed(b"x")
    assert framer._scanned == 60_000
