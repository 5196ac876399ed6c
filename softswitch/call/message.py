"""The caller leaves a message: prompt, beep, one track of recording until he hangs up, presses a key, or time is over."""

from softswitch.call.call import Call, loop_time
from softswitch.call.events import DigitHeard, PromptsEnded, RecordingOver
from softswitch.call.room import Room
from softswitch.call.stages import End, Greet, Message, Stage
from softswitch.call.termination import By, Cause, Termination, by_switch

ENDING_KEYS = "#*0"
LONGEST_PROMPT_S = 60.0
SHORTEST_MESSAGE_S = 1.0
RECORDED = Termination(By.SWITCH, Cause.NORMAL, 200)
NOT_RECORDED = by_switch(Cause.FLOW_FAILED, 500)
"""The disk says no; an alarm says so."""


async def message(room: Room, call: Call, stage: Message) -> Stage:
    box = call.config.message[stage.box]
    call.answer()
    call.caller.music(None)
    await _play(call, (box.prompt, "tone:beep"))
    began = loop_time()
    started = room.recordings.start(call, (call.caller,), box=stage.box, max_s=box.max_s)
    call.figures.destination = f"message:{stage.box}"
    if started is None:
        return _after(stage, "empty", NOT_RECORDED)
    call.figures.recording = started
    try:
        kept = await _until_done(call, began + box.max_s)
    finally:
        room.recordings.stop(call.id)
    if not kept:
        return _after(stage, "empty", NOT_RECORDED)
    return _after(stage, "recorded" if loop_time() - began >= SHORTEST_MESSAGE_S else "empty", RECORDED)


def _after(stage: Message, result: str, otherwise: Termination) -> Stage:
    if stage.resume is None:
        return End(termination=otherwise)
    return Greet(flow=stage.resume.flow, resume=stage.resume, result=result)


async def _play(call: Call, prompts: tuple[str, ...]) -> None:
    playing = call.caller.play(prompts, call.language)
    deadline = loop_time() + LONGEST_PROMPT_S
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            return
        if isinstance(event, PromptsEnded) and event.play == playing:
            return
        if isinstance(event, DigitHeard):
            call.caller.stop_play()


async def _until_done(call: Call, deadline: float) -> bool:
    """False: the recording failed, and what was said is lost."""
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            return True
        if isinstance(event, DigitHeard) and event.digit in ENDING_KEYS:
            return True
        if isinstance(event, RecordingOver):
            return event.report.state != "failed"
