"""Proves boxes of messages from a phone: leaving one with the owner's greeting, until silence, not in a full box; hearing,
saving, deleting, forwarding, recording a greeting, all by keys behind a code; wrong codes, counted over calls; the lamp
that goes on and off; mails with the recording, tried again with growing gaps over a restart of the switch and never lost;
surveys after the agent has hung up, with rows joined to call, agent and queue.

Does not prove sound, nor SMTP itself: `tests/app/test_smtp.py` and `tests/interop/test_voice_heard.py` do.
"""

import asyncio
import email
import email.policy
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import cast

from sqlalchemy import ClauseElement
from story_floor import Centre, about, centre, fixed, sales, told

from softswitch.api.voice_control import SurveySearch
from softswitch.config.prompts import Message
from softswitch.config.routes import Route
from softswitch.config.voice import Mail, Question, Survey
from softswitch.facts import MessagesChanged
from softswitch.ids import LegId
from softswitch.rtp.commands import Play, StartRecording
from softswitch.rtp.reports import RecordingEnded
from softswitch.store.statements import bound
from softswitch.tap import RecordingReport
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.voice import FakeMailer, silence

CUSTOMER = "trunk:north"
BOXES = {
    "sales": Message(max_s=60, pin="2468", silence_s=3.0, most=2),
    "1002": Message(),
}
ROUTES = {"800": Route(to="message:sales"), "801": Route(to="message:1002")}
PHONES = {
    "1001": fixed("1001", mailbox="sales", mwi_unsolicited=True),
    "1002": fixed("1002", mailbox="1002"),
}
CENTRE = centre(message=BOXES, route=ROUTES, endpoint=PHONES)


def said(c: Centre, leg: LegId) -> list[str]:
    plays = c.switch.media.told(Play, leg)
    return [prompt.rpartition("/")[2].removesuffix(".wav") for play in plays for prompt in play.prompts]


def on_disk(c: Centre) -> None:
    """What fake workers have recorded, as files."""
    for started in c.switch.media.told(StartRecording):
        if started.spec.path and not Path(started.spec.path).exists():
            silence(Path(started.spec.path), 2.0)


class ReadAtOnce:
    """Reads in no time: a thread that reads would be overtaken by virtual time."""

    def __init__(self, path: Path) -> None:
        self._database = path

    async def records(self, statement: ClauseElement) -> list[dict[str, object]]:
        with closing(sqlite3.connect(self._database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(*bound(statement))]


def at_once(c: Centre) -> None:
    store = c.switch.parts.store
    for each in (store.messages, store.mails, store.surveys):
        each._reader = ReadAtOnce(c.switch.folder / "softswitch.db")  # type: ignore[attr-defined]


async def leave(c: Centre, seconds: float = 5.0, number: str = "800") -> None:
    call = c.caller(number)
    await call.answered()
    await asyncio.sleep(1 + seconds)
    call.hang_up()
    on_disk(c)
    await asyncio.sleep(1)


async def listen(c: Centre, phone: str = "1001", number: str = "*97") -> tuple[PeerCall, LegId]:
    call = c.phone(phone).call(number)
    await call.answered()
    await asyncio.sleep(0.5)
    return call, c.leg_of(f"endpoint:{phone}")


def counts(c: Centre, box: str = "sales") -> list[tuple[int, int]]:
    return [(fact.new, fact.old) for fact in c.switch.happened(MessagesChanged) if fact.box == box]


@told(CENTRE)
async def test_a_message_is_heard_behind_a_code_and_deleted(c: Centre) -> None:
    at_once(c)
    await leave(c)
    assert counts(c) == [(1, 0)]
    call, leg = await listen(c)
    c.press("2468#", "endpoint:1001")
    await asyncio.sleep(3)
    assert said(c, leg)[:3] == ["voicemail-pin", "voicemail-new-one", "voicemail-menu"]
    c.press("1", "endpoint:1001")
    await asyncio.sleep(0.5)
    heard = said(c, leg)
    assert "voicemail-from" in heard and heard[-1] == Path(c.switch.rows("recordings")[0]["path"]).stem
    await asyncio.sleep(19)  # a second for each digit and word
    assert counts(c) == [(1, 0), (0, 1)], "it was played to its end"
    c.press("3", "endpoint:1001")
    await asyncio.sleep(3)
    assert "voicemail-deleted" in said(c, leg) and counts(c)[-1] == (0, 0)
    c.press("*", "endpoint:1001")
    await call.hung_up()
    [row] = c.switch.rows("recordings")
    assert row["state"] == "deleted" and not (c.switch.folder / "recordings" / row["path"]).exists()
    assert "2468" not in str(c.switch.rows("journal")) + str(c.switch.cdrs())


@told(CENTRE)
async def test_the_lamp_goes_on_and_off(c: Centre) -> None:
    at_once(c)
    phone = c.phone("1001")
    await leave(c)
    call, _ = await listen(c)
    c.press("2468#1", "endpoint:1001")
    await asyncio.sleep(4)
    c.press("2*", "endpoint:1001")
    await asyncio.sleep(2)
    call.hang_up()
    await asyncio.sleep(1)
    told_lamps = [b"Messages-Waiting: yes" in request.body for request in phone.requests("NOTIFY")]
    assert told_lamps == [True, False] and counts(c)[-1] == (0, 1)


@told(CENTRE)
async def test_wrong_codes_lock_the_box_for_a_while(c: Centre) -> None:
    at_once(c)
    for _ in range(2):
        call, leg = await listen(c)
        c.press("1111#", "endpoint:1001")
        await asyncio.sleep(0.2)
        c.press("2222#3333#", "endpoint:1001")
        await asyncio.sleep(0.2)
        assert said(c, leg).count("voicemail-wrong") == 2 and said(c, leg)[-1] == "voicemail-locked"
        await call.hung_up()
    call, leg = await listen(c)
    await asyncio.sleep(0.2)
    assert said(c, leg) == ["voicemail-locked"], "nobody is asked any more"
    await call.hung_up()
    await asyncio.sleep(900)
    call, leg = await listen(c)
    c.press("2468#", "endpoint:1001")
    await asyncio.sleep(1)
    assert said(c, leg)[1] == "voicemail-none"
    call.hang_up()


@told(CENTRE)
async def test_a_box_without_a_code_is_for_its_own_phone(c: Centre) -> None:
    at_once(c)
    call, leg = await listen(c, "1002")
    assert said(c, leg)[0] == "voicemail-none"
    call.hang_up()
    other = c.phone("1003").call("*971002")
    await other.answered()
    await asyncio.sleep(0.3)
    assert said(c, c.leg_of("endpoint:1003")) == ["voicemail-locked"]
    await other.hung_up()


@told(CENTRE)
async def test_a_message_is_forwarded_into_another_box(c: Centre) -> None:
    at_once(c)
    await leave(c)
    call, leg = await listen(c)
    c.press("2468#", "endpoint:1001")
    await asyncio.sleep(1)
    c.press("14", "endpoint:1001")
    await asyncio.sleep(0.5)
    c.press("77#", "endpoint:1001")
    await asyncio.sleep(2)
    assert "voicemail-no-box" in said(c, leg)
    c.press("41002#", "endpoint:1001")
    await asyncio.sleep(2)
    assert "voicemail-forwarded" in said(c, leg) and counts(c, "1002") == [(1, 0)]
    call.hang_up()
    await c.settled()
    rows = {row["box"]: row for row in c.switch.rows("recordings")}
    assert (
        rows["1002"]["labels"] == '{"forwarded_from":"sales"}' and rows["1002"]["ani"] == rows["sales"]["ani"]
    )
    assert (c.switch.folder / "recordings" / rows["1002"]["path"]).exists()


@told(CENTRE)
async def test_callers_hear_the_greeting_that_the_owner_has_recorded(c: Centre) -> None:
    at_once(c)
    call, leg = await listen(c)
    c.press("2468#", "endpoint:1001")
    await asyncio.sleep(1)
    c.press("0", "endpoint:1001")
    await asyncio.sleep(4)
    on_disk(c)
    c.press("#", "endpoint:1001")
    await asyncio.sleep(0.5)
    c.press("2", "endpoint:1001")
    await asyncio.sleep(2)
    c.press("1", "endpoint:1001")
    await asyncio.sleep(1.5)
    assert "voicemail-greeting-kept" in said(c, leg)
    call.hang_up()
    await c.settled()
    assert counts(c) == [], "a greeting is no message"
    assert {row["state"] for row in c.switch.rows("recordings")} == {"deleted"}
    caller = c.caller("800")
    await caller.answered()
    await asyncio.sleep(0.2)
    assert said(c, c.leg_of(CUSTOMER))[0] == "box-sales"
    caller.hang_up()


@told(CENTRE)
async def test_silence_ends_a_message_and_a_full_box_takes_none(c: Centre) -> None:
    at_once(c)
    call = c.caller("800")
    await call.answered()
    await asyncio.sleep(5)
    [started] = c.switch.media.told(StartRecording)
    assert (started.spec.silence_s, started.spec.max_s) == (3.0, 60)
    c.switch.media._recordings.pop(started.spec.recording)
    report = RecordingReport(
        recording=started.spec.recording, state="limit", seconds=4.0, gaps=0, gap_s=0.0, problem=""
    )
    c.switch.media.emit(RecordingEnded(report=report))
    await call.hung_up()
    await leave(c)
    refused = c.caller("800")
    await refused.answered()
    await asyncio.sleep(0.2)
    assert said(c, c.leg_of(CUSTOMER)) == ["voicemail-full"]
    await refused.hung_up()
    assert counts(c)[-1] == (2, 0)


# --- mail -------------------------------------------------------------------------------------------------------------

MAILED = centre(
    message={"sales": Message(mail=("ana@example.org", "ben@example.org"))},
    route=ROUTES,
    mail=Mail(server="smtp://mail.example.org", retry_min_s=60, retry_max_s=600, give_up_h=24),
)


def mailer(c: Centre) -> FakeMailer:
    return cast(FakeMailer, c.switch.parts.world.mailer)


@told(MAILED)
async def test_a_message_goes_out_by_mail_with_its_recording(c: Centre) -> None:
    at_once(c)
    await leave(c)
    [letter] = mailer(c).letters
    parsed = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert letter.addresses == ("ana@example.org", "ben@example.org") and letter.sender.endswith(
        "@mail.example.org"
    )
    assert parsed["Subject"] == "Message for sales from +34600000001 (0:04)"
    [attachment] = parsed.iter_attachments()
    assert attachment.get_content_type() == "audio/wav" and attachment.get_payload(decode=True)[:4] == b"RIFF"
    await c.settled()
    [row] = c.switch.rows("mails")
    assert (row["state"], row["attempts"], row["next_at"]) == ("sent", 1, None)
    [view] = await c.switch.control.voice.voicemail("sales", None, 10)
    assert view.mail is not None and view.mail.state == "sent" and view.message.heard is None


@told(MAILED)
async def test_a_mail_is_tried_again_with_growing_gaps_over_a_restart(c: Centre) -> None:
    at_once(c)
    mailer(c).problem = "connection refused"
    await leave(c)
    await asyncio.sleep(200)
    tries = mailer(c).tries
    assert [after - before for before, after in pairwise(tries)] == [
        about(60),
        about(120),
    ]
    assert "mail" in [alarm.name for alarm in c.switch.parts.alarms.raised]
    await c.settled()
    await c.restart()
    at_once(c)
    assert mailer(c).letters == [] and mailer(c).tries == []
    await asyncio.sleep(250)
    assert len(mailer(c).letters) == 1, "the next try was due 240 s after the last one"
    await c.settled()
    [row] = c.switch.rows("mails")
    assert (row["state"], row["attempts"], row["problem"]) == ("sent", 4, "")


@told(MAILED)
async def test_who_was_refused_alone_gets_it_later(c: Centre) -> None:
    at_once(c)
    mailer(c).refuse = lambda address: "450 mailbox busy" if address.startswith("ben") else ""
    await leave(c)
    mailer(c).refuse = lambda address: ""
    await asyncio.sleep(70)
    assert [letter.addresses for letter in mailer(c).letters] == [
        ("ana@example.org", "ben@example.org"),
        ("ben@example.org",),
    ]


@told(MAILED)
async def test_a_mail_is_given_up_after_a_day_and_the_message_stays(c: Centre) -> None:
    at_once(c)
    mailer(c).problem = "550 no such user"
    await leave(c)
    await asyncio.sleep(25 * 3600)
    tries = len(mailer(c).tries)
    await asyncio.sleep(2 * 3600)
    assert len(mailer(c).tries) == tries and c.switch.parts.mailing.waiting == 0
    [row] = c.switch.rows("mails")
    assert (row["state"], row["problem"]) == ("failed", "550 no such user")
    assert len(await c.switch.control.voice.voicemail("sales", True, 10)) == 1


@told(MAILED)
async def test_a_message_that_is_deleted_first_is_not_sent(c: Centre) -> None:
    at_once(c)
    mailer(c).problem = "later"
    await leave(c)
    [view] = await c.switch.control.voice.voicemail("sales", None, 10)
    await c.switch.control.events.delete(view.message.message)
    mailer(c).problem = ""
    await asyncio.sleep(70)
    assert mailer(c).letters == []
    await c.settled()
    assert c.switch.rows("mails")[0]["state"] == "gone"


@told(replace(MAILED, message={"sales": Message(mail=("ana@example.org",), mail_then="delete")}))
async def test_a_message_can_go_when_its_mail_is_sent(c: Centre) -> None:
    at_once(c)
    await leave(c)
    await c.settled()
    assert len(mailer(c).letters) == 1
    assert c.switch.rows("recordings")[0]["state"] == "deleted" and counts(c)[-1] == (0, 0)


# --- surveys ----------------------------------------------------------------------------------------------------------

ASKED = centre(
    **sales(survey="csat"),
    survey={
        "csat": Survey(
            questions=(
                Question(name="content", prompt="survey-question"),
                Question(name="again", prompt="survey-question", scale=2),
            ),
            comment=True,
        )
    },
)


async def agent_hangs_up(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    agent.hang_up()
    return call, agent


@told(ASKED)
async def test_a_caller_answers_a_survey_and_says_a_comment(c: Centre) -> None:
    at_once(c)
    call, _ = await agent_hangs_up(c)
    await asyncio.sleep(0.3)
    assert c.phone("1001").ladder()[-1] == "< 200 BYE"
    leg = c.leg_of(CUSTOMER)
    assert c.agent("ana").state.value == "wrap-up", "the agent is free of the caller"
    assert said(c, leg)[-1] == "survey-invite"
    await asyncio.sleep(1)
    c.press("4")
    await asyncio.sleep(0.2)
    c.press("5")
    await asyncio.sleep(0.2)
    assert said(c, leg)[-2:] == ["invalid", "survey-question"]
    c.press("2")
    await asyncio.sleep(0.2)
    assert said(c, leg)[-2:] == ["survey-comment", "tone:beep"]
    await asyncio.sleep(4)
    c.press("#")
    await call.hung_up()
    await c.settled()
    rows = {row["question"]: row for row in c.switch.rows("survey_answers")}
    assert {name: row["answer"] for name, row in rows.items()} == {"content": 4, "again": 2, "comment": None}
    cdr = await c.cdr()
    assert {(row["call"], row["queue"], row["agent"]) for row in rows.values()} == {
        (cdr["call"], "sales", "ana")
    }
    comment = next(
        row for row in c.switch.rows("recordings") if row["recording"] == rows["comment"]["recording"]
    )
    assert (comment["call"], comment["agent"], comment["box"]) == (cdr["call"], "ana", "")
    assert cdr["recording"] != comment["recording"] and cdr["talk_s"] == about(3)
    [visit] = await c.visits()
    assert (visit["completed_by"], visit["talk_s"]) == ("agent", about(3))
    figures = await c.switch.control.voice.survey_figures(SurveySearch(), "agent")
    assert {(each.question, each.agent, each.mean, each.comments) for each in figures} == {
        ("content", "ana", 4.0, 0),
        ("again", "ana", 2.0, 0),
        ("comment", "ana", None, 1),
    }
    [answer, *_] = await c.switch.control.voice.survey_answers(SurveySearch(queue="sales"))
    assert (answer.ani, answer.talk_s) == (cdr["ani"], about(3))


@told(ASKED)
async def test_who_hangs_up_in_the_midst_has_answered_what_he_has(c: Centre) -> None:
    at_once(c)
    call, _ = await agent_hangs_up(c)
    await asyncio.sleep(1.5)
    c.press("5")
    await asyncio.sleep(0.2)
    call.hang_up()
    await c.settled()
    rows = c.switch.rows("survey_answers", "question")
    assert [(row["question"], row["answer"]) for row in rows] == [("again", None), ("content", 5)]


@told(ASKED)
async def test_a_caller_who_hangs_up_first_is_not_asked(c: Centre) -> None:
    at_once(c)
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    call.hang_up()
    await agent.hung_up()
    await c.settled()
    assert c.switch.rows("survey_answers") == []


@told(replace(ASKED, survey={"csat": replace(ASKED.survey["csat"], share_percent=0)}))
async def test_nobody_is_asked_where_the_share_is_none(c: Centre) -> None:
    at_once(c)
    call, _ = await agent_hangs_up(c)
    await call.hung_up()
    assert (await c.cdr())["ended_by"] == "callee"
