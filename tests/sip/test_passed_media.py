"""Proves which m-lines may be passed on, what of them is, and within which bounds; how they read with our address; that
encryption never gets less than a party asks for; and offers and answers whose lines keep number and order around them.

Does not prove what a call makes of it: `tests/story/test_streams_story.py`.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.local_media import LocalMedia
from softswitch.sip.offer_answer import NotAcceptable, answer_offer, make_offer, read_answer
from softswitch.sip.passed_media import (
    LONGEST_LINE,
    MAX_ATTRIBUTES,
    MAX_BANDWIDTHS,
    MAX_FORMATS,
    kind_of,
    passed_of,
    peer_of,
)
from softswitch.sip.sdp import MediaDescription, SdpError, SessionDescription
from softswitch.testing.sound import described

OPTIONAL = ("optional", "optional")
CLEAR = ("off", "off")
KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n"


def session(*lines: str) -> SessionDescription:
    return SessionDescription.parse((described("192.0.2.9").serialize().decode() + "".join(lines)).encode())


def media(text: str) -> MediaDescription:
    return session(text).media[-1]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("m=video 4000 RTP/AVP 96", "video"),
        ("m=video 4000 RTP/SAVPF 96", "video"),
        ("m=text 4000 RTP/AVP 98", "text"),
        ("m=image 4000 udptl t38", "fax"),
        ("m=image 4000 UDPTL T38", "fax"),
        ("m=image 4000 TCP t38", ""),
        ("m=image 4000 udptl other", ""),
        ("m=video 4000 UDP/TLS/RTP/SAVPF 96", ""),
        ("m=application 4000 UDP/BFCP *", ""),
        ("m=audio 4000 RTP/AVP 0", ""),
        ("m=message 4000 TCP/MSRP *", ""),
    ],
)
def test_kinds(heading: str, kind: str) -> None:
    assert kind_of(media(f"{heading}\r\n")) == kind


def test_only_what_describes_the_media_is_passed() -> None:
    kept = ("b=AS:512", "a=rtpmap:96 H264/90000", "a=fmtp:96 x=1", "a=rtcp-fb:96 nack", "a=framerate:25")
    dropped = (
        *("i=secret", "k=clear:x", "a=candidate:1 1 UDP 1 10.0.0.1 1 typ host", "a=ice-ufrag:x"),
        *("a=fingerprint:sha-1 AA", "a=setup:active", "a=mid:1", "a=rtcp:9 IN IP4 10.0.0.1", "a=sendonly"),
    )
    said = passed_of(media("m=video 4000 RTP/AVP 96\r\n" + "\r\n".join([*kept, *dropped, ""])), CLEAR)
    assert said is not None
    shown = said.described(30000, "recvonly")
    assert [str(line) for line in shown.lines] == [*kept, "a=recvonly"]
    assert (shown.port, shown.formats, said.name) == (30000, ("96",), "video H264")


def test_fax_keeps_its_own_attributes_alone() -> None:
    text = "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxFillBitRemoval\r\na=sendrecv\r\na=ptime:20\r\n"
    said = passed_of(media(text), CLEAR)
    assert said is not None and said.name == "T.38"
    assert [str(line) for line in said.described(1, "sendrecv").lines] == [
        "a=T38FaxVersion:0",
        "a=T38FaxFillBitRemoval",
    ]


def test_bounds() -> None:
    long = "a=fmtp:96 " + "x" * LONGEST_LINE
    many = "".join(f"a=fmtp:96 x={n}\r\n" for n in range(3 * MAX_ATTRIBUTES))
    wide = "".join(f"b=AS:{n}\r\n" for n in range(3 * MAX_BANDWIDTHS))
    said = passed_of(media(f"m=video 4000 RTP/AVP 96\r\n{wide}{long}\r\n{many}"), CLEAR)
    assert said is not None
    assert len(said.lines) == MAX_ATTRIBUTES + MAX_BANDWIDTHS
    formats = " ".join(map(str, range(MAX_FORMATS + 1)))
    assert passed_of(media(f"m=video 4000 RTP/AVP {formats}\r\n"), CLEAR) is None
    assert passed_of(media("m=video 0 RTP/AVP 96\r\n"), CLEAR) is None


@pytest.mark.parametrize(
    ("text", "policies", "passes"),
    [
        ("m=video 4000 RTP/AVP 96", ("off", "off"), True),
        ("m=video 4000 RTP/AVP 96", ("optional", "off"), True),
        ("m=video 4000 RTP/AVP 96", ("required", "optional"), False),
        ("m=video 4000 RTP/SAVP 96", ("optional", "required"), True),
        ("m=video 4000 RTP/SAVP 96", ("required", "off"), False),
        ("m=image 4000 udptl t38", ("optional", "off"), True),
        ("m=image 4000 udptl t38", ("required", "off"), False),
    ],
)
def test_nothing_is_less_encrypted_than_a_party_asks(
    text: str, policies: tuple[str, str], passes: bool
) -> None:
    assert (passed_of(media(f"{text}\r\n"), policies) is not None) == passes


def test_keys_pass_where_both_encrypt_and_nowhere_else() -> None:
    offered = media("m=video 4000 RTP/AVP 96\r\n" + KEY)
    both, one = passed_of(offered, OPTIONAL), passed_of(offered, ("off", "optional"))
    assert both is not None and "crypto" in both.lines.attributes
    assert one is not None and "crypto" not in one.lines.attributes


@pytest.mark.parametrize("place", ["239.1.2.3", "video.example", "2001:db8::1", "255.255.255.255"])
def test_a_place_that_cannot_be_sent_to_is_none(place: str) -> None:
    family = "IP6" if ":" in place else "IP4"
    offer = session(f"m=video 4000 RTP/AVP 96\r\nc=IN {family} {place}\r\n")
    assert peer_of(offer, offer.media[-1], "192.0.2.1") is None


def test_a_place_of_its_own_with_rtcp_elsewhere_and_a_hold_of_zeros() -> None:
    offer = session("m=video 4000 RTP/AVP 96\r\nc=IN IP4 192.0.2.77\r\na=rtcp:4009\r\n")
    peer = peer_of(offer, offer.media[-1], "192.0.2.1")
    assert peer is not None and (peer.address, peer.port, peer.rtcp_port) == ("192.0.2.77", 4000, 4009)
    held = session("m=video 4000 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n")
    zeros = peer_of(held, held.media[-1], "192.0.2.1")
    assert zeros is not None and zeros.direction == "sendonly"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=80), max_size=30))
def test_whatever_stands_there_what_is_passed_is_well_formed(values: list[str]) -> None:
    text = "m=video 4000 RTP/AVP 96\r\n" + "".join(f"a={value}\r\n" for value in values)
    try:
        said = passed_of(media(text), OPTIONAL)
    except SdpError:
        return
    assert said is not None
    again = SessionDescription(described("192.0.2.9").lines, (said.described(4, "sendrecv"),)).serialize()
    assert SessionDescription.parse(again).media[0].lines == said.described(4, "sendrecv").lines


# --- offer and answer around them ---------------------------------------------------------------------------------------

LOCAL = LocalMedia(address="192.0.2.1", port=20000, codecs=("PCMU",), session_id=1, version=0)
FAX = "m=image 4006 udptl t38\r\n"


def test_a_passed_line_stands_in_its_place() -> None:
    offer = session("m=video 4002 RTP/AVP 96\r\n", FAX)
    passed = {2: MediaDescription("image", 30000, "udptl", ("t38",))}
    answer, agreed = answer_offer(offer, LOCAL, passed=passed)
    assert [(each.kind, each.port) for each in answer.media] == [
        ("audio", 20000), ("video", 0), ("image", 30000),
    ]  # fmt: skip
    assert agreed.send and not agreed.held


def test_fax_in_the_place_of_audio_rests_it_and_is_no_hold() -> None:
    _, before = answer_offer(session(), LOCAL)
    head = described("192.0.2.9").serialize().decode().partition("m=audio")[0]
    offer = SessionDescription.parse((head + FAX).encode())
    passed = {0: MediaDescription("image", 30000, "udptl", ("t38",))}
    answer, agreed = answer_offer(offer, LOCAL, before=before, passed=passed)
    assert [each.kind for each in answer.media] == ["image"]
    assert (agreed.send, agreed.receive, agreed.held, agreed.codec) == (False, False, False, "PCMU")
    with pytest.raises(NotAcceptable):
        answer_offer(offer, LOCAL, before=before)
    read = read_answer(answer, offer, before=before)
    assert (read.send, read.receive, read.held) == (False, False, False)
    with pytest.raises(NotAcceptable):
        read_answer(answer, offer)


def test_an_answer_without_audio_where_audio_was_offered_alone_is_refused() -> None:
    _, before = answer_offer(session(), LOCAL)
    refusing = SessionDescription.parse(
        described("192.0.2.9").serialize().replace(b"m=audio 4000", b"m=audio 0")
    )
    with pytest.raises(NotAcceptable):
        read_answer(make_offer(LOCAL), refusing, before=before)
