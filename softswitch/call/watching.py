"""Turns what happens in the switch into the states that phones watch: busy lamps, presence, messages, registrations.

Owns the answers to who may watch what and what is so now; the notifier of `sip/` owns the subscriptions. Facts come by the
bus, and lines are asked for changes only while somebody watches a phone: a switch without lamps pays for one look at a
flag. Nothing here is waited for by a call.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from softswitch.acd.engine import Engine
from softswitch.acd.values import AgentState
from softswitch.bus import Handlers
from softswitch.call.boxes import Boxes
from softswitch.call.call import Call
from softswitch.call.lines import Line, LineChange
from softswitch.call.services import Services
from softswitch.call.watch_centre import ONE, WatchedCentre
from softswitch.call.watch_lines import WatchedLines
from softswitch.call.watch_presence import WatchedPresence
from softswitch.call.watch_registrations import WatchedRegistrations
from softswitch.call.watch_rights import watched_by
from softswitch.facts import (
    AgentStateChanged,
    AgentStatusChanged,
    CallerLeftQueue,
    CallParked,
    CallQueued,
    CallUnparked,
    Fact,
    MessagesChanged,
    RegistrationChanged,
)
from softswitch.ids import CallId
from softswitch.sip import message_summary
from softswitch.sip.directory import Grant
from softswitch.sip.identity import Identity
from softswitch.sip.notifier import Notifier
from softswitch.sip.resource_state import Item, ResourceKey, ResourceState

Items = Iterable[tuple[str, Item]]


class Watching:
    """A `sip.directory.Directory`."""

    def __init__(
        self,
        services: Services,
        engine: Engine,
        notifier: Notifier,
        calls: Mapping[CallId, Call],
        boxes: Boxes,
    ) -> None:
        self._services = services
        self._notifier = notifier
        self._boxes = boxes
        self._lines = WatchedLines(services, calls)
        self._centre = WatchedCentre(engine)
        self._presence = WatchedPresence(services, engine)
        self._registrations = WatchedRegistrations(services, notifier)
        self._kinds: Counter[tuple[str, str]] = Counter()
        """What is watched now, by package and kind."""
        self._queues: set[str] = set()
        """Queues whose lamps somebody watches."""
        self._sources: Mapping[tuple[str, str], Callable[[str], Items]] = {
            ("dialog", "endpoint"): self._lines.items,
            ("dialog", "queue"): self._centre.queue,
            ("dialog", "agent"): lambda name: self._centre.agent(name, services.clock.monotonic()),
            ("dialog", "park"): self._centre.place,
            ("presence", "endpoint"): self._presence.phone,
            ("presence", "agent"): lambda name: self._presence.agent(name, services.clock.monotonic()),
            ("reg", "endpoint"): self._registrations.items,
            ("message-summary", "box"): self._box,
        }
        while_watched: Handlers = {
            CallQueued: self._queue_changed,
            CallerLeftQueue: self._queue_changed,
            AgentStateChanged: self._agent_state,
            AgentStatusChanged: self._agent_changed,
            RegistrationChanged: self._registered,
            MessagesChanged: self._messages,
        }
        notifier.directory = self
        services.bus.subscribe(
            {kind: self._while_watched(handler) for kind, handler in while_watched.items()}
        )
        services.bus.subscribe({CallParked: self._parked, CallUnparked: self._parked})

    # --- Directory ----------------------------------------------------------------------------------------------------

    def grant(self, package: str, user: str, identity: Identity) -> Grant:
        watched = watched_by(self._services.config, package, user, identity)
        if (package, watched.kind) not in self._sources:
            raise watched.unknown()
        return Grant(resource=ResourceKey(package, str(watched)), detailed=watched.parties)

    def fill(self, resource: ResourceKey, state: ResourceState) -> None:
        kind, _, name = resource.name.partition(":")
        for key, item in self._sources[resource.package, kind](name):
            state.put(key, item)

    def watching(self, resource: ResourceKey, on: bool) -> None:
        kind, _, name = resource.name.partition(":")
        self._kinds[resource.package, kind] += 1 if on else -1
        if kind == "queue":
            (self._queues.add if on else self._queues.discard)(name)
        lamps = self._kinds["dialog", "endpoint"] + self._kinds["presence", "endpoint"]
        self._services.lines.on_change = self._line_changed if lamps else None

    # --- what happens ---------------------------------------------------------------------------------------------------

    def _while_watched(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        def hear(fact: Fact) -> None:
            if self._notifier.watched_any:
                handler(fact)

        return hear

    def _line_changed(self, line: Line, change: LineChange) -> None:
        kind, _, name = line.party.partition(":")
        if kind != "endpoint":
            return
        dialogs = ResourceKey("dialog", line.party)
        if self._notifier.state(dialogs) is not None:
            over = change == "free"
            tell = self._notifier.end if over else self._notifier.put
            tell(dialogs, line.leg, self._lines.item(line, over=over))
        self._refill("presence", "endpoint", name)

    def _refill(self, package: str, kind: str, name: str) -> bool:
        """What is always there: put what it is now. False when nobody watches it, or nothing is going on."""
        resource = ResourceKey(package, f"{kind}:{name}")
        if self._notifier.state(resource) is None:
            return True
        found = False
        for key, item in self._sources[package, kind](name):
            self._notifier.put(resource, key, item)
            found = True
        return found

    def _parked(self, fact: CallParked | CallUnparked) -> None:
        """Also while nobody watches: who is parked is known from these facts alone."""
        place = str(fact.place)
        self._centre.parked(place, fact.ani if isinstance(fact, CallParked) else None)
        if not self._refill("dialog", "park", place):
            self._notifier.end(ResourceKey("dialog", f"park:{place}"), ONE, self._centre.place_free(place))

    def _queue_changed(self, fact: CallQueued | CallerLeftQueue) -> None:
        self._queue(fact.queue)

    def _queue(self, name: str) -> None:
        if not self._refill("dialog", "queue", name):
            self._notifier.end(ResourceKey("dialog", f"queue:{name}"), ONE, self._centre.queue_empty(name))

    def _agent_state(self, fact: AgentStateChanged) -> None:
        self._agent_changed(fact)
        if fact.old == AgentState.TALKING:
            for queue in self._queues:
                # A caller whose agent hung up before they could talk waits on, and no fact of its own says so.
                self._queue(queue)

    def _agent_changed(self, fact: AgentStateChanged | AgentStatusChanged) -> None:
        name = fact.agent
        if name not in self._services.config.agent:
            return
        if not self._refill("dialog", "agent", name):
            self._notifier.end(ResourceKey("dialog", f"agent:{name}"), ONE, self._centre.agent_free(name))
        self._refill("presence", "agent", name)

    def _registered(self, fact: RegistrationChanged) -> None:
        self._registrations.changed(fact)
        if fact.event != "refreshed":
            self._refill("presence", "endpoint", fact.endpoint)

    def _messages(self, fact: MessagesChanged) -> None:
        self._refill("message-summary", "box", fact.box)

    def _box(self, name: str) -> Items:
        yield ONE, message_summary.item(*self._boxes.count(name))
