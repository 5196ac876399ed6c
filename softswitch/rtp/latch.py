"""Whose packets a leg takes: the negotiated peer's only, or symmetric RTP (RFC 4961) learnt once and locked.

    state      packet from           → state      taken
    Muted      anyone                  Muted      no
    Locked     the locked address      Locked     yes
    Locked     anyone else             Locked     no
    Learning   the negotiated address  Locked     yes
    Learning   anyone else             Learning   while it is the first source seen, up to `LEARNING_PACKETS`
    Learning   the last of those       Locked     onto the source with most of them

While learning, what we send goes to the negotiated address only, so nothing is ever sent to a source that lost.
A new address from the signalling arms it again.
"""

from collections import Counter
from enum import StrEnum
from typing import Final

import structlog

from softswitch.rtp.engine import Address

LEARNING_PACKETS: Final = 5
AGREEING_PACKETS: Final = 3
"""Packets in a row from one source that lock it before all five are used."""

_log = structlog.get_logger(__name__)


class LatchState(StrEnum):
    MUTED = "Muted"
    LEARNING = "Learning"
    LOCKED = "Locked"


class Latch:
    def __init__(self, name: str) -> None:
        self.state = LatchState.MUTED
        self.negotiated: Address | None = None
        self.peer: Address | None = None
        """Where we send."""
        self.ssrc: int | None = None
        """Of the packet that locked it."""
        self._name = name
        self._seen: list[tuple[Address, int]] = []

    def __repr__(self) -> str:
        return f"<Latch {self._name} {self.state} peer={self.peer}>"

    def negotiate(self, address: Address, *, learn: bool) -> bool:
        """The signalling names the peer; returns whether anything changed."""
        wanted = LatchState.LEARNING if learn else LatchState.LOCKED
        if address == self.negotiated and (
            self.state == wanted or (learn and self.state == LatchState.LOCKED)
        ):
            return False
        self.negotiated = self.peer = address
        self.ssrc = None
        self._seen = []
        self._set_state(wanted)
        return True

    def mute(self) -> None:
        self.negotiated = self.peer = None
        self._set_state(LatchState.MUTED)

    def admit(self, source: Address, ssrc: int) -> bool:
        """Judge a valid packet of the negotiated payload types; may lock."""
        if self.state == LatchState.LOCKED:
            return source == self.peer
        if self.state == LatchState.MUTED:
            return False
        if source == self.negotiated:
            self._lock(source, ssrc)
            return True
        self._seen.append((source, ssrc))
        last = self._seen[-AGREEING_PACKETS:]
        if len(last) == AGREEING_PACKETS and len(set(last)) == 1:
            self._lock(source, ssrc)
        elif len(self._seen) == LEARNING_PACKETS:
            winner, ssrc = Counter(self._seen).most_common(1)[0][0]
            self._lock(winner, ssrc)
        return source == (self._seen[0][0] if self._seen else self.peer)

    def _lock(self, source: Address, ssrc: int) -> None:
        self.peer, self.ssrc = source, ssrc
        self._seen = []
        self._set_state(LatchState.LOCKED)

    def _set_state(self, state: LatchState) -> None:
        _log.debug("latch", leg=self._name, old=str(self.state), new=str(state), peer=self.peer)
        self.state = state
