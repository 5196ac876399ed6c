"""Proves callbacks with SIPp as the customer, his trunk and the agent: asked for by a key, tried again after busy and after
no answer, agent first and caller first; who asks twice is called once; the place is kept before one who waits on the line.

Does not prove every fate of an attempt: `tests/story/test_callback_story.py` does, on virtual time.
"""

from pathlib import Path
from typing import Any

from softswitch.cli.client import Client
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, agent, desk, queue, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import StartSwitch, Switch, wait_for

CUSTOMER, OTHER = "+34600000001", "+34600000002"


def _switch(start_switch: StartSwitch, port: int, ana: Sipp) -> Switch:
    back = {"least_wait_s": 0, "busy_pause_s": 1, "pause_s": 1, "ring_s": 1.0, "attempts": 3}
    waiting: dict[str, Any] = queue(
        ["ana"], announce_frequency=60, announce_first_s=0.1, announce_position=True
    )
    return start_switch(
        {
            "trunk": {"carrier": trunk(port=port)},
            "endpoint": {"1001": desk(ana.contact, match=[f"{AGENT_ADDRESS}/32"])},
            "agent": {"ana": agent("1001")},
            "queue": {
                "agent": {**waiting, "callback": {**back, "first": "agent"}},
                "caller": {**waiting, "callback": {**back, "first": "caller"}},
            },
            "route": {"600": {"to": "queue:agent"}, "601": {"to": "queue:caller"}},
        }
    )


class Asking:
    """One queue, and who wants to be called back in it."""

    def __init__(self, switch: Switch, folder: Path, port: int, name: str, number: str) -> None:
        self.switch, self.folder, self.port, self.name, self.number = switch, folder, port, name, number
        self.control = Client(switch.control_socket)

    def asks(self, name: str) -> None:
        """He calls, presses the key, and hangs up as soon as he is told that it is all right."""
        steps = Scenario(name, CUSTOMER, self.number).invite().connected().pause(0.6).info_digit("1")
        remote, folder = self.switch.sip, self.folder / self.name / name
        with Sipp(steps.pause(0.3).bye(), folder, remote=remote, address=TRUNK_ADDRESS) as customer:
            result = customer.wait()
            assert result.exit_code == 0, result.errors

    def is_called(self, name: str, steps: Scenario, *, resume: bool = False) -> None:
        """His trunk gets the call back."""
        folder = self.folder / self.name / name
        with Sipp(steps, folder, address=TRUNK_ADDRESS, port=self.port) as callee:
            if resume:
                self.control.post("agents", "ana", "resume")
            result = callee.wait()
            assert result.exit_code == 0, result.errors
            [invited] = result.requests("INVITE")
            assert CUSTOMER in (invited.get("to") or "")

    def rows(self) -> list[tuple[Any, ...]]:
        found = self.switch.rows("SELECT * FROM callbacks WHERE queue = ? ORDER BY asked", self.name)
        return [(row["number"], row["state"], row["attempts"]) for row in found]

    def tell(self, fails: Scenario) -> None:
        self.control.post("agents", "ana", "pause", body={"reason": "lunch"})
        self.asks("first")
        self.asks("again")
        assert [row["number"] for row in self.control.get("callbacks")] == [CUSTOMER], "one, who asked twice"
        waits = Scenario("other", OTHER, self.number).invite().connected().pause(4).bye()
        folder = self.folder / self.name / "other"
        with Sipp(waits, folder, remote=self.switch.sip, address=TRUNK_ADDRESS):
            wait_for(lambda: len(self.control.get("queues", self.name)["callers"]) == 2, 6, "both in line")
            self.is_called("failing", fails, resume=True)
            # While he cannot be called the one on the line is served; then it is his turn again.
            answers = Scenario("answers", CUSTOMER).called().ring().accept().pause(0.5).bye()
            self.is_called("answers", answers)
        wait_for(lambda: self.rows()[-1][1] == "reached", 10, "his row")
        assert self.rows() == [(CUSTOMER, "called in", 0), (CUSTOMER, "reached", 2)]
        query = "SELECT event FROM queue_log WHERE event LIKE 'CALLBACK%' AND queuename = ?"
        assert [row["event"] for row in self.switch.rows(query, self.name)] == [
            *("CALLBACKREQUEST", "CALLBACKCALLEDIN", "CALLBACKREQUEST"),
            *("CALLBACKTRY", "CALLBACKFAILED", "CALLBACKTRY", "CALLBACKREACHED"),
        ]
        [made] = self.switch.wait_rows(
            "SELECT * FROM calls WHERE ani = ? AND queue = ? AND bridged IS NOT NULL AND ended IS NOT NULL",
            CUSTOMER,
            self.name,
        )
        assert (made["agent"], made["source"], made["ended_by"]) == ("ana", "trunk:carrier", "caller")


def test_called_back_in_his_place(start_switch: StartSwitch, tmp_path: Path) -> None:
    port, folder = free_port(TRUNK_ADDRESS), tmp_path / "sipp"
    serves = Scenario("ana", "1001").called().ring().accept().expect_bye()
    ana = Sipp(serves, folder / "ana", address=AGENT_ADDRESS, calls=20, timeout_s=120)
    switch = _switch(start_switch, port, ana)
    with ana:
        busy = Scenario("failing", CUSTOMER).called().reject(486, "Busy Here")
        Asking(switch, folder, port, "agent", "600").tell(busy)
        silent = Scenario("failing", CUSTOMER).called().ring().cancelled()
        Asking(switch, folder, port, "caller", "601").tell(silent)
