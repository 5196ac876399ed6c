"""What the last run left: calls that a crash cut off get their CDR, recordings their length, agents their state."""

from dataclasses import replace

import structlog

from softswitch.app.parts import Parts

_log = structlog.get_logger(__name__)


async def recover(parts: Parts) -> None:
    closed = await parts.store.close_unfinished()
    for row in closed.recordings:
        seconds = parts.services.files.repair(row.path)
        parts.store.recording(replace(row, seconds=seconds, state="crashed"))
    if closed.calls:
        _log.warning(
            "calls cut off by a crash were closed", calls=len(closed.calls), recordings=len(closed.recordings)
        )
    parts.dispatcher.desk.start(await parts.store.agents())
    registered = parts.sip.registrations()
    if registered:
        _log.info("registrations restored", contacts=len(registered))
