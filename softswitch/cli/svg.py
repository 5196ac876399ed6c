"""Lines over time as an SVG picture, drawn here: nothing has to be installed for it, and every browser shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from softswitch.cli.output import clean

WIDTH, HEIGHT = 960, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 46, 46
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#17becf", "#7f7f7f")
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    name: str
    points: Sequence[tuple[float, float | None]]
    """Moment and value; None leaves a gap."""


def chart(title: str, lines: Sequence[Line], told: Callable[[float], str], at: Callable[[float], str]) -> str:
    """The picture; `told` writes a value at the left edge, `at` a moment at the lower one."""
    moments = sorted({moment for line in lines for moment, _ in line.points})
    values = [value for line in lines for _, value in line.points if value is not None]
    if not moments or not values:
        moments, values = moments or [0.0], values or [0.0]
    ticks = _ticks(min(0.0, *values), max(*values, 0.0))
    low, high = ticks[0], ticks[-1]
    span = (moments[-1] - moments[0]) or 1.0
    wide, tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def x(moment: float) -> float:
        return _LEFT + (moment - moments[0]) / span * wide

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * tall

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(_LEFT, 24, title, size=16),
    ]
    for tick in ticks:
        parts.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + wide}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#dddddd"/>'
        )
        parts.append(_text(_LEFT - 8, y(tick) + 4, told(tick), anchor="end"))
    for moment in _some(moments, 8):
        parts.append(_text(x(moment), HEIGHT - 20, at(moment), anchor="middle"))
    for index, line in enumerate(lines):
        colour = _COLOURS[index % len(_COLOURS)]
        parts += [_path(points, x, y, colour) for points in _unbroken(line.points)]
        parts.append(_text(_LEFT + wide + 12, _TOP + 14 + 18 * index, line.name, colour=colour))
    return "\n".join([*parts, "</svg>", ""])


def _path(
    points: Sequence[tuple[float, float]],
    x: Callable[[float], float],
    y: Callable[[float], float],
    colour: str,
) -> str:
    if len(points) == 1:
        return f'<circle cx="{x(points[0][0]):.1f}" cy="{y(points[0][1]):.1f}" r="3" fill="{colour}"/>'
    told = " ".join(f"{x(moment):.1f},{y(value):.1f}" for moment, value in points)
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _unbroken(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for moment, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((moment, value))
    return [run for run in runs if run]


def _some(moments: Sequence[float], most: int) -> list[float]:
    step = max(1, -(-len(moments) // most))
    return list(moments[::step])


def _ticks(low: float, high: float) -> list[float]:
    """Round values that embrace both, about five."""
    span = (high - low) or 1.0
    size = 1e-9
    while size * _STEPS[-1] < span / 5:
        size *= 10
    step = next(size * each for each in _STEPS if size * each >= span / 5)
    first = int(low // step)
    ticks = [first * step]
    while ticks[-1] < high or len(ticks) < 2:
        ticks.append((first + len(ticks)) * step)
    return ticks


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, colour: str = "#333"
) -> str:
    told = escape(clean(text))
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{told}</text>'
