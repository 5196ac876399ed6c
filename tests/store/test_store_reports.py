"""Proves that reports computed by the database equal a plain recomputation in Python over random visits, offers, intervals
and calls, that intervals follow the calendar, and that every figure printed has its formula.

Does not prove that the rows are right; the calls' own tests do.
"""

import random
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from store_rows import FixedClock, finished, interval, offer, started, visit

from softswitch.store.figures import FORMULAS, QueueFigures
from softswitch.store.intervals import intervals
from softswitch.store.store import Store

OUTCOMES = ["answered", "abandoned", "timeout", "full", "join empty", "empty", "key", "withdrawn", "crashed"]
LEVELS = {"sales": 20.0, "help": 45.0}
SHORT = 5.0
STATES = ["offline", "idle", "ringing", "talking", "occupied", "wrap-up", "paused", "resting", "unreachable"]


def whole(value: float) -> Any:
    return pytest.approx(value, abs=1e-6)


async def opened(folder: Path) -> Store:
    return await Store.open(f"sqlite:///{folder}/s.db", clock=FixedClock(), on_alarm=lambda *_: None)


@pytest.mark.parametrize("seed", range(3))
async def test_queue_report_equals_a_plain_recomputation(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    store = await opened(tmp_path)
    visits = [
        visit(
            f"c{index}",
            queue=chance.choice(["sales", "help", "other"]),
            entered=chance.uniform(0, 7200),
            outcome=chance.choice(OUTCOMES),
            wait_s=chance.choice([0.0, 4.9, 5.0, 20.0, 20.1, chance.uniform(0, 90)]),
            talk_s=chance.uniform(0, 300),
            hold_s=chance.uniform(0, 30),
            wrapup_s=chance.uniform(0, 30),
        )
        for index in range(600)
    ]
    for row in visits:
        store.visit(row)
    parts = intervals(600, 6000, 900)
    report = await store.reports.queues(parts, service_level_s=LEVELS, short_abandon_s=SHORT)
    await store.close()
    groups: dict[tuple[str, float], list[Any]] = defaultdict(list)
    for row in visits:
        for start, end in parts:
            if start <= row.entered < end:
                groups[row.queue, start].append(row)
    assert {(row.queue, row.start) for row in report.queues} == set(groups)
    for figures in report.queues:
        mine = groups[figures.queue, figures.start]
        limit = LEVELS.get(figures.queue, 20.0)
        by = {outcome: [row for row in mine if row.outcome == outcome] for outcome in OUTCOMES}
        answered, abandoned = by["answered"], by["abandoned"]
        offered = [row for row in mine if row.outcome not in ("full", "join empty")]
        lost = abandoned + by["timeout"] + by["empty"] + by["withdrawn"]
        good = sum(row.wait_s <= limit for row in answered)
        short = sum(row.wait_s < SHORT for row in abandoned)
        record = figures.record()
        assert record["service_level_s"] == limit
        assert (record["offered"], record["answered"], record["abandoned"]) == (
            len(offered),
            len(answered),
            len(abandoned),
        )
        assert record["overflowed"] == len(by["timeout"]) + len(by["empty"])
        assert record["refused"] == len(by["full"]) + len(by["join empty"])
        assert record["offered"] == sum(
            record[name]
            for name in ("answered", "abandoned", "overflowed", "left_by_key", "withdrawn", "crashed")
        )
        assert record["short_abandoned"] == short
        assert record["longest_wait_s"] == whole(max((row.wait_s for row in offered), default=0.0))
        if offered:
            assert record["mean_wait_s"] == whole(sum(row.wait_s for row in offered) / len(offered))
            removed = sum(row.wait_s <= limit for row in answered + abandoned)
            assert record["sl_removed"] == whole(removed / len(offered))
        if answered:
            assert record["asa_s"] == whole(sum(row.wait_s for row in answered) / len(answered))
            assert record["sl_answered"] == whole(good / len(answered))
            handled = sum(row.talk_s + row.hold_s + row.wrapup_s for row in answered)
            assert record["mean_handle_s"] == whole(handled / len(answered))
        if answered or lost:
            both = good + sum(row.wait_s <= limit for row in lost)
            assert record["sl2"] == whole(both / (len(answered) + len(lost)))
        if len(answered) + len(abandoned) > short:
            assert record["sl_offered"] == whole(good / (len(answered) + len(abandoned) - short))


@pytest.mark.parametrize("seed", range(3))
async def test_agent_report_equals_a_plain_recomputation(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    store = await opened(tmp_path)
    stretches, offers, visits = [], [], []
    for name in ("ana", "bea"):
        at = chance.uniform(0, 100)
        while at < 7000:
            lasts = chance.uniform(0, 600)
            state = chance.choice(STATES)
            reason = chance.choice(["lunch", "coffee"]) if state == "paused" else ""
            stretches.append(interval(agent=name, state=state, reason=reason, began=at, ended=at + lasts))
            at += lasts
    for index in range(200):
        result = chance.choice(
            ["answered", "no answer", "busy", "rejected", "cancelled", "lost race", "failed"]
        )
        who, when = chance.choice(["ana", "bea"]), chance.uniform(0, 7200)
        offers.append(offer(f"o{index}", agent=who, offered=when, result=result))
        visits.append(
            visit(f"c{index}", agent=who, entered=when, outcome=chance.choice(["answered", "crashed"]))
        )
    for row in (*stretches, *offers, *visits):
        store.writer.submit(row)
    parts = intervals(300, 6900, 1800)
    report = await store.reports.agents(parts)
    only = await store.reports.agents(parts, agent="ana")
    await store.close()
    assert only.agents == tuple(row for row in report.agents if row.agent == "ana") != ()
    for figures in report.agents:
        start, end = figures.start, figures.end
        seconds: dict[str, float] = defaultdict(float)
        pauses: dict[str, float] = defaultdict(float)
        for row in stretches:
            overlap = min(row.ended, end) - max(row.began, start)
            if row.agent == figures.agent and overlap > 0:
                seconds[row.state] += overlap
                if row.state == "paused":
                    pauses[row.reason] += overlap
        assert figures.states == whole(dict(seconds)) and figures.pauses == whole(dict(pauses))
        mine = [row for row in offers if row.agent == figures.agent and start <= row.offered < end]
        assert figures.offers == len(mine)
        assert figures.offers_answered == sum(row.result == "answered" for row in mine)
        assert figures.missed == sum(
            row.result in ("no answer", "busy", "rejected", "failed") for row in mine
        )
        talks = [row for row in visits if row.agent == figures.agent and start <= row.entered < end]
        talks = [row for row in talks if row.outcome == "answered"]
        assert (figures.answered, figures.talk_s) == (len(talks), whole(sum(row.talk_s for row in talks)))
        contact = seconds["talking"] + seconds["occupied"] + seconds["wrap-up"]
        whole_s = contact + seconds["idle"]
        assert figures.record()["occupancy"] == (whole(contact / whole_s) if whole_s else None)
        assert figures.record()["logged_in_s"] == whole(sum(seconds.values()) - seconds["offline"])


async def test_calls_abandoned_in_the_ivr_are_counted(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    cases = [
        ("a", {"queue": None, "last_stage": "greet", "ended_by": "caller"}),
        ("b", {"queue": None, "last_stage": "greet", "ended_by": "switch"}),
        ("c", {"queue": "sales", "last_stage": "greet", "ended_by": "caller"}),
        ("d", {"queue": None, "last_stage": "talk", "ended_by": "caller"}),
    ]
    for call, changes in cases:
        await store.call_started(started(call, started=10.0))
        await store.call_finished(finished(call, **changes))
    report = await store.reports.queues(intervals(0, 100, None))
    await store.close()
    assert [(row.calls, row.abandoned_in_ivr) for row in report.ivr] == [(4, 1)]
    assert report.queues == ()


def test_days_follow_the_calendar_through_a_change_of_clocks() -> None:
    zone = ZoneInfo("Europe/Madrid")
    since = datetime(2026, 3, 28, tzinfo=zone).timestamp()
    until = datetime(2026, 3, 31, tzinfo=zone).timestamp()
    parts = intervals(since, until, "day", "Europe/Madrid")
    assert [round((end - start) / 3600) for start, end in parts] == [24, 23, 24]
    assert (parts[0][0], parts[-1][1]) == (since, until)


@pytest.mark.parametrize("length", [None, 900, 1800, 3600, "day", 7])
def test_intervals_cover_all_without_overlap(length: float | str | None) -> None:
    parts = intervals(1000.5, 9999.25, length, "America/New_York")
    assert parts[0][0] == 1000.5 and parts[-1][1] == 9999.25
    assert all(one[1] == two[0] for one, two in pairwise(parts))


@pytest.mark.parametrize(
    ("since", "until", "length"), [(5, 5, None), (5, 1, 60), (0, 10**9, 1), (0, 10**9, "day"), (0, 9, 0)]
)
def test_nonsense_is_refused(since: float, until: float, length: float | str | None) -> None:
    with pytest.raises(ValueError):
        intervals(since, until, length)


def test_every_ratio_has_its_formula_and_none_without_a_denominator() -> None:
    record = QueueFigures(queue="q", start=0.0, end=1.0, service_level_s=20.0).record()
    ratios = [name for name, value in record.items() if value is None]
    assert sorted(ratios) == sorted(
        [
            "mean_wait_s",
            "asa_s",
            "sl_answered",
            "sl2",
            "sl_offered",
            "sl_removed",
            "abandon_rate",
            "mean_handle_s",
        ]
    )
    assert set(ratios) <= set(FORMULAS)
