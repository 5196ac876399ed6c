"""The switch calls somebody so that he becomes the caller of a call: at his phone, or at trunks in the order of their plan.

As `outward.py`, but there is no caller yet beside whom he could be rung; the guard against toll fraud is asked all the
same, and each try is written down.
"""

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.call.attempt import Attempt, unreachable
from softswitch.call.beside import sit_beside
from softswitch.call.call import Call, loop_time
from softswitch.call.events import CallEvent, PartyAnswered, PartyFailed
from softswitch.call.leg import Leg
from softswitch.call.lines import Line
from softswitch.call.numbering import rules_for, written
from softswitch.call.outward import NO_TRUNK, failed, write_down
from softswitch.call.party import Destination, codecs_beside, endpoint_destinations, trunk_destination
from softswitch.call.ring_once import NO_ANSWER
from softswitch.call.ringing import Invitation, Ringing
from softswitch.call.room import Room
from softswitch.call.routing import rewritten
from softswitch.call.termination import CALLEE_HUNG_UP, Cause, Termination, by_switch
from softswitch.config.target import OUTWARD, Target
from softswitch.facts import CallAnswered
from softswitch.sip.extension_rules import rules_of

MAX_FORWARDS = 70
_RESULTS = {
    Cause.BUSY: "busy",
    Cause.NO_ANSWER: "no answer",
    Cause.REJECTED: "rejected",
    Cause.UNREACHABLE: "unreachable",
    Cause.UNKNOWN_NUMBER: "unknown number",
    Cause.TOLL: "toll guard",
    Cause.NOT_ALLOWED: "not allowed",
}
_ONCE_MORE = frozenset({Cause.UNREACHABLE, Cause.NO_CAPACITY})


@dataclass(frozen=True, slots=True)
class Unreached:
    result: str
    termination: Termination

    @classmethod
    def by(cls, termination: Termination) -> "Unreached":
        return cls(_RESULTS.get(termination.cause, "failed"), termination)


Gone = Callable[[CallEvent], bool]
"""Says of an event that whoever waits for him has left."""


async def reach(
    room: Room, call: Call, target: Target, *, ring_s: float, beside: Leg | None, gone: Gone
) -> Unreached | None:
    """None: he has answered, and `call.caller` is his leg."""
    if target.kind not in OUTWARD:
        refusal = unreachable(room, call, target)
        if refusal is not None:
            return Unreached.by(refusal)
        party = f"endpoint:{target.name}"
        destinations = endpoint_destinations(call.services, call.config, target.name)
        return await _ring(call, party, destinations, _shown(call, party), ring_s, beside, gone)
    services = call.services
    plan = services.trunking.plan(call.config, services.calendars, target, call.ani, call.source)
    if not plan.candidates:
        return Unreached("no way", NO_TRUNK)
    guarded = services.trunking.refused(call.config, call.source, plan.e164, call.id)
    if guarded is not None:
        return Unreached.by(guarded)
    outcome: Unreached | None = Unreached.by(NO_TRUNK)
    for candidate in plan.candidates[: plan.attempts]:
        began, name = services.clock.wall(), candidate.trunk
        skipped = unreachable(room, call, Target("trunk", name))
        if skipped is None and services.trunking.too_fast(call.config, name):
            skipped = by_switch(Cause.NO_CAPACITY, 503)
        if skipped is not None:
            outcome = Unreached.by(skipped)
        else:
            number = rewritten(candidate.number, call.config.trunk[name].rewrite_out)
            destination = trunk_destination(services, call.config, name, number)
            party = f"trunk:{name}"
            shown = _shown(call, party)
            outcome = await _ring(call, party, (destination,), shown, ring_s, beside, gone, number)
        ending = None if outcome is None else (outcome.termination, outcome.termination.sip_status)
        write_down(call, plan, candidate, ending, began=began, source=call.source)
        if outcome is None or not _leads_on(plan.leads_on, outcome):
            return outcome
    return outcome


def _leads_on(leads_on: Callable[..., bool], outcome: Unreached) -> bool:
    termination = outcome.termination
    return termination.cause in _ONCE_MORE or leads_on(termination.sip_status, local=False)


async def _ring(
    call: Call,
    party: str,
    destinations: tuple[Destination, ...],
    shown: Invitation,
    ring_s: float,
    beside: Leg | None,
    gone: Gone,
    number: str = "",
) -> Unreached | None:
    services = call.services
    codecs = codecs_beside(call.config, party, beside.codec if beside is not None else "")
    leg = Leg(services, services.new_leg(), party=party, direction="out", codecs=codecs)
    leg.deliver = call.post
    call.caller = leg
    services.lines.seize(Line(leg.id, call.id, party, queue_call=False))
    ringing = Ringing(services, leg, destinations, shown, call.post)
    if number:
        trunk = party.partition(":")[2]
        services.trunking.began(call.config, leg.id, call.source, trunk=trunk, number=number)
    call.rings = Attempt(leg, ringing, party, None)
    ringing.start(beside=beside)
    outcome: Unreached | None = Unreached.by(NO_ANSWER)
    try:
        outcome = await _settled(call, leg, loop_time() + ring_s, gone)
    finally:
        rings, call.rings = call.rings, None
        if rings is not None and outcome is not None:
            rings.abandon(call, (call.over or outcome.termination).reason_header)
    if outcome is None:
        _answered(call, leg)
        if beside is not None:
            await sit_beside(leg, beside)
    return outcome


async def _settled(call: Call, leg: Leg, deadline: float, gone: Gone) -> Unreached | None:
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            return Unreached.by(NO_ANSWER)
        if isinstance(event, PartyAnswered) and event.leg == leg.id:
            return None
        if isinstance(event, PartyFailed) and event.leg == leg.id:
            return Unreached.by(failed(event)[0])
        if gone(event):
            return Unreached("agent gone", CALLEE_HUNG_UP)


def _answered(call: Call, leg: Leg) -> None:
    """He is on the line, and the caller of this call."""
    services = call.services
    call.legs[leg.id] = leg
    call.figures.answered = leg.answered
    services.lines.talking(leg.id)
    services.trunking.answered(call.config, leg.id)
    clock = services.clock
    services.bus.publish(CallAnswered(call=call.id, wall=clock.wall(), monotonic=clock.monotonic()))
    services.changed(call.id)


def _shown(call: Call, party: str) -> Invitation:
    """The number that he had called, or the trunk's own."""
    kind, _, name = party.partition(":")
    if kind == "endpoint":
        extensions = rules_of(call.config.endpoint.get(name))
        return Invitation(number=call.dnis, display_name="", max_forwards=MAX_FORWARDS, extensions=extensions)
    trunk = call.config.trunk[name]
    number = trunk.caller_number or call.dnis
    if trunk.number_format != "as-is":
        e164 = call.services.trunking.e164(call.config, number, call.source)
        number = written(e164, trunk.number_format, rules_for(call.config, "trunk", name))
    return Invitation(
        number=number,
        display_name="",
        max_forwards=MAX_FORWARDS,
        asserted=trunk.trusted,
        caller_id=trunk.caller_id,
        user_phone=trunk.user_phone,
        extensions=rules_of(trunk),
    )
