"""One party of a talk consults somebody else: the third leg, ringing or talking."""

from dataclasses import dataclass

from softswitch.call.attempt import Attempt, begin_attempt
from softswitch.call.call import Call, loop_time
from softswitch.call.consult_trunks import ConsultTrunks, plan_consult
from softswitch.call.events import PartyFailed
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
    trunks: ConsultTrunks | None = None
    """Where else it can be tried, of a call out."""

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
    trunks = plan_consult(call, target, dialled, by) if target.kind in OUTWARD else None
    if isinstance(trunks, Termination):
        return trunks
    attempt = trunks.next(room, call) if trunks is not None else begin_attempt(room, call, target, dialled)
    if isinstance(attempt, Termination):
        return attempt
    consult = consulting(call, target, dialled, attempt, referred=referred)
    consult.trunks = trunks
    return consult


def at_next_trunk(room: Room, call: Call, consult: Consult, event: PartyFailed) -> bool:
    """The trunk has not taken it: whether another one is rung now."""
    trunks = consult.trunks
    if trunks is None or not trunks.failed(call, event):
        return False
    call.services.lines.free(event.leg)
    attempt = trunks.next(room, call)
    if isinstance(attempt, Termination):
        return False
    consult.attempt = attempt
    return True


def consulting(
    call: Call, target: Target, dialled: str, attempt: Attempt, *, referred: bool = False
) -> Consult:
    """Somebody who rings already."""
    began = call.services.clock.monotonic()
    return Consult(target, dialled, attempt, loop_time() + RING_S, referred=referred, began=began)
