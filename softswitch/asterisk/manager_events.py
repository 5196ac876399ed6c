"""Facts of the switch as events of the manager interface, with the field names of Asterisk 22.

One fact may be several events: an agent who pauses does so in each of his queues. What Asterisk has no event for is no
event here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from softswitch.asterisk.centre import Centre, Channel
from softswitch.asterisk.manager_lists import Pairs, channel_fields, member_fields
from softswitch.asterisk.manager_message import message
from softswitch.facts import (
    AgentConnected,
    AgentDumped,
    AgentOffered,
    AgentStateChanged,
    AgentStatusChanged,
    CallEnded,
    CallerLeftQueue,
    CallFact,
    CallHeld,
    CallQueued,
    CallResumed,
    ConfigReloaded,
    Fact,
    OfferEnded,
    QueueMemberAdded,
    QueueMemberPenalty,
    QueueMemberRemoved,
    QueueTalkEnded,
)
from softswitch.ids import AgentId, CallId, OfferId, QueueName

_NOT_RUNG_OUT = frozenset({"answered", "lost race", "cancelled"})
_FREE_STATES = frozenset({"idle", "resting", "paused", "wrap-up", "offline"})
_FREE = (1, False)
"""How these are shown; who has logged in was told by QueueMemberAdded."""
_REFUSED = frozenset({"full", "join empty"})


@dataclass(frozen=True, slots=True)
class ManagerEvent:
    kind: str
    """Class: `agent`, `call` or `system`."""
    data: bytes


class ManagerEvents:
    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._connected: set[CallId] = set()
        """Callers whom an agent has answered: they have left their queue already."""
        self._ringing: dict[OfferId, Channel] = {}
        """Phones that ring: their legs are gone when they have rung out."""
        self._shown: dict[AgentId, tuple[int, bool]] = {}
        """Status and call of each agent as last told."""
        self._pauses: dict[AgentId, tuple[bool, str]] = {}
        self._makers: dict[type[Fact], Callable[[Any], Iterator[ManagerEvent]]] = {
            CallQueued: self._queued,
            CallerLeftQueue: self._left,
            CallEnded: self._ended,
            AgentOffered: self._called,
            OfferEnded: self._rang_out,
            AgentConnected: self._agent_connected,
            AgentDumped: self._dumped,
            QueueTalkEnded: self._completed,
            CallHeld: lambda fact: self._hold("Hold", fact),
            CallResumed: lambda fact: self._hold("Unhold", fact),
            AgentStateChanged: self._state,
            AgentStatusChanged: self._status,
            QueueMemberAdded: lambda fact: self._membership("QueueMemberAdded", fact),
            QueueMemberRemoved: lambda fact: self._membership("QueueMemberRemoved", fact),
            QueueMemberPenalty: lambda fact: self._membership("QueueMemberPenalty", fact),
            ConfigReloaded: self._reloaded,
        }

    def of(self, fact: Fact) -> Iterator[ManagerEvent]:
        maker = self._makers.get(type(fact))
        return iter(()) if maker is None else maker(fact)

    # --- callers ----------------------------------------------------------------------------------------------------

    def _queued(self, fact: CallQueued) -> Iterator[ManagerEvent]:
        if not fact.refused:
            yield self._join(fact, fact.queue, fact.position)

    def _join(self, fact: CallFact, queue: QueueName, position: int) -> ManagerEvent:
        place: Pairs = [("Queue", queue), ("Position", position), ("Count", self._centre.waiting(queue))]
        return self._about("QueueCallerJoin", fact.call, place)

    def _left(self, fact: CallerLeftQueue) -> Iterator[ManagerEvent]:
        if fact.reason in _REFUSED:
            return
        if fact.reason == "abandoned":
            lost: Pairs = [
                ("Queue", fact.queue),
                ("Position", fact.position),
                ("OriginalPosition", fact.original_position),
                ("HoldTime", int(fact.waited_s)),
            ]
            yield self._about("QueueCallerAbandon", fact.call, lost)
        if fact.call in self._connected:
            self._connected.discard(fact.call)
            return
        count = self._centre.waiting(fact.queue)
        gone: Pairs = [("Queue", fact.queue), ("Count", count), ("Position", fact.position)]
        yield self._about("QueueCallerLeave", fact.call, gone)

    def _ended(self, fact: CallEnded) -> Iterator[ManagerEvent]:
        self._connected.discard(fact.call)
        return iter(())

    def _about(self, name: str, call: CallId, fields: Pairs) -> ManagerEvent:
        return _event(name, "agent", [*channel_fields(self._centre.caller(call)), *fields])

    def _hold(self, name: str, fact: CallHeld | CallResumed) -> Iterator[ManagerEvent]:
        """The channel is that of who holds."""
        caller = self._centre.caller(fact.call)
        channel = caller if fact.by == "caller" else self._centre.other(fact.call)
        more: Pairs = [("MusicClass", "default")] if name == "Hold" else []
        yield _event(name, "call", [*channel_fields(channel), *more])

    # --- agents and callers -----------------------------------------------------------------------------------------

    def _called(self, fact: AgentOffered) -> Iterator[ManagerEvent]:
        channel = self._ringing[fact.offer] = self._centre.agent_channel(fact.call, fact.agent)
        yield self._between("AgentCalled", fact.call, fact.queue, fact.agent, [], channel)

    def _rang_out(self, fact: OfferEnded) -> Iterator[ManagerEvent]:
        channel = self._ringing.pop(fact.offer, None)
        if fact.result not in _NOT_RUNG_OUT:
            rang: Pairs = [("RingTime", int(fact.rang_s))]
            yield self._between("AgentRingNoAnswer", fact.call, fact.queue, fact.agent, rang, channel)

    def _agent_connected(self, fact: AgentConnected) -> Iterator[ManagerEvent]:
        self._connected.add(fact.call)
        times: Pairs = [("RingTime", int(fact.rang_s)), ("HoldTime", int(fact.waited_s))]
        yield self._between("AgentConnect", fact.call, fact.queue, fact.agent, times)

    def _dumped(self, fact: AgentDumped) -> Iterator[ManagerEvent]:
        """Unlike Asterisk's the caller waits on, so he joins anew."""
        self._connected.discard(fact.call)
        yield self._between("AgentDump", fact.call, fact.queue, fact.agent, [])
        yield self._join(fact, fact.queue, fact.position)

    def _completed(self, fact: QueueTalkEnded) -> Iterator[ManagerEvent]:
        self._connected.discard(fact.call)
        times: Pairs = [
            ("HoldTime", int(fact.waited_s)),
            ("TalkTime", int(fact.talk_s + fact.hold_s)),
            ("Reason", fact.completed_by),
        ]
        yield self._between("AgentComplete", fact.call, fact.queue, fact.agent, times)

    def _between(
        self,
        name: str,
        call: CallId,
        queue: QueueName,
        agent: AgentId,
        fields: Pairs,
        channel: Channel | None = None,
    ) -> ManagerEvent:
        member = self._centre.member(queue, agent)
        who: Pairs = [("Queue", queue), ("MemberName", member.name), ("Interface", member.interface)]
        two = [
            *channel_fields(self._centre.caller(call)),
            *channel_fields(channel or self._centre.agent_channel(call, agent), "Dest"),
        ]
        return _event(name, "agent", [*two, *who, *fields])

    # --- members ----------------------------------------------------------------------------------------------------

    def _state(self, fact: AgentStateChanged) -> Iterator[ManagerEvent]:
        members = self._centre.members_of(fact.agent)
        if not members or fact.new == "offline":
            return
        shown = (members[0].status, members[0].in_call)
        if self._shown.get(fact.agent, _FREE if fact.old in _FREE_STATES else None) != shown:
            self._shown[fact.agent] = shown
            for member in members:
                yield _event("QueueMemberStatus", "agent", member_fields(member))

    def _status(self, fact: AgentStatusChanged) -> Iterator[ManagerEvent]:
        if fact.status == "logged out":
            self._shown.pop(fact.agent, None)
            self._pauses.pop(fact.agent, None)
            return
        now = (fact.status == "paused", fact.reason)
        if now != self._pauses.get(fact.agent, (False, "")):
            for member in self._centre.members_of(fact.agent):
                yield _event("QueueMemberPause", "agent", member_fields(member))
        self._pauses[fact.agent] = now

    def _membership(
        self, name: str, fact: QueueMemberAdded | QueueMemberRemoved | QueueMemberPenalty
    ) -> Iterator[ManagerEvent]:
        yield _event(name, "agent", member_fields(self._centre.member(fact.queue, fact.agent)))

    def _reloaded(self, fact: ConfigReloaded) -> Iterator[ManagerEvent]:
        yield _event("Reload", "system", [("Module", "All"), ("Status", 0)])


def _event(name: str, kind: str, fields: Pairs) -> ManagerEvent:
    return ManagerEvent(kind, message([("Event", name), ("Privilege", f"{kind},all"), *fields]))
