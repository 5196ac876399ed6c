"""What the control API shows of calls out: groups, how a number would be routed and why, and who may dial how much."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMemberView:
    trunk: str
    priority: int
    weight: int
    state: str
    channels: int
    max_channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    group: str
    strategy: str
    failover_on: tuple[str, ...]
    attempts: int
    members: tuple[GroupMemberView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateView:
    """One trunk that a call would be tried at, in this order."""

    trunk: str
    number: str
    """As it leaves, after all rewriting."""
    why: str
    usable: bool
    problem: str = ""
    """Why it would be passed over now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTestView:
    number: str
    source: str
    """`endpoint:NAME`, `trunk:NAME`, or `endpoint:*` for any phone."""
    route: str
    """Key of the route, `extension`, `feature`, or empty: the number leads nowhere."""
    target: str
    dialled: str
    e164: str
    refused: str
    """Why the toll guard would not let the call out; empty: it would."""
    candidates: tuple[CandidateView, ...]
    explanation: tuple[str, ...]
    """The same in plain words, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TollView:
    """What one phone or trunk has dialled out, beside what it may; limits of 0 are none."""

    source: str
    concurrent: int
    max_concurrent: int
    calls_hour: int
    calls_per_hour: int
    calls_day: int
    calls_per_day: int
    minutes_hour: float
    minutes_per_hour: int
    minutes_day: float
    minutes_per_day: int
    allowed: tuple[str, ...]
    blocked: tuple[str, ...]
    refused: int
    """Calls refused since the switch started."""
    last_refusal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudView:
    enabled: bool
    sources: tuple[TollView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTargetView:
    """A server that did not answer and is tried last."""

    target: str
    reason: str
    failures: int
    asked_in_s: float
    """Seconds until it is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One try of a call at one trunk."""

    began: float
    ended: float
    trunk: str
    number: str
    source: str
    answered: float | None
    sip_status: int
    cause: str
    why: str
