"""Asterisk's configuration files as sections of keys and values, each with the file and line it came from.

Read are comments (`;`, and from `;--` to `--;`), templates (`[name](!)`, `[name](template,…)`), additions (`[name](+)`),
`key = value`, `key => value`, `key += value`, `#include` and `#tryinclude`. `#exec` is never run. Pure: whoever reads the
files brings a function for includes.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

MAX_DEPTH = 10
MAX_FILES = 1000
MAX_LINES = 500_000
_HEADER = re.compile(r"\[([^\]]*)\]\s*(?:\(([^)]*)\))?")
_DIRECTIVE = re.compile(r'#(include|tryinclude|exec)\s+["<]?([^">]+)[">]?')
_PAIR = re.compile(r"([^=]*?)\s*(\+=|=>?)\s*(.*)")


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    value: str
    file: str
    line: int

    @property
    def text(self) -> str:
        return f"{self.key} = {self.value}"


@dataclass(slots=True)
class Section:
    name: str
    file: str
    line: int
    template: bool = False
    entries: list[Entry] = field(default_factory=list)
    """Those of its templates first."""

    def last(self, key: str) -> str:
        """The value that counts where a key stands once; empty: it does not stand there."""
        return next((entry.value for entry in reversed(self.entries) if entry.key.lower() == key), "")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line that could not be read."""

    file: str
    line: int
    text: str
    why: str


Include = Callable[[str], Iterable[tuple[str, str]]]
"""The name in an `#include` (with wild cards perhaps) to names and texts of files; none: there is none."""


@dataclass(slots=True)
class ConfFile:
    sections: list[Section] = field(default_factory=list)
    """Templates too, in the order of the file."""
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def real(self) -> list[Section]:
        return [section for section in self.sections if not section.template]


def parse(name: str, text: str, include: Include) -> ConfFile:
    reading = _Reading(include)
    reading.file(name, text, 0)
    return reading.result


class _Reading:
    def __init__(self, include: Include) -> None:
        self.result = ConfFile()
        self._include = include
        self._section: Section | None = None
        self._comment = 0
        """Depth of block comments."""
        self._files = 0
        self._lines = 0

    def file(self, name: str, text: str, depth: int) -> None:
        self._files += 1
        # A block comment that a file leaves open ends with it.
        outer, self._comment = self._comment, 0
        for number, raw in enumerate(text.split("\n"), 1):
            self._lines += 1
            if self._lines > MAX_LINES:
                self._trouble(name, number, "", "there are too many lines; the rest is not read")
                break
            line = self._without_comments(raw.rstrip("\r")).strip()
            if line:
                self._line(name, number, line, depth)
        self._comment = outer

    def _without_comments(self, line: str) -> str:
        """`;--` begins a block, unless a third dash makes it a ruler; `\\;` is a semicolon."""
        kept: list[str] = []
        at = 0
        while at < len(line):
            if self._comment:
                end = line.find("--;", at)
                begin = line.find(";--", at)
                if 0 <= begin < end and line[begin + 3 : begin + 4] != "-":
                    self._comment += 1
                    at = begin + 3
                elif end < 0:
                    return "".join(kept)
                else:
                    self._comment -= 1
                    at = end + 3
            elif line.startswith(";--", at) and line[at + 3 : at + 4] != "-":
                self._comment += 1
                at += 3
            elif line[at] == ";":
                break
            elif line.startswith("\\;", at):
                kept.append(";")
                at += 2
            else:
                kept.append(line[at])
                at += 1
        return "".join(kept)

    def _line(self, file: str, number: int, line: str, depth: int) -> None:
        directive = _DIRECTIVE.fullmatch(line)
        header = _HEADER.fullmatch(line)
        pair = _PAIR.fullmatch(line)
        if directive is not None:
            self._directive(file, number, directive[1], directive[2].strip(), depth)
        elif header is not None:
            self._header(file, number, header[1].strip(), header[2] or "")
        elif pair is None or not pair[1]:
            self._trouble(file, number, line, "is neither a section nor key = value")
        elif self._section is None:
            self._trouble(file, number, line, "stands before the first section")
        else:
            self._pair(self._section, Entry(pair[1].strip(), pair[3].strip(), file, number), pair[2] == "+=")

    def _pair(self, section: Section, entry: Entry, append: bool) -> None:
        if append:
            for place, known in reversed(list(enumerate(section.entries))):
                if known.key.lower() == entry.key.lower():
                    section.entries[place] = replace(entry, value=known.value + entry.value)
                    return
        section.entries.append(entry)

    def _directive(self, file: str, number: int, kind: str, name: str, depth: int) -> None:
        text = f"#{kind} {name}"
        if kind == "exec":
            self._trouble(file, number, text, "is not run")
        elif depth >= MAX_DEPTH or self._files >= MAX_FILES:
            self._trouble(file, number, text, "too many files include each other")
        else:
            found = list(self._include(name))
            if not found and kind == "include":
                self._trouble(file, number, text, "does not exist")
            for included, content in found:
                self.file(included, content, depth + 1)

    def _header(self, file: str, number: int, name: str, options: str) -> None:
        words = [word.strip() for word in options.split(",") if word.strip()]
        added = next((word for word in words if word.startswith("+")), None)
        if added is not None:
            self._section = self._known(name, added[1:])
            if self._section is not None:
                return
            self._trouble(file, number, f"[{name}]({options})", "adds to a section that is not there")
        section = Section(name, file, number, template="!" in words)
        for word in words:
            if word != "!" and not word.startswith("+"):
                template = next((known for known in self.result.sections if known.name == word), None)
                if template is None:
                    self._trouble(file, number, f"[{name}]({options})", f"there is no template {word!r}")
                else:
                    section.entries += template.entries
        self.result.sections.append(section)
        self._section = section

    def _known(self, name: str, wanted: str) -> Section | None:
        """The section of that name that has `key=value`, the first; without that the last."""
        named = [section for section in self.result.sections if section.name == name]
        if not wanted:
            return named[-1] if named else None
        key, _, value = wanted.partition("=")
        return next(
            (section for section in named if section.last(key.strip().lower()) == value.strip()), None
        )

    def _trouble(self, file: str, line: int, text: str, why: str) -> None:
        self.result.troubles.append(Trouble(file, line, text, why))
