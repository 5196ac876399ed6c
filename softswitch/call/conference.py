"""Conference rooms: who is in each, who hears whom there, lock and mute; a room exists while somebody is in it.

Owns who is a member and what media and recording are told of it; how a caller comes in and what he presses is in
`confer.py`.
"""

from dataclasses import dataclass, field

from softswitch.call.call import Call
from softswitch.call.hearing import Hearing
from softswitch.call.matrix import Member
from softswitch.call.orders import RemovedFromConference
from softswitch.call.recordings import Recordings
from softswitch.call.refusals import NoSuch
from softswitch.call.services import Services
from softswitch.config.features import Conference as Settings
from softswitch.facts import ConferenceJoined, ConferenceLeft
from softswitch.ids import CallId

TONE = ("tone:beep",)


@dataclass(slots=True)
class Seat:
    call: Call
    joined: float
    """Wall."""
    moderator: bool = False
    muted: bool = False
    held: bool = False
    """His phone holds us."""


@dataclass(slots=True, eq=False)
class Conference:
    name: str
    settings: Settings
    services: Services
    recordings: Recordings
    locked: bool = False
    seats: dict[CallId, Seat] = field(default_factory=dict)
    """In the order of coming."""
    hearing: Hearing = field(init=False)
    recorded: Call | None = None
    """In whose call it is recorded."""
    _lonely: Call | None = None
    """Who hears music."""

    def __post_init__(self) -> None:
        self.hearing = Hearing(self.services)

    def __repr__(self) -> str:
        return f"<Conference {self.name} {len(self.seats)} locked={self.locked}>"

    @property
    def full(self) -> bool:
        return len(self.seats) >= self.settings.max_members

    @property
    def anchor(self) -> Call | None:
        """Somebody at whose worker all sit."""
        return next((seat.call for seat in self.seats.values()), None)

    def enter(self, call: Call, *, moderator: bool) -> None:
        self._announce()
        self.seats[call.id] = Seat(call, self.services.clock.wall(), moderator)
        if self.recorded is not None:
            self._recorded_with(self.recorded, call)
        self._arrange()
        self._record()
        self._tell(ConferenceJoined, call)

    def leave(self, call: Call) -> None:
        if self.seats.pop(call.id, None) is None:
            return
        if self.recorded is call:
            self.recordings.stop(call.id)
            self.recorded = None
        elif self.recorded is not None:
            self.recordings.leave(self.recorded, call.caller)
        self._arrange()
        self._announce()
        self._record()
        self._tell(ConferenceLeft, call)

    def mute(self, call: CallId, muted: bool) -> Seat:
        seat = self._seat(call)
        seat.muted = muted
        self._arrange()
        return seat

    def hold(self, call: CallId, held: bool) -> None:
        self._seat(call).held = held
        self._arrange()

    def kick(self, call: CallId) -> Seat:
        """Its call hears why, and ends."""
        seat = self._seat(call)
        seat.call.post(RemovedFromConference())
        return seat

    def _seat(self, call: CallId) -> Seat:
        if call not in self.seats:
            raise NoSuch(
                f"call {call} is not in conference {self.name}",
                hint=f"`softswitch conference show {self.name}` lists its members",
            )
        return self.seats[call]

    def _arrange(self) -> None:
        self.hearing.set(
            Member(leg=seat.call.caller.id, muted=seat.muted, away=seat.held) for seat in self.seats.values()
        )
        lonely = self.anchor if len(self.seats) == 1 else None
        if lonely is not self._lonely:
            for call, music in ((self._lonely, None), (lonely, self.settings.music)):
                if call is not None and call.over is None:
                    call.caller.music(music or None)
            self._lonely = lonely

    def _announce(self) -> None:
        """To all who are there."""
        if self.settings.announce and len(self.seats) > 0:
            for seat in self.seats.values():
                seat.call.caller.play(TONE, seat.call.language)

    def _record(self) -> None:
        """A recording belongs to a call. When that member leaves, the next one's takes over, in a file of its own."""
        if self.settings.record != "always" or self.recorded is not None or len(self.seats) < 2:
            return
        host, *others = [seat.call for seat in self.seats.values()]
        started = self.recordings.start(host, (host.caller,))
        if started is None:
            return
        self.recorded = host
        host.figures.recording = started
        self.recordings.mark(host, "conference", self.name)
        for call in others:
            self._recorded_with(host, call)

    def _recorded_with(self, host: Call, call: Call) -> None:
        """A leg is in one recording at most: one of his own, from a talk before, is complete."""
        self.recordings.stop(call.id)
        self.recordings.party(host, call.caller, call.ani)

    def _tell(self, kind: type[ConferenceJoined] | type[ConferenceLeft], call: Call) -> None:
        clock = self.services.clock
        call.log.info(
            "conference", conference=self.name, members=len(self.seats), left=kind is ConferenceLeft
        )
        self.services.bus.publish(
            kind(
                call=call.id,
                conference=self.name,
                members=len(self.seats),
                wall=clock.wall(),
                monotonic=clock.monotonic(),
            )
        )


class Conferences:
    def __init__(self, services: Services, recordings: Recordings) -> None:
        self._services = services
        self._recordings = recordings
        self._live: dict[str, Conference] = {}

    def live(self) -> tuple[Conference, ...]:
        """Those in which somebody is."""
        return tuple(self._live.values())

    def there(self, name: str) -> Conference | None:
        return self._live.get(name)

    def enter(self, name: str, settings: Settings, call: Call, *, moderator: bool) -> Conference:
        conference = self._live.get(name)
        if conference is None:
            conference = self._live[name] = Conference(name, settings, self._services, self._recordings)
        conference.enter(call, moderator=moderator)
        return conference

    def leave(self, conference: Conference, call: Call) -> None:
        conference.leave(call)
        if not conference.seats and self._live.get(conference.name) is conference:
            conference.hearing.end()
            del self._live[conference.name]
