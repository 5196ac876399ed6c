"""Number patterns as in Asterisk's extensions.conf, for routes and for branches of flows.

Text without a leading `_` is an exact number. After `_`: `X` is 0-9, `Z` 1-9, `N` 2-9, `[15-7]` any of these, `.` one
or more of anything and `!` none or more of anything (both only at the end); a hyphen outside brackets is decoration.
Every other character stands for itself. When several patterns match, the order is Asterisk's: exact numbers first,
then, position by position, the set with fewer characters.
"""

from dataclasses import dataclass

_SETS = {"X": frozenset("0123456789"), "Z": frozenset("123456789"), "N": frozenset("23456789")}
_REST_WEIGHT = {".": 0x18000, "!": 0x28000}
_END_WEIGHT = 0x30000
_LITERALS = frozenset("0123456789*#+ABCDabcdefghijklmopqrstuvwyEFGHIJKLMOPQRSTUVWY_@:")
MAX_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Pattern:
    text: str
    """As written in the configuration."""
    positions: tuple[frozenset[str], ...]
    """What each leading character of a number may be."""
    rest: str
    """`.` or `!` when anything may follow, `$` when nothing may."""

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Raises ValueError that names the character which is wrong."""
        if not text or len(text) > MAX_LENGTH:
            raise ValueError(f"{text!r}: a number or pattern has 1 to {MAX_LENGTH} characters")
        if not text.startswith("_"):
            return cls(text, tuple(frozenset(character) for character in text), "$")
        positions: list[frozenset[str]] = []
        index = 1
        while index < len(text):
            character = text[index]
            if character in _REST_WEIGHT:
                if index != len(text) - 1:
                    raise ValueError(f"{text!r}: {character!r} may only stand at the end")
                return cls(text, tuple(positions), character)
            if character == "[":
                members, index = _bracket(text, index)
                positions.append(members)
            elif character.upper() in _SETS:
                positions.append(_SETS[character.upper()])
            elif character in _LITERALS:
                positions.append(frozenset(character))
            elif character != "-":
                raise ValueError(f"{text!r}: {character!r} cannot stand in a pattern")
            index += 1
        if not positions:
            raise ValueError(f"{text!r}: nothing follows the underscore")
        return cls(text, tuple(positions), "$")

    @classmethod
    def prefix(cls, digits: str) -> "Pattern":
        """Every number that begins with `digits`, each of which stands for itself; raises ValueError for none."""
        if not digits or len(digits) > MAX_LENGTH:
            raise ValueError(f"{digits!r}: a prefix has 1 to {MAX_LENGTH} characters")
        return cls(f"_{digits}!", tuple(frozenset(digit) for digit in digits), "!")

    def __str__(self) -> str:
        return self.text

    @property
    def exact(self) -> bool:
        """It is a plain number."""
        return not self.text.startswith("_")

    def matches(self, number: str) -> bool:
        if self.exact:
            return number == self.text
        length = len(self.positions)
        if len(number) < length + (self.rest == ".") or (self.rest == "$" and len(number) > length):
            return False
        return all(character in members for character, members in zip(number, self.positions, strict=False))

    @property
    def specificity(self) -> tuple[int | str, ...]:
        """Key to sort by: of several patterns that match a number, the one that sorts first is taken."""
        if self.exact:
            return (0, self.text)
        weights: list[int | str] = [1]
        for members in self.positions:
            size = 0 if len(members) == 1 else len(members)
            weights += [size << 8 | min(ord(character) for character in members), "".join(sorted(members))]
        weights.append(_REST_WEIGHT.get(self.rest, _END_WEIGHT))
        return tuple(weights)


def _bracket(text: str, start: int) -> tuple[frozenset[str], int]:
    """The set that opens at `start`, and the index of its closing bracket."""
    end = text.find("]", start)
    if end < 0:
        raise ValueError(f"{text!r}: the bracket is not closed")
    inside = text[start + 1 : end]
    members: set[str] = set()
    index = 0
    while index < len(inside):
        first = inside[index]
        last = first
        if inside[index + 1 : index + 2] == "-" and index + 2 < len(inside):
            last = inside[index + 2]
            index += 2
        if not (first.isascii() and last.isascii() and ord(first) <= ord(last)):
            raise ValueError(f"{text!r}: {first}-{last} is no range")
        members.update(chr(code) for code in range(ord(first), ord(last) + 1))
        index += 1
    if not members:
        raise ValueError(f"{text!r}: the brackets are empty")
    return frozenset(members), end
