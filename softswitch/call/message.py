"""The caller leaves a message: greeting, beep, one track of recording until he hangs up, presses a key, says no more or
time is over. `*` during the greeting is the owner's: it leads to his messages."""

from softswitch.call.call import Call, loop_time
from softswitch.call.events import DigitHeard, PromptsEnded, RecordingOver
from softswitch.call.room import Room
from softswitch.call.stages import End, Greet, Message, Stage, VoiceMail
from softswitch.call.termination import By, Cause, Termination, by_switch
from softswitch.call.voice import GREETING

ENDING_KEYS = "#*0"
OWNERS_KEY = "*"
LONGEST_PROMPT_S = 60.0
SHORTEST_MESSAGE_S = 1.0
RECORDED = Termination(By.SWITCH, Cause.NORMAL, 200)
NOT_RECORDED = by_switch(Cause.FLOW_FAILED, 500)
"""The disk says no; an alarm says so."""
FULL = by_switch(Cause.FLOW_ENDED, 486)


async def message(room: Room, call: Call, stage: Message) -> Stage:
    box = call.config.message[stage.box]
    call.answer()
    call.caller.music(None)
    voice = call.services.voice
    if box.most and sum(voice.boxes.count(stage.box)) >= box.most:
        await _play(call, ("voicemail-full",))
        return _after(stage, "empty", FULL)
    greeting = GREETING + stage.box if voice.greetings.find(stage.box) is not None else box.prompt
    if await _play(call, (greeting, "tone:beep")) == OWNERS_KEY and box.pin:
        return VoiceMail(box=stage.box)
    began = loop_time()
    started = room.recordings.start(
        call, (call.caller,), box=stage.box, max_s=box.max_s, silence_s=box.silence_s
    )
    call.figures.destination = f"message:{stage.box}"
    if started is None:
        return _after(stage, "empty", NOT_RECORDED)
    call.figures.recording = started
    try:
        kept = await until_done(call, began + box.max_s)
    finally:
        room.recordings.stop(call.id)
    if not kept:
        return _after(stage, "empty", NOT_RECORDED)
    return _after(stage, "recorded" if loop_time() - began >= SHORTEST_MESSAGE_S else "empty", RECORDED)


def _after(stage: Message, result: str, otherwise: Termination) -> Stage:
    if stage.resume is None:
        return End(termination=otherwise)
    return Greet(flow=stage.resume.flow, resume=stage.resume, result=result)


async def _play(call: Call, prompts: tuple[str, ...]) -> str:
    """The key that cut it short."""
    pressed = ""
    playing = call.caller.play(prompts, call.language)
    deadline = loop_time() + LONGEST_PROMPT_S
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            return pressed
        if isinstance(event, PromptsEnded) and event.play == playing:
            return pressed
        if isinstance(event, DigitHeard):
            pressed = event.digit
            call.caller.stop_play()
            if pressed == OWNERS_KEY:
                return pressed  # what he presses next is his code already


async def until_done(call: Call, deadline: float) -> bool:
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
