"""One recording of a call as it grows: who is on which track, and why it is silent now. Plain state, no commands.

Track 0 is the caller. In stereo whoever serves is track 1, or track 0 when it was the caller who put him through; who joins
while both are taken gets a track of his own, which the recorder adds to the last channel. With a track for each party
nobody gets the track of somebody before him as long as there is another.
"""

from dataclasses import dataclass, field

from softswitch.call.call import Call
from softswitch.call.leg import Leg
from softswitch.ids import AgentId, LegId, WorkerId
from softswitch.store.rows import RecordingRow
from softswitch.tap import MOST_TRACKS, RecordingSpec

ORDERED = "ordered"
"""Paused by a key or by somebody in charge."""
BETWEEN = "between"
"""Nobody talks: the caller waits, or is in a flow."""


@dataclass(slots=True)
class Contact:
    row: RecordingRow
    call: Call
    worker: WorkerId | None
    """Whose process writes it; None: that one died, and the call moves to another."""
    spec: RecordingSpec
    kept: bool
    """False: only armed; it has no row and no file yet."""
    parties: dict[int, tuple[LegId, str]] = field(default_factory=dict)
    """Track to leg and name of who is on it now."""
    used: set[int] = field(default_factory=set)
    """Tracks that somebody has had."""
    reasons: set[str] = field(default_factory=set)
    """Why it is paused; empty: it is not."""

    @property
    def by_party(self) -> bool:
        return self.spec.channels > 2

    def track_of(self, leg: LegId) -> int | None:
        return next((track for track, (there, _) in self.parties.items() if there == leg), None)

    def seat(self, leg: LegId, name: str, *, caller: bool = False) -> int | None:
        """The track that this leg gets; None: all are taken."""
        known = self.track_of(leg)
        if known is not None:
            return known
        order = (
            (0,)
            if caller
            else (*range(1, MOST_TRACKS), 0)
            if self.by_party
            else (1, 0, *range(2, MOST_TRACKS))
        )
        vacant = [track for track in order if track not in self.parties]
        fresh = [track for track in vacant if track not in self.used] if self.by_party else []
        track = next(iter(fresh or vacant), None)
        if track is not None:
            self.parties[track] = leg, name
            self.used.add(track)
        return track

    def unseat(self, leg: LegId) -> int | None:
        """The track that is free now; None: he was on none."""
        track = self.track_of(leg)
        if track is not None:
            del self.parties[track]
        return track


def name_of(call: Call, leg: Leg, agent: AgentId | None = None) -> str:
    """Who a party is, for the side file."""
    if leg is call.caller:
        return "caller"
    return f"agent:{agent}" if agent else leg.party
