"""Whether a trunk answers: OPTIONS from time to time (RFC 3261 section 11), and up or down made of the answers.

Any answer proves life but those that a server gives which cannot serve, or that a proxy gives for a server that does not
answer. No I/O: the endpoint sends what `tick` returns and tells what came back.
"""

from dataclasses import dataclass
from typing import Literal

from softswitch.sip.reason import phrase
from softswitch.sip.uri import Uri

ProbeState = Literal["unknown", "up", "down"]

SIGNS_OF_DEATH = frozenset({408, 502, 503, 504})
ANSWER_WITHIN_S = 5.0
"""Longest wait for an answer; also the pause before the next try while failures are being counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRequest:
    """An OPTIONS to send."""

    uri: Uri
    number: int
    """Repeat it to `response` and `failed`, so that an answer to an earlier probe is known for one."""


class Probe:
    """An unknown trunk counts as up: the first call must not wait for the first answer."""

    def __init__(self, uri: Uri, interval_s: float, failures: int) -> None:
        """`interval_s` 0 never probes. `failures` in a row make it down, one answer makes it up."""
        self.uri = uri
        self.state: ProbeState = "unknown"
        self.reason = ""
        """What the last failure was; empty when it answers."""
        self._interval_s = interval_s
        self._failures_needed = max(failures, 1)
        self._failed = 0
        self._number = 0
        self._pending = False
        self._deadline: float | None = 0.0 if interval_s > 0 else None

    def __repr__(self) -> str:
        return f"<Probe {self.uri} {self.state}>"

    @property
    def is_up(self) -> bool:
        return self.state != "down"

    def next_deadline(self) -> float | None:
        """When `tick` has something to do; None when it never will."""
        return self._deadline

    def tick(self, now: float) -> ProbeRequest | None:
        """What is to be sent now; also notices that an answer is overdue."""
        if self._deadline is None or now < self._deadline:
            return None
        if self._pending:
            self.failed(self._number, "no answer", now)
            return None
        self._number += 1
        self._pending = True
        self._deadline = now + ANSWER_WITHIN_S
        return ProbeRequest(uri=self.uri, number=self._number)

    def response(self, number: int, status: int, now: float) -> None:
        """Take a final response."""
        if number != self._number or not self._pending:
            return
        if status in SIGNS_OF_DEATH:
            self.failed(number, f"{status} {phrase(status)}", now)
            return
        self._pending = False
        self._failed = 0
        self.state, self.reason = "up", ""
        self._deadline = now + self._interval_s

    def failed(self, number: int, reason: str, now: float) -> None:
        """No answer came, or none could be asked for."""
        if number != self._number or not self._pending:
            return
        self._pending = False
        self._failed += 1
        self.reason = reason
        if self._failed >= self._failures_needed:
            self.state = "down"
            self._deadline = now + self._interval_s
        else:
            self._deadline = now + min(self._interval_s, ANSWER_WITHIN_S)
