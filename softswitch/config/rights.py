"""Rights as values: roles that may do some acts, and persons who have a role over teams and queues.

The tables of `[role.NAME]` and `[person.NAME]`; who is who and what that allows is judged in
`call/permissions.py`. What nobody was given, nobody may.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from softswitch.config.acts import Act

Reach = Literal["all", "teams", "self"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What people with this role may do. `administrator`, `supervisor`, `agent`, `auditor` and `wallboard` exist without
    being written down; a table of that name replaces one."""

    may: tuple[str, ...] = ()
    """Acts, `agent.pause`, with `*` as wild card; `docs/rights.md` lists them. Empty: nothing."""
    reach: Reach = "teams"
    """On whom: `all`; `teams`, those of the person's `teams` and `queues`, and himself; `self`, himself and his calls."""

    def allows(self, act: Act) -> bool:
        return act in _granted(self.may)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may do more than the phone he sits at."""

    role: str
    """Name of a role."""
    teams: tuple[str, ...] = ()
    """Teams over which the role holds: their agents, and the callers of their queues."""
    queues: tuple[str, ...] = ()
    """Further queues over which it holds: their callers, and the agents who serve them."""
    agent: str = ""
    """The agent that he is himself; he acts by phone wherever that agent is logged in."""
    endpoints: tuple[str, ...] = ()
    """Phones that act in his name."""
    unix_users: tuple[str, ...] = ()
    """Users of this machine who act in his name on the control socket."""
    token_sha256: str = ""
    """SHA-256 in hex of the token that he shows over HTTP and on the control socket; `softswitch rights token` makes it."""
    pin: str = ""
    """Digits that he dials after `*` behind the feature codes of supervisors; empty: the phone is enough."""


_SUPERVISOR = (
    "switch.read",
    "queue.read",
    "agent.*",
    "call.*",
    "callback.*",
    "spy.*",
    "recording.*",
    "text.send",
    "conference.read",
    "report.read",
    "feed.read",
)
ROLES: Mapping[str, Role] = {
    "administrator": Role(may=("*",), reach="all"),
    "supervisor": Role(may=_SUPERVISOR, reach="teams"),
    "agent": Role(
        may=(
            "queue.read",
            "agent.read",
            "agent.login",
            "agent.logout",
            "agent.pause",
            "agent.resume",
            "agent.wrapup",
            "agent.seat",
            "call.read",
            "call.transfer",
            "recording.control",
        ),
        reach="self",
    ),
    "auditor": Role(may=("*.read",), reach="all"),
    "wallboard": Role(may=("queue.read", "agent.read", "feed.read"), reach="teams"),
}
"""What holds where the configuration says nothing else."""
AGENT = "agent"
ADMINISTRATOR = "administrator"


def role_named(name: str, roles: Mapping[str, Role]) -> Role:
    """Of the configuration, else of those that exist without it; an unknown one may nothing."""
    return roles.get(name) or ROLES.get(name) or Role()


@lru_cache(maxsize=256)
def _granted(patterns: tuple[str, ...]) -> frozenset[Act]:
    return frozenset(act for act in Act if any(fnmatchcase(act.value, pattern) for pattern in patterns))


def act_pattern(text: str) -> None:
    """Raises ValueError."""
    if not _granted((text,)):
        raise ValueError(f"{text!r} is no act; expected agent.pause, spy.* or *")


def token_digest(text: str) -> None:
    """Raises ValueError."""
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ValueError("is no SHA-256 in hex; `softswitch rights token` makes a token and this line")
