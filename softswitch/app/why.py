"""Answers why: of a call that lives or is over, and of an agent who gets none."""

from collections.abc import Mapping
from typing import Any

from softswitch.api.errors import UnknownThing
from softswitch.api.why import WhyCallView, WhyIdleQueueView, WhyIdleView, WhyLine
from softswitch.app.parts import Parts
from softswitch.call.call import Call
from softswitch.call.idle_told import idle_told
from softswitch.call.narrative import Line, Traces, narrative
from softswitch.call.trail import marks_of
from softswitch.call.why import spread, why_values
from softswitch.errors import StorageError
from softswitch.ids import AgentId, CallId

LOOKED_BACK_S = 12 * 3600.0
MOST_CHANGES = 5


class WhyDesk:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def call(self, call: str) -> WhyCallView:
        live = self._parts.manager.calls.get(CallId(call))
        # What lives is looked at in one moment; reading what is written takes its time.
        ringing = self._ringing(live) if live is not None else []
        now = self._now(live) if live is not None else ()
        marks = live.trail.marks() if live is not None else None
        record = await self._record(call, required=live is None)
        written = [{**offer, "why": spread(offer["why"] or {})} for offer in record.get("offers", ())]
        over = {offer["offer"] for offer in written}
        offers = [*written, *(offer for offer in ringing if offer["offer"] not in over)]
        traces = Traces(
            call=record if live is None else _row(live),
            marks=marks_of(record.get("trail") or "[]") if marks is None else marks,
            visits=record.get("visits", ()),
            offers=offers,
            segments=record.get("segments", ()),
            attempts=record.get("attempts", ()),
        )
        lines = narrative(traces, self._parts.services.config.queue)
        return WhyCallView(
            call=call if live is not None else str(record["call"]),
            live=live is not None,
            lines=tuple(WhyLine(at=line.at, text=line.text) for line in (*lines, *now)),
            offers=tuple(offers),
        )

    async def _record(self, call: str, *, required: bool) -> Mapping[str, Any]:
        """Rows of the call; of one that lives, none while the database cannot be read."""
        try:
            record = await self._parts.store.reading.call(call)
        except StorageError:
            if required:
                raise
            return {}
        if record is None and required:
            raise UnknownThing(f"no call is called {call!r}", hint="`softswitch calls` and `cdr` list them")
        return record or {}

    def _ringing(self, call: Call) -> list[dict[str, Any]]:
        wall = self._parts.clock.wall()
        return [
            {
                "offer": ringing.offer.offer,
                "queue": ringing.offer.queue,
                "agent": ringing.offer.agent,
                "offered": ringing.began,
                "ended": None,
                "result": "",
                "rang_s": wall - ringing.began,
                "why": why_values(ringing.offer.why),
            }
            for ringing in self._parts.dispatcher.offers.of_call(call.id)
        ]

    def _now(self, call: Call) -> tuple[Line, ...]:
        parts, wall = self._parts, self._parts.clock.wall()
        if not parts.dispatcher.waits(call.id):
            return (Line(at=wall, text=f"is in stage {call.stage or 'arrive'} now"),)
        snapshot = parts.dispatcher.engine.snapshot(parts.clock.monotonic())
        for queue in snapshot.queues:
            for caller in queue.waiting:
                if caller.call == call.id:
                    rung = f", {', '.join(caller.ringing)} rung" if caller.ringing else ""
                    return (
                        Line(
                            at=wall,
                            text=f"waits in queue {queue.queue} at position {caller.position}, "
                            f"{round(caller.waited_s)} s so far{rung}; {queue.idle} agents idle there",
                        ),
                    )
        return ()

    async def idle(self, agent: str) -> WhyIdleView:
        parts = self._parts
        if agent not in parts.services.config.agent:
            raise UnknownThing(f"no agent is called {agent!r}", hint="`softswitch agent` lists them")
        now, wall = parts.clock.monotonic(), parts.clock.wall()
        why = parts.dispatcher.engine.why_idle(AgentId(agent))
        return WhyIdleView(
            agent=agent,
            status=why.status.value,
            reason=why.reason,
            state=why.state.value,
            since=wall - (now - why.since),
            until=None if why.until is None else wall + (why.until - now),
            lines=idle_told(why, now),
            changes=await self._changes(agent, wall),
            queues=tuple(
                WhyIdleQueueView(
                    queue=queue.queue,
                    waiting=queue.waiting,
                    rung=queue.rung,
                    penalty=queue.penalty,
                    reasons=queue.reasons,
                    ahead=queue.ahead,
                )
                for queue in why.queues
            ),
        )

    async def _changes(self, agent: str, wall: float) -> tuple[WhyLine, ...]:
        try:
            rows = await self._parts.store.reading.agent_intervals(agent, wall - LOOKED_BACK_S, wall)
        except StorageError:
            return ()
        return tuple(
            WhyLine(
                at=row["ended"],
                text=f"was {_state(row)} until then, for {round(row['ended'] - row['began'])} s",
            )
            for row in reversed(rows[-MOST_CHANGES:])
        )


def _state(row: Mapping[str, Any]) -> str:
    state = str(row["state"])
    told = f"{state} ({row['reason']})" if row["reason"] else state
    return f"{told}, queue {row['queue']}" if row["queue"] else told


def _row(call: Call) -> Mapping[str, Any]:
    return {
        "call": call.id,
        "started": call.figures.started,
        "source": call.source,
        "ani": call.ani,
        "ani_name": call.ani_name,
        "dnis": call.dnis,
    }
