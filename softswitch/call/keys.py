"""Feature keys that a phone presses while it talks: codes told from each other, and the number after those that take one.

Pure; one collector for each phone. Time is not looked at: whoever owns it gives up a number that is never finished.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_NUMBER = 32
TAKE_NUMBER = frozenset({"transfer", "consult"})
"""Features whose code is followed by a number and `#`."""


@dataclass(frozen=True, slots=True)
class Pressed:
    feature: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A number follows."""

    feature: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """`*`, or more digits than any number has."""


class FeatureKeys:
    def __init__(self, codes: Mapping[str, str]) -> None:
        """`codes`: feature to code; an empty code switches the feature off."""
        self._codes = {name: code for name, code in codes.items() if code}
        self._longest = max(map(len, self._codes.values()), default=1)
        self._keys = ""
        self._feature = ""
        self._number = ""

    @property
    def collecting(self) -> bool:
        """A number is being pressed."""
        return bool(self._feature)

    def press(self, key: str) -> Pressed | Begun | GivenUp | None:
        if self._feature:
            return self._more(key)
        self._keys = (self._keys + key)[-self._longest :]
        for feature, code in self._codes.items():
            if self._keys.endswith(code):
                self._keys = ""
                if feature not in TAKE_NUMBER:
                    return Pressed(feature)
                self._feature = feature
                return Begun(feature)
        return None

    def _more(self, key: str) -> Pressed | GivenUp | None:
        feature, number = self._feature, self._number
        if key == "#" and number:
            self.give_up()
            return Pressed(feature, number)
        if key in "*#" or len(number) >= LONGEST_NUMBER:
            self.give_up()
            return GivenUp()
        self._number += key
        return None

    def give_up(self) -> None:
        """Forget the number so far."""
        self._feature = self._number = self._keys = ""
