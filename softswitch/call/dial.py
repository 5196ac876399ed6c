"""Ring a phone or a number at a trunk for a caller: early media, redirection, and what each refusal means."""

from dataclasses import replace

from softswitch.call.call import Call, loop_time
from softswitch.call.events import HoldChanged, PartyAnswered, PartyFailed, PartyProgress
from softswitch.call.invitation import invitation_for
from softswitch.call.leg import Leg
from softswitch.call.lines import Line
from softswitch.call.party import Destination, codecs_beside, endpoint_destinations, trunk_destination
from softswitch.call.ringing import Ringing
from softswitch.call.room import Room
from softswitch.call.routing import rewritten
from softswitch.call.stages import Dial, End, Greet, Stage, Talk
from softswitch.call.termination import By, Cause, Termination, by_switch, refused
from softswitch.config.target import Target
from softswitch.errors import PeerError
from softswitch.ids import TrunkName
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.uri import Uri

MAX_HOPS = 5
_RESULTS = {Cause.BUSY: "busy", Cause.NO_ANSWER: "no-answer"}
NO_ANSWER = Termination(By.CALLEE, Cause.NO_ANSWER, 480)


async def dial(room: Room, call: Call, stage: Dial) -> Stage:
    party, destinations = _party(call, stage)
    refusal = _limited(call, stage.target)
    if refusal is not None:
        return _failed(stage, refusal)
    open_to = call.caller.open_to if len(destinations) == 1 else ()
    codecs = codecs_beside(call.config, party, call.caller.codec, open_to)
    leg = Leg(call.services, call.services.new_leg(), party=party, direction="out", codecs=codecs)
    leg.deliver = call.post
    call.services.lines.seize(Line(leg.id, call.id, party, queue_call=False))
    ringing = Ringing(call.services, leg, destinations, invitation_for(call, party), call.post)
    ringing.start(beside=call.caller)
    answered = False
    try:
        outcome = await _until_settled(call, leg, stage.ring_s)
        answered = isinstance(outcome, PartyAnswered)
    finally:
        if not answered:
            ringing.abandon((call.over or NO_ANSWER).reason_header)
            call.services.lines.free(leg.id)
    if call.caller.answered is not None:
        call.caller.music(None)
    if isinstance(outcome, PartyFailed):
        return _redirected(call, stage, outcome) or _failed(
            stage, refused(outcome.status, local=outcome.local)
        )
    if outcome is None:
        return _failed(stage, NO_ANSWER)
    call.services.lines.talking(leg.id)
    call.caller.follow(leg.codec)
    call.adopt(leg)
    call.figures.destination = f"{party}/{stage.dialled}" if stage.target.kind == "trunk" else party
    return Talk(other=leg.id, record=_record(call, stage))


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


def _party(call: Call, stage: Dial) -> tuple[str, tuple[Destination, ...]]:
    target = stage.target
    if target.kind == "extension":
        return f"endpoint:{target.name}", endpoint_destinations(call.services, call.config, target.name)
    number = rewritten(stage.dialled, call.config.trunk[target.name].rewrite_out)
    return f"trunk:{target.name}", (trunk_destination(call.services, call.config, target.name, number),)


def _limited(call: Call, target: Target) -> Termination | None:
    lines = call.services.lines
    if target.kind == "extension":
        if target.name not in call.config.endpoint:
            return by_switch(Cause.UNKNOWN_NUMBER, 404)
        most = call.config.endpoint[target.name].max_calls
        full = most and lines.busy(f"endpoint:{target.name}") >= most
        return Termination(By.CALLEE, Cause.BUSY, 486) if full else None
    most = call.config.trunk[target.name].max_channels
    if most and lines.busy(f"trunk:{target.name}") >= most:
        return by_switch(Cause.NO_CAPACITY, 503)
    if not call.services.sip.trunk_is_up(TrunkName(target.name)):
        return by_switch(Cause.UNREACHABLE, 503)
    return None


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


def _failed(stage: Dial, termination: Termination) -> Stage:
    if stage.resume is None:
        return End(termination=termination)
    return Greet(
        flow=stage.resume.flow, resume=stage.resume, result=_RESULTS.get(termination.cause, "failed")
    )


def _record(call: Call, stage: Dial) -> str:
    """Outside queues, a call is recorded when either phone says so."""
    wishes = set()
    if call.identity.kind == "endpoint":
        wishes.add(call.config.endpoint[call.identity.name].record)
    if stage.target.kind == "extension":
        wishes.add(call.config.endpoint[stage.target.name].record)
    return next((wish for wish in ("always", "on-demand") if wish in wishes), "never")
