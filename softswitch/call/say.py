"""The stage that says something and ends: `play:` targets, closed hours, and the prompt before a 404."""

from softswitch.call.call import Call, loop_time
from softswitch.call.events import PromptsEnded
from softswitch.call.room import Room
from softswitch.call.stages import End, Say, Stage

LONGEST_S = 120.0


async def say(room: Room, call: Call, stage: Say) -> Stage:
    if not stage.early:
        call.answer()
    elif call.caller.answered is None and call.caller.codec:
        call.caller.ring(early=True)
    playing = call.caller.play(stage.prompts, call.language)
    deadline = loop_time() + LONGEST_S
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            break
        if isinstance(event, PromptsEnded) and event.play == playing:
            break
    return End(termination=stage.termination)
