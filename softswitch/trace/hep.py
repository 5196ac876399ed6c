"""HEP version 3, the encapsulation that Homer collects messages by: one packet of chunks for each message.

Layout after "HEP3 Network Protocol Specification rev. 32" (github.com/sipcapture/HEP): the letters `HEP3`, the total
length, then chunks of vendor (0), type, length (its own six bytes counted) and value, all in network byte order.
"""

import struct
from dataclasses import dataclass
from ipaddress import ip_address

SIP, REPORT = 1, 34
"""Protocol types: SIP, and an agent's report in JSON (as Homer's `hep_proto_type` has it)."""
LARGEST = 65_000
"""Longest payload: the whole packet must fit into one datagram and into its own length field."""
_PROTOCOL = {"udp": 17}
_TCP = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class HepSettings:
    capture_id: int
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HepPacket:
    at: float
    """Wall time."""
    transport: str
    sender: tuple[str, int]
    receiver: tuple[str, int]
    payload: bytes
    correlation: str
    """What joins the legs of a call."""
    kind: int = SIP


def encode(packet: HepPacket, settings: HepSettings) -> bytes:
    """Raises ValueError for an address that is none."""
    source, target = ip_address(packet.sender[0]), ip_address(packet.receiver[0])
    if source.version != target.version:
        raise ValueError("two addresses of different families")
    four = source.version == 4
    micros = round(packet.at * 1_000_000)
    chunks = [
        _chunk(1, bytes((2 if four else 10,))),
        _chunk(2, bytes((_PROTOCOL.get(packet.transport, _TCP),))),
        _chunk(3 if four else 5, source.packed),
        _chunk(4 if four else 6, target.packed),
        _chunk(7, struct.pack("!H", packet.sender[1])),
        _chunk(8, struct.pack("!H", packet.receiver[1])),
        _chunk(9, struct.pack("!I", micros // 1_000_000)),
        _chunk(10, struct.pack("!I", micros % 1_000_000)),
        _chunk(11, bytes((packet.kind,))),
        _chunk(12, struct.pack("!I", settings.capture_id & 0xFFFFFFFF)),
    ]
    if settings.password:
        chunks.append(_chunk(14, settings.password.encode()))
    if packet.correlation:
        chunks.append(_chunk(17, packet.correlation.encode()[:255]))
    room = LARGEST - sum(map(len, chunks))
    chunks.append(_chunk(15, packet.payload[:room]))
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def _chunk(kind: int, value: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, 6 + len(value)) + value
