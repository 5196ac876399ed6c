"""Queues, agents and places of parked calls as dialogs (RFC 4235), so that a lamp of any phone shows them.

A queue is `early` while callers wait, with their number as its display name. An agent is `early` while his phone rings for
a queue, `confirmed` while he cannot be given a call (talking, in wrap-up, paused), and has no dialog while he is free or
logged out; what of it holds, presence says. A place is `confirmed` while somebody is parked there.
"""

from collections.abc import Iterator
from typing import Literal

from softswitch.acd.engine import Engine
from softswitch.acd.values import AgentState
from softswitch.ids import AgentId, QueueName
from softswitch.sip.dialog_info import WatchedDialog, item
from softswitch.sip.resource_state import Item

ONE = "1"
"""A queue or an agent has one dialog."""
Items = Iterator[tuple[str, Item]]
_LAMP: dict[AgentState, Literal["early", "confirmed"]] = {
    AgentState.RINGING: "early",
    AgentState.TALKING: "confirmed",
    AgentState.OCCUPIED: "confirmed",
    AgentState.WRAP_UP: "confirmed",
    AgentState.PAUSED: "confirmed",
}


class WatchedCentre:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._parked: dict[str, str] = {}
        """Place to the number of who is parked there."""

    def parked(self, place: str, ani: str | None) -> None:
        """Somebody is parked there, or nobody any more."""
        if ani is None:
            self._parked.pop(place, None)
        else:
            self._parked[place] = ani

    def place(self, name: str) -> Items:
        if name in self._parked:
            yield ONE, self._place_item(name, over=False)

    def place_free(self, name: str) -> Item:
        return self._place_item(name, over=True)

    def _place_item(self, name: str, *, over: bool) -> Item:
        return item(
            WatchedDialog(
                id=f"park-{name}",
                state="terminated" if over else "confirmed",
                user=f"park-{name}",
                direction="recipient",
                remote=self._parked.get(name, ""),
            )
        )

    def queue(self, name: str) -> Items:
        waiting = self._engine.waiting(QueueName(name))
        if waiting:
            yield ONE, self._queue_item(name, f"{waiting} waiting", over=False)

    def queue_empty(self, name: str) -> Item:
        return self._queue_item(name, "", over=True)

    def _queue_item(self, name: str, display: str, *, over: bool) -> Item:
        return item(
            WatchedDialog(
                id=f"queue-{name}",
                state="terminated" if over else "early",
                user=f"queue-{name}",
                direction="recipient",
                display=display,
            )
        )

    def agent(self, name: str, now: float) -> Items:
        view = self._engine.agent_view(AgentId(name), now)
        lamp = _LAMP.get(view.state)
        if lamp is not None:
            yield ONE, item(WatchedDialog(id=f"agent-{name}", state=lamp, user=f"agent-{name}"))

    def agent_free(self, name: str) -> Item:
        return item(WatchedDialog(id=f"agent-{name}", state="terminated", user=f"agent-{name}"))
