"""The price lists that `lcr.NAME.file` names, with a first line `prefix,trunk,cost,when`."""

import math
import re
from dataclasses import replace

from softswitch.config.csv_table import CsvTable, WithTables
from softswitch.config.documents import Documents
from softswitch.config.problem import Finding
from softswitch.config.schema import Config
from softswitch.config.trunks import Rate

_PREFIX = re.compile(r"\+?([0-9]{0,15})")
_COST = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def _rate(row: dict[str, str]) -> Rate:
    if not _PREFIX.fullmatch(row["prefix"]):
        raise ValueError(f"{row['prefix'][:40]!r} is no prefix; expected at most 15 digits")
    if not row["trunk"]:
        raise ValueError("names no trunk")
    if not _COST.fullmatch(row["cost"]) or not math.isfinite(float(row["cost"])):
        raise ValueError(f"{row['cost'][:40]!r} is no price; expected a number as 0.012")
    prefix = row["prefix"].removeprefix("+")
    return Rate(prefix=prefix, trunk=row["trunk"], cost=float(row["cost"]), when=row.get("when", ""))


RATES = CsvTable(
    columns=("prefix", "trunk", "cost", "when"), optional="when", max_bytes=32 << 20, max_lines=500_000, item=_rate
)  # fmt: skip


def with_rates(config: Config, documents: Documents) -> WithTables:
    """The configuration with the lines of all files among its prices."""
    findings: list[Finding] = []
    lists = dict(config.lcr)
    for name, lcr in config.lcr.items():
        if lcr.file:
            rates, found = RATES.read(lcr.file, ("lcr", name, "file"), documents)
            findings += found
            lists[name] = replace(lcr, rates=(*lcr.rates, *rates))
    return WithTables(replace(config, lcr=lists), tuple(findings))
