"""The reasons of an offer as JSON values, for its row and for whoever asks while it rings."""

from softswitch.acd.values import Why


def why_values(why: Why) -> dict[str, object]:
    """By hand: `dataclasses.asdict` copies each of fifty candidates deeply, at ten times the cost of the whole row."""
    return {
        "strategy": why.strategy,
        "waited_s": why.waited_s,
        "position": why.position,
        "candidates": [{"agent": c.agent, "score": c.score, "skipped": c.skipped} for c in why.candidates],
    }
