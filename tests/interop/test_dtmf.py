"""Proves that a key pressed in the menu is understood by RFC 4733, by SIP INFO and as a tone, from parties and baresip.

The key decides the queue; the queue stands in the CDR. Does not prove detection in noise; that is the unit tests'.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, phone, queue, trunk
from tools.peers.scenario import Scenario
from tools.peers.sip_text import sdp
from tools.peers.sipp import Sipp
from tools.peers.softphone import Softphone
from tools.peers.switch import Switch, wait_for

KEYS = "0123456789*#"


def _config() -> dict[str, Any]:
    """A queue for each key."""
    nodes: dict[str, Any] = {"menu": {"do": "menu", "prompt": "menu", "timeout_s": 8, "keys": {}}}
    for at, key in enumerate(KEYS):
        nodes["menu"]["keys"][key] = f"to{at}"
        nodes[f"to{at}"] = {"do": "enqueue", "queue": f"q{at}"}
    return {
        "trunk": {"carrier": trunk()},
        "endpoint": {"1001": phone("one")},
        "queue": {f"q{at}": queue() for at in range(len(KEYS))},
        "flow": {"main": {"start": "menu", "node": nodes}},
        "route": {"600": {"to": "flow:main"}},
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("switch"), _config()) as switch:
        yield switch


@pytest.fixture
def switch(running: Switch) -> Iterator[Switch]:
    """The switch that these tests share, without a call before and after."""
    yield running
    wait_for(lambda: not running.cli("calls"), 5, "the end of all calls")


def _queue_reached(switch: Switch) -> str:
    def queued() -> str:
        return next((call["queue"] for call in switch.cli("calls") if call["queue"]), "")

    return str(wait_for(queued, 5, "a call in a queue"))


@pytest.mark.parametrize("method", ["rfc4733", "info", "inband"])
@pytest.mark.parametrize("key", ["1", "#"])
def test_a_key_by_each_method(switch: Switch, method: str, key: str) -> None:
    with Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller:
        if method == "inband":
            body = sdp(*caller.media, events=False)
            call = caller.sip.call("600", caller.media, body=body)
            caller.rtp.peer = call.wait(200).media()
        else:
            call = caller.dial("600")
        assert caller.rtp.wait_packets(20), "no greeting was heard"
        if method == "info":
            assert call.info_digit(key).status == 200
        else:
            caller.rtp.press(key, method=method, seconds=0.12)
        assert _queue_reached(switch) == f"q{KEYS.index(key)}"
        call.bye()
    row = switch.cdr(call.call_id)
    assert (row["queue"], row["ended_by"]) == (f"q{KEYS.index(key)}", "caller")


def test_all_keys_by_rfc4733(switch: Switch) -> None:
    for at, key in enumerate(KEYS):
        with Softphone("34600", TRUNK_ADDRESS, switch.sip) as caller:
            caller.dial("600")
            caller.rtp.wait_packets(5)
            caller.rtp.press(key)
            assert _queue_reached(switch) == f"q{at}"
            caller.hangup()
        wait_for(lambda: not switch.cli("calls"), 5, "the end of the call")


@pytest.mark.parametrize("method", ["rtpevent", "info"])
def test_a_key_of_baresip(switch: Switch, tmp_path: Path, method: Any) -> None:
    with Baresip(
        "1001", tmp_path / "phone", switch.sip, password="one", address="127.0.0.22", dtmf=method
    ) as caller:
        caller.dial("600")
        caller.wait_event("CALL_ESTABLISHED")
        caller.press("7")
        assert _queue_reached(switch) == "q7"
        caller.hangup()
        caller.wait_event("CALL_CLOSED")


def test_a_key_of_sipp_by_info(switch: Switch, tmp_path: Path) -> None:
    scenario = (
        Scenario("trunk", "34600", number="600")
        .invite()
        .connected()
        .pause(0.5)
        .info_digit("3")
        .pause(1)
        .bye()
    )
    result = Sipp(scenario, tmp_path / "sipp", remote=switch.sip, address=TRUNK_ADDRESS).run()
    assert result.exit_code == 0, result.errors
    call_id = result.requests("INVITE", "sent")[0].get("call-id")
    assert switch.cdr(call_id)["queue"] == "q3"
