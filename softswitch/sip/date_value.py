"""The value of Date (RFC 3261 section 20.17)."""

from datetime import UTC, datetime
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4)
def date_value(second: int) -> str:
    """RFC 1123, in English whatever the locale."""
    date = datetime.fromtimestamp(second, UTC)
    day, month = _DAYS[date.weekday()], _MONTHS[date.month - 1]
    return f"{day}, {date.day:02d} {month} {date.year} {date:%H:%M:%S} GMT"
