"""Keeps the places of callers who hung up waiting or were cut off, by what the configuration of their queue says."""

from collections.abc import Iterable

from softswitch.acd.places import Place, Places
from softswitch.call.call import Call
from softswitch.call.services import Services
from softswitch.call.stages import Talk, Wait
from softswitch.call.termination import Cause, Termination
from softswitch.ids import AgentId
from softswitch.store.lost import UNKNOWN

CUT_OFF = frozenset(
    {
        Cause.MEDIA_FAILED,
        Cause.PEER_SILENT,
        Cause.SESSION_EXPIRED,
        Cause.NO_ACK,
        Cause.PEER_FAILED,
        Cause.FAULT,
        Cause.RESTART,
    }
)
"""Ends of a talk that nobody wanted."""


class KeptPlaces:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._places = Places()

    def restore(self, places: Iterable[Place]) -> None:
        for place in places:
            self._places.keep(place)

    def keep(self, call: Call, stage: Wait, agent: AgentId | None = None) -> None:
        if call.ani.lower() in UNKNOWN:
            return
        self._places.keep(
            Place(
                queue=stage.queue,
                number=call.ani,
                entered=stage.entered - stage.waited_s,
                left=self._services.clock.wall(),
                priority=stage.priority,
                agent=agent,
            )
        )

    def cut_off(self, call: Call, termination: Termination) -> None:
        """The call is over; was it a talk of a queue that was cut off?"""
        stage = call.at
        if termination.cause not in CUT_OFF or not isinstance(stage, Talk) or stage.again is None:
            return
        queue = self._services.config.queue.get(stage.again.queue)
        if queue is not None and queue.resume_s > 0:
            self.keep(call, stage.again, stage.agent)

    def take(self, call: Call, stage: Wait) -> Place | None:
        """His place, if he comes soon enough."""
        queue = self._services.config.queue.get(stage.queue)
        if queue is None or queue.resume_s <= 0:
            return None
        return self._places.take(stage.queue, call.ani, self._services.clock.wall(), queue.resume_s)
