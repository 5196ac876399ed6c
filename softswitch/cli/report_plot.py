"""A report as a picture: one line for each name and figure, over time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from softswitch.cli.options import Failure
from softswitch.cli.output import length, percent
from softswitch.cli.svg import Line, chart

MOST_LINES = 16
USUAL = {
    "agent": ("occupancy",),
    "team": ("sl_offered",),
    "calls": ("calls", "talked"),
    "repeat": ("repeat_rate",),
    "staffing": ("needed_c", "needed_a", "present"),
}
"""What is drawn where nobody says what; of callers the offered and the answered."""
_KEYS = ("queue", "dnis", "skill", "agent", "team")


def plot(view: dict[str, Any], figures: Sequence[str]) -> str:
    """The SVG; refuses what cannot be drawn, saying what can."""
    wanted = tuple(figures) or USUAL.get(view["kind"], ("offered", "answered"))
    units = {column["name"]: column["unit"] for column in view["columns"]}
    drawable = [name for name, unit in units.items() if unit in ("count", "number", "seconds", "share")]
    for name in wanted:
        if name not in drawable or "start" not in units:
            raise Failure(f"{name!r} cannot be drawn", hint=f"this report has {', '.join(drawable)}")
    if len({_scale(units[name]) for name in wanted}) > 1:
        raise Failure("counts, lengths and shares have no scale in common", hint="draw them one by one")
    lines = _lines(view, wanted)
    unit, zone = units[wanted[0]], ZoneInfo(view["timezone"])
    days = view["until"] - view["since"] > 2 * 86_400

    def at(moment: float) -> str:
        return datetime.fromtimestamp(moment, zone).strftime("%d.%m." if days else "%H:%M")

    begins = datetime.fromtimestamp(view["since"], zone).strftime("%Y-%m-%d")
    return chart(
        f"{view['kind']}: {', '.join(wanted)}, from {begins}", lines, lambda value: _told(value, unit), at
    )


def _lines(view: dict[str, Any], wanted: Sequence[str]) -> list[Line]:
    names: dict[str, list[dict[str, Any]]] = {}
    for row in view["rows"]:
        names.setdefault(next((str(row[key]) for key in _KEYS if key in row), ""), []).append(row)
    lines = [
        Line(
            name=f"{name} {figure}".strip() if len(wanted) > 1 else name or figure,
            points=[(row["start"], row.get(figure)) for row in rows],
        )
        for name, rows in names.items()
        for figure in wanted
    ]
    if len(lines) > MOST_LINES:
        raise Failure(
            f"{len(lines)} lines are too many for a picture", hint="name one queue, agent or figure"
        )
    return lines


def _scale(unit: str) -> str:
    return "count" if unit == "number" else unit


def _told(value: float, unit: str) -> str:
    if unit == "share":
        return percent(value)
    return length(value) if unit == "seconds" else f"{value:g}"
