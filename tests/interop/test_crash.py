"""Proves what is left after `kill -9` of the control process during 20 recorded calls: all of them.

Media workers outlive it and the next process goes on with their calls: nobody loses a packet, BYE from either side ends
both legs, each call has one right CDR and one playable recording, phones are still registered, new calls work. Does not
prove loss of power: the kernel keeps what a process has written.
"""

import os
import signal
import threading
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
DOWN_S = 14.0
"""Longer than a switch takes to start on a busy machine."""
GO_ON_S = 5.0
"""How long all talk once it is back."""


@pytest.mark.parametrize("after_s", [0.3, 1.9])
def test_recorded_queue_calls_go_on_when_the_control_process_is_killed(
    start_switch: StartSwitch, after_s: float
) -> None:
    """Audio both ways, compared packet by packet; then each caller's BYE is answered by 200."""
    agent_port = free_port(AGENT_ADDRESS)
    contacts = {f"a{at}": f"sip:a{at}@{AGENT_ADDRESS}:{agent_port}" for at in range(CALLS)}
    config = load_config(contacts, record=True)
    config["endpoint"]["1001"] = phone("one")
    config["route"]["1001"] = {"to": "extension:1001"}
    switch = start_switch(config)
    back: list[float] = []

    def kill_and_start() -> None:
        time.sleep(after_s)
        switch.kill9()
        switch.start()
        back.append(time.monotonic())
        load.enough = back[0] + GO_ON_S

    killer = threading.Thread(target=kill_and_start)
    with Softphone("1001", "127.0.0.21", switch.sip, password="one") as desk:
        desk.register()
        plan = Plan(server=switch.sip, callers=TRUNK_ADDRESS, agents=AGENT_ADDRESS, agent_port=agent_port, calls=CALLS,
                    seconds=DOWN_S, ramp=20, connect_timeout_s=40)  # fmt: skip
        load = UaLoad(plan, on_steady=killer.start, on_end=killer.join)
        result = load.run()
        assert back, "it is back before anybody hangs up"
        assert (result.connected, result.completed, result.failed) == (CALLS, CALLS, 0), result.failures
        media = result.media
        assert media is not None
        assert (media.lost, media.corrupted, media.misrouted, media.deaf_legs) == (0, 0, 0, 0)
        _assert_whole(switch, result.seconds - 0.1, int(after_s) + 3)
        _assert_works(switch, desk)


def _assert_whole(switch: Any, seconds: float, killed_s: int) -> None:
    """`killed_s`: second of the recordings in which the process was dead for certain."""
    rows = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL", count=CALLS)
    assert [(row["ended_by"], row["cause"]) for row in rows] == [("caller", "normal")] * CALLS
    assert all(row["talk_s"] >= seconds and row["agent"] for row in rows)
    visits = switch.wait_rows("SELECT call, outcome FROM queue_visits", count=CALLS)
    assert {visit["call"] for visit in visits} == {row["call"] for row in rows}
    assert {visit["outcome"] for visit in visits} == {"answered"}
    recordings = switch.wait_rows("SELECT * FROM recordings WHERE state = 'ended'", count=CALLS)
    assert len({row["call"] for row in recordings}) == CALLS == len(switch.recordings())
    for row in recordings:
        path = switch.state / "recordings" / row["path"]
        samples = read_wav(path)
        assert soxi(path).seconds == pytest.approx(row["seconds"], abs=0.1)
        assert len(samples) / 8000 >= seconds
        both = samples[: len(samples) // 8000 * 8000].reshape(-1, 8000, 2).any(axis=1).all(axis=1)
        # A busy machine stops the parties for moments too: what they do not send cannot be recorded.
        assert both[killed_s : int(seconds) + 1].sum() >= 3, (
            f"both are heard after the kill: {both.astype(int)}"
        )
    for table in ("journal", "snapshots"):
        assert switch.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] == 0


def _assert_works(switch: Any, desk: Softphone) -> None:
    registered = [row["endpoint"] for row in switch.cli("registrations")]
    assert registered == ["1001"]
    with Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller:
        desk.accept_always()
        caller.dial("1001")
        assert caller.rtp.wait_packets(5)
        caller.hangup()
        assert desk.call.ended.wait(3)
    switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL", count=CALLS + 1)


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


def test_a_talk_goes_on_without_the_control_process_and_with_the_next_one(start_switch: StartSwitch) -> None:
    """Then hold, and the callee's BYE, as if nothing had been."""
    switch = start_switch(CENTRE)
    with (
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as desk,
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller,
    ):
        worker = _talk(switch, desk, caller)
        switch.kill9()
        assert _hears(caller, 100) and _hears(desk, 50)
        switch.start()
        [now] = [view for view in switch.cli("status")["workers"] if view["worker"] == worker["worker"]]
        assert (now["pid"], now["legs"], now["recordings"]) == (worker["pid"], 2, 1), "the same, at its work"
        assert [call["stage"] for call in switch.cli("calls")] == ["talk"]
        assert _hears(caller) and _hears(desk)
        assert desk.hangup().status == 200
        assert caller.call.ended.wait(3)
        [call] = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL")
        assert (call["ended_by"], call["cause"]) == ("callee", "normal")
        [kept] = switch.wait_rows("SELECT * FROM recordings WHERE state = 'ended'")
        samples = read_wav(switch.state / "recordings" / kept["path"])
        assert kept["seconds"] == pytest.approx(len(samples) / 8000, abs=0.1)
        assert len(samples) / 8000 >= call["talk_s"] - 0.5
        assert switch.rows("SELECT count(*) AS n FROM journal")[0]["n"] == 0
