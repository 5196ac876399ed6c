"""The ladder of a call: who told whom what, from top to bottom, the switch between the caller and those it rang.

Pure: from steps to lines of text. Retransmissions are told by a mark; of a message that carries a session description
what counts of it stands below the arrow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SWITCH = "switch"
TIME_WIDTH = 9
NARROWEST, WIDEST = 24, 44
MOST_PARTIES = 6
"""Columns beside the switch; who comes later shares the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    at: float
    outgoing: bool
    """The switch sent it."""
    party: str
    """Who is at the other end: one column for each."""
    line: str
    facts: str = ""
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    key: str
    labels: tuple[str, ...]
    """Lines above its column: its name, its address."""


def draw(parties: Sequence[Party], steps: Sequence[Step], left_out: int = 0, widest: int = 0) -> list[str]:
    """The first party is left of the switch, the others are right of it. `widest`: columns of the terminal, 0 any."""
    if not steps:
        return ["no messages are kept of this call"]
    shown = _columns(parties)
    gap = _gap(shown, steps, widest)
    order = [shown[0], Party(key=SWITCH, labels=(SWITCH,)), *shown[1:]]
    places = {party.key: TIME_WIDTH + gap // 2 + at * gap for at, party in enumerate(order)}
    at_last = places[order[-1].key]
    lines = _heads(order, places)
    rails = sorted(places.values())
    began = steps[0].at
    for step in steps:
        far = places.get(step.party, at_last)
        lines += _step(step, began, places[SWITCH], far, rails)
    if left_out:
        lines.append(f"{'':>{TIME_WIDTH}}({left_out} messages of the middle are not kept any more)")
    return lines


def _columns(parties: Sequence[Party]) -> list[Party]:
    first = list(parties[:MOST_PARTIES]) or [Party(key="", labels=("?",))]
    if len(parties) > MOST_PARTIES:
        rest = len(parties) - MOST_PARTIES + 1
        first[-1] = Party(key=first[-1].key, labels=(f"{rest} more parties",))
    return first


def _gap(parties: Sequence[Party], steps: Iterable[Step], widest: int) -> int:
    """As wide as the longest word of an arrow needs, within what the terminal has."""
    words = [len(text) + 6 for step in steps for text in (step.line + "  ", step.facts)]
    labels = [len(label) + 2 for party in parties for label in party.labels]
    gap = min(max(NARROWEST, *words, *labels), WIDEST)
    if widest:
        gap = min(gap, max(NARROWEST, (widest - TIME_WIDTH) // (len(parties) + 1)))
    return gap


def _heads(order: Sequence[Party], places: dict[str, int]) -> list[str]:
    """Names above their columns."""
    gap = places[order[1].key] - places[order[0].key]
    made = []
    for row in range(max(len(party.labels) for party in order)):
        canvas = _Canvas()
        for party in order:
            if row < len(party.labels):
                label = _cut(party.labels[row], gap - 2)
                canvas.put(places[party.key] - len(label) // 2, label)
        made.append(str(canvas))
    return made


def _step(step: Step, began: float, switch: int, far: int, rails: Sequence[int]) -> list[str]:
    left, right = sorted((switch, far))
    to_right = (far > switch) == step.outgoing
    arrow, facts = _Canvas(), _Canvas()
    for canvas in (arrow, facts):
        for rail in rails:
            canvas.put(rail, "│")
    arrow.put(0, f"{step.at - began:>{TIME_WIDTH - 2}.3f}")
    arrow.put(left + 1, "─" * (right - left - 1))
    for rail in rails:
        if left < rail < right:
            arrow.put(rail, "┼")
    arrow.put(right - 1 if to_right else left + 1, "▶" if to_right else "◀")
    # Beside the far party's own column, so that an arrow that crosses others is still read as its own.
    begin, end = _room(far, switch, rails)
    line = _cut(step.line + (" ↻" if step.repeated else ""), end - begin - 5)
    arrow.put((begin + end + 1 - len(line) - 2) // 2, f" {line} ")
    if not step.facts:
        return [str(arrow)]
    text = _cut(step.facts, end - begin - 3)
    facts.put((begin + end + 1 - len(text)) // 2, text)
    return [str(arrow), str(facts)]


def _room(far: int, switch: int, rails: Sequence[int]) -> tuple[int, int]:
    """The gap next to the far party, on the switch's side."""
    if far < switch:
        return far, switch
    return max(rail for rail in rails if rail < far), far


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 1)] + "…"


class _Canvas:
    """One line that is written on at places."""

    def __init__(self) -> None:
        self._letters: list[str] = []

    def put(self, at: int, text: str) -> None:
        at = max(at, 0)
        if len(self._letters) < at + len(text):
            self._letters.extend(" " * (at + len(text) - len(self._letters)))
        self._letters[at : at + len(text)] = text

    def __str__(self) -> str:
        return "".join(self._letters).rstrip()
