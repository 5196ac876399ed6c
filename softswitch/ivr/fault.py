"""What is wrong in a flow, as values; and what exists beside the flows, against which their names are checked."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from softswitch.config.lookups import Lookup
from softswitch.config.schema import Config

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """What exists beside the flows."""

    prompts: AbstractSet[str] = field(default_factory=frozenset)
    queues: AbstractSet[str] = field(default_factory=frozenset)
    calendars: AbstractSet[str] = field(default_factory=frozenset)
    boxes: AbstractSet[str] = field(default_factory=frozenset)
    endpoints: AbstractSet[str] = field(default_factory=frozenset)
    trunks: AbstractSet[str] = field(default_factory=frozenset)
    agents: AbstractSet[str] = field(default_factory=frozenset)
    conferences: AbstractSet[str] = field(default_factory=frozenset)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    recognisers: AbstractSet[str] = field(default_factory=frozenset)
    headers: AbstractSet[str] = field(default_factory=frozenset)
    """Headers that flows may read, in small letters."""

    @classmethod
    def of(cls, config: Config, prompts: AbstractSet[str]) -> "KnownNames":
        return cls(
            prompts=prompts,
            queues=config.queue.keys(),
            calendars=config.calendar.keys(),
            boxes=config.message.keys(),
            endpoints=config.endpoint.keys(),
            trunks=config.trunk.keys(),
            agents=config.agent.keys(),
            conferences=config.conference.keys(),
            lookups=config.lookup,
            recognisers=config.recogniser.keys(),
            headers=frozenset(name.lower() for name in config.routing.flow_headers),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    flow: str
    node: str
    """Empty: of the flow as a whole."""
    key: str
    """Key of the node's table, as `keys.1`; empty: of the node as a whole."""
    message: str
    severity: Severity = "error"
    """`error`: callers will be hung up or hear nothing; `warning`: it works, but hardly as meant."""

    def __str__(self) -> str:
        place = ".".join(filter(None, ("flow", self.flow, "node" if self.node else "", self.node, self.key)))
        return f"{self.severity}: {place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem within one node."""

    key: str
    message: str
    severity: Severity = "error"


def suggestion(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
