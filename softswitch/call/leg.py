"""One party of a call: its SIP session, its port at a media worker and what the two agreed on.

Owns offer and answer of this leg (RFC 3264), its SRTP keys, hold as the peer sees it, and the address media goes to.
What the leg can settle by itself (a re-INVITE, a late answer, an INFO digit) never reaches the call; the rest goes to
whoever owns the leg at that moment, through `deliver`: a leg can be released by one owner and adopted by another.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from softswitch.call.crossing import begin_crossing
from softswitch.call.events import CallEvent, DigitHeard, HoldChanged, LegEvent, NothingAgreed
from softswitch.call.leg_sound import LegSound
from softswitch.call.local_media import local_media, offer_of
from softswitch.call.media_address import media_address
from softswitch.call.party import srtp_of
from softswitch.call.reoffering import UNUSABLE, Reoffering
from softswitch.call.services import Services
from softswitch.call.set_peer import Whereabouts, set_peer
from softswitch.call.streams import NOTHING, Streams
from softswitch.errors import PeerError
from softswitch.ids import LegId
from softswitch.rtp.commands import SetPeer
from softswitch.rtp.reports import LegStats
from softswitch.rtp.seating import OpenedLeg
from softswitch.sip import codec_lines
from softswitch.sip.events import (
    Acked,
    InfoReceived,
    Referred,
    ReofferAnswered,
    Reoffered,
    ReofferRefused,
    SessionEvent,
)
from softswitch.sip.offer_answer import (
    Negotiated,
    answer_offer,
    next_version,
    read_answer,
)
from softswitch.sip.sdes import fresh_keys
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.srtp_key import SrtpKey

FORWARDED_OR_QUEUED = (181, 182)

_log = structlog.get_logger(__name__)


def nobody(event: CallEvent) -> None:
    """What a leg says while no call owns it."""


class Leg(LegSound):
    """States show in `repr`; a leg that was never answered has `answered` None."""

    def __init__(
        self,
        services: Services,
        leg: LegId,
        *,
        party: str,
        direction: str,
        codecs: tuple[str, ...],
        latch: bool = False,
    ) -> None:
        super().__init__(services, leg, nobody)
        self.party = party
        self.direction = direction
        self.codecs = codecs
        self.session: Session | None = None
        self.opened: OpenedLeg | None = None
        self.negotiated: Negotiated | None = None
        self.began = services.clock.wall()
        self.answered: float | None = None
        self.sip_status = 0
        self.held = False
        self.stats: LegStats | None = None
        self.latch, self.signalled_from = latch, ""
        self.srtp_policy = srtp_of(services.config, party)
        self.keys: tuple[SrtpKey, ...] = ()
        self.told_early, self.address = False, ""
        self.described: SessionDescription | None = None
        self.offered: SessionDescription | None = None
        self.told: SetPeer | None = None  # what the media worker was told last
        self.on_lost: Callable[[], None] | None = None
        """Hears that its media is lost for good, while it rings."""
        self._closed = False
        self._closing: Awaitable[LegStats | None] | None = None
        self.reoffering = Reoffering()
        self.streams: Streams | None = None
        """Besides audio; None: there were never any."""
        self.facing: Leg | None = None
        """Whom it talks with: its streams go there."""
        self.crossing: asyncio.Task[None] | None = None
        """An offer of its peer, or of the far side's, that both have to answer."""

    def __repr__(self) -> str:
        codec = self.negotiated.codec if self.negotiated else "-"
        return f"<Leg {self.id} {self.direction} {self.party} {codec} status={self.sip_status}>"

    # --- media port -------------------------------------------------------------------------------------------------

    async def open(self, advertised: str, beside: "Leg | None" = None) -> None:
        """Take a port at a worker, beside another leg's; raises MediaError."""
        self.address = advertised
        self._has_port(
            await self._services.media.open_leg(
                self.id, self._bound_to, with_leg=beside.id if beside is not None else None
            )
        )

    def open_at_once(self, advertised: str, beside: "Leg | None" = None) -> bool:
        """The same without waiting for a worker; False: that cannot be now."""
        self.address = advertised
        with_leg = beside.id if beside is not None else None
        opened = self._services.media.open_leg_at_once(self.id, self._bound_to, with_leg=with_leg)
        if opened is not None:
            self._has_port(opened)
        return opened is not None

    @property
    def _bound_to(self) -> str:
        return media_address(self._services.config.rtp.address, self.address)

    def _has_port(self, opened: OpenedLeg) -> None:
        self.opened = opened
        self.begin_quiet()
        self._services.legs[self.id] = self
        self._renew_keys()

    async def move(self, beside: "Leg") -> None:
        """Go to another leg's worker; it leaves its bridge, mix and recording. Raises MediaError."""
        before = self.opened
        opened = await self._services.media.move_leg(self.id, beside=beside.id)
        if self.streams is not None:
            await self.streams.move(beside)
        if opened != before:
            self.moved(opened)

    def moved(self, opened: OpenedLeg) -> None:
        """Its media goes through another port from now on, and the peer is told as soon as it can be. A description that
        has been told before the answer stands until then (RFC 3261 section 13.2.1)."""
        session = self.session
        if opened.leg == self.id:
            self.opened = opened
        elif self.streams is not None:
            self.streams.moved(opened)
        if self.described is None:
            return
        if opened.leg == self.id:
            self._renew_keys()
        if self.direction == "in" and self.answered is None and not self.told_early:
            if session is not None and session.offer is not None:
                self.take_offer(session.offer, prefer=self.codec or None)
            return
        self.reoffering.port_moved(self)

    def _renew_keys(self) -> None:
        """Keys of our own for what comes now: with each port, and when the peer changes its key."""
        if self.srtp_policy != "off":
            self.keys = fresh_keys(self._services.config.rtp.srtp_suites, self._services.entropy)

    @property
    def host(self) -> str:
        """Ours, as this peer is told it, for a URI."""
        return f"[{self.address}]" if ":" in self.address else self.address

    @property
    def codec(self) -> str:
        """Agreed codec, or empty."""
        return self.negotiated.codec if self.negotiated is not None else ""

    @property
    def srtp(self) -> str:
        """Suite that media is encrypted with, empty when it is in clear."""
        key = self.negotiated.key_in if self.negotiated is not None else None
        return key.suite if key is not None else ""

    @property
    def open_to(self) -> tuple[str, ...]:
        """Codecs that a caller offered and may still be given: it has been told none yet."""
        offer = self.session.offer if self.session is not None else None
        if offer is None or self.told_early or self.answered is not None:
            return ()
        offered = [codec.name for media in offer.media for codec in codec_lines.codecs(media).values()]
        return tuple(name for name in dict.fromkeys(offered) if name in self.codecs)

    @property
    def offers_more(self) -> bool:
        """A caller offered more than audio, and has been told nothing yet."""
        offer = self.session.offer if self.session is not None else None
        return offer is not None and len(offer.media) > 1 and not self.told_early and self.answered is None

    def follow(self, codec: str) -> None:
        """Give the caller the other party's codec, where he is open to it: then nothing has to be translated."""
        offer = self.session.offer if self.session is not None else None
        if offer is not None and codec != self.codec and codec in self.open_to:
            self.take_offer(offer, prefer=codec)

    @property
    def secured(self) -> bool:
        """An established session that is encrypted never goes back to clear."""
        return self.answered is not None and bool(self.srtp)

    # --- offer and answer -------------------------------------------------------------------------------------------

    def offer(self) -> SessionDescription:
        """Our offer: the first one, or the next of a running session."""
        before, description = self.described, offer_of(self)
        if before is not None:
            description = next_version(before, description)
        self.described = self.offered = description
        return description

    def take_offer(self, offer: SessionDescription, prefer: str | None = None) -> SessionDescription:
        """Our answer to the peer's offer; media follows it. Raises NotAcceptable (488)."""
        self.heed_nat()
        passed = self.streams.answers(offer) if self.streams is not None else NOTHING
        description, negotiated = answer_offer(
            offer, local_media(self, 0), prefer=prefer, before=self.negotiated, passed=passed
        )
        before = self.negotiated.key_in if self.negotiated is not None else None
        if before is not None and negotiated.key_in != before:
            self._renew_keys()
            description, negotiated = answer_offer(
                offer, local_media(self, 0), prefer=prefer, before=self.negotiated, passed=passed
            )
        if self.described is not None:
            description = next_version(self.described, description)
        self.described = description
        if self.streams is not None:
            self.streams.settled(description, self.whereabouts)
        self._agree(negotiated)
        return description

    def take_answer(self, answer: SessionDescription) -> None:
        """The peer's answer to our latest offer; raises PeerError when it does not fit."""
        if self.offered is None:
            return
        self.heed_nat()
        before = self.negotiated if self.streams is not None else None
        agreed = read_answer(self.offered, answer, secured=self.secured, before=before)
        if self.streams is not None:
            self.streams.answered(answer, self.whereabouts)
        self._agree(agreed)

    def heed_nat(self) -> None:
        """Where the peer's messages come from, and whether its media address will lead nowhere, as far as is known."""
        session = self.session
        if session is not None:
            self.latch = self.latch or session.behind_nat
            self.signalled_from = session.source.address

    @property
    def whereabouts(self) -> Whereabouts:
        return Whereabouts(behind_nat=self.latch, signalled_from=self.signalled_from)

    def _agree(self, negotiated: Negotiated) -> None:
        self.negotiated = negotiated
        told = set_peer(self.id, negotiated, self._services.config.rtp, self.whereabouts)
        if told != self.told:  # a refresh, or the answer again: nothing changes
            self.told = told
            self._services.media.send(told)
            self._services.agreed(self.id)
        if negotiated.held != self.held:
            self.held = negotiated.held
            self.deliver(HoldChanged(self.id, self.held))

    # --- the SIP side -----------------------------------------------------------------------------------------------

    def on_session_event(self, event: SessionEvent) -> None:
        """What a session says: settled here where the call need not know."""
        try:
            if isinstance(event, Reoffered):
                self._reoffered(event)
            elif isinstance(event, Acked):
                self._acked(event)
            elif isinstance(event, ReofferAnswered):
                if event.sdp is not None:
                    self.take_answer(event.sdp)
                self.reoffering.ended(self, 200)
            elif isinstance(event, ReofferRefused):
                _log.info("re-INVITE refused", leg=self.id, status=event.status)
                self.reoffering.ended(self, event.status)
            elif isinstance(event, InfoReceived):
                if event.digit:
                    self.deliver(DigitHeard(self.id, event.digit, "info"))
            elif isinstance(event, Referred):
                self._services.on_refer(self, event.refer)
            else:
                self.deliver(LegEvent(self.id, event))
        except PeerError as error:
            _log.info("a peer's description cannot be used", leg=self.id, problem=str(error))
            if isinstance(event, Reoffered) and self.session is not None:
                self.session.refuse_reoffer(error.sip_status)
            elif isinstance(event, ReofferAnswered):
                self.reoffering.ended(self, UNUSABLE, error.sip_status)

    def _reoffered(self, event: Reoffered) -> None:
        assert self.session is not None
        if event.sdp is None:
            self.session.accept_reoffer(self.offer())
        elif not (self._changes_more(event.sdp) and begin_crossing(self, event.sdp)):
            self.session.accept_reoffer(self.take_offer(event.sdp, prefer=self.codec or None))

    def _changes_more(self, offer: SessionDescription) -> bool:
        """It may be about more than audio."""
        media = offer.media
        return self.streams is not None or len(media) != 1 or media[0].kind != "audio"

    def _acked(self, event: Acked) -> None:
        """The answer to an offer that went out in a 2xx (RFC 3261 section 13.2.1)."""
        try:
            if event.sdp is not None:
                self.take_answer(event.sdp)
            self._services.agreed(self.id)  # else a restart would repeat our 2xx
        finally:
            if self.negotiated is None:
                self.deliver(NothingAgreed(self.id))

    def answer(self) -> None:
        """Answer the caller's INVITE with what was agreed, or with an offer of ours when his had none."""
        assert self.session is not None
        self.session.answer(self.described if self.described is not None else self.offer())
        self.answered = self._services.clock.wall()
        self.sip_status = 200
        self.reoffering.tell_port(self)

    def ring(self, *, early: bool, status: int = 180) -> None:
        """Tell the caller that it rings, or with `status` that it is forwarded or queued (181, 182); `early` with our
        description, so that he hears what comes before the answer."""
        assert self.session is not None
        if self.described is None and self.session.offers_early:
            self.offer()
            early = True
        early = early and self.described is not None
        self.told_early = self.told_early or early
        status = 183 if early else status if status in FORWARDED_OR_QUEUED else 180
        self.session.ring(status, self.described if early else None)
        self._services.lines.ringing(self.id, self.session)

    def hang_up(
        self, status: int | None = None, reason: str | None = None, more: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """BYE, CANCEL or a final response, whichever the session needs; nothing when it is over."""
        if self.session is not None:
            if status is not None and self.answered is None:
                self.sip_status = status
            self.session.hangup(status, reason, more)
            if self.session.bye_waits:
                self._services.leaves(self)

    # --- the end ------------------------------------------------------------------------------------------------------

    def begin_closing(self) -> None:
        """Tell its worker already, where nothing else has to be ended before; `close` is to follow."""
        if self.opened is not None and not self._closed and self.streams is None and self.crossing is None:
            self._closing = self._services.media.close_leg(self.id)

    async def close(self) -> None:
        """Give the port back and keep the figures."""
        if self.opened is not None and not self._closed:
            self._closed = True
            if self.crossing is not None:
                self.crossing.cancel()
                await asyncio.gather(self.crossing, return_exceptions=True)
            if self.streams is not None:
                await self.streams.close()
            self._services.legs.pop(self.id, None)
            self.stats = await (self._closing or self._services.media.close_leg(self.id))

    def release(self) -> None:
        """Give the port back, figures unwanted."""
        if self.opened is not None and not self._closed:
            self._closed = True
            if self.crossing is not None:
                self.crossing.cancel()
            if self.streams is not None:
                self.streams.release()
            self._services.legs.pop(self.id, None)
            self._services.media.release_leg(self.id)
