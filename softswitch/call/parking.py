"""Parked calls: numbered places where callers hear music until somebody dials the place, or their time is up.

A place is reserved in the step that decides to park, so no two calls get one. Whoever dials it is answered first and then
becomes the other party; after `parking.timeout_s` the caller rings at the phone that parked him.
"""

from softswitch.call.call import Call, loop_time
from softswitch.call.events import CallEvent
from softswitch.call.orders import PickedUp, PickupOrdered
from softswitch.call.pickup import NOTHING_RINGS, handed_over, picked_up
from softswitch.call.room import Room
from softswitch.call.stages import Dial, End, Park, Retrieve, Stage
from softswitch.call.termination import By, Cause, Termination
from softswitch.config.target import Target
from softswitch.facts import CallParked, CallUnparked

NOBODY_CAME = Termination(By.SWITCH, Cause.NO_ANSWER, 480)


def reserve(room: Room, call: Call) -> int:
    """The lowest free place, which is this call's from now on; 0: all are taken."""
    for place in range(1, call.services.config.parking.places + 1):
        if place not in room.parked:
            room.parked[place] = call
            clock = call.services.clock
            call.services.bus.publish(
                CallParked(
                    call=call.id, place=place, ani=call.ani, wall=clock.wall(), monotonic=clock.monotonic()
                )
            )
            return place
    return 0


def free(room: Room, call: Call) -> None:
    """The call is parked no more."""
    for place in [place for place, there in room.parked.items() if there is call]:
        del room.parked[place]
        clock = call.services.clock
        call.services.bus.publish(
            CallUnparked(call=call.id, place=place, wall=clock.wall(), monotonic=clock.monotonic())
        )


async def park(room: Room, call: Call, stage: Park) -> Stage:
    settings = call.services.config.parking
    call.figures.labels["parked"] = str(stage.place)
    call.caller.music(settings.music)
    deadline = loop_time() + settings.timeout_s
    try:
        event = await _until_wanted(call, deadline)
    finally:
        free(room, call)
        call.caller.music(None)
    if isinstance(event, PickupOrdered):
        target = Target("extension", event.extension)
        return Dial(target=target, dialled=event.extension, record=stage.record, again=stage.again)
    if event is not None:
        return await picked_up(room, call, event, record=stage.record)
    call.log.info("parked too long", place=stage.place, by=stage.by)
    if stage.by in call.config.endpoint:
        target = Target("extension", stage.by)
        return Dial(target=target, dialled=stage.by, record=stage.record, again=stage.again)
    return stage.again or End(termination=NOBODY_CAME)


async def _until_wanted(call: Call, deadline: float) -> PickedUp | PickupOrdered | None:
    while True:
        try:
            event: CallEvent = await call.next(deadline)
        except TimeoutError:
            return None
        if isinstance(event, PickupOrdered) or (isinstance(event, PickedUp) and event.by.over is None):
            return event


async def retrieve(room: Room, call: Call, stage: Retrieve) -> Stage:
    found = room.parked.get(stage.place)
    if found is None or found.stage != "park":
        return End(termination=NOTHING_RINGS)
    call.figures.destination = f"park:{stage.place}"
    return await handed_over(call, found, PickedUp(call))
