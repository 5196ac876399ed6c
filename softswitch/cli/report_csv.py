"""Reports as CSV (RFC 4180), which a spreadsheet opens without obeying what callers have put into it."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes text that begins so for a formula."""


def as_csv(columns: Iterable[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]], zone: str) -> str:
    """A line of names and a line for each row. Seconds and shares are plain numbers, moments ISO 8601 in the zone."""
    known = list(columns)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(column["name"] for column in known)
    for row in rows:
        writer.writerow(csv_value(row.get(column["name"]), column["unit"], zone) for column in known)
    return out.getvalue()


def csv_value(value: Any, unit: str, zone: str) -> str | float | int:
    """Numbers stay numbers, also below zero: only text is made harmless, by an apostrophe before it."""
    if value is None:
        return ""
    if unit == "moment":
        return datetime.fromtimestamp(value, ZoneInfo(zone)).isoformat(timespec="seconds")
    if unit != "text" and isinstance(value, int | float):
        return round(value, 6) if isinstance(value, float) else value
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    text = text.replace("\0", "")
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
