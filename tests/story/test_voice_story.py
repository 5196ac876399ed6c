"""Proves, on whole calls: a text that is spoken while the flow runs, with music meanwhile, a fall-back when it cannot be, a
key that does not wait for it, and no second making; names found by keys and put through; spoken answers with their tries,
keys beside them, and a recogniser that fails; a conference from a flow.

Does not prove what is heard; `tests/interop/test_voice_heard.py` does that of texts.
"""

import asyncio
from typing import cast

from story_floor import Centre, about, centre, fixed, told

from softswitch.config.features import Conference
from softswitch.config.flow import Collect, Flow, Menu, Play, Set, Transfer
from softswitch.config.queues import Agent
from softswitch.config.voice import Recogniser, Speech
from softswitch.config.voice_nodes import Directory, Hear, Speak
from softswitch.rtp.commands import Music, StartRecording, StopRecording
from softswitch.rtp.commands import Play as Played
from softswitch.testing.manners import answering
from softswitch.testing.voice import FakeEar, FakeRecognition, FakeSpeaker

CUSTOMER = "trunk:north"
OVER = {"over": Transfer(target="hangup"), "bye": Play(prompt="goodbye", next="over")}


def flow(start: str, **nodes: object) -> dict[str, dict[str, Flow]]:
    return {"flow": {"main": Flow(start=start, node={**OVER, **nodes})}}  # type: ignore[dict-item]


def speaker(c: Centre) -> FakeSpeaker:
    return cast(FakeSpeaker, c.switch.parts.world.speaker)


def ears(c: Centre) -> list[FakeEar]:
    return cast(FakeRecognition, c.switch.parts.services.voice.recognition).ears


def said(c: Centre) -> list[str]:
    """Prompts that the caller was played, by name."""
    plays = c.switch.media.told(Played, c.leg_of(CUSTOMER))
    return [prompt.rpartition("/")[2].removesuffix(".wav") for play in plays for prompt in play.prompts]


# --- texts ------------------------------------------------------------------------------------------------------------

GREETED = flow(
    "ask",
    ask=Collect(variable="number", max_digits=2, next="speak"),
    speak=Speak(text="You are number {number}, {caller_name}.", next="bye"),
)


@told(centre(**GREETED))
async def test_a_text_is_spoken_and_the_caller_hears_music_meanwhile(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(1)
    c.press("42")
    await asyncio.sleep(0.2)
    leg = c.leg_of(CUSTOMER)
    assert "music" in str(c.switch.media.music(leg)) and speaker(c).texts == [
        ("You are number 42, .", "en-gb")
    ]
    await asyncio.sleep(0.5)
    assert c.switch.media.music(leg) is None
    [key] = [name for name in said(c) if len(name) == 40]
    await asyncio.sleep(1)
    assert said(c)[-1] == "goodbye"
    await call.hung_up()
    again = c.caller("700")
    await again.answered()
    await asyncio.sleep(1)
    c.press("42")
    await asyncio.sleep(0.1)
    assert said(c)[-1] == key and len(speaker(c).texts) == 1, "it was kept"
    again.hang_up()


@told(centre(**GREETED, speech=Speech(fallback="please-wait")))
async def test_what_cannot_be_spoken_is_replaced(c: Centre) -> None:
    speaker(c).problem = "no such voice"
    call = c.caller("700")
    await call.answered()
    c.press("42")
    await asyncio.sleep(0.8)
    assert said(c)[-1] == "please-wait"
    assert [alarm.name for alarm in c.switch.parts.alarms.raised] == ["speech"]
    await call.hung_up()
    speaker(c).problem = ""
    for _ in range(2):
        call = c.caller("700")
        await call.answered()
        c.press("42")
        await call.hung_up()
        await asyncio.sleep(30)
    assert len(speaker(c).texts) == 2, "not tried again at once, but after a while"
    assert c.switch.parts.alarms.raised == ()


@told(centre(**GREETED))
async def test_without_a_fallback_the_flow_goes_on(c: Centre) -> None:
    speaker(c).problem = "no such voice"
    call = c.caller("700")
    await call.answered()
    c.press("42")
    await asyncio.sleep(0.7)
    assert said(c) == ["goodbye"]
    await call.hung_up()


@told(
    centre(
        **flow(
            "speak",
            speak=Speak(text="A long story, {ani}.", next="choose"),
            choose=Menu(prompt="menu", keys={"1": "bye"}),
        )
    )
)
async def test_a_key_does_not_wait_for_a_text(c: Centre) -> None:
    speaker(c).seconds = 8.0
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.5)
    c.press("1")
    await asyncio.sleep(0.1)
    assert said(c) == ["goodbye"] and c.switch.media.music(c.leg_of(CUSTOMER)) is None
    await call.hung_up()
    await asyncio.sleep(8)


@told(
    centre(
        **flow(
            "choose",
            choose=Menu(prompt="menu", keys={"1": "spanish", "2": "hello"}),
            spanish=Set(language="es", next="hello"),
            hello=Speak(text="  Hello\n there ", next="bye"),
        )
    )
)
async def test_fixed_texts_are_made_before_anybody_calls(c: Centre) -> None:
    await asyncio.sleep(3)
    assert speaker(c).texts == [("Hello there", "en-gb"), ("Hello there", "es")]
    call = c.caller("700")
    await call.answered()
    c.press("1")
    await asyncio.sleep(0.1)
    assert len(said(c)[-1]) == 40 and len(speaker(c).texts) == 2
    call.hang_up()


@told(
    centre(
        **flow(
            "pin",
            pin=Collect(variable="pin", max_digits=4, masked=True, next="speak"),
            speak=Speak(text="Your code is {pin}.", next="bye"),
        )
    )
)
async def test_what_was_collected_masked_is_not_spoken(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.press("1234")
    await call.hung_up()
    assert speaker(c).texts == [("Your code is .", "en-gb")]


# --- the directory ----------------------------------------------------------------------------------------------------

PEOPLE = {
    "agent": {
        "ana": Agent(endpoint="1001", name="Ana Ruiz", login="on-start"),
        "ben": Agent(endpoint="1002", name="Benito Ruiz", login="on-start"),
    },
    "endpoint": {"1003": fixed("1003", display_name="Eva Peña"), "1004": fixed("1004", display_name="Ruth")},
}
BY_NAME = flow("find", find=Directory(min_letters=2, most=2, retries=1, on_failure="bye", next="find"))


@told(centre(**PEOPLE, **BY_NAME))
async def test_a_name_is_found_by_keys_and_rung(c: Centre) -> None:
    c.phone("1002").on_call = answering(1.0)
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.5)
    assert said(c) == ["directory-ask"]
    c.press("78")  # Ru…
    await asyncio.sleep(1.7)
    assert said(c)[-1] == "directory-more", "three have a name that begins so"
    c.press("4")  # Rui…
    await asyncio.sleep(2.5)
    names = said(c)[-6:]
    assert [len(name) == 40 for name in names] == [True, False, False] * 2
    assert (names[1:3], names[4:6]) == (["directory-press", "n-1"], ["directory-press", "n-2"])
    assert {text for text, _ in speaker(c).texts} >= {"Ana Ruiz", "Benito Ruiz"}
    c.press("2")
    agent = await c.phone("1002").next_call()
    await asyncio.sleep(2)
    assert c.live().stage == "talk"
    call.hang_up()
    await agent.hung_up()


@told(centre(**PEOPLE, **BY_NAME))
async def test_nobody_by_that_name_and_the_tries_end(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.press("99")
    await asyncio.sleep(0.1)
    assert said(c)[-2:] == ["directory-none", "directory-ask"]
    c.press("37")  # Ep…
    await asyncio.sleep(0.1)
    assert said(c)[-1] == "goodbye"
    await call.hung_up()


@told(centre(**PEOPLE, **BY_NAME))
async def test_accents_and_other_words_of_a_name_count(c: Centre) -> None:
    c.phone("1003").on_call = answering(0.5)
    call = c.caller("700")
    await call.answered()
    c.press("7362")  # Pena
    await asyncio.sleep(2.2)
    c.press("1")
    await c.phone("1003").next_call()
    await asyncio.sleep(1)
    call.hang_up()


# --- spoken answers ---------------------------------------------------------------------------------------------------

SPOKEN = {
    "recogniser": {"local": Recogniser(url="ws://127.0.0.1:1/")},
    **flow(
        "ask",
        ask=Hear(
            prompt="menu",
            recogniser="local",
            cases={"my bill": "billing", "sales": "sales"},
            keys={"1": "sales"},
            timeout_s=4.0,
            retries=1,
            on_failure="keys",
        ),
        billing=Play(prompt="busy", next="over"),
        sales=Play(prompt="holiday", next="over"),
        keys=Menu(prompt="closed", keys={"1": "sales"}, on_failure="over"),
    ),
}


@told(centre(**SPOKEN))
async def test_what_is_said_leads_on(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.3)
    [ear] = ears(c)
    assert (ear.listening.hints, ear.listening.language) == (("my bill", "sales"), "en")
    assert len(c.switch.media.told(StartRecording)) == 1, "his audio is forked"
    ear.begins()
    await asyncio.sleep(0.1)
    ear.hears("It's about my last BILL, please", 0.8)
    await asyncio.sleep(0.1)
    assert said(c) == ["menu", "busy"] and ear.stopped
    await call.hung_up()
    assert len(c.switch.media.told(StopRecording)) == 1
    assert (await c.cdr())["labels"].count("my last BILL") == 1


@told(centre(**SPOKEN))
async def test_silence_and_nonsense_use_the_tries_up(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(1 + 4 + 0.2)
    assert ears(c)[0].asked, "the prompt, then the time to speak"
    ears(c)[0].hears("")
    await asyncio.sleep(0.2)
    ears(c)[1].hears("something else")
    await asyncio.sleep(0.2)
    assert said(c) == ["menu", "menu", "closed"] and all(ear.stopped for ear in ears(c))
    ears(c)[1].hears("sales")
    await asyncio.sleep(0.2)
    assert said(c)[-1] == "closed", "too late"
    c.press("1")
    await call.hung_up()


@told(centre(**SPOKEN))
async def test_a_key_answers_too(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.2)
    c.press("1")
    await asyncio.sleep(0.1)
    assert said(c) == ["menu", "holiday"] and ears(c)[0].stopped
    await call.hung_up()


@told(centre(**SPOKEN))
async def test_a_recogniser_that_fails_leads_to_keys_at_once(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.2)
    ears(c)[0].fails("cannot be reached")
    await asyncio.sleep(0.2)
    assert said(c) == ["menu", "closed"]
    call.hang_up()


@told(centre(**SPOKEN))
async def test_a_caller_who_hangs_up_is_heard_no_more(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.2)
    call.hang_up()
    await asyncio.sleep(0.2)
    assert ears(c)[0].stopped


# --- conferences ------------------------------------------------------------------------------------------------------


@told(
    centre(
        conference={"team": Conference()},
        **flow(
            "choose", choose=Menu(prompt="menu", keys={"1": "room"}), room=Transfer(target="conference:team")
        ),
    )
)
async def test_a_flow_leads_into_a_conference(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.press("1")
    await asyncio.sleep(0.5)
    assert c.live().stage == "confer" and c.switch.media.told(Music)
    call.hang_up()
    assert (await c.cdr())["talk_s"] == about(0.5)
