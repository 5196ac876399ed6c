"""Presence of phones and agents (RFC 3856): can he be called, and what keeps him."""

from collections.abc import Iterator

from softswitch.acd.engine import Engine
from softswitch.acd.values import AgentState, AgentView
from softswitch.call.services import Services
from softswitch.ids import AgentId, EndpointName
from softswitch.sip.presence import Activity, Presence, item
from softswitch.sip.resource_state import Item

ONE = "1"
Items = Iterator[tuple[str, Item]]
_ACTIVITY: dict[AgentState, Activity] = {
    AgentState.RINGING: "busy",
    AgentState.TALKING: "on-the-phone",
    AgentState.OCCUPIED: "on-the-phone",
    AgentState.WRAP_UP: "busy",
    AgentState.PAUSED: "away",
}
_CLOSED = (AgentState.OFFLINE, AgentState.UNREACHABLE)


class WatchedPresence:
    def __init__(self, services: Services, engine: Engine) -> None:
        self._services = services
        self._engine = engine

    def phone(self, name: str) -> Items:
        services = self._services
        settings = services.config.endpoint.get(name)
        fixed = settings is not None and bool(settings.contact)
        there = fixed or bool(services.sip.bindings(EndpointName(name)))
        busy = services.lines.busy(f"endpoint:{name}") > 0
        note = "On the phone" if busy else "" if there else "Not registered"
        yield ONE, item(Presence(user=name, open=there, note=note, activity="on-the-phone" if busy else ""))

    def agent(self, name: str, now: float) -> Items:
        view = self._engine.agent_view(AgentId(name), now)
        yield (
            ONE,
            item(
                Presence(
                    user=f"agent-{name}",
                    open=view.state not in _CLOSED,
                    note=_note(view),
                    activity=_ACTIVITY.get(view.state, ""),
                )
            ),
        )


def _note(view: AgentView) -> str:
    words = view.state.value.capitalize()
    paused = view.state is AgentState.PAUSED and view.reason
    return f"{words}: {view.reason}" if paused else words
