"""Proves, over a real Unix socket, that every route of the control API has its rule, that whoever asks with a token gets
what `docs/rights.md` gives his role over his team and nothing of the other team (each route × role × team), that lists are
shown without what he may not see, that acts and refusals leave rows before they are answered, that a wrong token is nobody,
and that only a named group may open the socket.

Does not prove that the running switch knows to whom things belong; for that see `tests/story/test_rights_story.py`.
"""

import json
import os
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from test_rights_matrix import CONFIG, table

from softswitch.api.demands import RULES, UNLISTED, rule_of
from softswitch.api.errors import UnknownThing
from softswitch.api.metrics import Metrics
from softswitch.api.server import ApiServer, _application
from softswitch.api.views import AgentView, CallView, QueueView
from softswitch.bus import Bus
from softswitch.config.acts import Act
from softswitch.config.rights import ROLES
from softswitch.config.schema import Config
from softswitch.errors import UnusableError
from softswitch.testing.control import FakeControl

PEOPLE: Config = replace(
    CONFIG,
    person={
        name: replace(person, token_sha256=sha256(f"token of {name}".encode()).hexdigest())
        for name, person in CONFIG.person.items()
    },
)


class TwoTeams(FakeControl):
    """Agents, queues and calls of both teams."""

    def agents(self) -> tuple[AgentView, ...]:
        [ana] = super().agents()
        return ana, replace(ana, agent="ben", queues=("support",)), replace(ana, agent="eva")

    def queues(self) -> tuple[QueueView, ...]:
        [sales] = super().queues()
        return sales, replace(sales, queue="support")

    def calls(self) -> tuple[CallView, ...]:
        [call] = super().calls()
        return call, replace(call, call="other", queue="support", agent="ben")


class Running:
    def __init__(self, path: Path, group: str = "") -> None:
        self.path = path / "control.sock"
        self.control = TwoTeams()
        self.control.rights.config = PEOPLE
        self.server = ApiServer(self.control, Bus(), self.path, group=group)

    async def ask(self, method: str, target: str, who: str = "", body: object = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer token of {who}"} if who else {}
        connector = aiohttp.UnixConnector(str(self.path))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://switch{target}", headers=headers, json=body) as response,
        ):
            text = await response.text()
            return response.status, json.loads(text) if text and "json" in response.content_type else text


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    running = Running(tmp_path)
    await running.server.start()
    yield running
    await running.server.stop()


def routes() -> list[tuple[str, str]]:
    control = FakeControl()
    application = _application(control, Metrics(control))
    return sorted(
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None and route.method != "HEAD"
    )


def test_every_route_has_its_rule_and_every_rule_its_route() -> None:
    assert [route for route in routes() if rule_of(*route) is UNLISTED] == []
    assert [rule for rule in RULES if rule not in routes()] == []


WORDS = {
    "{agent}": "ana",
    "{queue}": "sales",
    "{kind}": "queue",
    "{address}": "192.0.2.9",
    "{mark}": "heard",
    "{action}": "pause",
}
STREAMS = ("/v1/events", "/v1/sip/trace")
GIVEN: dict[str, dict[str, object]] = {
    "/v1/texts": {"queue": "sales", "text": "hello"},
    "/v1/supervisions": {"phone": "1009", "agent": "ana"},
    "/v1/calls/{call}/move": {"queue": "sales"},
    "/v1/calls/{call}/priority": {"priority": 5},
}
MAY_ALWAYS = {"/health", "/ready", "/v1/whoami"}


def asked(route: str) -> str:
    target = route
    for word, value in WORDS.items():
        target = target.replace(word, value)
    if route.startswith("/v1/conferences"):
        target = target.replace("{order}", "lock" if route.count("{") == 2 else "mute")
    target = target.replace("{order}", "transfer").replace("{conference}", "team")
    target = re.sub(r"\{[a-z]+\}", "thing", target)
    if route == "/v1/reports/{kind}" or route == "/v1/reports/check":
        target += "?since=0&until=60"
    return target


def expected(role: str, method: str, route: str, cells: dict[tuple[str, Act], str]) -> bool:
    """Whether this role may, where the thing is of its own team; eva serves the call that is meant."""
    rule = RULES[method, route]
    act = Act.AGENT_PAUSE if route == "/v1/agents/{agent}/{action}" else rule.act
    cell = cells[role, act]
    if route in MAY_ALWAYS or cell == "all":
        return True
    if cell == "–":
        return False
    whole = rule.on == "switch" and rule.demands is None
    if cell == "teams":
        return not whole
    named = {"/v1/queues/{queue}", "/v1/calls/{call}"}  # she serves the queue, and the call is hers
    mine = rule.on in ("call", "recording", "supervision", "callback") or route in named
    return not whole and (rule.on == "*" or mine)


@pytest.mark.parametrize("role", ROLES)
async def test_every_route_for_every_role_over_its_own_team(running: Running, role: str) -> None:
    cells, rows = dict(table()), running.control.rights.rows
    running.control.rights.agent = "eva"
    wrong = []
    for method, route in routes():
        if route in STREAMS and role not in ("agent",):
            continue  # they are answered for as long as somebody listens
        before = len(rows)
        status, answer = await running.ask(
            method, asked(route), role, GIVEN.get(route, {}) if method == "POST" else None
        )
        may = expected(role, method, route, cells)
        if (status != 403) != may or status == 401:
            wrong.append((method, route, status, answer))
        refused = [row for row in rows[before:] if row[3] == "refused"]
        acted = [row for row in rows[before:] if row[3] in ("done", "failed")]
        act = RULES[method, route].act
        assert bool(refused) == (status == 403), (method, route, rows[before:])
        if status == 403:
            assert answer["error"].startswith(f"{role} may not: missing right "), answer
        elif not act.reads and route not in STREAMS:
            assert len(acted) == 1 and acted[0][0] == role, (method, route, rows[before:])
    assert wrong == []


OF_THE_OTHER = [
    ("POST", "/v1/agents/ben/pause", {"reason": "lunch"}, Act.AGENT_PAUSE),
    ("POST", "/v1/agents/ben/login", {}, Act.AGENT_LOGIN),
    ("POST", "/v1/agents/ben/logout", {}, Act.AGENT_LOGOUT),
    ("POST", "/v1/agents/ben/resume", {}, Act.AGENT_RESUME),
    ("POST", "/v1/agents/ben/wrapup", {}, Act.AGENT_WRAPUP),
    ("POST", "/v1/agents/ben/endpoint", {"endpoint": "1002"}, Act.AGENT_SEAT),
    ("POST", "/v1/agents/eva/login", {"endpoint": "1002"}, Act.AGENT_LOGIN),
    ("GET", "/v1/why/agents/ben", None, Act.AGENT_READ),
    ("GET", "/v1/queues/support", None, Act.QUEUE_READ),
    ("POST", "/v1/supervisions", {"phone": "1009", "agent": "ben"}, Act.SPY_LISTEN),
    ("POST", "/v1/supervisions", {"phone": "1009", "agent": "ben", "mode": "whisper"}, Act.SPY_WHISPER),
    ("POST", "/v1/supervisions", {"phone": "1009", "agent": "ben", "mode": "barge"}, Act.SPY_BARGE),
    ("POST", "/v1/supervisions/thing/mode", {"mode": "take-over"}, Act.SPY_TAKE_OVER),
    ("DELETE", "/v1/supervisions/thing", None, Act.SPY_LISTEN),
    ("POST", "/v1/calls/thing/move", {"queue": "sales"}, Act.CALL_MOVE),
    ("POST", "/v1/calls/thing/priority", {"priority": 1}, Act.CALL_PRIORITY),
    ("POST", "/v1/calls/thing/pull", {}, Act.CALL_PULL),
    ("POST", "/v1/calls/thing/transfer", {"target": "queue:sales"}, Act.CALL_TRANSFER),
    ("DELETE", "/v1/calls/thing", None, Act.CALL_HANGUP),
    ("GET", "/v1/calls/thing", None, Act.CALL_READ),
    ("GET", "/v1/cdrs/thing", None, Act.CALL_READ),
    ("GET", "/v1/recordings/thing", None, Act.RECORDING_READ),
    ("GET", "/v1/recordings/thing/sound", None, Act.RECORDING_LISTEN),
    ("POST", "/v1/calls/thing/mask", {}, Act.RECORDING_CONTROL),
    ("POST", "/v1/texts", {"queue": "support", "text": "x"}, Act.TEXT_SEND),
    ("POST", "/v1/texts", {"team": "b", "text": "x"}, Act.TEXT_SEND),
    ("POST", "/v1/texts", {"to": "1002", "text": "x"}, Act.TEXT_SEND),
    ("POST", "/v1/texts", {"everybody": True, "text": "x"}, Act.TEXT_SEND),
    ("POST", "/v1/texts", {"queue": "sales", "everybody": True, "text": "x"}, Act.TEXT_SEND),
    ("GET", "/v1/reports/queue?since=0&until=60&name=support", None, Act.REPORT_READ),
    ("GET", "/v1/reports/dnis?since=0&until=60&queue=support", None, Act.REPORT_READ),
    ("GET", "/v1/reports/agent?since=0&until=60&team=b", None, Act.REPORT_READ),
    ("GET", "/v1/reports/agent?since=0&until=60&queue=sales&name=ben", None, Act.REPORT_READ),
    ("GET", "/v1/reports/calls?since=0&until=60", None, Act.REPORT_READ),
    ("GET", "/v1/reports/calls?since=0&until=60&queue=sales", None, Act.REPORT_READ),
    ("DELETE", "/v1/callbacks/thing", None, Act.CALLBACK_CANCEL),
    ("GET", "/v1/conferences", None, Act.CONFERENCE_READ),
    ("GET", "/v1/conferences/thing", None, Act.CONFERENCE_READ),
]


@pytest.mark.parametrize("role", ROLES)
async def test_the_other_team_is_for_those_who_may_all(running: Running, role: str) -> None:
    running.control.rights.queue, running.control.rights.agent = "support", "ben"
    cells = table()
    for method, target, body, act in OF_THE_OTHER:
        status, answer = await running.ask(method, target, role, body)
        assert (status == 403) == (cells[role, act] != "all"), (method, target, status, answer)
        if status == 403:
            assert act.value in answer["error"] and answer["hint"]
            assert running.control.rights.rows[-1][::3] == (role, "refused")
    if role == "supervisor":
        assert not running.control.commands and not running.control.steering.commands


async def test_a_move_needs_the_right_for_both_queues(running: Running) -> None:
    status, answer = await running.ask("POST", "/v1/calls/thing/move", "supervisor", {"queue": "support"})
    assert status == 403 and "call.move on queue support" in answer["error"]
    status, _ = await running.ask("POST", "/v1/calls/thing/move", "supervisor", {"queue": "sales"})
    assert status == 202 and running.control.steering.commands == [("move", "thing", "sales")]


@pytest.mark.parametrize(
    ("target", "key", "all_of_it", "own"),
    [
        ("/v1/agents", "agent", ["ana", "ben", "eva"], ["ana"]),
        ("/v1/queues", "queue", ["sales", "support"], ["sales"]),
        ("/v1/calls", "queue", ["sales", "support"], ["sales"]),
    ],
)
async def test_lists_are_shown_without_the_other_team(
    running: Running, target: str, key: str, all_of_it: list[str], own: list[str]
) -> None:
    for who, expected_rows in (("", all_of_it), ("administrator", all_of_it), ("supervisor", own)):
        status, rows = await running.ask("GET", target, who)
        assert status == 200 and [row[key] for row in rows] == expected_rows


async def test_pages_of_the_past_are_cut_after_what_may_be_seen(running: Running) -> None:
    for target in ("/v1/cdrs?limit=1&offset=1", "/v1/recordings?limit=1&offset=1"):
        status, rows = await running.ask("GET", target, "supervisor")
        assert (status, rows) == (200, [])
    assert [(search.limit, search.offset) for search in running.control.searches] == [(10_000, 0)] * 2  # type: ignore[attr-defined]
    await running.ask("GET", "/v1/cdrs?limit=1&offset=1", "auditor")
    assert running.control.searches[-1].offset == 1  # type: ignore[attr-defined]


async def test_a_wrong_token_is_nobody_and_none_is_the_owner(running: Running) -> None:
    for target in ("/v1/agents", "/health", "/v1/nothing"):
        status, answer = await running.ask("GET", target, "somebody else")
        assert status == 401 and "token" in answer["error"]
    status, who = await running.ask("GET", "/v1/whoami")
    assert status == 200 and who["role"] == "administrator" and len(who["rights"]) == len(Act)
    status, who = await running.ask("GET", "/v1/whoami", "wallboard")
    assert set(who["rights"].values()) == {"teams"}
    assert (await running.ask("GET", "/v1/nothing"))[0] == 404


async def test_what_fails_leaves_a_row_too(running: Running) -> None:
    async def fails(agent: str) -> AgentView:
        raise UnknownThing("there is no such agent")

    running.control.agent_logout = fails  # type: ignore[method-assign]
    assert (await running.ask("POST", "/v1/agents/ana/logout", "supervisor"))[0] == 404
    assert running.control.rights.rows == [("supervisor", "agent.logout", "agent ana", "failed")]


async def test_what_breaks_leaves_a_row_too(running: Running) -> None:
    async def breaks(agent: str) -> AgentView:
        raise KeyError("a fault of ours")

    running.control.agent_logout = breaks  # type: ignore[method-assign]
    assert (await running.ask("POST", "/v1/agents/ana/logout", "supervisor"))[0] == 500
    assert running.control.rights.rows == [("supervisor", "agent.logout", "agent ana", "failed")]


async def test_what_is_asked_twice_is_answered_never(running: Running) -> None:
    """Else the right to one would be looked for, and the other answered."""
    for one, other in (("support", "sales"), ("sales", "support")):
        target = f"/v1/reports/dnis?since=0&until=60&queue={one}&queue={other}"
        status, answer = await running.ask("GET", target, "supervisor")
        assert status == 400 and "twice" in answer["error"]


async def test_only_a_named_group_may_open_the_socket(tmp_path: Path) -> None:
    import grp

    group = grp.getgrgid(os.getegid()).gr_name
    running = Running(tmp_path, group=group)
    await running.server.start()
    mode = running.path.stat()
    assert stat.S_IMODE(mode.st_mode) == 0o660 and mode.st_gid == os.getegid()
    await running.server.stop()
    with pytest.raises(UnusableError, match="no group 'nobody-has-this'"):
        await Running(tmp_path, group="nobody-has-this").server.start()
