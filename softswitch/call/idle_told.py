"""Tells in plain words why an agent gets no calls now, of what the engine says of him; the first line is the reason."""

from collections.abc import Callable, Mapping

from softswitch.acd.values import AgentState
from softswitch.acd.why_idle import IdleQueue, IdleWhy

_REASONS: Mapping[AgentState, Callable[[IdleWhy, str, str], str]] = {
    AgentState.OFFLINE: lambda why, ago, left: f"not logged in, since {ago}",
    AgentState.UNREACHABLE: lambda why, ago, left: (
        f"the phone did not respond to the last offer; it is tried again in {left}"
        if left
        else f"the phone is not registered, since {ago}"
    ),
    AgentState.PAUSED: lambda why, ago, left: (
        f"paused{f' ({why.reason})' if why.reason else ''}, since {ago}"
    ),
    AgentState.RESTING: lambda why, ago, left: (
        f"left in peace for {left} more after a failed offer"
        + (f", {why.missed} missed in a row" if why.missed else "")
    ),
    AgentState.RINGING: lambda why, ago, left: f"a call of queue {why.queue} is ringing, since {ago}",
    AgentState.TALKING: lambda why, ago, left: f"on call {why.call} of queue {why.queue}, since {ago}",
    AgentState.OCCUPIED: lambda why, ago, left: f"on a call that no queue gave, since {ago}",
    AgentState.WRAP_UP: lambda why, ago, left: (
        f"in wrap-up, {left} left" if left else f"in wrap-up, since {ago}"
    ),
}


def idle_told(why: IdleWhy, now: float) -> tuple[str, ...]:
    ago = f"{_s(now - why.since)} ago"
    left = _s(why.until - now) if why.until is not None else ""
    told = _REASONS.get(why.state)
    lines = [told(why, ago, left)] if told is not None else _idle(why, now)
    if told is not None and why.queues:
        lines += [_elsewhere(queue) for queue in why.queues if queue.waiting]
    if not why.queues:
        lines.append("serves no queue: neither member of one nor with the skills of one")
    return tuple(lines)


def _idle(why: IdleWhy, now: float) -> list[str]:
    served = [queue for queue in why.queues if queue.waiting > queue.rung]
    first = (
        "idle, and those who wait are not for him"
        if served
        else "idle, and nobody waits for whom no phone rings"
    )
    return [f"{first}; idle {_s(now - why.since)}", *(_queue(queue) for queue in why.queues)]


def _queue(queue: IdleQueue) -> str:
    parts = [f"queue {queue.queue}: {_waiting(queue)}"]
    parts += [f"not for him: {reason}" for reason in queue.reasons]
    if queue.ahead:
        parts.append(f"rung before him: {', '.join(queue.ahead)}")
    elif not queue.reasons:
        parts.append("he is next")
    if queue.penalty:
        parts.append(f"his penalty there is {queue.penalty}")
    return "; ".join(parts)


def _elsewhere(queue: IdleQueue) -> str:
    return f"queue {queue.queue}: {_waiting(queue)} meanwhile" + "".join(
        f"; not for him: {why}" for why in queue.reasons
    )


def _waiting(queue: IdleQueue) -> str:
    if not queue.waiting:
        return "nobody waits"
    return f"{queue.waiting} waiting" + (f", phones ring for {queue.rung}" if queue.rung else "")


def _s(seconds: float) -> str:
    whole = max(0, round(seconds))
    return (
        f"{whole} s"
        if whole < 60
        else f"{whole // 60}:{whole % 60:02}"
        if whole < 3600
        else f"{whole / 3600:.1f} h"
    )
