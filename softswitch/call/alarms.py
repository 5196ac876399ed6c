"""What is wrong now: each alarm by name, raised once, cleared when the cause is gone."""

from dataclasses import dataclass

import structlog

from softswitch.bus import Bus
from softswitch.clock import Clock
from softswitch.facts import AlarmCleared, AlarmRaised

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Alarm:
    name: str
    message: str
    since: float
    """Wall seconds."""


class Alarms:
    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._raised: dict[str, Alarm] = {}

    @property
    def raised(self) -> tuple[Alarm, ...]:
        return tuple(self._raised.values())

    def raise_(self, name: str, message: str) -> None:
        """Again with the same name only updates the message."""
        known = self._raised.get(name)
        since = known.since if known is not None else self._clock.wall()
        self._raised[name] = Alarm(name, message, since)
        if known is None:
            _log.error("alarm", alarm=name, problem=message)
            self._bus.publish(
                AlarmRaised(name=name, message=message, wall=since, monotonic=self._clock.monotonic())
            )

    def clear(self, name: str) -> None:
        if self._raised.pop(name, None) is not None:
            _log.info("alarm cleared", alarm=name)
            self._bus.publish(
                AlarmCleared(name=name, wall=self._clock.wall(), monotonic=self._clock.monotonic())
            )
