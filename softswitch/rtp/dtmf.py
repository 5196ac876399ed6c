"""Telephone-events (RFC 4733): telling pressed keys from received packets, and making the packets of keys we send.

A key is told at the first packet of its event, so a lost end loses nothing; every packet with the same timestamp is the
same event. Events that are no DTMF key are not told. Sent keys are `TONE_MS` long with `PAUSE_MS` between them, the
end three times (section 2.5.1.4).
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

DIGITS: Final = "0123456789*#ABCD"
"""Event codes 0 to 15 (section 3.2)."""
PAYLOAD_BYTES: Final = 4
MAX_SILENT_DBM0: Final = 55
"""Quieter events than -55 dBm0 are no key (section 2.3.5 and the norms it names)."""
SEGMENT: Final = 0xFFFF
"""Longest duration of one segment; a longer event goes on with a new timestamp (section 2.5.1.3)."""
STEP: Final = 160
"""Samples between packets of ours."""
TONE_MS: Final = 100
PAUSE_MS: Final = 80
VOLUME: Final = 10
"""-10 dBm0."""
_REMEMBERED: Final = 8
_END: Final = 0x80
_SAMPLES_PER_MS: Final = 8


@dataclass(frozen=True, slots=True)
class EventPayload:
    event: int
    end: bool
    volume: int
    """Power level, as dBm0 below zero."""
    duration: int
    """Samples since the timestamp."""

    @classmethod
    def parse(cls, payload: bytes) -> "EventPayload | None":
        """None when it is too short. A payload with several events is read for its first."""
        if len(payload) < PAYLOAD_BYTES:
            return None
        return cls(payload[0], bool(payload[1] & _END), payload[1] & 0x3F, payload[2] << 8 | payload[3])

    def serialize(self) -> bytes:
        return bytes((self.event, (_END if self.end else 0) | self.volume)) + self.duration.to_bytes(2)


class EventReceiver:
    """The telephone-events of one leg."""

    def __init__(self) -> None:
        self._begun: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        """SSRC and timestamp of the events told already, newest last."""
        self._event = -1
        self._ended = True

    def packet(self, ssrc: int, timestamp: int, payload: bytes) -> str | None:
        """The key, once for each event; None for everything else."""
        event = EventPayload.parse(payload)
        if event is None or event.event >= len(DIGITS) or event.volume > MAX_SILENT_DBM0:
            return None
        begun = (ssrc, timestamp)
        if begun in self._begun:
            if begun == self._begun[-1]:
                self._ended = self._ended or event.end
            return None
        before = self._begun[-1] if self._begun else None
        goes_on = (
            not self._ended
            and event.event == self._event
            and before == (ssrc, (timestamp - SEGMENT) & 0xFFFF_FFFF)
        )
        self._begun.append(begun)
        self._event, self._ended = event.event, event.end
        return None if goes_on else DIGITS[event.event]


@dataclass(frozen=True, slots=True)
class EventPacket:
    payload: bytes
    first: bool
    """First of its event: carries the marker and sets the timestamp of all."""
    duration: int


class EventSender:
    """Makes one packet, or none in a pause, for every 20 ms while keys are sent."""

    def __init__(self, digits: str) -> None:
        self._steps: deque[EventPacket | None] = deque()
        self.add(digits)

    def add(self, digits: str) -> None:
        """More keys behind those that wait; characters that are no key are left out."""
        for digit in digits.upper():
            if digit in DIGITS:
                self._steps.extend(_event(DIGITS.index(digit)))

    @property
    def done(self) -> bool:
        return not self._steps

    def next(self) -> EventPacket | None:
        return self._steps.popleft()


def _event(code: int) -> list[EventPacket | None]:
    total = TONE_MS * _SAMPLES_PER_MS
    durations = range(STEP, total, STEP)
    packets: list[EventPacket | None] = [
        EventPacket(EventPayload(code, False, VOLUME, duration).serialize(), duration == STEP, duration)
        for duration in durations
    ]
    end = EventPacket(EventPayload(code, True, VOLUME, total).serialize(), False, total)
    return packets + [end] * 3 + [None] * (PAUSE_MS * _SAMPLES_PER_MS // STEP)
