"""A waiting caller is offered to be called back, and wants it."""

from softswitch.acd.values import Announce
from softswitch.call.call import Call
from softswitch.call.room import Room
from softswitch.call.stages import Say, Stage, Wait
from softswitch.call.termination import CALLED_BACK
from softswitch.config.queues import Queue
from softswitch.ivr.say import digit_prompts


def callback_offer(room: Room, call: Call, queue: Queue, announce: Announce) -> tuple[str, ...]:
    """What he is told of it; nothing where it would not help him, or cannot be."""
    if queue.callback is None or not room.dispatcher.callbacks.offered_to(call, announce):
        return ()
    return ("callback-offer", *digit_prompts(queue.callback.key))


def wants_callback(room: Room, call: Call, queue: Queue, digit: str) -> bool:
    """False also when an agent has just answered him: that is better."""
    return queue.callback is not None and digit == queue.callback.key and room.dispatcher.waits(call.id)


def to_be_called_back(room: Room, call: Call, stage: Wait) -> Stage:
    dispatcher = room.dispatcher
    visit = dispatcher.visits.of(call.id)
    position = dispatcher.engine.position(call.id)
    original = visit.original_position if visit is not None else position
    dispatcher.leave(call, "callback")
    known = dispatcher.callbacks.ask(call, stage, position=position, original_position=original)
    prompts = ("callback-accepted", *digit_prompts(known.number), "goodbye")
    return Say(prompts=prompts, termination=CALLED_BACK)
