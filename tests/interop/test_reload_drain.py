"""Proves that a reload changes queues under live calls without touching them, and that a stop drains.

Does not prove what cannot be changed while running; `reload` says it and that is asserted for one key.
"""

import os
import signal
import time
from typing import Any

from tools.peers.centre import TRUNK_ADDRESS, agent, phone, queue, trunk
from tools.peers.g711 import unique_frames
from tools.peers.rtp_party import compare
from tools.peers.softphone import Softphone
from tools.peers.switch import StartSwitch, Switch, wait_for


def _config() -> dict[str, Any]:
    return {
        "trunk": {"carrier": trunk()},
        "endpoint": {"1001": phone("one"), "1002": phone("two")},
        "agent": {"ana": agent("1001"), "ben": agent("1002")},
        "queue": {"support": queue(["ana"])},
        "route": {"600": {"to": "queue:support"}},
    }


def _changed() -> dict[str, Any]:
    config = _config()
    config["queue"] = {"support": queue(["ana", "ben"], servicelevel=7), "sales": queue(["ben"])}
    config["route"]["601"] = {"to": "queue:sales"}
    return config


def _assert_still_talking(caller: Softphone, called: Softphone, seed: int) -> None:
    spoken = unique_frames(40, seed)
    since = time.monotonic()
    caller.rtp.play(spoken).wait_played()
    caller.rtp.wait_packets(3)
    assert compare(spoken, called.rtp.payloads(since=since)).bit_exact


def _connected(switch: Switch, caller: Softphone, called: Softphone) -> None:
    called.register().accept_always()
    caller.dial("600")
    wait_for(lambda: called.rtp.peer, 5, "the agent's media")
    assert called.rtp.wait_packets(5)


def test_reload_adds_a_queue_and_a_member_under_live_calls(start_switch: StartSwitch) -> None:
    switch = start_switch(_config())
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as talking,
        Softphone("34601", TRUNK_ADDRESS, switch.sip) as waiting,
        Softphone("34602", TRUNK_ADDRESS, switch.sip) as third,
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as ana,
        Softphone("1002", "127.0.0.22", switch.sip, password="two") as ben,
    ):
        _connected(switch, talking, ana)
        waiting.dial("600")
        ben.register()
        assert third.sip.call("601", third.media).wait().status == 404
        switch.write(_changed())
        ben.accept_always()
        view = switch.command("reload", "--json")
        assert view.returncode == 0, view.stdout + view.stderr
        wait_for(lambda: ben.rtp.peer, 5, "the waiting caller at the new member")
        _assert_still_talking(talking, ana, 1)
        _assert_still_talking(waiting, ben, 2)
        assert "sales" in {row["queue"] for row in switch.cli("queue")}
        for caller in (waiting, talking):
            caller.hangup()
        third.dial("601")
        third.hangup()
    assert "CONFIGRELOAD" in [line[4] for line in switch.queue_log()]
    rows = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL", count=4)
    assert {row["ended_by"] for row in rows if row["bridged"]} == {"caller"}


def test_reload_by_signal(start_switch: StartSwitch) -> None:
    switch = start_switch(_config())
    switch.write(_changed())
    switch.reload_signal()
    wait_for(lambda: "sales" in {row["queue"] for row in switch.cli("queue")}, 5, "the new queue")


def test_a_wrong_file_changes_nothing(start_switch: StartSwitch) -> None:
    switch = start_switch(_config())
    wrong = _changed()
    wrong["queue"]["support"]["strategy"] = "longest-idel"
    wrong["route"]["700"] = {"to": "queue:nowhere"}
    switch.write(wrong)
    done = switch.command("reload")
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "longest-idle" in told and "nowhere" in told
    assert {row["queue"] for row in switch.cli("queue")} == {"support"}
    switch.reload_signal()
    time.sleep(0.5)
    assert switch.ready()


def test_a_queue_taken_away_lets_its_callers_finish(start_switch: StartSwitch) -> None:
    switch = start_switch(_config())
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller,
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as ana,
    ):
        _connected(switch, caller, ana)
        without = _config()
        without["queue"], without["route"] = {}, {}
        switch.write(without)
        assert switch.command("reload").returncode == 0
        _assert_still_talking(caller, ana, 3)
        caller.hangup()
        assert ana.call.ended.wait(3)
    row = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL")[0]
    assert (row["queue"], row["agent"], row["ended_by"]) == ("support", "ana", "caller")


def _drain(switch: Switch, how: str) -> None:
    if how == "command":
        switch.command("stop")
    else:
        os.kill(switch.pid, signal.SIGTERM)


def _drains(start_switch: StartSwitch, how: str) -> None:
    switch = start_switch(_config())
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller,
        Softphone("34601", TRUNK_ADDRESS, switch.sip) as late,
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as ana,
    ):
        _connected(switch, caller, ana)
        _drain(switch, how)
        wait_for(lambda: not switch.ready(), 3, "not ready any more")
        refused = late.sip.call("600", late.media).wait()
        assert refused.status == 503
        assert refused.get("retry-after").split(" ")[0].isdigit()
        assert late.sip.ping().status == 503
        _assert_still_talking(caller, ana, 4)
        assert switch.running()
        assert caller.hangup().status == 200
        assert ana.call.ended.wait(3)
        assert switch.process is not None
        assert switch.process.wait(8) == 0
    rows = switch.rows("SELECT * FROM calls")
    assert sorted(str(row["ended_by"]) for row in rows if row["bridged"]) == ["caller"]
    assert all(row["ended"] for row in rows)


def test_stop_drains(start_switch: StartSwitch) -> None:
    _drains(start_switch, "command")


def test_sigterm_drains(start_switch: StartSwitch) -> None:
    _drains(start_switch, "signal")


def test_stop_now_ends_calls_with_their_cdr(start_switch: StartSwitch) -> None:
    switch = start_switch(_config())
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller,
        Softphone("1001", "127.0.0.21", switch.sip, password="one") as ana,
    ):
        _connected(switch, caller, ana)
        assert switch.stop() == 0
        assert caller.call.ended.wait(3) and ana.call.ended.wait(3)
    rows = switch.rows("SELECT * FROM calls")
    assert [(row["ended_by"], row["cause"]) for row in rows] == [("switch", "shutdown")]
    recordings = switch.rows("SELECT * FROM recordings")
    assert [row["state"] for row in recordings] == ["ended"]
