"""The offers that ring now, and for a while those that this side has cancelled.

An answer may cross a cancel on its way: it is then told that the race is lost. A result for any other offer that rings
no more is a fault of the caller and raises.

How an offer ends: `AFTERMATH` says for each cause how long the agent is left in peace and whether it counts as a miss.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.acd.errors import NotKnown
from softswitch.acd.values import CancelOffer, OfferResult
from softswitch.config.queues import Delays
from softswitch.ids import OfferId

if TYPE_CHECKING:
    from softswitch.acd.agents import AgentRecord
    from softswitch.acd.callers import Caller
    from softswitch.acd.timers import Timer

REMEMBERED_S = 64.0
"""Longer than a peer can take to answer an INVITE that was cancelled (64*T1, RFC 3261 section 9.1)."""
_REMEMBERED = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What a failed offer means for the agent; the caller always keeps his place."""

    rest_s: Callable[[Delays], float]
    missed: bool = False
    """He let it ring: puts him at the back of those idle longest. What counts for `autopause` says the queue."""
    unreachable: bool = False
    """His phone is held for unreachable during that time, instead of resting."""


AFTERMATH: Mapping[OfferResult, Aftermath | None] = {
    OfferResult.BUSY: Aftermath(rest_s=lambda delays: delays.busy_s),
    OfferResult.REJECTED: Aftermath(rest_s=lambda delays: delays.reject_s),
    OfferResult.NO_ANSWER: Aftermath(rest_s=lambda delays: delays.no_answer_s, missed=True),
    OfferResult.UNREACHABLE: Aftermath(rest_s=lambda delays: delays.failed_s, unreachable=True),
    OfferResult.FAILED: Aftermath(rest_s=lambda delays: delays.failed_s),
    OfferResult.CANCELLED: None,
}
"""Every cause but an answer. A lost race or a caller who hung up costs the agent nothing."""


class LiveOffer:
    """One agent ringing for one caller; plain slots, one is made for each assignment."""

    __slots__ = ("agent", "began", "caller", "offer", "penalty", "queue", "timer")

    def __init__(
        self, offer: OfferId, caller: Caller, agent: AgentRecord, penalty: int, began: float
    ) -> None:
        self.offer = offer
        self.caller = caller
        self.agent = agent
        self.penalty = penalty
        self.queue = caller.queue
        self.began = began
        self.timer: Timer | None = None

    def cancelled(self, reason: str) -> CancelOffer:
        return CancelOffer(offer=self.offer, call=self.caller.call, agent=self.agent.agent, reason=reason)

    def __repr__(self) -> str:
        return f"<LiveOffer {self.offer} {self.caller.call} to {self.agent.agent} since {self.began:.3f}>"


class Offers:
    def __init__(self) -> None:
        self.live: dict[OfferId, LiveOffer] = {}
        self._cancelled: dict[OfferId, CancelOffer] = {}
        self._forget: deque[tuple[float, OfferId]] = deque()

    def remember(self, live: LiveOffer, now: float) -> None:
        """It was cancelled by this side; its result may still come."""
        while self._forget and (self._forget[0][0] <= now or len(self._forget) >= _REMEMBERED):
            del self._cancelled[self._forget.popleft()[1]]
        self._cancelled[live.offer] = live.cancelled("lost race")
        self._forget.append((now + REMEMBERED_S, live.offer))

    def late(self, offer: OfferId, result: OfferResult) -> CancelOffer | None:
        """What to do about a result that crossed our cancel: nothing, unless it is an answer."""
        if offer not in self._cancelled:
            raise NotKnown(f"no offer {offer} rings or was cancelled lately; its result was {result}")
        return self._cancelled[offer] if result is OfferResult.ANSWERED else None
