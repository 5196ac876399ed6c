"""A day of calls of every fate, made by chance from a seed, as plain rows; for tests and for `benchmarks/report_month.py`.

Agents and calls are not one simulation: what counts here is that every outcome, and every edge of a definition, occurs.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

QUEUES = ("sales", "support", "billing", "other")
DNIS = ("+34910000001", "+34910000002", "+34910000003")
AGENTS = tuple(f"agent{index:02}" for index in range(40))
SKILLS = (None, None, "english", "english romanian")
OUTCOMES = (
    *("answered",) * 12,
    *("abandoned",) * 4,
    *("timeout", "empty", "full", "join empty", "key", "withdrawn", "callback", "crashed", "of tomorrow"),
)
DAY_S = 86_400.0


@dataclass(slots=True)
class Rows:
    """Each as a dictionary with the columns of its table."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    queue_visits: list[dict[str, Any]] = field(default_factory=list)
    offers: list[dict[str, Any]] = field(default_factory=list)
    agent_intervals: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)


def day(seed: int, calls: int, begins: float, *, agents: tuple[str, ...] = AGENTS, prefix: str = "") -> Rows:
    chance = random.Random(seed)
    rows = Rows()
    for index in range(calls):
        _call(chance, rows, f"{prefix}c{index}", begins, agents)
    for agent in agents:
        rows.agent_intervals += _work(chance, agent, begins)
    return rows


def _call(chance: random.Random, rows: Rows, name: str, begins: float, agents: tuple[str, ...]) -> None:
    started = begins + min(DAY_S - 0.001, max(0.0, chance.gauss(0.5, 0.15)) * DAY_S)
    ani = chance.choice(
        ("", "anonymous", f"+34600{chance.randrange(50_000):06}", f"00346001{chance.randrange(99):05}")
    )
    row = {
        "call": name,
        "node": "sw1",
        "started": started,
        "source": "trunk:a",
        "ani": ani,
        "ani_name": "",
        "dnis": chance.choice(DNIS),
        "sip_call_id": f"{name}@192.0.2.1",
        "ended": started + 5.0,
        "answered": started + 0.5,
        "bridged": None,
        "ended_by": "caller",
        "cause": "normal",
        "sip_status": 200,
        "last_stage": "greet",
        "queue": None,
        "wait_s": 0.0,
        "agent": None,
        "destination": "",
        "talk_s": 0.0,
        "hold_s": 0.0,
    }
    rows.calls.append(row)
    kind = chance.random()
    if kind < 0.05:
        return
    if kind < 0.08:
        row.update(
            answered=None, ended_by="switch", cause="unknown number", sip_status=404, last_stage="arrive"
        )
    elif kind < 0.10:
        row.update(answered=None, cause="cancelled", sip_status=487, last_stage="dial")
    elif kind < 0.12:
        row.update(destination="message:sales", last_stage="say")
    elif kind < 0.13:
        row.update(ended_by="switch", cause="flow ended")
    elif kind < 0.18:
        _call_out(chance, rows, row)
    else:
        at = started + chance.uniform(1.0, 20.0)
        for _ in range(1 if chance.random() < 0.9 else 2):
            at = _visit(chance, rows, row, at, agents) + 0.25
        row["ended"] = at + 0.5


def _call_out(chance: random.Random, rows: Rows, row: dict[str, Any]) -> None:
    """A phone of ours calls somebody, who perhaps called before."""
    number = f"+34600{chance.randrange(50_000):06}"
    answered = row["started"] + 8.0 if chance.random() < 0.7 else None
    row.update(source="endpoint:1001", ani="1001", dnis=number, answered=answered, bridged=answered)
    rows.attempts.append(
        {
            "call": row["call"],
            "began": row["started"] + 0.1,
            "trunk": "a",
            "number": number,
            "source": "endpoint:1001",
            "ended": row["started"] + 8.0,
            "answered": answered,
            "sip_status": 200 if answered else 486,
            "cause": "answered" if answered else "busy",
            "why": "",
        }
    )


def _visit(
    chance: random.Random, rows: Rows, row: dict[str, Any], entered: float, agents: tuple[str, ...]
) -> float:
    queue, outcome, agent = chance.choice(QUEUES), chance.choice(OUTCOMES), chance.choice(agents)
    refused = outcome in ("full", "join empty")
    wait = 0.0 if refused else chance.choice((0.0, 4.999, 5.0, 20.0, 20.001, chance.expovariate(1 / 30)))
    left, answered = entered + wait, outcome == "answered"
    talk, hold = (chance.expovariate(1 / 180), chance.choice((0.0, 0.0, 12.5))) if answered else (0.0, 0.0)
    rows.queue_visits.append(
        {
            "call": row["call"],
            "queue": queue,
            "entered": entered,
            "left": left,
            "outcome": outcome,
            "wait_s": wait,
            "position": 1,
            "original_position": 1,
            "priority": 0,
            "agent": agent if answered else None,
            "talk_s": talk,
            "hold_s": hold,
            "wrapup_s": chance.uniform(0, 30) if answered else 0.0,
            "completed_by": chance.choice(("caller", "agent", "transfer")) if answered else "",
            "skills": chance.choice(SKILLS),
        }
    )
    row.update(queue=queue, last_stage="talk" if answered else "wait", wait_s=row["wait_s"] + wait)
    if answered:
        row.update(bridged=left, agent=agent, destination=f"agent:{agent}")
    elif outcome not in ("abandoned", "crashed"):
        row.update(ended_by="switch")
    elif outcome == "crashed":
        row.update(ended_by="crash")
    if not refused:
        rows.offers += _offers(chance, row, queue, entered, left, outcome, agent, agents)
    return left + talk + hold


def _offers(
    chance: random.Random,
    row: dict[str, Any],
    queue: str,
    entered: float,
    left: float,
    outcome: str,
    agent: str,
    agents: tuple[str, ...],
) -> Iterator[dict[str, Any]]:
    results = [chance.choice(("no answer", "rejected", "busy", "unreachable", "failed", "lost race"))]
    results = results if chance.random() < 0.3 else []
    if outcome == "answered":
        results.append("answered")
    elif outcome == "abandoned" and chance.random() < 0.5:
        results.append("cancelled")
    for index, result in enumerate(results):
        last = index == len(results) - 1 and result in ("answered", "cancelled")
        # Some offers are cancelled long before the caller leaves: nothing rang then.
        ended = left - (
            0.0
            if (last and chance.random() < 0.8) or result == "answered"
            else chance.uniform(0.0, left - entered)
        )
        yield {
            "offer": f"{row['call']}-{queue}-{entered:.6f}-{index}",
            "call": row["call"],
            "queue": queue,
            "agent": agent if last else chance.choice(agents),
            "offered": max(entered, ended - chance.uniform(0.1, 15.0)),
            "ended": ended,
            "result": result,
            "sip_status": 200,
            "rang_s": 3.0,
            "why": "{}",
        }


_WORK = (
    *(
        ("available", "", "idle", 120.0),
        ("available", "", "ringing", 6.0),
        ("available", "", "talking", 180.0),
    ),
    *(
        ("available", "", "wrap-up", 20.0),
        ("paused", "lunch", "paused", 1800.0),
        ("paused", "break", "paused", 300.0),
    ),
    *(
        ("available", "", "occupied", 90.0),
        ("available", "", "resting", 5.0),
        ("available", "", "unreachable", 60.0),
    ),
)


def _work(chance: random.Random, agent: str, begins: float) -> Iterator[dict[str, Any]]:
    """Two stays a day, one of them over midnight for some."""
    at = begins + chance.uniform(0.0, 8.0) * 3600
    for _ in range(2):
        until = at + chance.uniform(3.0, 6.0) * 3600
        while at < until:
            status, reason, state, mean = chance.choice(_WORK)
            lasts = chance.expovariate(1 / mean)
            yield {
                "agent": agent,
                "began": at,
                "ended": at + lasts,
                "state": state,
                "status": status,
                "reason": reason,
                "queue": None,
                "call": None,
            }
            at += lasts
        at += chance.uniform(0.5, 3.0) * 3600


def insert_into(connection: Any, rows: Rows) -> None:
    """By plain SQL, in one transaction."""
    for table in ("calls", "queue_visits", "offers", "agent_intervals", "attempts"):
        known = getattr(rows, table)
        if known:
            names = ", ".join(f'"{name}"' for name in known[0])
            marks = ", ".join("?" * len(known[0]))
            connection.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(row.values()) for row in known]
            )
    connection.commit()
