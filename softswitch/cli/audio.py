"""How the audio of a call's legs is: a table with the legs side by side, for calls alive and past."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from softswitch.cli.output import show_rows

Show = Callable[[Any], str]


def _number(digits: int, unit: str = "") -> Show:
    return lambda value: f"{value:.{digits}f}{unit}"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


FIGURES: Final[tuple[tuple[str, str, Show], ...]] = (
    ("alarms", "impairments", str),
    ("MOS (G.107)", "mos", _number(2)),
    ("MOS now", "mos_now", _number(2)),
    ("lost", "packets_lost", str),
    ("late", "late", str),
    ("lost or late now", "loss_now", _share),
    ("duplicate", "duplicates", str),
    ("out of order", "out_of_order", str),
    ("jitter", "jitter_ms", _number(1, " ms")),
    ("round trip", "rtt_ms", _number(0, " ms")),
    ("lost on the way to it", "peer_lost", str),
    ("jitter there", "peer_jitter_ms", _number(1, " ms")),
    ("level", "level_db", _number(1, " dBov")),
    ("clipped", "clipped_share", _share),
    ("silent", "silence_share", _share),
    ("silent now", "quiet_s", _number(1, " s")),
    ("talks", "talk_share", _share),
    ("over the other", "overlap_s", _number(1, " s")),
    ("interruptions", "interruptions", str),
)
"""Title, field of `LegView`, and how it is written. A figure that no leg has is left out."""


def show_audio(legs: Sequence[Mapping[str, Any]]) -> None:
    """Nothing where no leg was measured."""
    measured = [leg for leg in legs if leg.get("late") is not None]
    if not measured:
        return
    rows = [
        [title, *("-" if leg.get(field) in (None, "") else write(leg[field]) for leg in measured)]
        for title, field, write in FIGURES
        if any(leg.get(field) not in (None, "") for leg in measured)
    ]
    show_rows("Audio", ["from", *(f"{leg['party']}>" for leg in measured)], rows, "")
