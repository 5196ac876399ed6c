"""Whom a call was offered to, and why: printed for live calls and for CDRs."""

from typing import Any

from softswitch.cli.output import length, moment, show, show_rows

MAX_REASONS = 10


def show_offers(offers: list[dict[str, Any]]) -> None:
    show_rows(
        "Offers",
        ["offered", "queue", "agent", "result", "rang>"],
        [
            [moment(o["offered"]), o["queue"], o["agent"], o["result"] or "ringing", length(o["rang_s"])]
            for o in offers
        ],
        "no offers to agents",
    )
    for offer in offers:
        why = offer["why"]
        if why:
            show(f"{offer['agent']} by {why.get('strategy', '')}: {_candidates(why)}")


def _candidates(why: dict[str, Any]) -> str:
    candidates = why.get("candidates") or []
    words = [
        f"{candidate.get('agent')} "
        + (f"skipped ({candidate['skipped']})" if candidate.get("skipped") else f"score {_score(candidate)}")
        for candidate in candidates[:MAX_REASONS]
    ]
    more = len(candidates) - MAX_REASONS
    return ", ".join(words) + (f", and {more} more" if more > 0 else "")


def _score(candidate: dict[str, Any]) -> str:
    return "/".join(f"{part:g}" for part in candidate.get("score") or [])
