"""One party of a talk consults somebody else: the third leg, ringing or talking."""

from dataclasses import dataclass

from softswitch.call.attempt import Attempt, begin_attempt
from softswitch.call.call import Call, loop_time
from softswitch.call.leg import Leg
from softswitch.call.room import Room
from softswitch.call.termination import Termination
from softswitch.config.target import OUTWARD, Target
from softswitch.ids import AgentId

RING_S = 60.0
CAN_BE_CONSULTED = frozenset({"extension", "agent", "trunk", "lcr"})
"""Kinds of target that are one party to ring; the others are for blind transfers."""
COMPLETED = 'SIP;cause=200;text="Call completed elsewhere"'


@dataclass(slots=True)
class Consult:
    target: Target
    dialled: str
    attempt: Attempt
    deadline: float
    """The loop's time at which ringing is given up."""
    answered: bool = False
    referred: bool = False
    """Nobody consults: whoever asked for it, by REFER, leaves as soon as somebody answers."""
    began: float = 0.0
    """Monotonic."""

    @property
    def leg(self) -> Leg:
        return self.attempt.leg

    @property
    def agent(self) -> AgentId | None:
        return self.attempt.agent


def begin_consult(
    room: Room, call: Call, target: Target, dialled: str, *, by: str, referred: bool = False
) -> Consult | Termination:
    """Ring it; the Termination says why it cannot be. A call out is on the account of `by`, the party that wants it."""
    call.learn()
    if target.kind in OUTWARD:
        trunking = call.services.trunking
        guarded = trunking.refused(call.config, by, trunking.e164(call.config, dialled, by), call.id)
        if guarded is not None:
            return guarded
    attempt = begin_attempt(room, call, target, dialled)
    if isinstance(attempt, Termination):
        return attempt
    return consulting(call, target, dialled, attempt, referred=referred)


def consulting(
    call: Call, target: Target, dialled: str, attempt: Attempt, *, referred: bool = False
) -> Consult:
    """Somebody who rings already."""
    began = call.services.clock.monotonic()
    return Consult(target, dialled, attempt, loop_time() + RING_S, referred=referred, began=began)
