"""What the last run left: calls that a crash cut off get their CDR, recordings their length, phones and agents their
state.
"""

import structlog

from softswitch.app.parts import Parts, binding_of

_log = structlog.get_logger(__name__)


async def recover(parts: Parts) -> None:
    closed = await parts.store.close_unfinished()
    if closed.calls:
        _log.warning(
            "calls cut off by a crash were closed", calls=len(closed.calls), recordings=len(closed.recordings)
        )
    for row in closed.recordings:
        repaired = parts.services.files.repair(row)
        parts.store.recording(repaired)
    bindings = []
    for registration in await parts.store.registrations():
        try:
            bindings.append(binding_of(registration))
        except ValueError as error:
            _log.warning(
                "a stored registration is damaged", endpoint=registration.endpoint, problem=str(error)
            )
    parts.sip.restore(bindings)
    parts.dispatcher.desk.start(await parts.store.agents())
    if bindings:
        _log.info("registrations restored", contacts=len(bindings))
