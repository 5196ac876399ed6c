"""Which even port a leg gets: at random (RFC 3550 section 11 pairs it with the odd one above) and never soon after use.

Random order keeps an attacker from guessing the next call's port; the quiet time keeps late packets of one call out of
the next.
"""

from collections import deque
from collections.abc import Iterable

from softswitch.rtp.draws import Draws
from softswitch.rtp.portrange import PortRange


class PortAllocator:
    def __init__(self, ports: PortRange, quiet_s: float, entropy: bytes) -> None:
        self._quiet_s = quiet_s
        self._draws = Draws(int.from_bytes(entropy))
        self._free = list(range(ports.first, ports.last, 2))
        self._quiet: deque[tuple[float, int]] = deque()

    def take(self, now: float) -> int | None:
        """A free even port, or None when all are taken or quiet."""
        while self._quiet and self._quiet[0][0] <= now:
            self._free.append(self._quiet.popleft()[1])
        if not self._free:
            return None
        chosen = self._draws.below(len(self._free))
        self._free[chosen], self._free[-1] = self._free[-1], self._free[chosen]
        return self._free.pop()

    def keep_quiet(self, ports: Iterable[int], now: float) -> None:
        """Treat free ones among these as just released."""
        quiet = set(ports).intersection(self._free)
        self._free = [port for port in self._free if port not in quiet]
        for port in quiet:
            self.release(port, now)

    def release(self, port: int, now: float) -> None:
        self._quiet.append((now + self._quiet_s, port))
