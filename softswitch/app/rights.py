"""Answers the control API about rights from the running switch; implements `api.rights_control.RightsControl`."""

import json
import os
import pwd
from collections.abc import Mapping
from typing import Any

from softswitch.api.errors import NotProven, UnknownThing
from softswitch.api.rights_control import Peer, TrailSearch, TrailView, WhoView
from softswitch.app import past
from softswitch.app.parts import Parts
from softswitch.call.permissions import SWITCH, About, Actor, role_of
from softswitch.config.acts import Act
from softswitch.config.rights import ADMINISTRATOR, Person
from softswitch.ids import CallId
from softswitch.store.audit import AuditFilter

ROOT = 0


class RightsDesk:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._gate = parts.gate
        self._permissions = parts.gate.permissions

    # --- who ----------------------------------------------------------------------------------------------------------

    def identify(self, peer: Peer, token: str) -> Actor:
        if peer.uid is None:
            origin = peer.address
        else:
            user = _user(peer.uid)
            origin = f"user {user} (uid {peer.uid}), pid {peer.pid}"
        if token or peer.uid is None:
            found = self._permissions.by_token(token, surface=peer.surface, origin=origin) if token else None
            if found is None:
                unknown = Actor(name="unknown", person=Person(role=""), surface=peer.surface, origin=origin)
                self._gate.missing(unknown, Act.SWITCH_READ, SWITCH)
                raise NotProven(
                    "nobody has this token" if token else "a token is needed",
                    hint="`softswitch rights token` makes one for a [person.NAME]",
                )
            return found
        return self._permissions.by_user(user, owner=peer.uid in (ROOT, os.geteuid()), origin=origin)

    def who(self, actor: Actor) -> WhoView:
        person = actor.person
        return WhoView(
            name=actor.name,
            role=role_of(actor),
            surface=actor.surface,
            origin=actor.origin,
            teams=person.teams,
            queues=person.queues,
            agent=person.agent,
            rights=self._permissions.rights(actor),
        )

    def by_signal(self, order: str) -> None:
        """Somebody of this machine who may send signals to the switch, or its service manager."""
        person = Person(role=ADMINISTRATOR)
        actor = Actor(name="signal", person=person, surface="signal", owner=True)
        self._gate.note(actor, Act.SWITCH_RUN, SWITCH, details={"order": order})

    # --- on whom ------------------------------------------------------------------------------------------------------

    async def about(self, kind: str, name: str) -> About:
        permissions = self._permissions
        match kind:
            case "agent":
                return permissions.agent(name)
            case "queue":
                return permissions.queue(name)
            case "team":
                return permissions.team(name)
            case "endpoint":
                return permissions.phone(name)
            case "seat":
                return permissions.seat(name)
            case "person":
                return permissions.stands_for(name)
            case "call":
                return await self._call(name)
            case "recording":
                view = await past.recording(self._parts, name)
                return permissions.row("recording", name, view.queue, view.agent)
            case "supervision":
                return await self._supervision(name)
            case "callback":
                return await self._callback(name)
            case _:
                return About(kind=kind, name=name)

    async def _call(self, name: str) -> About:
        live = self._parts.manager.calls.get(CallId(name))
        if live is not None:
            return self._permissions.call(live)
        try:
            found = (await past.cdr(self._parts, name)).cdr
        except UnknownThing:
            return About(kind="call", name=name)  # whoever may see all calls is told that there is none
        return self._permissions.row("call", name, found.queue, found.agent, (found.source,))

    async def _supervision(self, name: str) -> About:
        session = self._parts.room.supervisions.find(name)
        if session is None:
            return About(kind="supervision", name=name)
        wish = session.wish
        if session.conversation is not None:  # whoever may not hear it himself does not steer who hears it
            return self._permissions.call(session.conversation.call)
        if wish.agent is not None:
            return self._permissions.agent(wish.agent)
        return await self._call(wish.call or "")

    async def _callback(self, name: str) -> About:
        for row in await self._parts.store.callbacks.open():
            if row.callback == name:
                return self._permissions.row("callback", name, row.queue, "")
        return About(kind="callback", name=name)

    def row(self, by: str, row: Mapping[str, Any]) -> About:
        told = {key: str(row.get(key) or "") for key in ("agent", "queue", "team", "call", "source", "other")}
        permissions = self._permissions
        if by == "agent":
            return permissions.agent(told["agent"])
        if by == "queue":
            return permissions.queue(told["queue"]) if told["queue"] else About(kind="queue")
        if by == "team":
            return permissions.team(told["team"])
        return permissions.row(
            "call", told["call"], told["queue"], told["agent"], (told["source"], told["other"])
        )

    # --- may he -------------------------------------------------------------------------------------------------------

    def may(self, actor: Actor, act: Act, about: About) -> bool:
        return not self._permissions.missing(actor, act, about)

    def missing(self, actor: Actor, act: Act, about: About, details: Mapping[str, object]) -> str:
        return self._gate.missing(actor, act, about, details)

    async def write(
        self, actor: Actor, act: Act, about: About, result: str, why: str, details: Mapping[str, object]
    ) -> None:
        await self._gate.write(actor, act, about, result=result, why=why, details=details)

    async def trail(self, search: TrailSearch) -> tuple[TrailView, ...]:
        found = await self._parts.store.audit.rows(
            AuditFilter(
                since=search.since,
                until=search.until,
                actor=search.actor,
                act=search.act,
                target=search.target,
                surface=search.surface,
                result=search.result,
                limit=search.limit,
            )
        )
        return tuple(TrailView(**{**row, "details": json.loads(row["details"] or "{}")}) for row in found)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
