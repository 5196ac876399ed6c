"""A caller whose place was kept takes it: he was to be called back and calls himself, hung up waiting, or was cut off."""

from dataclasses import replace

from softswitch.call.call import Call
from softswitch.call.room import Room
from softswitch.call.stages import Wait


def resumed(room: Room, call: Call, stage: Wait) -> Wait:
    """The stage at his place, which he is told; the same one when none was kept, or he is in it already."""
    if stage.kept or room.dispatcher.waits(call.id):
        return stage
    wall = call.services.clock.wall()
    known = room.dispatcher.callbacks.taken_over(call, stage.queue)
    if known is not None:
        found = replace(
            stage,
            waited_s=max(stage.waited_s, wall - known.entered),
            priority=max(stage.priority, known.priority),
            skills={**known.skills, **stage.skills},
            preferred={**known.preferred, **stage.preferred},
            agents=stage.agents or known.agents,
            kept=True,
        )
        return _told(call, found, "the callback")
    place = room.dispatcher.places.take(call, stage)
    if place is None:
        return stage
    agents = stage.agents or ((place.agent,) if place.agent is not None else ())
    found = replace(
        stage,
        waited_s=max(stage.waited_s, wall - place.entered),
        priority=max(stage.priority, place.priority),
        agents=agents,
        kept=True,
    )
    return _told(call, found, "the queue")


def _told(call: Call, stage: Wait, why: str) -> Wait:
    call.trail.mark(
        call.services.clock.wall(), "resumed", queue=stage.queue, why=why, waited_s=round(stage.waited_s)
    )
    call.figures.labels["resumed"] = f"{stage.waited_s:.0f} s"
    call.log.info("has his place back", queue=stage.queue, waited_s=round(stage.waited_s))
    call.answer()
    call.caller.play(("place-kept",), call.language)
    return stage
