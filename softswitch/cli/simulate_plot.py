"""The plot of `queue simulate`: callers as bars, service levels and mean waits as lines, one colour a run; plain SVG."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape

from softswitch.acd.simulation_figures import Slot

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 900, 210, 60, 50, 60
_COLOURS = ("#888888", "#1f6fb4", "#c8502d")


def svg(runs: Mapping[str, Sequence[Slot]], title: str, length_s: float) -> str:
    """Two panels over the hours in which somebody called."""
    busy = [place for place, slot in enumerate(next(iter(runs.values()))) if slot.offered]
    first, last = (busy[0], busy[-1] + 1) if busy else (0, 1)
    shown = {name: slots[first:last] for name, slots in runs.items()}
    height = _TOP + 2 * (_HEIGHT + _GAP)
    waits = [slot.mean_wait_s or 0.0 for slots in shown.values() for slot in slots]
    second = _TOP + _HEIGHT + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + _LEFT + 20} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="100%" fill="white"/><text x="{_LEFT}" y="18" font-size="14">{escape(title)}</text>',
        *_legend(shown),
        *_panel(shown, _TOP, "service level", 1.0, lambda slot: slot.service_level, "{:.0%}"),
        *_panel(
            shown,
            second,
            "mean wait, s",
            max(waits, default=0.0) or 1.0,
            lambda slot: slot.mean_wait_s,
            "{:.0f}",
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(runs: Mapping[str, Sequence[Slot]]) -> list[str]:
    return [
        f'<text x="{_LEFT + 120 * place}" y="38" fill="{_COLOURS[place % len(_COLOURS)]}">— {escape(name)}</text>'
        for place, name in enumerate(runs)
    ] + [f'<text x="{_LEFT + 120 * len(runs)}" y="38" fill="#bbbbbb">▮ callers</text>']


def _panel(
    runs: Mapping[str, Sequence[Slot]],
    top: int,
    name: str,
    most: float,
    value: Callable[[Slot], float | None],
    form: str,
) -> list[str]:
    slots = next(iter(runs.values()))
    step = _WIDTH / max(1, len(slots))
    crowd = max((slot.offered for slot in slots), default=0) or 1
    bottom = top + _HEIGHT
    parts = [f'<text x="{_LEFT}" y="{top - 6}">{escape(name)}</text>']
    for place, slot in enumerate(slots):
        tall = _HEIGHT * 0.9 * slot.offered / crowd
        x = _LEFT + place * step
        parts.append(
            f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" width="{step * 0.9:.1f}" height="{tall:.1f}" fill="#eeeeee"/>'
        )
        if place % max(1, len(slots) // 12) == 0:
            clock = datetime.fromtimestamp(slot.at).astimezone().strftime("%H:%M")
            parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" fill="#555555">{clock}</text>')
    for share in (0.0, 0.5, 1.0):
        y = bottom - _HEIGHT * share
        parts.append(f'<line x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y}" y2="{y}" stroke="#cccccc"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{form.format(most * share)}</text>'
        )
    for index, line in enumerate(runs.values()):
        points = " ".join(
            f"{_LEFT + (place + 0.45) * step:.1f},{bottom - _HEIGHT * min(1.0, found / most):.1f}"
            for place, slot in enumerate(line)
            if (found := value(slot)) is not None
        )
        colour = _COLOURS[index % len(_COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts
