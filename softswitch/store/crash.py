"""Closing what a crashed process left open: plain values in, the rows to write out.

A call that the crash cut off ended, as far as anyone can know, when its node was last known alive. What the journal says
of its stage fills the CDR: `queue`, `agent`, `answered`, `bridged`, `entered`, `waited_s` and `recording` of the stage's
arguments are used where they are present and of the right type; a time of 0 is one that is not known.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from softswitch.ids import AgentId, QueueName, RecordingId
from softswitch.store.rows import (
    CallFinished,
    CallStarted,
    JournalEntry,
    QueueVisit,
    RecordingRow,
    SupervisionRow,
)

CAUSE = "crash"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashClosing:
    """What was closed."""

    calls: tuple[CallFinished, ...]
    visits: tuple[QueueVisit, ...]
    recordings: tuple[RecordingRow, ...]
    """Their files may need `recorder.files.repair`, which tells their length."""
    supervisions: tuple[SupervisionRow, ...] = ()


def closing(
    *,
    heartbeats: Mapping[str, float],
    calls: Iterable[CallStarted],
    journal: Mapping[str, JournalEntry],
    recordings: Iterable[RecordingRow],
    supervisions: Iterable[SupervisionRow] = (),
) -> CrashClosing:
    finished: list[CallFinished] = []
    visits: list[QueueVisit] = []
    for call in calls:
        entry = journal.get(call.call)
        ended = max(heartbeats.get(call.node, 0.0), call.started, entry.entered if entry else 0.0)
        finished.append(_finished(call, entry, ended))
        visit = _visit(entry, ended) if entry else None
        if visit:
            visits.append(visit)
    crashed = [
        replace(row, state="crashed", problem="the switch stopped without ending it") for row in recordings
    ]
    died = max(heartbeats.values(), default=0.0)  # their rows name no node, and the file had one owner
    stays = [replace(row, ended=max(died, _heard_until(row)), why=CAUSE) for row in supervisions]
    return CrashClosing(
        calls=tuple(finished), visits=tuple(visits), recordings=tuple(crashed), supervisions=tuple(stays)
    )


def _heard_until(row: SupervisionRow) -> float:
    """When he was there for certain: he changed his mode, or began."""
    try:
        return max(row.began, *(float(wall) for wall, _ in json.loads(row.modes)))
    except (TypeError, ValueError):
        return row.began


def _finished(call: CallStarted, entry: JournalEntry | None, ended: float) -> CallFinished:
    arguments = entry.arguments if entry else {}
    queue, agent, recording = (_text(arguments, key) for key in ("queue", "agent", "recording"))
    bridged = _number(arguments, "bridged")
    if bridged is None and entry is not None and entry.stage == "talk":
        bridged = entry.entered
    waiting = entry is not None and entry.stage == "wait"
    return CallFinished(
        call=call.call,
        ended=ended,
        answered=_number(arguments, "answered") or bridged,
        bridged=bridged,
        ended_by=CAUSE,
        cause=CAUSE,
        sip_status=0,
        last_stage=entry.stage if entry else "arrive",
        queue=QueueName(queue) if queue else None,
        wait_s=_waited(entry, ended) if entry and waiting else _number(arguments, "waited_s") or 0.0,
        agent=AgentId(agent) if agent else None,
        destination=f"agent:{agent}" if agent else "",
        talk_s=max(0.0, ended - bridged) if bridged is not None else 0.0,
        hold_s=0.0,
        recording=RecordingId(recording) if recording else None,
        packets_in=0,
        packets_lost=0,
        jitter_ms=0.0,
    )


def _visit(entry: JournalEntry, ended: float) -> QueueVisit | None:
    """The stay in a queue that was never written; a caller who talks has one too, as it is written after the talk."""
    queue, agent = _text(entry.arguments, "queue"), _text(entry.arguments, "agent")
    if not queue or entry.stage not in ("wait", "talk"):
        return None
    waited = _waited(entry, ended) if entry.stage == "wait" else _number(entry.arguments, "waited_s") or 0.0
    entered = _number(entry.arguments, "entered") or entry.entered - (
        waited if entry.stage == "talk" else 0.0
    )
    return QueueVisit(
        call=entry.call,
        queue=QueueName(queue),
        entered=entered,
        left=max(entered, ended if entry.stage == "wait" else entry.entered),
        outcome="crashed",
        wait_s=waited,
        position=0,
        original_position=0,
        priority=int(_number(entry.arguments, "priority") or 0),
        agent=AgentId(agent) if agent else None,
        talk_s=max(0.0, ended - entry.entered) if entry.stage == "talk" else 0.0,
    )


def _waited(entry: JournalEntry, ended: float) -> float:
    return max(0.0, ended - (_number(entry.arguments, "entered") or entry.entered))


def _text(arguments: Mapping[str, object], key: str) -> str:
    value = arguments.get(key)
    return value if isinstance(value, str) else ""


def _number(arguments: Mapping[str, object], key: str) -> float | None:
    value = arguments.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
