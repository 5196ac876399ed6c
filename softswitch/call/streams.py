"""The streams of one leg besides audio: video, text and fax, which this switch passes on between two legs.

Owns their ports at the media worker and what this leg and its peer have agreed on about them: which m-line each has, what
the peer is told of the far side, and whether there is audio beside them (a fax takes its place). Number and order of
m-lines never change (RFC 3264 section 8). Which stream faces which is `facing.py`, how a new offer crosses `crossing.py`.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from softswitch.call.media_address import media_address
from softswitch.call.set_peer import Whereabouts, stream_peer
from softswitch.ids import LegId
from softswitch.rtp.commands import SetPeer
from softswitch.rtp.reports import LegStats
from softswitch.rtp.seating import OpenedLeg
from softswitch.sip.direction import answer_direction
from softswitch.sip.offer_answer import refused
from softswitch.sip.passed_media import PassedMedia, PassedPeer, passed_of, peer_of
from softswitch.sip.sdp import MediaDescription, SessionDescription

if TYPE_CHECKING:
    from softswitch.call.leg import Leg
    from softswitch.call.services import Services

MOST: Final = 4
"""Of one leg at once."""
NOTHING: Final[Mapping[int, MediaDescription]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True, eq=False)
class Stream:
    """One end: this leg's. It is live when both sides of the call want it."""

    id: LegId
    """At the media worker."""
    port: int
    srtp: tuple[str, str]
    """How the two parties encrypt."""
    shown: PassedMedia | None = None
    """What its peer is told: what the far side says."""
    direction: str = "sendrecv"
    """The far side's."""
    said: PassedMedia | None = None
    """What the peer says."""
    theirs: PassedPeer | None = None
    """Where the peer takes it; None: it has not agreed, or refused."""
    far: "Stream | None" = None
    """The other end."""
    joined: bool = False
    """The media worker passes between the two."""
    told: SetPeer | None = None

    @property
    def live(self) -> bool:
        return self.theirs is not None and self.shown is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the m-lines of a leg are."""

    streams: Mapping[int, Stream] = field(default_factory=dict)
    audio: int = 0
    """Where audio is, or comes back to when a fax has its place."""
    speaks: bool = True
    """There is audio."""


AUDIO: Final = Plan()
"""Of most legs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStream:
    id: LegId
    name: str
    stats: LegStats


class Streams:
    def __init__(self, services: "Services", leg: "Leg") -> None:
        self._services = services
        self._leg, self._address = leg.id, leg.address
        lines = leg.described.media if leg.described is not None else ()
        places = [at for at, each in enumerate(lines) if each.kind == "audio"]
        audio = next((at for at in places if lines[at].port), next(iter(places), 0))
        self.plan = Plan(audio=audio)
        """What the next description of ours says."""
        self.agreed = self.plan
        self.past: list[PastStream] = []
        """Those that are over."""
        self._open: dict[LegId, Stream] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Streams {self._leg} {self.plan}>"

    @property
    def live(self) -> list[Stream]:
        return [stream for stream in self.plan.streams.values() if stream.live]

    @property
    def open_ids(self) -> tuple[LegId, ...]:
        return tuple(self._open)

    # --- ports --------------------------------------------------------------------------------------------------------

    async def open(self, srtp: tuple[str, str]) -> Stream:
        """A port pair beside the leg's own. Raises MediaError."""
        services = self._services
        opened = await services.media.open_leg(
            services.new_leg(),
            media_address(services.config.rtp.address, self._address),
            with_leg=self._leg,
            opaque=True,
        )
        stream = Stream(id=opened.leg, port=opened.port, srtp=srtp)
        self._open[stream.id] = stream
        services.legs[stream.id] = services.legs[self._leg]
        return stream

    def take_up(self, stream: Stream, plan: Plan) -> None:
        """One that goes on after a restart, with its place in `plan`."""
        self._open[stream.id] = stream
        self._services.legs[stream.id] = self._services.legs[self._leg]
        self.plan = self.agreed = replace(plan, streams={**self.plan.streams, **plan.streams})

    def moved(self, opened: OpenedLeg) -> None:
        if (stream := self._open.get(opened.leg)) is not None:
            stream.port = opened.port

    async def move(self, beside: "Leg") -> None:
        """Go to another leg's worker. Raises MediaError."""
        for stream in tuple(self._open.values()):
            self.moved(await self._services.media.move_leg(stream.id, beside=beside.id))
            stream.joined = False

    async def close(self) -> None:
        """The leg is over."""
        self.plan = self.agreed = Plan()
        self.tidy()
        if self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    def release(self) -> None:
        """The same, and figures are unwanted."""
        for stream in self._open.values():
            _part(stream)
            self._services.legs.pop(stream.id, None)
            self._services.media.release_leg(stream.id)
        self._open.clear()
        self.plan = self.agreed = Plan()

    def tidy(self) -> None:
        """Give back the ports of streams that are in no plan any more, or that either side has refused."""
        wanted = {stream.id for plan in (self.plan, self.agreed) for stream in plan.streams.values()}
        for stream in [each for each in self._open.values() if each.id not in wanted]:
            del self._open[stream.id]
            self._services.legs.pop(stream.id, None)
            _part(stream)
            task = asyncio.get_running_loop().create_task(self._close(stream))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _close(self, stream: Stream) -> None:
        stats = await self._services.media.close_leg(stream.id)
        if stats is not None and stream.told is not None:
            name = stream.said.name if stream.said is not None else ""
            self.past.append(PastStream(id=stream.id, name=name, stats=stats))

    # --- offer and answer ---------------------------------------------------------------------------------------------

    def lines(
        self, audio: MediaDescription, before: tuple[MediaDescription, ...]
    ) -> tuple[MediaDescription, ...]:
        """The m-lines of an offer, after a description with those of `before`."""
        plan = self.plan
        made: list[MediaDescription] = []
        for at in range(max([len(before), plan.audio + 1, *(index + 1 for index in plan.streams)])):
            stream = plan.streams.get(at)
            if stream is not None and stream.shown is not None:
                made.append(stream.shown.described(stream.port, stream.direction))
            elif at == plan.audio:
                made.append(audio if plan.speaks else refused(audio))
            else:
                made.append(refused(before[at]) if at < len(before) else refused(audio))
        return tuple(made)

    def answers(self, offer: SessionDescription) -> Mapping[int, MediaDescription]:
        """Our answers to those m-lines of an offer that stay, or become, streams; the others end with it."""
        kept: dict[int, Stream] = {}
        made: dict[int, MediaDescription] = {}
        for at, stream in self.plan.streams.items():
            media = offer.media[at] if at < len(offer.media) else None
            said = passed_of(media, stream.srtp) if media is not None else None
            peer = peer_of(offer, media, self._address) if media is not None else None
            shown = stream.shown
            if shown is None:
                kept[at] = stream  # the far side has not answered yet
                continue
            if said is None or peer is None or said.kind != shown.kind:
                continue
            stream.said, stream.theirs = said, peer
            direction = answer_direction(peer.direction, stream.direction)
            kept[at] = stream
            made[at] = replace(shown, protocol=said.protocol).described(stream.port, direction)
        self.plan = replace(self.plan, streams=kept)
        return made

    def answered(self, answer: SessionDescription, whereabouts: Whereabouts) -> None:
        """The peer's answer to an offer of these lines. What it refused stays here: another fork may take it."""
        for at, stream in self.plan.streams.items():
            media = answer.media[at] if at < len(answer.media) else None
            said = passed_of(media, stream.srtp) if media is not None else None
            fits = said is not None and stream.shown is not None and said.kind == stream.shown.kind
            stream.said = said if fits else None
            stream.theirs = peer_of(answer, media, self._address) if fits and media is not None else None
        self.settled(answer, whereabouts)

    def settled(self, description: SessionDescription, whereabouts: Whereabouts) -> None:
        """An offer and its answer are through; `description` is the answer, whoever made it."""
        spoken = [at for at, each in enumerate(description.media) if each.kind == "audio" and each.port]
        audio = next((at for at in spoken if at not in self.plan.streams), None)
        self.plan = replace(
            self.plan, audio=self.plan.audio if audio is None else audio, speaks=audio is not None
        )
        self.agreed = self.plan
        rtp = self._services.config.rtp
        for stream in self.live:
            told = stream_peer(stream.id, stream.said, stream.theirs, stream.direction, rtp, whereabouts)
            if told is not None and told != stream.told:
                stream.told = told
                self._services.media.send(told)
        self.tidy()

    def show(self, streams: Mapping[int, Stream]) -> None:
        """The next description is to have these."""
        self.plan = replace(self.plan, streams=dict(streams))

    def forget_refused(self) -> None:
        """Nobody will take what is not live now."""
        live = {at: stream for at, stream in self.plan.streams.items() if stream.live}
        if len(live) != len(self.plan.streams):
            self.plan = self.agreed = replace(self.plan, streams=live)

    def take_back(self) -> None:
        """Our offer was refused: all is as before."""
        self.plan = self.agreed
        self.tidy()

    def drop(self, streams: Iterable[Stream]) -> None:
        """The next offer does without these; audio is back where a fax had its place."""
        gone = tuple(streams)
        kept = {at: each for at, each in self.plan.streams.items() if each not in gone}
        self.plan = replace(self.plan, streams=kept, speaks=True)


def _part(stream: Stream) -> None:
    """The two ends know each other no more."""
    far, stream.far = stream.far, None
    stream.joined = False
    if far is not None and far.far is stream:
        far.far, far.joined = None, False
