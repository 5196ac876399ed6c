"""The first stage: who calls whom, may he, and where does the number lead."""

from datetime import UTC, datetime

from softswitch.call.call import Call
from softswitch.call.invitation import wished_privacy
from softswitch.call.numbering import rules_for, to_e164
from softswitch.call.opening import opening
from softswitch.call.room import Room
from softswitch.call.routing import Asked, Routed, rewritten, route, without_pin
from softswitch.call.stages import (
    Arrive,
    Confer,
    Dial,
    End,
    Feature,
    Greet,
    Message,
    Say,
    Stage,
    TakePlace,
    Wait,
)
from softswitch.call.termination import Cause, Termination, by_switch, refused
from softswitch.config.target import HANGUP_STATUS, Target
from softswitch.facts import CallArrived
from softswitch.ids import QueueName
from softswitch.sip.asserted_identity import asserted_by
from softswitch.sip.replaces import replaces_of
from softswitch.store.rows import CallStarted


async def arrive(room: Room, call: Call, stage: Arrive) -> Stage:
    session = call.caller.session
    assert session is not None
    dialled = _identify(call)
    limited = _limited(call)
    await _write_down(call)
    if limited is not None:
        return End(termination=limited)
    advertised, _ = call.services.sip.local_address_for(session.source)
    await call.caller.open(advertised)
    if session.offer is not None:
        call.caller.take_offer(session.offer)
    call.check()
    replaces = replaces_of(session.request) if session.request is not None else None
    if replaces is not None:
        return TakePlace(
            call_id=replaces.call_id,
            to_tag=replaces.to_tag,
            from_tag=replaces.from_tag,
            early_only=replaces.early_only,
        )
    found = _find(call, dialled)
    if found is None:
        return _unknown(call)
    call.log.info("routed", ani=call.ani, dnis=call.dnis, route=found.route, target=str(found.target))
    call.figures.labels["route"] = found.route
    call.trail.mark(
        call.services.clock.wall(), "route", route=found.route, to=found.feature or str(found.target)
    )
    call.language = found.language or call.language
    call.priority = found.priority
    if found.feature:
        return Feature(feature=found.feature, argument=found.argument)
    return stage_for(call, found.target, dialled=found.dialled)


def _identify(call: Call) -> str:
    """Who calls; returns the number as it was dialled, which may hold a PIN: `call.dnis` is what others may see of it."""
    session, config = call.caller.session, call.config
    assert session is not None and session.request is not None
    request = session.request
    sender = request.from_
    call.ani = sender.uri.user or "anonymous"
    call.privacy = wished_privacy(call, request)
    call.ani_name = sender.display_name or ""
    dialled = request.uri.number
    if call.identity.kind == "trunk":
        trunk = config.trunk[call.identity.name]
        if trunk.trusted:
            asserted = asserted_by(request)
            call.ani = asserted.number or call.ani
            call.ani_name = asserted.display_name or call.ani_name
        numbers = rules_for(config, "trunk", call.identity.name)
        call.ani = to_e164(rewritten(call.ani, trunk.rewrite_in_caller), numbers)
        call.dnis = dialled = to_e164(rewritten(dialled, trunk.rewrite_in), numbers)
        call.language = trunk.language or call.language
    else:
        endpoint = config.endpoint[call.identity.name]
        call.ani = call.identity.name
        call.dnis = without_pin(config, dialled)
        call.ani_name = endpoint.display_name or call.ani_name
        call.language = endpoint.language or call.language
    services = call.services
    services.bus.publish(
        CallArrived(
            call=call.id,
            ani=call.ani,
            dnis=call.dnis,
            source=call.source,
            wall=services.clock.wall(),
            monotonic=services.clock.monotonic(),
        )
    )
    return dialled


def _limited(call: Call) -> Termination | None:
    """A trunk's channels and a phone's calls have limits; of two that come at once the first is served."""
    if call.identity.kind == "trunk":
        most = call.config.trunk[call.identity.name].max_channels
        return by_switch(Cause.NO_CAPACITY, 503) if most and call.beside >= most else None
    most = call.config.endpoint[call.identity.name].max_calls
    return by_switch(Cause.NO_CAPACITY, 486) if most and call.beside >= most else None


async def _write_down(call: Call) -> None:
    """The start of the call is committed before any answer leaves."""
    session = call.caller.session
    assert session is not None
    await call.services.store.call_started(
        CallStarted(
            call=call.id,
            node=call.services.node,
            started=call.figures.started,
            source=call.source,
            ani=call.ani,
            ani_name=call.ani_name,
            dnis=call.dnis,
            sip_call_id=session.call_id,
        )
    )
    call.recorded = True
    call.services.changed(call.id)
    call.check()


def _find(call: Call, dialled: str) -> Routed | None:
    when = datetime.fromtimestamp(call.services.clock.wall(), tz=UTC)
    asked = Asked(number=dialled, ani=call.ani, kind=call.identity.kind, name=call.identity.name)
    return route(call.config, asked, opening(call.services.calendars, when).open)


def _unknown(call: Call) -> Stage:
    termination = by_switch(Cause.UNKNOWN_NUMBER, 404)
    prompt = call.config.routing.unknown_prompt
    if prompt:
        return Say(prompts=(prompt,), termination=termination, early=True)
    return End(termination=termination)


def stage_for(call: Call, target: Target, *, dialled: str = "", hops: int = 0) -> Stage:
    """The stage that a configured target means for this call."""
    match target.kind:
        case "flow":
            return Greet(flow=target.name)
        case "queue":
            return Wait(queue=QueueName(target.name), priority=call.priority)
        case "conference":
            return Confer(conference=target.name)
        case "extension" | "agent" | "trunk" | "lcr":
            return Dial(target=target, dialled=target.argument or dialled or call.dnis, hops=hops)
        case "message":
            return Message(box=target.name)
        case "play":
            return Say(prompts=(target.name,), termination=by_switch(Cause.FLOW_ENDED, 480))
        case _:
            return End(termination=hangup(target.name))


def hangup(word: str) -> Termination:
    """What `hangup:WORD` means."""
    if not word:
        return by_switch(Cause.FLOW_ENDED, HANGUP_STATUS[""])
    return Termination(by_switch(Cause.FAULT).by, refused(HANGUP_STATUS[word]).cause, HANGUP_STATUS[word])
