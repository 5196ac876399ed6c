"""A callback as its row in the store and as lines of the queue_log.

Asterisk has no verbs for it; these are ours: CALLBACKREQUEST number|position|original position|wait,
CALLBACKTRY number|attempt|who is rung first, CALLBACKFAILED number|attempts|result|epoch of the next one, and one at the
end: CALLBACKREACHED, CALLBACKGAVEUP, CALLBACKCANCEL, CALLBACKCALLEDIN or CALLBACKEXPIRED number|attempts|seconds since it
was asked for|result.
"""

import json
from collections.abc import Mapping
from typing import Any

from softswitch.acd.callback import Callback, CallbackState
from softswitch.ids import AgentId, CallId, QueueName
from softswitch.store.promise_rows import CallbackRow
from softswitch.store.rows import QueueLogRow

_ENDS: Mapping[CallbackState, str] = {
    CallbackState.CONNECTED: "CALLBACKREACHED",
    CallbackState.GAVE_UP: "CALLBACKGAVEUP",
    CallbackState.CANCELLED: "CALLBACKCANCEL",
    CallbackState.CALLED_IN: "CALLBACKCALLEDIN",
    CallbackState.EXPIRED: "CALLBACKEXPIRED",
}


def row_of(known: Callback) -> CallbackRow:
    return CallbackRow(
        callback=known.callback,
        call=known.call,
        queue=known.queue,
        number=known.number,
        source=known.source,
        dnis=known.dnis,
        name=known.name,
        language=known.language,
        priority=known.priority,
        entered=known.entered,
        asked=known.asked,
        needs=json.dumps(dict(known.skills)),
        preferred=json.dumps(dict(known.preferred)),
        agents=json.dumps(list(known.agents)),
        labels=dict(known.labels),
        state=known.state.value,
        attempts=known.attempts,
        next_at=known.next_at,
        last_call=known.last_call,
        result=known.result,
        ended=known.ended,
    )


def of_row(row: CallbackRow) -> Callback:
    """Raises ValueError or TypeError when it cannot be read."""
    needs: dict[str, Any] = json.loads(row.needs)
    preferred: dict[str, Any] = json.loads(row.preferred)
    return Callback(
        callback=row.callback,
        call=CallId(row.call),
        queue=QueueName(row.queue),
        number=row.number,
        source=row.source,
        dnis=row.dnis,
        name=row.name,
        language=row.language,
        priority=row.priority,
        entered=row.entered,
        asked=row.asked,
        skills={str(skill): int(level) for skill, level in needs.items()},
        preferred={str(skill): int(level) for skill, level in preferred.items()},
        agents=tuple(AgentId(str(agent)) for agent in json.loads(row.agents)),
        labels={str(key): str(value) for key, value in row.labels.items()},
        state=CallbackState(row.state),
        attempts=row.attempts,
        next_at=row.next_at,
        last_call=row.last_call,
        result=row.result,
        ended=row.ended,
    )


def asked_line(
    known: Callback, wall: float, call: CallId, *, position: int, original_position: int
) -> QueueLogRow:
    waited = int(max(0.0, wall - known.entered))
    return _line("CALLBACKREQUEST", wall, call, known, known.number, position, original_position, waited)


def tried_line(known: Callback, wall: float, first: str) -> QueueLogRow:
    return _line("CALLBACKTRY", wall, known.last_call, known, known.number, known.attempts + 1, first)


def failed_line(known: Callback, wall: float, result: str) -> QueueLogRow:
    data = (known.number, known.attempts, result, int(known.next_at or 0))
    return _line("CALLBACKFAILED", wall, known.last_call, known, *data)


def ended_line(known: Callback, call: str) -> QueueLogRow:
    ended = known.ended or known.asked
    data = (known.number, known.attempts, int(ended - known.asked), known.result)
    return _line(_ENDS[known.state], ended, call or known.call, known, *data)


def _line(verb: str, wall: float, call: str, known: Callback, *data: object) -> QueueLogRow:
    fields = [*map(str, data), "", "", "", "", ""]
    return QueueLogRow(
        time=wall,
        callid=call,
        queuename=known.queue,
        agent="NONE",
        event=verb,
        data1=fields[0],
        data2=fields[1],
        data3=fields[2],
        data4=fields[3],
        data5=fields[4],
    )
