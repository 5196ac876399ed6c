"""Tables that the configuration names as files: CSV with a first line of column names (RFC 4180).

Bounded in bytes and lines; what is wrong is told with the number of its line, the first few of a file. What a line means is
said by whoever owns a table.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from softswitch.config.documents import Documents
from softswitch.config.problem import Finding
from softswitch.config.schema import Config

MAX_TOLD = 5
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class WithTables:
    config: Config
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable(Generic[Item]):
    columns: tuple[str, ...]
    optional: str
    """The one of them that may be missing."""
    max_bytes: int
    max_lines: int
    item: Callable[[dict[str, str]], Item]
    """What a line means, by its cells; raises ValueError with what is wrong with it."""

    def parse(self, text: str) -> tuple[tuple[Item, ...], tuple[str, ...]]:
        """Items, and what is wrong, each with its line. Raises ValueError for a file that is no such table at all."""
        reader = csv.reader(io.StringIO(text, newline=""))
        head = [cell.strip().lower() for cell in next(reader, [])]
        if sorted({*head, self.optional}) != sorted(self.columns):
            raise ValueError(f"line 1 is {','.join(head) or 'empty'}; expected {','.join(self.columns)}")
        items: list[Item] = []
        problems: list[str] = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if reader.line_num > self.max_lines:
                raise ValueError(f"has more than {self.max_lines} lines")
            row = dict(zip(head, (cell.strip() for cell in cells), strict=False))
            try:
                if len(cells) > len(head) or not {*self.columns} <= {*row, self.optional}:
                    raise ValueError(f"does not have the columns {','.join(self.columns)}")
                items.append(self.item(row))
            except ValueError as error:
                if len(problems) < MAX_TOLD:
                    problems.append(f"line {reader.line_num}: {error}")
        return tuple(items), tuple(problems)

    def read(
        self, name: str, where: tuple[str, ...], documents: Documents
    ) -> tuple[tuple[Item, ...], list[Finding]]:
        """The items of the file `name`, relative to the document that has the key `where`; only lines that can be used."""
        path = Path(documents.document_of(where).file).parent / name
        try:
            with path.open("rb") as opened:
                content = opened.read(self.max_bytes + 1)
            if len(content) > self.max_bytes:
                raise ValueError(f"is longer than {self.max_bytes >> 20} MiB")
            items, problems = self.parse(content.decode("utf-8-sig"))
        except (OSError, ValueError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return (), [Finding(path=where, message=f"{path} cannot be read: {reason}")]
        return items, [Finding(path=where, message=f"{path}, {problem}") for problem in problems]
