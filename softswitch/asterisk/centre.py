"""What the manager interface has to know of the contact centre, as values: queues, members, callers, channels.

`Centre` is implemented by the composition root; nothing here reads the switch.
"""

from dataclasses import dataclass
from typing import Protocol

from softswitch.ids import AgentId, CallId, QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One leg, as Asterisk shows a channel."""

    name: str
    """`PJSIP/1001-01ARZ3NDEKTSV4RRFFQ6`."""
    unique_id: str
    linked_id: str
    """The call's id."""
    state: int
    """4 ring, 5 ringing, 6 up."""
    number: str = ""
    caller_name: str = ""
    other_number: str = ""
    other_name: str = ""
    language: str = "en"
    exten: str = "s"
    application: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberInfo:
    """An agent in one of his queues."""

    queue: QueueName
    agent: AgentId
    name: str
    interface: str
    """`PJSIP/1001`."""
    penalty: int
    calls: int
    last_call: int
    """Wall seconds; 0: none. Likewise the next two."""
    last_pause: int
    login: int
    in_call: bool
    status: int
    """Of a device: 1 not in use, 2 in use, 5 unavailable, 6 ringing."""
    paused: bool
    reason: str
    wrapup_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryInfo:
    queue: QueueName
    position: int
    channel: Channel
    wait_s: int
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueInfo:
    queue: QueueName
    max: int
    strategy: str
    """Asterisk's name, where it has one."""
    hold_s: int
    """Mean wait of the answered."""
    talk_s: int
    completed: int
    abandoned: int
    """All who left unserved, as Asterisk counts them."""
    service_level_s: int
    in_level: int
    """Answered in time."""
    lost_in_level: int
    """Abandoned in time."""
    weight: int
    members: tuple[MemberInfo, ...]
    """Those who are logged in."""
    entries: tuple[EntryInfo, ...]


class Centre(Protocol):
    def queues(self, only: str = "") -> tuple[QueueInfo, ...]:
        """All, or the one of that name."""

    def members_of(self, agent: AgentId) -> tuple[MemberInfo, ...]:
        """The agent in each of his queues, whether he is logged in or not."""

    def member(self, queue: QueueName, agent: AgentId) -> MemberInfo: ...

    def caller(self, call: CallId) -> Channel:
        """The caller's side, also of a call that has just ended."""

    def agent_channel(self, call: CallId, agent: AgentId) -> Channel:
        """The agent's side, ringing or talking."""

    def other(self, call: CallId) -> Channel:
        """Whom the caller talks to."""

    def waiting(self, queue: QueueName) -> int: ...

    def channels(self) -> tuple[Channel, ...]: ...

    def uptime_s(self) -> float: ...

    def reloaded_s(self) -> float:
        """Seconds since the configuration was last taken over."""
