"""Proves that thousands of damaged SIP messages and RTP packets neither stop nor bloat the switch.

After each hundred an OPTIONS is answered; at the end the log holds nothing unhandled, memory is flat, and a call works.
`FUZZ_COUNT` and `FUZZ_SEED` in the environment choose how many and which.

Does not prove the absence of faults, only that these seeds find none.
"""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tools.peers.centre import TRUNK_ADDRESS, phone, queue, trunk
from tools.peers.g711 import unique_frames
from tools.peers.mutate import Mutator
from tools.peers.rtp_party import compare
from tools.peers.sip_party import SipParty
from tools.peers.sip_text import compose, sdp, token
from tools.peers.softphone import Softphone
from tools.peers.switch import StartSwitch, Switch, wait_for

COUNT = int(os.environ.get("FUZZ_COUNT", "5000"))
SEED = int(os.environ.get("FUZZ_SEED", "20"))
GROWTH_MB = 30.0
KEPT_KB = 20.0
"""What a message may leave while its transaction lives (RFC 3261 §17.2.2, timer J: 32 s; the showers are shorter)."""


def _config() -> dict[str, Any]:
    return {
        "trace": {"memory_mb": 1},  # what is kept for ladders would hide what leaks
        "trunk": {"carrier": trunk(), "fuzz": {**trunk("127.0.0.66")}},
        "endpoint": {"1001": phone("one")},
        "queue": {"support": queue()},
        "route": {"600": {"to": "queue:support"}, "601": {"to": "extension:1001"}},
    }


def _valid(switch: Switch) -> list[bytes]:
    """One of each kind, as a trunk that is believed would send them."""
    where = f"{switch.address}:{switch.port}"

    def message(method: str, body: str = "", *extra: tuple[str, str], uri: str = "") -> bytes:
        headers = [
            ("Via", f"SIP/2.0/UDP 127.0.0.66:5060;branch=z9hG4bK{token()};rport"), ("Max-Forwards", "70"),
            ("From", f'"Fuzz, A" <sip:600@127.0.0.66>;tag={token()}'), ("To", f"<sip:600@{where}>"), ("Call-ID", token()),
            ("CSeq", f"1 {method}"), ("Contact", "<sip:600@127.0.0.66:5060>"), *extra,
        ]  # fmt: skip
        return compose(f"{method} {uri or f'sip:600@{where}'} SIP/2.0", headers, body)

    credentials = (
        'Digest username="1001", realm="softswitch", nonce="abc", uri="sip:x", qop=auth, nc=00000001, cnonce="c", '
        'response="0123456789abcdef0123456789abcdef", algorithm=MD5'
    )
    offer = sdp("127.0.0.66", 4000)
    return [
        message("INVITE", offer, ("Allow", "INVITE, ACK, BYE"), ("Supported", "timer, 100rel")),
        message("INVITE", offer, ("Record-Route", "<sip:a;lr>, <sip:b;lr>"), ("P-Asserted-Identity", "<tel:+34600>")),
        message("OPTIONS", "", ("Accept", "application/sdp")),
        message("REGISTER", "", ("Expires", "60"), ("Authorization", credentials), uri=f"sip:{where}"),
        message("REGISTER", "", ("Contact", "*"), ("Expires", "0"), uri=f"sip:{where}"),
        message("BYE"), message("CANCEL"), message("ACK"), message("INFO", "Signal=5\r\n"), message("MESSAGE", "hello"),
        message("SUBSCRIBE", "", ("Event", "dialog")),
        message("REFER", "", ("Refer-To", "<sip:1001@h?Replaces=a%3Bto-tag%3Db>")),
        compose("SIP/2.0 200 OK", [("Via", f"SIP/2.0/UDP {where};branch=z9hG4bKx"), ("From", "<sip:a@b>;tag=1"),
                                   ("To", "<sip:c@d>;tag=2"), ("Call-ID", token()), ("CSeq", "1 INVITE")], offer),
        b"\r\n\r\n",
    ]  # fmt: skip


def _memory_mb(switch: Switch) -> float:
    return sum(one.rss_mb for one in switch.usage().values())


def _shower(
    switch: Switch, messages: Iterator[bytes], sender: socket.socket, target: tuple[str, int]
) -> float:
    """Send them all, pinging after each hundred; memory in megabytes after the first half, to compare with: by then
    what is remembered of messages, up to its bounds, is there."""
    baseline = 0.0
    wait_for(lambda: len(switch.usage()) == 3, 20, "control process, worker and the spare one")
    for sent in range(1, COUNT + 1):
        sender.sendto(next(messages)[:60_000], target)
        if sent % 100 == 0:
            assert switch.options(timeout=3.0) < 3.0, f"after {sent} messages of seed {SEED}"
        if sent == max(COUNT // 2, 1):
            baseline = _memory_mb(switch)
    return baseline


def _assert_a_call_works(switch: Switch) -> None:
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller,
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as called,
    ):
        called.register().accept_always()
        caller.dial("601")
        spoken = unique_frames(30, 1)
        caller.rtp.wait_packets(3)
        caller.rtp.play(spoken).wait_played()
        caller.rtp.wait_packets(3)
        caller.hangup()
        assert compare(spoken, called.rtp.payloads()).bit_exact


@pytest.mark.parametrize("source", ["127.0.0.66", "127.0.0.77"])
def test_damaged_sip_over_udp(start_switch: StartSwitch, source: str) -> None:
    """From a trunk that is believed, and from a stranger."""
    switch = start_switch(_config())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        before = _shower(switch, Mutator(SEED, _valid(switch)).sip(), sender, switch.sip)
    assert _memory_mb(switch) < before + GROWTH_MB + KEPT_KB * min(COUNT // 2, 16_000) / 1000
    for call in switch.cli("calls"):
        switch.cli("calls", "hangup", call["call"], check=False)
    _assert_a_call_works(switch)
    assert switch.cli("status")["sip"]["malformed"] > 0


def test_damaged_sip_over_tcp(start_switch: StartSwitch) -> None:
    """Each on a connection of its own: a stream that is out of step may be closed, and nothing else may suffer."""
    switch = start_switch(_config())
    messages = Mutator(SEED + 1, _valid(switch)).sip()
    for sent in range(1, COUNT // 5 + 1):
        with socket.create_connection(switch.sip, timeout=3) as connection:
            try:
                connection.sendall(next(messages))
            except OSError:
                continue
        if sent % 100 == 0:
            assert switch.options(timeout=3.0) < 3.0
    _assert_a_call_works(switch)
    files = sum(one.files for one in switch.usage().values())
    assert files < 400, f"{files} descriptors are open"


def test_damaged_rtp_in_a_call(start_switch: StartSwitch) -> None:
    """From the peer's own port, so that it passes every check of the source; the talk goes on."""
    switch = start_switch(_config())
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller,
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as called,
    ):
        called.register().accept_always()
        caller.dial("601")
        assert caller.rtp.wait_packets(3) and caller.rtp.peer is not None
        packet = b"\x80\x00" + bytes(10) + b"\xff" * 160
        event = b"\x80\x65" + bytes(10) + b"\x05\x8a\x03\x20"
        damaged = Mutator(SEED, [packet, event, packet[:12], b"\x80\xc8\x00\x06" + bytes(24)]).rtp()
        before = _shower(switch, damaged, caller.rtp._socket, caller.rtp.peer)
        assert _memory_mb(switch) < before + GROWTH_MB
        assert not caller.call.ended.is_set()
        spoken = unique_frames(30, 1)
        called.rtp.play(spoken).wait_played()
        called.rtp.wait_packets(2)
        assert compare(spoken, caller.rtp.payloads()).bit_exact
        caller.hangup()


def test_a_message_of_every_length(start_switch: StartSwitch) -> None:
    """Each valid message cut at every length, and the answer to a ping after it."""
    switch = start_switch(_config())
    with SipParty("600", "127.0.0.66", switch.sip) as party:
        for message in _valid(switch)[:3]:
            for length in range(0, len(message), 7):
                party.send(message[:length])
        assert party.ping().status == 200
