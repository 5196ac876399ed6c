"""Ring a phone or a number at a trunk for a caller: early media, redirection, and what each refusal means."""

from dataclasses import replace

from softswitch.call.attempt import begin_attempt
from softswitch.call.call import Call, loop_time
from softswitch.call.events import HoldChanged, PartyAnswered, PartyFailed, PartyProgress
from softswitch.call.leg import Leg
from softswitch.call.room import Room
from softswitch.call.stages import Dial, End, Greet, Stage, Talk
from softswitch.call.termination import By, Cause, Termination, refused
from softswitch.config.target import Target
from softswitch.errors import PeerError
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.uri import Uri

MAX_HOPS = 5
_RESULTS = {Cause.BUSY: "busy", Cause.NO_ANSWER: "no-answer"}
NO_ANSWER = Termination(By.CALLEE, Cause.NO_ANSWER, 480)


async def dial(room: Room, call: Call, stage: Dial) -> Stage:
    attempt = begin_attempt(room, call, stage.target, stage.dialled)
    if isinstance(attempt, Termination):
        return _failed(call, stage, attempt)
    leg, party = attempt.leg, attempt.party
    answered = False
    try:
        outcome = await _until_settled(call, leg, stage.ring_s)
        answered = isinstance(outcome, PartyAnswered)
    finally:
        if not answered:
            attempt.abandon(call, (call.over or NO_ANSWER).reason_header)
    if call.caller.answered is not None:
        call.caller.music(None)
    if isinstance(outcome, PartyFailed):
        return _redirected(call, stage, outcome) or _failed(
            call, stage, refused(outcome.status, local=outcome.local)
        )
    if outcome is None:
        return _failed(call, stage, NO_ANSWER)
    call.services.lines.talking(leg.id)
    call.caller.follow(leg.codec)
    call.adopt(leg)
    call.figures.destination = f"{party}/{stage.dialled}" if stage.target.kind == "trunk" else party
    return Talk(other=leg.id, agent=attempt.agent, record=stage.record or _record(call, party))


async def _until_settled(call: Call, leg: Leg, ring_s: float) -> PartyAnswered | PartyFailed | None:
    """None: nobody answered in time."""
    if call.caller.answered is not None:
        call.caller.music("tone:ringback")
    deadline = loop_time() + ring_s
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            return None
        if isinstance(event, PartyAnswered | PartyFailed) and event.leg == leg.id:
            return event
        if isinstance(event, PartyProgress) and event.leg == leg.id:
            _progress(call, leg, event)
        elif isinstance(event, HoldChanged):
            call.log.info("hold while ringing", leg=event.leg, held=event.held)


def _progress(call: Call, leg: Leg, event: PartyProgress) -> None:
    """Ringing as the far side gives it: its own early media when it sends some, else a plain 180."""
    early = bool(call.caller.codec) and event.sdp is not None and _heard_early(call, leg, event.sdp)
    if call.caller.answered is None and call.caller.session is not None:
        call.caller.ring(early=early)


def _heard_early(call: Call, leg: Leg, sdp: SessionDescription) -> bool:
    """Let the caller hear what the party sends already; False when its description is of no use."""
    try:
        leg.take_answer(sdp)
    except PeerError as error:
        call.log.info("early media cannot be used", problem=str(error))
        return False
    call.caller.follow(leg.codec)
    call.caller.bridge(leg)
    return True


def _redirected(call: Call, stage: Dial, outcome: PartyFailed) -> Stage | None:
    """A phone may redirect to another phone of ours; anywhere else would let a phone spend our trunks' money."""
    if not 300 <= outcome.status < 400 or stage.hops >= MAX_HOPS:
        return None
    for contact in outcome.contacts:
        user = Uri.parse(contact).user or ""
        if user in call.config.endpoint:
            call.log.info("redirected", by=stage.target.name, to=user)
            return replace(stage, target=Target("extension", user), hops=stage.hops + 1)
    return None


def _failed(call: Call, stage: Dial, termination: Termination) -> Stage:
    if stage.again is not None and stage.again.queue in call.services.config.queue:
        call.log.info("transferred to nobody; he waits again", cause=termination.cause.value)
        return stage.again
    if stage.resume is None:
        return End(termination=termination)
    return Greet(
        flow=stage.resume.flow, resume=stage.resume, result=_RESULTS.get(termination.cause, "failed")
    )


def _record(call: Call, party: str) -> str:
    """Outside queues, a call is recorded when either phone says so."""
    wishes = set()
    if call.identity.kind == "endpoint":
        wishes.add(call.config.endpoint[call.identity.name].record)
    kind, _, name = party.partition(":")
    if kind == "endpoint":
        wishes.add(call.config.endpoint[name].record)
    return next((wish for wish in ("always", "on-demand") if wish in wishes), "never")
