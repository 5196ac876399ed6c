"""Which calendars are open at a moment, for routes and flows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from softswitch.config.schema import Config
from softswitch.hours import CalendarHours


@dataclass(frozen=True, slots=True)
class Opening:
    open: Mapping[str, bool]
    holiday: Mapping[str, bool]


def parse_calendars(config: Config) -> Mapping[str, CalendarHours]:
    """Done once for each configuration; raises ValueError that names the key."""
    return {
        name: CalendarHours.parse(calendar, config.general.timezone)
        for name, calendar in config.calendar.items()
    }


def opening(calendars: Mapping[str, CalendarHours], when: datetime) -> Opening:
    """`when` is aware of its zone."""
    if not calendars:
        return _WITHOUT
    return Opening(
        open=_Looked(calendars, lambda hours: hours.is_open(when)),
        holiday=_Looked(calendars, lambda hours: hours.is_holiday(when)),
    )


_WITHOUT = Opening(open={}, holiday={})
"""No calendar is configured."""


class _Looked(Mapping[str, bool]):
    """What each calendar says, looked up when somebody asks: a call asks one of many, or none."""

    def __init__(self, calendars: Mapping[str, CalendarHours], look: Callable[[CalendarHours], bool]) -> None:
        self._calendars = calendars
        self._look = look

    def __getitem__(self, name: str) -> bool:
        return self._look(self._calendars[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._calendars)

    def __len__(self) -> int:
        return len(self._calendars)
