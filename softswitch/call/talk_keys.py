"""What phones press in a talk: feature keys become orders, everything else goes on to the far side where the audio does not
carry it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from softswitch.call.call import Call, loop_time
from softswitch.call.consult import CAN_BE_CONSULTED
from softswitch.call.conversation import Conversation
from softswitch.call.events import DigitHeard, RecordOrdered
from softswitch.call.keys import Begun, FeatureKeys, GivenUp, Pressed
from softswitch.call.leg import Leg
from softswitch.call.opening import opening
from softswitch.call.orders import (
    ConsultOrdered,
    Order,
    ParkOrdered,
    ReturnOrdered,
    ThreeWayOrdered,
    TransferOrdered,
)
from softswitch.call.rights import may_steer
from softswitch.call.room import Room
from softswitch.call.routing import Asked, Routed, route
from softswitch.ids import LegId
from softswitch.rtp.commands import SendDigits

NUMBER_WITHIN_S = 15.0
"""How long a phone has for each key of the number after a transfer's code."""
PRESSED = ("record", "mask", "transfer", "consult", "back", "three_way", "park")


@dataclass(slots=True)
class TalkKeys:
    room: Room
    call: Call
    conversation: Conversation
    number_by: float | None = None
    """The loop's time at which an unfinished number is given up."""
    _of: dict[LegId, FeatureKeys] = field(default_factory=dict)

    def heard(self, event: DigitHeard) -> Order | RecordOrdered | None:
        here, there = self.call.caller, self.conversation.other
        if event.leg == there.id:
            here, there = there, here
        if event.leg != here.id:
            return None
        order = self._feature_key(here, event.digit) if self._may_steer(here) else None
        relayed = event.method == "inband" or (
            event.method == "rfc4733"
            and there.negotiated is not None
            and there.negotiated.event_payload_type is not None
        )
        if not relayed and not self.conversation.aside:
            self.call.services.media.send(SendDigits(leg=there.id, digits=event.digit))
        return order

    def _may_steer(self, leg: Leg) -> bool:
        conversation = self.conversation
        served = conversation.stage.agent is not None
        return may_steer(leg.party, served=served, serving=leg is conversation.serving)

    def give_up(self) -> None:
        """Numbers that were never finished."""
        self.number_by = None
        for keys in self._of.values():
            keys.give_up()

    def _feature_key(self, leg: Leg, digit: str) -> Order | RecordOrdered | None:
        features = self.call.config.features
        if leg.id not in self._of:
            self._of[leg.id] = FeatureKeys({name: getattr(features, name) for name in PRESSED})
        keys = self._of[leg.id]
        if keys.collecting:
            leg.stop_play()
            self.number_by = loop_time() + NUMBER_WITHIN_S
        match keys.press(digit):
            case Begun() if self.conversation.consult is not None:
                keys.give_up()
            case Begun():
                self.number_by = loop_time() + NUMBER_WITHIN_S
                self.conversation.step_aside(leg)
                leg.play(("transfer-number",), self.call.config.general.language)
            case GivenUp():
                self.number_by = None
                self.conversation.come_back()
            case Pressed(feature=feature, number=number):
                return self._order(leg, feature, number)
        return None

    def _order(self, leg: Leg, feature: str, number: str) -> Order | RecordOrdered | None:
        conversation = self.conversation
        consults = leg is conversation.other and conversation.consult is not None
        match feature:
            case "record" if conversation.stage.record == "on-demand":
                return RecordOrdered(not self.room.recordings.is_recording(self.call.id))
            case "mask":
                self.room.recordings.mask(self.call, not self.call.masked)
            case "transfer" | "consult":
                return self._to_number(leg, feature, number)
            case "park" if conversation.consult is None and not conversation.promised:
                return ParkOrdered(by=leg.id)
            case "back" if consults:
                return ReturnOrdered()
            case "three_way" if consults:
                return ThreeWayOrdered()
            case _:
                pass
        return None

    def _to_number(self, leg: Leg, feature: str, number: str) -> Order | None:
        """A number as this phone may dial it; where it leads nowhere the two talk again."""
        self.number_by = None
        found = self._routed(leg, number)
        if found is not None:
            target, dialled = found.target, found.dialled or number
            if feature == "transfer" and target.kind != "hangup":
                return TransferOrdered(target=target, by=leg.id, dialled=dialled)
            if feature == "consult" and target.kind in CAN_BE_CONSULTED:
                return ConsultOrdered(target=target, by=leg.id, dialled=dialled)
        self.call.log.info("cannot be put through", to=number)
        self.conversation.come_back()
        return None

    def _routed(self, leg: Leg, number: str) -> Routed | None:
        services, phone = self.call.services, leg.party.partition(":")[2]
        now = datetime.fromtimestamp(services.clock.wall(), tz=UTC)
        asked = Asked(number=number, ani=phone, kind="endpoint", name=phone)
        found = route(services.config, asked, opening(services.calendars, now).open)
        return None if found is None or found.feature else found
