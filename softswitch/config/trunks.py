"""Tables of the configuration about calls that go out: groups of trunks, prices by prefix, numbers, and what may be
dialled.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    trunk: str
    """A trunk's name."""
    priority: int = 1
    """With strategy `priority`: lower ones are tried first."""
    weight: int = 1
    """Share of the calls among members of equal priority; with strategy `weighted`, among all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkGroup:
    """Several trunks under one name. It is a target as a trunk is, `trunk:NAME`, and no trunk may have the same name."""

    members: tuple[GroupMember, ...]
    """The trunks."""
    strategy: Literal["priority", "weighted", "round-robin"] = "priority"
    """Which is tried first: `priority` the lowest priority, by weight among equals; `weighted` any, by weight;
    `round-robin` each in turn."""
    failover_on: tuple[str, ...] = ("5xx", "408")
    """Answers after which the next trunk is tried: statuses, or classes as `5xx`. A trunk that is down, full or cannot be
    reached is always passed over."""
    attempts: int = 3
    """Trunks that one call may be tried at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    prefix: str
    """Leading digits of the number in E.164 without `+`; empty is any number."""
    trunk: str
    """A trunk or a group of trunks."""
    cost: float
    """Price of a minute, in whatever unit: only the order counts."""
    when: str = ""
    """Calendar within whose hours this price holds; empty is always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lcr:
    """Least-cost routing: the target `lcr:NAME`. The longest prefix counts, then the price; the dearer ones are what is
    tried when the cheapest fails."""

    rates: tuple[Rate, ...] = ()
    """Prices."""
    file: str = ""
    """More of them, as CSV with a first line `prefix,trunk,cost,when`; relative to the file that names it."""
    failover_on: tuple[str, ...] = ("5xx", "408")
    """As `trunk_group.failover_on`."""
    attempts: int = 4
    """Trunks that one call may be tried at."""


NumberFormat = Literal["as-is", "+e164", "e164", "international", "national"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How numbers are written here, so that every one can be brought to E.164."""

    country: str = ""
    """Country code, `34`; empty: numbers are taken as they come."""
    area: str = ""
    """Area code put in front of numbers that have neither country nor area; with its own national prefix left out."""
    national_prefix: str = ""
    """What stands before the area code within the country, `0`; empty where there is none, as in Spain."""
    international_prefix: str = "00"
    """What stands before the country code; `+` always does."""
    shortest: int = 7
    """Numbers with fewer digits are extensions, services or emergency numbers and stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What may be dialled out, and how much. Without `enabled` nothing is limited."""

    enabled: bool = False
    """Guard calls out."""
    allowed: tuple[str, ...] = ()
    """Prefixes in E.164 without `+` that may be dialled; empty is the own country (`numbers.country`) and nothing else."""
    blocked: tuple[str, ...] = ()
    """Prefixes that may not, premium numbers say; of two that match, here and in `allowed`, the longer counts."""
    max_concurrent: int = 0
    """Calls out at once of one phone or trunk; 0 is no limit, here and below."""
    calls_per_hour: int = 0
    """Calls out begun within a clock hour."""
    calls_per_day: int = 0
    """Calls out begun within a day of `general.timezone`."""
    minutes_per_hour: int = 0
    """Minutes talked within a clock hour; no further call begins then."""
    minutes_per_day: int = 0
    """Minutes talked within a day."""
    same_number_per_hour: int = 0
    """Calls to one number within a clock hour, of all phones together."""
    max_call_s: int = 0
    """Seconds after which a call out that was answered is ended, with a Reason; not those to extensions, services and
    emergency numbers (fewer digits than `numbers.shortest`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointToll:
    """What `[toll]` says, differently for one phone; keys not given are as there."""

    allowed: tuple[str, ...] | None = None
    """As `toll.allowed`."""
    blocked: tuple[str, ...] | None = None
    """As `toll.blocked`."""
    max_concurrent: int | None = None
    """As `toll.max_concurrent`."""
    calls_per_hour: int | None = None
    """As `toll.calls_per_hour`."""
    calls_per_day: int | None = None
    """As `toll.calls_per_day`."""
    minutes_per_hour: int | None = None
    """As `toll.minutes_per_hour`."""
    minutes_per_day: int | None = None
    """As `toll.minutes_per_day`."""
    max_call_s: int | None = None
    """As `toll.max_call_s`."""
