"""What the last run left: calls that a crash cut off get their CDR, recordings their length, agents their state."""

from dataclasses import replace

import structlog

from softswitch.app.parts import Parts
from softswitch.app.trunking import restore_toll
from softswitch.errors import StorageError
from softswitch.store.rows import RecordingRow

_log = structlog.get_logger(__name__)


async def recover(parts: Parts) -> None:
    closed = await parts.store.close_unfinished()
    for row in closed.recordings:
        mended = repaired(parts, row)
        parts.cut_off.append(mended)
        parts.store.recording(mended)
    if closed.calls:
        _log.warning(
            "calls cut off by a crash were closed", calls=len(closed.calls), recordings=len(closed.recordings)
        )
    await restore_toll(parts)
    parts.dispatcher.desk.start(await parts.store.agents())
    registered = parts.sip.registrations()
    if registered:
        _log.info("registrations restored", contacts=len(registered))


def repaired(parts: Parts, row: RecordingRow) -> RecordingRow:
    """A file that cannot be mended is named in its row; it is no reason not to start."""
    try:
        seconds = parts.services.files.repair(row.path)
    except (OSError, StorageError) as error:
        _log.error("a recording could not be repaired", recording=row.recording, problem=str(error))
        return replace(row, state="crashed", problem=str(error))
    return replace(row, seconds=seconds, state="crashed", bytes=parts.services.files.size(row.path))
