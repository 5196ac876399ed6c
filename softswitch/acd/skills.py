"""Skills as bit masks: one bit for each level of each skill that some agent has.

An agent's mask holds the bits of his own level and of all below; what a caller needs is one bit a skill, that of the
lowest existing level that suffices. So "may he serve her" is `needed & ~agent == 0` whatever the number of skills,
and the number of bits is bounded by the configuration, not by what callers ask for.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping


class SkillBook:
    def __init__(self, agents: Iterable[Mapping[str, int]]) -> None:
        levels: dict[str, set[int]] = {}
        for skills in agents:
            for skill, level in skills.items():
                levels.setdefault(skill, set()).add(level)
        self._levels = {skill: sorted(found) for skill, found in levels.items()}
        pairs = [(skill, level) for skill in sorted(self._levels) for level in self._levels[skill]]
        self._bits = {pair: 1 << index for index, pair in enumerate(pairs)}

    def mask(self, skills: Mapping[str, int]) -> int:
        """The mask of an agent with these levels."""
        return sum(
            self._bits[skill, level]
            for skill, own in skills.items()
            for level in self._levels[skill]
            if level <= own
        )

    def needed(self, required: Mapping[str, int]) -> int | None:
        """The mask of a requirement; None: no agent at all can meet it."""
        mask = 0
        for skill, least in required.items():
            if least <= 0:
                continue
            levels = self._levels.get(skill, [])
            index = bisect_left(levels, least)
            if index == len(levels):
                return None
            mask |= self._bits[skill, levels[index]]
        return mask


def combined(queue: Mapping[str, int], caller: Mapping[str, int]) -> dict[str, int]:
    """What a caller needs in a queue: of each skill the higher of both levels."""
    required = dict(queue)
    for skill, least in caller.items():
        required[skill] = max(least, required.get(skill, least))
    return required


def shortfall(required: Mapping[str, int], own: Mapping[str, int]) -> str:
    """The first skill that is missing, in words for the reader of a decision; empty if none is."""
    for skill, least in required.items():
        if own.get(skill, 0) < least:
            return f"skill {skill} {own.get(skill, 0)} < {least}"
    return ""
