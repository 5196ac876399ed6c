"""Two calls of one phone become one: what the other call had, besides that phone, goes on in this one (RFC 3891).

Taking is one synchronous step: nobody waits for anybody, so two calls that are joined in both orders at once cannot wait
for each other; whoever comes second finds nothing left to take. The other call ends with `handed over`.
"""

import asyncio
from dataclasses import dataclass, replace

from softswitch.call.attempt import Attempt
from softswitch.call.call import Call
from softswitch.call.conversation import Conversation
from softswitch.call.leg import Leg
from softswitch.call.room import Room
from softswitch.call.stages import Confer, Dial, Greet, Message, Stage, Wait
from softswitch.call.termination import HANDED_OVER
from softswitch.call.visits import Transfer
from softswitch.ids import AgentId, LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody who talks; the call that took him owns his leg."""

    leg: Leg
    agent: AgentId | None
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """Somebody who is being rung."""

    attempt: Attempt
    stage: Dial


Taken = Party | Rings | Wait | Greet | Confer | Message
"""Besides parties: where the phone waits, or what it listens to, in the caller's stead."""


def can_be_taken(room: Room, call: Call, leg: LegId) -> bool:
    """`leg` has somebody in this call, or waits for somebody."""
    if call.over is not None:
        return False
    conversation = room.talks.get(call.id)
    if conversation is not None:
        return free_to_go(conversation) and far_of(conversation, leg) is not None
    if leg != call.caller.id:
        return False
    if isinstance(call.at, Dial):
        return call.rings is not None and (
            not call.rings.ringing.settled or call.rings.leg.answered is not None
        )
    return isinstance(call.at, Wait | Greet | Confer | Message)


def free_to_go(conversation: Conversation) -> bool:
    """Nobody is being consulted or put through, and no end has come."""
    call = conversation.call
    return (
        call.over is None
        and conversation.transfer is None
        and conversation.consult is None
        and not conversation.promised
    )


def far_of(conversation: Conversation, leg: LegId) -> Leg | None:
    """The other one of the two, while he is there."""
    caller, other = conversation.call.caller, conversation.other
    far = {caller.id: other, other.id: caller}.get(leg)
    return None if far is None or far.session is None or far.session.over else far


def take(room: Room, into: Call, call: Call, leg: LegId, number: str) -> Taken:
    """What `leg` has in `call` is `into`'s from now on; `can_be_taken` said that there is something. `number` is whom it
    is put through to, for the rows of the call that ends; that ends when `into` has been written down."""
    call.known_elsewhere = asyncio.Event()
    conversation = room.talks.get(call.id)
    if conversation is not None:
        return _party(room, into, conversation, leg, number)
    if isinstance(call.at, Dial):
        return _rings(into, call, call.at)
    assert isinstance(call.at, Wait | Greet | Confer | Message)
    stage = call.at
    if isinstance(stage, Wait):
        waited = call.services.clock.wall() - (call.stages[-1][1] if call.stages else call.figures.started)
        stage = replace(stage, entered=0.0, waited_s=stage.waited_s + max(0.0, waited))
    call.stop(HANDED_OVER)
    return stage


def _party(room: Room, into: Call, conversation: Conversation, leg: LegId, number: str) -> Party:
    call = conversation.call
    far = far_of(conversation, leg)
    assert far is not None
    agent = conversation.stage.agent if far is conversation.serving else None
    conversation.let_go_of(far)
    conversation.transfer = Transfer(number, far.id)
    if agent is not None:
        call.services.lines.no_queue_call(far.id)
    call.legs.pop(far.id, None)
    into.adopt(far)
    call.stop(HANDED_OVER)
    return Party(leg=far, agent=agent, record=conversation.stage.record)


def _rings(into: Call, call: Call, stage: Dial) -> Rings:
    attempt, call.rings = call.rings, None
    assert attempt is not None
    if attempt.leg.opened is not None:
        call.caller.unbridge()
    attempt.hand_over(into)
    into.rings = attempt
    call.stop(HANDED_OVER)
    return Rings(attempt=attempt, stage=stage)


def followed(call: Call, stage: Wait | Greet | Confer | Message) -> Stage:
    """The caller goes where the phone waited, with the age of both."""
    if isinstance(stage, Wait):
        return replace(stage, priority=call.priority, waited_s=stage.waited_s + call.figures.wait_s)
    return stage
