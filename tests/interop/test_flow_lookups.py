"""Proves on a real switch with SIPp as the caller: a key in a menu, a sub-flow, a lookup at an aiohttp server with its
secret and an expression lead into the queue that was computed; a server that does not answer costs the caller its time
limit and not his call; the secret is in no log; and a flow rolled back is what the next caller gets.

Does not prove: each kind of answer (`tests/ivr/test_lookups.py`).
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tools.peers.centre import TRUNK_ADDRESS, queue, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import Switch

SECRET = "only-for-the-crm"
PATIENCE_S = 1.0
"""Time limit of the lookup."""


class Crm:
    """A customer directory; it remembers paths and secrets."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    async def customer(self, request: web.Request) -> web.Response:
        self.seen.append((request.raw_path, request.headers.get("Authorization", "")))
        if request.match_info["number"] == "34999":
            await asyncio.sleep(PATIENCE_S + 3)
        return web.json_response({"customer": {"tier": "gold", "points": 40}})


@contextmanager
def _serving(crm: Crm, port: int) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="crm", daemon=True)
    thread.start()
    application = web.Application()
    application.add_routes([web.get("/customers/{number}", crm.customer)])
    runner = web.AppRunner(application, shutdown_timeout=5)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()

    asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _config(port: int, *, failing_to: str = "plain") -> dict[str, Any]:
    nodes = {
        "menu": {"do": "menu", "prompt": "menu", "timeout_s": 8, "keys": {"1": "who"}},
        "who": {
            "do": "call",
            "flow": "identify",
            "give": {"number": "digits(ani)"},
            "take": {"tier": "tier", "points": "points"},
            "results": {"known": "weigh"},
            "next": failing_to,
        },
        "weigh": {
            "do": "set",
            "compute": {"wanted": "tier & '-' & if(points / 2 >= 20, 'first', 'second')"},
            "next": "into",
        },
        "into": {"do": "enqueue", "queue": "{wanted}"},
        "plain": {"do": "enqueue", "queue": "plain"},
        "other": {"do": "enqueue", "queue": "other"},
    }
    nodes.pop("other" if failing_to == "plain" else "plain")
    identify = {
        "ask": {
            "do": "lookup",
            "lookup": "crm",
            "next": "yes",
            "on_none": "no",
            "on_timeout": "no",
            "on_error": "no",
        },
        "yes": {"do": "return", "result": "known"},
        "no": {"do": "return", "result": "unknown"},
    }
    return {
        "trunk": {"carrier": trunk()},
        "queue": {name: queue() for name in ("gold-first", "gold-second", "plain", "other")},
        "lookup": {
            "crm": {
                "url": f"http://127.0.0.1:{port}/customers/{{number}}",
                "auth": "bearer",
                "secret": SECRET,
                "timeout_s": PATIENCE_S,
                "results": {"tier": "customer.tier", "points": "customer.points as number"},
            }
        },
        "flow": {
            "main": {"start": "menu", "node": nodes},
            "identify": {"start": "ask", "node": identify},
        },
        "route": {"600": {"to": "flow:main"}},
    }


def _call(switch: Switch, folder: Path, user: str, *, stay_s: float = 1.0) -> dict[str, Any]:
    """Presses 1, stays, hangs up; the CDR."""
    scenario = (
        Scenario("trunk", user, number="600")
        .invite()
        .connected()
        .pause(0.5)
        .info_digit("1")
        .pause(stay_s)
        .bye()
    )
    result = Sipp(scenario, folder, remote=switch.sip, address=TRUNK_ADDRESS).run()
    assert result.exit_code == 0, result.errors
    return switch.cdr(result.requests("INVITE", "sent")[0].get("call-id"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Switch, Crm, int]]:
    crm, port = Crm(), free_port(tcp=True)
    with _serving(crm, port), Switch(tmp_path_factory.mktemp("switch"), _config(port)) as switch:
        yield switch, crm, port


def test_menu_sub_flow_lookup_and_expression_lead_into_a_queue(
    place: tuple[Switch, Crm, int], tmp_path: Path
) -> None:
    switch, crm, _ = place
    row = _call(switch, tmp_path, "34600")
    assert (row["queue"], row["ended_by"]) == ("gold-first", "caller")
    assert crm.seen[-1] == ("/customers/34600", f"Bearer {SECRET}")


def test_a_server_that_does_not_answer_costs_its_time_limit(
    place: tuple[Switch, Crm, int], tmp_path: Path
) -> None:
    switch, crm, _ = place
    began = time.monotonic()
    row = _call(switch, tmp_path, "34999", stay_s=PATIENCE_S + 1.5)
    assert row["queue"] == "plain" and crm.seen[-1][0] == "/customers/34999"
    assert row["wait_s"] < time.monotonic() - began - PATIENCE_S


def test_a_roll_back_is_what_the_next_caller_gets(place: tuple[Switch, Crm, int], tmp_path: Path) -> None:
    switch, _, port = place
    switch.write(_config(port, failing_to="other"))
    switch.cli("reload")
    assert _call(switch, tmp_path / "new", "34999", stay_s=PATIENCE_S + 1.0)["queue"] == "other"
    assert switch.cli("ivr", "rollback", "main")["live"] == 1
    assert _call(switch, tmp_path / "old", "34999", stay_s=PATIENCE_S + 1.0)["queue"] == "plain"
    versions = {view["flow"]: view for view in switch.cli("ivr", "versions")}["main"]["versions"]
    assert [(each["version"], each["live"], each["in_file"]) for each in versions] == [
        (1, True, False),
        (2, False, True),
    ]
    switch.cli("ivr", "release", "main")


def test_the_secret_is_in_no_log(place: tuple[Switch, Crm, int]) -> None:
    switch, crm, _ = place
    assert crm.seen, "the lookup was asked before"
    assert "looked up" in switch.log() and SECRET not in switch.log()
