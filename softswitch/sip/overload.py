"""When there is too much to do: levels of load with hysteresis, and what each of them turns away.

Fed a sample every tenth of a second: how late the loop runs, how full the sockets' receive queues are, how much of one
processor the process took. A processor that is busy is no overload as long as nobody waits, so it counts only together
with lateness. Requests within dialogs are served at every level.
"""

from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

_SMOOTHING = 0.2
_RELEASE = 0.6
"""Of the pressure that raised a level, at which it is left again."""
_HOLD_S = 2.0
_SOONEST_S, _LATEST_S = 5, 15
_SOONEST_REGISTER_S, _LATEST_REGISTER_S = 20, 120


class Load(IntEnum):
    NORMAL = 0
    HIGH = 1
    """New calls get 503; strangers a fifth of what they may send."""
    SEVERE = 2
    """REGISTER gets 503 too; strangers are not heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadLimits:
    lag_s: float = 0.25
    """Lateness of the loop; 0 never counts it."""
    queue: float = 0.5
    """Filling of the receive queues, 0 to 1; 0 never counts it."""
    cpu: float = 0.98
    """Of one processor; 0 never counts it."""


class Overload:
    def __init__(self, limits: OverloadLimits = OverloadLimits()) -> None:
        self.limits = limits
        self.level = Load.NORMAL
        self.pressure = 0.0
        """1 is where new calls are refused, 2 where registrations are."""
        self.refused = 0
        self._changed_at = 0.0

    def sample(self, *, lag_s: float, queue: float, cpu: float, now: float) -> bool:
        """True when the level has changed by this."""
        limits = self.limits
        parts = [lag_s / limits.lag_s if limits.lag_s else 0.0, queue / limits.queue if limits.queue else 0.0]
        if limits.cpu and cpu >= limits.cpu and parts[0] >= 0.5:
            parts.append(1.0 + parts[0])
        self.pressure += _SMOOTHING * (min(max(parts), 4.0) - self.pressure)
        wanted = self._wanted()
        if wanted == self.level or (wanted < self.level and now - self._changed_at < _HOLD_S):
            return False
        self.level, self._changed_at = wanted, now
        return True

    def _wanted(self) -> Load:
        for level in (Load.SEVERE, Load.HIGH):
            threshold = float(level) * (_RELEASE if self.level >= level else 1.0)
            if self.pressure >= threshold:
                return level
        return Load.NORMAL

    def refuses(self, method: str) -> bool:
        """A request outside dialogs of a peer that is let in otherwise."""
        if self.level == Load.NORMAL:
            return False
        refused = method == "INVITE" or (self.level == Load.SEVERE and method in ("REGISTER", "SUBSCRIBE"))
        self.refused += refused
        return refused


def retry_after(method: str, call_id: str) -> int:
    """Seconds, spread by the Call-ID so that those who were refused together do not come back together."""
    if method == "INVITE":
        first, last = _SOONEST_S, _LATEST_S
    else:
        first, last = _SOONEST_REGISTER_S, _LATEST_REGISTER_S
    return first + crc32(call_id.encode("utf-8", "surrogateescape")) % (last - first + 1)
