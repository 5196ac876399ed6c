"""The one place where the control API asks whether somebody may: before each handler, by the table in `demands.py`.

Who asks is told by the kernel (the user of the process at the other end of the Unix socket) or proved by a token, which
counts more. Acts, and all refusals, leave a row in the audit trail before they are answered; lists are answered without
what the asker may not see.
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from softswitch.api.answers import MAX_BODY_BYTES, answer
from softswitch.api.demands import ANY, SWITCH, Demand, Rule, demands_of, report_rows, rule_of
from softswitch.api.errors import BadRequest, NotAllowed, NotPossible
from softswitch.api.rights_control import Peer, RightsControl
from softswitch.call.permissions import ANYTHING, About, Actor
from softswitch.call.permissions import SWITCH as ALL_OF_IT
from softswitch.errors import SoftswitchError

ACTOR = web.RequestKey("actor", Actor)
"""Who asks."""
MOST_ROWS = 10_000
"""Rows of a list that are looked through for whoever may see a part of them."""
_CREDENTIALS = struct.Struct("3i")
_KEPT_DETAILS = 12


class Guard:
    def __init__(self, rights: RightsControl) -> None:
        self._rights = rights

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        resource = request.match_info.route.resource
        actor = self._rights.identify(peer_of(request), token_of(request))
        if resource is None:  # there is no such route, which the handler says
            return await handler(request)  # type: ignore[no-any-return]
        rule = rule_of(request.method, resource.canonical)
        request[ACTOR] = actor
        if rule.on == "open":
            return await handler(request)  # type: ignore[no-any-return]
        given = await _given(request)
        wanted = await self._demanded(actor, rule, request.match_info, given)
        if rule.act.reads:
            return await self._read(actor, rule, request, handler)
        return await self._act(actor, rule, wanted, given, request, handler)

    async def _demanded(
        self, actor: Actor, rule: Rule, words: Mapping[str, str], given: Mapping[str, Any]
    ) -> list[tuple[Demand, About]]:
        """Each demand with what it is about, all met. Raises `NotAllowed`."""
        found: list[tuple[Demand, About]] = []
        for demand in demands_of(rule, words, given):
            act, kind, name = demand
            if kind in (ANY, SWITCH):
                about = ANYTHING if kind == ANY else ALL_OF_IT
            else:
                about = await self._rights.about(kind, name)
            missing = self._rights.missing(actor, act, about, given)
            if missing:
                raise NotAllowed(
                    f"{actor.name} may not: missing right {missing}",
                    hint="`softswitch whoami` shows the rights that there are; [role] and [person] give them",
                )
            found.append((demand, about))
        return found

    async def _act(
        self,
        actor: Actor,
        rule: Rule,
        wanted: list[tuple[Demand, About]],
        given: Mapping[str, Any],
        request: web.Request,
        handler: Any,
    ) -> web.StreamResponse:
        (act, _, _), about = wanted[0]
        details = dict(list(given.items())[:_KEPT_DETAILS])
        if order := request.match_info.get("order") or request.match_info.get("mark"):
            details["order"] = order
        if address := request.match_info.get("address") or request.match_info.get("message"):
            details["which"] = address
        if rule.stream:
            await self._rights.write(actor, act, about, "done", "", details)
            return await handler(request)  # type: ignore[no-any-return]
        try:
            response: web.StreamResponse = await handler(request)
        except SoftswitchError as error:
            await self._rights.write(actor, act, about, "failed", str(error), details)
            raise
        except Exception as error:  # a fault of ours may come when a half is done
            await self._rights.write(actor, act, about, "failed", type(error).__name__, details)
            raise
        result, why = ("failed", f"status {response.status}") if response.status >= 400 else ("done", "")
        await self._rights.write(actor, act, about, result, why, details)
        return response

    # --- lists --------------------------------------------------------------------------------------------------------

    async def _read(self, actor: Actor, rule: Rule, request: web.Request, handler: Any) -> web.StreamResponse:
        by = rule.rows or (report_rows(request.match_info.get("kind", "")) if rule.within else "")
        if not by or self._rights.may(actor, rule.act, ALL_OF_IT):
            return await handler(request)  # type: ignore[no-any-return]
        first, most = 0, MOST_ROWS
        if rule.paged:
            first, most = _number(request, "offset", 0), _number(request, "limit", 100)
            wider = request.rel_url.update_query(limit=str(MOST_ROWS), offset="0")
            request = request.clone(rel_url=wider)
        response = await handler(request)
        if not isinstance(response, web.Response) or response.status != 200 or not response.body:
            return response  # type: ignore[no-any-return]
        body = json.loads(response.body)  # type: ignore[arg-type]
        rows = body[rule.within] if rule.within else body
        seen = [row for row in rows if self._rights.may(actor, rule.act, self._rights.row(by, row))]
        kept = seen[first : first + most]
        return answer({**body, rule.within: kept} if rule.within else kept)


def peer_of(request: web.Request) -> Peer:
    """Who is at the other end of the connection, as the kernel says."""
    transport = request.transport
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is None:
        raise NotPossible("the connection is gone")
    if connection.family != socket.AF_UNIX:
        return Peer(surface="http", address=str(request.remote or ""))
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(credentials)
    return Peer(surface="control", uid=uid, pid=pid)


def token_of(request: web.Request) -> str:
    """RFC 6750; in the query where a browser's WebSocket can send no header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.query.get("token", "")


async def _given(request: web.Request) -> Mapping[str, Any]:
    """What the request asks for: its body, or its query. What cannot be read is refused by the handler."""
    if request.method in ("GET", "HEAD"):
        if len(set(request.query)) < len(request.query):  # which of them counts must not depend on who looks
            raise BadRequest("a parameter is given twice")
        return {key: value for key, value in request.query.items() if key != "token"}
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return {}
    try:
        given = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else default
