"""The live queue board: one table of queues, one of agents, one of callers waiting; the same as plain lines."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType

from softswitch.cli.output import length, percent, table

MAX_CALLERS = 30


def board(details: list[dict[str, Any]]) -> RenderableType:
    """Everything of the given queues, to be drawn over and over."""
    parts: list[RenderableType] = [_queues(details), _agents(details)]
    if any(detail["callers"] for detail in details):
        parts.append(_callers(details))
    return Group(*parts)


def plain_lines(details: list[dict[str, Any]]) -> list[str]:
    """One line for each queue, for output that is no terminal."""
    lines = []
    for detail in details:
        queue = detail["queue"]
        busy = ", ".join(f"{agent['agent']} {agent['state']}" for agent in detail["agents"])
        lines.append(
            f"{queue['queue']}: {queue['waiting']} waiting (longest {length(queue['longest_wait_s'])}), "
            f"{queue['talking']} talking, {queue['answered']} answered, {queue['abandoned']} abandoned; {busy}"
        )
    return lines


def service_level(queue: dict[str, Any]) -> float | None:
    """Answered in time of all answered, since start."""
    return queue["answered_in_sl"] / queue["answered"] if queue["answered"] else None


def wait_range(wait: dict[str, Any] | None) -> str:
    """`2:10–5:00`: four of five callers wait between these."""
    if wait is None:
        return ""
    return f"{length(wait['low_s'])}–{length(wait['high_s'])}"


def queue_row(queue: dict[str, Any]) -> list[object]:
    return [
        queue["queue"],
        queue["waiting"],
        length(queue["longest_wait_s"]),
        f"{queue['idle']}/{queue['logged_in']}/{queue['agents']}",
        queue["talking"],
        queue["answered"],
        queue["abandoned"],
        f"{percent(service_level(queue))} in {queue['servicelevel_s']:g} s",
        queue["offered"],
        queue["overflowed"],
        wait_range(queue["wait"]),
        length(queue["mean_wait_s"]),
        length(queue["mean_talk_s"]),
        queue["strategy"],
    ]


QUEUE_COLUMNS = (
    "queue",
    "waiting>",
    "longest>",
    "idle/in/all>",
    "talking>",
    "answered?>",
    "abandoned?>",
    "in time?>",
    "came?>",
    "overflowed?>",
    "expected?>",
    "wait?>",
    "talk?>",
    "strategy?",
)


def _queues(details: list[dict[str, Any]]) -> RenderableType:
    return table("Queues", QUEUE_COLUMNS, [queue_row(detail["queue"]) for detail in details])


def agent_row(agent: dict[str, Any]) -> list[object]:
    return [
        agent["agent"],
        agent["name"],
        agent["endpoint"],
        agent["status"] + (f" ({agent['reason']})" if agent["reason"] else ""),
        agent["state"],
        length(agent["state_s"]),
        agent["calls"],
        length(agent["wrapup_left_s"]) if agent["wrapup_left_s"] else "",
        length(agent["talk_s"]),
        ", ".join(agent["queues"]),
        agent["call"],
    ]


AGENT_COLUMNS = (
    "agent",
    "name?",
    "phone?",
    "status",
    "state",
    "for>",
    "calls?>",
    "wrap-up left?>",
    "talked?>",
    "queues?",
    "call?",
)


def _agents(details: list[dict[str, Any]]) -> RenderableType:
    agents = {agent["agent"]: agent for detail in details for agent in detail["agents"]}
    return table("Agents", AGENT_COLUMNS, [agent_row(agents[name]) for name in sorted(agents)])


def caller_rows(detail: dict[str, Any]) -> Iterator[list[object]]:
    for caller in detail["callers"][:MAX_CALLERS]:
        yield [
            detail["queue"]["queue"],
            caller["position"],
            caller["ani"] + (" (callback)" if caller["callback"] else ""),
            length(caller["waited_s"]),
            wait_range(caller["wait"]),
            ", ".join(caller["ringing"]),
            caller["priority"],
            caller["call"],
        ]


CALLER_COLUMNS = ("queue", "position>", "from", "waited>", "still?>", "rings at", "priority?>", "call?")


def _callers(details: list[dict[str, Any]]) -> RenderableType:
    return table("Waiting", CALLER_COLUMNS, [row for detail in details for row in caller_rows(detail)])
