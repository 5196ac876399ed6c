"""What `SetPeer` says of a leg's peer, checked and put where the tick finds it: address, payload types, codec, clock."""

import ipaddress
from functools import lru_cache
from typing import Final

from softswitch import g711
from softswitch.codec import CODECS, G711, Codec
from softswitch.rtp import codecs
from softswitch.rtp.commands import SetPeer
from softswitch.rtp.decoded import DecodedLegs
from softswitch.rtp.departures import MAX_PAYLOAD
from softswitch.rtp.engine import Address, Engine
from softswitch.rtp.goertzel import ToneDetector
from softswitch.rtp.latch import LatchState
from softswitch.rtp.leg import Leg
from softswitch.rtp.refusal import CommandError
from softswitch.rtp.table import NOBODY, LegTable

PTIMES_MS: Final = range(10, 61, 10)
L16_PTIME_MS: Final = 10
"""A packet of 20 ms has 640 bytes, more than a row takes."""
_LAWS: Final = {"PCMU": g711.PCMU, "PCMA": g711.PCMA}


class Peering:
    def __init__(self, table: LegTable, engine: Engine, tones: ToneDetector, decoded: DecodedLegs) -> None:
        self._table = table
        self._engine = engine
        self._tones = tones
        self._decoded = decoded

    def negotiate(self, leg: Leg, command: SetPeer, now: float) -> bool:
        """Take what was negotiated; whether the leg's codec changed. Raises CommandError."""
        table, slot = self._table, leg.slot
        codec = CODECS.get(command.codec)
        if codec is None:
            raise CommandError(f"codec {command.codec[:20]!r} is none of {', '.join(CODECS)}")
        audio, event, noise = command.payload_type, command.event_payload_type, command.comfort_noise_type
        if not _each_once(audio, event, noise):
            raise CommandError("payload types are numbers from 0 to 127, each once")
        peer = address_of(command.address, command.port)
        self._aim(leg, peer, command)
        table.audio_type[slot] = audio
        table.event_type[slot] = NOBODY if event is None else event
        table.noise_type[slot] = NOBODY if noise is None else noise
        table.sends[slot] = command.send and peer is not None
        receives = command.receive and peer is not None
        if receives and not table.receives[slot]:
            table.last_in[slot] = now
        table.receives[slot] = receives
        if command.detect_inband and table.inband[slot] == NOBODY:
            self._tones.clear(slot)
        table.inband[slot] = slot if command.detect_inband else NOBODY
        return self._speak(leg, codec, command)

    def _speak(self, leg: Leg, codec: Codec, command: SetPeer) -> bool:
        table, slot = self._table, leg.slot
        ptime_ms = packet_time(codec, command.ptime_ms)
        table.law[slot] = _LAWS.get(codec.name, g711.PCMU)
        foreign = codec.name not in G711
        if foreign != (slot in self._decoded.slots):
            self._decoded.set_foreign(slot, foreign)
        if table.clock[slot] != codec.clock:
            table.clock[slot], table.timed[slot], table.jitter[slot] = codec.clock, False, 0.0
        table.frame[slot] = codec.clock * ptime_ms // 1000
        return leg.speaks(codec, ptime_ms, command.format_parameters)

    def _aim(self, leg: Leg, peer: Address | None, command: SetPeer) -> None:
        if peer is None:
            leg.latch.mute()
            self._engine.mute(leg.slot)
        elif leg.latch.negotiate(peer, learn=command.latch, host=command.latch_host):
            try:
                if leg.latch.state == LatchState.LOCKED:
                    self._engine.lock(leg.slot, peer)
                else:
                    self._engine.aim(leg.slot, peer)
            except OSError as error:
                leg.latch.mute()
                self._engine.mute(leg.slot)
                raise CommandError(f"{peer[0]}:{peer[1]}: {error.strerror or error}") from error


@lru_cache(maxsize=4096)
def _each_once(*kinds: int | None) -> bool:
    """Whether these can be payload types of one leg, where they are any."""
    given = [kind for kind in kinds if kind is not None]
    return all(0 <= kind <= 127 for kind in given) and len(set(given)) == len(given)


def packet_time(codec: Codec, wanted_ms: int) -> int:
    """The packet time that is used when the peer asks for this one."""
    wanted_ms = codecs.ptime(codec, wanted_ms if wanted_ms in PTIMES_MS else 20)
    if codec.name == "L16" and codec.rate * wanted_ms // 1000 * 2 > MAX_PAYLOAD:
        return L16_PTIME_MS
    return wanted_ms


@lru_cache(maxsize=4096)
def address_of(address: str, port: int) -> Address | None:
    """Where to send, None when the peer wants nothing (RFC 3264 section 8.4, and port 0); media goes to one host only."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError as error:
        raise CommandError(f"{address[:40]!r} is no IP address") from error
    if not 0 <= port <= 65535:
        raise CommandError(f"{port} is no port")
    if ip.is_multicast or str(ip) == "255.255.255.255":
        raise CommandError(f"{ip} is not one host")
    return None if ip.is_unspecified or port == 0 else (str(ip), port)
