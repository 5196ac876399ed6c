"""Proves, over a real Unix socket: every route answers JSON with the fields of its view, errors are JSON with their
status, bodies and queries are bounded and checked, only the owner may open the socket, a dead socket is replaced and a
live one respected, metrics are readable by an independent parser.

Does not prove that the running switch fills the views rightly: here it is a fake.
"""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from softswitch.api import past_views, status_views, views
from softswitch.api.control import CdrSearch, SwitchControl
from softswitch.api.report_views import ReportCheckView, ReportColumn, ReportView
from softswitch.api.server import ApiServer
from softswitch.bus import Bus
from softswitch.errors import StorageError, UnusableError
from softswitch.facts import CallEnded, CallerLeftQueue
from softswitch.ids import CallId, QueueName
from softswitch.testing.control import CALL, RECORDING, FakeControl


class Running:
    def __init__(self, path: Path) -> None:
        self.path = path / "control.sock"
        self.control = FakeControl()
        self.bus = Bus()
        as_protocol: SwitchControl = self.control
        self.server = ApiServer(as_protocol, self.bus, self.path, (42.0,))

    async def ask(self, method: str, target: str, **more: Any) -> tuple[int, Any]:
        connector = aiohttp.UnixConnector(str(self.path))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://switch{target}", **more) as response,
        ):
            body = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(body) if is_json else body.decode()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    running = Running(tmp_path)
    await running.server.start()
    yield running
    await running.server.stop()
    assert not running.path.exists()


@pytest.mark.parametrize(
    ("target", "view"),
    [
        ("/v1/status", status_views.StatusView),
        ("/v1/calls", views.CallView),
        (f"/v1/calls/{CALL}", views.CallDetailView),
        ("/v1/lines", views.LineView),
        ("/v1/queues", views.QueueView),
        ("/v1/queues/sales", views.QueueDetailView),
        ("/v1/agents", views.AgentView),
        ("/v1/trunks", views.TrunkView),
        ("/v1/registrations", views.RegistrationView),
        ("/v1/recordings", past_views.RecordingView),
        (f"/v1/recordings/{RECORDING}", past_views.RecordingView),
        ("/v1/cdrs", past_views.CdrView),
        (f"/v1/cdrs/{CALL}", past_views.CdrDetailView),
        ("/v1/reports/queue?since=0&until=60", ReportView),
        ("/v1/reports/check?since=0&until=60", ReportCheckView),
        ("/v1/reports", ReportColumn),
    ],
)
async def test_reading_routes_answer_the_fields_of_their_view(
    running: Running, target: str, view: type
) -> None:
    status, body = await running.ask("GET", target)
    assert status == 200
    first = body[0] if isinstance(body, list) else body
    assert set(first) == {field.name for field in fields(view)}


async def test_commands_reach_the_switch(running: Running) -> None:
    assert (await running.ask("DELETE", f"/v1/calls/{CALL}"))[0] == 200
    assert (await running.ask("POST", "/v1/agents/ana/login", json={"endpoint": "1002"}))[0] == 200
    status, paused = await running.ask("POST", "/v1/agents/ana/pause", json={"reason": "lunch"})
    assert (status, paused["status"], paused["reason"]) == (200, "paused", "lunch")
    for action in ("resume", "logout"):
        assert (await running.ask("POST", f"/v1/agents/ana/{action}"))[0] == 200
    assert (await running.ask("POST", "/v1/agents/ana/endpoint", json={"endpoint": "1003"}))[0] == 200
    assert (await running.ask("POST", f"/v1/calls/{CALL}/recording"))[0] == 200
    for method, masked in (("POST", True), ("DELETE", False)):
        answer = await running.ask(method, f"/v1/calls/{CALL}/mask")
        assert answer == (200, {"call": CALL, "masked": masked})
    assert (await running.ask("POST", "/v1/stop", json={"now": True}))[0] == 202
    assert running.control.commands == [
        ("hangup", CALL),
        ("login", "ana", "1002"),
        ("pause", "ana", "lunch"),
        ("resume", "ana"),
        ("logout", "ana"),
        ("endpoint", "ana", "1003"),
        ("record", CALL),
        ("mask", CALL),
        ("unmask", CALL),
        ("stop", True),
    ]


async def test_reload_tells_what_changed_or_every_problem(running: Running) -> None:
    status, body = await running.ask("POST", "/v1/reload")
    assert (status, body["changed"], body["needs_restart"]) == (
        200,
        ["queue.sales", "rtp.ports"],
        ["rtp.ports"],
    )
    running.control.reload_problems = (
        views.ProblemView(file="a.toml", line=3, key="sip.t1", message="is no key here"),
    )
    status, body = await running.ask("POST", "/v1/reload")
    assert status == 422
    assert body["problems"][0]["line"] == 3


async def test_searches_are_typed_and_bounded(running: Running) -> None:
    await running.ask("GET", "/v1/cdrs?since=5.5&number=600&limit=1000000")
    assert running.control.searches == [CdrSearch(since=5.5, number="600", limit=10_000)]


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "said"),
    [
        ("GET", "/v1/calls/nobody", None, 404, "there is no call 'nobody'"),
        ("GET", "/v1/queues/nobody", None, 404, "there is no queue"),
        ("DELETE", f"/v1/calls/{CALL}/recording", None, 409, "not being recorded"),
        ("GET", "/v1/nothing", None, 404, "Not Found"),
        ("PUT", "/v1/status", None, 405, "Method Not Allowed"),
        ("GET", "/v1/cdrs?limit=0", None, 400, "limit"),
        ("GET", "/v1/cdrs?limit=many", None, 400, "limit"),
        ("GET", "/v1/cdrs?numbr=6", None, 400, "'numbr' is not known here"),
        ("GET", "/v1/reports/queue?since=10&until=10", None, 400, "until must lie after since"),
        ("GET", "/v1/reports/queue?since=0&until=nan", None, 400, "until must lie after since"),
        ("GET", "/v1/reports/queue?since=0&until=1e9&interval_s=1", None, 400, "intervals"),
        ("GET", "/v1/reports/queue", None, 400, "required"),
        ("POST", "/v1/stop", b"{", 400, "not JSON"),
        ("POST", "/v1/stop", b"[1]", 400, "no JSON object"),
        ("POST", "/v1/stop", b'{"now": "yes"}', 400, "now"),
        ("POST", "/v1/stop", b'{"nwo": true}', 400, "'nwo' is not known here"),
        ("POST", "/v1/stop", b'{"now":' + b"[" * 100_000, 400, "nested deeper"),
        ("POST", "/v1/stop", b" " * (1 << 20) + b"{}", 413, "longer than"),
    ],
)
async def test_what_cannot_be_served_is_json_with_its_status(
    running: Running, method: str, target: str, body: bytes | None, status: int, said: str
) -> None:
    got, answer = await running.ask(method, target, data=body)
    assert (got, set(answer)) == (status, {"error", "hint"})
    assert said in answer["error"]
    assert not running.control.commands


async def test_a_misspelt_key_gets_a_hint(running: Running) -> None:
    _, answer = await running.ask("POST", "/v1/stop", json={"nwo": True})
    assert answer["hint"] == "did you mean 'now'?"


async def test_faults_of_the_switch_are_told_without_their_insides(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise StorageError("the disk is full")

    def broken() -> None:
        raise KeyError("hunter2")

    monkeypatch.setattr(running.control, "calls", full)
    assert await running.ask("GET", "/v1/calls") == (503, {"error": "the disk is full", "hint": ""})
    monkeypatch.setattr(running.control, "calls", broken)
    status, answer = await running.ask("GET", "/v1/calls")
    assert status == 500
    assert "hunter2" not in json.dumps(answer)


async def test_only_the_owner_may_open_the_socket(running: Running) -> None:
    assert stat.S_IMODE(running.path.stat().st_mode) == 0o600


async def test_health_and_readiness(running: Running) -> None:
    assert await running.ask("GET", "/health") == (200, {"status": "ok"})
    assert (await running.ask("GET", "/ready"))[0] == 200
    running.control.is_ready = False
    assert await running.ask("GET", "/ready") == (503, {"ready": False})


async def test_metrics_are_prometheus_text(running: Running) -> None:
    running.bus.publish(
        CallerLeftQueue(
            wall=0,
            monotonic=0,
            call=CallId(CALL),
            queue=QueueName("sales"),
            reason="connected",
            waited_s=41.0,
            position=1,
        )
    )
    running.bus.publish(
        CallEnded(
            wall=0,
            monotonic=0,
            call=CallId(CALL),
            by="caller",
            cause="normal",
            sip_status=200,
            source="trunk:north",
            talk_s=3,
        )
    )
    status, text = await running.ask("GET", "/metrics")
    assert status == 200
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["softswitch_calls_total", ("direction", "in"), ("result", "normal")] == 1
    assert samples["softswitch_calls_active",] == 1
    assert samples["softswitch_queue_wait_seconds_bucket", ("le", "42.0"), ("queue", "sales")] == 1
    assert samples["softswitch_queue_wait_seconds_bucket", ("le", "30.0"), ("queue", "sales")] == 0
    assert samples["softswitch_queue_service_level_ratio", ("formula", "sl"), ("queue", "sales")] == 0.5
    assert samples["softswitch_queue_service_level_ratio", ("formula", "sl2"), ("queue", "sales")] == 0.5
    assert samples["softswitch_sip_invites_total", ("direction", "in")] == 7
    assert samples["softswitch_rtp_packets_total", ("direction", "out"), ("worker", "1")] == 990
    assert samples["softswitch_agents", ("queue", "sales"), ("state", "talking")] == 1
    assert CALL not in text


async def test_a_dead_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    first = Running(tmp_path)
    await first.server.start()
    with pytest.raises(UnusableError, match="already running"):
        await Running(tmp_path).server.start()
    assert (await first.ask("GET", "/health"))[0] == 200
    await first.server.stop()

    left = await asyncio.start_unix_server(lambda *_: None, str(first.path))
    left.close()
    if not first.path.exists():  # newer Pythons take the file away; a crash does not
        import socket

        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(first.path))
    again = Running(tmp_path)
    await again.server.start()
    assert (await again.ask("GET", "/health"))[0] == 200
    await again.server.stop()


async def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("precious")
    with pytest.raises(UnusableError, match="is no socket"):
        await Running(tmp_path).server.start()
    assert (tmp_path / "control.sock").read_text() == "precious"
