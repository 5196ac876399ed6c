"""Whose packets a leg takes: the negotiated peer's only, or symmetric RTP (RFC 4961) learnt once and locked.

    state      packet from             → state      taken
    Muted      anyone                    Muted      no
    Locked     the locked address        Locked     yes
    Locked     anyone else               Locked     no
    Learning   the negotiated address    Locked     yes
    Learning   a host of the signalling  Learning   while it is the first source seen there, up to `LEARNING_PACKETS`
    Learning   the last of those         Locked     onto the source with most of them
    Learning   another host              Learning   no
    Learning   the most of them, when    Locked     yes
               none came from there for `ELSEWHERE_S`

A host of the signalling is the one that messages come from and the one that was negotiated; where the first is not known,
every host counts as such. While learning, what we send goes to the negotiated address only, so nothing is ever sent to a
source that lost. A new address from the signalling arms it again. Other systems let whoever sends first win: a phone's
packets come from where its messages come from (RFC 4787 REQ-2), a stranger's do not. The source is locked by address and
port and not by its SSRC, which phones change as they like.
"""

import logging
import operator
from collections import Counter
from enum import StrEnum
from functools import cache
from typing import Final

import structlog

from softswitch.rtp.engine import Address

LEARNING_PACKETS: Final = 5
AGREEING_PACKETS: Final = 3
"""Packets in a row from one source that lock it before all five are used."""
ELSEWHERE_S: Final = 0.5
"""A phone sends its first packet well before that; who sprays ports has nothing of being first."""
_MOST_SOURCES: Final = 64

_log = structlog.get_logger(__name__)


class LatchState(StrEnum):
    MUTED = "Muted"
    LEARNING = "Learning"
    LOCKED = "Locked"


class Latch:
    """Slots and no dataclass: one for each leg, made and dropped with it."""

    __slots__ = (
        "_far",
        "_far_since",
        "_host",
        "_learns",
        "_name",
        "_near",
        "_near_at",
        "negotiated",
        "peer",
        "state",
    )

    def __init__(self, name: str) -> None:
        self.state = LatchState.MUTED
        self.negotiated: Address | None = None
        self.peer: Address | None = None
        """Where we send."""
        self._name = name
        self._learns = False
        self._host = ""
        self._near: list[tuple[Address, int]] = []
        self._near_at = 0.0
        self._far: dict[Address, int] = {}
        """Packets of each source elsewhere."""
        self._far_since = 0.0

    def __repr__(self) -> str:
        return f"<Latch {self._name} {self.state} peer={self.peer}>"

    def negotiate(self, address: Address, *, learn: bool, host: str = "") -> bool:
        """The signalling, which comes from `host`, names the peer; returns whether anything changed."""
        if address == self.negotiated and self._stands(learn, host):
            return False
        self.negotiated = self.peer = address
        self._learns, self._host = learn, host
        self._forget()
        self._set_state(LatchState.LEARNING if learn else LatchState.LOCKED)
        return True

    def _stands(self, learn: bool, host: str) -> bool:
        """Told the same address again: whether what holds of it holds on. What was learnt is kept, unless it was not to be
        learnt then, or was learnt elsewhere than where the messages are known to come from now."""
        if self.state == LatchState.LOCKED:
            there = host == self._host or (self.peer is not None and self.peer[0] == host)
            return not learn or (self._learns and there)
        return self.state == LatchState.LEARNING and learn and host == self._host

    def _forget(self) -> None:
        self._near, self._far = [], {}

    def mute(self) -> None:
        self.negotiated = self.peer = None
        self._set_state(LatchState.MUTED)

    def admit(self, source: Address, ssrc: int, now: float) -> bool:
        """Judge a valid packet of the negotiated payload types; may lock."""
        if self.state == LatchState.LOCKED:
            return source == self.peer
        if self.state == LatchState.MUTED:
            return False
        if source == self.negotiated:
            self._lock(source)
            return True
        if self._host and source[0] != self._host and source[0] != self._told_host:
            return self._from_elsewhere(source, now)
        self._near_at = now
        self._near.append((source, ssrc))
        first, last = self._near[0][0], self._near[-AGREEING_PACKETS:]
        if len(last) == AGREEING_PACKETS and len(set(last)) == 1:
            self._lock(source)
        elif len(self._near) == LEARNING_PACKETS:
            self._lock(Counter(self._near).most_common(1)[0][0][0])
        return source == first

    def _from_elsewhere(self, source: Address, now: float) -> bool:
        """Media may come from another host than messages, behind a proxy for instance: if nobody else does."""
        if self._near and now - self._near_at < ELSEWHERE_S:
            return False
        if not self._far:
            self._near, self._far_since = [], now
        if source in self._far or len(self._far) < _MOST_SOURCES:
            self._far[source] = self._far.get(source, 0) + 1
        if now - self._far_since < ELSEWHERE_S:
            return False
        best, count = max(self._far.items(), key=operator.itemgetter(1))
        if count < LEARNING_PACKETS:
            self._far = {}
            return False
        self._lock(best)
        return source == best

    @property
    def _told_host(self) -> str:
        return self.negotiated[0] if self.negotiated is not None else ""

    def _lock(self, source: Address) -> None:
        self.peer = source
        self._forget()
        self._set_state(LatchState.LOCKED)

    def _set_state(self, state: LatchState) -> None:
        if _tells():
            _log.debug("latch", leg=self._name, old=str(self.state), new=str(state), peer=self.peer)
        self.state = state


@cache
def _tells() -> bool:
    """Asked once: a line that nobody sees costs as much as the rest of a latch."""
    told: bool = _log.is_enabled_for(logging.DEBUG)
    return told
