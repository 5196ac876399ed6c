"""The files of one configuration put together: every key in one file only, and each finding led back to its line."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from softswitch.config.lines import key_lines
from softswitch.config.problem import Finding, Path, Problem, key_of
from softswitch.config.schema import Config
from softswitch.config.shape import corrected

_AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
_HINTS = {
    "Invalid value": "text stands in quotes, numbers and true or false do not",
    "Invalid initial character for a key part": """a name with other than letters, digits, - and _ stands in quotes, \
[route."+34911"]""",
    "Cannot overwrite a value": "the key stands here twice",
    "Illegal character '\\n'": "the closing quote is missing",
    "Expected ']'": "the closing bracket is missing",
    "Cannot declare": "the table stands in the file already: put its keys together",
}
"""What the parser says to what a person is likely to have done."""


@dataclass(frozen=True, slots=True)
class Document:
    """One TOML file, with its keys spelt as in the schema."""

    file: str
    value: dict[str, Any]
    lines: dict[Path, int] = field(repr=False)
    spelling: dict[Path, Path] = field(repr=False)

    @classmethod
    def parse(cls, file: str, content: bytes) -> tuple["Document", list[Problem]]:
        """Unreadable text gives an empty document and its problem."""
        try:
            text = content.decode()
            raw = tomllib.loads(text)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            return cls(file, {}, {}, {}), [_problem(file, line, "is not UTF-8")]
        except tomllib.TOMLDecodeError as error:
            at = _AT_LINE.search(str(error))
            line = int(at[1]) if at else text.count("\n") + 1
            said = _AT_LINE.sub("", str(error)).strip()
            hint = next((f": {hint}" for start, hint in _HINTS.items() if said.startswith(start)), "")
            message = said + (f" (column {at[2]})" if at else "") + hint
            return cls(file, {}, {}, {}), [_problem(file, line, f"is not TOML: {message}")]
        except RecursionError:
            return cls(file, {}, {}, {}), [_problem(file, 0, "is nested too deep")]
        correction = corrected(Config, raw)
        document = cls(file, correction.value, key_lines(text), correction.spelling)
        return document, [document.problem(each, as_written=True) for each in correction.findings]

    def written(self, path: Path) -> Path:
        """`path` as this file spells it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.spelling:
                return self.spelling[path[:length]] + path[length:]
        return path

    def depth(self, path: Path) -> int:
        """How many leading parts of `path` stand in this file."""
        written = self.written(path)
        return next((length for length in range(len(written), 0, -1) if written[:length] in self.lines), 0)

    def line(self, path: Path) -> int:
        return self._line_written(self.written(path))

    def _line_written(self, written: Path) -> int:
        depths = range(len(written), 0, -1)
        return next((self.lines[written[:length]] for length in depths if written[:length] in self.lines), 0)

    def problem(self, finding: Finding, *, as_written: bool = False) -> Problem:
        """`as_written`: the path is spelt as in this file already."""
        written = finding.path if as_written else self.written(finding.path)
        return Problem(
            file=self.file,
            line=self._line_written(written),
            key=key_of(written),
            message=finding.message,
            expected=finding.expected,
            did_you_mean=finding.did_you_mean,
        )


def _problem(file: str, line: int, message: str) -> Problem:
    return Problem(file=file, line=line, key="", message=message)


@dataclass(frozen=True, slots=True)
class Documents:
    """The main file first, then those of `conf.d` by name."""

    documents: tuple[Document, ...]

    def merged(self) -> tuple[dict[str, Any], list[Problem]]:
        """All files as one value, and the keys that two files give."""
        value: dict[str, Any] = {}
        problems: list[Problem] = []
        for number, document in enumerate(self.documents):
            for path in _merge(value, document.value, ()):
                first = next(
                    earlier for earlier in self.documents[:number] if earlier.depth(path) == len(path)
                )
                message = f"is also in {first.file}:{first.line(path)}; a key belongs in one file only"
                problems.append(document.problem(Finding(path=path, message=message)))
        return value, problems

    def document_of(self, path: Path) -> Document:
        """The file in which most of `path` stands."""
        return max(self.documents, key=lambda document: document.depth(path))

    def problem(self, finding: Finding) -> Problem:
        return self.document_of(finding.path).problem(finding)

    def problems(self, findings: Iterable[Finding]) -> list[Problem]:
        return [self.problem(finding) for finding in findings]


def _merge(into: dict[str, Any], more: dict[str, Any], path: Path) -> list[Path]:
    """Puts `more` into `into` and returns the paths of what was there already and stays as it was."""
    clashes: list[Path] = []
    for key, item in more.items():
        if key not in into:
            into[key] = _copy(item)
        elif isinstance(into[key], dict) and isinstance(item, dict):
            clashes += _merge(into[key], item, (*path, key))
        else:
            clashes.append((*path, key))
    return clashes


def _copy(item: Any) -> Any:
    """Own dictionaries all the way down, so that merging and pruning never reach into a document."""
    if isinstance(item, dict):
        return {key: _copy(value) for key, value in item.items()}
    return item
