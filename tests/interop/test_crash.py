"""Proves what is left after `kill -9` of the control process during 20 recorded calls.

Every recording is playable to within a second, each call has exactly one CDR after the restart, closed as crashed, phones
are still registered and new calls work. Media workers outlive it: talks and recordings go on until it is back, which takes
the workers over. Does not prove loss of power: the kernel keeps what a process has written.
"""

import os
import signal
import time
from functools import partial
from typing import Any

import pytest

from benchmarks.ua_load import Plan, UaLoad
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, load_config, phone
from tools.peers.g711 import read_wav
from tools.peers.ports import free_port
from tools.peers.sip_party import Call
from tools.peers.sip_text import Message
from tools.peers.softphone import Softphone, soxi
from tools.peers.switch import StartSwitch, Switch, wait_for

CALLS = 20


class _Killed(Exception):
    pass


@pytest.mark.parametrize("after_s", [2.3, 4.7])
def test_kill_of_the_control_process_during_recorded_calls(start_switch: StartSwitch, after_s: float) -> None:
    agent_port = free_port(AGENT_ADDRESS)
    contacts = {f"a{at}": f"sip:a{at}@{AGENT_ADDRESS}:{agent_port}" for at in range(CALLS)}
    config = load_config(contacts, record=True)
    config["endpoint"]["1001"] = phone("one")
    config["route"]["1001"] = {"to": "extension:1001"}
    switch = start_switch(config)
    killed_at: list[float] = []

    def kill() -> None:
        load.media.measuring = False
        switch.kill9()
        killed_at.append(time.time())
        raise _Killed

    with Softphone("1001", "127.0.0.21", switch.sip, password="one") as desk:
        desk.register()
        plan = Plan(server=switch.sip, callers=TRUNK_ADDRESS, agents=AGENT_ADDRESS, agent_port=agent_port, calls=CALLS,
                    seconds=after_s, ramp=20)  # fmt: skip
        load = UaLoad(plan, on_end=kill)
        with pytest.raises(_Killed):
            load.run()
        assert load.result.connected == CALLS
        bridged = {row["call"]: row["started"] for row in switch.rows("SELECT call, started FROM calls")}
        assert len(bridged) == CALLS
        files = wait_for(
            lambda: found if len(found := switch.recordings()) == CALLS else None, 3, "the recordings"
        )
        readable = {path: soxi(path).seconds for path in files}
        switch.start()
        _assert_restarted(switch, killed_at[0], readable)
        _assert_works(switch, desk)


def _assert_restarted(switch: Any, killed_at: float, readable: dict[Any, float]) -> None:
    rows = switch.wait_rows("SELECT * FROM calls", count=CALLS)
    assert len(rows) == CALLS
    assert {row["ended_by"] for row in rows} == {"crash"}
    assert all(row["ended"] == pytest.approx(killed_at, abs=2.0) for row in rows)
    visits = switch.wait_rows("SELECT call, outcome FROM queue_visits", count=CALLS)
    assert len({visit["call"] for visit in visits}) == CALLS
    recordings = switch.wait_rows("SELECT * FROM recordings WHERE state = 'crashed'", count=CALLS)
    for row in recordings:
        path = switch.state / "recordings" / row["path"]
        lasted = killed_at - row["began"]
        assert readable[path] >= lasted - 1.0, "playable as it lay, before the restart"
        samples = read_wav(path)
        assert len(samples) / 8000 >= lasted - 1.0
        assert samples.shape[1] == 2
        assert row["seconds"] == pytest.approx(len(samples) / 8000, abs=1.0)
        until_kill = samples[: round(lasted * 8000)]
        assert until_kill[-8000:, 0].any() and until_kill[-8000:, 1].any(), "both sides are there to the end"
    assert switch.rows("SELECT count(*) AS n FROM journal")[0]["n"] == 0


def _assert_works(switch: Any, desk: Softphone) -> None:
    registered = [row["endpoint"] for row in switch.cli("registrations")]
    assert registered == ["1001"]
    with Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller:
        desk.accept_always()
        caller.dial("1001")
        assert caller.rtp.wait_packets(5)
        caller.hangup()
        assert desk.call.ended.wait(3)
    rows = switch.wait_rows("SELECT * FROM calls WHERE ended_by != 'crash' AND ended IS NOT NULL")
    assert len(rows) == 1


def _talk(switch: Switch, desk: Softphone, caller: Softphone) -> dict[str, Any]:
    """The two talk; the worker that carries them."""
    for party in (desk, caller):
        party.sip.on_reinvite = partial(_follow, party)
    desk.register().accept_always()
    caller.dial("1001")
    assert caller.rtp.wait_packets(10) and desk.rtp.wait_packets(10)
    leg = switch.cli("calls", "show", switch.cli("calls")[0]["call"])["legs"][0]
    return next(view for view in switch.cli("status")["workers"] if view["worker"] == leg["worker"])


def _follow(party: Softphone, call: Call, request: Message) -> tuple[int, str]:
    """Take a re-INVITE, and send where it says."""
    party.rtp.peer = request.media()
    return party.sip._accept_reinvite(call, request)


def _hears(party: Softphone, more: int = 50) -> bool:
    return party.rtp.wait_packets(more, 5)


CENTRE: dict[str, Any] = {**load_config({}, record=False), "endpoint": {"1001": phone("one", record="always")},
                          "route": {"1001": {"to": "extension:1001"}}, "queue": {}, "agent": {}}  # fmt: skip


def test_a_media_worker_that_dies_is_replaced_under_its_call(start_switch: StartSwitch) -> None:
    switch = start_switch(CENTRE)
    with (
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as desk,
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller,
    ):
        worker = _talk(switch, desk, caller)
        os.kill(worker["pid"], signal.SIGKILL)
        wait_for(
            lambda: all(v["pid"] != worker["pid"] for v in switch.cli("status")["workers"]), 5, "a new worker"
        )
        assert _hears(caller) and _hears(desk)
        caller.hangup()
        assert desk.call.ended.wait(3)
        row = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL")[0]
        assert (row["ended_by"], row["cause"]) == ("caller", "normal")


def test_a_talk_goes_on_without_the_control_process_until_it_is_back(start_switch: StartSwitch) -> None:
    switch = start_switch(CENTRE)
    with (
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as desk,
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller,
    ):
        worker = _talk(switch, desk, caller)
        switch.kill9()
        killed_at = time.time()
        assert _hears(caller, 100) and _hears(desk, 50)
        switch.start()
        [now] = [view for view in switch.cli("status")["workers"] if view["worker"] == worker["worker"]]
        assert (now["pid"], now["legs"], now["recordings"]) == (worker["pid"], 0, 0), "the same, and cleared"
        [call] = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL")
        assert call["ended_by"] == "crash"
        [kept] = switch.wait_rows("SELECT * FROM recordings WHERE state = 'crashed'")
        samples = read_wav(switch.state / "recordings" / kept["path"])
        assert kept["seconds"] == pytest.approx(len(samples) / 8000, abs=0.1)
        assert len(samples) / 8000 >= killed_at - kept["began"] + 1.5, "recorded on while nobody was there"
        assert switch.rows("SELECT count(*) AS n FROM journal")[0]["n"] == 0
