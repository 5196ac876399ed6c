"""What the store knows of the past, as the values of the control API."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from softswitch.api.control import CdrSearch, RecordingSearch
from softswitch.api.errors import UnknownThing
from softswitch.api.past_views import (
    CdrDetailView,
    CdrView,
    QueueVisitView,
    RecordingView,
    SegmentView,
)
from softswitch.api.trunk_views import AttemptView
from softswitch.api.views import LegView, OfferView
from softswitch.app.parts import Parts
from softswitch.call.why import spread
from softswitch.errors import StorageError
from softswitch.store.reading import CallFilter, RecordingFilter

Record = Mapping[str, Any]
View = TypeVar("View")


async def cdrs(parts: Parts, search: CdrSearch) -> tuple[CdrView, ...]:
    records = await parts.store.reading.calls(
        CallFilter(
            since=search.since,
            until=search.until,
            number=search.number,
            agent=search.agent,
            queue=search.queue,
            cause=search.cause,
            limit=search.limit,
            offset=search.offset,
        )
    )
    return tuple(_cdr(record) for record in records)


async def cdr(parts: Parts, call: str) -> CdrDetailView:
    record = await parts.store.reading.call(call)
    if record is None:
        raise UnknownThing(f"no call is called {call!r}", hint="`softswitch cdr` lists the latest")
    return CdrDetailView(
        cdr=_cdr(record),
        visits=tuple(_of(QueueVisitView, visit) for visit in record["visits"]),
        offers=tuple(_offer(offer) for offer in record["offers"]),
        legs=tuple(_of(LegView, leg, state="terminated") for leg in record["legs"]),
        segments=tuple(_of(SegmentView, segment) for segment in record["segments"]),
        attempts=tuple(_of(AttemptView, attempt) for attempt in record["attempts"]),
        recordings=tuple(recording_view(parts, recording) for recording in record["recordings"]),
    )


async def offers_made(parts: Parts, call: str) -> tuple[OfferView, ...]:
    """Offers of a call that have ended, and are written down; none while the database cannot be read."""
    try:
        record = await parts.store.reading.call(call)
    except StorageError:
        return ()
    return tuple(_offer(offer) for offer in record["offers"]) if record is not None else ()


def _cdr(record: Record) -> CdrView:
    unfinished = {"ended_by": "", "cause": "", "sip_status": 0, "last_stage": ""}
    return _of(CdrView, {**record, **{name: record[name] or empty for name, empty in unfinished.items()}})


def _offer(record: Record) -> OfferView:
    return _of(OfferView, {**record, "why": spread(record["why"] or {})})


def _of(kind: type[View], record: Record, **more: object) -> View:
    """The view whose fields are columns of the record; NULL leaves a field at its default where it has one."""
    known = dict(more)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in record and (record[field.name] is not None or _required(field)):
            known[field.name] = record[field.name]
    return kind(**known)


def _required(field: "dataclasses.Field[object]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


async def recordings(parts: Parts, search: RecordingSearch) -> tuple[RecordingView, ...]:
    records = await parts.store.reading.recordings(
        RecordingFilter(
            since=search.since,
            until=search.until,
            number=search.number,
            agent=search.agent,
            queue=search.queue,
            call=search.call,
            box=search.box or None,
            limit=search.limit,
            offset=search.offset,
        )
    )
    return tuple(recording_view(parts, record) for record in records)


async def recording(parts: Parts, recording: str) -> RecordingView:
    records = await parts.store.reading.recordings(RecordingFilter(recording=recording, limit=1))
    if not records:
        raise UnknownThing(
            f"no recording is called {recording!r}", hint="`softswitch recording list` lists them"
        )
    return recording_view(parts, records[0])


def recording_view(parts: Parts, record: Record) -> RecordingView:
    return _of(RecordingView, record, file=_file(parts, record))


def _file(parts: Parts, record: Record) -> str:
    """Empty: it is deleted, or does not lie where recordings do, which must not hide the others."""
    try:
        return str(parts.services.files.path(record["path"])) if record["deleted_at"] is None else ""
    except StorageError:
        return ""
