"""Carries out what the control API asks of messages and of the self-test; implements `api.trace.TraceControl`."""

from collections.abc import AsyncGenerator

from softswitch.api.errors import NotPossible, UnknownThing
from softswitch.api.trace import SelftestView, SelftestWish, TraceSearch
from softswitch.api.trace_views import CallTraceView, TracedView
from softswitch.app.parts import Parts
from softswitch.app.selftest import SelftestDoor
from softswitch.ids import CallId
from softswitch.trace.following import Wanted


class TraceOrders:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._door = SelftestDoor(parts)

    async def of_call(self, call: str) -> CallTraceView:
        view = await self._parts.tracing.of_call(call)
        if not view.messages and CallId(call) not in self._parts.manager.calls:
            hint = (
                "`[trace] messages` is 0"
                if not self._parts.services.config.trace.messages
                else "`[trace]` says how long messages are kept; failed calls are kept longer"
            )
            raise UnknownThing(f"no messages are kept of a call {call!r}", hint=hint)
        return view

    def follow(self, search: TraceSearch) -> AsyncGenerator[TracedView | int | None, None]:
        tracing = self._parts.tracing
        if not self._parts.services.config.trace.messages:
            raise NotPossible("messages are not kept: `[trace] messages` is 0", hint="set it and reload")
        if tracing.full:
            raise NotPossible("too many follow already", hint="end another `softswitch sip trace`")
        return tracing.follow(
            Wanted(call=search.call, number=search.number, peer=search.peer, method=search.method)
        )

    def close(self) -> None:
        self._parts.tracing.close()

    def arm_selftest(self, wish: SelftestWish) -> SelftestView:
        return self._door.open(wish)

    def disarm_selftest(self) -> None:
        self._door.shut()
