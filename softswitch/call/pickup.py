"""Answering a call that rings at another phone: by a feature code, or by an INVITE that replaces the ringing dialog.

Who may: phones that share a pickup group, and the phone itself from another device. Whoever picks up is answered first;
then the ringing call takes his leg, in its own task, and his own call ends with `handed over`.
"""

from softswitch.call.beside import sit_beside
from softswitch.call.call import Call, loop_time
from softswitch.call.orders import Order, PickedUp, ReplaceOrdered
from softswitch.call.room import Room
from softswitch.call.stages import End, PickUp, Stage, TakePlace, Talk
from softswitch.call.termination import Cause, by_switch
from softswitch.config.schema import Config
from softswitch.sip.replaces import Replaces

TAKEN_WITHIN_S = 3.0
NOTHING_RINGS = by_switch(Cause.UNREACHABLE, 480)
NOT_ALLOWED = by_switch(Cause.NOT_ALLOWED, 403)
NO_DIALOG = by_switch(Cause.UNREACHABLE, 481)
NOT_EARLY = by_switch(Cause.BUSY, 486)


async def pick_up(room: Room, call: Call, stage: PickUp) -> Stage:
    """`*8` and an extension, or alone for whatever rings in the phone's groups; the longest ringing first."""
    phone = call.identity.name
    if stage.extension and not may_pick_up(call.config, phone, stage.extension):
        call.log.info("may not pick up", phone=phone, extension=stage.extension)
        return End(termination=NOT_ALLOWED)
    phones = [stage.extension] if stage.extension else _group(call.config, phone)
    found = longest_ringing(room, phones)
    if found is None:
        return End(termination=NOTHING_RINGS)
    call.figures.destination = f"pickup:{stage.extension or found.id}"
    return await handed_over(call, found, PickedUp(call))


async def take_place(room: Room, call: Call, stage: TakePlace) -> Stage:
    """An INVITE with Replaces (RFC 3891 section 3): the caller takes the place of one of our legs."""
    replaces = Replaces(
        call_id=stage.call_id, to_tag=stage.to_tag, from_tag=stage.from_tag, early_only=stage.early_only
    )
    session = call.services.sip.session(replaces.call_id, replaces.to_tag)
    if session is None or session.dialog is None or not replaces.names(session.dialog):
        return End(termination=NO_DIALOG)
    line = call.services.lines.line(session.leg)
    found = room.calls.get(line.call) if line is not None else None
    if line is None or found is None or found.over is not None or found is call:
        return End(termination=NO_DIALOG)
    early = session.dialog.state.early
    if early and session.direction == "in":
        return End(termination=NO_DIALOG)
    kind, _, name = line.party.partition(":")
    own = line.party == call.source
    if not own and not (
        early
        and kind == "endpoint"
        and call.identity.kind == "endpoint"
        and may_pick_up(call.config, call.identity.name, name)
    ):
        call.log.warning("may not take the place of somebody else", party=line.party)
        return End(termination=NOT_ALLOWED)
    if stage.early_only and not early:
        return End(termination=NOT_EARLY)
    call.figures.destination = f"replaces:{line.party}"
    if early:
        return await handed_over(call, found, PickedUp(call))
    if found.id not in room.talks:
        return End(termination=NO_DIALOG)
    return await handed_over(call, found, ReplaceOrdered(leg=session.leg, by=call))


async def handed_over(call: Call, to: Call, order: Order) -> Stage:
    """Ends by `CallOver` when the other call has taken the leg."""
    call.answer()
    to.post(order)
    deadline = loop_time() + TAKEN_WITHIN_S
    while True:
        try:
            await call.next(deadline)
        except TimeoutError:
            return End(termination=NOTHING_RINGS)


async def picked_up(room: Room, call: Call, order: PickedUp, *, record: str) -> Talk:
    """The call that rang takes the leg of whoever picked up."""
    leg = order.by.hand_over(call)
    call.adopt(leg)
    call.refer_over(200)
    call.caller.follow(leg.codec)
    await sit_beside(leg, call.caller)
    call.log.info("picked up", by=leg.party)
    call.figures.destination = leg.party
    agent = room.dispatcher.desk.logged_in_at(leg.party.partition(":")[2])
    return Talk(other=leg.id, agent=agent, record=record)


def may_pick_up(config: Config, phone: str, ringing: str) -> bool:
    """They share a group, or it is the same phone at another device."""
    if phone not in config.endpoint or ringing not in config.endpoint:
        return False
    groups = config.endpoint[phone].pickup_groups
    return phone == ringing or not set(groups).isdisjoint(config.endpoint[ringing].pickup_groups)


def _group(config: Config, phone: str) -> list[str]:
    return [name for name in config.endpoint if name != phone and may_pick_up(config, phone, name)]


def longest_ringing(room: Room, phones: list[str]) -> Call | None:
    """The call that has rung longest at one of these phones."""
    wanted = {f"endpoint:{phone}" for phone in phones}
    ringing = [call for call in room.calls.values() if call.over is None and _rings_at(room, call) & wanted]
    return min(ringing, key=lambda call: call.stages[-1][1] if call.stages else 0.0, default=None)


def _rings_at(room: Room, call: Call) -> set[str]:
    if call.rings is not None and not call.rings.ringing.settled:
        return {call.rings.party}
    if call.stage != "wait" or not room.dispatcher.waits(call.id):
        return set()
    return {underway.ringing.leg.party for underway in room.dispatcher.offers.of_call(call.id)}
