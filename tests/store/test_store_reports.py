"""Proves on a generated day of calls of every fate that each figure of each report equals a recomputation in plain Python
or plain SQL, whatever the interval and whether kept sums or rows answer; that kept sums follow rows that come late, change
or go, and definitions that change; and that the self-check finds planted errors.

2,000 calls by default, SOFTSWITCH_REPORT_CALLS=20000 for a large day. Does not prove that the rows are right; the calls'
own tests do.
"""

import asyncio
import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from day import Rows, day, insert_into
from store_rows import FixedClock, interval, offer, started, visit

from softswitch.store.definitions import COLUMNS, DEFINITIONS, Settings
from softswitch.store.intervals import Interval, intervals
from softswitch.store.lost import tail
from softswitch.store.opening import upgrade
from softswitch.store.report_check import check
from softswitch.store.reports import Names, Team
from softswitch.store.store import Store
from softswitch.store.sums import AgentFigures, CallerFigures

CALLS = int(os.environ.get("SOFTSWITCH_REPORT_CALLS", "2000"))
ZONE = "Europe/Madrid"
BEGINS = datetime(2026, 5, 13, tzinfo=ZoneInfo(ZONE)).timestamp()
SETTINGS = Settings(
    service_level_s={"sales": 20.0, "support": 45.0, "billing": 5.0}, short_abandon_s={"sales": 5.0}
)
WHOLE = [(BEGINS, BEGINS + 2 * 86_400)]
REFUSED = ("full", "join empty")


def near(value: Any) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-6)


async def opened(folder: Path, wall: float) -> Store:
    return await Store.open(f"sqlite:///{folder}/s.db", clock=FixedClock(wall), on_alarm=lambda *_: None)


def sql(store: Store, text: str, *values: Any) -> list[Any]:
    with sqlite3.connect(store.path) as connection:
        found = connection.execute(text, values).fetchall()
    connection.close()
    return found


@pytest.fixture(scope="module")
def rows() -> Rows:
    return day(7, CALLS, BEGINS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> Path:
    """The day in a database, to be copied by whoever wants to change it."""
    path = tmp_path_factory.mktemp("day") / "s.db"
    upgrade(path)
    connection = sqlite3.connect(path)
    insert_into(connection, rows)
    connection.close()
    asyncio.run(_settle(path))
    return path


async def _settle(path: Path) -> None:
    """Make the kept sums of the day once, not for each test."""
    store = await opened(path.parent, BEGINS + 3 * 86_400)
    await store.reports.caller_report(PARTS["quarter"], "queue", SETTINGS)
    await store.reports.agent_report(PARTS["quarter"], SETTINGS)
    await store.close()


@pytest.fixture
async def store(tmp_path: Path, made: Path) -> AsyncIterator[Store]:
    shutil.copy(made, tmp_path / "s.db")
    opening = await opened(tmp_path, BEGINS + 3 * 86_400)
    yield opening
    await opening.close()


PARTS = {
    "whole": WHOLE,
    "day": intervals(BEGINS, BEGINS + 2 * 86_400, "day", ZONE),
    "hour": intervals(BEGINS, BEGINS + 86_400, 3600),
    "half hour": intervals(BEGINS, BEGINS + 86_400, 1800),
    "quarter": intervals(BEGINS, BEGINS + 86_400, 900),
    "odd": intervals(BEGINS + 33.3, BEGINS + 80_000.1, 1234.5),
    "rows only": intervals(BEGINS + 40_000, BEGINS + 41_000, 7),
}


def start_of(parts: Iterable[Interval], moment: float) -> float | None:
    return next((start for start, end in parts if start <= moment < end), None)


def recomputed(mine: list[dict[str, Any]], rang: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The published formulas, written down once more."""
    by: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in mine:
        by[row["outcome"]].append(row)
    x = {id(row): SETTINGS.service_level_s.get(row["queue"], 20.0) for row in mine}

    def soon(rows: list[dict[str, Any]]) -> int:
        return len([row for row in rows if row["wait_s"] <= x[id(row)]])

    def ratio(part: float, of: float) -> float | None:
        return part / of if of else None

    answered, abandoned, callback = by["answered"], by["abandoned"], by["callback"]
    overflowed, withdrawn = by["timeout"] + by["empty"], by["withdrawn"]
    offered = [row for row in mine if row["outcome"] not in REFUSED]
    lost = abandoned + overflowed + withdrawn
    short = [row for row in abandoned if row["wait_s"] < SETTINGS.short_abandon_s.get(row["queue"], 0)]
    ringing = [
        row
        for row in abandoned
        if any(
            each["queue"] == row["queue"] and each["offered"] <= row["left"] <= each["ended"] + 1.0
            for each in rang[row["call"]]
        )
    ]
    handled = sum(row["talk_s"] + row["hold_s"] + row["wrapup_s"] for row in answered)
    return {
        "offered": len(offered),
        "answered": len(answered),
        "abandoned": len(abandoned),
        "short_abandoned": len(short),
        "abandoned_ringing": len(ringing),
        "overflowed": len(overflowed),
        "refused": len(by["full"]) + len(by["join empty"]),
        "left_by_key": len(by["key"]),
        "withdrawn": len(withdrawn),
        "callbacks": len(callback),
        "crashed": len(by["crashed"]),
        "other": len(by["of tomorrow"]),
        "transfers": len([row for row in answered if row["completed_by"] == "transfer"]),
        "answered_in_sl": soon(answered),
        "abandoned_in_sl": soon(abandoned),
        "callbacks_in_sl": soon(callback),
        "lost_in_sl": soon(lost),
        "wait_s": near(sum(row["wait_s"] for row in offered)),
        "answered_wait_s": near(sum(row["wait_s"] for row in answered)),
        "longest_wait_s": near(max((row["wait_s"] for row in offered), default=0.0)),
        "talk_s": near(sum(row["talk_s"] for row in answered)),
        "hold_s": near(sum(row["hold_s"] for row in answered)),
        "wrapup_s": near(sum(row["wrapup_s"] for row in answered)),
        "mean_wait_s": near(ratio(sum(row["wait_s"] for row in offered), len(offered))),
        "asa_s": near(ratio(sum(row["wait_s"] for row in answered), len(answered))),
        "sl_answered": near(ratio(soon(answered), len(answered))),
        "sl2": near(ratio(soon(answered) + soon(lost), len(answered) + len(lost))),
        "sl_offered": near(ratio(soon(answered), len(answered) + len(abandoned) - len(short))),
        "sl_removed": near(ratio(soon(answered) + soon(abandoned) + soon(callback), len(offered))),
        "abandon_rate": near(ratio(len(abandoned), len(offered))),
        "mean_handle_s": near(ratio(handled, len(answered))),
    }


@pytest.mark.parametrize("length", list(PARTS))
@pytest.mark.parametrize("by", ["queue", "dnis", "skill"])
async def test_figures_of_callers_equal_a_plain_recomputation(
    store: Store, rows: Rows, by: str, length: str
) -> None:
    parts = PARTS[length]
    names = Names(queue_skills={"billing": ("english", "money")})
    report = await store.reports.caller_report(parts, by, SETTINGS, names=names)
    dnis = {row["call"]: row["dnis"] for row in rows.calls}
    rang: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in rows.offers:
        if each["result"] in ("cancelled", "answered"):
            rang[each["call"]].append(each)
    groups: dict[tuple[float, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows.queue_visits:
        start = start_of(parts, row["entered"])
        skills = {*(row["skills"] or "").split(), *names.queue_skills.get(row["queue"], ())} or {"(none)"}
        for name in {"queue": {row["queue"]}, "dnis": {dnis[row["call"]]}, "skill": skills}[by]:
            if start is not None:
                groups[start, name].append(row)
    assert {(row["start"], row[by]) for row in report.rows} == set(groups) != set()
    for row in report.rows:
        expected = recomputed(groups[row["start"], row[by]], rang)
        assert {name: row[name] for name in expected} == expected
        assert set(expected) == set(CallerFigures().record())
        if by == "queue":
            assert row["service_level_s"] == SETTINGS.service_level_s.get(row["queue"], 20.0)


@pytest.mark.parametrize("length", ["whole", "day", "hour", "quarter", "odd"])
async def test_figures_of_agents_equal_a_plain_recomputation(store: Store, rows: Rows, length: str) -> None:
    parts = PARTS[length]
    report = await store.reports.agent_report(parts, SETTINGS)
    assert len(report.rows) >= 40
    by_agent: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in rows.agent_intervals:
        by_agent[each["agent"]].append(each)
    ends = dict(parts)
    for row in report.rows:
        start, agent = row["start"], row["agent"]
        end = ends[start]
        states: dict[str, float] = defaultdict(float)
        pauses: dict[str, float] = defaultdict(float)
        for each in by_agent[agent]:
            seconds = min(each["ended"], end) - max(each["began"], start)
            if seconds > 0:
                states[each["state"]] += seconds
                if each["state"] == "paused":
                    pauses[each["reason"]] += seconds
        offers = [o for o in rows.offers if o["agent"] == agent and start <= o["offered"] < end]
        talks = [v for v in rows.queue_visits if v["agent"] == agent and start <= v["entered"] < end]
        assert row["states"] == near(dict(states)) and row["pauses"] == near(dict(pauses))
        logged_in, paused = sum(states.values()), states["paused"]
        contact = states["talking"] + states["occupied"] + states["wrap-up"]
        handled = sum(v["talk_s"] + v["hold_s"] + v["wrapup_s"] for v in talks)
        away = states["resting"] + states["unreachable"]
        expected = {
            "offers": len(offers),
            "offers_answered": len([o for o in offers if o["result"] == "answered"]),
            "missed": len([o for o in offers if o["result"] not in ("answered", "cancelled", "lost race")]),
            "answered": len(talks),
            "transfers": len([v for v in talks if v["completed_by"] == "transfer"]),
            "talk_s": near(sum(v["talk_s"] for v in talks)),
            "hold_s": near(sum(v["hold_s"] for v in talks)),
            "wrapup_s": near(sum(v["wrapup_s"] for v in talks)),
            "logged_in_s": near(logged_in),
            "mean_handle_s": near(handled / len(talks)) if talks else None,
            "occupancy": near(contact / (contact + states["idle"])) if contact + states["idle"] else None,
            "adherence": near(1 - away / (logged_in - paused))
            if logged_in - paused > 1e-6
            else row["adherence"],
            "paused_share": near(paused / logged_in) if logged_in else None,
            **{
                name: near(states[state])
                for name, state in (
                    *(("idle_s", "idle"), ("ringing_s", "ringing"), ("talking_s", "talking")),
                    *(("occupied_s", "occupied"), ("after_call_s", "wrap-up"), ("paused_s", "paused")),
                    *(("resting_s", "resting"), ("unreachable_s", "unreachable")),
                )
            },
        }
        assert {name: row[name] for name in expected} == expected
        assert set(expected) | {"states", "pauses"} == set(AgentFigures().record())


async def test_a_team_is_its_queues_and_its_agents(store: Store, rows: Rows) -> None:
    teams = {"north": Team(agents=("agent00", "agent01"), queues=("sales", "billing"))}
    [row] = (await store.reports.team_report(WHOLE, SETTINGS, teams)).rows
    came = [v for v in rows.queue_visits if v["queue"] in ("sales", "billing")]
    assert row["offered"] == len([v for v in came if v["outcome"] not in REFUSED])
    worked = [i for i in rows.agent_intervals if i["agent"] in ("agent00", "agent01")]
    assert row["logged_in_s"] == near(sum(i["ended"] - i["began"] for i in worked))
    missed = ("no answer", "rejected", "busy", "unreachable", "failed")
    theirs = [o for o in rows.offers if o["agent"] in ("agent00", "agent01")]
    assert row["missed"] == len([o for o in theirs if o["result"] in missed])


FATES = """
SELECT count(*), sum(ended_by = 'crash'), sum(ended_by <> 'crash' AND destination LIKE 'message:%'),
 sum(ended_by <> 'crash' AND destination NOT LIKE 'message:%' AND bridged IS NOT NULL),
 sum(ended_by = 'caller' AND queue IS NULL AND last_stage = 'greet' AND bridged IS NULL),
 sum(ended_by = 'caller' AND last_stage = 'wait' AND bridged IS NULL),
 sum(ended_by = 'caller' AND last_stage NOT IN ('wait', 'greet') AND answered IS NULL AND bridged IS NULL),
 sum(ended_by NOT IN ('caller', 'crash') AND answered IS NULL AND sip_status >= 400)
FROM calls WHERE started >= ? AND started < ?"""


async def test_calls_by_fate_equal_plain_sql_and_every_call_has_one(store: Store) -> None:
    parts = PARTS["hour"]
    report = await store.reports.call_report(parts)
    names = (
        "calls",
        "crash",
        "messages",
        "talked",
        "abandoned_in_ivr",
        "abandoned_in_queue",
        "given_up",
        "turned_away",
    )
    assert sum(row["calls"] for row in report.rows) == CALLS
    for row in report.rows:
        [expected] = sql(store, FATES, row["start"], row["end"])
        assert tuple(row[name] for name in names) == expected
        assert sum(row[name] for name in (*names[1:], "ended")) == row["calls"]
    assert all(any(row[name] for row in report.rows) for name in (*names, "ended"))


async def test_first_call_repeats_equal_a_plain_recomputation(store: Store, rows: Rows) -> None:
    ani = {row["call"]: row["ani"] for row in rows.calls if row["ani"] not in ("", "anonymous")}
    entries: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows.queue_visits:
        if row["call"] in ani:
            mine = entries[ani[row["call"]]]
            mine[row["call"]] = min(mine.get(row["call"], row["entered"]), row["entered"])
    first: dict[str, int] = defaultdict(int)
    repeated: dict[str, int] = defaultdict(int)
    for row in rows.queue_visits:
        if row["outcome"] == "answered" and row["call"] in ani:
            mine = entries[ani[row["call"]]]
            later = [at for at in mine.values() if mine[row["call"]] < at <= row["left"] + 0.1 * 86_400]
            first[row["queue"]] += 1
            repeated[row["queue"]] += bool(later)
    report = await store.reports.repeat_report(WHOLE, 0.1)
    assert {row["queue"]: (row["first"], row["repeated"]) for row in report.rows} == {
        queue: (first[queue], repeated[queue]) for queue in first
    }
    assert sum(repeated.values()) > 0


async def test_lost_callers_and_what_came_of_them_equal_a_plain_recomputation(
    store: Store, rows: Rows
) -> None:
    window = 3 * 3600.0
    calls = {row["call"]: row for row in rows.calls}
    last: dict[str, dict[str, Any]] = {}
    for row in sorted(rows.queue_visits, key=lambda row: row["entered"]):
        last[row["call"]] = row
    report = await store.reports.lost_report(*WHOLE[0], window_s=window)
    lost = {
        call
        for call, row in last.items()
        if calls[call]["bridged"] is None and row["outcome"] not in ("answered", "callback", "of tomorrow")
    }
    assert {row["call"] for row in report.rows} == lost
    fates = defaultdict(int)
    for row in report.rows:
        left, mine = last[row["call"]]["left"], tail(row["ani"])
        later = [
            each
            for each in rows.calls
            if mine and each["call"] != row["call"] and left <= each["started"] <= left + window
        ]
        out = [
            e for e in later if e["source"] == "endpoint:1001" and tail(e["dnis"]) == mine and e["answered"]
        ]
        back = [e for e in later if e["source"] == "trunk:a" and tail(e["ani"]) == mine]
        good = bool(out) or any(e["bridged"] for e in back)
        fates[row["fate"]] += 1
        if not mine:
            assert row["fate"] == "no number"
        elif good:
            assert row["fate"] in ("called back", "reached us") and row["settled"] >= left
        else:
            assert row["fate"] == ("tried again" if back else "open")
    assert fates["no number"] and fates["open"] and fates["reached us"] + fates["called back"]


async def test_timelines_follow_every_status_from_login_to_logout(store: Store, rows: Rows) -> None:
    report = await store.reports.timeline_report(*WHOLE[0], agent="agent03")
    mine = [row for row in rows.agent_intervals if row["agent"] == "agent03"]
    statuses = [row for row in report.rows if row["event"] not in ("login", "logout")]
    assert sum(row["length_s"] for row in statuses) == near(sum(r["ended"] - r["began"] for r in mine))
    assert sum(sum(row["states"].values()) for row in statuses) == near(
        sum(r["ended"] - r["began"] for r in mine)
    )
    changes = 1 + sum(
        (a["status"], a["reason"]) != (b["status"], b["reason"]) or b["began"] > a["ended"] + 1
        for a, b in pairwise(mine)
    )
    assert len(statuses) == changes
    assert [row["event"] for row in report.rows if row["event"] in ("login", "logout")] == [
        "login",
        "logout",
    ] * 2
    now = interval(agent="agent99", state="idle", began=BEGINS, ended=BEGINS + 60)
    live = await store.reports.timeline_report(BEGINS - 10, BEGINS + 60, agent="agent99", going_on=[now])
    assert [row["event"] for row in live.rows] == ["login", "available"]


async def test_usual_is_the_mean_of_the_same_weekday(tmp_path: Path) -> None:
    store = await opened(tmp_path, BEGINS + 86_400)
    zone = ZoneInfo(ZONE)
    # The clocks change between the third and the fourth week before: 9 o'clock stays 9 o'clock.
    today = datetime(2026, 4, 22, 9, tzinfo=zone)
    counts = {0: 9, 1: 4, 2: 0, 3: 8, 4: 6}
    for weeks, count in counts.items():
        day_of = datetime(2026, 4 if weeks < 4 else 3, 22 - 7 * weeks if weeks < 4 else 25, 9, tzinfo=zone)
        if weeks == 3:
            day_of = datetime(2026, 4, 1, 9, tzinfo=zone)
        for index in range(count):
            at = day_of.timestamp() + index
            call = f"c{weeks}-{index}"
            store.visit(visit(call, entered=at, left=at + 10 * weeks, wait_s=10.0 * weeks))
    parts = [(today.timestamp(), today.timestamp() + 1800)]
    [row] = (await store.reports.caller_report(parts, "queue", SETTINGS, trend_zone=ZONE)).rows
    await store.close()
    assert (row["offered"], row["usual_offered"], row["trend"]) == (9, near(18 / 4), near(1.0))
    assert row["usual_asa_s"] == near((4 * 10 + 8 * 30 + 6 * 40) / 18)


async def test_kept_sums_follow_rows_that_come_late_change_or_go(store: Store) -> None:
    async def both() -> tuple[Any, Any]:
        report = await store.reports.caller_report(PARTS["quarter"], "queue", SETTINGS)
        agents = await store.reports.agent_report(PARTS["quarter"], SETTINGS)
        return report.rows, agents.rows

    await both()
    marks = dict(sql(store, "SELECT source, settled FROM report_marks"))
    assert set(marks.values()) == {BEGINS + 86_400}
    late = BEGINS + 30_000.5
    store.writer.submit(started("late", started=late, dnis="+34919"))
    store.visit(visit("late", queue="sales", entered=late, left=late + 8, outcome="abandoned", agent=None))
    await store.writer.flush()
    assert dict(sql(store, "SELECT source, settled FROM report_marks"))["visits"] == late
    assert not (await check(store.path, store.reports, PARTS["quarter"], SETTINGS)).findings
    # The offer that was ringing comes in a later batch, when the sums of its caller were made already.
    store.offer(offer("late", call="late", offered=late + 2, ended=late + 8, result="cancelled"))
    store.interval(interval(agent="late", began=late, ended=late + 4000, state="paused", reason="lunch"))
    await store.writer.flush()
    assert dict(sql(store, "SELECT source, settled FROM report_marks"))["visits"] == late
    assert not (await check(store.path, store.reports, PARTS["quarter"], SETTINGS)).findings
    sql(
        store, "UPDATE queue_visits SET wrapup_s = wrapup_s + 5, agent = 'agent00' WHERE outcome = 'answered'"
    )
    sql(store, "DELETE FROM agent_intervals WHERE agent = 'agent05'")
    sql(store, "DELETE FROM offers WHERE agent = 'agent06'")
    assert not (await check(store.path, store.reports, PARTS["quarter"], SETTINGS)).findings
    _, agents = await both()
    assert "agent05" not in {row["agent"] for row in agents if row["logged_in_s"]}


async def test_another_definition_is_computed_over_all_history(store: Store, rows: Rows) -> None:
    before = await store.reports.caller_report(WHOLE, "queue", SETTINGS)
    other = Settings(service_level_s={"sales": 60.0}, short_abandon_s={"sales": 10.0})
    after = await store.reports.caller_report(WHOLE, "queue", other)
    mine = [row for row in rows.queue_visits if row["queue"] == "sales"]
    for report, x, short in ((before, 20.0, 5.0), (after, 60.0, 10.0)):
        [row] = [row for row in report.rows if row["queue"] == "sales"]
        good = [v for v in mine if v["outcome"] == "answered" and v["wait_s"] <= x]
        soon = [v for v in mine if v["outcome"] == "abandoned" and v["wait_s"] < short]
        assert (row["answered_in_sl"], row["short_abandoned"]) == (len(good), len(soon))
    assert SETTINGS.fingerprint() != other.fingerprint()


PLANTED = {
    "a kept sum of callers": (
        "UPDATE report_callers SET answered = answered + 1",
        "answered: the report says",
    ),
    "a kept sum of agents": ("UPDATE report_agents SET seconds = seconds + 9 WHERE what = 'time'", "states"),
    "a kept sum that vanished": ("DELETE FROM report_callers WHERE queue = 'sales'", "the report says 0"),
    "a wait that no caller had": (
        "UPDATE queue_visits SET wait_s = wait_s + 1 WHERE call = (SELECT min(call) FROM queue_visits)",
        "its CDR says",
    ),
    "a caller of no call": (
        "DELETE FROM calls WHERE call = (SELECT min(call) FROM queue_visits)",
        "there is no such call",
    ),
    "an agent in two states": (
        "UPDATE agent_intervals SET ended = ended + 30 WHERE agent = 'agent02' AND state = 'idle'",
        "is in two states",
    ),
    "an answer by nobody": (
        "UPDATE queue_visits SET agent = NULL WHERE queue = 'sales'",
        "is answered by nobody",
    ),
}


@pytest.mark.parametrize("planted", list(PLANTED))
async def test_the_self_check_finds_a_planted_error(store: Store, planted: str) -> None:
    good = await check(store.path, store.reports, PARTS["day"], SETTINGS)
    assert good.findings == () and good.rows > CALLS and good.figures > 500
    statement, told = PLANTED[planted]
    sql(store, statement)
    bad = await check(store.path, store.reports, PARTS["day"], SETTINGS)
    assert any(told in f"{each.where}: {each.problem}" for each in bad.findings), bad.findings[:5]
    if "kept" in planted:
        await store.reports.recompute(SETTINGS)
        assert (await check(store.path, store.reports, PARTS["day"], SETTINGS)).findings == ()


async def test_without_kept_sums_reports_read_the_rows(store: Store) -> None:
    expected = await store.reports.caller_report(WHOLE, "queue", SETTINGS)
    sql(store, "DROP TABLE report_callers")
    sql(store, "UPDATE report_marks SET settled = 0")
    found = await store.reports.caller_report(WHOLE, "queue", SETTINGS)
    for mine, theirs in zip(found.rows, expected.rows, strict=True):
        # Sums of the same numbers in another order.
        assert mine == {
            name: near(each) if isinstance(each, float) else each for name, each in theirs.items()
        }


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
    for kind, record in (("queue", CallerFigures().record()), ("agent", AgentFigures().record())):
        ratios = {name for name, value in record.items() if value is None}
        assert ratios and all(DEFINITIONS[name].formula for name in ratios)
        assert {name for name in COLUMNS[kind] if name not in record} <= {"start", kind, "service_level_s"}
