"""Somebody is rung for a call that has begun: a phone, an agent at whatever phone he sits, or a number at a trunk."""

from dataclasses import dataclass

from softswitch.call.call import Call
from softswitch.call.invitation import invitation_for
from softswitch.call.leg import Leg
from softswitch.call.lines import Line
from softswitch.call.party import Destination, codecs_beside, endpoint_destinations, trunk_destination
from softswitch.call.ringing import Ringing
from softswitch.call.room import Room
from softswitch.call.routing import rewritten
from softswitch.call.termination import SIPS_NOT_ALLOWED, By, Cause, Termination, by_switch
from softswitch.config.target import Target
from softswitch.ids import AgentId, TrunkName
from softswitch.sip.secure_uris import SIPS
from softswitch.sip.uri import Uri


@dataclass(frozen=True, slots=True)
class Attempt:
    """Its owner hears `PartyProgress`, `PartyAnswered` or `PartyFailed` of `leg`."""

    leg: Leg
    ringing: Ringing
    party: str
    agent: AgentId | None

    def hand_over(self, to: Call) -> None:
        """It rings on for another call."""
        self.leg.deliver = to.post
        self.ringing.deliver_to(to.post)
        to.services.lines.moved(self.leg.id, to.id)

    def abandon(self, call: Call, reason: str) -> None:
        """Nobody wants it any more, answered or not."""
        self.ringing.abandon(reason)
        call.services.lines.free(self.leg.id)


def begin_attempt(
    room: Room, call: Call, target: Target, dialled: str, *, account: str = "", hurry: bool = False
) -> Attempt | Termination:
    """Ring the target, a single trunk where the call goes out, beside the caller's leg; the Termination says why it cannot
    be rung. A call out is on `account`, or the caller's; `hurry`: there is another trunk to try."""
    refusal = unreachable(room, call, target)
    if (
        refusal is None
        and target.kind == "trunk"
        and call.services.trunking.too_fast(call.config, target.name)
    ):
        refusal = by_switch(Cause.NO_CAPACITY, 503)
    if refusal is not None:
        return refusal
    party, destinations = _party(room, call, target, dialled, hurry=hurry)
    open_to = call.caller.open_to if len(destinations) == 1 else ()
    codecs = codecs_beside(call.config, party, call.caller.codec, open_to)
    leg = Leg(call.services, call.services.new_leg(), party=party, direction="out", codecs=codecs)
    leg.deliver = call.post
    call.services.lines.seize(Line(leg.id, call.id, party, queue_call=False))
    ringing = Ringing(call.services, leg, destinations, invitation_for(call, party), call.post)
    if target.kind == "trunk":
        account = account or call.source
        call.services.trunking.began(call.config, leg.id, account, trunk=target.name, number=dialled)
    ringing.start(beside=call.caller)
    return Attempt(leg, ringing, party, AgentId(target.name) if target.kind == "agent" else None)


def phone_of(room: Room, call: Call, target: Target) -> str:
    """The endpoint that `extension:` or `agent:` means now; empty when there is none."""
    if target.kind == "extension":
        return target.name if target.name in call.config.endpoint else ""
    desk = room.dispatcher.desk
    agent = AgentId(target.name)
    if agent not in call.services.config.agent or not desk.is_logged_in(agent):
        return ""
    return desk.endpoint_of(agent)


def unreachable(room: Room, call: Call, target: Target) -> Termination | None:
    """Why it cannot be rung, where that is known without ringing: no such phone, no free line, a trunk that is down."""
    lines = call.services.lines
    if target.kind in ("extension", "agent"):
        phone = phone_of(room, call, target)
        if phone not in call.config.endpoint:
            return by_switch(Cause.UNREACHABLE, 480) if target.kind == "agent" else _UNKNOWN
        most = call.config.endpoint[phone].max_calls
        if most and lines.busy(f"endpoint:{phone}") >= most:
            return Termination(By.CALLEE, Cause.BUSY, 486)
        there = endpoint_destinations(call.services, call.config, phone) if call.asked_securely else ()
        return SIPS_NOT_ALLOWED if there and not any(each.secure for each in there) else None
    if call.asked_securely and Uri.parse(call.config.trunk[target.name].host).scheme != SIPS:
        return SIPS_NOT_ALLOWED
    most = call.config.trunk[target.name].max_channels
    if most and lines.busy(f"trunk:{target.name}") >= most:
        return by_switch(Cause.NO_CAPACITY, 503)
    if not call.services.sip.trunk_is_up(TrunkName(target.name)):
        return by_switch(Cause.UNREACHABLE, 503)
    return None


_UNKNOWN = by_switch(Cause.UNKNOWN_NUMBER, 404)


def _party(
    room: Room, call: Call, target: Target, dialled: str, *, hurry: bool
) -> tuple[str, tuple[Destination, ...]]:
    if target.kind != "trunk":
        phone = phone_of(room, call, target)
        there = endpoint_destinations(call.services, call.config, phone)
        return f"endpoint:{phone}", tuple(each for each in there if each.secure or not call.asked_securely)
    number = rewritten(dialled, call.config.trunk[target.name].rewrite_out)
    destination = trunk_destination(call.services, call.config, target.name, number, hurry=hurry)
    return f"trunk:{target.name}", (destination,)
