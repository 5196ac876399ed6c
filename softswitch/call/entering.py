"""Entering a stage: journalled, so that after a crash of this process the chain can be entered again at its last stage."""

from softswitch.call.call import Call
from softswitch.call.stages import Stage, name_of
from softswitch.facts import StageEntered
from softswitch.store.rows import JournalEntry


def enter(call: Call, stage: Stage) -> None:
    services, name = call.services, name_of(stage)
    now = services.clock.wall()
    call.entered(name, now)
    call.at = stage
    call.trail.entered(now, stage)
    call.log.debug("stage", stage=name)
    if call.recorded:
        services.store.journal(
            JournalEntry(call=call.id, stage=name, arguments=call.at_written(stage)[1], entered=now)
        )
        services.changed(call.id)
    services.bus.publish(
        StageEntered(call=call.id, stage=name, wall=now, monotonic=services.clock.monotonic())
    )
