"""Proves offer and answer for audio (RFC 3264): choice of codec and payload types, streams refused in place, hold in every
spelling and its mirror, versions, telephone-event, ptime, and that encrypted profiles are never answered in clear.

Does not prove when an offer may be made (the session's machine does that).
"""

import pytest

from softswitch.sip.local_media import LocalMedia
from softswitch.sip.offer_answer import (
    Negotiated,
    NotAcceptable,
    answer_offer,
    make_offer,
    next_version,
    read_answer,
)
from softswitch.sip.sdp import SdpError, SessionDescription

LOCAL = LocalMedia(address="192.0.2.9", port=10000, codecs=("PCMA", "PCMU"), session_id=7, version=1)
HEAD = "v=0\r\no=peer 5 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
EVENT = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"


def sdp(body: str, head: str = HEAD) -> SessionDescription:
    return SessionDescription.parse((head + body).encode())


def answered(body: str, head: str = HEAD, **options: object) -> tuple[SessionDescription, Negotiated]:
    return answer_offer(sdp(body, head), LOCAL, **options)  # type: ignore[arg-type]


def test_offer() -> None:
    assert make_offer(LOCAL).serialize().decode() == (
        "v=0\r\no=- 7 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 10000 RTP/AVP 8 0 101\r\n"
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        "a=ptime:20\r\na=sendrecv\r\n"
    )
    six = LocalMedia(
        address="2001:db8::1", port=2, codecs=("PCMU",), telephone_event=False, session_id=1, version=1
    )
    text = make_offer(six, "inactive").serialize().decode()
    assert "c=IN IP6 2001:db8::1\r\n" in text and "telephone" not in text and "a=inactive\r\n" in text


def test_the_offerers_first_codec_wins_unless_another_is_preferred() -> None:
    body = "m=audio 4000 RTP/AVP 18 0 8 101\r\n" + EVENT
    answer, agreed = answered(body)
    assert (agreed.codec, agreed.payload_type, agreed.event_payload_type) == ("PCMU", 0, 101)
    assert answer.media[0].formats == ("0", "101")
    assert answered(body, prefer="PCMA")[1].codec == "PCMA"
    assert answered(body, prefer="G729")[1].codec == "PCMU"
    assert (agreed.address, agreed.port, agreed.send, agreed.receive, agreed.held) == (
        "198.51.100.1",
        4000,
        True,
        True,
        False,
    )


def test_dynamic_payload_types_are_echoed() -> None:
    body = "m=audio 4000 RTP/AVP 97 111 96\r\na=rtpmap:97 opus/48000/2\r\n"
    body += "a=rtpmap:96 telephone-event/8000\r\na=rtpmap:111 pcma/8000/1\r\n"
    answer, agreed = answered(body)
    assert (agreed.codec, agreed.payload_type, agreed.event_payload_type) == ("PCMA", 111, 96)
    assert answer.media[0].formats == ("111", "96")
    assert next(answer.media[0].attributes("rtpmap")) == "111 PCMA/8000"


def test_telephone_event_of_another_clock_is_not_taken() -> None:
    assert (
        answered("m=audio 4 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/48000\r\n")[1].event_payload_type
        is None
    )
    silent = LocalMedia(
        address="192.0.2.9", port=1, codecs=("PCMU",), telephone_event=False, session_id=1, version=1
    )
    answer, agreed = answer_offer(sdp("m=audio 4 RTP/AVP 0 101\r\n" + EVENT), silent)
    assert agreed.event_payload_type is None and answer.media[0].formats == ("0",)


def test_streams_are_answered_in_order_and_refused_in_place() -> None:
    answer, agreed = answered(
        "m=video 3000 RTP/AVP 31\r\nm=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVP 9\r\n"
        "m=audio 4004 rtp/avp 8\r\nm=audio 4006 RTP/AVP 0\r\nm=image 4008 udptl t38\r\n"
    )
    assert [(media.kind, media.port) for media in answer.media] == [
        ("video", 0),
        ("audio", 0),
        ("audio", 0),
        ("audio", 0),
        ("audio", 10000),
        ("audio", 0),
        ("image", 0),
    ]
    assert [media.protocol for media in answer.media][2::4] == ["RTP/SAVP", "udptl"]
    assert agreed.port == 4004


FURTHER = (
    "m=image 4100 udptl t38\r\na=T38FaxVersion:0\r\n",
    "m=video 4200 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    "m=text 4300 RTP/AVP 98 100\r\na=rtpmap:98 t140/1000\r\na=rtpmap:100 red/1000\r\na=fmtp:100 98/98/98\r\n",
)


@pytest.mark.parametrize("at", range(4))
def test_fax_video_and_text_are_refused_in_place(at: int) -> None:
    """Wherever the audio stands among them; each keeps its kind, protocol and formats."""
    lines = [*FURTHER[:at], "m=audio 4000 RTP/AVP 0\r\n", *FURTHER[at:]]
    description, agreed = answered("".join(lines))
    kinds = [(media.kind, media.protocol, media.port == 0) for media in description.media]
    refused = [("image", "udptl", True), ("video", "RTP/AVP", True), ("text", "RTP/AVP", True)]
    assert kinds == [*refused[:at], ("audio", "RTP/AVP", False), *refused[at:]]
    assert (agreed.port, agreed.held) == (4000, False)
    assert description.media[0 if at else 1].formats == ("t38",)


def test_fax_alone_is_488() -> None:
    with pytest.raises(NotAcceptable) as caught:
        answered(FURTHER[0])
    assert caught.value.sip_status == 488


def test_port_0_for_the_audio_of_a_session_is_a_hold() -> None:
    _, before = answered("m=audio 4000 RTP/AVP 0\r\n")
    offer = sdp("m=audio 0 RTP/AVP 0\r\nm=video 4200 RTP/AVP 96\r\n")
    description, agreed = answer_offer(offer, LOCAL, before=before)
    assert [media.port for media in description.media] == [0, 0]
    assert (agreed.held, agreed.send, agreed.receive, agreed.codec) == (True, False, False, before.codec)
    with pytest.raises(NotAcceptable):
        answer_offer(sdp("m=video 4200 RTP/AVP 96\r\n"), LOCAL, before=before)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "m=audio 4000 RTP/SAVP 0\r\n",
        "m=audio 4000 RTP/SAVPF 0\r\n",
        "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n",
        "m=audio 4000 RTP/AVP 9 18\r\n",
        "m=audio 4000 RTP/AVP 18\r\na=fmtp:18 annexb=no\r\n",
        "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n",
        "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000\r\n",
        "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMU/8000/2\r\n",
        "m=audio 4000 RTP/AVP\r\n",
        "m=audio 4000 RTP/AVP ٠ 128 0x0 -0\r\n",
        "m=video 4000 RTP/AVP 0\r\n",
        "m=audio 0 RTP/AVP 0\r\n",
        "m=image 4000 udptl t38\r\n",
    ],
)
def test_nothing_in_common_is_488(body: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        answered(body)
    assert caught.value.sip_status == 488


def test_a_stream_without_address_is_400() -> None:
    with pytest.raises(SdpError) as caught:
        answered("m=audio 4000 RTP/AVP 0\r\n", "v=0\r\no=- 1 1 IN IP4 h\r\n")
    assert caught.value.sip_status == 400


NULL = HEAD.replace("c=IN IP4 198.51.100.1", "c=IN IP4 0.0.0.0")
HOLDS = [
    # head, attribute at media level, what we want -> answer, send, receive, held
    (HEAD, "sendrecv", "sendrecv", "sendrecv", True, True, False),
    (HEAD, "", "sendrecv", "sendrecv", True, True, False),
    (HEAD, "sendonly", "sendrecv", "recvonly", False, True, True),
    (HEAD, "recvonly", "sendrecv", "sendonly", True, False, False),
    (HEAD, "inactive", "sendrecv", "inactive", False, False, True),
    (HEAD + "a=sendonly\r\n", "", "sendrecv", "recvonly", False, True, True),
    (HEAD + "a=inactive\r\n", "", "sendrecv", "inactive", False, False, True),
    (HEAD + "a=inactive\r\n", "sendrecv", "sendrecv", "sendrecv", True, True, False),
    (NULL, "", "sendrecv", "recvonly", False, True, True),
    (NULL, "sendonly", "sendrecv", "recvonly", False, True, True),
    (NULL, "recvonly", "sendrecv", "inactive", False, False, True),
    (NULL, "inactive", "sendrecv", "inactive", False, False, True),
    (HEAD, "sendrecv", "sendonly", "sendonly", True, False, False),
    (HEAD, "sendonly", "sendonly", "inactive", False, False, True),
    (HEAD, "recvonly", "sendonly", "sendonly", True, False, False),
    (HEAD, "sendrecv", "inactive", "inactive", False, False, False),
]


@pytest.mark.parametrize(("head", "attribute", "wanted", "answer", "send", "receive", "held"), HOLDS)
def test_hold_in_every_spelling(
    head: str, attribute: str, wanted: str, answer: str, send: bool, receive: bool, held: bool
) -> None:
    body = "m=audio 4000 RTP/AVP 0\r\n" + (f"a={attribute}\r\n" if attribute else "")
    description, agreed = answered(body, head, direction=wanted)
    assert description.media[0].direction == answer
    assert (agreed.send, agreed.receive, agreed.held) == (send, receive, held)


@pytest.mark.parametrize(
    ("offered", "theirs", "send", "receive", "held"),
    [
        ("sendrecv", "sendrecv", True, True, False),
        ("sendrecv", "recvonly", True, False, False),
        ("sendrecv", "sendonly", False, True, True),
        ("sendrecv", "inactive", False, False, True),
        ("sendonly", "recvonly", True, False, False),
        ("sendonly", "inactive", False, False, True),
        ("inactive", "inactive", False, False, False),
        ("sendonly", "sendrecv", True, False, False),
    ],
)
def test_answers_are_read(offered: str, theirs: str, send: bool, receive: bool, held: bool) -> None:
    offer = make_offer(LOCAL, offered)
    agreed = read_answer(offer, sdp(f"m=audio 4000 RTP/AVP 0 101\r\n{EVENT}a={theirs}\r\na=ptime:30\r\n"))
    assert (agreed.send, agreed.receive, agreed.held) == (send, receive, held)
    assert (agreed.codec, agreed.event_payload_type, agreed.ptime_ms) == ("PCMU", 101, 30)


def test_answers_refused() -> None:
    offer = make_offer(LOCAL)
    for body in (
        "",
        "m=audio 0 RTP/AVP 8\r\n",
        "m=audio 4 RTP/AVP 9\r\n",
        "m=audio 4 RTP/SAVP 8\r\n",
        "m=audio 4 RTP/AVP 8\r\nm=audio 6 RTP/AVP 8\r\n",
    ):
        with pytest.raises(NotAcceptable):
            read_answer(offer, sdp(body))


def test_both_sides_agree() -> None:
    peer = LocalMedia(address="198.51.100.1", port=4000, codecs=("PCMU", "PCMA"), session_id=1, version=1)
    offer = make_offer(LOCAL)
    answer, theirs = answer_offer(SessionDescription.parse(offer.serialize()), peer)
    ours = read_answer(offer, SessionDescription.parse(answer.serialize()))
    assert (ours.codec, ours.payload_type, ours.event_payload_type) == (
        theirs.codec,
        theirs.payload_type,
        theirs.event_payload_type,
    )
    assert (ours.address, ours.port) == ("198.51.100.1", 4000) and (theirs.address, theirs.port) == (
        "192.0.2.9",
        10000,
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", 20),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:200\r\n", 60),
        ("a=ptime:0\r\n", 20),
        ("a=ptime:5\r\n", 10),
        ("a=ptime:40\r\na=maxptime:20\r\n", 20),
        ("a=ptime:x\r\n", 20),
        ("a=ptime:20.0\r\n", 20),
        ("a=ptime:٣٠\r\n", 20),
    ],
)
def test_ptime(lines: str, expected: int) -> None:
    assert answered("m=audio 4 RTP/AVP 0\r\n" + lines)[1].ptime_ms == expected


def test_version_rises_only_when_something_changed() -> None:
    first = make_offer(LOCAL)
    same = next_version(first, make_offer(LOCAL))
    assert same == first
    held = next_version(first, make_offer(LOCAL, "sendonly"))
    assert (held.origin.session_id, held.origin.version) == ("7", "2")
    other = LocalMedia(address="192.0.2.9", port=10000, codecs=("PCMA", "PCMU"), session_id=99, version=50)
    resumed = next_version(held, make_offer(other))
    assert (resumed.origin.session_id, resumed.origin.version) == ("7", "3")
    assert next_version(resumed, make_offer(other)) == resumed


@pytest.mark.parametrize(
    "address",
    [
        "IP4 media.example.com",
        "IP4 224.0.0.1/127",
        "IP4 255.255.255.255",
        "IP6 2001:db8::5",
        "IP6 fe80::1%eth0",
        "IP4 ::1",
    ],
)
def test_media_goes_to_one_host_of_our_family_or_the_stream_is_refused(address: str) -> None:
    head = HEAD.replace("IP4 198.51.100.1", address)
    with pytest.raises(NotAcceptable):
        answered("m=audio 4 RTP/AVP 0\r\n", head)
    with pytest.raises(NotAcceptable):
        read_answer(make_offer(LOCAL), sdp("m=audio 4 RTP/AVP 0\r\n", head))
    own = f"m=audio 4 RTP/AVP 0\r\nc=IN {address}\r\nm=audio 6 RTP/AVP 8\r\n"
    answer, agreed = answered(own)
    assert [media.port for media in answer.media] == [0, LOCAL.port]
    assert (agreed.address, agreed.port) == ("198.51.100.1", 6)


ALL = LocalMedia(
    address="192.0.2.9",
    port=10000,
    codecs=("opus", "G722", "PCMA", "G729", "L16"),
    session_id=7,
    version=1,
    comfort_noise=True,
    rtcp_mux=True,
)
OPUS = "a=rtpmap:107 OPUS/48000/2\r\na=fmtp:107 useinbandfec=1; usedtx=0;maxplaybackrate=16000\r\n"


def answered_by_all(body: str, prefer: str | None = None) -> tuple[SessionDescription, Negotiated]:
    return answer_offer(sdp(body), ALL, prefer=prefer)


def test_every_codec_is_offered_under_its_payload_type() -> None:
    media = make_offer(ALL).media[0]
    assert media.formats == ("111", "9", "8", "18", "13", "101")  # L16 comes first or not at all
    assert list(media.attributes("rtpmap")) == [
        "111 opus/48000/2",
        "9 G722/8000",
        "8 PCMA/8000",
        "18 G729/8000",
        "13 CN/8000",
        "101 telephone-event/8000",
    ]
    assert list(media.attributes("fmtp")) == ["111 useinbandfec=1", "18 annexb=no", "101 0-15"]
    assert media.has("rtcp-mux") and not media.has("maxptime")


@pytest.mark.parametrize(
    ("formats", "maps", "codec", "payload_type", "parameters"),
    [
        ("107 0", OPUS, "opus", 107, "useinbandfec=1; usedtx=0;maxplaybackrate=16000"),
        ("107 8", "a=rtpmap:107 opus/48000\r\n", "PCMA", 8, ""),
        ("107 8", "a=rtpmap:107 opus/16000/2\r\n", "PCMA", 8, ""),
        ("9", "", "G722", 9, ""),
        ("96", "a=rtpmap:96 g722/8000\r\n", "G722", 96, ""),
        ("96 8", "a=rtpmap:96 G722/16000\r\n", "PCMA", 8, ""),
        ("99", "a=rtpmap:99 l16/16000\r\n", "L16", 99, ""),
        ("11 8", "", "PCMA", 8, ""),
        ("18 8", "", "PCMA", 8, ""),
    ],
)
def test_codecs_are_known_by_name_clock_and_channels(
    formats: str, maps: str, codec: str, payload_type: int, parameters: str
) -> None:
    answer, agreed = answered_by_all(f"m=audio 4000 RTP/AVP {formats}\r\n{maps}")
    assert (agreed.codec, agreed.payload_type, agreed.format_parameters) == (codec, payload_type, parameters)
    assert answer.media[0].formats[0] == str(payload_type)


def test_what_cannot_be_made_here_is_answered_only_when_the_other_leg_speaks_it() -> None:
    both = "m=audio 4000 RTP/AVP 18 8\r\na=fmtp:18 annexb=yes\r\n"
    assert answered_by_all(both)[1].codec == "PCMA"
    answer, agreed = answered_by_all(both, prefer="G729")
    assert (agreed.codec, agreed.format_parameters) == ("G729", "annexb=yes")
    assert next(answer.media[0].attributes("fmtp")) == "18 annexb=no"
    with pytest.raises(NotAcceptable):
        answered_by_all("m=audio 4000 RTP/AVP 18\r\n")


def test_packets_are_no_longer_than_the_codec_and_we_allow() -> None:
    for codec, asked, expected in (("107", 30, 20), ("107", 50, 40), ("107", 60, 60), ("99", 20, 10)):
        body = f"m=audio 4 RTP/AVP {codec}\r\n{OPUS}a=rtpmap:99 L16/16000\r\na=ptime:{asked}\r\n"
        answer, agreed = answered_by_all(body)
        assert agreed.ptime_ms == expected
        assert answer.media[0].lines.largest_ptime_ms == (10 if codec == "99" else None)


def test_of_several_telephone_events_that_of_8000_is_taken() -> None:
    events = "".join(
        f"a=rtpmap:{number} telephone-event/{clock}\r\n"
        for number, clock in ((100, 48000), (101, 16000), (102, 8000))
    )
    answer, agreed = answered_by_all(f"m=audio 4 RTP/AVP 107 100 101 102\r\n{OPUS}{events}")
    assert agreed.event_payload_type == 102 and answer.media[0].formats == ("107", "102")


@pytest.mark.parametrize(
    ("formats", "ours", "noise"),
    [("8 13", ALL, 13), ("8 13", LOCAL, None), ("8", ALL, None), ("107 13", ALL, None), ("9 13", ALL, 13)],
)
def test_comfort_noise_is_used_where_both_have_it(formats: str, ours: LocalMedia, noise: int | None) -> None:
    answer, agreed = answer_offer(sdp(f"m=audio 4 RTP/AVP {formats}\r\n{OPUS}"), ours)
    assert agreed.comfort_noise_type == noise and ("13" in answer.media[0].formats) is (noise is not None)
    offer = make_offer(ours)
    assert read_answer(offer, sdp("m=audio 4 RTP/AVP 8 13\r\n")).comfort_noise_type == (
        13 if ours is ALL else None
    )


def test_rtcp_goes_where_both_say() -> None:
    """RFC 5761 section 5.1.1 and RFC 3605."""
    answer, agreed = answered("m=audio 4 RTP/AVP 0\r\na=rtcp-mux\r\na=rtcp:5\r\n")
    assert agreed.rtcp_mux and answer.media[0].has("rtcp-mux")
    for value, port in (
        ("53020", 53020),
        ("53020 IN IP4 192.0.2.3", 53020),
        ("0", 0),
        ("70000", 0),
        ("x", 0),
    ):
        answer, agreed = answered(f"m=audio 4 RTP/AVP 0\r\na=rtcp:{value}\r\n")
        assert (agreed.rtcp_port, agreed.rtcp_mux) == (port, False) and not answer.media[0].has("rtcp-mux")
    muxed = sdp("m=audio 4 RTP/AVP 8\r\na=rtcp-mux\r\n")
    assert read_answer(make_offer(ALL), muxed).rtcp_mux and not read_answer(make_offer(LOCAL), muxed).rtcp_mux


def test_a_new_offer_keeps_the_payload_types_of_the_session() -> None:
    """RFC 3264 section 8.3.2: a number that meant one format never comes to mean another."""
    body = f"m=audio 4 RTP/AVP 111 107\r\n{OPUS}a=rtpmap:111 telephone-event/8000\r\n"
    _, agreed = answered_by_all(body)
    assert (agreed.payload_type, agreed.event_payload_type) == (107, 111)
    again = LocalMedia(
        address="192.0.2.9",
        port=10000,
        codecs=("opus", "PCMA"),
        session_id=7,
        version=1,
        payload_types=agreed.payload_types,
    )
    assert make_offer(again).media[0].formats == ("107", "8", "111")
    other = LocalMedia(
        address="192.0.2.9",
        port=10000,
        codecs=("PCMA", "opus"),
        session_id=7,
        version=1,
        payload_types={"PCMA": 8, "telephone-event": 111},
    )
    assert make_offer(other).media[0].formats == ("8", "96", "111")
