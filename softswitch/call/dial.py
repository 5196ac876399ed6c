"""Ring a phone or a number at a trunk for a caller: redirection, and what each refusal means to the call."""

from dataclasses import replace

from softswitch.call.call import Call
from softswitch.call.events import PartyFailed
from softswitch.call.forwarding import forwarded
from softswitch.call.orders import PickupOrdered
from softswitch.call.outward import Outcome, through_trunks
from softswitch.call.ring_once import ring_once
from softswitch.call.room import Room
from softswitch.call.stages import Dial, End, Greet, Stage, Talk
from softswitch.call.termination import Cause, Termination, refused
from softswitch.config.target import OUTWARD, Target
from softswitch.sip.uri import Uri

MAX_HOPS = 5
_RESULTS = {Cause.BUSY: "busy", Cause.NO_ANSWER: "no-answer"}
WHY = {Cause.BUSY: "user-busy", Cause.NO_ANSWER: "no-answer"}
"""Of a phone that a flow has rung for nothing, to whoever gets the call next."""


async def dial(room: Room, call: Call, stage: Dial) -> Stage:
    outward = stage.target.kind in OUTWARD and call.rings is None
    if call.rings_at is not None:
        outcome = await _on_through_trunks(room, call, stage)
    else:
        outcome = await (through_trunks if outward else ring_once)(room, call, stage)
    if isinstance(outcome, PartyFailed):
        return _redirected(call, stage, outcome) or _failed(
            call, stage, refused(outcome.status, local=outcome.local, reason=outcome.reason_header)
        )
    if isinstance(outcome, PickupOrdered):
        phone = outcome.extension
        return replace(stage, target=Target("extension", phone), dialled=phone, hops=stage.hops + 1)
    if isinstance(outcome, Termination):
        return _failed(call, stage, outcome)
    call.refer_over(200)
    return outcome


async def _on_through_trunks(room: Room, call: Call, stage: Dial) -> Outcome:
    """A trunk rings already, since somebody consulted who has left: what it does not take the next one may."""
    trunks, call.rings_at = call.rings_at, None
    assert trunks is not None
    outcome = await ring_once(room, call, stage)
    while isinstance(outcome, PartyFailed) and trunks.failed(call, outcome):
        following = trunks.next(room, call)
        if isinstance(following, Termination):
            return following
        call.rings = following
        outcome = await ring_once(room, call, stage)
    if isinstance(outcome, Talk):
        trunks.answered(call)
    elif isinstance(outcome, Termination):
        trunks.given_up(call, outcome)
    return outcome


def _redirected(call: Call, stage: Dial, outcome: PartyFailed) -> Stage | None:
    """A phone may redirect to another phone of ours; anywhere else would let a phone spend our trunks' money."""
    if not 300 <= outcome.status < 400 or stage.hops >= MAX_HOPS:
        return None
    for contact in outcome.contacts:
        user = Uri.parse(contact).user or ""
        if user in call.config.endpoint:
            call.log.info("redirected", by=stage.target.name, to=user)
            forwarded(call, stage.target.name, "unconditional", refused=True)
            return replace(stage, target=Target("extension", user), hops=stage.hops + 1)
    return None


def _failed(call: Call, stage: Dial, termination: Termination) -> Stage:
    call.refer_over(termination.sip_status)
    if stage.again is not None and stage.again.queue in call.services.config.queue:
        call.log.info("transferred to nobody; he waits again", cause=termination.cause.value)
        return stage.again
    if stage.resume is None:
        return End(termination=termination)
    if stage.target.kind == "extension":
        forwarded(call, stage.target.name, WHY.get(termination.cause, "unavailable"), refused=True)
    return Greet(
        flow=stage.resume.flow, resume=stage.resume, result=_RESULTS.get(termination.cause, "failed")
    )
