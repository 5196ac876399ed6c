"""One call of a scripted peer: what a test does with it, what it told, and what a test waits for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from softswitch.sip.direction import MIRRORED
from softswitch.sip.events import Answered, HungUp, Progress, ReferProgress, Refused, Reoffered, SessionEvent
from softswitch.sip.message import Request
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.testing.sound import described

if TYPE_CHECKING:
    from softswitch.testing.peer import Peer

PATIENCE_S = 200.0
"""Virtual seconds after which a test is told that what it waits for never came."""

Kind = TypeVar("Kind", bound=SessionEvent)


@dataclass(eq=False)
class PeerCall:
    """One call of a peer, with all that its session told, in order."""

    peer: "Peer"
    session: Session
    events: list[SessionEvent] = field(default_factory=list)
    version: int = 1
    accepts_bye: bool = True
    on_offer: Callable[[SessionDescription | None], SessionDescription | int | None] | None = None
    """What it says to a new offer: an answer, a refusal, or nothing yet; None: audio, as ever."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.session.on_event = self.told

    def told(self, event: SessionEvent) -> None:
        self.events.append(event)
        if isinstance(event, HungUp) and self.accepts_bye:
            event.accept()
        elif isinstance(event, Reoffered) and self.on_offer is not None:
            answer = self.on_offer(event.sdp)
            if isinstance(answer, int):
                self.session.refuse_reoffer(answer)
            elif answer is not None:
                self.session.accept_reoffer(answer)
        elif isinstance(event, Reoffered):
            offered = "sendrecv" if event.sdp is None else event.sdp.direction_of(event.sdp.media[0])
            self.session.accept_reoffer(self.describe(MIRRORED[offered]))
        self._changed.set()

    def describe(self, direction: str = "sendrecv", **more: object) -> SessionDescription:
        self.version += 1
        return described(self.peer.address, direction=direction, version=self.version, **more)  # type: ignore[arg-type]

    # --- what a callee does -----------------------------------------------------------------------------------------

    def ring(self, status: int = 180, *, early: bool = False) -> None:
        self.session.ring(status, self.peer.sdp if early else None)
        self.peer.flush()

    def answer(self, sdp: SessionDescription | None = None) -> None:
        self.session.answer(sdp or self.peer.sdp)
        self.peer.flush()

    def reject(self, status: int, *contacts: str) -> None:
        self.session.reject(status, contacts=contacts)
        self.peer.flush()

    # --- what either does -------------------------------------------------------------------------------------------

    def hang_up(self) -> None:
        """BYE, or CANCEL before the answer."""
        self.session.hangup()
        self.peer.flush()

    def hold(self) -> None:
        self.reoffer(self.describe("sendonly"))

    def resume(self) -> None:
        self.reoffer(self.describe("sendrecv"))

    def reoffer(self, sdp: SessionDescription) -> None:
        self.session.reinvite(lambda: sdp)
        self.peer.flush()

    def press(self, digit: str) -> None:
        """A key, by SIP INFO."""
        self.session.send_info("application/dtmf-relay", f"Signal={digit}\r\nDuration=160\r\n".encode())
        self.peer.flush()

    def refer(self, to: str, *headers: tuple[str, str]) -> None:
        """Put the far side through to a number, or to what a whole Refer-To in angle brackets says."""
        refer_to = to if to.startswith("<") else f"<sip:{to}@{self.peer.switch}>"
        self.session.refer(refer_to, headers)
        self.peer.flush()

    def refer_to(self, other: "PeerCall", *, early_only: bool = False) -> None:
        """Put the far side through to that of another call of this peer."""
        self.refer(
            f"<sip:{self.peer.switch}?Replaces={quote(other.replaces(early_only=early_only), safe='')}>"
        )

    def replaces(self, *, early_only: bool = False) -> str:
        """The value of Replaces for whoever is to take this peer's place."""
        dialog = self.session.dialog
        assert dialog is not None
        state = dialog.state
        early = ";early-only" if early_only else ""
        return f"{state.call_id};to-tag={state.remote_tag};from-tag={state.local_tag}{early}"

    async def referred(self) -> int:
        """How the latest REFER ended: its refusal, or what the last NOTIFY said."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(isinstance(event, ReferProgress) and event.over for event in self.events):
                self._changed.clear()
                await self._changed.wait()
        return [event.status for event in self.events if isinstance(event, ReferProgress) and event.over][-1]

    @property
    def refer_progress(self) -> list[int]:
        """What the NOTIFYs have said so far."""
        return [event.status for event in self.events if isinstance(event, ReferProgress)]

    # --- what a test waits for --------------------------------------------------------------------------------------

    async def until(self, *kinds: type[SessionEvent], patience_s: float = PATIENCE_S) -> SessionEvent:
        """The first event of these kinds, past or to come."""
        async with asyncio.timeout(patience_s):
            while True:
                found = next((event for event in self.events if isinstance(event, kinds)), None)
                if found is not None:
                    return found
                self._changed.clear()
                await self._changed.wait()

    async def answered(self) -> Answered:
        event = await self.until(Answered)
        assert isinstance(event, Answered)
        return event

    async def refused(self) -> int:
        """The status that the call was refused with."""
        event = await self.until(Refused)
        assert isinstance(event, Refused)
        return event.status

    async def over(self) -> int:
        """How it ended: the status that refused it, or 200 when it was hung up."""
        event = await self.until(Refused, HungUp)
        return event.status if isinstance(event, Refused) else 200

    async def hung_up(self) -> HungUp:
        event = await self.until(HungUp)
        assert isinstance(event, HungUp)
        return event

    @property
    def progress(self) -> list[int]:
        """Statuses of the provisional responses."""
        return [event.status for event in self.events if isinstance(event, Progress)]

    @property
    def invite(self) -> Request:
        assert self.session.request is not None
        return self.session.request
