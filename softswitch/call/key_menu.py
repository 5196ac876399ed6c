"""A caller is told something and answers by keys: the waits that stages with menus of their own share."""

from collections.abc import Container

from softswitch.call.call import Call, loop_time
from softswitch.call.events import DigitHeard, PromptsEnded

LONGEST_S = 300.0
"""Of all that is played at once."""
KEY_WITHIN_S = 5.0


async def told(call: Call, prompts: tuple[str, ...], keys: Container[str] = "0123456789*#") -> str:
    """Play to the end; the key that cut it short, or nothing."""
    playing = call.caller.play(prompts, call.language)
    deadline = loop_time() + LONGEST_S
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            return ""
        if isinstance(event, PromptsEnded) and event.play == playing:
            return ""
        if isinstance(event, DigitHeard) and event.leg == call.caller.id and event.digit in keys:
            call.caller.stop_play()
            return event.digit


async def key(call: Call, keys: Container[str], within_s: float = KEY_WITHIN_S) -> str:
    """The next of these keys; others are not heard. Empty: none came in time."""
    deadline = loop_time() + within_s
    while True:
        try:
            event = await call.next(deadline)
        except TimeoutError:
            return ""
        if isinstance(event, DigitHeard) and event.leg == call.caller.id and event.digit in keys:
            return event.digit


async def choice(call: Call, prompts: tuple[str, ...], keys: Container[str], tries: int = 2) -> str:
    """A key that is a choice, asked for so often; empty: none was pressed."""
    for _ in range(tries):
        pressed = await told(call, prompts, keys) or await key(call, keys)
        if pressed:
            return pressed
    return ""


async def digits(call: Call, prompts: tuple[str, ...], most: int) -> str:
    """Keys up to `#` (without it), or `most` of them, or until none comes any more."""
    pressed, entered = await told(call, prompts), ""
    while len(entered) < most:
        pressed = pressed or await key(call, "0123456789*#")
        if pressed in ("", "#"):
            break
        entered, pressed = entered + pressed, ""
    return entered
