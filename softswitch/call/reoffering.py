"""Offers of ours inside a running session, and what becomes of them: that media goes through another port now, told a few
times when the peer cannot take it (RFC 3261 section 14.1), and an offer whose outcome somebody waits for."""

import asyncio
from typing import TYPE_CHECKING, Final

from softswitch.call.events import MediaLost

if TYPE_CHECKING:
    from softswitch.call.leg import Leg

MOVE_TRIES: Final = 3
MOVE_AGAIN_S: Final = 1.0
UNUSABLE: Final = 0
"""The outcome of an offer that was answered with what cannot be used."""
_NOT_NOW = (500, 503, 504)


class Reoffering:
    """Of one leg, which it does not hold: who asks brings it along."""

    __slots__ = ("_asked", "_moves")

    def __init__(self) -> None:
        self._moves = 0  # re-INVITEs left to tell the peer of a new port; 0: it knows
        self._asked: asyncio.Future[int] | None = None

    def port_moved(self, leg: "Leg") -> None:
        self._moves = MOVE_TRIES
        self.tell_port(leg)

    def tell_port(self, leg: "Leg") -> None:
        """Nothing while the peer is not answered, or knows already."""
        if self._moves:
            offer_now(leg)

    async def ask(self, leg: "Leg") -> int:
        """Offer what counts now, as soon as nothing else is open; the status that the peer said, or UNUSABLE."""
        asked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked = asked
        if not offer_now(leg):
            return 481
        return await asked

    def ended(self, leg: "Leg", status: int, refused: int = 0) -> None:
        """The latest offer was answered, or `refused`."""
        asked, self._asked = self._asked, None
        if status == 200:
            self._moves = 0
        else:
            self._port_refused(leg, refused or status)
        if asked is not None and not asked.done():
            asked.set_result(status)
        elif status != 200 and leg.streams is not None:
            leg.streams.take_back()

    def _port_refused(self, leg: "Leg", status: int) -> None:
        """The session says itself when it is over by this (408, 481)."""
        if not self._moves or status in (408, 481):
            return
        self._moves -= 1
        if self._moves and status in _NOT_NOW:
            asyncio.get_running_loop().call_later(MOVE_AGAIN_S, self.tell_port, leg)
        else:
            self._moves = 0
            leg.deliver(MediaLost(leg.id))


def offer_now(leg: "Leg") -> bool:
    """Offer the peer what counts now; False: there is no session to do so."""
    session = leg.session
    if session is None or leg.answered is None or session.over:
        return False
    session.reinvite(leg.offer)
    return True
