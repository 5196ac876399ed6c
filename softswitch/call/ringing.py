"""Ringing one party, at one address or at several at once: the first to answer wins, the others are cancelled.

One media leg serves all tries (RFC 3261 section 16.7 would fork; here each try is a session of ours). What happens goes to
the owner through `deliver` as one of three values, and after `PartyAnswered` or `PartyFailed` nothing comes any more.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import structlog

from softswitch.call.events import PartyAnswered, PartyEvent, PartyFailed, PartyProgress
from softswitch.call.facing import propose
from softswitch.call.leg import Leg
from softswitch.call.party import Destination
from softswitch.call.services import Services
from softswitch.errors import OurError, PeerError
from softswitch.sip.address import Address
from softswitch.sip.events import Answered, HungUp, Progress, Refused, Reoffered, SessionEvent
from softswitch.sip.extension_rules import ALL, ExtensionRules
from softswitch.sip.history_info import Past
from softswitch.sip.invite_plan import InviteWay
from softswitch.sip.params import NO_PARAMS, Params
from softswitch.sip.privacy import OPEN, Privacy
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.sip.uri import Uri, escape_user
from softswitch.value import value

_log = structlog.get_logger(__name__)

# Of several refusals the one that tells most is passed on (RFC 3261 section 16.7 step 6).
_BEST_FIRST = (600, 603, 604, 606, 486, 488, 480, 404, 403, 408, 503)


ANONYMOUS = Address(Uri(scheme="sip", user="anonymous", host="anonymous.invalid"), display_name="Anonymous")
"""RFC 3323 section 4.1.1.3."""


@value
class Invitation:
    """What the party is shown of the caller; the host is the address by which that party reaches us."""

    number: str
    display_name: str
    max_forwards: int
    asserted: bool = False
    """Also as P-Asserted-Identity (RFC 3325): the party is trusted."""
    caller_id: str = "from"
    """As `trunk.caller_id`."""
    user_phone: bool = False
    """Numbers are marked with `user=phone`."""
    extra: tuple[tuple[str, str], ...] = ()
    """Further headers."""
    privacy: Privacy = OPEN
    """What the caller wants hidden (RFC 3323): only who is trusted is told who he is."""
    past: Past | None = None
    """Where the call has been, for those who may know."""
    referred_by: str = ""
    """User part of who put the caller through (RFC 3892)."""
    extensions: ExtensionRules = ALL
    """Which SIP extensions count with the party."""

    def from_(self, host: str) -> Address:
        if self.privacy.user:
            return ANONYMOUS
        return Address(self._uri(host), display_name=self.display_name)

    def headers(self, host: str, target: Uri) -> tuple[tuple[str, str], ...]:
        """`target` is the Request-URI."""
        fields = [("Max-Forwards", str(self.max_forwards)), *self._identity(host)]
        if self.past is not None:
            history = self.past.history_info(host, target) if self.asserted else ""
            fields += [("History-Info", history)] if history else ()
            fields += [("Diversion", value) for value in self.past.diversion(host)]
        if self.referred_by:
            by = Uri(scheme="sip", user=escape_user(self.referred_by), host=host)
            fields.append(("Referred-By", f"<{by}>"))
        return (*fields, *self.extra)

    def way(self, way: InviteWay) -> InviteWay:
        """How the INVITE goes."""
        if self.extensions is ALL and not self.privacy.headers:
            return way
        user = ANONYMOUS.uri.user if self.privacy.headers else ""
        return replace(way, contact_user=user, extensions=self.extensions)

    def _identity(self, host: str) -> Iterator[tuple[str, str]]:
        hidden = self.privacy.user
        if hidden:
            yield "Privacy", ";".join(self.privacy.left)
        if self.asserted or (self.caller_id == "pai" and not hidden):
            yield "P-Asserted-Identity", f"<{self._uri(host)}>"
        if self.caller_id == "ppi" and not hidden:
            yield "P-Preferred-Identity", f"<{self._uri(host)}>"
        if self.caller_id == "rpid" and (self.asserted or not hidden):
            who = Address(self._uri(host), display_name="" if hidden else self.display_name)
            yield "Remote-Party-ID", f"{who};party=calling;screen=no;privacy={'full' if hidden else 'off'}"

    def _uri(self, host: str) -> Uri:
        params = Params((("user", "phone"),)) if self.user_phone else NO_PARAMS
        return Uri(scheme="sip", user=self.number, host=host, params=params)


class Ringing:
    """One attempt to get one party on the line; `abandon` may be called at any time and any number of times."""

    def __init__(
        self,
        services: Services,
        leg: Leg,
        destinations: tuple[Destination, ...],
        invitation: Invitation,
        deliver: Callable[[PartyEvent], None],
    ) -> None:
        self.leg = leg
        self._services = services
        self._destinations = destinations
        self._invitation = invitation
        self._deliver = deliver
        self._sessions: list[Session | None] = []
        self._refusals: list[Refused] = []
        self._settled = False
        self._forks = 1
        self._task: asyncio.Task[None] | None = None

    @property
    def settled(self) -> bool:
        """Somebody answered, or nobody will."""
        return self._settled

    @property
    def sessions(self) -> Iterator[Session]:
        """Its tries."""
        return (session for session in self._sessions if session is not None)

    def deliver_to(self, deliver: Callable[[PartyEvent], None]) -> None:
        """Another call owns it from now on."""
        self._deliver = deliver

    def start(self, beside: Leg | None, *, soon: bool = False) -> None:
        """At once where nothing has to be waited for: an agent who is free is rung before his last call is cleaned up.
        `soon`: only in the next turn, when it may not be wanted any more."""
        self.leg.on_lost = self._lost
        if soon or not self._begin_at_once(beside):
            self._begin_soon(beside)

    def _begin_at_once(self, beside: Leg | None) -> bool:
        if not self._destinations or (beside is not None and beside.offers_more):
            return False
        try:
            source = self._services.sip.located(self._destinations[0].first_hop)
            if source is None:
                return False
            advertised, _ = self._services.sip.local_address_for(source)
            if not self.leg.open_at_once(advertised, beside):
                return False
            self._invite_all(advertised)
        except (OurError, PeerError) as error:  # whoever starts this is not ready to hear of it
            asyncio.get_running_loop().call_soon(self._cannot, error)
        return True

    def _begin_soon(self, beside: Leg | None) -> None:
        self._task = asyncio.get_running_loop().create_task(
            self._begin(beside), name=f"ring {self.leg.party}"
        )

    async def _begin(self, beside: Leg | None) -> None:
        if not self._destinations:
            self._fail(PartyFailed(self.leg.id, 480, "not registered", local=True))
            return
        try:
            source = await self._services.sip.locate(self._destinations[0].first_hop)
            if source is None:
                raise PeerError("its host name leads nowhere", sip_status=480)
            advertised, _ = self._services.sip.local_address_for(source)
            await self.leg.open(advertised, beside)
            if self._settled:
                self.leg.release()
                return
            if beside is not None and beside.offers_more:
                await propose(beside, self.leg)
                if self._settled:
                    self.leg.release()
                    return
            self._invite_all(advertised)
        except (OurError, PeerError) as error:
            self._cannot(error)

    def _invite_all(self, advertised: str) -> None:
        offer = self.leg.offer()
        for index, destination in enumerate(self._destinations):
            self._sessions.append(None)
            self._sessions[index] = self._invite(index, destination, offer, _in_uri(advertised))
        self._services.agreed(self.leg.id)

    def _lost(self) -> None:
        """Its media is gone, and cannot be had again."""
        self._fail(PartyFailed(self.leg.id, 503, "its media port was lost", local=True))

    def _settle(self) -> None:
        self._settled = True
        self.leg.on_lost = None

    def _cannot(self, error: OurError | PeerError) -> None:
        self._fail(PartyFailed(self.leg.id, error.sip_status, str(error), local=True))

    def _invite(self, index: int, destination: Destination, offer: SessionDescription, host: str) -> Session:
        return self._services.sip.invite(
            leg=self.leg.id,
            destination=destination.where,
            from_=self._invitation.from_(host),
            to=destination.to,
            sdp=offer,
            headers=self._invitation.headers(host, destination.to.uri),
            credentials=destination.credentials,
            way=self._invitation.way(destination.way),
            on_event=lambda event: self._on_event(index, event),
        )

    def _on_event(self, index: int, event: SessionEvent) -> None:
        session = self._sessions[index] if index < len(self._sessions) else None
        if self._settled:
            if session is not None and session is self.leg.session:
                self.leg.on_session_event(event)
            elif isinstance(event, HungUp):
                event.accept()
            elif isinstance(event, Answered) and session is not None:
                session.hangup()  # a 2xx that crossed our CANCEL
            return
        if isinstance(event, Progress):
            if session is not None and session.destination is not None:
                self.leg.signalled_from = session.destination.address
            self._services.lines.ringing(self.leg.id, session)
            if session is not None and session.early is not None and len(session.early) > self._forks:
                self._forks = len(session.early)
                self._services.agreed(self.leg.id)  # a restart has to end them all
            self._deliver(PartyProgress(self.leg.id, event.status, event.sdp))
        elif isinstance(event, Answered):
            self._answered(session, event)
        elif isinstance(event, Reoffered) and session is not None:
            self._offered_early(session, event)
        elif isinstance(event, Refused):
            self._refused(event)

    def _offered_early(self, session: Session, event: Reoffered) -> None:
        """The party's early media changes (RFC 3311)."""
        try:
            if event.sdp is not None:
                session.accept_reoffer(self.leg.take_offer(event.sdp, prefer=self.leg.codec or None))
        except PeerError as error:
            session.refuse_reoffer(error.sip_status)

    def _answered(self, session: Session | None, event: Answered) -> None:
        self.leg.session = session
        try:
            if event.sdp is not None:
                self.leg.take_answer(event.sdp)
            elif self.leg.negotiated is None:
                raise PeerError("the answer has no session description", sip_status=488)
        except PeerError as error:
            self.leg.hang_up()
            self._refused(Refused(status=488, reason=str(error), local=True))
            return
        self._settle()
        self.leg.answered = self._services.clock.wall()
        self.leg.sip_status = 200
        self.leg.reoffering.tell_port(self.leg)
        self._hang_up_others(session)
        self._deliver(PartyAnswered(self.leg.id))

    def _refused(self, event: Refused) -> None:
        if event.local and event.status == 503 and not self.leg.party.startswith("trunk:"):
            # A phone that nobody can connect to is away; of a 503 carriers conclude that we are (RFC 3261 section 16.7).
            event = replace(event, status=480)
        self._refusals.append(event)
        if event.status < 600 and len(self._refusals) < len(self._destinations):
            return
        best = min(self._refusals, key=_rank)
        self._fail(
            PartyFailed(self.leg.id, best.status, best.reason, best.contacts, best.local, best.reason_header)
        )

    def _fail(self, failed: PartyFailed) -> None:
        if self._settled:
            return
        self._settle()
        self._hang_up_others(None)
        self.leg.sip_status = failed.status
        self.leg.release()
        self._deliver(failed)

    def _hang_up_others(self, winner: Session | None) -> None:
        for session in self._sessions:
            if session is not None and session is not winner:
                session.hangup(None, 'SIP;cause=200;text="Call completed elsewhere"' if winner else None)

    def abandon(self, reason: str) -> None:
        """Nobody wants the party any more: cancel every try, and hang up the one that has answered already."""
        self.stop(reason)
        if self.leg.answered is not None:
            self.leg.hang_up(None, reason)
            self.leg.release()

    def stop(self, reason: str | None = None) -> None:
        """Cancel every try; nothing is delivered any more. An answered leg is not touched: it has an owner."""
        if self._settled:
            return
        self._settle()
        for session in self._sessions:
            if session is not None:
                session.hangup(None, reason)
        self.leg.sip_status = self.leg.sip_status or 487
        self.leg.release()


def _rank(refused: Refused) -> tuple[bool, int]:
    """What a phone said goes before what we conclude: a dead one beside one that declines makes nobody unreachable."""
    known = refused.status in _BEST_FIRST
    return refused.local, _BEST_FIRST.index(refused.status) if known else len(_BEST_FIRST)


def _in_uri(address: str) -> str:
    """An IPv6 address stands in brackets (RFC 3261 section 25.1)."""
    return f"[{address}]" if ":" in address else address
