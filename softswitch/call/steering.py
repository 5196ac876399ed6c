"""What people in charge can do with a talk under way: transfer, consult, complete, return, three-way.

Checks that the call, the moment and the target allow it, and says why not; then the call's own task carries it out. The
same functions serve the control API, and whatever SIP asks for.
"""

from collections.abc import Mapping

from softswitch.call.call import Call
from softswitch.call.consult import CAN_BE_CONSULTED
from softswitch.call.conversation import Conversation
from softswitch.call.joining import free_to_go
from softswitch.call.leg import Leg
from softswitch.call.orders import (
    CompleteOrdered,
    ConsultOrdered,
    MoveOrdered,
    ParkOrdered,
    PickupOrdered,
    PriorityOrdered,
    ReturnOrdered,
    ThreeWayOrdered,
    TransferOrdered,
)
from softswitch.call.parking import reserve
from softswitch.call.refusals import NoSuch, NotNow, Unreadable
from softswitch.call.room import Room
from softswitch.call.stages import Wait
from softswitch.config.schema import Config
from softswitch.config.target import Target
from softswitch.ids import CallId, QueueName

SECTIONS = {
    "flow": "flow",
    "queue": "queue",
    "extension": "endpoint",
    "agent": "agent",
    "trunk": "trunk",
    "message": "message",
    "conference": "conference",
    "lcr": "lcr",
}
"""Kind of a target to the section in which its name stands."""
CAN_BE_PICKED_UP = ("dial", "wait", "park")
SIDES = ("", "caller", "callee")
MOST_PRIORITY = 1000
OBSTACLES = {
    "full": "it is full",
    "join empty": "nobody is there who could serve him",
    "empty": "nobody is there who could serve him",
}


class Steering:
    def __init__(self, room: Room, calls: Mapping[CallId, Call]) -> None:
        self._room = room
        self._calls = calls

    def transfer(self, call: str, target: str, by: str = "") -> None:
        """Blind. `by` is who leaves: `caller`, `callee`, or empty for whoever serves."""
        talk = self._talk(call)
        to = self._target(talk, target)
        if to.kind == "hangup":
            raise NotNow("a transfer leads somewhere", hint=f"`softswitch calls hangup {call}` ends the call")
        leg = self._side(talk, by)
        talk.call.post(TransferOrdered(target=to, by=leg.id, dialled=to.argument))

    def park(self, call: str, by: str = "") -> int:
        """Park the far side of `by`; returns the place."""
        talk = self._talk(call)
        if not free_to_go(talk):
            raise NotNow(f"call {call} consults or is being put through")
        leg, place = self._side(talk, by), reserve(self._room, talk.call)
        if not place:
            raise NotNow("every place is taken", hint="raise `parking.places`")
        talk.promised = True
        talk.turn_to(leg)
        talk.call.post(ParkOrdered(by=leg.id, place=place))
        return place

    def pickup(self, call: str, extension: str) -> None:
        """Whoever hears it ring, waits or is parked rings at this phone instead."""
        live = self._live(call)
        if extension not in live.services.config.endpoint:
            raise NoSuch(f"there is no endpoint {extension!r}")
        if live.over is not None or live.stage not in CAN_BE_PICKED_UP:
            raise NotNow(f"call {call} is in stage {live.stage}: nobody is being rung or waited for there")
        live.learn()
        live.post(PickupOrdered(extension))

    def pull(self, call: str, extension: str) -> None:
        """One who waits in a queue rings at this phone, out of turn."""
        self._waiting(call)
        self.pickup(call, extension)

    def move(self, call: str, queue: str) -> None:
        """One who waits goes on waiting in another queue, as old as he is."""
        live, stage = self._waiting(call)
        if queue not in live.services.config.queue:
            raise NoSuch(f"there is no queue {queue!r}", hint="`softswitch queue` lists them")
        if stage.queue == queue:
            raise NotNow(f"call {call} waits in {queue} already")
        obstacle = self._room.dispatcher.engine.obstacle(live.id, QueueName(queue))
        if obstacle:
            raise NotNow(f"call {call} cannot join {queue}: {OBSTACLES[obstacle]}")
        live.learn()
        live.post(MoveOrdered(QueueName(queue)))

    def priority(self, call: str, priority: int) -> None:
        """One who waits goes before or behind others from now on."""
        if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
            raise Unreadable(f"{priority} is no priority", hint=f"-{MOST_PRIORITY} to {MOST_PRIORITY}")
        self._waiting(call)[0].post(PriorityOrdered(priority))

    def _waiting(self, call: str) -> tuple[Call, Wait]:
        live = self._live(call)
        if live.over is not None or not isinstance(live.at, Wait) or not self._room.dispatcher.waits(live.id):
            raise NotNow(
                f"call {call} is in stage {live.stage}: it waits in no queue",
                hint="`softswitch queue show NAME` lists who waits",
            )
        return live, live.at

    def consult(self, call: str, target: str, by: str = "") -> None:
        """Ring `target` for one side while the other hears music."""
        talk = self._talk(call)
        if talk.consult is not None:
            raise NotNow(
                f"call {call} consults {talk.consult.leg.party} already", hint="complete or return first"
            )
        to = self._target(talk, target)
        if to.kind not in CAN_BE_CONSULTED:
            raise NotNow(
                f"{target} is nobody who can be consulted",
                hint="an extension, an agent or a number at a trunk can; transfer there instead",
            )
        talk.call.post(ConsultOrdered(target=to, by=self._side(talk, by).id, dialled=to.argument))

    def complete(self, call: str) -> None:
        """Who consults leaves the other two together."""
        self._consulting(call).call.post(CompleteOrdered())

    def back(self, call: str) -> None:
        self._consulting(call).call.post(ReturnOrdered())

    def three_way(self, call: str) -> None:
        talk = self._consulting(call)
        if talk.third is None:
            raise NotNow(f"whom call {call} consults has not answered yet")
        talk.call.post(ThreeWayOrdered())

    def _live(self, call: str) -> Call:
        live = self._calls.get(CallId(call))
        if live is None:
            raise NoSuch(
                f"no live call is called {call!r}", hint="`softswitch calls` lists them, `cdr show` past ones"
            )
        return live

    def _talk(self, call: str) -> Conversation:
        live = self._live(call)
        talk = self._room.talks.get(live.id)
        if talk is None:
            raise NotNow(
                f"call {call} is in stage {live.stage}: nobody talks", hint="try again once it is bridged"
            )
        if talk.transfer is not None:
            raise NotNow(f"call {call} is being put through to {talk.transfer.number} already")
        return talk

    def _consulting(self, call: str) -> Conversation:
        talk = self._talk(call)
        if talk.consult is None:
            raise NotNow(
                f"call {call} consults nobody", hint=f"`softswitch calls consult {call} TARGET` does"
            )
        return talk

    def _side(self, talk: Conversation, by: str) -> Leg:
        if by not in SIDES:
            raise Unreadable(f"{by!r} is no side of a call", hint="caller or callee")
        return {"caller": talk.call.caller, "callee": talk.other}.get(by, talk.serving)

    def _target(self, talk: Conversation, text: str) -> Target:
        try:
            target = Target.parse(text)
        except ValueError as error:
            raise Unreadable(str(error)) from None
        config: Config = talk.call.services.config
        section = SECTIONS.get(target.kind)
        if section is not None and target.name not in getattr(config, section):
            raise NoSuch(f"there is no {section} {target.name!r}")
        return target
