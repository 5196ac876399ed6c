"""What the last run left: calls go on or get their CDR, recordings get their length, agents their state."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite
from types import MappingProxyType

import structlog

from softswitch.app.parts import Parts
from softswitch.app.trunking import restore_toll
from softswitch.call.farewell import Farewell, is_answered, read_farewell
from softswitch.call.revival import ENTERED_AGAIN, FAILURES, Revived, revive
from softswitch.call.snapshot import CallSnapshot
from softswitch.call.stages import Wait
from softswitch.errors import StorageError
from softswitch.ids import LegId
from softswitch.rtp.adoption import Wanted
from softswitch.store.rows import FarewellRow, RecordingRow

NOTHING: Mapping[str, Farewell] = MappingProxyType({})

_log = structlog.get_logger(__name__)


async def written_down(parts: Parts) -> list[CallSnapshot]:
    """Calls that the last run was in; whoever has waited longest comes first. One that cannot be read is closed."""
    found: list[CallSnapshot] = []
    for row in await parts.store.snapshots():
        try:
            if not is_answered(row.data):
                continue
            found.append(_read(row.data))
        except FAILURES as error:
            _log.error("a call cannot go on: it cannot be read", call=row.call, problem=str(error))
    return sorted(_without_copies(found), key=_age)


def _read(text: str) -> CallSnapshot:
    """Raises what `FAILURES` names, also when it is what all calls are told apart or put in order by that makes no sense:
    one row must not keep the others from going on, nor the switch from starting."""
    snapshot = CallSnapshot.from_json(text)
    hash((snapshot.call, snapshot.media, snapshot.recording_id))
    if not all(map(isfinite, (_age(snapshot), _handing_over_first(snapshot)[1]))):
        raise ValueError("a time that is none")
    return snapshot


def _without_copies(found: list[CallSnapshot]) -> list[CallSnapshot]:
    """A leg that two calls have written down went from one to the other in the last moment, by a transfer or a pickup: the
    call that goes on has it, and the other was about to end."""
    owner: dict[LegId, CallSnapshot] = {}
    for snapshot in sorted(found, key=_handing_over_first):
        for leg in snapshot.legs:
            owner[leg.leg] = snapshot
    kept = [each for each in found if all(owner[leg.leg] is each for leg in each.legs)]
    if len(kept) < len(found):
        _log.info("calls that were being handed over are closed", calls=len(found) - len(kept))
    return kept


def _handing_over_first(snapshot: CallSnapshot) -> tuple[bool, float]:
    return isinstance(snapshot.at, ENTERED_AGAIN), snapshot.stages[-1][1] if snapshot.stages else 0.0


async def left_to_say(parts: Parts) -> dict[str, Farewell]:
    """By call, or what else has a row of its own, whatever becomes of it."""
    found: dict[str, Farewell] = {}
    rows = [(row.farewell, row.data) for row in await parts.store.farewells()]
    rows += [(row.call, row.data) for row in await parts.store.snapshots()]
    for name, data in rows:
        try:
            found[name] = read_farewell(data).beside(found.get(name))
        except FAILURES as error:
            _log.error("who is left cannot be told: it cannot be read", row=name, problem=str(error))
            parts.store.farewell_said(name)
    return found


def _still_to_say(left: Mapping[str, Farewell], revived: Iterable[Revived]) -> dict[str, Farewell]:
    """What there is to say when these go on: nobody is hung up whose dialog another call has taken over."""
    calls = {each.call.id: each.call for each in revived}
    tags = {leg.session.local_tag for call in calls.values() for leg in call.legs.values() if leg.session}
    said = {name: each.but(tags, legs=name not in calls) for name, each in left.items()}
    return {name: each for name, each in said.items() if each.needed}


def _age(snapshot: CallSnapshot) -> float:
    stage = snapshot.at
    return stage.entered - stage.waited_s if isinstance(stage, Wait) else 0.0


def wanted(written: Iterable[CallSnapshot]) -> Wanted:
    calls = tuple(written)
    return Wanted(
        legs=frozenset(leg for call in calls for leg in call.media),
        recordings=frozenset(call.recording_id for call in calls if call.recording_id is not None),
    )


def _revive(parts: Parts, written: Iterable[CallSnapshot], died: float) -> list[Revived]:
    revived: list[Revived] = []
    for snapshot in written:
        try:
            revived.append(revive(parts.services, parts.room, snapshot, died))
        except FAILURES as error:
            _log.error("a call cannot go on", call=snapshot.call, problem=f"{type(error).__name__}: {error}")
    parts.media.end_rest()
    return revived


async def recover(
    parts: Parts, written: Iterable[CallSnapshot] = (), left: Mapping[str, Farewell] = NOTHING
) -> tuple[list[Revived], dict[str, Farewell]]:
    """Calls that go on, and what is to be said besides; all others that the crash cut off are closed."""
    parts.dispatcher.desk.start(await parts.store.agents())
    calls = tuple(written)
    revived = _revive(parts, calls, await parts.store.alive_until() if calls else 0.0)
    goes_on = frozenset(each.call.id for each in revived)
    farewells = _still_to_say(left, revived)
    rows = [FarewellRow(farewell=name, data=each.said_once.to_json()) for name, each in farewells.items()]
    for name in left.keys() - farewells.keys():
        parts.store.farewell_said(name)  # whose dialog another call has
    closed = await parts.store.close_unfinished(goes_on, parts.recordings.running(), rows)
    for row in closed.recordings:
        mended = repaired(parts, row)
        parts.cut_off.append(mended)
        parts.store.recording(mended)
    if closed.calls:
        _log.warning(
            "calls cut off by a crash were closed", calls=len(closed.calls), recordings=len(closed.recordings)
        )
    if revived:
        _log.warning("calls go on after a crash", calls=len(revived))
    await restore_toll(parts)
    registered = parts.sip.registrations()
    if registered:
        _log.info("registrations restored", contacts=len(registered))
    return revived, farewells


def repaired(parts: Parts, row: RecordingRow) -> RecordingRow:
    """A file that cannot be mended is named in its row; it is no reason not to start."""
    try:
        seconds = parts.services.files.repair(row.path)
    except (OSError, StorageError) as error:
        _log.error("a recording could not be repaired", recording=row.recording, problem=str(error))
        return replace(row, state="crashed", problem=str(error))
    return replace(row, seconds=seconds, state="crashed", bytes=parts.services.files.size(row.path))
