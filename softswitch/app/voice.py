"""Messages with their mails, and surveys, for whoever asks the control API; implements `VoiceControl`."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from softswitch.api.errors import UnknownThing
from softswitch.api.events_views import MessageView
from softswitch.api.voice_control import (
    MailView,
    SurveyAnswerView,
    SurveyFiguresView,
    SurveySearch,
    VoicemailView,
)
from softswitch.app.events import EventsOrders
from softswitch.app.parts import Parts
from softswitch.store.surveys import SurveyFilter
from softswitch.store.voice_rows import MailRow

MOST = 100_000


class VoiceOrders:
    def __init__(self, parts: Parts, events: EventsOrders) -> None:
        self._parts = parts
        self._events = events

    async def voicemail(self, box: str, new: bool | None, limit: int) -> tuple[VoicemailView, ...]:
        return await self._with_mails(await self._events.messages(box, new, limit))

    async def one(self, message: str) -> VoicemailView:
        found = await self._parts.store.messages.find(message)
        if found is None:
            raise UnknownThing(
                f"no message is called {message!r}", hint="`softswitch voicemail list` lists them"
            )
        return (await self._with_mails((self._events.message_view(*found),)))[0]

    async def _with_mails(self, messages: tuple[MessageView, ...]) -> tuple[VoicemailView, ...]:
        mails = await self._parts.store.mails.of(tuple(each.message for each in messages))
        return tuple(VoicemailView(message=each, mail=_mail(mails.get(each.message))) for each in messages)

    # --- surveys --------------------------------------------------------------------------------------------------------

    async def survey_answers(self, search: SurveySearch) -> tuple[SurveyAnswerView, ...]:
        records = await self._parts.store.surveys.answers(_wanted(search, max(1, min(search.limit, MOST))))
        return tuple(_answer(record) for record in records)

    async def survey_figures(self, search: SurveySearch, by: str) -> tuple[SurveyFiguresView, ...]:
        records = await self._parts.store.surveys.tally(_wanted(search, MOST))
        kept = {"agent": ("queue", "agent"), "queue": ("queue",)}.get(by, ())
        counts: dict[tuple[str, ...], Counter[int | None]] = defaultdict(Counter)
        comments: Counter[tuple[str, ...]] = Counter()
        for record in records:
            row = (
                record["survey"],
                record["question"],
                *(record[name] if name in kept else "" for name in ("queue", "agent")),
            )
            counts[row][record["answer"]] += record["count"]
            comments[row] += record["recordings"]
        return tuple(_figures(row, counts[row], comments[row]) for row in sorted(counts))


def _wanted(search: SurveySearch, limit: int) -> SurveyFilter:
    return SurveyFilter(
        since=search.since,
        until=search.until,
        survey=search.survey,
        queue=search.queue,
        agent=search.agent,
        call=search.call,
        limit=limit,
    )


def _figures(row: tuple[str, ...], counts: Mapping[int | None, int], comments: int) -> SurveyFiguresView:
    survey, question, queue, agent = row
    given = {answer: count for answer, count in counts.items() if answer is not None}
    answered = sum(given.values())
    total = sum(answer * count for answer, count in given.items())
    return SurveyFiguresView(
        survey=survey,
        question=question,
        queue=queue,
        agent=agent,
        asked=sum(counts.values()),
        answered=answered,
        comments=comments,
        mean=total / answered if answered else None,
        answers={str(answer): given[answer] for answer in sorted(given)},
    )


def _answer(record: Mapping[str, Any]) -> SurveyAnswerView:
    return SurveyAnswerView(
        call=record["call"],
        began=record["began"],
        survey=record["survey"],
        question=record["question"],
        queue=record["queue"],
        agent=record["agent"],
        ani=record["ani"],
        dnis=record["dnis"] or "",
        answer=record["answer"],
        recording=record["recording"],
        talk_s=record["talk_s"] or 0.0,
        wait_s=record["wait_s"] or 0.0,
    )


def _mail(row: MailRow | None) -> MailView | None:
    if row is None:
        return None
    return MailView(
        state=row.state,
        addresses=tuple(row.addresses.split()),
        attempts=row.attempts,
        asked=row.asked,
        next_at=row.next_at,
        ended=row.ended,
        problem=row.problem,
    )
