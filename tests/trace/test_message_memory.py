"""Proves that the message memory is bounded in messages a dialog, in bytes and in age; that live calls and calls under a
flood keep theirs; that the beginning of a long dialog stays; and that secrets are masked, at the same length.

Does not prove what a whole call leaves there (tests/story) nor that masks know every header of every vendor.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.source import Source
from softswitch.trace.masking import masked
from softswitch.trace.memory import OVERHEAD, PENDING, Limits, MessageMemory, in_order
from softswitch.trace.reading import call_id_of, told

PEER = Source("udp", "192.0.2.9", 5060)


def message(call_id: str, method: str = "INVITE", more: str = "") -> bytes:
    return (
        f"{method} sip:600@192.0.2.1 SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n{more}\r\n".encode()
    )


class Clock:
    now = 1000.0


def memory(messages: int = 10, size: int = 1 << 20, alive: frozenset[str] = frozenset()) -> MessageMemory:
    limits = Limits(messages=messages, bytes=size, keep_s=60.0)
    return MessageMemory(limits, wall=lambda: Clock.now, alive=alive.__contains__)


@pytest.fixture(autouse=True)
def clock() -> None:
    Clock.now = 1000.0


def test_both_legs_of_a_call_in_order() -> None:
    kept = memory()
    kept.record(False, message("a"), PEER)
    kept.link("a", call="c", leg="1", party="trunk:carrier")
    kept.link("b", call="c", leg="2", party="endpoint:1001")
    for at, (outgoing, name) in enumerate([(True, "b"), (False, "b"), (True, "a")]):
        Clock.now = 1001.0 + at
        kept.record(outgoing, message(name), PEER)
    found = [(dialogue.party, record[1]) for dialogue, record in in_order(kept.of_call("c"))]
    assert found == [
        ("trunk:carrier", False), ("endpoint:1001", True), ("endpoint:1001", False), ("trunk:carrier", True)
    ]  # fmt: skip


def test_a_dialog_keeps_its_beginning_and_its_latest() -> None:
    kept = memory(messages=8)
    for at in range(100):
        kept.record(False, message("a", more=f"X: {at}\r\n"), PEER)
    dialogue = kept.dialogue("a")
    assert dialogue is not None and dialogue.left_out == 92
    numbers = [int(record[2].split(b"X: ")[1].split(b"\r")[0]) for record in dialogue.records]
    assert numbers == [0, 1, 94, 95, 96, 97, 98, 99]
    assert dialogue.bytes == sum(len(record[2]) + OVERHEAD for record in dialogue.records)


def test_bytes_are_bounded_and_the_longest_silent_goes_first() -> None:
    kept = memory(size=100_000)
    for at in range(2000):
        kept.link(f"call-{at}", call=f"c{at}", leg="1", party="trunk:t")
        kept.record(False, message(f"call-{at}", more="X" * 400 + "\r\n"), PEER)
    kept.settle()
    assert kept.size[1] <= 100_000
    assert kept.of_call("c0") == [] and kept.of_call("c1999")
    assert not kept._of_call.keys() - {f"c{at}" for at in range(1800, 2000)}


def test_a_flood_of_strangers_pushes_out_no_call() -> None:
    kept = memory(size=200_000)
    kept.link("mine", call="c", leg="1", party="trunk:t")
    kept.record(False, message("mine"), PEER)
    for at in range(5000):
        kept.record(False, message(f"stranger-{at}", "REGISTER"), PEER)
    assert len(kept.of_call("c")[0].records) == 1
    assert kept.size[1] <= 200_000


def test_what_is_over_and_old_goes_and_what_lives_stays() -> None:
    kept = memory(alive=frozenset({"lives"}))
    for name in ("lives", "over"):
        kept.link(name, call=name, leg="1", party="trunk:t")
        kept.record(False, message(name), PEER)
    kept.record(False, message("register", "REGISTER"), PEER)
    kept.sweep()
    assert kept.of_call("over") and kept.dialogue("register")
    Clock.now += 61.0
    kept.sweep()
    assert kept.of_call("lives") and not kept.of_call("over") and kept.dialogue("register") is None


def test_what_waits_to_be_sorted_is_bounded() -> None:
    kept = memory()
    for _ in range(10 * PENDING):
        kept.record(False, b"\r\n\r\n", PEER)
        assert len(kept._pending) < PENDING
    assert kept.size == (0, 0)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"INVITE a SIP/2.0\r\nCall-ID: one@x\r\n\r\n", b"one@x"),
        (b"INVITE a SIP/2.0\r\ni:one\r\n\r\n", b"one"),
        (b"INVITE a SIP/2.0\r\ncall-id :\tone \r\n\r\n", b"one"),
        (b"INVITE a SIP/2.0\r\nSubject: Call-ID: no\r\n\r\n", b""),
        (b"\xff\xfe", b""),
    ],
)
def test_call_ids_in_all_spellings(data: bytes, found: bytes) -> None:
    assert call_id_of(data) == found


SECRETS = [
    'Authorization: Digest username="1001", response="SECRET", nonce="n"',
    'proxy-authorization:Digest username="1",\r\n response=SECRET, qop=auth',
    "AUTHORIZATION: Basic SECRET",
    "Authorization: Bearer SECRET",
]


@pytest.mark.parametrize("header", SECRETS)
def test_credentials_are_masked(header: str) -> None:
    data = message("a", "REGISTER", header + "\r\n")
    safe = masked(data)
    assert b"SECRET" not in safe and len(safe) == len(data)
    assert b"REGISTER sip:600" in safe
    if "username" in header:
        assert b"username=" in safe


def test_srtp_keys_ice_passwords_and_digits_are_masked() -> None:
    key, password = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj", "aAbBcCdDeEfFgG"
    body = (
        f"v=0\r\nm=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^31|1:1;inline:{key}\r\n"
        f"a=ice-pwd:{password}\r\nk=base64:{key}\r\n"
    )
    safe = masked(message("a", more="\r\n" + body))
    assert key.encode() not in safe and password.encode() not in safe
    assert b"AES_CM_128_HMAC_SHA1_80 inline:*" in safe and b"|2^31|1:1" in safe
    for kind, digits in (("application/dtmf-relay", "Signal=4\r\nDuration=160"), ("application/dtmf", "4")):
        info = masked(message("a", "INFO", f"Content-Type: {kind}\r\n\r\n{digits}"))
        assert b"4" not in info.partition(b"\r\n\r\n")[2]


def test_a_pin_dialled_after_the_login_code_is_masked() -> None:
    data = b"INVITE sip:*11ana1234@x SIP/2.0\r\nTo: <sip:*11ana1234@x>\r\nCall-ID: a\r\n\r\n"
    safe = masked(data, "*11")
    assert b"1234" not in safe and safe.count(b"sip:*11*******@x") == 2


@given(st.binary(max_size=600))
def test_whatever_comes_is_told_and_masked(data: bytes) -> None:
    assert len(masked(data, "*11")) == len(data)
    says = told(data)
    assert len(says.line) <= 80 and len(says.facts) <= 80


def test_facts_of_a_description() -> None:
    body = "v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/SAVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n"
    says = told(message("a", more="From: <sip:34600@x>\r\n\r\n" + body))
    assert says.line == "INVITE 600" and says.facts == "PCMA :4000 sendonly hold 0.0.0.0 SRTP"
    assert says.numbers == ("600", "34600")
