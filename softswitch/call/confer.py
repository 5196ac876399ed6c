"""The stage of a caller in a conference: the code he is asked for, his keys, and how he leaves.

Keys: `*6` mutes and unmutes himself, `*7` of a moderator locks and unlocks the room.
"""

from softswitch.call.beside import sit_beside, sits_beside
from softswitch.call.call import Call, loop_time
from softswitch.call.conference import Conference
from softswitch.call.events import DigitHeard, HoldChanged, LegSilent
from softswitch.call.keys import FeatureKeys, Pressed
from softswitch.call.orders import RemovedFromConference
from softswitch.call.room import Room
from softswitch.call.stages import Confer, End, Say, Stage
from softswitch.call.termination import Cause, by_switch
from softswitch.config.features import Conference as Settings
from softswitch.errors import MediaError
from softswitch.ids import LegId
from softswitch.store.rows import SegmentRow

KEYS = {"mute": "*6", "lock": "*7"}
TRIES = 3
PIN_WITHIN_S = 15.0
MAX_DIGITS = 16
NO_SUCH = by_switch(Cause.UNKNOWN_NUMBER, 404)
NOT_ALLOWED = by_switch(Cause.NOT_ALLOWED, 403)
NO_ROOM = by_switch(Cause.NO_CAPACITY, 486)
REMOVED = by_switch(Cause.REMOVED, 480)
SILENT = by_switch(Cause.PEER_SILENT, 408)


async def confer(room: Room, call: Call, stage: Confer) -> Stage:
    settings = call.services.config.conference.get(stage.conference)
    if settings is None:
        return End(termination=NO_SUCH)
    call.answer()
    call.caller.music(None)
    moderator = await _admitted(call, settings)
    if moderator is None:
        call.log.warning("does not know the code", conference=stage.conference, source=call.source)
        return Say(prompts=("conference-wrong-pin",), termination=NOT_ALLOWED)
    refusal = await _seated(room, call, stage.conference)
    if refusal is not None:
        return refusal
    call.figures.destination = f"conference:{stage.conference}"
    began, since = call.services.clock.wall(), call.services.clock.monotonic()
    call.figures.bridged = call.figures.bridged or began
    conference = room.conferences.enter(stage.conference, settings, call, moderator=moderator)
    try:
        if len(conference.seats) == 1:
            call.caller.play(("conference-alone",), call.language)
        return await _until_out(call, conference)
    finally:
        room.conferences.leave(conference, call)
        _count(call, stage.conference, began, call.services.clock.monotonic() - since)


async def _admitted(call: Call, settings: Settings) -> bool | None:
    """Whether he is a moderator; None: he does not know the code."""
    if not settings.pin:
        return False
    for attempt in range(TRIES):
        prompts = ("conference-pin",) if attempt == 0 else ("conference-wrong-pin", "conference-pin")
        entered = await _entered(call, prompts, settings)
        if settings.admin_pin and entered == settings.admin_pin:
            return True
        if entered == settings.pin:
            return False
    return None


async def _entered(call: Call, prompts: tuple[str, ...], settings: Settings) -> str:
    """Keys up to `#`, or as many as the longer code has."""
    longest = max(len(settings.pin), len(settings.admin_pin))
    call.caller.play(prompts, call.language)
    digits, deadline = "", loop_time() + PIN_WITHIN_S
    while len(digits) < min(longest, MAX_DIGITS):
        try:
            event = await call.next(deadline)
        except TimeoutError:
            break
        if isinstance(event, DigitHeard) and event.leg == call.caller.id:
            call.caller.stop_play()
            if event.digit == "#":
                break
            digits += event.digit
            deadline = loop_time() + PIN_WITHIN_S
    return digits


async def _seated(room: Room, call: Call, name: str) -> Stage | None:
    """On the media worker of those who are there; the Stage says why he cannot be."""
    conference = room.conferences.there(name)
    while conference is not None:
        if conference.locked:
            return Say(prompts=("conference-locked",), termination=NOT_ALLOWED)
        if conference.full:
            return Say(prompts=("conference-full",), termination=NO_ROOM)
        anchor = conference.anchor
        assert anchor is not None
        if sits_beside(call.caller, anchor.caller):
            break
        try:
            await sit_beside(call.caller, anchor.caller)
        except MediaError:
            if anchor.id in conference.seats:
                raise
        conference = room.conferences.there(name)  # it may have filled, been locked, or moved meanwhile
    return None


async def _until_out(call: Call, conference: Conference) -> Stage:
    keys = FeatureKeys(KEYS)
    if call.caller.held:
        conference.hold(call.id, True)
    while True:
        event = await call.next()
        match event:
            case DigitHeard(leg=leg) if leg == call.caller.id:
                pressed = keys.press(event.digit)
                if isinstance(pressed, Pressed):
                    _pressed(call, conference, pressed.feature)
            case HoldChanged():
                conference.hold(call.id, event.held)
            case RemovedFromConference():
                return Say(prompts=("conference-removed",), termination=REMOVED)
            case LegSilent() if _too_silent(call, conference, event):
                return End(termination=SILENT)
            case _:
                pass


def _pressed(call: Call, conference: Conference, feature: str) -> None:
    seat = conference.seats[call.id]
    if feature == "mute":
        conference.mute(call.id, not seat.muted)
        call.caller.play(("conference-muted" if seat.muted else "conference-unmuted",), call.language)
    elif seat.moderator:
        conference.locked = not conference.locked
        call.log.info("conference locked" if conference.locked else "conference unlocked")


def _too_silent(call: Call, conference: Conference, event: LegSilent) -> bool:
    limit = call.config.rtp.timeout_s
    return bool(limit) and event.silent_s >= limit and not conference.seats[call.id].held


def _count(call: Call, name: str, began: float, talk_s: float) -> None:
    call.figures.talk_s += talk_s
    call.services.store.segment(
        SegmentRow(
            call=call.id,
            began=began,
            ended=began + talk_s,
            leg=LegId(call.caller.id),
            party=f"conference:{name}",
            agent="",
            queue="",
            talk_s=talk_s,
            hold_s=0.0,
            ended_by=call.over.by.value if call.over is not None else "switch",
        )
    )
