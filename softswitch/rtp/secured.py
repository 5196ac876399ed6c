"""SRTP (RFC 3711, RFC 7714) around an engine: what encrypted legs receive is plain RTP before anybody looks at it, and
what they send is encrypted last of all.

A received packet that is not authentic, or that came before, becomes a row of no length: it is counted as malformed, and no
latch learns from it. Contexts live as long as their keys: replay window and rollover counter survive hold, re-INVITEs and
new sources. After the peer has changed its key the old one is good until the first packet under the new one.

Each packet costs a call into libsrtp (about 3 µs); a round without encrypted legs costs one look at a flag.
"""

import base64
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from softswitch.errors import MediaError
from softswitch.rtp.engine import Address, Arrivals, Engine, PacketRows
from softswitch.rtp.packet import HEADER_BYTES, WIDTH, Indices
from softswitch.srtp_key import SrtpKey

try:
    import pylibsrtp
except ImportError:
    pylibsrtp = None  # type: ignore[assignment]

MAX_SOURCES: Final = 256
"""Synchronization sources of one key; libsrtp keeps state for each, and only the peer itself can begin one."""
MAX_ROLLOVERS: Final = 64
"""Of a stream that is joined late: 23 hours of packets of 20 ms."""
ROWS: Final = 512
_TRIES: Final = 8
"""Packets of one key that may each cost the search for their rollover counter (about 2 ms) ..."""
_TRY_EVERY: Final = 256
"""... and then every so many, until one fits: strangers' packets are not to use up the tries of the peer's."""
_QUARTER: Final = 0x4000
_CONTROL_BYTES: Final = 8
_CONTROL_KINDS: Final = range(192, 224)
"""Second byte of RTCP on the port of RTP (RFC 5761 section 4)."""
_PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": "SRTP_PROFILE_AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": "SRTP_PROFILE_AES128_CM_SHA1_32",
    "AEAD_AES_128_GCM": "SRTP_PROFILE_AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM": "SRTP_PROFILE_AEAD_AES_256_GCM",
}


class SrtpUnusable(MediaError):
    """A key that cannot be used: its package is not installed, or it is none."""


class Incoming:
    """What the peer sends under one key."""

    __slots__ = ("_failed", "_joined", "_session", "_sources", "key")

    def __init__(self, key: SrtpKey) -> None:
        self.key = key
        self._session = _session(key, inbound=True)
        self._sources: set[bytes] = set()
        self._joined = False
        """RTP has come; RTCP says nothing of its rollover counter."""
        self._failed = 0

    def rtp(self, data: bytes) -> bytes | None:
        """The packet in clear, None when it is not the peer's or came before."""
        if len(data) < HEADER_BYTES:
            return None
        plain = self._open(data, data[8:12], self._session.unprotect)
        if plain is not None:
            self._joined = True
        return plain

    def join(self, data: bytes) -> bytes | None:
        """A packet that `rtp` did not take, of a stream that is older than this context, because the call was at another
        worker before: its rollover counter is not in the packet. libsrtp is led there with packets of our own under the
        peer's key, each a quarter of the sequence numbers further, until the packet fits."""
        if self._joined or len(data) < HEADER_BYTES:
            return None
        self._failed += 1
        if self._failed > _TRIES and self._failed % _TRY_EVERY:
            return None
        session, leader = _session(self.key, inbound=True), _session(self.key, inbound=False)
        before = int.from_bytes(data[2:4]) - 1
        for quarter in range(4 * MAX_ROLLOVERS):
            sequence = before + quarter * _QUARTER & 0xFFFF
            session.unprotect(leader.protect(b"\x80\0" + sequence.to_bytes(2) + bytes(4) + data[8:12]))
            if quarter % 4 == 0 and (plain := self._open(data, data[8:12], session.unprotect)) is not None:
                self._session, self._joined = session, True
                return plain
        return None

    def rtcp(self, data: bytes) -> bytes | None:
        return (
            self._open(data, data[4:8], self._session.unprotect_rtcp) if len(data) >= _CONTROL_BYTES else None
        )

    def _open(self, data: bytes, source: bytes, unprotect: Any) -> bytes | None:
        if source not in self._sources and len(self._sources) >= MAX_SOURCES:
            return None
        try:
            plain: bytes = unprotect(data)
        except (pylibsrtp.Error, ValueError):
            return None
        self._sources.add(source)
        return plain


class Outgoing:
    """What we send under one key."""

    __slots__ = ("_session", "key")

    def __init__(self, key: SrtpKey) -> None:
        self.key = key
        self._session = _session(key, inbound=False)

    def rtp(self, data: bytes) -> bytes | None:
        """None: too late in the stream to be sent (RFC 3711 section 3.3.1)."""
        return _closed(self._session.protect, data)

    def rtcp(self, data: bytes) -> bytes | None:
        return _closed(self._session.protect_rtcp, data)


class _Keys:
    __slots__ = ("before", "incoming", "outgoing")

    def __init__(self, incoming: Incoming, outgoing: Outgoing, before: Incoming | None) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self.before = before
        """Of the peer's last key, while nothing has come under the new one."""

    def open(self, data: bytes, *, control: bool) -> bytes | None:
        incoming = self.incoming
        plain = incoming.rtcp(data) if control else incoming.rtp(data)
        if plain is not None:
            self.before = None
            return plain
        if self.before is not None:
            plain = self.before.rtcp(data) if control else self.before.rtp(data)
        if plain is None and not control and (plain := incoming.join(data)) is not None:
            self.before = None
        return plain


class SecuredEngine:
    """An `Engine` for `capacity` slots around another one."""

    def __init__(self, engine: Engine, capacity: int) -> None:
        self.name = engine.name
        self._engine = engine
        # What has nothing to do with keys goes there without a detour.
        self.open, self.hold, self.unhold = engine.open, engine.hold, engine.unhold
        self.aim, self.lock, self.mute, self.strangers = (
            engine.aim,
            engine.lock,
            engine.mute,
            engine.strangers,
        )
        self._keys: dict[int, _Keys] = {}
        self._any = False
        self._secured = np.zeros(capacity, np.bool_)
        self._packets: PacketRows | None = None

    def secure(self, slot: int, key_in: SrtpKey | None, key_out: SrtpKey | None) -> None:
        """Encrypt a leg from now on, or no more; keys that it has already go on as they are. Raises SrtpUnusable, and
        changes nothing then."""
        known = self._keys.get(slot)
        if known is None and (key_in is None or key_out is None):
            return  # in clear, as before
        if key_in is None or key_out is None:
            self._keys.pop(slot, None)
        elif known is None:
            self._keys[slot] = _Keys(Incoming(key_in), Outgoing(key_out), None)
        else:
            outgoing = known.outgoing if known.outgoing.key == key_out else Outgoing(key_out)
            if known.incoming.key != key_in:
                known.before, known.incoming = known.incoming, Incoming(key_in)
            known.outgoing = outgoing
        self._secured[slot] = slot in self._keys
        self._any = bool(self._keys)

    def receive(self, *, again: bool) -> Arrivals | None:
        arrivals = self._engine.receive(again=again)
        if self._any and arrivals is not None:
            for row in np.flatnonzero(self._secured[arrivals.slot]).tolist():
                self._open_row(arrivals, row)
        return arrivals

    def _open_row(self, arrivals: Arrivals, row: int) -> None:
        view, length = arrivals.packets.views[row], int(arrivals.length[row])
        plain = None
        if HEADER_BYTES <= length <= WIDTH:
            keys = self._keys[int(arrivals.slot[row])]
            plain = keys.open(bytes(view[:length]), control=view[1] in _CONTROL_KINDS)
        if plain is None:
            arrivals.length[row] = 0
        else:
            view[: len(plain)] = plain
            arrivals.length[row] = len(plain)

    def receive_control(self) -> list[tuple[int, bytes, Address]]:
        received = self._engine.receive_control()
        if not self._any:
            return received
        opened: list[tuple[int, bytes, Address]] = []
        for slot, data, source in received:
            keys = self._keys.get(slot)
            plain = data if keys is None else keys.open(data, control=True)
            if plain is not None:
                opened.append((slot, plain, source))
        return opened

    def send(
        self, packets: PacketRows, row: Indices, slot: npt.NDArray[np.int32], length: npt.NDArray[np.int32]
    ) -> None:
        if self._any:
            secured = self._secured[slot]
            if secured.any():
                self._send_secured(packets, row[secured], slot[secured], length[secured])
                row, slot, length = row[~secured], slot[~secured], length[~secured]
                if not row.size:
                    return
        self._engine.send(packets, row, slot, length)

    def _send_secured(
        self, packets: PacketRows, row: Indices, slot: npt.NDArray[np.int32], length: npt.NDArray[np.int32]
    ) -> None:
        """Through rows of our own: a packet that somebody else hears too stays as it is."""
        own = self._packets = self._packets or PacketRows(ROWS)
        for begin in range(0, len(row), ROWS):
            part = slice(begin, begin + ROWS)
            slots: list[int] = []
            lengths: list[int] = []
            for at, to, count in zip(
                row[part].tolist(), slot[part].tolist(), length[part].tolist(), strict=True
            ):
                data = self._keys[to].outgoing.rtp(bytes(packets.views[at][:count]))
                if data is not None and len(data) <= WIDTH:
                    own.views[len(slots)][: len(data)] = data
                    slots.append(to)
                    lengths.append(len(data))
            if slots:
                self._engine.send(
                    own, np.arange(len(slots)), np.array(slots, np.int32), np.array(lengths, np.int32)
                )

    def send_control(self, slot: int, data: bytes, peer: Address, *, muxed: bool = False) -> None:
        keys = self._keys.get(slot)
        closed = data if keys is None else keys.outgoing.rtcp(data)
        if closed is not None:
            self._engine.send_control(slot, closed, peer, muxed=muxed)

    def close(self, slot: int) -> None:
        if slot in self._keys:
            self.secure(slot, None, None)
        self._engine.close(slot)

    def shut(self) -> None:
        self._engine.shut()


def _session(key: SrtpKey, *, inbound: bool) -> Any:
    if pylibsrtp is None:
        raise SrtpUnusable("SRTP needs the package pylibsrtp, which is not installed")
    policy = pylibsrtp.Policy
    profile = _PROFILES.get(key.suite)
    if profile is None:
        raise SrtpUnusable(f"there is no SRTP suite {key.suite[:40]!r}")
    try:
        return pylibsrtp.Session(
            policy(
                key=base64.b64decode(key.key, validate=True),
                ssrc_type=policy.SSRC_ANY_INBOUND if inbound else policy.SSRC_ANY_OUTBOUND,
                srtp_profile=getattr(policy, profile),
            )
        )
    except (ValueError, pylibsrtp.Error) as error:
        raise SrtpUnusable(f"a key of {key.suite} cannot be used") from error


def _closed(protect: Any, data: bytes) -> bytes | None:
    try:
        done: bytes = protect(data)
    except (pylibsrtp.Error, ValueError):
        return None
    return done
