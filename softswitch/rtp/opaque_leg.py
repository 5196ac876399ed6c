"""One stream that is passed on and not understood: whose datagrams it takes, and how many (T.38 over UDPTL, video, text).

Of RTP and RTCP only version 2 is taken (RFC 3550 section 5.1), so that nothing else rides on the ports; of UDPTL whatever
comes. The peer is learnt and locked as for audio (`latch.py`). RTCP comes from the host that media comes from, and goes
back to where it came from (RFC 4961).
"""

from typing import Final

from softswitch.ids import LegId
from softswitch.rtp.commands import SetPeer
from softswitch.rtp.engine import Address
from softswitch.rtp.latch import Latch, LatchState
from softswitch.rtp.peering import address_of
from softswitch.rtp.refusal import CommandError
from softswitch.rtp.reports import LegStats

UDPTL: Final = "udptl"
RTP: Final = "rtp"
"""What `SetPeer.codec` says of an opaque leg."""
LONGEST: Final = 4096
"""Bytes of a datagram; nobody sends longer ones over a network."""
MOST_PER_S: Final = 3000
"""Packets that are taken in a second: video of 25 Mbit/s. More is a flood, or a loop of two peers that name our ports."""
BURST_S: Final = 1.0

_RTP_BYTES, _RTCP_BYTES = 12, 8
_VERSION_2 = 2


class OpaqueLeg:
    """Slots and no dataclass: every packet reads them."""

    __slots__ = (
        "_learnt",
        "_paid_until",
        "_rtp",
        "address",
        "bytes_in",
        "control",
        "id",
        "last_in",
        "latch",
        "malformed",
        "packets_in",
        "packets_out",
        "partner",
        "port",
        "receives",
        "sends",
        "strangers",
        "told",
    )

    def __init__(self, leg: LegId, address: str, port: int, now: float) -> None:
        self.id = leg
        self.address = address
        self.port = port
        self.told: SetPeer | None = None
        self.partner: OpaqueLeg | None = None
        self.latch = Latch(leg)
        self.control: Address | None = None
        """Where its RTCP goes."""
        self.sends = self.receives = False
        self.last_in = now
        self.packets_in = self.packets_out = self.bytes_in = 0
        self.malformed = self.strangers = 0
        self._rtp = True
        self._learnt = False
        self._paid_until = 0.0

    def __repr__(self) -> str:
        return f"<OpaqueLeg {self.id} port={self.port} {self.latch!r}>"

    def negotiate(self, command: SetPeer) -> None:
        """Raises CommandError, and changes nothing then."""
        if command.codec not in (UDPTL, RTP):
            raise CommandError(f"codec {command.codec[:20]!r} is none of {RTP}, {UDPTL}")
        peer = address_of(command.address, command.port)
        self.told = command
        self._rtp = command.codec == RTP
        self.sends = command.send and peer is not None
        self.receives = command.receive and peer is not None
        if peer is None:
            self.latch.mute()
        elif self.latch.negotiate(peer, learn=command.latch, host=command.latch_host) or not self._learnt:
            self.control = (peer[0], command.rtcp_port or min(peer[1] + 1, 65535))
            self._learnt = False

    def takes(self, data: bytes, source: Address, now: float) -> bool:
        """Whether a datagram at the first port goes on; counts it in any case."""
        if len(data) > LONGEST or not self._well_formed(data):
            self.malformed += 1
            return False
        if not self.latch.admit(source, int.from_bytes(data[8:12]) if self._rtp else 0, now):
            self.strangers += 1
            return False
        if not self._within(now):
            self.malformed += 1
            return False
        if not self.receives:
            return False
        self.packets_in += 1
        self.bytes_in += len(data)
        self.last_in = now
        return True

    def takes_control(self, data: bytes, source: Address, now: float) -> bool:
        """The same of the second port."""
        peer = self.latch.peer
        if self.latch.state == LatchState.MUTED or peer is None or source[0] != peer[0]:
            self.strangers += 1
            return False
        well_formed = _RTCP_BYTES <= len(data) <= LONGEST and data[0] >> 6 == _VERSION_2
        if not self._rtp or not well_formed or not self._within(now):
            self.malformed += 1
            return False
        if not self._learnt:
            self.control, self._learnt = source, True
        return source == self.control

    def _well_formed(self, data: bytes) -> bool:
        if not self._rtp:
            return bool(data)
        return len(data) >= _RTP_BYTES and data[0] >> 6 == _VERSION_2

    def _within(self, now: float) -> bool:
        if self._paid_until >= now + BURST_S:
            return False
        self._paid_until = max(self._paid_until, now) + 1 / MOST_PER_S
        return True

    def stats(self, now: float) -> LegStats:
        return LegStats(
            leg=self.id,
            packets_in=self.packets_in,
            packets_out=self.packets_out,
            bytes_in=self.bytes_in,
            lost=0,
            out_of_order=0,
            duplicates=0,
            malformed=self.malformed,
            strangers=self.strangers,
            jitter_ms=0.0,
            silent_s=now - self.last_in,
        )
