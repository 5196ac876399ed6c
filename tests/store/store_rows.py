"""Rows with every field filled, for the tests of this folder."""

from typing import Any

from softswitch.ids import AgentId, CallId, EndpointName, LegId, OfferId, QueueName, RecordingId
from softswitch.store.rows import (
    AgentInterval,
    AgentRow,
    CallFinished,
    CallStarted,
    JournalEntry,
    LegRow,
    OfferRow,
    QueueVisit,
    RecordingRow,
    RegistrationRow,
    SnapshotRow,
)


class FixedClock:
    def __init__(self, wall: float = 1000.0) -> None:
        self.now = wall

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def started(call: str = "c1", **changes: Any) -> CallStarted:
    values = {
        "node": "sw1",
        "started": 100.0,
        "source": "trunk:a",
        "ani": "+34600",
        "ani_name": "Añá “x”",
        "dnis": "+34910",
        "sip_call_id": f"{call}@peer",
    }
    return CallStarted(call=CallId(call), **{**values, **changes})


def finished(call: str = "c1", **changes: Any) -> CallFinished:
    values = {
        "ended": 170.0,
        "answered": 101.0,
        "bridged": 110.0,
        "ended_by": "caller",
        "cause": "normal",
        "sip_status": 200,
        "last_stage": "talk",
        "queue": QueueName("sales"),
        "wait_s": 8.0,
        "agent": AgentId("ana"),
        "destination": "agent:ana",
        "talk_s": 60.0,
        "hold_s": 3.0,
        "recording": RecordingId("r1"),
        "packets_in": 3000,
        "packets_lost": 2,
        "jitter_ms": 0.5,
        "labels": {"x": "ñ"},
    }
    return CallFinished(call=CallId(call), **{**values, **changes})


def visit(call: str = "c1", **changes: Any) -> QueueVisit:
    values = {
        "queue": QueueName("sales"),
        "entered": 102.0,
        "left": 110.0,
        "outcome": "answered",
        "wait_s": 8.0,
        "position": 1,
        "original_position": 2,
        "priority": 0,
        "agent": AgentId("ana"),
        "talk_s": 60.0,
        "hold_s": 3.0,
        "wrapup_s": 10.0,
        "completed_by": "caller",
    }
    return QueueVisit(call=CallId(call), **{**values, **changes})


def offer(name: str = "o1", **changes: Any) -> OfferRow:
    values = {
        "call": CallId("c1"),
        "queue": QueueName("sales"),
        "agent": AgentId("ana"),
        "offered": 106.0,
        "ended": 110.0,
        "result": "answered",
        "sip_status": 200,
        "rang_s": 4.0,
        "why": '{"strategy":"longest-idle"}',
    }
    return OfferRow(offer=OfferId(name), **{**values, **changes})


def interval(**changes: Any) -> AgentInterval:
    values = {
        "agent": AgentId("ana"),
        "status": "available",
        "reason": "",
        "state": "talking",
        "began": 110.0,
        "ended": 170.0,
        "queue": QueueName("sales"),
        "call": CallId("c1"),
    }
    return AgentInterval(**{**values, **changes})


def recording(name: str = "r1", **changes: Any) -> RecordingRow:
    values = {
        "call": CallId("c1"),
        "path": f"2026-01-01/{name}.wav",
        "began": 110.0,
        "queue": QueueName("sales"),
        "agent": AgentId("ana"),
        "ani": "+34600",
        "dnis": "+34910",
        "box": "",
        "encoding": "PCMU",
        "channels": 2,
        "labels": {"k": "v"},
    }
    return RecordingRow(recording=RecordingId(name), **{**values, **changes})


def leg(name: str = "l1", **changes: Any) -> LegRow:
    values = {
        "call": CallId("c1"),
        "direction": "in",
        "party": "trunk:a",
        "began": 100.0,
        "answered": 101.0,
        "ended": 170.0,
        "sip_status": 200,
        "sip_call_id": "x@y",
        "codec": "PCMU",
        "packets_in": 3000,
        "packets_out": 3000,
        "packets_lost": 2,
        "jitter_ms": 0.5,
    }
    return LegRow(leg=LegId(name), **{**values, **changes})


def journal(call: str = "c1", **changes: Any) -> JournalEntry:
    values = {"stage": "wait", "arguments": {"queue": "sales", "skills": {"es": 2}}, "entered": 102.0}
    return JournalEntry(call=CallId(call), **{**values, **changes})


def snapshot(call: str = "c1", data: str = "{}") -> SnapshotRow:
    return SnapshotRow(call=CallId(call), data=data)


def registration(contact: str = "sip:1001@192.0.2.1:5060", **changes: Any) -> RegistrationRow:
    values = {
        "endpoint": EndpointName("1001"),
        "call_id": "abc",
        "cseq": 7,
        "expires": 5000.0,
        "path": "[]",
        "source": "udp:192.0.2.1:5060",
        "user_agent": "phone",
        "registered": 90.0,
        "instance": "<urn:uuid:1>",
    }
    return RegistrationRow(contact=contact, **{**values, **changes})


def agent(name: str = "ana", **changes: Any) -> AgentRow:
    values = {"status": "paused", "reason": "lunch", "endpoint": EndpointName("1001"), "since": 55.0}
    return AgentRow(agent=AgentId(name), **{**values, **changes})
