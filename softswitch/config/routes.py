"""Tables of the configuration about where calls go: routes, and calendars that decide by the time.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.config.prompts import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    country: str
    """ISO 3166 code, `ES`."""
    subdiv: str = ""
    """Subdivision code, `MD`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    date: str
    """`2026-12-24`, `2026-08-03..2026-08-21`, or `12-25` for every year."""
    hours: str = "closed"
    """As in `hours` of the calendar: `09:00-14:00`, or `closed`."""
    reason: str = ""
    """For people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    timezone: str = ""
    """Zone of the hours; empty means `general.timezone`."""
    hours: Mapping[str, str] = field(default_factory=dict)
    """Days to hours: `{ "mon-fri" = "09:00-14:00,16:00-19:00", "sat" = "10:00-13:00" }`. A span may end past midnight
    (`22:00-06:00`); days not named are closed; without any hours it is open around the clock, holidays excepted."""
    holidays: Holidays | None = None
    """Public holidays on which it is closed."""
    closed: tuple[str, ...] = ()
    """Further days closed: `2026-12-24`, `2026-08-03..2026-08-21`, `12-25` of every year."""
    open: Mapping[str, str] = field(default_factory=dict)
    """Days with hours of their own, stronger than all else: `{ "2026-12-31" = "09:00-12:00" }`."""
    days: tuple[CalendarDay, ...] = ()
    """Further days with hours of their own, each with a reason; one date counts before a span of dates, and that before a
    day of every year."""
    table: str = ""
    """CSV file beside this one with more of `days`; its first line is `date,hours,reason`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What happens to a called number. The key is the number, or an Asterisk pattern that starts with `_`."""

    to: str
    """Target."""
    source: tuple[str, ...] = ()
    """Who may use it: `trunk:NAME`, `trunk:*`, `endpoint:NAME`, `endpoint:*`; empty: any trunk and any endpoint."""
    when: str = ""
    """Calendar that must be open; else `otherwise` counts."""
    otherwise: str = "hangup"
    """Target outside the hours of `when`."""
    ani: tuple[str, ...] = ()
    """Calling numbers or patterns for which this route holds; a route with them goes before one without."""
    strip: int = 0
    """Digits taken off the front of the number before it is dialled at a trunk."""
    prepend: str = ""
    """Digits put in front of it then."""
    language: Language | None = None
    """Language of prompts."""
    priority: int = 0
    """Priority of these callers in queues, higher first."""
    direct_media: bool = False
    """Calls of phones to this number are proxied to the phone it leads to, as if both had `direct_media`."""
    messages: bool = False
    """MESSAGEs to this number go where its calls go: to a phone, or out at a trunk. Those to a phone's own extension go
    from every phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    flow_headers: tuple[str, ...] = ()
    """Headers of a caller's INVITE that expressions of flows may read by `header("X-Customer")`; anybody can write what
    he likes into them, so `source` should be asked too."""
    unknown_prompt: str = ""
    """Prompt played (as early media) to a caller of an unknown number before the 404; empty plays none."""
