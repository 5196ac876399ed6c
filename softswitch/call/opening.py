"""Which calendars are open at a moment, for routes and flows."""

from collections.abc import Mapping
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
    return Opening(
        open={name: hours.is_open(when) for name, hours in calendars.items()},
        holiday={name: hours.is_holiday(when) for name, hours in calendars.items()},
    )
