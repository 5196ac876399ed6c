"""Writes the definitions at the end of docs/reports.md from the code: `python -m tools.report_definitions`."""

from pathlib import Path

from softswitch.store.definitions import COLUMNS, DEFINITIONS, VERSION

_MARK = "## Definitions"
_PAGE = Path(__file__).parent.parent / "docs" / "reports.md"
_TITLES = {
    "queue": "Callers (`queue`, `dnis`, `skill`)",
    "agent": "Agents",
    "calls": "Calls",
    "repeat": "First-call repeat",
    "lost": "Lost callers",
    "promises": "Waits that were told",
    "timeline": "Timelines",
    "staffing": "Staffing",
}


def page(before: str) -> str:
    """The page `before` with its definitions as they are in the code."""
    prose = before[: before.index(_MARK)].rstrip()
    parts = [
        f"{prose}\n\n{_MARK}, version {VERSION}\n\nA ratio with nothing to divide by is empty, never 0.\n"
    ]
    told: set[str] = set()
    for kind, title in _TITLES.items():
        rows = [name for name in COLUMNS[kind] if DEFINITIONS[name].formula and name not in told]
        told.update(rows)
        lines = [f"| `{name}` | {DEFINITIONS[name].formula} |" for name in rows]
        parts.append("\n".join([f"## {title}\n", "| figure | formula |", "|---|---|", *lines, ""]))
    usual = [each for name, each in DEFINITIONS.items() if name.startswith("usual_") or name == "trend"]
    lines = [f"| `{each.name}` | {each.formula} |" for each in usual]
    parts.append("\n".join(["## Trend (`--trend`)\n", "| figure | formula |", "|---|---|", *lines, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    _PAGE.write_text(page(_PAGE.read_text()))
