"""The ways out of a queue: whoever leaves is out of line, classes and timers in one step."""

from softswitch.acd.announcer import Announcer
from softswitch.acd.callers import Caller
from softswitch.acd.timers import Timers
from softswitch.acd.values import Decision, Overflow
from softswitch.acd.waiting import WaitingRoom


class Departures:
    def __init__(self, room: WaitingRoom, timers: Timers, announcer: Announcer) -> None:
        self._room = room
        self._timers = timers
        self._announcer = announcer

    def leave(self, caller: Caller, now: float, *, served: bool = False, gave_up: bool = False) -> int:
        """Take him out; the position that he had. Counting why is the business of whoever asks."""
        queue = caller.queue
        if caller.counts:
            queue.experience.left(max(0.0, now - caller.joined), gave_up=gave_up)
            if caller.told is not None:
                queue.experience.came_true(caller.told, now - caller.told_at, served=served)
        self._timers.cancel(caller.max_wait)
        if caller.step_timer is not None:
            self._timers.cancel(caller.step_timer)
        if caller.grow is not None:
            self._timers.cancel(caller.grow)
        if caller.wanted:
            self._timers.cancel(caller.tied)
            for agent in caller.wanted:
                agent.bound.pop(caller.call, None)
        if caller.announce is not None:
            self._announcer.forget(caller)
        position = self._room.remove(caller)
        if queue.ripe:
            self._announcer.moved(queue, position, now)
        return position

    def overflow(self, caller: Caller, reason: str, target: str, now: float, out: list[Decision]) -> None:
        """He goes to `target` unserved; nobody rings for him any more."""
        queue = caller.queue
        position = self.leave(caller, now)
        if caller.counts:
            queue.figures.depart(reason)
        out.append(
            Overflow(
                call=caller.call,
                queue=queue.name,
                reason=reason,
                target=target,
                waited_s=caller.waited(now),
                position=position,
            )
        )
