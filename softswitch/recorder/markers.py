"""What happened in a recording besides sound: marks, and who was on which track from when to when.

Written as the side file `{name}.json`; a recording of which nothing is known but its sound has none.
"""

import json
from dataclasses import asdict, dataclass

from softswitch.ids import RecordingId

MOST_MARKERS = 1000
MOST_PARTIES = 200
LARGEST = 1 << 20
"""Bytes of a side file that is read again."""
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    at_s: float
    """Seconds from the beginning of the file."""
    kind: str
    """`paused`, `resumed`, `masked`, `unmasked`, `continued`, `gap`, `limit` or `failed`, or what the call says: `hold`,
    `resume`, `transfer`, `queued`, `conference` …"""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    track: int
    """0 is the caller. Tracks that the file has no channel for are heard in its last channel."""
    name: str
    from_s: float
    to_s: float | None
    """None: to the end, or it goes on."""


class Markers:
    """Mutable, one for each recording. Times are given in seconds of the recording's clock, whose zero may move later: what
    was heard before an armed recording was kept lies before its beginning."""

    def __init__(self, recording: RecordingId) -> None:
        self._recording = recording
        self._markers: list[Marker] = []
        self._parties: list[Presence] = []
        self.unsaved = False

    def __bool__(self) -> bool:
        return bool(self._markers or self._parties)

    def mark(self, at_s: float, kind: str, text: str = "") -> None:
        if len(self._markers) < MOST_MARKERS:
            self._markers.append(Marker(at_s=at_s, kind=kind, text=text[:_LONGEST_TEXT]))
            self.unsaved = True

    def party(self, track: int, name: str, at_s: float) -> None:
        """Who is on `track` from now on; an empty name is nobody."""
        for index, each in enumerate(self._parties):
            if each.track == track and each.to_s is None:
                self._parties[index] = Presence(track=track, name=each.name, from_s=each.from_s, to_s=at_s)
                self.unsaved = True
        if name and len(self._parties) < MOST_PARTIES:
            name = name[:_LONGEST_TEXT]
            self._parties.append(Presence(track=track, name=name, from_s=at_s, to_s=None))
            self.unsaved = True

    def begin_at(self, zero_s: float) -> None:
        """The file begins here; what was before counts as its first moment when it still holds, else it is forgotten."""
        self._markers = [_moved(marker, zero_s) for marker in self._markers]
        self._parties = [
            Presence(
                track=each.track,
                name=each.name,
                from_s=max(0.0, each.from_s - zero_s),
                to_s=None if each.to_s is None else each.to_s - zero_s,
            )
            for each in self._parties
            if each.to_s is None or each.to_s > zero_s
        ]

    def serialize(self) -> bytes:
        content = {
            "recording": self._recording,
            "markers": [{**asdict(each), "at_s": round(each.at_s, 3)} for each in self._markers],
            "tracks": [
                {
                    **asdict(each),
                    "from_s": round(each.from_s, 3),
                    "to_s": None if each.to_s is None else round(each.to_s, 3),
                }
                for each in self._parties
            ],
        }
        return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"

    def take_over(self, content: bytes, at_s: float) -> None:
        """What a side file said that a dead worker wrote; who was on a track then was so until `at_s`. What is no
        such file is ignored."""
        try:
            said = json.loads(content)
            markers = [
                Marker(at_s=float(m["at_s"]), kind=str(m["kind"]), text=str(m["text"]))
                for m in said["markers"]
            ]
            parties = [
                Presence(
                    track=int(t["track"]),
                    name=str(t["name"]),
                    from_s=float(t["from_s"]),
                    to_s=at_s if t["to_s"] is None else float(t["to_s"]),
                )
                for t in said["tracks"]
            ]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        self._markers = markers[:MOST_MARKERS] + self._markers
        self._parties = parties[:MOST_PARTIES] + self._parties
        self.unsaved = True


def _moved(marker: Marker, zero_s: float) -> Marker:
    return Marker(at_s=max(0.0, marker.at_s - zero_s), kind=marker.kind, text=marker.text)
