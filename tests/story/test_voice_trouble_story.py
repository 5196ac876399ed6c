"""Proves, on whole calls: codes that several calls guess at once are no more tries than those of one call; the code that is
typed right behind the owner's key counts; a greeting that was not ended is no message; a text whose making breaks in an
unknown way leaves nobody in music; a flow that goes round because nothing can be spoken takes neither the processor nor the
log; a mail that breaks in an unknown way does not hold up the next one; a reload leaves nothing of the prompts behind, and
one that is refused nothing of its flows.

Does not prove: lookups that break (`tests/ivr/test_lookups.py`).
"""

import asyncio
import gc
import weakref
from dataclasses import replace

import pytest
from story_floor import Centre, centre, fixed, told
from test_voice_story import OVER, flow, said, speaker
from test_voicemail_story import CENTRE, CUSTOMER, MAILED, at_once, leave, listen, mailer, on_disk
from test_voicemail_story import said as said_to

from softswitch.call.pin_guard import MOST_WRONG
from softswitch.config.flow import Flow, Menu
from softswitch.config.prompts import Message
from softswitch.config.routes import Route
from softswitch.config.sip import Sip
from softswitch.config.voice import Speech
from softswitch.config.voice_nodes import Speak
from softswitch.errors import UnusableError
from softswitch.ivr.speech_program import SpeechOrder
from softswitch.rtp.commands import StartRecording

CALLS = 10


@told(
    centre(
        message={"sales": Message(pin="2468")},
        route={"800": Route(to="message:sales")},
        endpoint={"1001": fixed("1001", mailbox="sales", max_calls=2 * CALLS)},
    )
)
async def test_codes_guessed_by_many_calls_at_once_are_counted_together(c: Centre) -> None:
    at_once(c)
    calls = [c.phone("1001").call("*97") for _ in range(CALLS)]
    for call in calls:
        await call.answered()
    await asyncio.sleep(0.5)
    legs = [leg.id for leg in c.switch.parts.services.legs.values()]
    assert len(legs) == CALLS and all(said_to(c, leg) == ["voicemail-pin"] for leg in legs)
    for number, leg in enumerate(legs):
        c.switch.media.press(leg, "2468#" if number == CALLS - 1 else "1111#")
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    assert sum("voicemail-wrong" in said_to(c, leg) for leg in legs) < MOST_WRONG
    assert "2468" not in repr(c.switch.parts.services.config.message)
    assert said_to(c, legs[-1])[-1] == "voicemail-locked", "the right one comes too late"
    for call in calls:
        await call.hung_up()


@told(CENTRE)
async def test_a_code_typed_right_behind_the_owners_key_counts(c: Centre) -> None:
    at_once(c)
    call = c.caller("800")
    await call.answered()
    await asyncio.sleep(0.2)
    c.press("*2468#")
    await asyncio.sleep(1)
    assert "voicemail-none" in said_to(c, c.leg_of(CUSTOMER))
    assert not c.switch.media.told(StartRecording)
    call.hang_up()


@told(CENTRE)
async def test_a_greeting_that_the_owner_hangs_up_in_is_no_message(c: Centre) -> None:
    at_once(c)
    call, _ = await listen(c)
    c.press("2468#", "endpoint:1001")
    await asyncio.sleep(3)
    c.press("0", "endpoint:1001")
    await asyncio.sleep(6)
    assert len(c.switch.media.told(StartRecording)) == 1
    call.hang_up()
    on_disk(c)
    await asyncio.sleep(2)
    [row] = c.switch.rows("recordings")
    assert row["seconds"] > 1 and await c.switch.parts.store.messages.listed() == []


class _Breaking:
    texts: tuple[tuple[str, str], ...] = ()

    async def __call__(self, order: SpeechOrder) -> None:
        raise LookupError(order.voice)


@told(centre(**flow("speak", speak=Speak(text="You are {ani}.", next="bye")), speech=Speech(fallback="busy")))
async def test_a_text_that_breaks_in_an_unknown_way_is_replaced(c: Centre) -> None:
    c.switch.parts.services.voice.speech._speaker = _Breaking()
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(1.5)
    assert said(c)[0] == "busy"
    await call.hung_up()


ROUND = {
    "main": Flow(
        start="again",
        node={
            **OVER,
            "again": Speak(text="Wait, {ani}.", next="more"),
            "more": Speak(text="Still wait, {ani}.", next="again"),
        },
    )
}


@told(centre(flow=ROUND))
async def test_a_flow_that_goes_round_does_so_slowly(c: Centre) -> None:
    speaker(c).problem = "no such voice"
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(20)
    assert c.live().stage == "greet"
    call.hang_up()


@told(MAILED)
async def test_a_mail_that_breaks_does_not_hold_up_the_next_one(c: Centre) -> None:
    at_once(c)
    there = mailer(c)

    async def broken(*_: object) -> dict[str, str]:
        raise LookupError("unknown")

    object.__setattr__(c.switch.parts, "world", replace(c.switch.parts.world, mailer=broken))
    await leave(c)
    assert "mail" in [alarm.name for alarm in c.switch.parts.alarms.raised]
    object.__setattr__(c.switch.parts, "world", replace(c.switch.parts.world, mailer=there))
    await leave(c)
    assert len(there.letters) == 1
    await asyncio.sleep(60)
    assert len(there.letters) == 2, "the first one is tried again"


@told(centre(**flow("choose", choose=Menu(prompt="menu", keys={"1": "bye"}))))
async def test_a_reload_frees_the_prompts_that_it_replaces(c: Centre) -> None:
    old = weakref.ref(c.switch.parts.services.prompts)
    assert not gc.isenabled(), "nothing but the last use frees it"
    c.switch.reload(centre(**flow("choose", choose=Menu(prompt="closed", keys={"1": "bye"}))))
    await asyncio.sleep(1)
    assert old() is None


@told(centre(**flow("choose", choose=Menu(prompt="menu", keys={"1": "bye"}))))
async def test_a_reload_that_is_refused_leaves_the_versions_of_flows_alone(c: Centre) -> None:
    other = flow("choose", choose=Menu(prompt="closed", keys={"1": "bye"}))
    with pytest.raises(UnusableError):
        c.switch.reload(centre(**other, sip=Sip(local_nets=("no network",))))
    book = c.switch.parts.flow_versions.book
    assert (book.live("main"), len(book.versions("main"))) == (1, 1)
    c.switch.reload(centre(**other))
    assert book.live("main") == 2
