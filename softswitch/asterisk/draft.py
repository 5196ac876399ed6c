"""A configuration of ours in the making, and what could not be carried over into it, line by line.

Every line of every section that is looked at ends in one of three ways: carried, carried otherwise than it was (changed),
or lost, each of the latter with its reason.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from softswitch.asterisk.conf_file import Entry, Section

NAME = re.compile(r"[^A-Za-z0-9_.+*#-]")
YES = frozenset({"yes", "true", "y", "t", "1", "on"})
NO_EQUIVALENT = "has no equivalent here"


@dataclass(frozen=True, slots=True)
class Note:
    file: str
    line: int
    """0: it belongs to no line."""
    text: str
    kind: Literal["changed", "lost", "note"]
    why: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.text}: {self.why}" if self.text else f"{where}: {self.why}"


@dataclass(slots=True)
class Draft:
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Section to its keys, or to names of tables."""
    notes: dict[Note, None] = field(default_factory=dict)
    """In order, each once: a line of a template is many sections'."""
    carried: set[tuple[str, int]] = field(default_factory=set)
    """File and line."""

    def section(self, name: str) -> dict[str, Any]:
        return self.tables.setdefault(name, {})

    def table(self, section: str, name: str) -> dict[str, Any]:
        """`[section.name]`; the name has to be one of ours."""
        table: dict[str, Any] = self.section(section).setdefault(name, {})
        return table

    def note(self, entry: Entry, kind: Literal["changed", "lost"], why: str) -> None:
        self.notes[Note(entry.file, entry.line, hidden(entry), kind, why)] = None

    def remark(self, file: str, why: str, line: int = 0, text: str = "") -> None:
        self.notes[Note(file, line, text, "note", why)] = None

    def lost(self) -> list[Note]:
        return [note for note in self.notes if note.kind == "lost"]


def hidden(entry: Entry) -> str:
    """The line as it may be shown: no passwords."""
    secret = entry.key.lower() in (
        "password",
        "md5_cred",
        "secret",
        "password_digest",
        "refresh_token",
        "oauth_secret",
    )
    return f"{entry.key} = (hidden)" if secret and entry.value else entry.text


def named(name: str) -> str:
    """A name that may stand in our configuration."""
    return NAME.sub("_", name)[:64] or "_"


class Taking:
    """One section's lines: those that somebody takes are carried, what is left at the end is lost."""

    def __init__(self, draft: Draft, section: Section, reasons: Mapping[str, str]) -> None:
        self.draft = draft
        self.section = section
        self._reasons = reasons
        self._taken: set[int] = set()

    def all(self, key: str) -> list[Entry]:
        """Every line of that key."""
        found = []
        for place, entry in enumerate(self.section.entries):
            if entry.key.lower() == key:
                self._taken.add(place)
                self.draft.carried.add((entry.file, entry.line))
                found.append(entry)
        return found

    def last(self, *keys: str) -> Entry | None:
        """The line that counts, of a key with several spellings."""
        found = [entry for key in keys for entry in self.all(key)]
        return max(found, key=self.section.entries.index) if found else None

    def text(self, *keys: str) -> str:
        entry = self.last(*keys)
        return entry.value if entry is not None else ""

    def yes(self, *keys: str) -> bool | None:
        entry = self.last(*keys)
        return None if entry is None else entry.value.lower() in YES

    def number(self, *keys: str) -> float | None:
        entry = self.last(*keys)
        if entry is None:
            return None
        try:
            value = float(entry.value)
        except ValueError:
            value = -1.0
        if not 0 <= value < 1e9:
            self.lose(entry, "is no number that can be used")
            return None
        return value

    def lose(self, entry: Entry, why: str = "") -> None:
        self.draft.carried.discard((entry.file, entry.line))
        self.draft.note(entry, "lost", why or self._reasons.get(entry.key.lower(), NO_EQUIVALENT))

    def change(self, entry: Entry, why: str) -> None:
        self.draft.note(entry, "changed", why)

    def finish(self, ignored: Iterable[str] = ()) -> None:
        """What nobody took is lost; keys that say what is so here in any case are carried."""
        settled = set(ignored)
        for place, entry in enumerate(self.section.entries):
            if place in self._taken:
                continue
            if entry.key.lower() in settled:
                self.draft.carried.add((entry.file, entry.line))
            else:
                self.lose(entry)
