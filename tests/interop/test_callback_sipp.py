"""Proves callbacks with SIPp as the customer, his trunk and the agent: asked for by a key, tried again after busy and after
no answer, agent first and caller first; who asks twice is called once; the place is kept before one who waits on the line.

Does not prove every fate of an attempt: `tests/story/test_callback_story.py` does, on virtual time.
"""

from pathlib import Path
from typing import Any

import pytest

from softswitch.cli.client import Client
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, agent, desk, queue, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import StartSwitch, Switch, wait_for

CUSTOMER, OTHER = "+34600000001", "+34600000002"


def _switch(start_switch: StartSwitch, port: int, ana: Sipp, first: str) -> Switch:
    back = {
        "first": first, "least_wait_s": 0, "busy_pause_s": 1, "pause_s": 1, "ring_s": 1.0, "attempts": 3,
    }  # fmt: skip
    waiting: dict[str, Any] = queue(
        ["ana"], announce_frequency=60, announce_first_s=0.1, announce_position=True
    )
    return start_switch(
        {
            "trunk": {"carrier": trunk(port=port)},
            "endpoint": {"1001": desk(ana.contact, match=[f"{AGENT_ADDRESS}/32"])},
            "agent": {"ana": agent("1001")},
            "queue": {"sales": {**waiting, "callback": back}},
            "route": {"600": {"to": "queue:sales"}},
        }
    )


def _asks(switch: Switch, folder: Path, name: str) -> None:
    """He calls, presses the key, and hangs up as soon as he is told that it is all right."""
    steps = Scenario(name, CUSTOMER, "600").invite().connected().pause(0.6).info_digit("1").pause(0.3).bye()
    with Sipp(steps, folder, remote=switch.sip, address=TRUNK_ADDRESS) as customer:
        result = customer.wait()
        assert result.exit_code == 0, result.errors


def _called(folder: Path, name: str, port: int, steps: Scenario) -> Sipp:
    return Sipp(steps, folder / name, address=TRUNK_ADDRESS, port=port)


def _rows(switch: Switch) -> list[tuple[Any, ...]]:
    rows = switch.rows("SELECT * FROM callbacks ORDER BY asked")
    return [(row["number"], row["state"], row["attempts"]) for row in rows]


@pytest.mark.parametrize(("first", "fails"), [("agent", "busy"), ("caller", "no answer")])
def test_called_back_in_his_place(start_switch: StartSwitch, tmp_path: Path, first: str, fails: str) -> None:
    port, folder = free_port(TRUNK_ADDRESS), tmp_path / "sipp"
    ana = Sipp(
        Scenario("ana", "1001").called().ring().accept().expect_bye(),
        folder / "ana",
        address=AGENT_ADDRESS,
        calls=9,
    )
    switch = _switch(start_switch, port, ana, first)
    failing = Scenario("failing", CUSTOMER).called()
    failing = failing.reject(486, "Busy Here") if fails == "busy" else failing.ring().cancelled()
    waits = Scenario("other", OTHER, "600").invite().connected().pause(4).bye()
    with ana:
        control = Client(switch.control_socket)
        control.post("agents", "ana", "pause", body={"reason": "lunch"})
        _asks(switch, folder / "first", "first")
        _asks(switch, folder / "again", "again")
        assert [row["number"] for row in control.get("callbacks")] == [CUSTOMER], "one, who asked twice"
        with Sipp(waits, folder / "other", remote=switch.sip, address=TRUNK_ADDRESS):
            wait_for(lambda: len(control.get("queues", "sales")["callers"]) == 2, 6, "both in line")
            with _called(folder, "failing", port, failing) as callee:
                control.post("agents", "ana", "resume")
                result = callee.wait()
                assert result.exit_code == 0, result.errors
            # While he cannot be called the one on the line is served; the place is his again as soon as he can be.
            answers = Scenario("answers", CUSTOMER).called().ring().accept().pause(0.5).bye()
            with _called(folder, "answers", port, answers) as callee:
                result = callee.wait()
                assert result.exit_code == 0, result.errors
                [invited] = result.requests("INVITE")
                assert CUSTOMER in (invited.get("to") or "")
        wait_for(lambda: _rows(switch)[-1][1] == "reached", 6, "his row")
    assert _rows(switch) == [(CUSTOMER, "called in", 0), (CUSTOMER, "reached", 2)]
    verbs = [row["event"] for row in switch.rows("SELECT event FROM queue_log WHERE event LIKE 'CALLBACK%'")]
    assert verbs == [
        *("CALLBACKREQUEST", "CALLBACKCALLEDIN", "CALLBACKREQUEST"),
        *("CALLBACKTRY", "CALLBACKFAILED", "CALLBACKTRY", "CALLBACKREACHED"),
    ]
    made = switch.wait_rows(
        "SELECT * FROM calls WHERE ani = ? AND bridged IS NOT NULL AND ended IS NOT NULL", CUSTOMER
    )
    assert [(row["agent"], row["source"], row["ended_by"]) for row in made] == [
        ("ana", "trunk:carrier", "caller")
    ]
