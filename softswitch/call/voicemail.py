"""The owner of a box listens to his messages: his code, how many there are, and what he does by keys.

What he hears of one message, and what becomes of it, is in `message_desk.py`; his greeting is here.
"""

import asyncio
from dataclasses import replace

from softswitch.call.call import Call
from softswitch.call.key_menu import choice, digits, told
from softswitch.call.message_desk import MessageDesk
from softswitch.call.room import Room
from softswitch.call.spoken_recording import record_spoken
from softswitch.call.stages import Say, Stage, VoiceMail
from softswitch.call.termination import By, Cause, Termination, by_switch
from softswitch.call.voice import RECORDING
from softswitch.config.voice_checks import LONGEST_PIN
from softswitch.errors import StorageError
from softswitch.ivr.say import UnspeakableError, value_prompts

PIN_TRIES = 3
MENU_ROUNDS = 50
GREETING_MAX_S = 90.0
GREETING_SILENCE_S = 5.0
DONE = Termination(By.SWITCH, Cause.NORMAL, 200)
REFUSED = by_switch(Cause.NOT_ALLOWED, 403)


async def voicemail(room: Room, call: Call, stage: VoiceMail) -> Stage:
    box = call.config.message.get(stage.box)
    if box is None or not (box.pin or stage.trusted):
        return Say(prompts=("voicemail-locked",), termination=REFUSED)
    call.answer()
    call.caller.music(None)
    call.figures.destination = f"voicemail:{stage.box}"
    if box.pin and not await _admitted(room, call, stage.box, box.pin):
        return Say(prompts=("voicemail-locked",), termination=REFUSED)
    call.log.info("listens to messages", box=stage.box)
    desk = MessageDesk(call, stage.box)
    try:
        await _menu(room, call, stage.box, desk)
    except StorageError as error:
        call.log.error("messages cannot be read", problem=str(error))
        return Say(prompts=("voicemail-locked",), termination=by_switch(Cause.FLOW_FAILED, 500))
    return Say(prompts=("goodbye",), termination=DONE)


async def _admitted(room: Room, call: Call, box: str, pin: str) -> bool:
    """He knows the code. His keys are written nowhere meanwhile."""
    guard, clock = call.services.voice.pins, call.services.clock
    room.recordings.mask(call, True)
    try:
        for attempt in range(PIN_TRIES):
            if guard.locked(box, clock.monotonic()):
                return False
            prompts = ("voicemail-pin",) if attempt == 0 else ("voicemail-wrong", "voicemail-pin")
            entered = await digits(call, prompts, LONGEST_PIN)
            # Asked again: other calls may have guessed meanwhile, and each call must not bring a try of its own.
            if guard.locked(box, clock.monotonic()):
                return False
            if entered == pin:
                guard.right(box)
                return True
            guard.wrong(box, clock.monotonic())
            call.log.warning("wrong code for a box", box=box, ani=call.ani)
        return False
    finally:
        room.recordings.mask(call, False)


async def _menu(room: Room, call: Call, box: str, desk: MessageDesk) -> None:
    for round_number in range(MENU_ROUNDS):
        await desk.load()
        counted = _counted(call, desk) if round_number == 0 else ()
        pressed = await choice(call, (*counted, "voicemail-menu"), "10*")
        if pressed == "1":
            await desk.listen()
        elif pressed == "0":
            await _greeting(room, call, box)
        else:
            return


def _counted(call: Call, desk: MessageDesk) -> tuple[str, ...]:
    if not desk.new and not desk.old:
        return ("voicemail-none",)
    said: tuple[str, ...] = ()
    for count, name in ((desk.new, "voicemail-new"), (desk.old, "voicemail-old")):
        if count == 1:
            said += (f"{name}-one",)
        elif count:
            try:
                said += (*value_prompts("number", str(count), call.language), name)
            except UnspeakableError:
                said += (name,)
    return said


async def _greeting(room: Room, call: Call, box: str) -> None:
    """Record one, hear it, keep it or not. What an owner who hangs up has said is a recording of his call, in no box."""
    greetings = call.services.voice.greetings
    again = True
    while again:
        spoken = await record_spoken(
            room,
            call,
            ("voicemail-greeting",),
            max_s=GREETING_MAX_S,
            silence_s=GREETING_SILENCE_S,
        )
        if spoken is None:
            await told(call, ("message-empty",))
            return
        desk = MessageDesk(call, box)
        try:
            again = await _reviewed(call, box, spoken.row.path)
        finally:
            await desk.remove(replace(spoken.row, seconds=spoken.seconds))
    call.log.info("greeting", box=box, recorded=greetings.find(box) is not None)


async def _reviewed(call: Call, box: str, path: str) -> bool:
    """True: it is to be recorded again."""
    greetings, files = call.services.voice.greetings, call.services.files
    while True:
        pressed = await choice(call, ("voicemail-review",), "1234*")
        match pressed:
            case "1":
                await asyncio.to_thread(greetings.keep, box, files.path(path))
                await told(call, ("voicemail-greeting-kept",))
                return False
            case "2":
                await told(call, (RECORDING + path,))
            case "3":
                return True
            case "4":
                await asyncio.to_thread(greetings.drop, box)
                await told(call, ("voicemail-greeting-standard",))
                return False
            case _:
                return False
