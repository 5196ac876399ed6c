"""Proves that what is remembered by a peer's text is bounded in bytes too: texts as long as a message, each another, are
read as short ones are and leave nothing in memory.

Does not prove that the tables are worth their memory; `benchmarks/sip_call.py` does.
"""

import functools
import gc

import pytest

from softswitch.sip import codec_lines
from softswitch.sip.address import tag_of
from softswitch.sip.digest import Credentials, digest_response
from softswitch.sip.local_media import LocalMedia
from softswitch.sip.media_place import can_be_sent_to
from softswitch.sip.nat import is_address
from softswitch.sip.offer_answer import answer_offer, make_offer
from softswitch.sip.sdes import Encryption, fresh_keys
from softswitch.sip.sdp import Connection, SessionDescription
from softswitch.sip.uri import Uri
from softswitch.sip.via import Via
from softswitch.srtp_key import SUITES

LONG = 20_000


def _remembered() -> int:
    """Entries of all tables of this room."""
    return sum(
        cache.cache_info().currsize
        for cache in gc.get_objects()
        if isinstance(cache, functools._lru_cache_wrapper) and cache.__module__.startswith("softswitch.sip.")
    )


def _digest(text: str) -> str:
    credentials = Credentials(username="u", realm="r", nonce="n", uri=f"sip:{text}", response="")
    return digest_response("0" * 32, credentials, "REGISTER")


@pytest.mark.parametrize(
    "read",
    [
        lambda text: tag_of(f"<sip:{text}@h>;tag=1"),
        lambda text: Via.parse(f"SIP/2.0/UDP {text}:5060;branch=z9hG4bK1").sent_by,
        lambda text: Via.parse(f"SIP/2.0/{text} h:5060;branch=z9hG4bK1").sent_by,
        _digest,
        lambda text: can_be_sent_to(Connection("IP6", f"fe80::1%{text}"), "::1"),
        is_address,
        lambda text: Uri.parse(f"sip:{text}@h"),
    ],
    ids=["tag", "host of Via", "transport of Via", "digest", "connection", "host of Contact", "uri"],
)
def test_a_text_as_long_as_a_message_is_not_remembered(read: "functools.partial[object]") -> None:
    read("a" * LONG)
    before = _remembered()
    for number in range(20):
        read(f"{number}" + "a" * LONG)
    assert _remembered() == before


def test_what_is_too_long_to_be_remembered_reads_as_what_is_short() -> None:
    for count in (1, LONG):
        text = "a" * count
        assert tag_of(f'"x" <sip:{text}@h>;p=1;tag=t') == tag_of(f"<sip:{text}@h>;tag=t") == "t"
        assert Via.parse(f"SIP/2.0/TLS {text.upper()}").sent_by == f"{text}:5061"
    short, long = (_digest("a" * count) for count in (1, LONG))
    assert short != long and _digest("a" * LONG) == long
    assert can_be_sent_to(Connection("IP6", "fe80::1"), "::1") and is_address("[fe80::1%eth0]")


def test_an_m_line_as_long_as_a_message_is_not_remembered() -> None:
    def media(formats: str) -> codec_lines.MediaDescription:
        session = "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        text = f"{session}m=audio 4000 RTP/AVP {formats}\r\na=memo\r\n"
        return SessionDescription.parse(text.encode()).media[0]

    usual = media("8 0")
    codec_lines.formats(usual)
    known = usual.lines.known
    before = len(known)
    for formats in ("9 " * LONG, f"8 {'a' * LONG}"):
        assert codec_lines.codecs(media(formats))
        assert media(formats).lines.known is known and len(known) == before


def test_keys_are_not_remembered() -> None:
    def side(address: str, seed: int) -> LocalMedia:
        keys = fresh_keys(tuple(SUITES), lambda size: bytes([seed] * size))
        return LocalMedia(
            address=address,
            port=10000,
            codecs=("PCMA",),
            session_id=7,
            version=1,
            encryption=Encryption(keys=keys, mandatory=True),
        )

    def exchange(number: int) -> None:
        """One side's offer and the other's answer, over the wire, with keys of this call."""
        ours, theirs = side("192.0.2.8", number), side("192.0.2.9", number + 100)
        offer = SessionDescription.parse(make_offer(ours).serialize())
        answer, agreed = answer_offer(offer, theirs)
        assert agreed.key_in is not None
        SessionDescription.parse(answer.serialize())

    exchange(0)
    before = _remembered()
    for number in range(1, 20):
        exchange(number)
    assert _remembered() == before
