"""Reads the price lists that `lcr.NAME.file` names: CSV with a first line `prefix,trunk,cost,when` (RFC 4180).

Bounded in bytes and lines; what is wrong is told with the number of its line, the first few of a file.
"""

import csv
import io
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from softswitch.config.documents import Documents
from softswitch.config.problem import Finding
from softswitch.config.schema import Config
from softswitch.config.trunks import Lcr, Rate

MAX_BYTES = 32 << 20
MAX_LINES = 500_000
MAX_TOLD = 5
COLUMNS = ("prefix", "trunk", "cost", "when")
_PREFIX = re.compile(r"\+?([0-9]{0,15})")
_COST = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class WithRates:
    config: Config
    findings: tuple[Finding, ...]


def with_rates(config: Config, documents: Documents) -> WithRates:
    """The configuration with the lines of all files among its prices."""
    if not any(lcr.file for lcr in config.lcr.values()):
        return WithRates(config, ())
    findings: list[Finding] = []
    lists = {name: _with_file(name, lcr, documents, findings) for name, lcr in config.lcr.items()}
    return WithRates(replace(config, lcr=lists), tuple(findings))


def _with_file(name: str, lcr: Lcr, documents: Documents, findings: list[Finding]) -> Lcr:
    if not lcr.file:
        return lcr
    where = ("lcr", name, "file")
    path = Path(documents.document_of(where).file).parent / lcr.file
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"is longer than {MAX_BYTES >> 20} MiB")
        rates, problems = parse_rates(content.decode("utf-8-sig"))
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.append(Finding(path=where, message=f"{path} cannot be read: {reason}"))
        return lcr
    for problem in problems:
        findings.append(Finding(path=where, message=f"{path}, {problem}"))
    return replace(lcr, rates=(*lcr.rates, *rates))


def parse_rates(text: str) -> tuple[tuple[Rate, ...], tuple[str, ...]]:
    """Prices, and what is wrong, each with its line. Raises ValueError for a file that is no such list at all."""
    reader = csv.reader(io.StringIO(text, newline=""))
    head = [cell.strip().lower() for cell in next(reader, [])]
    if sorted({*head, "when"}) != sorted(COLUMNS):
        raise ValueError(f"line 1 is {','.join(head) or 'empty'}; expected {','.join(COLUMNS)}")
    rates: list[Rate] = []
    problems: list[str] = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if reader.line_num > MAX_LINES:
            raise ValueError(f"has more than {MAX_LINES} lines")
        row = dict(zip(head, (cell.strip() for cell in cells), strict=False))
        problem = _problem(row, len(cells) <= len(head))
        if not problem:
            prefix = row["prefix"].removeprefix("+")
            cost = float(row["cost"])
            rates.append(Rate(prefix=prefix, trunk=row["trunk"], cost=cost, when=row.get("when", "")))
        elif len(problems) < MAX_TOLD:
            problems.append(f"line {reader.line_num}: {problem}")
    return tuple(rates), tuple(problems)


def _problem(row: dict[str, str], fits: bool) -> str:
    if not fits or not {"prefix", "trunk", "cost"} <= set(row):
        return f"does not have the columns {','.join(COLUMNS)}"
    if not _PREFIX.fullmatch(row["prefix"]):
        return f"{row['prefix'][:40]!r} is no prefix; expected at most 15 digits"
    if not row["trunk"]:
        return "names no trunk"
    if not _COST.fullmatch(row["cost"]) or not math.isfinite(float(row["cost"])):
        return f"{row['cost'][:40]!r} is no price; expected a number as 0.012"
    return ""
