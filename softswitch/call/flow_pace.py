"""How fast a flow may go on by itself: one that goes round without a wait, for its prompts, texts or lookups fail at once,
must take neither the processor nor the log from all other calls. Pure.
"""

WITHIN_S = 1.0
MOST = 20
"""Inputs within that time that no key brought; a flow that works takes a few."""
REST_S = 1.0


class FlowPace:
    def __init__(self) -> None:
        self._since = 0.0
        self._taken = 0

    def rest(self, now: float) -> float:
        """Seconds to wait before the next input is taken."""
        if now - self._since >= WITHIN_S:
            self._since, self._taken = now, 0
        self._taken += 1
        return REST_S if self._taken > MOST else 0.0
