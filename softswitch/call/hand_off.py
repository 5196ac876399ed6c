"""Blind transfers that leave this switch: the caller's trunk is asked by REFER to call the number itself (RFC 3515, RFC
5589 section 6.1), where `trunk.refer` says so and the number would lead out through that same trunk.

Until the trunk has said how it went the transferor stays, unless he hangs up. A trunk that refuses, or fails, gives the
caller back to him; to a transferor who has left nobody can be given back, and the switch dials the number itself.
"""

from dataclasses import dataclass

from softswitch.call.call import Call
from softswitch.call.conversation import Conversation
from softswitch.call.events import LegEvent
from softswitch.call.leg import Leg
from softswitch.call.party import trunk_destination
from softswitch.call.routing import rewritten
from softswitch.call.termination import Termination
from softswitch.config.target import OUTWARD, Target
from softswitch.sip.events import HungUp, ReferProgress


@dataclass(slots=True)
class HandOff:
    """A REFER of ours that has not come to its end."""

    by: Leg
    """Who put the far side through."""
    asked: Leg
    """The far side, at its trunk."""
    target: Target
    dialled: str
    alone: bool = False
    """Who put him through has hung up."""

    def concerns(self, event: LegEvent) -> bool:
        """The trunk's word on it, or the end of who waits for that."""
        by = event.leg == self.by.id and isinstance(event.event, HungUp)
        return by or (event.leg == self.asked.id and isinstance(event.event, ReferProgress))

    @property
    def to(self) -> str:
        return self.dialled or str(self.target)


def begin_hand_off(
    call: Call, conversation: Conversation, by: Leg, target: Target, dialled: str
) -> HandOff | Termination | None:
    """None: the trunk is not asked; the Termination: the toll guard forbids it."""
    far = conversation.other if by is call.caller else call.caller
    kind, _, name = far.party.partition(":")
    trunk = call.services.config.trunk.get(name) if kind == "trunk" else None
    if trunk is None or not trunk.refer or target.kind not in OUTWARD or far.session is None:
        return None
    call.learn()
    services = call.services
    number = dialled or target.argument
    plan = services.trunking.plan(call.config, services.calendars, target, number, by.party, looking=True)
    found = next((each for each in plan.candidates if each.trunk == name), None)
    if found is None:
        return None
    guarded = services.trunking.refused(call.config, by.party, plan.e164, call.id)
    if guarded is not None:
        return guarded
    there = trunk_destination(services, call.config, name, rewritten(found.number, trunk.rewrite_out))
    far.session.refer(f"<{there.to.uri}>", _referred_by(call, far, by) if trunk.trusted else ())
    call.log.info("the trunk is asked to call itself", trunk=name, number=found.number, by=by.party)
    return HandOff(by=by, asked=far, target=target, dialled=dialled)


def _referred_by(call: Call, far: Leg, by: Leg) -> tuple[tuple[str, str], ...]:
    kind, _, name = by.party.partition(":")
    if kind != "endpoint":
        return ()
    trunk = call.config.trunk[far.party.partition(":")[2]]
    number = call.config.endpoint[name].caller_number or trunk.caller_number or name
    return (("Referred-By", f"<sip:{number}@{far.host}>"),)
