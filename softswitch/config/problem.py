"""What is wrong with a configuration: values that say where, what, what was expected and what was likely meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from softswitch.errors import OurError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something found in the values alone, before its file and line are looked up."""

    path: Path
    """Where in the configuration, `("queue", "support", "members", 0, "agent")`."""
    message: str
    expected: str = ""
    did_you_mean: str = ""
    warning: bool = False
    """True: it works, but probably not as meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    file: str
    line: int
    """1 is the first; 0 when it belongs to no line."""
    key: str
    """Dotted, as it is written in the file."""
    message: str
    expected: str = ""
    did_you_mean: str = ""

    def __str__(self) -> str:
        where = self.file + (f":{self.line}" if self.line else "")
        text = f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.did_you_mean:
            text += f"; did you mean {self.did_you_mean!r}?"
        return text


class ConfigError(OurError):
    """A configuration that cannot be used, with everything that is wrong in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"the configuration has {count} {'problem' if count == 1 else 'problems'}:"
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was likely meant, or nothing."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def key_of(path: Path) -> str:
    """A path as people write it: `queue.support.members[0].agent`, `route."+34911".to`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        bare = part.replace("-", "").replace("_", "").isalnum() and part.isascii()
        text += ("." if text else "") + (part if bare else f'"{part}"')
    return text
