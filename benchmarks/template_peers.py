"""A trunk and phones on a network in memory that cost next to nothing: messages from templates, read by their bytes.

The trunk's callers call 600, hang up when told, and every phone answers at once. Nothing is repeated: the network that
they are used on loses nothing.
"""

import asyncio
import re
from itertools import count

from softswitch.sip.source import Source
from softswitch.testing.network import Network, deliver_later

SWITCH, TRUNK, AGENTS = "192.0.2.1", "198.51.100.10", "198.51.100.30"
_PLACE = Source("udp", SWITCH, 5060)
_HEADER = re.compile(rb"\r\n(Via|From|To|Call-ID|CSeq|Contact): ([^\r\n]*)")
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)


class TemplatePeers:
    def __init__(self, network: Network) -> None:
        self.completed = 0
        """Calls whose BYE was answered."""
        self._network = network
        self._trunk, self._phones = Source("udp", TRUNK, 5060), Source("udp", AGENTS, 5060)
        self._hold_s: dict[bytes, float] = {}
        self._numbers = count(1)
        network.attach(self._trunk, lambda data, sender, now: self._at_trunk(data))
        network.attach(self._phones, lambda data, sender, now: self._at_phone(data))

    def forget(self) -> None:
        """What was sent so far."""
        self._network.packets.clear()

    def call(self, hold_s: float) -> None:
        number = next(self._numbers)
        self._hold_s[call_id_of(number).encode()] = hold_s
        self._send(self._trunk, first_invite(number))

    def _at_trunk(self, data: bytes) -> None:
        if not data.startswith(b"SIP/2.0 200"):
            return
        headers = headers_of(data)
        if headers[b"CSeq"].endswith(b"BYE"):
            self.completed += 1
            return
        self._send(self._trunk, in_dialog(headers, b"ACK", b"1"))
        hold_s = self._hold_s.pop(headers[b"Call-ID"])
        asyncio.get_running_loop().call_later(
            hold_s, self._send, self._trunk, in_dialog(headers, b"BYE", b"2")
        )

    def _at_phone(self, data: bytes) -> None:
        method = data.partition(b" ")[0]
        if method in (b"ACK", b"SIP/2.0"):
            return
        headers = headers_of(data)
        if method == b"INVITE":
            headers[b"To"] += b";tag=a%d" % next(self._numbers)
            self._send(self._phones, response(b"180 Ringing", headers))
            self._send(self._phones, response(b"200 OK", headers, SDP.format(AGENTS).encode()))
        else:
            self._send(self._phones, response(b"200 OK", headers))

    def _send(self, place: Source, data: bytes) -> None:
        deliver_later(self._network, data, place, _PLACE)


def headers_of(data: bytes) -> dict[bytes, bytes]:
    """What of a message its answers repeat."""
    return dict(_HEADER.findall(data))


def call_id_of(number: int) -> str:
    return f"{number}-cost@{TRUNK}"


def first_invite(number: int) -> bytes:
    """The trunk's INVITE of its call of this number."""
    body = SDP.format(TRUNK)
    return (
        f"INVITE sip:600@{SWITCH}:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {TRUNK}:5060;branch=z9hG4bK{number}-1;rport\r\n"
        f"From: <sip:7{number:08}@{TRUNK}>;tag=c{number}\r\nTo: <sip:600@{SWITCH}:5060>\r\n"
        f"Call-ID: {call_id_of(number)}\r\n"
        f"CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:7{number:08}@{TRUNK}:5060>\r\n"
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def in_dialog(headers: dict[bytes, bytes], method: bytes, cseq: bytes) -> bytes:
    """A request of the trunk in the dialog that a 200 with these headers made."""
    target = headers[b"Contact"].strip(b"<>").partition(b">")[0]
    branch = headers[b"Call-ID"].partition(b"@")[0] + method
    return (
        b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK%s;rport\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
        b"CSeq: %s %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ) % (
        method, target, TRUNK.encode(), branch, headers[b"From"], headers[b"To"], headers[b"Call-ID"], cseq, method,
    )  # fmt: skip


def response(status: bytes, headers: dict[bytes, bytes], body: bytes = b"") -> bytes:
    """The phone's answer to a request with these headers."""
    described = b"Content-Type: application/sdp\r\n" if body else b""
    return (
        b"SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:agent@%s:5060>\r\n"
        b"%sContent-Length: %d\r\n\r\n%s"
    ) % (
        status, headers[b"Via"], headers[b"From"], headers[b"To"], headers[b"Call-ID"], headers[b"CSeq"],
        AGENTS.encode(), described, len(body), body,
    )  # fmt: skip
