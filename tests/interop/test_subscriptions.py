"""Proves subscriptions with subscribers that are not ours: 500 of SIPp (busy lamps of an agent and message lamps) are told
every change in order, without a gap in the versions; a caller's message lights and puts out real lamps; baresip's own
message lamp and buddy list follow the switch, over digest.

Does not prove the rules of RFC 6665 one by one (`tests/sip/test_notifier.py`).
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, agent, desk, phone, queue, trunk
from tools.peers.ports import free_port
from tools.peers.sipp import Sipp
from tools.peers.softphone import Softphone
from tools.peers.switch import StartSwitch, Switch, wait_for
from tools.peers.watch_scenario import WatchScenario

PANEL, PHONE = "127.0.0.31", "127.0.0.32"
LAMPS = MESSAGES = 250
LAMP = WatchScenario(
    "lamps",
    "panel",
    "agent-ana",
    notifies=[
        ['version="0" state="full"'],
        ['version="1" state="partial"', "<state>confirmed</state>"],
        ['version="2" state="partial"', "<state>terminated</state>"],
    ],
)
LIGHT = WatchScenario(
    "messages",
    "panel",
    "box-sales",
    "message-summary",
    notifies=[
        ["Voice-Message: 0/0"],
        ["Messages-Waiting: yes", "Voice-Message: 1/0"],
        ["Voice-Message: 0/1"],
    ],
)


def _config(port: int) -> dict[str, Any]:
    return {
        "sip": {"t1_ms": 4000},  # SIPp takes a NOTIFY that comes again for one that it did not expect
        "subscriptions": {"most_per_peer": 600},
        "trunk": {"carrier": trunk()},
        "endpoint": {
            "panel": desk(f"sip:panel@{PANEL}:{port}", match=[f"{PANEL}/32"], watches=["*"]),
            "1001": phone("one", mailbox="sales", watches=["agent-ana", "1001"]),
        },
        "agent": {"ana": agent("panel")},
        "queue": {"support": queue(["ana"])},
        "message": {"sales": {"max_s": 30}},
        "route": {"601": {"to": "message:sales"}},
    }


def _leave_message(switch: Switch) -> None:
    with Softphone("34600111222", TRUNK_ADDRESS, switch.sip) as caller:
        caller.dial("601")
        wait_for(lambda: _asked(switch, "recordings?box=sales"), 30, "the recording")
        caller.rtp.play([bytes([0x55]) * 160] * 150)
        assert caller.rtp.wait_played()
        caller.hangup()


def _asked(switch: Switch, what: str) -> Any:
    """Of the control socket: starting the command line takes longer than what is waited for."""
    status, text = switch.get(f"/v1/{what}")
    assert status == 200, text
    return json.loads(text)


def _now(switch: Switch) -> dict[str, int]:
    found: dict[str, int] = _asked(switch, "subscriptions/figures")["subscriptions"]
    return found


def _behind(switch: Switch) -> Counter[tuple[str, int, str]]:
    """Subscriptions that were not told twice, or have not answered."""
    shown = _asked(switch, "subscriptions")
    return Counter(
        (each["resource"], each["version"], each["state"])
        for each in shown
        if each["version"] < 2 or each["state"] != "idle"
    )


def _baresip(switch: Switch, folder: Path) -> Baresip:
    return Baresip(
        "1001",
        folder,
        switch.sip,
        password="one",
        address=PHONE,
        watches_messages=True,
        buddies=["agent-ana"],
    )


def test_real_subscribers_hear_every_change(start_switch: StartSwitch, tmp_path: Path) -> None:
    port = free_port(PANEL)
    switch = start_switch(_config(port))
    ways: dict[str, Any] = {"remote": switch.sip, "address": PANEL, "rate": 200, "timeout_s": 150}
    with (
        Sipp(LAMP, tmp_path / "lamps", calls=LAMPS, port=port, **ways) as lamps,
        Sipp(LIGHT, tmp_path / "messages", calls=MESSAGES, **ways) as lights,
        _baresip(switch, tmp_path / "baresip") as baresip,
    ):
        watched = {"dialog": LAMPS, "message-summary": MESSAGES + 1, "presence": 1}
        wait_for(lambda: _now(switch) == watched, 60, "all subscriptions")
        assert {
            (each["subscriber"], each["resource"]) for each in switch.cli("subscriptions", "show", "--json")
        } == {
            ("endpoint:panel", "agent:ana"),
            ("endpoint:panel", "box:sales"),
            ("endpoint:1001", "agent:ana"),
            ("endpoint:1001", "box:sales"),
        }
        switch.cli("agent", "pause", "ana")
        _leave_message(switch)
        wait_for(lambda: not _behind(switch), 30, "all told")
        wait_for(lambda: "Voice-Message: 1/0" in baresip.log(), 20, "the message lamp of baresip")
        switch.cli("agent", "resume", "ana")
        [message] = _asked(switch, "messages?box=sales")
        switch.cli("message", "mark", message["message"])
        results = [lamps.wait(), lights.wait()]
        switch.cli("agent", "logout", "ana")
        wait_for(
            lambda: "Closed" in baresip.log() or "Offline" in baresip.log(), 10, "the buddy list of baresip"
        )
    for result in results:
        assert (result.exit_code, result.successful, result.failed) == (0, 250, 0), result.errors[:2000]
    figures = switch.cli("subscriptions", "figures", "--json")
    assert figures["accepted"] == LAMPS + MESSAGES + 2
    assert figures["ended"]["timeout"] >= LAMPS + MESSAGES and set(figures["ended"]) == {"timeout"}
    assert figures["notifies"] >= 4 * (LAMPS + MESSAGES)
    switch.assert_clean()
