"""The reasons of an offer as JSON values: for whoever asks while it rings, and compact for its row.

In the row those skipped stand together by reason, so that fifty names take some hundred bytes; beyond `MOST_BYTES` the
last ones are only counted.
"""

from collections.abc import Mapping
from typing import Any

from softswitch.acd.candidates import sorted_out
from softswitch.acd.values import Why
from softswitch.compact import compact

MOST_BYTES = 4096
_SCORED = 10
"""Runners-up whose scores are kept."""


def why_values(why: Why) -> dict[str, object]:
    """By hand: `dataclasses.asdict` copies each of fifty candidates deeply, at ten times the cost of the whole row."""
    return {
        "strategy": why.strategy,
        "waited_s": why.waited_s,
        "position": why.position,
        "required": dict(why.required),
        "step": why.step,
        "candidates": [{"agent": c.agent, "score": c.score, "skipped": c.skipped} for c in why.candidates],
    }


def why_text(why: Why) -> str:
    """For the row of an offer."""
    could, could_not = sorted_out(why.candidates)
    scored: list[list[object]] = [
        [agent, [round(part, 3) for part in score]] for agent, score in could[: 1 + _SCORED]
    ]
    skipped: dict[str, list[str]] = {}
    for agent, reason in could_not:
        try:
            skipped[reason].append(agent)
        except KeyError:
            skipped[reason] = [agent]
    looked_at = len(could) + len(could_not)
    text = _text(why, scored, skipped, looked_at)
    while len(text) > MOST_BYTES and (len(scored) > 1 or skipped):
        if skipped:
            skipped.popitem()
        else:
            scored.pop()
        text = _text(why, scored, skipped, looked_at)
    return text


def _text(why: Why, scored: list[list[object]], skipped: dict[str, list[str]], looked_at: int) -> str:
    values: dict[str, object] = {
        "strategy": why.strategy,
        "waited_s": round(why.waited_s, 3),
        "position": why.position,
        "scored": scored,
    }
    if why.required:
        values["required"] = dict(why.required)
    if why.step:
        values["step"] = why.step
    if skipped:
        values["skipped"] = skipped
    more = looked_at - len(scored) - sum(len(names) for names in skipped.values())
    if more:
        values["more"] = more
    return compact(values)


def spread(stored: Mapping[str, Any]) -> dict[str, Any]:
    """What `why_text` wrote, in the form of `why_values`; older rows have that form already."""
    if "scored" not in stored:
        return dict(stored)
    return {
        "strategy": stored["strategy"],
        "waited_s": stored["waited_s"],
        "position": stored["position"],
        "required": stored.get("required", {}),
        "step": stored.get("step", 0),
        "candidates": [
            *({"agent": agent, "score": score, "skipped": ""} for agent, score in stored["scored"]),
            *(
                {"agent": agent, "score": [], "skipped": reason}
                for reason, agents in stored.get("skipped", {}).items()
                for agent in agents
            ),
        ],
        "more": stored.get("more", 0),
    }
