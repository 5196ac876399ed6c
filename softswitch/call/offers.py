"""Agents' phones that ring for waiting callers: one `Ringing` for each offer, and one row for each, with its reasons."""

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.acd.values import Offer, OfferResult
from softswitch.call.call import Call
from softswitch.call.desk import Desk
from softswitch.call.events import PartyAnswered, PartyEvent, PartyFailed, PartyProgress
from softswitch.call.invitation import invitation_for
from softswitch.call.leg import Leg
from softswitch.call.lines import Line
from softswitch.call.party import codecs_beside, endpoint_destinations
from softswitch.call.ringing import Ringing
from softswitch.call.services import Services
from softswitch.call.why import why_text
from softswitch.facts import AgentOffered, OfferEnded
from softswitch.ids import CallId, OfferId
from softswitch.store import queue_log
from softswitch.store.rows import OfferRow

_RESULT_OF_STATUS = {
    486: OfferResult.BUSY,
    600: OfferResult.BUSY,
    603: OfferResult.REJECTED,
    403: OfferResult.REJECTED,
    408: OfferResult.NO_ANSWER,
    480: OfferResult.NO_ANSWER,
    487: OfferResult.NO_ANSWER,
}


LOST_RACE = "lost race"
_ANSWERED = OfferResult.ANSWERED.value


@dataclass(slots=True, eq=False)
class Underway:
    offer: Offer
    call: Call
    ringing: Ringing
    began: float
    """Wall."""
    rings: bool = False
    """The phone has said so."""


class Offers:
    """`on_result(offer, result)` hears how each ringing ended, once, unless it was cancelled."""

    def __init__(
        self, services: Services, desk: Desk, on_result: Callable[[OfferId, OfferResult], None]
    ) -> None:
        self._services = services
        self._desk = desk
        self._on_result = on_result
        self._underway: dict[OfferId, Underway] = {}
        self._of_call: dict[CallId, list[Underway]] = {}

    def of_call(self, call: CallId) -> list[Underway]:
        return list(self._of_call.get(call, ()))

    def callers(self) -> frozenset[CallId]:
        """Calls for which phones ring."""
        return frozenset(self._of_call)

    def start(self, offer: Offer, call: Call) -> None:
        services = self._services
        endpoint = self._desk.endpoint_of(offer.agent)
        party = f"endpoint:{endpoint}"
        codecs = codecs_beside(services.config, party, call.caller.codec)
        leg = Leg(services, services.new_leg(), party=party, direction="out", codecs=codecs)
        ringing = Ringing(
            services,
            leg,
            endpoint_destinations(services, services.config, endpoint),
            invitation_for(call, party),
            lambda event: self._on_party(offer.offer, event),
        )
        now = services.clock.wall()
        underway = self._underway[offer.offer] = Underway(offer, call, ringing, now)
        self._of_call.setdefault(offer.call, []).append(underway)
        services.lines.seize(Line(leg.id, call.id, party, queue_call=True))
        services.bus.publish(
            AgentOffered(
                call=offer.call,
                offer=offer.offer,
                queue=offer.queue,
                agent=offer.agent,
                wall=now,
                monotonic=services.clock.monotonic(),
            )
        )
        beside = call.caller if call.caller.opened is not None else None
        leaves = call.over is not None  # with others, each of whom would be rung for in turn
        ringing.start(beside, soon=leaves)

    def _on_party(self, offer: OfferId, event: PartyEvent) -> None:
        underway = self._underway.get(offer)
        if underway is None:
            return
        if isinstance(event, PartyProgress) and not underway.rings:
            underway.rings = True
            self._services.agreed(underway.ringing.leg.id)  # a restart has to know the tag it has now
        elif isinstance(event, PartyAnswered):
            self._on_result(offer, OfferResult.ANSWERED)
        elif isinstance(event, PartyFailed):
            result = _result(event)
            self._end(underway, result.value, event.status)
            self._services.lines.free(underway.ringing.leg.id)
            self._on_result(offer, result)

    def cancel(self, offer: OfferId, reason: str) -> None:
        """The engine wants no more of it; a phone that has answered already is hung up."""
        underway = self._underway.get(offer)
        if underway is None:
            return
        leg = underway.ringing.leg
        underway.ringing.abandon(f'SIP;cause=487;text="{reason}"')
        self._services.lines.free(leg.id)
        known = reason in (OfferResult.NO_ANSWER, LOST_RACE)
        self._end(underway, reason if known else OfferResult.CANCELLED.value, leg.sip_status)

    def underway(self, offer: OfferId) -> Underway | None:
        return self._underway.get(offer)

    def take(self, offer: OfferId) -> tuple[Leg, float]:
        """The phone that answered, and the seconds it rang; the taker owns it."""
        underway = self._underway[offer]
        leg = underway.ringing.leg
        self._services.lines.talking(leg.id)
        self._end(underway, _ANSWERED, 200)
        return leg, self._services.clock.wall() - underway.began

    def _forget(self, underway: Underway) -> None:
        call = underway.offer.call
        del self._underway[underway.offer.offer]
        self._of_call[call].remove(underway)
        if not self._of_call[call]:
            del self._of_call[call]

    def _log(self, offer: Offer, result: str, rang_s: float) -> None:
        """As Asterisk does: a phone that was busy or declined has not answered either."""
        if result == _ANSWERED:
            return
        who = (self._services.clock.wall(), offer.call, offer.queue, offer.agent)
        if result == OfferResult.CANCELLED:
            self._services.queue_log.write(queue_log.ring_cancelled(*who, rang_s=rang_s))
        elif result != LOST_RACE:
            self._services.queue_log.write(queue_log.ring_no_answer(*who, rang_s=rang_s))

    def _end(self, underway: Underway, result: str, status: int) -> None:
        services, offer = self._services, underway.offer
        self._forget(underway)
        now = services.clock.wall()
        self._log(offer, result, now - underway.began)
        services.store.offer(
            OfferRow(
                offer=offer.offer,
                call=offer.call,
                queue=offer.queue,
                agent=offer.agent,
                offered=underway.began,
                ended=now,
                result=result,
                sip_status=status,
                rang_s=now - underway.began,
                why=why_text(offer.why),
            )
        )
        services.bus.publish(
            OfferEnded(
                call=offer.call,
                offer=offer.offer,
                queue=offer.queue,
                agent=offer.agent,
                result=result,
                rang_s=now - underway.began,
                wall=now,
                monotonic=services.clock.monotonic(),
            )
        )


def _result(event: PartyFailed) -> OfferResult:
    if event.local and event.status in (408, 480):
        return OfferResult.UNREACHABLE
    return _RESULT_OF_STATUS.get(event.status, OfferResult.FAILED)
