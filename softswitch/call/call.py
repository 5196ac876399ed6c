"""A call: the caller's leg, what is known of him, and the figures that become his CDR.

Owns the mailbox that every stage waits on. A caller who hangs up, or an order to end the call, reaches the stage as
`CallOver` from `next`, wherever it waits, so that no stage has to think of it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from softswitch.call.events import CallEvent, LegEvent, LegSilent, MediaLost, NothingAgreed, Wake
from softswitch.call.leg import Leg, nobody
from softswitch.call.mailbox import Mailbox
from softswitch.call.services import Services
from softswitch.call.stages import Stage, arguments_of, name_of
from softswitch.call.termination import (
    CALLER_CANCELLED,
    CALLER_HUNG_UP,
    HANDED_OVER,
    MEDIA_LOST,
    NOTHING_AGREED,
    SESSION_EXPIRED,
    CallOver,
    Cause,
    Termination,
    because,
    by_switch,
)
from softswitch.call.trail import Trail
from softswitch.config.schema import Config
from softswitch.facts import CallAnswered
from softswitch.ids import AgentId, CallId, LegId, QueueName, RecordingId
from softswitch.sip.events import AckMissing, Cancelled, HungUp, SessionExpired
from softswitch.sip.history_info import Forwarded
from softswitch.sip.identity import Identity
from softswitch.sip.privacy import OPEN, Privacy
from softswitch.sip.secure_uris import SIPS

if TYPE_CHECKING:
    from softswitch.call.attempt import Attempt
    from softswitch.call.consult_trunks import ConsultTrunks
    from softswitch.call.snapshot import TalkSnapshot
    from softswitch.sip.refer_server import Refer

_log = structlog.get_logger(__name__)


_ALONE = frozenset({"greet", "wait", "message", "say", "park", "voicemail", "survey"})
"""Stages in which nobody listens to the caller."""
MAX_STAGES = 100
ROUNDS, ROUNDS_S = 20, 0.5
"""So many stages in less time are no story but a circle."""


@dataclass(slots=True)
class Figures:
    """What the CDR needs and stages add to. Wall seconds and seconds."""

    started: float
    answered: float | None = None
    bridged: float | None = None
    wait_s: float = 0.0
    talk_s: float = 0.0
    hold_s: float = 0.0
    queue: QueueName | None = None
    agent: AgentId | None = None
    destination: str = ""
    recording: RecordingId | None = None
    labels: dict[str, str] = field(default_factory=dict)


class Call:
    def __init__(self, services: Services, call: CallId, identity: Identity, caller: Leg) -> None:
        self.id = call
        self.services = services
        self.config: Config = services.config
        self.identity = identity
        self.caller = caller
        self.legs: dict[LegId, Leg] = {caller.id: caller}
        self.ani = ""
        self.ani_name = ""
        self.privacy: Privacy = OPEN
        """What the caller wants hidden, whatever becomes of his leg."""
        self.dnis = ""
        self.language: str = self.config.general.language
        self.priority = 0
        self.stages: list[tuple[str, float]] = []
        """Stages entered so far with the wall time of each; bounded, the first and the latest stay."""
        self.trail = Trail()
        """Why it went where it went."""
        self.beside = 0
        """Calls that his trunk or phone had already when he called."""
        self.masked = False
        """Card data is being told: keys of this call are written nowhere."""
        self.in_flow = ""
        """Flow that he is in now; empty: none."""
        self.recorded = False
        """The start of this call is in the store: its end has to be."""
        self.figures = Figures(started=services.clock.wall())
        self.byes: list[Callable[[], None]] = []
        """BYEs not answered yet; their 200 leaves when the CDR is safe."""
        self.mailbox: Mailbox[CallEvent] = Mailbox()
        self.at: Stage | None = None
        """The stage it is in, with its arguments."""
        self.ahead: Stage | None = None
        """Entered before the stage that leads to it was over."""
        self.known_elsewhere: asyncio.Event | None = None
        """Another call has taken over who was in this one; set when a crash will not forget that."""
        self.taken_by: CallId | None = None
        """That call has its caller's leg."""
        self.resumes: TalkSnapshot | None = None
        """The talk that it goes on with after a restart."""
        self.rings: Attempt | None = None
        """Who rings for him; the next `Dial` goes on with it."""
        self.rings_at: ConsultTrunks | None = None
        """Where else it can be tried, of a call out that rings already."""
        self.referral: Refer | None = None
        """A REFER that wants to hear how its transfer went."""
        self.forwarded: tuple[Forwarded, ...] = ()
        """Who has given this call on since it began."""
        self._over: Termination | None = None
        self._written: tuple[Stage, tuple[str, dict[str, object]]] | None = None
        self._log: structlog.stdlib.BoundLogger | None = None
        caller.deliver = self.post

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.stage or 'new'} {self.ani} → {self.dnis}>"

    @property
    def asked_securely(self) -> bool:
        """A caller who is not answered yet asked for somebody by `sips:`: whoever is rung for him must be one too."""
        session, unanswered = self.caller.session, self.caller.answered is None
        request = (
            session.request if session is not None and session.direction == "in" and unanswered else None
        )
        return request is not None and request.uri.scheme == SIPS

    @property
    def stage(self) -> str:
        """Name of the stage it is in."""
        return self.stages[-1][0] if self.stages else ""

    def entered(self, stage: str, wall: float) -> None:
        if len(self.stages) >= MAX_STAGES:
            del self.stages[1]
        self.stages.append((stage, wall))

    def at_written(self, at: Stage) -> tuple[str, dict[str, object]]:
        """The stage it is in by its name and arguments: the same for journal and snapshot."""
        if self._written is None or self._written[0] is not at:
            self._written = (at, (name_of(at), arguments_of(at)))
        return self._written[1]

    @property
    def going_round(self) -> bool:
        """Targets lead to each other without end: none of its latest stages took any time."""
        latest = self.stages[-ROUNDS:]
        return len(latest) == ROUNDS and 0.0 <= latest[-1][1] - latest[0][1] < ROUNDS_S

    @property
    def source(self) -> str:
        return f"{self.identity.kind}:{self.identity.name}"

    @property
    def log(self) -> structlog.stdlib.BoundLogger:
        if self._log is None:
            self._log = _log.bind(call=self.id)
        return self._log

    @property
    def over(self) -> Termination | None:
        return self._over

    def post(self, event: CallEvent) -> None:
        """Deliver an event; the caller's own end is acted on at once and unwinds the stage."""
        if isinstance(event, LegEvent) and event.leg == self.caller.id:
            if isinstance(event.event, HungUp):
                self.byes.append(event.event.accept)
                self.stop(because(CALLER_HUNG_UP, event.event.reason))
                return
            if isinstance(event.event, Cancelled):
                self.stop(because(CALLER_CANCELLED, event.event.reason))
                return
            if isinstance(event.event, AckMissing):
                self.stop(by_switch(Cause.NO_ACK, 408))
                return
            if isinstance(event.event, SessionExpired):
                self.stop(SESSION_EXPIRED)
                return
        if isinstance(event, NothingAgreed):
            self.stop(NOTHING_AGREED)
            return
        if isinstance(event, LegSilent) and self._silent_alone(event):
            self.stop(by_switch(Cause.PEER_SILENT, 408))
            return
        if isinstance(event, MediaLost) and self.stage != "talk":
            self.stop(MEDIA_LOST)
            return
        self.mailbox.put(event)

    def _silent_alone(self, event: LegSilent) -> bool:
        """The caller's media has died where nobody but the switch would notice."""
        caller, limit = self.caller, self.config.rtp.timeout_s
        alone = event.leg == caller.id and self.stage in _ALONE and caller.answered is not None
        return alone and bool(limit) and event.silent_s >= limit and not caller.held

    def stop(self, termination: Termination) -> None:
        """End the call; the first reason counts."""
        if self._over is None:
            self._over = termination
            self.mailbox.put_first(Wake())

    async def next(self, deadline: float | None = None) -> CallEvent:
        """The next event; raises CallOver when the call is over and TimeoutError at `deadline` (the loop's time)."""
        while self._over is None:
            event = await self.mailbox.get(deadline)
            if self._over is None and not isinstance(event, Wake):
                return event
        raise CallOver(self._over)

    def check(self) -> None:
        """Raises CallOver when the call is over."""
        if self._over is not None:
            raise CallOver(self._over)

    def answer(self) -> None:
        """Answer the caller, once."""
        if self.caller.answered is None:
            self.caller.answer()
            self.figures.answered = self.caller.answered
            self.services.lines.talking(self.caller.id)
            clock = self.services.clock
            self.services.bus.publish(
                CallAnswered(call=self.id, wall=clock.wall(), monotonic=clock.monotonic())
            )

    def refer_over(self, status: int, words: str = "") -> None:
        """How the transfer went that a REFER asked for; `words` for the phone to show."""
        referral, self.referral = self.referral, None
        if referral is not None:
            referral.finish(status, words)

    def hand_over(self, to: "Call") -> Leg:
        """The caller's leg goes on in another call, and this one ends."""
        self.legs.pop(self.caller.id, None)
        self.taken_by = to.id
        self.stop(HANDED_OVER)
        return self.caller

    def learn(self) -> None:
        """What has been configured since the call began can be reached from it too; what it knew stays as it was."""
        known, now = self.config, self.services.config
        if now is not known:
            self.config = replace(
                known,
                endpoint={**now.endpoint, **known.endpoint},
                trunk={**now.trunk, **known.trunk},
                trunk_group={**now.trunk_group, **known.trunk_group},
                lcr={**now.lcr, **known.lcr},
                queue={**now.queue, **known.queue},
                flow={**now.flow, **known.flow},
                lookup={**now.lookup, **known.lookup},
                message={**now.message, **known.message},
                conference={**now.conference, **known.conference},
                agent={**now.agent, **known.agent},
            )

    def let_go(self) -> None:
        """It is over: its legs tell it nothing more, so that it is freed without the collector."""
        for leg in (self.caller, *self.legs.values()):
            if leg.deliver == self.post:
                leg.deliver = nobody

    def adopt(self, leg: Leg) -> None:
        """This call owns the leg from now on."""
        self.legs[leg.id] = leg
        leg.deliver = self.post
        self.services.lines.moved(leg.id, self.id)


def loop_time() -> float:
    return asyncio.get_running_loop().time()
