"""REFERs of phones and trunks: who may, when, and whom a number or a Replaces means; then the talk is told.

Everything is judged and reserved in one synchronous step, before the 202 leaves: what was promised cannot be taken back by
another order, nor by the BYE that many phones send right behind their REFER. The number is routed as if that phone had
dialled it; the host in a Refer-To is never called.
"""

from datetime import UTC, datetime

import structlog

from softswitch.call.call import Call
from softswitch.call.conversation import Conversation
from softswitch.call.joining import can_be_taken, far_of, free_to_go, take
from softswitch.call.leg import Leg
from softswitch.call.opening import opening
from softswitch.call.orders import JoinOrdered, ParkOrdered, ReferOrdered
from softswitch.call.parking import reserve
from softswitch.call.rights import may_steer
from softswitch.call.room import Room
from softswitch.call.routing import Asked, Routed, route
from softswitch.call.services import Services
from softswitch.ids import LegId
from softswitch.sip.refer_server import Refer
from softswitch.sip.replaces import Replaces

_log = structlog.get_logger(__name__)


class Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Refers:
    def __init__(self, services: Services, room: Room) -> None:
        self._services = services
        self._room = room

    def receive(self, leg: Leg, refer: Refer) -> None:
        """Accept and pass on, or refuse."""
        try:
            replaces = refer.asked.to.replaces
            if replaces is None:
                self._blind(leg, refer)
            else:
                self._attended(leg, refer, replaces)
        except Refused as refused:
            refer.refuse(refused.status)
            _log.info("REFER refused", leg=leg.id, party=leg.party, status=refused.status, why=str(refused))

    def _blind(self, leg: Leg, refer: Refer) -> None:
        conversation = self._ready(self._call_of(leg.id), leg)
        number = refer.asked.to.uri.number
        found = self._routed(conversation, leg, number)
        if found is None:
            raise Refused(404, "the number leads nowhere")
        if (
            found.feature == "park"
            and not found.argument
            and (place := reserve(self._room, conversation.call))
        ):
            self._promise(conversation, leg, refer)
            conversation.call.post(ParkOrdered(by=leg.id, place=place))
            return
        if found.feature or found.target.kind == "hangup":
            raise Refused(403, "nobody can be put through there")
        self._promise(conversation, leg, refer)
        dialled = found.dialled or number
        conversation.call.post(ReferOrdered(target=found.target, by=leg.id, dialled=dialled))

    def _attended(self, leg: Leg, refer: Refer, replaces: Replaces) -> None:
        session = self._services.sip.session(replaces.call_id, replaces.to_tag)
        if session is None or session.dialog is None or not replaces.names(session.dialog):
            raise Refused(481, "no such dialog to replace")
        here, there = self._call_of(leg.id), self._call_of(session.leg)
        other = there.legs.get(session.leg)
        if other is None or other.party != leg.party:
            raise Refused(403, "the dialog to replace is somebody else's")
        if replaces.early_only and not session.dialog.state.early:
            raise Refused(486, "the dialog to replace is no longer early")
        if here is there:
            raise Refused(603, "both dialogs belong to one call")
        sides = [(here, leg), (there, other)]
        sides.sort(key=self._keeps, reverse=True)
        (call, by), (ending, its) = sides
        conversation = self._ready(call, by)
        if not can_be_taken(self._room, ending, its.id):
            raise Refused(603, "the other call has nobody to be put through to")
        number = conversation.call.ani if by is conversation.other else conversation.other.party
        self._promise(conversation, by, refer)
        taken = take(self._room, call, ending, its.id, number)
        call.post(JoinOrdered(by=by.id, taken=taken, ending=ending))

    def _call_of(self, leg: LegId) -> Call:
        line = self._services.lines.line(leg)
        call = self._room.calls.get(line.call) if line is not None else None
        if call is None or call.over is not None:
            raise Refused(481, "the leg belongs to no call")
        return call

    def _keeps(self, side: tuple[Call, Leg]) -> tuple[bool, bool, bool, bool, float]:
        """Which of two calls goes on: one in which this phone may put the far side through (not one in which a queue serves
        it), one that talks, one of a queue, one from outside, the older one."""
        call, leg = side
        conversation = self._room.talks.get(call.id)
        talks = conversation is not None
        may = conversation is not None and self._may(conversation, leg)
        figures = call.figures
        return may, talks, figures.queue is not None, call.identity.kind == "trunk", -figures.started

    def _ready(self, call: Call, leg: Leg) -> Conversation:
        """Its talk, in which this leg may put the far side through now."""
        conversation = self._room.talks.get(call.id)
        if conversation is None or far_of(conversation, leg.id) is None:
            raise Refused(603, "nobody talks there who could be put through")
        if not self._may(conversation, leg):
            raise Refused(403, "may not put anybody through")
        if call.referral is not None or not free_to_go(conversation):
            raise Refused(491, "somebody is being consulted or put through")
        return conversation

    def _may(self, conversation: Conversation, leg: Leg) -> bool:
        kind, _, name = leg.party.partition(":")
        if kind == "trunk":
            trunk = self._services.config.trunk.get(name)
            return trunk is not None and trunk.transfers and conversation.stage.agent is None
        queue = self._services.config.queue.get(conversation.stage.queue or "")
        serving = leg is conversation.serving or (queue is not None and queue.caller_transfers)
        return may_steer(leg.party, served=conversation.stage.agent is not None, serving=serving)

    def _promise(self, conversation: Conversation, leg: Leg, refer: Refer) -> None:
        call = conversation.call
        conversation.promised = True
        conversation.turn_to(leg)
        call.referral = refer
        refer.accept()
        call.log.info(
            "REFER accepted", by=leg.party, to=refer.asked.to.uri.user, referred_by=refer.asked.referred_by
        )

    def _routed(self, conversation: Conversation, leg: Leg, number: str) -> Routed | None:
        services = self._services
        kind, _, name = leg.party.partition(":")
        now = datetime.fromtimestamp(services.clock.wall(), tz=UTC)
        ani = name if kind == "endpoint" else conversation.call.ani
        asked = Asked(number=number, ani=ani, kind=kind, name=name)
        return route(services.config, asked, opening(services.calendars, now).open)
