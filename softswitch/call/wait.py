"""The caller waits: music, announcements over it, keys always heard, until an agent answers or the queue gives up."""

import asyncio

from softswitch.acd.values import Announce, Connect, Overflow
from softswitch.call.arrive import stage_for
from softswitch.call.call import Call
from softswitch.call.callback_wish import callback_offer, to_be_called_back, wants_callback
from softswitch.call.events import DigitHeard
from softswitch.call.forwarding import WHY_OF_QUEUE, forwarded
from softswitch.call.orders import MoveOrdered, PickedUp, PickupOrdered, PriorityOrdered
from softswitch.call.pickup import picked_up
from softswitch.call.promised import promised
from softswitch.call.resumed import resumed
from softswitch.call.room import Room
from softswitch.call.stages import Dial, End, Stage, Talk, Wait
from softswitch.call.termination import HANDED_OVER, Cause, by_switch
from softswitch.config.queues import Queue
from softswitch.config.target import HANGUP_STATUS, Target
from softswitch.ivr.say import position_prompts, wait_range_prompts
from softswitch.value import replaced

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
    call.at = stage = replaced(stage, entered=stage.entered or call.services.clock.wall())
    if queue.resume_s > 0 or queue.callback is not None:
        call.at = stage = resumed(room, call, stage)
    if room.dispatcher.enter(call, stage):
        call.answer()  # a queue that refuses him is not to be paid for
    music = asyncio.get_running_loop().call_later(MUSIC_AFTER_S, call.caller.music, queue.music)
    left, key, offered = "abandoned", "", False
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
                    room.dispatcher.leave(call, "withdrawn", "picked up")
                    left = ""
                    call.caller.music(None)
                    return await picked_up(room, call, event, record=queue.record)
                case PickupOrdered(extension=phone) if room.dispatcher.waits(call.id):
                    room.dispatcher.leave(call, "withdrawn", "picked up")
                    left = ""
                    call.caller.music(None)
                    again = replaced(stage, entered=0.0, waited_s=call.figures.wait_s, kept=True)
                    target = Target("extension", phone)
                    return Dial(target=target, dialled=phone, record=queue.record, again=again)
                case MoveOrdered(queue=name) if room.dispatcher.waits(call.id):
                    room.dispatcher.leave(call, "withdrawn", f"moved to {name}")
                    left = ""
                    call.caller.music(None)
                    return replaced(stage, queue=name, entered=0.0, waited_s=call.figures.wait_s, kept=False)
                case PriorityOrdered(priority=priority) if room.dispatcher.waits(call.id):
                    call.at = stage = replaced(stage, priority=priority)
                    room.dispatcher.change_priority(call, priority)
                case Announce():
                    offered = _announce(room, call, queue, event) or offered
                case DigitHeard(leg=leg, digit=digit) if (
                    offered and leg == call.caller.id and wants_callback(room, call, queue, digit)
                ):
                    left = ""
                    call.caller.music(None)
                    return to_be_called_back(room, call, stage)
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
        if left == "abandoned" and call.over is not HANDED_OVER and queue.resume_s > 0:
            room.dispatcher.places.keep(call, stage)
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
        again=replaced(stage, kept=True),
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


def _announce(room: Room, call: Call, queue: Queue, event: Announce) -> bool:
    """True: he has been offered to be called back."""
    prompts: tuple[str, ...] = ()
    if queue.announce_position:
        prompts += position_prompts(event.position, call.language)
    if queue.announce_holdtime and event.wait is not None:
        told = event.wait.told()
        prompts += wait_range_prompts(told.low_s, told.high_s, call.language)
        promised(call, event, told)
    if queue.periodic_announce:
        prompts += (queue.periodic_announce,)
    offer = callback_offer(room, call, queue, event)
    if prompts or offer:
        call.caller.play((*prompts, *offer), call.language)
    return bool(offer)
