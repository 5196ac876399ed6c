"""Proves with programs that are not ours, on calls of SIPp through a real switch: two AMI client libraries (panoramisk,
asterisk-ami) log in, hear a served and a lost caller and read QueueStatus and QueueSummary; aiohttp follows the
WebSocket, resumes after a number and is refused without the secret; a web server of aiohttp that fails at first gets
every event of each call in order, signed; metrics come over TCP and are read by Prometheus' own parser.

Does not prove wallboards of other makers.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import panoramisk
import pytest
from aiohttp import web
from asterisk.ami import AMIClient, SimpleAction
from prometheus_client.parser import text_string_to_metric_families

from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, agent, desk, queue, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import StartSwitch, Switch, wait_for

SECRET = "feed-secret-1"


class Receiver:
    """A web server that takes events, at the third try."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.bad: list[str] = []
        self.asked = 0
        self.port = 0

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.asked <= 2:
            return web.Response(status=503)
        body = await request.read()
        stamp, _, digest = request.headers["X-Softswitch-Signature"].partition(",v1=")
        wanted = hmac.new(SECRET.encode(), stamp[2:].encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(digest, wanted):
            self.bad.append(digest)
        self.got.append(json.loads(body))
        return web.Response(status=204)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/events", receiver.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    yield receiver
    await runner.cleanup()


def _config(phone: int, receiver: Receiver, manager: int, events: int) -> dict[str, Any]:
    return {
        "trunk": {"carrier": trunk()},
        "endpoint": {"1001": desk(f"sip:1001@{AGENT_ADDRESS}:{phone}")},
        "agent": {"ana": agent("1001", name="Ana")},
        "queue": {"sales": queue(["ana"], timeout=10.0)},
        "route": {"600": {"to": "queue:sales"}},
        "ami": {"listen": f"127.0.0.1:{manager}", "user": "board", "secret": SECRET},
        "events": {"listen": f"127.0.0.1:{events}", "secret": SECRET},
        "webhook": {
            "crm": {
                "url": f"http://127.0.0.1:{receiver.port}/events",
                "secret": SECRET,
                "retry_min_s": 0.1,
                "topics": ["call.*", "queue.*"],
            }
        },
    }


async def calls(switch: Switch, folder: Path, phone: int) -> None:
    """One is served and hangs up; one hangs up while it rings."""
    serves = Scenario("ana", "1001").called().ring().pause(0.2).accept().expect_bye()
    for name, answers in (("served", serves), ("lost", Scenario("ana", "1001").called().ring().cancelled())):
        scenario = Scenario("caller", f"3460000{name}", number="600").invite().connected().pause(1.2).bye()
        with (
            Sipp(answers, folder / f"{name}-agent", address=AGENT_ADDRESS, port=phone, calls=1, timeout_s=30),
            Sipp(scenario, folder / name, remote=switch.sip, address=TRUNK_ADDRESS, timeout_s=30) as caller,
        ):
            result = await asyncio.to_thread(caller.wait, 30)
            assert result.exit_code == 0


async def follow(port: int, since: int | None, enough: Any) -> list[dict[str, Any]]:
    """Events over the WebSocket until `enough` says so."""
    query = {"token": SECRET, **({} if since is None else {"since": str(since)})}
    got: list[dict[str, Any]] = []
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/v1/events", params=query) as socket,
    ):
        async with asyncio.timeout(40):
            async for said in socket:
                got.append(json.loads(said.data))
                if enough(got):
                    break
    return got


def threaded(port: int) -> tuple[AMIClient, list[str], list[str]]:
    """The other library: its own thread, its own parser."""
    client = AMIClient(address="127.0.0.1", port=port, timeout=60)
    heard: list[str] = []
    summary: list[str] = []

    def hear(source: Any, event: Any) -> None:
        heard.append(event.name)
        if event.name == "QueueSummary":
            summary.append(event.keys["LoggedIn"])

    client.add_event_listener(hear)
    response = client.login(username="board", secret=SECRET).response
    assert not response.is_error()
    return client, heard, summary


async def test_everybody_hears_what_happens(
    start_switch: StartSwitch, tmp_path: Path, receiver: Receiver
) -> None:
    phone, manager_port, events_port = (
        free_port(AGENT_ADDRESS),
        free_port("127.0.0.1", tcp=True),
        free_port("127.0.0.1", tcp=True),
    )
    config = _config(phone, receiver, manager_port, events_port)
    switch = await asyncio.to_thread(start_switch, config)
    board = panoramisk.Manager(
        host="127.0.0.1", port=manager_port, username="board", secret=SECRET, loop=asyncio.get_running_loop()
    )
    heard: list[Any] = []
    board.register_event("*", lambda manager, event: heard.append(event))
    await board.connect()
    await asyncio.to_thread(wait_for, lambda: board.authenticated, 10, "the log-in")
    other, also_heard, summary = await asyncio.to_thread(threaded, manager_port)

    def all_over(got: list[dict[str, Any]]) -> bool:
        return sum(each["type"] == "call.ended" for each in got) == 2

    following = asyncio.create_task(follow(events_port, None, all_over))
    await calls(switch, tmp_path, phone)
    events = await following

    # The manager interface, by two libraries.
    status = await asyncio.wait_for(board.send_action({"Action": "QueueStatus"}), 10)
    kinds = [each.event for each in status if each.event]
    assert kinds == ["QueueParams", "QueueMember", "QueueStatusComplete"]
    assert (status[1]["Completed"], status[1]["Abandoned"]) == ("1", "1")
    assert (status[2]["Name"], status[2]["Location"], status[2]["CallsTaken"]) == ("Ana", "PJSIP/1001", "1")
    names = [event.event for event in heard if event.event.startswith(("QueueCaller", "Agent"))]
    assert names == [
        *("QueueCallerJoin", "AgentCalled", "QueueCallerLeave", "AgentConnect", "AgentComplete"),
        *("QueueCallerJoin", "AgentCalled", "QueueCallerAbandon", "QueueCallerLeave"),
    ]
    refused = await asyncio.wait_for(board.send_action({"Action": "QueuePause", "Queue": "sales"}), 10)
    assert refused.response == "Error"
    other.send_action(SimpleAction("QueueSummary"))
    await asyncio.to_thread(wait_for, lambda: bool(summary), 10, "the summary")
    assert summary == ["1"] and {"QueueCallerJoin", "AgentConnect", "QueueCallerAbandon"} <= set(also_heard)
    await asyncio.to_thread(other.logoff)
    board.close()

    # The WebSocket: in order, resumed, refused.
    told = [each for each in events if "seq" in each]
    numbers = [each["seq"] for each in told]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    middle = told[len(told) // 2]["seq"]
    rest = [each for each in await follow(events_port, middle, all_over_since(told, middle)) if "seq" in each]
    assert rest[: len(told) - len(told) // 2 - 1] == [each for each in told if each["seq"] > middle]
    [join, *_] = [each for each in told if each["type"] == "queue.joined"]
    assert (join["ami"], join["queue"]) == ("QueueCallerJoin", "sales")
    gap = await follow(events_port, 1, lambda got: len(got) > 2)
    assert gap[1]["type"] == "gap" and gap[1]["missed"] is None

    # The web server: everything of each call, in order, though it failed at first.
    wanted = [each for each in told if each["type"].partition(".")[0] in ("call", "queue")]
    await asyncio.to_thread(wait_for, lambda: len(receiver.got) >= len(wanted), 20, "all events")
    assert not receiver.bad and receiver.asked >= len(receiver.got) + 2
    for call in {each["call"] for each in wanted if "call" in each}:
        of_call = [each["seq"] for each in receiver.got if each.get("call") == call]
        assert of_call == [each["seq"] for each in wanted if each.get("call") == call]

    # Over TCP: only with the secret, and nothing but what may be read.
    async with aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{events_port}"
        for path in ("/metrics", "/v1/events", "/health"):
            async with session.get(base + path) as response:
                assert response.status == 401
        shown = {"Authorization": f"Bearer {SECRET}"}
        async with session.get(base + "/v1/calls", headers=shown) as response:
            assert response.status == 404
        async with session.get(base + "/metrics", headers=shown) as response:
            families = {each.name for each in text_string_to_metric_families(await response.text())}
    assert {"softswitch_queue_callers", "softswitch_calls", "softswitch_webhook_waiting"} <= families
    figures = await asyncio.to_thread(switch.cli, "events", "listeners")
    assert figures["webhooks"][0]["taken"] == len(receiver.got)
    assert SECRET not in switch.log()


def all_over_since(told: list[dict[str, Any]], middle: int) -> Any:
    last = told[-1]["seq"]
    return lambda got: any(each.get("seq", 0) >= last for each in got)
