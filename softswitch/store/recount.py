"""Counts the rows of a stretch of time once more, in plain Python and by nothing that reports are made with.

What it finds is compared with the reports: every part must equal its rows, every whole its parts, and rows must agree with
each other. Reads through a connection of its own; runs on a thread.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softswitch.store.definitions import Settings
from softswitch.store.intervals import Interval
from softswitch.store.sums import AgentFigures, CallerFigures

TOLERANCE_S = 0.01
"""Of times that two rows tell of one thing."""
MOST_FINDINGS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str
    """`rows`, `sums` or `report`."""
    where: str
    problem: str


class Recount:
    """Figures of each part, by what they are grouped by, and what is wrong with the rows themselves."""

    def __init__(self, path: Path, parts: Sequence[Interval], settings: Settings) -> None:
        self._path = path
        self._parts = parts
        self._starts = [part[0] for part in parts]
        self._settings = settings
        self.callers: dict[str, dict[tuple[float, str], CallerFigures]] = {"queue": {}, "dnis": {}}
        self.agents: dict[tuple[float, str], AgentFigures] = {}
        self.findings: list[Finding] = []
        self.rows = 0

    def run(self) -> None:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            rang = self._offers(connection)
            waits = self._visits(connection, rang)
            self._calls(connection, waits)
            self._times(connection)

    def _found(self, where: str, problem: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(what="rows", where=where, problem=problem))

    def _start(self, moment: float) -> float:
        return self._starts[bisect_right(self._starts, moment) - 1]

    def _read(self, connection: sqlite3.Connection, sql: str) -> Iterator[sqlite3.Row]:
        for row in connection.execute(sql, (self._parts[0][0], self._parts[-1][1])):
            self.rows += 1
            yield row

    def _agent(self, moment: float, agent: str) -> AgentFigures:
        return self.agents.setdefault((self._start(moment), agent), AgentFigures())

    def _offers(self, connection: sqlite3.Connection) -> dict[str, list[tuple[str, float, float]]]:
        """Counts them; answers those of each call that may have been under way when its caller left."""
        rang: dict[str, list[tuple[str, float, float]]] = {}
        first, until = self._parts[0][0], self._parts[-1][1]
        # A caller who came within this time may be rung for after it.
        for row in connection.execute("SELECT * FROM offers WHERE offered >= ?", (first,)):
            if row["result"] in ("cancelled", "answered"):
                rang.setdefault(row["call"], []).append((row["queue"], row["offered"], row["ended"]))
            if row["offered"] >= until:
                continue
            self.rows += 1
            mine = self._agent(row["offered"], row["agent"])
            mine.offers += 1
            if row["result"] == "answered":
                mine.offers_answered += 1
            elif row["result"] in ("no answer", "rejected", "busy", "unreachable", "failed"):
                mine.missed += 1
            if row["ended"] < row["offered"] - TOLERANCE_S:
                self._found(f"offer {row['offer']}", "ended before it began")
        return rang

    def _visits(
        self, connection: sqlite3.Connection, rang: Mapping[str, list[tuple[str, float, float]]]
    ) -> dict[str, float]:
        """Counts them; answers how long each call waited."""
        waits: dict[str, float] = {}
        sql = (
            "SELECT queue_visits.*, dnis, started FROM queue_visits LEFT JOIN calls USING (call) "
            "WHERE entered >= ? AND entered < ?"
        )
        for row in self._read(connection, sql):
            ringing = any(
                queue == row["queue"] and offered <= row["left"] <= ended + 1.0
                for queue, offered, ended in rang.get(row["call"], ())
            )
            start = self._start(row["entered"])
            for by, name in (("queue", row["queue"]), ("dnis", row["dnis"] or "")):
                figures = self.callers[by].setdefault((start, name), CallerFigures())
                _count(figures, row, self._settings, ringing=ringing)
            waits[row["call"]] = waits.get(row["call"], 0.0) + row["wait_s"]
            if row["outcome"] == "answered" and row["agent"] is not None:
                mine = self._agent(row["entered"], row["agent"])
                mine.answered += 1
                mine.transfers += row["completed_by"] == "transfer"
                for name in ("talk_s", "hold_s", "wrapup_s"):
                    setattr(mine, name, getattr(mine, name) + row[name])
            self._visit_is_sound(row)
        return waits

    def _visit_is_sound(self, row: Any) -> None:
        where = f"stay of call {row['call']} in {row['queue']}"
        if row["started"] is None:
            self._found(where, "there is no such call")
        if abs(row["left"] - row["entered"] - row["wait_s"]) > TOLERANCE_S:
            self._found(where, "its wait is not the time between entering and leaving")
        if row["outcome"] == "answered" and row["agent"] is None:
            self._found(where, "is answered by nobody")
        if min(row["wait_s"], row["talk_s"], row["hold_s"], row["wrapup_s"]) < 0:
            self._found(where, "has a length below zero")

    def _calls(self, connection: sqlite3.Connection, waits: Mapping[str, float]) -> None:
        """A call waited as long as its stays in queues, as far as all of them lie in this time."""
        sql = "SELECT call, started, ended, wait_s FROM calls WHERE started >= ? AND started < ?"
        for row in self._read(connection, sql):
            inside = row["ended"] is not None and row["ended"] < self._parts[-1][1]
            waited = waits.get(row["call"], 0.0)
            if inside and abs((row["wait_s"] or 0.0) - waited) > TOLERANCE_S:
                told = f"its CDR says {row['wait_s']:.2f} s in queues, its stays say {waited:.2f} s"
                self._found(f"call {row['call']}", told)

    def _times(self, connection: sqlite3.Connection) -> None:
        """Stretches of an agent follow each other: none lies over another, so that states sum to the time logged in."""
        sql = "SELECT * FROM agent_intervals WHERE ended > ? AND began < ? ORDER BY agent, began, ended"
        before: tuple[str, float] = ("", 0.0)
        for row in self._read(connection, sql):
            where = f"agent {row['agent']} from {row['began']:.2f}"
            if row["ended"] < row["began"]:
                self._found(where, "ended before it began")
            if row["agent"] == before[0] and row["began"] < before[1] - TOLERANCE_S:
                self._found(where, f"is in two states for {before[1] - row['began']:.2f} s")
            before = (row["agent"], max(row["ended"], before[1] if row["agent"] == before[0] else 0.0))
            self._cut(row)

    def _cut(self, row: Any) -> None:
        at = max(0, bisect_right(self._starts, row["began"]) - 1)
        while at < len(self._parts) and self._parts[at][0] < row["ended"]:
            start, end = self._parts[at]
            seconds = min(row["ended"], end) - max(row["began"], start)
            if seconds > 0:
                mine = self.agents.setdefault((start, row["agent"]), AgentFigures())
                mine.states[row["state"]] = mine.states.get(row["state"], 0.0) + seconds
                if row["state"] == "paused":
                    mine.pauses[row["reason"]] = mine.pauses.get(row["reason"], 0.0) + seconds
            at += 1


def _count(figures: CallerFigures, row: Any, settings: Settings, *, ringing: bool) -> None:
    outcome, wait = row["outcome"], row["wait_s"]
    soon = wait <= settings.service_level_s.get(row["queue"], settings.default_service_level_s)
    if outcome in ("full", "join empty"):
        figures.refused += 1
        return
    figures.offered += 1
    figures.wait_s += wait
    figures.longest_wait_s = max(figures.longest_wait_s, wait)
    if outcome == "answered":
        figures.answered += 1
        figures.answered_in_sl += soon
        figures.answered_wait_s += wait
        figures.transfers += row["completed_by"] == "transfer"
        figures.talk_s += row["talk_s"]
        figures.hold_s += row["hold_s"]
        figures.wrapup_s += row["wrapup_s"]
    elif outcome == "abandoned":
        figures.abandoned += 1
        figures.abandoned_in_sl += soon
        figures.lost_in_sl += soon
        figures.short_abandoned += wait < settings.short_abandon_s.get(row["queue"], 0.0)
        figures.abandoned_ringing += ringing
    elif outcome in ("timeout", "empty"):
        figures.overflowed += 1
        figures.lost_in_sl += soon
    elif outcome == "withdrawn":
        figures.withdrawn += 1
        figures.lost_in_sl += soon
    elif outcome == "callback":
        figures.callbacks += 1
        figures.callbacks_in_sl += soon
    elif outcome == "key":
        figures.left_by_key += 1
    elif outcome == "crashed":
        figures.crashed += 1
    else:
        figures.other += 1
