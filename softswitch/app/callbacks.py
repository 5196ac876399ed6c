"""Callbacks for whoever asks the control API, and after a restart; implements `CallbackControl`."""

import structlog

from softswitch.acd.callback import Callback
from softswitch.acd.errors import NotKnown
from softswitch.acd.places import Place
from softswitch.api.callback_control import CallbackView
from softswitch.api.errors import UnknownThing
from softswitch.app.parts import Parts
from softswitch.call.callback_rows import of_row
from softswitch.ids import CallId, QueueName
from softswitch.store.lost import UNKNOWN

_log = structlog.get_logger(__name__)
_RESUMES = frozenset({"abandoned", "crashed"})


async def restore_callbacks(parts: Parts) -> None:
    """Who was to be called back stands in his place again, and whose place was kept has it. Nobody's call fails when this
    does."""
    queues = parts.services.config.queue
    if any(queue.callback is not None for queue in queues.values()):
        known: list[Callback] = []
        for row in await parts.store.callbacks.open():
            try:
                known.append(of_row(row))
            except (ValueError, TypeError, AttributeError) as error:
                _log.error("a callback cannot be read", callback=row.callback, problem=str(error))
        restored = parts.dispatcher.callbacks.restore(known)
        if restored:
            _log.info("callbacks restored", callbacks=restored)
    longest_s = max((queue.resume_s for queue in queues.values()), default=0.0)
    if longest_s > 0:
        await _restore_places(parts, longest_s)


async def _restore_places(parts: Parts, longest_s: float) -> None:
    rows = await parts.store.callbacks.last_stays(parts.clock.wall() - longest_s)
    parts.dispatcher.places.restore(
        Place(
            queue=QueueName(row["queue"]),
            number=row["ani"],
            entered=row["entered"],
            left=row["left"],
            priority=row["priority"],
        )
        for row in rows
        if row["outcome"] in _RESUMES and row["ani"].lower() not in UNKNOWN
    )


class CallbackOrders:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def callbacks(self, since: float | None) -> tuple[CallbackView, ...]:
        book = self._parts.dispatcher.callbacks.book
        found = {each.callback: each for each in book}
        if since is not None:
            for row in await self._parts.store.callbacks.since(since):
                found.setdefault(row.callback, of_row(row))
        places = self._places()
        ordered = sorted(found.values(), key=lambda one: one.entered)
        return tuple(self._view(each, places.get(each.callback)) for each in ordered)

    async def cancel(self, callback: str) -> CallbackView:
        try:
            return self._view(self._parts.dispatcher.callbacks.cancel(callback), None)
        except NotKnown as error:
            raise UnknownThing(str(error), hint="`softswitch queue callbacks` lists them") from error

    def _view(self, known: Callback, place: CallId | None) -> CallbackView:
        engine = self._parts.dispatcher.engine
        return CallbackView(
            callback=known.callback,
            queue=known.queue,
            number=known.number,
            name=known.name,
            state=known.state.value,
            position=engine.position(place) if place is not None else 0,
            waited_s=(known.ended or self._parts.clock.wall()) - known.entered,
            asked=known.asked,
            priority=known.priority,
            skills=dict(known.skills),
            attempts=known.attempts,
            next_at=known.next_at,
            result=known.result,
            call=known.call,
            last_call=known.last_call,
            ended=known.ended,
        )

    def _places(self) -> dict[str, CallId]:
        """Under which id each waits; without those who are being connected."""
        callbacks, waits = self._parts.dispatcher.callbacks, self._parts.dispatcher.engine.waits
        known = {place: callbacks.of_place(place) for place in callbacks.places() if waits(place)}
        return {each.callback: place for place, each in known.items() if each is not None}
