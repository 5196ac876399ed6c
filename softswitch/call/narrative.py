"""Tells in plain words what became of a call and why: each line with its time, of the rows and marks that a call leaves.

Pure: rows are mappings with the names of the store's columns, so it is the same for a call that lives and one long over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from softswitch.call.trail import Mark
from softswitch.config.matching import Step
from softswitch.config.queues import Queue

Row = Mapping[str, Any]
_NAMED = 6
"""Agents named in one reason; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    at: float
    """Wall."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a call has left behind."""

    call: Row
    """Columns of `calls`; those of its end are None while it lives."""
    marks: Sequence[Mark] = ()
    visits: Sequence[Row] = ()
    offers: Sequence[Row] = ()
    """Columns of `offers` with `why` as `call/why.why_values` has it; `ended` and `result` are empty while it rings."""
    segments: Sequence[Row] = ()
    attempts: Sequence[Row] = ()


def narrative(traces: Traces, queues: Mapping[str, Queue]) -> tuple[Line, ...]:
    """In order of time."""
    lines = [
        *_came(traces.call),
        *(line for mark in traces.marks for line in _marked(mark, queues)),
        *(line for visit in traces.visits for line in _visited(visit, queues)),
        *(line for offer in traces.offers for line in _offered(offer)),
        *(_tried(attempt) for attempt in traces.attempts),
        *(_talked(segment) for segment in traces.segments),
    ]
    ordered = sorted(lines, key=lambda line: line.at)
    return (*ordered, *_ended(traces.call))


def _came(call: Row) -> Iterable[Line]:
    name = f" ({call['ani_name']})" if call.get("ani_name") else ""
    caller = f"{call['ani'] or 'anonymous'}{name}"
    yield Line(at=call["started"], text=f"came from {call['source']}: {caller} called {call['dnis']}")


def _ended(call: Row) -> Iterable[Line]:
    if call.get("ended") is not None:
        talked = f", {_s(call['talk_s'])} talked" if call.get("talk_s") else ""
        how = f"{call['cause']} (SIP {call['sip_status']})"
        yield Line(at=call["ended"], text=f"ended by {call['ended_by']}: {how}{talked}")


# --- its way ----------------------------------------------------------------------------------------------------------


def _marked(mark: Mark, queues: Mapping[str, Queue]) -> Iterable[Line]:
    told = _MARKS.get(mark["what"])
    if told is not None:
        yield Line(at=mark["at"], text=told(mark["detail"], queues))


def _waits(detail: Row, queues: Mapping[str, Queue]) -> str:
    queue = queues.get(str(detail.get("queue")))
    parts = [f"waits in queue {detail.get('queue')}"]
    if queue is not None:
        parts.append(f"strategy {queue.strategy}")
    if detail.get("priority") or (queue is not None and queue.weight):
        weight = f" + {queue.weight} of the queue" if queue is not None and queue.weight else ""
        parts.append(f"priority {detail.get('priority', 0)}{weight}")
    needed = {**(dict(queue.skills) if queue is not None else {}), **dict(detail.get("skills") or {})}
    if needed:
        parts.append(f"needs {_levels(needed)}")
    return ", ".join(parts)


def _promise(detail: Row, queues: Mapping[str, Queue]) -> str:
    low, high = float(detail.get("low_s") or 0), float(detail.get("high_s") or 0)
    told = f"{_s(low)} to {_s(high)}" if high else f"more than {_s(low)}"
    return f"is told: position {detail.get('position')}, {told} to wait"


_MARKS: Mapping[str, Callable[[Row, Mapping[str, Queue]], str]] = {
    "route": lambda detail, queues: f"route {detail.get('route')} leads to {detail.get('to')}",
    "greet": lambda detail, queues: (
        f"back in flow {detail.get('flow')}: {detail.get('result')}"
        if detail.get("result")
        else f"enters flow {detail.get('flow')}"
    ),
    "menu": lambda detail, queues: (
        f"pressed {detail.get('key')} in menu {detail.get('flow')}.{detail.get('menu')}"
    ),
    "lookup": lambda detail, queues: f"asked lookup {detail.get('lookup')}: {detail.get('answer')}",
    "wait": _waits,
    "dial": lambda detail, queues: f"is put through to {detail.get('target')}",
    "talk": lambda detail, queues: f"talks with {detail.get('agent') or 'the party that answered'}",
    "message": lambda detail, queues: f"leaves a message in box {detail.get('box')}",
    "voicemail": lambda detail, queues: f"listens to the messages of box {detail.get('box')}",
    "survey": lambda detail, queues: f"is asked for his opinion: survey {detail.get('survey')}",
    "confer": lambda detail, queues: f"joins conference {detail.get('conference')}",
    "feature": lambda detail, queues: f"dialled the feature {detail.get('feature')}",
    "park": lambda detail, queues: f"is parked at {detail.get('place')}",
    "promise": _promise,
    "resumed": lambda detail, queues: (
        f"takes the place that {detail.get('why')} kept for him: {_s(float(detail.get('waited_s') or 0))} waited before"
    ),
    "callback_asked": lambda detail, queues: (
        f"is to be called back in queue {detail.get('queue')}: {detail.get('callback')}"
    ),
    "callback_try": lambda detail, queues: (
        f"call back number {detail.get('attempt')} of queue {detail.get('queue')}, {detail.get('first')} first"
    ),
    "callback_over": lambda detail, queues: f"call back: {detail.get('result')}; {detail.get('then')}",
    "say": lambda detail, queues: "hears an announcement",
}


# --- queues -----------------------------------------------------------------------------------------------------------


def _visited(visit: Row, queues: Mapping[str, Queue]) -> Iterable[Line]:
    queue = queues.get(visit["queue"])
    for step in queue.steps if queue is not None else ():
        if step.after <= visit["wait_s"]:
            yield Line(at=visit["entered"] + step.after, text=f"after {_s(step.after)} {_relaxed(step)}")
    yield Line(
        at=visit["left"], text=f"leaves queue {visit['queue']} after {_s(visit['wait_s'])}: {_fate(visit)}"
    )


def _relaxed(step: Step) -> str:
    parts = [
        f"{skill} {level} suffices" if level else f"{skill} is needed no more"
        for skill, level in step.skills.items()
    ]
    if step.also:
        parts.append(f"agents with {_levels(step.also)} serve him too")
    if step.max_penalty is not None:
        parts.append(f"members up to penalty {step.max_penalty} serve him")
    return ", ".join(parts) or "nothing changes"


def _fate(visit: Row) -> str:
    place = f"at position {visit['position']}"
    told = {
        "answered": f"{visit['agent']} answered",
        "abandoned": f"hung up {place}",
        "timeout": f"longest wait over {place}",
        "full": "the queue was full",
        "join empty": "nobody was there to serve it",
        "empty": "its last agent had left",
        "key": f"pressed a key to leave {place}",
        "callback": f"asked to be called back {place}",
        "withdrawn": f"taken out {place}",
        "crashed": "the switch went down",
    }
    return told.get(visit["outcome"], str(visit["outcome"]))


# --- offers -----------------------------------------------------------------------------------------------------------


def _offered(offer: Row) -> Iterable[Line]:
    why = offer.get("why") or {}
    yield Line(at=offer["offered"], text=f"offered to {offer['agent']}{_because(why, offer['agent'])}")
    if offer.get("result") and offer["result"] != "answered":
        yield Line(at=offer["ended"], text=f"{offer['agent']}: {offer['result']} after {_s(offer['rang_s'])}")


def _because(why: Row, agent: str) -> str:
    candidates = list(why.get("candidates") or ())
    scored = [each for each in candidates if not each.get("skipped")]
    own = next((each for each in scored if each["agent"] == agent), None)
    if own is None:
        return ""
    required = why.get("required") or {}
    parts = [f" by {why.get('strategy')}: {_scored(own, why)}"]
    others = [f"{each['agent']} ({_scored(each, why)})" for each in scored if each is not own]
    if others:
        parts.append(f"next {_some(others)}")
    if required:
        parts.append(f"needed {_levels(required)}")
    skipped: dict[str, list[str]] = {}
    for each in candidates:
        if each.get("skipped"):
            skipped.setdefault(str(each["skipped"]), []).append(str(each["agent"]))
    if skipped:
        parts.append("not " + "; ".join(f"{_some(agents)}: {reason}" for reason, agents in skipped.items()))
    if why.get("more"):
        parts.append(f"and {why['more']} more looked at")
    return "; ".join(parts)


def _scored(candidate: Row, why: Row) -> str:
    """The score in words: penalty, then skill where any was needed, then what the strategy goes by."""
    score = [float(part) for part in candidate.get("score") or ()]
    words = [f"penalty {score[0]:g}"] if score and score[0] else []
    own = score[2 if why.get("required") else 1 :]
    told = _SCORES.get(str(why.get("strategy")), _plain)
    return ", ".join([*words, told(own)] if own else words) or "the only one"


def _plain(own: Sequence[float]) -> str:
    return "score " + "/".join(f"{part:g}" for part in own)


_SCORES: Mapping[str, Callable[[Sequence[float]], str]] = {
    "longest-idle": lambda own: f"idle {_s(-own[0])}",
    "ring-all": lambda own: f"idle {_s(-own[0])}",
    "progressive": lambda own: f"idle {_s(-own[0])}",
    "fewest-calls": lambda own: f"{own[0]:g} calls",
    "least-talk": lambda own: f"talked {_s(own[0])}",
    "least-occupied": lambda own: f"busy {own[0]:.0%} of the last hour",
    "round-robin": lambda own: f"turn {own[0]:g}",
    "linear": lambda own: f"place {own[0] + 1:g}",
}


# --- parties ----------------------------------------------------------------------------------------------------------


def _tried(attempt: Row) -> Line:
    return Line(
        at=attempt["began"],
        text=f"tried at trunk {attempt['trunk']} with {attempt['number']}: {attempt['cause']} ({attempt['why']})",
    )


def _talked(segment: Row) -> Line:
    who = segment["agent"] or segment["party"]
    hold = f", {_s(segment['hold_s'])} on hold" if segment["hold_s"] else ""
    onward = f", transferred to {segment['transferred_to']}" if segment["transferred_to"] else ""
    return Line(
        at=segment["ended"],
        text=f"talked {_s(segment['talk_s'])} with {who}{hold}; ended by {segment['ended_by']}{onward}",
    )


def _levels(skills: Row) -> str:
    return ", ".join(f"{skill} {level}" for skill, level in skills.items())


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _s(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02}"
