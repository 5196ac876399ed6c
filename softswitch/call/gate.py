"""The gate that every surface goes through: asks whether an act is allowed, and writes the audit trail.

A refusal is written by `missing`; what comes of an act that was let in is written by whoever carries it out, with `write`
where somebody waits for the answer and may wait for the disk, else with `note`. Refusals of mere looking are written once
a minute for the same person and thing: a board that asks twice a second must not fill the trail.
"""

import json
from collections.abc import Mapping
from hmac import compare_digest

import structlog

from softswitch.call.desk import Desk
from softswitch.call.permissions import About, Actor, Permissions, role_of
from softswitch.call.pin_guard import PinGuard
from softswitch.call.refusal_limit import RefusalLimit
from softswitch.call.services import Services
from softswitch.config.acts import Act
from softswitch.store.audit_row import AuditRow

_log = structlog.get_logger(__name__)

LOOKED_AGAIN_S = 60.0
LOOKS_KEPT = 1000
LONGEST_DETAIL = 200
LONGEST_WHY = 300
MOST_DETAILS = 12


class Gate:
    def __init__(self, services: Services, desk: Desk) -> None:
        self.permissions = Permissions(services, desk)
        self._services = services
        self._looked: dict[tuple[str, str, str], float] = {}
        self._limit = RefusalLimit()
        self._pins = PinGuard()

    def missing(
        self, actor: Actor, act: Act, about: About, details: Mapping[str, object] | None = None
    ) -> str:
        """Which right is missing, and the row about it is written; empty: he may."""
        why = self.permissions.missing(actor, act, about)
        if why and not (act.reads and self._looked_lately(actor, act, about)):
            self._refused(actor, act, about, f"missing right: {why}", details)
        return why

    def _refused(
        self, actor: Actor, act: Act, about: About, why: str, details: Mapping[str, object] | None = None
    ) -> None:
        before = self._limit.left_out(actor.name, self._services.clock.monotonic())
        if before is None:
            return
        if before:
            why = f"after {before} refusals that were not written: {why}"
        _log.warning("refused", who=actor.name, origin=actor.origin, why=why)
        self.note(actor, act, about, result="refused", why=why, details=details)

    def _looked_lately(self, actor: Actor, act: Act, about: About) -> bool:
        key, now = (actor.name, act.value, str(about)[:LONGEST_DETAIL]), self._services.clock.monotonic()
        before = self._looked.get(key)
        if before is not None and now - before < LOOKED_AGAIN_S:
            return True
        if len(self._looked) >= LOOKS_KEPT:
            self._looked.clear()
        self._looked[key] = now
        return False

    def proved(self, actor: Actor, pin: str, act: Act) -> bool:
        """Whether he knows his PIN; whoever guesses too often is not listened to for a while."""
        now = self._services.clock.monotonic()
        locked = self._pins.locked(actor.name, now)
        if not locked and compare_digest(pin.encode(), actor.person.pin.encode()):
            self._pins.right(actor.name)
            return True
        if not locked:
            self._pins.wrong(actor.name, now)
        self._wrong_pin(actor, act, locked)
        return False

    def proved_agent(self, phone: Actor, right: bool) -> bool:
        """Whether the agent and PIN that were dialled at this phone count. Wrong ones are counted by phone, since nobody
        knows whom they were meant for; a right one forgives none of them: whoever guesses knows his own."""
        now = self._services.clock.monotonic()
        locked = self._pins.locked(phone.origin, now)
        if right and not locked:
            return True
        if not locked:
            self._pins.wrong(phone.origin, now)
        self._wrong_pin(phone, Act.AGENT_LOGIN, locked)
        return False

    def _wrong_pin(self, actor: Actor, act: Act, locked: bool) -> None:
        self._refused(actor, act, About(kind=""), "too many wrong PINs" if locked else "wrong PIN")

    def note(
        self,
        actor: Actor,
        act: Act | str,
        about: About,
        *,
        result: str = "done",
        why: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Write a row soon."""
        self._services.store.audit.add_soon(self._row(actor, act, about, result, why, details))

    async def write(
        self,
        actor: Actor,
        act: Act | str,
        about: About,
        *,
        result: str = "done",
        why: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Write a row now; whoever is answered afterwards has it on disk, unless the storage fails."""
        await self._services.store.audit.add(self._row(actor, act, about, result, why, details))

    def _row(
        self,
        actor: Actor,
        act: Act | str,
        about: About,
        result: str,
        why: str,
        details: Mapping[str, object] | None,
    ) -> AuditRow:
        services = self._services
        given = list((details or {}).items())[:MOST_DETAILS]
        told = {key[:LONGEST_DETAIL]: _short(value) for key, value in given if value not in (None, "")}
        return AuditRow(
            audit=services.new_id(),
            node=services.node,
            at=services.clock.wall(),
            actor=actor.name,
            role=role_of(actor),
            surface=actor.surface,
            origin=actor.origin,
            act=str(act),
            target=f"{about.kind}:{about.name}"[:LONGEST_DETAIL] if about.name else "",
            details=json.dumps(told, ensure_ascii=False) if told else "",
            result=result,
            why=why[:LONGEST_WHY],
        )


def _short(value: object) -> object:
    return (
        value[:LONGEST_DETAIL]
        if isinstance(value, str)
        else value
        if isinstance(value, int | float)
        else str(value)[:LONGEST_DETAIL]
    )
