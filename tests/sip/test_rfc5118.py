"""Proves what RFC 5118 says of each of its IPv6 messages: what is valid, what is not, and what an ambiguous one means.

The messages have the addresses of the RFC and as few other headers as they need. Does not prove sockets of IPv6.
"""

import pytest

from softswitch.sip.errors import ParseError
from softswitch.sip.message import Request, parse_message
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.uri import Uri

SDP_6 = (
    b"v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=Live video feed\r\nc=IN IP6 2001:db8::20\r\n"
    b"t=3338481189 3370017201\r\nm=audio 6000 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000\r\nm=video 6024 RTP/AVP 107\r\n"
    b"a=rtpmap:107 H263-1998/90000\r\n"
)
SDP_BOTH = (
    b"v=0\r\no=bob 280744730 28977631 IN IP4 host.example.com\r\ns=\r\nt=0 0\r\nm=audio 22334 RTP/AVP 0\r\n"
    b"c=IN IP4 192.0.2.1\r\nm=video 6024 RTP/AVP 107\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:107 H263-1998/90000\r\n"
)
SDP_MAPPED = SDP_6.replace(b"2001:db8::20", b"::ffff:192.0.2.2")


def message(
    method: str,
    uri: str,
    *vias: str,
    to: str = "sip:user@example.com",
    contact: str = "<sip:caller@[2001:db8::1]>",
    body: bytes = b"",
) -> Request:
    lines = [
        f"{method} {uri} SIP/2.0",
        f"To: {to}",
        "From: sip:user@example.com;tag=81x2",
        *(f"Via: SIP/2.0/UDP {via}" for via in vias or ("[2001:db8::9:1];branch=z9hG4bKas3-111",)),
        "Call-ID: SSG9559905523997077@hlau_4100",
        "Max-Forwards: 70",
        f"Contact: {contact}",
        f"CSeq: 98176 {method}",
        f"Content-Length: {len(body)}",
    ]
    parsed = parse_message(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    assert isinstance(parsed, Request)
    parsed.validate()
    again = parse_message(parsed.to_bytes())
    assert again.to_bytes() == parsed.to_bytes()
    return parsed


def test_4_1_a_reference_in_brackets_is_valid() -> None:
    found = message("REGISTER", "sip:[2001:db8::10]")
    assert (found.uri.host.strip("[]"), found.uri.port) == ("2001:db8::10", None)
    assert found.top_via.host.strip("[]") == "2001:db8::9:1"


def test_4_2_without_brackets_it_is_refused_with_400() -> None:
    with pytest.raises(ParseError) as caught:
        message("REGISTER", "sip:2001:db8::10")
    assert caught.value.sip_status == 400 and caught.value.partial is not None


def test_4_3_a_port_within_the_brackets_is_part_of_the_address() -> None:
    found = message("REGISTER", "sip:[2001:db8::10:5070]")
    assert (found.uri.host.strip("[]"), found.uri.port) == ("2001:db8::10:5070", None)


def test_4_4_behind_them_it_is_a_port() -> None:
    found = message("REGISTER", "sip:[2001:db8::10]:5070")
    assert (found.uri.host.strip("[]"), found.uri.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
def test_4_5_received_with_and_without_brackets(received: str) -> None:
    found = message("BYE", "sip:[2001:db8::10]", f"[2001:db8::9:1];received={received};branch=z9hG4bKas3-111")
    assert (found.top_via.params.get("received") or "").strip("[]") == "2001:db8::9:255"


def test_4_6_addresses_of_ipv6_in_sdp() -> None:
    found = message("INVITE", "sip:user@[2001:db8::10]", body=SDP_6)
    session = SessionDescription.parse(found.body)
    assert len(session.media) == 2 and b"IN IP6 2001:db8::20" in session.serialize()


def test_4_7_addresses_of_both_kinds_in_one_request() -> None:
    found = message(
        "BYE",
        "sip:user@host.example.net",
        "[2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
        "192.0.2.1;received=2001:db8::9:255;branch=z9hG4bKas3",
    )
    first, second = found.vias
    assert (first.host.strip("[]"), first.port, second.host) == ("2001:db8::9:1", 6050, "192.0.2.1")
    assert second.params.get("received") == "2001:db8::9:255"


def test_4_8_a_line_of_each_kind_in_sdp() -> None:
    session = SessionDescription.parse(message("INVITE", "sip:user@[2001:db8::10]", body=SDP_BOTH).body)
    assert len(session.media) == 2


def test_4_9_mapped_addresses() -> None:
    found = message(
        "INVITE",
        "sip:user@example.com",
        "[::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19",
        "[::ffff:192.0.2.2];branch=z9hG4bKas3-111",
        contact='"T. desk phone" <sip:ted@[::ffff:192.0.2.2]>',
        body=SDP_MAPPED,
    )
    assert [(via.host.strip("[]"), via.port) for via in found.vias] == [
        ("::ffff:192.0.2.10", 19823),
        ("::ffff:192.0.2.2", None),
    ]
    assert found.contacts[0].uri.host.strip("[]") == "::ffff:192.0.2.2"
    assert len(SessionDescription.parse(found.body).media) == 2


@pytest.mark.parametrize("host", ["[2001:db8:::192.0.2.1]", "[2001:db8::192.0.2.1]"])
def test_4_10_the_third_colon_of_the_old_grammar_is_tolerated(host: str) -> None:
    found = message("OPTIONS", f"sip:user@{host}", to=f"sip:user@{host}")
    assert "192.0.2.1" in found.uri.host


@pytest.mark.parametrize("host", ["[2001:db8::1", "2001:db8::1]", "[]", "[:]", "[2001:db8::g]"])
def test_what_is_no_reference_is_refused(host: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(f"sip:user@{host}")
