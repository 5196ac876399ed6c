"""One agent: what he declared, what he is doing, and the state that follows from both.

The state is never set: it is derived by `STATE` from the declared status and the strongest activity, and each change
must be one that `FOLLOWS` knows. Logging out or pausing while talking changes the status at once; the state follows
when the call is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from softswitch.acd.errors import WrongState
from softswitch.acd.values import AgentState, AgentStatus
from softswitch.acd.workload import Workload
from softswitch.config.queues import Agent
from softswitch.ids import AgentId, CallId, QueueName

if TYPE_CHECKING:
    from softswitch.acd.agent_class import AgentClass
    from softswitch.acd.callers import Caller
    from softswitch.acd.experience import Kind
    from softswitch.acd.offers import LiveOffer
    from softswitch.acd.queues import QueueRecord, Told
    from softswitch.acd.timers import Timer


class Activity(StrEnum):
    """What holds an agent, strongest first: the first that applies counts."""

    TALKING = "talking"
    RINGING = "ringing"
    OCCUPIED = "occupied"
    WRAP_UP = "wrap-up"
    UNREACHABLE = "unreachable"
    RESTING = "resting"
    FREE = "free"


_OUT, _AVAILABLE, _PAUSED = AgentStatus.LOGGED_OUT, AgentStatus.AVAILABLE, AgentStatus.PAUSED
_A, _S = Activity, AgentState

STATE: Mapping[tuple[AgentStatus, Activity], AgentState] = {
    (_AVAILABLE, _A.TALKING): _S.TALKING,
    (_AVAILABLE, _A.RINGING): _S.RINGING,
    (_AVAILABLE, _A.OCCUPIED): _S.OCCUPIED,
    (_AVAILABLE, _A.WRAP_UP): _S.WRAP_UP,
    (_AVAILABLE, _A.UNREACHABLE): _S.UNREACHABLE,
    (_AVAILABLE, _A.RESTING): _S.RESTING,
    (_AVAILABLE, _A.FREE): _S.IDLE,
    (_PAUSED, _A.TALKING): _S.TALKING,
    (_PAUSED, _A.OCCUPIED): _S.OCCUPIED,
    (_PAUSED, _A.WRAP_UP): _S.WRAP_UP,
    (_PAUSED, _A.UNREACHABLE): _S.PAUSED,
    (_PAUSED, _A.RESTING): _S.PAUSED,
    (_PAUSED, _A.FREE): _S.PAUSED,
    (_OUT, _A.TALKING): _S.TALKING,
    (_OUT, _A.OCCUPIED): _S.OFFLINE,
    (_OUT, _A.WRAP_UP): _S.OFFLINE,
    (_OUT, _A.UNREACHABLE): _S.OFFLINE,
    (_OUT, _A.RESTING): _S.OFFLINE,
    (_OUT, _A.FREE): _S.OFFLINE,
}
"""Nobody who is paused or logged out is rung: those two pairs are missing and raise."""

_QUIET = frozenset({_S.OFFLINE, _S.UNREACHABLE, _S.PAUSED, _S.IDLE, _S.OCCUPIED})

FOLLOWS: Mapping[AgentState, frozenset[AgentState]] = {
    _S.OFFLINE: _QUIET,
    _S.UNREACHABLE: _QUIET | {_S.RESTING},
    _S.PAUSED: _QUIET,
    _S.IDLE: _QUIET | {_S.RINGING},
    _S.RESTING: _QUIET,
    _S.RINGING: _QUIET | {_S.RESTING, _S.TALKING},
    _S.TALKING: _QUIET | {_S.WRAP_UP},
    _S.OCCUPIED: _QUIET | {_S.WRAP_UP, _S.RESTING},
    _S.WRAP_UP: _QUIET,
}
"""Which states may follow which; an agent is rung out of idleness only, and talks only after ringing."""


_BUSY = frozenset({_S.TALKING, _S.OCCUPIED, _S.WRAP_UP})

IDLE, RINGING, TALKING, WRAP_UP = _S.IDLE, _S.RINGING, _S.TALKING, _S.WRAP_UP
"""Those that every event asks for: a member of an enumeration costs six times as much as a name of the module."""
_TALKING, _RINGING, _FREE = _A.TALKING, _A.RINGING, _A.FREE
_RESTING = _S.RESTING

Context = tuple[QueueName | None, CallId | None]
NOWHERE: Context = (None, None)


class Talk:
    """The queue call an agent is on, with what must hold at its end even if the queue is gone by then."""

    __slots__ = ("call", "kind", "queue", "since", "wrapup_s")

    def __init__(
        self, call: CallId, queue: QueueRecord, since: float, wrapup_s: float, kind: Kind = ()
    ) -> None:
        self.call = call
        self.queue = queue
        self.since = since
        self.wrapup_s = wrapup_s
        self.kind = kind
        """Skills that the caller brought along."""


class AgentRecord:
    """Plain slots: every event of the engine touches some of these."""

    __slots__ = (
        "agent",
        "bound",
        "calls",
        "config",
        "context",
        "examined_by",
        "group",
        "idle_since",
        "known_since",
        "leaving",
        "missed",
        "occupied",
        "offer",
        "pause",
        "present",
        "reachable",
        "reason",
        "rest",
        "serial",
        "state",
        "state_since",
        "status",
        "suspect",
        "talk",
        "talk_s",
        "times",
        "token",
        "unreachable",
        "workload",
        "wrapup",
    )

    agent: AgentId
    group: AgentClass
    calls: int
    idle_since: float
    talk_s: float
    workload: Workload

    def __init__(self, agent: AgentId, config: Agent, serial: int, now: float) -> None:
        self.agent = agent
        self.config = config
        self.serial = serial
        self.status = AgentStatus.LOGGED_OUT
        self.reason = ""
        self.state = AgentState.OFFLINE
        self.state_since = self.known_since = now
        self.times = dict.fromkeys(AgentState, 0.0)
        self.context = NOWHERE
        """Queue and call of the present state, where it has them."""
        self.reachable = True
        """As told by whoever knows the registrations; until told otherwise he is."""
        self.suspect: Timer | None = None
        """Armed while his phone is held for unreachable because of a failed offer."""
        self.occupied = 0
        self.offer: LiveOffer | None = None
        self.talk: Talk | None = None
        self.wrapup: Timer | None = None
        self.rest: Timer | None = None
        self.idle_since = now
        """End of his last call of any kind or of an offer he let ring; what longest-idle sorts by."""
        self.calls = 0
        self.talk_s = 0.0
        self.missed = 0
        """Offers in a row that he let ring."""
        self.token = 0
        """Counts his idle times: an entry of a heap with another token is dead."""
        self.examined_by: tuple[tuple[QueueRecord, int], ...] = ()
        """Queues whose decisions list him where they skip him, and at which place."""
        self.bound: dict[CallId, Caller] = {}
        """Callers who wait for him before others."""
        self.workload = Workload(now)
        self.pause: Timer | None = None
        """Armed while a pause with an end lasts."""
        self.unreachable: Timer | None = None
        """Armed while his phone is not registered, if that logs him out."""
        self.present: list[bool] = []
        """Whether he counts as there, for each set of states that a queue asks for."""
        self.leaving = False
        """Gone from the configuration; forgotten when his call is over."""

    @property
    def logged_in(self) -> bool:
        return self.status is not _OUT

    @property
    def ready(self) -> bool:
        """Logged in, neither paused nor unreachable; he may be on a call."""
        return self.status is _AVAILABLE and self.reachable and self.suspect is None

    def derived(self) -> AgentState:
        if self.talk is not None:
            activity = _TALKING
        elif self.offer is not None:
            activity = _RINGING
        elif self.occupied:
            activity = Activity.OCCUPIED
        elif self.wrapup is not None:
            activity = Activity.WRAP_UP
        elif not self.reachable or self.suspect is not None:
            activity = Activity.UNREACHABLE
        elif self.rest is not None:
            activity = Activity.RESTING
        else:
            activity = _FREE
        state = STATE.get((self.status, activity))
        if state is None:
            raise WrongState(f"agent {self.agent} is {self.status} and {activity} at once")
        return state

    def enter(self, new: AgentState, now: float, *, restored: bool = False) -> None:
        """Change the state with all that follows it, and the accounts of time. `restored`: whatever it was."""
        old = self.state
        if not restored and new not in FOLLOWS[old]:
            raise WrongState(f"agent {self.agent} cannot go from {old} to {new}")
        self.times[old] += now - self.state_since
        busy = new in _BUSY
        if busy is not self.workload.busy:
            self.workload.turned(busy, now)
        self.state = new
        self.state_since = now
        if new is TALKING and self.talk is not None:
            self.context = self.talk.queue.name, self.talk.call
        elif new is RINGING and self.offer is not None:
            self.context = self.offer.queue.name, self.offer.caller.call
        elif new is not WRAP_UP:
            self.context = NOWHERE
        if self.examined_by:
            self.tell()

    def tell(self) -> None:
        """What decisions say of him has changed."""
        told = self.told()
        for queue, place in self.examined_by:
            queue.latest[place] = told

    def told(self) -> Told:
        """Why he is no candidate, as far as it lies with him alone."""
        state = self.state
        if state is IDLE:
            return None
        if state is _RESTING and self.rest is not None:
            return self.rest.due
        return f"paused ({self.reason})" if self.reason and state is _S.PAUSED else str(state)

    def times_until(self, now: float) -> dict[AgentState, float]:
        times = dict(self.times)
        times[self.state] += now - self.state_since
        return times

    def __repr__(self) -> str:
        return f"<Agent {self.agent} {self.status} {self.state} since {self.state_since:.3f}>"
