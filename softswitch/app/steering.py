"""Carries out what the control API asks of talks, supervisors and conferences; implements `SteeringControl`."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from softswitch.api.errors import ApiError, BadRequest, NotPossible, UnknownThing
from softswitch.api.steering_control import AuditSearch, SuperviseWish
from softswitch.api.steering_views import (
    ConferenceMemberView,
    ConferenceView,
    ModeView,
    SupervisionRowView,
    SupervisionView,
)
from softswitch.app.parts import Parts
from softswitch.call.conference import Conference, Seat
from softswitch.call.refusals import NoSuch, NotNow, Refusal, Unreadable
from softswitch.call.supervision import MODES, Supervision, Wish
from softswitch.config.rights import Person
from softswitch.ids import AgentId, CallId, EndpointName
from softswitch.store.reading import SupervisionFilter

TAKE_OVER = "take-over"
_ANSWERS: Mapping[type[Refusal], type[ApiError]] = {
    NoSuch: UnknownThing,
    NotNow: NotPossible,
    Unreadable: BadRequest,
}


class SteeringOrders:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # --- talks ----------------------------------------------------------------------------------------------------------

    async def transfer(self, call: str, target: str, by: str) -> None:
        with _Told():
            self._parts.steering.transfer(call, target, by)
        await asyncio.sleep(0)  # the call's own task carries it out

    async def park(self, call: str, by: str) -> int:
        with _Told():
            place = self._parts.steering.park(call, by)
        await asyncio.sleep(0)
        return place

    async def pickup(self, call: str, extension: str) -> None:
        with _Told():
            self._parts.steering.pickup(call, extension)
        await asyncio.sleep(0)

    async def pull(self, call: str, extension: str, person: Person) -> str:
        phone = extension or self._seat_of(person)
        with _Told():
            self._parts.steering.pull(call, phone)
        await asyncio.sleep(0)
        return phone

    def _seat_of(self, person: Person) -> str:
        if person.agent in self._parts.services.config.agent:
            return self._parts.dispatcher.desk.endpoint_of(AgentId(person.agent))
        if not person.endpoints:
            raise BadRequest("say which phone is to have it", hint="`softswitch calls pull CALL EXTENSION`")
        return person.endpoints[0]

    async def move(self, call: str, queue: str) -> None:
        with _Told():
            self._parts.steering.move(call, queue)
        await asyncio.sleep(0)

    async def priority(self, call: str, priority: int) -> None:
        with _Told():
            self._parts.steering.priority(call, priority)
        await asyncio.sleep(0)

    async def consult(self, call: str, target: str, by: str) -> None:
        with _Told():
            self._parts.steering.consult(call, target, by)
        await asyncio.sleep(0)

    async def complete(self, call: str) -> None:
        with _Told():
            self._parts.steering.complete(call)
        await asyncio.sleep(0)

    async def back(self, call: str) -> None:
        with _Told():
            self._parts.steering.back(call)
        await asyncio.sleep(0)

    async def three_way(self, call: str) -> None:
        with _Told():
            self._parts.steering.three_way(call)
        await asyncio.sleep(0)

    # --- supervisors ----------------------------------------------------------------------------------------------------

    def supervisions(self) -> tuple[SupervisionView, ...]:
        return tuple(supervision_view(session) for session in self._parts.room.supervisions.live())

    async def supervise(self, wish: SuperviseWish) -> SupervisionView:
        if bool(wish.agent) == bool(wish.call):
            raise BadRequest("name either an agent or a call")
        if wish.mode not in MODES:
            raise BadRequest(f"{wish.mode!r} is no mode to begin with", hint=", ".join(MODES))
        if wish.call and CallId(wish.call) not in self._parts.manager.calls:
            raise UnknownThing(f"no live call is called {wish.call!r}", hint="`softswitch calls` lists them")
        config, supervisions = self._parts.services.config, self._parts.room.supervisions
        phone = EndpointName(wish.phone)
        wanted = Wish(
            phone=phone,
            by=self._parts.dispatcher.desk.logged_in_at(phone),
            agent=AgentId(wish.agent) if wish.agent else None,
            call=CallId(wish.call) if wish.call else None,
            follow=config.supervision.follow if wish.follow is None else wish.follow,
        )
        with _Told():
            supervisions.check(wanted)
            if supervisions.talk_of(wanted) is None and not (wanted.agent and wanted.follow):
                whom = wish.agent or f"call {wish.call}"
                raise NotNow(f"{whom} talks to nobody", hint="--follow waits for an agent's next call")
            return supervision_view(supervisions.ring(wanted, MODES[wish.mode]))

    async def supervision_mode(self, supervision: str, mode: str) -> SupervisionView:
        session = self._session(supervision)
        with _Told():
            if mode == TAKE_OVER:
                session.take_over()
            elif mode in MODES:
                session.change(MODES[mode])
            else:
                raise Unreadable(f"{mode!r} is no mode", hint=", ".join((*MODES, TAKE_OVER)))
        await asyncio.sleep(0)
        return supervision_view(session)

    async def supervision_end(self, supervision: str) -> None:
        self._session(supervision).end("ended by administrator")

    def _session(self, supervision: str) -> Supervision:
        session = self._parts.room.supervisions.find(supervision)
        if session is None or session.over:
            raise UnknownThing(
                f"no supervision is called {supervision!r}", hint="`softswitch supervise list` lists them"
            )
        return session

    async def audit(self, search: AuditSearch) -> tuple[SupervisionRowView, ...]:
        found = await self._parts.store.reading.supervisions(
            SupervisionFilter(
                since=search.since,
                until=search.until,
                supervisor=search.supervisor,
                agent=search.agent,
                call=search.call,
                limit=search.limit,
            )
        )
        live = {(each.id, each.row.stay) for each in self._parts.room.supervisions.live() if not each.over}
        return tuple(_row_view(record, live) for record in found)

    # --- conferences ----------------------------------------------------------------------------------------------------

    def conferences(self) -> tuple[ConferenceView, ...]:
        live = {conference.name: conference for conference in self._parts.room.conferences.live()}
        names = dict.fromkeys((*self._parts.services.config.conference, *live))
        return tuple(self._view(name, live.get(name)) for name in names)

    def conference(self, name: str) -> ConferenceView:
        for view in self.conferences():
            if view.conference == name:
                return view
        raise UnknownThing(
            f"no conference is called {name!r}", hint="`softswitch conference list` lists them"
        )

    async def conference_lock(self, name: str, locked: bool) -> ConferenceView:
        self._live(name).locked = locked
        return self.conference(name)

    async def conference_mute(self, name: str, call: str, muted: bool) -> ConferenceView:
        with _Told():
            self._live(name).mute(CallId(call), muted)
        return self.conference(name)

    async def conference_kick(self, name: str, call: str) -> ConferenceView:
        with _Told():
            self._live(name).kick(CallId(call))
        await asyncio.sleep(0)
        return self.conference(name)

    def _live(self, name: str) -> Conference:
        self.conference(name)
        found = self._parts.room.conferences.there(name)
        if found is None:
            raise NotPossible(f"nobody is in conference {name}")
        return found

    def _view(self, name: str, live: Conference | None) -> ConferenceView:
        if live is None:
            settings = self._parts.services.config.conference[name]
            return ConferenceView(conference=name, max_members=settings.max_members)
        recorded = live.recorded
        row = self._parts.recordings.of_call(recorded.id) if recorded is not None else None
        return ConferenceView(
            conference=name,
            members=tuple(_member(seat) for seat in live.seats.values()),
            max_members=live.settings.max_members,
            locked=live.locked,
            recording=row.recording if row is not None else "",
        )


def supervision_view(session: Supervision) -> SupervisionView:
    wish, conversation = session.wish, session.conversation
    state = "in call" if conversation is not None else "waiting" if session.answered else "ringing"
    return SupervisionView(
        supervision=session.id,
        supervisor=session.leg.party,
        supervisor_agent=wish.by or "",
        agent=wish.agent or "",
        call=conversation.call.id if conversation is not None else "",
        mode=session.mode.value,
        follow=wish.follow,
        state=state,
        began=session.row.began,
    )


def _row_view(record: Mapping[str, Any], live: set[tuple[str, int]]) -> SupervisionRowView:
    modes = tuple(ModeView(at=at, mode=mode) for at, mode in json.loads(record["modes"]))
    going_on = record["ended"] is None and (record["supervision"], record["stay"]) in live
    return SupervisionRowView(**{**record, "modes": modes, "live": going_on})


def _member(seat: Seat) -> ConferenceMemberView:
    call = seat.call
    return ConferenceMemberView(
        call=call.id,
        ani=call.ani,
        ani_name=call.ani_name,
        source=call.source,
        joined=seat.joined,
        moderator=seat.moderator,
        muted=seat.muted,
        held=seat.held,
    )


class _Told:
    """A refusal of the calls as an answer of the API. No generator: from Python 3.12 on, what one raises leads to a frame
    that holds the refusal, and by that the call, until the collector comes."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Refusal):
            raise _ANSWERS[type(error)](str(error), hint=error.hint) from None
