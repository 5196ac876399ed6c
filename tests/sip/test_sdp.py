"""Proves that SDP survives line by line, odd and unknown lines included, that what is understood is read right, and that
size is bounded. aiortc's parser is the second opinion on an ordinary description.

Does not prove negotiation (`test_offer_answer.py`).
"""

import aiortc.sdp
import pytest

from softswitch.sip.sdp import MAX_LINES, Connection, Line, RtpMap, SdpError, SessionDescription

BASE = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"
SESSION = BASE + "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"
BASE_OF = (
    "v=0\r\no=- {} 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n"
)

ODD = {
    "t38": SESSION + "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n",
    "fmtp without rtpmap": SESSION + "m=audio 4000 RTP/AVP 18\r\na=fmtp:18 annexb=no\r\n",
    "lower case profile": SESSION + "m=audio 4000 rtp/avp 0\r\n",
    "holdconn": SESSION + "m=audio 4000 RTP/AVP 0\r\na=setup:holdconn\r\n",
    "port count": SESSION + "m=audio 4000/2 RTP/AVP 0\r\n",
    "host name": BASE + "c=IN IP4 media.example.com\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
    "null address": BASE + "c=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
    "c= at media level": BASE + "t=0 0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n",
    "port 0": SESSION + "m=audio 0 RTP/AVP 0\r\n",
    "session sendonly": SESSION + "a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n",
    "ptime, maxptime, b=, crypto": SESSION
    + "b=CT:64\r\nm=audio 4000 RTP/SAVP 0\r\nb=AS:64\r\nb=broken\r\na=ptime:30\r\na=maxptime:60\r\n"
    + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20|1:4\r\na=rtcp-mux\r\n",
    "several codecs and lines unknown to all": SESSION
    + "z=0 0\r\nk=prompt\r\nm=audio 4000 RTP/AVP 0 8 101\r\ni=title\r\na=\r\na=x y z:w\r\n"
    + "a=rtpmap:101 telephone-event/8000\r\n",
    "twice the same codec": SESSION
    + "m=audio 4000 RTP/AVP 0 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:0 G729/8000\r\n",
    "no media, no s=, no t=": "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n",
    "not UTF-8": SESSION + "m=audio 4000 RTP/AVP 0\r\na=x:\udce9\r\n",
}


def test_what_calls_of_a_peer_have_in_common_is_read_once_and_keys_are_not_kept() -> None:
    one, two = (SessionDescription.parse(BASE_OF.format(each).encode()) for each in (1, 2))
    assert (one.origin.session_id, two.origin.session_id) == ("1", "2") and one != two
    assert one.lines[2] is two.lines[2] and one.media[0].lines is two.media[0].lines
    for key in ("k=clear:secret", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc"):
        keyed = BASE_OF.format(1).replace("t=0 0", f"t=0 0\r\n{key}").encode()
        assert SessionDescription.parse(keyed).lines[2] is not SessionDescription.parse(keyed).lines[2]


@pytest.mark.parametrize("broken", ["v=0\n\no=- 1 2 IN IP4 192.0.2.1\n", "v=0\no=- 1 2 IN IP4 192.0.2.1\n\n"])
def test_an_empty_line_is_no_sdp(broken: str) -> None:
    with pytest.raises(SdpError):
        SessionDescription.parse(f"{broken}m=audio 4000 RTP/AVP 0\n".encode())


@pytest.mark.parametrize("name", ODD)
def test_every_line_survives_in_order(name: str) -> None:
    data = ODD[name].encode("utf-8", "surrogateescape")
    assert SessionDescription.parse(data).serialize() == data


def test_line_ends_of_unix_and_trailing_empty_lines() -> None:
    data = ODD["t38"]
    expected = SessionDescription.parse(data.encode())
    assert SessionDescription.parse(data.replace("\r\n", "\n").encode()) == expected
    assert SessionDescription.parse(data.encode() + b"\r\n\r\n") == expected
    assert SessionDescription.parse(data.encode().removesuffix(b"\r\n")) == expected


def test_what_is_understood() -> None:
    sdp = SessionDescription.parse(ODD["several codecs and lines unknown to all"].encode())
    origin, media = sdp.origin, sdp.media[0]
    assert (origin.username, origin.session_id, origin.version, origin.address) == (
        "-",
        "1",
        "2",
        "192.0.2.1",
    )
    assert (media.kind, media.port, media.protocol, media.formats) == (
        "audio",
        4000,
        "RTP/AVP",
        ("0", "8", "101"),
    )
    assert media.payload_types == [0, 8, 101]
    assert media.rtpmaps == {101: RtpMap("telephone-event", 8000)}
    assert sdp.connection_of(media) == Connection("IP4", "192.0.2.1")
    assert sdp.direction_of(media) == "sendrecv" and media.direction is None
    odd = SessionDescription.parse(ODD["ptime, maxptime, b=, crypto"].encode()).media[0]
    assert (odd.lines.ptime_ms, odd.lines.largest_ptime_ms) == (30, 60)
    assert odd.has("rtcp-mux") and not odd.has("rtcp") and next(odd.attributes("crypto")).startswith("1 AES")
    twice = SessionDescription.parse(ODD["twice the same codec"].encode()).media[0]
    assert twice.rtpmaps[0].encoding == "PCMU"


def test_directions_and_connections() -> None:
    text = (
        SESSION
        + "a=sendonly\r\nm=audio 1 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\nc=IN IP4 0.0.0.0/127\r\na=inactive\r\n"
    )
    sdp = SessionDescription.parse(text.encode())
    assert [sdp.direction_of(media) for media in sdp.media] == ["sendonly", "inactive"]
    assert [sdp.connection_of(media).is_null for media in sdp.media] == [False, True]
    without = SessionDescription.parse((BASE + "m=audio 1 RTP/AVP 0\r\n").encode())
    with pytest.raises(SdpError):
        without.connection_of(without.media[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n",
        "o=- 1 2 IN IP4 h\r\nv=0\r\n",
        "v=1\r\no=- 1 2 IN IP4 h\r\n",
        "v=0\r\n",
        "v=0\r\no=-\r\n",
        SESSION + "\r\n" + "a=x\r\n",
        SESSION + "m=audio\r\n",
        SESSION + "m=audio x RTP/AVP 0\r\n",
        SESSION + "m=audio 65536 RTP/AVP 0\r\n",
        SESSION + "m=audio 4000/ RTP/AVP 0\r\n",
        SESSION + "m=audio -1 RTP/AVP 0\r\n",
        SESSION + "m=audio ٣ RTP/AVP 0\r\n",
        SESSION + "m=audio 1_0 RTP/AVP 0\r\n",
        SESSION + "audio\r\n",
        SESSION + "A=x\r\n",
        SESSION + " a=x\r\n",
        SESSION + "a=x\ry\r\n",
        SESSION + "a=x\0y\r\n",
        SESSION + "a=" + "x" * 65536 + "\r\n",
        SESSION + "a=x\r\n" * MAX_LINES,
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(SdpError) as caught:
        SessionDescription.parse(text.encode())
    assert caught.value.sip_status == 400


def test_number_of_media_is_bounded() -> None:
    stream = "m=audio 4000 RTP/AVP 0\r\n"
    assert len(SessionDescription.parse((SESSION + stream * 16).encode()).media) == 16
    with pytest.raises(SdpError) as caught:
        SessionDescription.parse((SESSION + stream * 17).encode())
    assert caught.value.sip_status == 488


def test_origin_can_be_replaced() -> None:
    from dataclasses import replace

    sdp = SessionDescription.parse(ODD["t38"].encode())
    newer = sdp.with_origin(replace(sdp.origin, version="3"))
    assert Line("o", "- 1 3 IN IP4 192.0.2.1") in newer.lines and newer.media == sdp.media


def test_second_opinion() -> None:
    text = (
        SESSION + "m=audio 49170 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendonly\r\n"
    )
    ours, theirs = SessionDescription.parse(text.encode()), aiortc.sdp.SessionDescription.parse(text)
    mine, other = ours.media[0], theirs.media[0]
    assert (mine.kind, mine.port, mine.protocol) == (other.kind, other.port, other.profile)
    assert mine.payload_types == other.fmt and ours.direction_of(mine) == other.direction
    assert theirs.host == ours.connection_of(mine).address
    assert [(number, rtpmap.encoding, rtpmap.clock) for number, rtpmap in mine.rtpmaps.items()] == [
        (codec.payloadType, codec.name, codec.clockRate) for codec in other.rtp.codecs
    ]
