"""The running switch as the manager interface sees it; implements `asterisk.centre.Centre`."""

from softswitch.acd.values import AgentState, AgentStatus, AgentView, CallerView, QueueView
from softswitch.app.parts import Parts
from softswitch.app.sight import Sight
from softswitch.asterisk.centre import Channel, EntryInfo, MemberInfo, QueueInfo
from softswitch.call.call import Call
from softswitch.call.leg import Leg
from softswitch.ids import AgentId, CallId, QueueName

STRATEGIES = {
    "ring-all": "ringall",
    "longest-idle": "leastrecent",
    "round-robin": "rrmemory",
    "fewest-calls": "fewestcalls",
    "weighted": "wrandom",
}
"""Ours to Asterisk's, where it has one of the kind."""
_NOT_IN_USE, _IN_USE, _UNAVAILABLE, _RINGING = 1, 2, 5, 6
_STATUS = {
    AgentState.RINGING: _RINGING,
    AgentState.TALKING: _IN_USE,
    AgentState.OCCUPIED: _IN_USE,
    AgentState.UNREACHABLE: _UNAVAILABLE,
    AgentState.OFFLINE: _UNAVAILABLE,
}
"""Status of a device; all others are not in use."""


class ManagerCentre:
    def __init__(self, parts: Parts, sight: Sight | None = None) -> None:
        """`sight`: what the `person` of `[ami]` may see; without one everything."""
        self._parts = parts
        self._sight = sight

    def _shows(self, queue: QueueName) -> bool:
        person = self._parts.services.config.ami.person
        return self._sight is None or self._sight.queue(person, queue)

    # --- queues and members -----------------------------------------------------------------------------------------

    def queues(self, only: str = "") -> tuple[QueueInfo, ...]:
        snapshot = self._parts.dispatcher.engine.snapshot(self._parts.clock.monotonic())
        members: dict[QueueName, list[MemberInfo]] = {}
        for agent in snapshot.agents:
            if agent.status is not AgentStatus.LOGGED_OUT:
                for queue in agent.queues:
                    members.setdefault(queue, []).append(self._member(queue, agent))
        return tuple(
            self._queue(queue, members.get(queue.queue, []))
            for queue in snapshot.queues
            if only in ("", queue.queue) and self._shows(queue.queue)
        )

    def _queue(self, view: QueueView, members: list[MemberInfo]) -> QueueInfo:
        settings = self._parts.services.config.queue[view.queue]
        return QueueInfo(
            queue=view.queue,
            max=settings.maxlen,
            strategy=STRATEGIES.get(view.strategy, view.strategy),
            hold_s=int(view.mean_wait_s),
            talk_s=int(view.mean_talk_s),
            completed=view.answered,
            abandoned=view.abandoned + view.overflowed,
            service_level_s=int(settings.servicelevel),
            in_level=view.answered_in_sl,
            lost_in_level=self._parts.tally.lost_in_level[view.queue],
            weight=settings.weight,
            members=tuple(members),
            entries=tuple(map(self._entry, view.waiting)),
        )

    def _entry(self, view: CallerView) -> EntryInfo:
        return EntryInfo(
            queue=view.queue,
            position=view.position,
            channel=self.caller(view.call),
            wait_s=int(view.waited_s),
            priority=view.priority,
        )

    def members_of(self, agent: AgentId) -> tuple[MemberInfo, ...]:
        parts = self._parts
        if agent not in parts.services.config.agent:
            return ()
        view = parts.dispatcher.engine.agent_view(agent, parts.clock.monotonic())
        return tuple(self._member(queue, view) for queue in view.queues if self._shows(queue))

    def member(self, queue: QueueName, agent: AgentId) -> MemberInfo:
        parts = self._parts
        if agent in parts.services.config.agent:
            return self._member(queue, parts.dispatcher.engine.agent_view(agent, parts.clock.monotonic()))
        gone = dict.fromkeys(("penalty", "calls", "last_call", "last_pause", "login", "wrapup_s"), 0)
        return MemberInfo(
            queue=queue,
            agent=agent,
            name=agent,
            interface=f"PJSIP/{agent}",
            in_call=False,
            status=_UNAVAILABLE,
            paused=False,
            reason="",
            **gone,
        )

    def _member(self, queue: QueueName, view: AgentView) -> MemberInfo:
        parts, agent = self._parts, view.agent
        config = parts.services.config
        settings, served = config.agent.get(agent), config.queue.get(queue)
        listed = served.members if served is not None else ()
        wrapup = settings.wrapuptime if settings is not None else None
        if wrapup is None:
            wrapup = served.wrapuptime if served is not None else 0.0
        return MemberInfo(
            queue=queue,
            agent=agent,
            name=(settings.name if settings is not None else "") or agent,
            interface=self._interface(agent),
            penalty=next((member.penalty for member in listed if member.agent == agent), 0),
            calls=view.calls,
            last_call=int(parts.tally.last_call.get(agent, 0)),
            last_pause=int(parts.tally.last_pause.get(agent, 0)),
            login=int(parts.dispatcher.desk.logged_in_since(agent) or 0),
            in_call=view.state is AgentState.TALKING,
            status=_STATUS.get(view.state, _NOT_IN_USE),
            paused=view.status is AgentStatus.PAUSED,
            reason=view.reason if view.status is AgentStatus.PAUSED else "",
            wrapup_s=int(wrapup),
        )

    def _interface(self, agent: AgentId) -> str:
        config = self._parts.services.config
        endpoint = self._parts.dispatcher.desk.endpoint_of(agent) if agent in config.agent else agent
        return f"PJSIP/{endpoint}"

    def waiting(self, queue: QueueName) -> int:
        """None where the queue is gone."""
        known = queue in self._parts.services.config.queue
        return self._parts.dispatcher.engine.waiting(queue) if known else 0

    # --- channels ---------------------------------------------------------------------------------------------------

    def caller(self, call: CallId) -> Channel:
        found = self._parts.manager.calls.get(call)
        return _gone(call, "unknown") if found is None else self._channel(found, found.caller)

    def agent_channel(self, call: CallId, agent: AgentId) -> Channel:
        parts, found = self._parts, self._parts.manager.calls.get(call)
        interface = self._interface(agent).removeprefix("PJSIP/")
        if found is not None:
            ringing = [each.ringing.leg for each in parts.dispatcher.offers.of_call(call)]
            for leg in (*ringing, *found.legs.values()):
                if leg.party == f"endpoint:{interface}" and leg is not found.caller:
                    return self._channel(found, leg)
        return _gone(call, interface)

    def other(self, call: CallId) -> Channel:
        found, talk = self._parts.manager.calls.get(call), self._parts.room.talks.get(call)
        return _gone(call, "unknown") if found is None or talk is None else self._channel(found, talk.other)

    def channels(self) -> tuple[Channel, ...]:
        offers = self._parts.dispatcher.offers
        found: list[Channel] = []
        person = self._parts.services.config.ami.person
        for call in self._parts.manager.calls.values():
            if self._sight is not None and not self._sight.call(person, call):
                continue
            ringing = [each.ringing.leg for each in offers.of_call(call.id)]
            found += [self._channel(call, leg) for leg in dict.fromkeys([*call.legs.values(), *ringing])]
        return tuple(found)

    def _channel(self, call: Call, leg: Leg) -> Channel:
        mine = (call.ani, call.ani_name) if leg is call.caller else (_name(leg), "")
        agent = call.figures.agent or ""
        theirs = (agent, "") if leg is call.caller else (call.ani, call.ani_name)
        queued = call.stage in ("wait", "talk") and call.figures.queue is not None
        waiting_to_answer = 4 if leg.direction == "in" else 5
        return Channel(
            name=f"PJSIP/{_name(leg)}-{leg.id}",
            unique_id=call.id if leg is call.caller else leg.id,
            linked_id=call.id,
            state=6 if leg.answered is not None else waiting_to_answer,
            number=mine[0],
            caller_name=mine[1],
            other_number=theirs[0],
            other_name=theirs[1],
            language=call.language,
            exten=call.dnis or "s",
            application="Queue" if queued else "",
            duration_s=self._parts.clock.wall() - leg.began,
        )

    # --- the switch -------------------------------------------------------------------------------------------------

    def uptime_s(self) -> float:
        return self._parts.clock.wall() - self._parts.started

    def reloaded_s(self) -> float:
        return self._parts.clock.wall() - self._parts.tally.reloaded


def _name(leg: Leg) -> str:
    return leg.party.partition(":")[2] or leg.party


def _gone(call: CallId, name: str) -> Channel:
    """A channel of which nothing but this is known any more."""
    return Channel(name=f"PJSIP/{name}-{call}", unique_id=call, linked_id=call, state=6)
