"""The caller waits: music, announcements over it, keys always heard, until an agent answers or the queue gives up."""

import asyncio
from dataclasses import replace

from softswitch.acd.values import Announce, Connect, Overflow
from softswitch.call.arrive import stage_for
from softswitch.call.call import Call
from softswitch.call.events import DigitHeard
from softswitch.call.forwarding import WHY_OF_QUEUE, forwarded
from softswitch.call.orders import PickedUp, PickupOrdered
from softswitch.call.pickup import picked_up
from softswitch.call.room import Room
from softswitch.call.stages import Dial, End, Stage, Talk, Wait
from softswitch.call.termination import HANDED_OVER, Cause, by_switch
from softswitch.config.schema import Queue
from softswitch.config.target import HANGUP_STATUS, Target
from softswitch.ivr.say import expected_wait_prompts, position_prompts

_CAUSES = {
    "timeout": Cause.QUEUE_TIMEOUT,
    "full": Cause.QUEUE_FULL,
    "join empty": Cause.QUEUE_EMPTY,
    "empty": Cause.QUEUE_EMPTY,
}


MUSIC_AFTER_S = 0.1
"""Who has an agent sooner hears none: it would be a click, and three commands to the media worker."""


async def wait(room: Room, call: Call, stage: Wait) -> Stage:
    queue = call.services.config.queue.get(stage.queue)
    if queue is None:
        return End(termination=by_switch(Cause.QUEUE_EMPTY, 480))
    call.at = stage = replace(stage, entered=stage.entered or call.services.clock.wall())
    if room.dispatcher.enter(call, stage):
        call.answer()  # a queue that refuses him is not to be paid for
    music = asyncio.get_running_loop().call_later(MUSIC_AFTER_S, call.caller.music, queue.music)
    left, key = "abandoned", ""
    try:
        while True:
            event = await call.next()
            match event:
                case Connect():
                    left = ""
                    if queue.agent_announce and not music.cancelled():
                        call.caller.music(queue.music)  # while the agent is told what comes
                    return _talk(room, call, queue, event, stage)
                case Overflow():
                    left = ""
                    return _overflow(call, event)
                case PickedUp(by=by) if by.over is None and room.dispatcher.waits(call.id):
                    room.dispatcher.leave(call, "withdrawn")
                    left = ""
                    call.caller.music(None)
                    return await picked_up(room, call, event, record=queue.record)
                case PickupOrdered(extension=phone) if room.dispatcher.waits(call.id):
                    room.dispatcher.leave(call, "withdrawn")
                    left = ""
                    call.caller.music(None)
                    again = replace(stage, entered=0.0, waited_s=call.figures.wait_s, kept=True)
                    target = Target("extension", phone)
                    return Dial(target=target, dialled=phone, record=queue.record, again=again)
                case Announce():
                    _announce(call, queue, event)
                case DigitHeard(leg=leg, digit=digit) if (
                    leg == call.caller.id and digit in queue.keys and room.dispatcher.waits(call.id)
                ):
                    left, key = "key", digit
                    forwarded(call, call.dnis, "deflection")
                    call.caller.music(None)
                    return _onward(call, Target.parse(queue.keys[digit]))
                case _:
                    pass
    finally:
        music.cancel()
        call.caller.stop_play()
        if left == "abandoned" and call.over is HANDED_OVER:
            left = "withdrawn"  # he holds the place for somebody else, who takes it now
        if left:
            room.dispatcher.leave(call, left, key)


def _talk(room: Room, call: Call, queue: Queue, event: Connect, stage: Wait) -> Talk:
    leg = room.dispatcher.take(call)
    agent = call.services.config.agent.get(event.agent)
    record = (agent.record if agent is not None else None) or queue.record
    return Talk(
        other=leg.id,
        queue=event.queue,
        agent=event.agent,
        offer=event.offer,
        record=record,
        again=replace(stage, kept=True),
    )


def _overflow(call: Call, event: Overflow) -> Stage:
    target = Target.parse(event.target)
    call.log.info("left the queue", queue=event.queue, reason=event.reason, target=event.target)
    call.caller.music(None)
    forwarded(call, call.dnis, WHY_OF_QUEUE[event.reason])
    if target.kind == "hangup":
        return End(termination=by_switch(_CAUSES[event.reason], HANGUP_STATUS[target.name]))
    return _onward(call, target)


def _onward(call: Call, target: Target) -> Stage:
    """A queue leads where the configuration of now says, which may be newer than the call's."""
    call.learn()
    return stage_for(call, target)


def _announce(call: Call, queue: Queue, event: Announce) -> None:
    prompts: tuple[str, ...] = ()
    if queue.announce_position:
        prompts += position_prompts(event.position, call.language)
    if queue.announce_holdtime and event.expected_wait_s is not None:
        prompts += expected_wait_prompts(event.expected_wait_s, call.language)
    if queue.periodic_announce:
        prompts += (queue.periodic_announce,)
    if prompts:
        call.caller.play(prompts, call.language)
