"""Which line of a TOML file each key stands on: `tomllib` keeps none, and people look for lines.

A small scanner of tables, dotted keys, strings, arrays and inline tables. It is only given text that `tomllib` has
already accepted, so it skips rather than judges. TOML 1.0.
"""

import re
import tomllib
from dataclasses import dataclass, field

from softswitch.config.problem import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^\s,\]}#][^,\]}#\n]*")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
_BETWEEN = re.compile(r"(?:[\s,]|#[^\n]*)*")


def key_lines(text: str) -> dict[Path, int]:
    """Path of every table, key and array element to its line; `text` is valid TOML."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


@dataclass(slots=True)
class _Scanner:
    text: str
    at: int = 0
    line: int = 1
    lines: dict[Path, int] = field(default_factory=dict)
    tables: dict[Path, int] = field(default_factory=dict)
    """Arrays of tables to how many have begun."""

    def document(self) -> None:
        table: Path = ()
        while self._take(_BETWEEN) is not None and self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        self.line += match[0].count("\n")
        return match[0]

    def _string(self) -> str | None:
        for pattern in _STRINGS:
            taken = self._take(pattern)
            if taken is not None:
                return taken
        return None

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._take(_SPACE)
            quoted = self._string()
            if quoted is not None:
                parts.append(str(tomllib.loads(f"k = {quoted}")["k"]))
            else:
                parts.append(self._take(_BARE) or "")
            self._take(_SPACE)
            if self.text[self.at : self.at + 1] != ".":
                return parts
            self.at += 1

    def _mark(self, base: Path, parts: list[str], line: int) -> Path:
        path = base
        for part in parts:
            path = (*path, part)
            if path in self.tables:
                path = (*path, self.tables[path] - 1)
            self.lines.setdefault(path, line)
        return path

    def _header(self) -> Path:
        line = self.line
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        parts = self._key()
        self.at += 2 if array else 1
        if not array:
            return self._mark((), parts, line)
        path = (*self._mark((), parts[:-1], line), parts[-1])
        self.lines.setdefault(path, line)
        index = self.tables.get(path, 0)
        self.tables[path] = index + 1
        self.lines[(*path, index)] = line
        return (*path, index)

    def _pair(self, table: Path) -> None:
        line = self.line
        path = self._mark(table, self._key(), line)
        self.at += 1  # the equals sign
        self._take(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self.text[self.at : self.at + 1]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        elif self._string() is None and self._take(_SCALAR) is None:
            self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self._take(_BETWEEN) is not None and self.text[self.at : self.at + 1] not in ("]", ""):
            self.lines[(*path, index)] = self.line
            self._value((*path, index))
            index += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._take(_BETWEEN) is not None and self.text[self.at : self.at + 1] not in ("}", ""):
            self._pair(path)
        self.at += 1
