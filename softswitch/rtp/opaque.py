"""The legs of a worker that only pass datagrams on: commands about them, and what moves at each tick.

Nothing here knows what is in a packet: it leaves as it came, at the same tick, from the other leg's port of the same kind.
Without such legs a tick and a command cost one look at an empty table.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from softswitch.ids import LegId
from softswitch.rtp.commands import (
    AskPeers,
    AskStats,
    Bridge,
    CloseLeg,
    Command,
    OpenLeg,
    SetPeer,
    Unbridge,
)
from softswitch.rtp.engine import Address
from softswitch.rtp.opaque_leg import OpaqueLeg
from softswitch.rtp.ports import PortAllocator
from softswitch.rtp.refusal import CommandError
from softswitch.rtp.reports import LegClosed, LegFailed, LegOpened, PeerIs, Report

MOST_AT_ONCE: Final = 64
"""Datagrams of one port in one tick: a picture's worth; more wait in the kernel for the next."""
_BIND_TRIES: Final = 8


class Datagrams(Protocol):
    """Port pairs in the kernel, by leg; `datagram_ports.py` implements it on sockets."""

    def open(self, leg: LegId, address: str, port: int) -> None:
        """Bind `port` and the one above; raises OSError."""

    def close(self, leg: LegId) -> None: ...

    def ready(self) -> list[tuple[LegId, bool]]:
        """Ports at which datagrams wait; True: the second of a leg."""

    def receive(self, leg: LegId, *, control: bool) -> tuple[bytes, Address] | None: ...

    def send(self, leg: LegId, data: bytes, peer: Address, *, control: bool) -> None:
        """What the kernel refuses is lost, as on any network."""

    def shut(self) -> None: ...


class OpaqueLegs:
    def __init__(
        self, datagrams: Datagrams | None, ports: PortAllocator, report: Callable[[Report], None]
    ) -> None:
        """Without `datagrams` none can be opened."""
        self._datagrams = datagrams
        self._ports = ports
        self._report = report
        self._legs: dict[LegId, OpaqueLeg] = {}
        self.by_id: Mapping[LegId, object] = self._legs
        """Those that are open."""
        self._closed_in = self._closed_out = 0

    def __len__(self) -> int:
        return len(self._legs)

    @property
    def legs(self) -> tuple[LegId, ...]:
        return tuple(self._legs)

    @property
    def packets(self) -> tuple[int, int]:
        """Received and sent so far, by open and closed legs."""
        legs = self._legs.values()
        received, sent = sum(leg.packets_in for leg in legs), sum(leg.packets_out for leg in legs)
        return self._closed_in + received, self._closed_out + sent

    def takes(self, command: Command, now: float) -> bool:
        """Carry out what concerns these legs; False: it is, or is also, for the others. Raises CommandError. While there
        are none it need not be asked."""
        match command:
            case SetPeer(leg=leg) if leg in self._legs:
                self._legs[leg].negotiate(command)
            case Bridge(a=a, b=b) if a in self._legs or b in self._legs:
                self._bridge(a, b)
            case Unbridge(leg=leg) if leg in self._legs:
                self._part(self._legs[leg])
            case CloseLeg(leg=leg) if leg in self._legs:
                self._close(self._legs[leg], now)
            case AskStats(legs=legs):
                for each in legs or self.legs:
                    if each in self._legs:
                        self._report(self._legs[each].stats(now))
                return False
            case AskPeers():
                for here in self._legs.values():
                    self._report(
                        PeerIs(leg=here.id, address=here.address, port=here.port, peer=here.told, opaque=True)
                    )
                return False
            case _:
                return False
        return True

    def tick(self, now: float) -> bool:
        """Move everything that waits; whether anything did."""
        datagrams = self._datagrams
        if not self._legs or datagrams is None:
            return False
        ready = datagrams.ready()
        for leg, control in ready:
            if (here := self._legs.get(leg)) is not None:
                self._move(datagrams, here, control, now)
        return bool(ready)

    def shut(self, now: float) -> None:
        for leg in tuple(self._legs.values()):
            self._close(leg, now)
        if self._datagrams is not None:
            self._datagrams.shut()

    @staticmethod
    def _move(datagrams: Datagrams, leg: OpaqueLeg, control: bool, now: float) -> None:
        taken = leg.takes_control if control else leg.takes
        for _ in range(MOST_AT_ONCE):
            received = datagrams.receive(leg.id, control=control)
            if received is None:
                return
            data, source = received
            out = leg.partner
            if not taken(data, source, now) or out is None:
                continue
            if control:
                if out.control is not None and out.latch.peer is not None:
                    datagrams.send(out.id, data, out.control, control=True)
            elif out.sends and out.latch.peer is not None:
                out.packets_out += 1
                datagrams.send(out.id, data, out.latch.peer, control=False)

    def open(self, command: OpenLeg, now: float) -> None:
        problem = "all media ports are in use or quiet"
        for _ in range(_BIND_TRIES):
            port = self._ports.take(now) if self._datagrams is not None else None
            if port is None or self._datagrams is None:
                break
            try:
                self._datagrams.open(command.leg, command.address, port)
            except OSError as error:
                problem = f"{command.address}:{port}: {error.strerror or error}"
                self._ports.release(port, now)
                continue
            self._legs[command.leg] = OpaqueLeg(command.leg, command.address, port, now)
            self._report(LegOpened(leg=command.leg, port=port))
            return
        self._report(LegFailed(leg=command.leg, problem=problem))

    def _bridge(self, a: LegId, b: LegId) -> None:
        one, other = self._legs.get(a), self._legs.get(b)
        if one is None or other is None or one is other:
            raise CommandError("a bridge takes two legs that are open, of one kind")
        for leg in (one, other):
            self._part(leg)
        one.partner, other.partner = other, one

    @staticmethod
    def _part(leg: OpaqueLeg) -> None:
        if leg.partner is not None:
            leg.partner.partner = None
            leg.partner = None

    def _close(self, leg: OpaqueLeg, now: float) -> None:
        self._part(leg)
        self._closed_in += leg.packets_in
        self._closed_out += leg.packets_out
        if self._datagrams is not None:
            self._datagrams.close(leg.id)
        del self._legs[leg.id]
        self._ports.release(leg.port, now)
        self._report(LegClosed(stats=leg.stats(now)))
