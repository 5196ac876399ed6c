"""Proves SDES keys in SDP (RFC 4568): lines read and refused, tags and suites answered, no way down to clear text.

The two keys are those of the examples in RFC 4568, whose lines also name a master key identifier and are refused for it.
Does not prove that packets are encrypted: `tests/rtp/test_rtp_secured.py` does.
"""

import itertools

import pytest

from softswitch.sip.local_media import LocalMedia
from softswitch.sip.offer_answer import (
    Negotiated,
    NotAcceptable,
    answer_offer,
    make_offer,
    read_answer,
)
from softswitch.sip.sdes import CLEAR, SECURE, Crypto, Encryption, fresh_keys
from softswitch.sip.sdp import SdpError, SessionDescription
from softswitch.srtp_key import SUITES, SrtpKey

RFC_KEY = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"
OTHER_KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SHORT = "AES_CM_128_HMAC_SHA1_32"
LONG = "AES_CM_128_HMAC_SHA1_80"
HEAD = "v=0\r\no=peer 5 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
_counter = itertools.count(1)


def entropy(size: int) -> bytes:
    return bytes((next(_counter) * 37 + at) & 255 for at in range(size))


KEYS = fresh_keys(tuple(SUITES), entropy)
OPTIONAL = Encryption(keys=KEYS, mandatory=False)
REQUIRED = Encryption(keys=KEYS, mandatory=True, protocol=SECURE)


def local(encryption: Encryption | None) -> LocalMedia:
    return LocalMedia(
        address="192.0.2.9",
        port=10000,
        codecs=("PCMA", "PCMU"),
        session_id=7,
        version=1,
        encryption=encryption,
    )


def sdp(body: str) -> SessionDescription:
    return SessionDescription.parse((HEAD + body).encode())


def answered(body: str, encryption: Encryption | None) -> tuple[SessionDescription, Negotiated]:
    return answer_offer(sdp(body), local(encryption))


def crypto(tag: int, suite: str, key: str, rest: str = "") -> str:
    return f"a=crypto:{tag} {suite} inline:{key}{rest}\r\n"


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"1 {LONG} inline:{RFC_KEY}|2^20",
        f"1 {LONG} inline:{RFC_KEY}|1048576",
        f"1 {LONG} inline:{RFC_KEY}",
        f"1  {LONG}  INLINE:{RFC_KEY} ",
        f"1 {LONG.lower()} inline:{RFC_KEY}",
        f"1 {LONG} inline:{RFC_KEY}|2^48 WSH=128",
        f"1 {LONG} inline:{RFC_KEY} -KDR=3 -X=9",
    ],
)
def test_a_line_is_read(line: str) -> None:
    found = Crypto.parse(line)
    assert found == Crypto(tag=1, key=SrtpKey(suite=LONG, key=RFC_KEY))
    assert str(found) == f"1 {LONG} inline:{RFC_KEY}"
    assert RFC_KEY not in repr(found)


@pytest.mark.parametrize(
    "line",
    [
        f"1 {LONG} inline:{RFC_KEY}|2^20|1:32",
        f"1 {LONG} inline:{RFC_KEY}|1:4",
        "1 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20",
        f"1 {LONG} inline:{RFC_KEY}|2^20;inline:{OTHER_KEY}|2^20",
        f"1 {LONG} inline:{RFC_KEY} UNENCRYPTED_SRTP",
        f"1 {LONG} inline:{RFC_KEY} UNAUTHENTICATED_SRTP",
        f"1 {LONG} inline:{RFC_KEY} UNENCRYPTED_SRTCP",
        f"1 {LONG} inline:{RFC_KEY} KDR=1",
        f"1 {LONG} inline:{RFC_KEY} FEC_ORDER=FEC_SRTP",
        f"1 {LONG} inline:{RFC_KEY} WSH=32",
        f"1 {LONG} inline:{RFC_KEY}|2^49",
        f"1 {LONG} inline:{RFC_KEY}|0",
        f"1 {LONG} inline:{RFC_KEY[:-4]}",
        f"1 {LONG} inline:{RFC_KEY}AAAA",
        f"1 {LONG} inline:{RFC_KEY[:-1]}!",
        f"1 {LONG} inline:{RFC_KEY[:-3]}",
        f"1 {LONG} uri:{RFC_KEY}",
        f"1 {LONG}",
        f"{LONG} inline:{RFC_KEY}",
        f"1234567890 {LONG} inline:{RFC_KEY}",
        f"١ {LONG} inline:{RFC_KEY}",
        f"-1 {LONG} inline:{RFC_KEY}",
        "1 AEAD_AES_128_GCM inline:" + RFC_KEY,
        "",
        "1",
        "x" * 70000,
    ],
)
def test_a_line_that_cannot_be_used_is_none(line: str) -> None:
    assert Crypto.parse(line) is None


def test_keys_are_as_long_as_their_suite_and_never_shown() -> None:
    for key in KEYS:
        assert Crypto.parse(f"1 {key.suite} inline:{key.key}") == Crypto(tag=1, key=key)
        assert Crypto.parse(f"1 {key.suite} inline:{key.key.rstrip('=')}") == Crypto(tag=1, key=key)
        assert key.key not in repr(key) and key.key not in repr(OPTIONAL)
        assert key.key not in repr(local(OPTIONAL))
    assert len({key.key for key in KEYS + fresh_keys(tuple(SUITES), entropy)}) == 2 * len(SUITES)


# --- offers to us -----------------------------------------------------------------------------------------------------

SAVP, AVP = "m=audio 4000 RTP/SAVP 8\r\n", "m=audio 4000 RTP/AVP 8\r\n"
BOTH = crypto(3, SHORT, OTHER_KEY, "|2^20") + crypto(5, LONG, RFC_KEY)


@pytest.mark.parametrize("encryption", [OPTIONAL, REQUIRED])
@pytest.mark.parametrize("heading", [SAVP, AVP])
def test_the_first_usable_line_is_answered_under_its_tag(heading: str, encryption: Encryption) -> None:
    answer, agreed = answered(heading + crypto(1, "F8_128_HMAC_SHA1_80", RFC_KEY) + BOTH, encryption)
    (line,) = answer.media[0].attributes("crypto")
    ours = {key.suite: key for key in KEYS}[SHORT]
    assert line == f"3 {SHORT} inline:{ours.key}"
    assert answer.media[0].protocol == heading.split()[2]
    assert (agreed.key_in, agreed.key_out) == (SrtpKey(suite=SHORT, key=OTHER_KEY), ours)


@pytest.mark.parametrize("suite", list(SUITES))
def test_every_suite_is_answered(suite: str) -> None:
    theirs = fresh_keys((suite,), entropy)[0]
    _, agreed = answered(SAVP + crypto(1, suite, theirs.key), REQUIRED)
    assert agreed.key_in == theirs and agreed.key_out is not None and agreed.key_out.suite == suite


@pytest.mark.parametrize(
    ("body", "encryption"),
    [
        (SAVP + BOTH, None),
        (SAVP, OPTIONAL),
        (SAVP + crypto(1, LONG, RFC_KEY, "|2^20|1:4"), OPTIONAL),
        (SAVP, REQUIRED),
        (AVP, REQUIRED),
        (AVP + crypto(1, LONG, "short"), REQUIRED),
        (AVP + crypto(1, LONG, RFC_KEY, " UNENCRYPTED_SRTP"), REQUIRED),
        (SAVP.replace("SAVP", "SAVPF") + BOTH, REQUIRED),
        (SAVP.replace("RTP/SAVP", "UDP/TLS/RTP/SAVP") + BOTH, REQUIRED),
    ],
)
def test_neither_answered_in_clear_nor_weaker(body: str, encryption: Encryption | None) -> None:
    with pytest.raises(NotAcceptable):
        answered(body, encryption)


def test_the_clear_offer_with_keys_is_best_effort() -> None:
    for encryption in (None, OPTIONAL):
        body = AVP if encryption else AVP + BOTH
        answer, agreed = answered(body, encryption)
        assert (
            agreed.key_in is None and not answer.media[0].has("crypto") and answer.media[0].protocol == CLEAR
        )


def test_of_two_streams_the_one_that_policy_allows_is_taken() -> None:
    body = SAVP + BOTH + "m=audio 4002 RTP/AVP 8\r\n"
    for encryption, ports, secured in ((None, [0, 10000], False), (OPTIONAL, [10000, 0], True)):
        answer, agreed = answered(body, encryption)
        assert [media.port for media in answer.media] == ports
        assert (agreed.key_in is not None) is secured


# --- our offers -------------------------------------------------------------------------------------------------------


def test_required_offers_the_secure_profile_and_optional_both_in_one() -> None:
    for encryption, protocol in ((REQUIRED, SECURE), (OPTIONAL, CLEAR)):
        media = make_offer(local(encryption)).media[0]
        assert media.protocol == protocol
        assert [line.split()[1] for line in media.attributes("crypto")] == list(SUITES)
    assert not make_offer(local(None)).media[0].has("crypto")


def test_the_answer_chooses_one_of_our_keys() -> None:
    for encryption, protocol in (
        (REQUIRED, SECURE),
        (OPTIONAL, CLEAR),
        (OPTIONAL, SECURE),
        (REQUIRED, CLEAR),
    ):
        offer = make_offer(local(encryption))
        agreed = read_answer(offer, sdp(f"m=audio 4000 {protocol} 8\r\n" + crypto(2, KEYS[1].suite, RFC_KEY)))
        assert agreed.key_out == KEYS[1]
        assert agreed.key_in == SrtpKey(suite=KEYS[1].suite, key=RFC_KEY)


@pytest.mark.parametrize(
    ("encryption", "secured", "body"),
    [
        (REQUIRED, False, SAVP),
        (REQUIRED, False, AVP),
        (OPTIONAL, False, SAVP),
        (OPTIONAL, True, AVP),
        (OPTIONAL, False, AVP + crypto(1, SHORT, RFC_KEY)),
        (OPTIONAL, False, AVP + crypto(9, LONG, RFC_KEY)),
        (OPTIONAL, False, AVP + crypto(1, LONG, RFC_KEY) + crypto(2, SHORT, RFC_KEY)),
        (OPTIONAL, False, AVP + crypto(1, LONG, RFC_KEY, "|1:4")),
        (None, False, SAVP + crypto(1, LONG, RFC_KEY)),
    ],
)
def test_an_answer_that_was_not_offered_is_refused(
    encryption: Encryption | None, secured: bool, body: str
) -> None:
    with pytest.raises(SdpError) as caught:
        read_answer(make_offer(local(encryption)), sdp(body), secured=secured)
    assert caught.value.sip_status == 488


def test_optional_accepts_an_answer_in_clear() -> None:
    assert read_answer(make_offer(local(OPTIONAL)), sdp(AVP)).key_in is None


def test_both_sides_agree_on_crossed_keys() -> None:
    theirs = Encryption(keys=fresh_keys(tuple(reversed(SUITES)), entropy), mandatory=True, protocol=SECURE)
    offer = make_offer(local(REQUIRED))
    answer, peer = answer_offer(SessionDescription.parse(offer.serialize()), local(theirs))
    ours = read_answer(offer, SessionDescription.parse(answer.serialize()))
    assert (ours.key_in, ours.key_out) == (peer.key_out, peer.key_in)
    assert ours.key_in is not None and ours.key_in.suite == LONG
