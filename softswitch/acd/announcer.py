"""When a waiting caller is told his position and expected wait.

First after `announce_first_s`, then every `announce_frequency`, and as soon as his position has changed, but never
sooner than 15 s after the last time. Positions are not watched caller by caller: one who was told 15 s ago or longer is
`ripe`, and a move in his queue looks at the ripe ones only, outside of the event that moved them, some at a time.
"""

from softswitch.acd.callers import Caller
from softswitch.acd.estimate import Estimator, range_of
from softswitch.acd.queues import QueueRecord
from softswitch.acd.timers import Timers
from softswitch.acd.values import Announce, Decision

LEAST_PAUSE_S = 15.0
_AT_ONCE = 100
"""Announcements made in one go when a long line moves; the rest follow after `_GO_ON_S`."""
_GO_ON_S = 0.05


class Announcer:
    def __init__(self, timers: Timers, estimator: Estimator) -> None:
        self._timers = timers
        self._estimator = estimator

    def begin(self, caller: Caller, now: float) -> None:
        """Arm the first announcement, if the queue makes any; also after its configuration has changed."""
        if caller.announce is not None:
            self.forget(caller)
        config = caller.queue.config
        if config.announce_frequency <= 0:
            return
        if not (config.announce_position or config.announce_holdtime or config.periodic_announce):
            return
        first = now + config.announce_first_s
        if caller.announced_at is not None:
            first = max(now, caller.announced_at + config.announce_frequency)
        caller.announce = self._timers.at(first, self._due, caller)

    def forget(self, caller: Caller) -> None:
        self._timers.cancel(caller.announce)
        caller.announce = None
        caller.queue.ripe.pop(caller.call, None)

    def moved(self, queue: QueueRecord, position: int, now: float) -> None:
        """Somebody came, went or changed place at `position`: those from there on may have another one now."""
        if queue.moved is None and queue.ripe and position <= len(queue.line):
            queue.moved = self._timers.at(now, self._tell_moved, queue)

    def _due(self, caller: Caller, now: float, out: list[Decision]) -> None:
        frequency = caller.queue.config.announce_frequency
        last = caller.announced_at
        if last is None or now >= last + frequency or self._has_moved(caller):
            self._say(caller, now, out)
        else:
            caller.queue.ripe[caller.call] = caller
            caller.announce = self._timers.at(last + frequency, self._due, caller)

    def _tell_moved(self, queue: QueueRecord, now: float, out: list[Decision]) -> None:
        queue.moved = None
        said = 0
        for caller in list(queue.ripe.values()):
            if not self._has_moved(caller):
                continue
            if said == _AT_ONCE:
                queue.moved = self._timers.at(now + _GO_ON_S, self._tell_moved, queue)
                return
            self._timers.cancel(caller.announce)
            self._say(caller, now, out)
            said += 1

    def _has_moved(self, caller: Caller) -> bool:
        return caller.queue.line.position(caller) != caller.announced_position

    def _say(self, caller: Caller, now: float, out: list[Decision]) -> None:
        queue = caller.queue
        queue.ripe.pop(caller.call, None)
        position = queue.line.position(caller)
        caller.announced_at = now
        caller.announced_position = position
        pause = min(queue.config.announce_frequency, LEAST_PAUSE_S)
        caller.announce = self._timers.at(now + pause, self._due, caller)
        wait = self._estimator.of_caller(caller, now)
        if caller.told is None and wait is not None:
            caller.told, caller.told_at = wait, now
        out.append(
            Announce(
                call=caller.call,
                queue=queue.name,
                position=position,
                waited_s=caller.waited(now),
                wait=range_of(queue, wait),
            )
        )
