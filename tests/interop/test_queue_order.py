"""Proves who is served when and by whom, with SIPp as trunk and ten agents of SIPp, line by line.

Order by priority, then age; skills, then longest idle; agents who do not answer, are busy, decline or are not registered;
callers who hang up in each stage; maximum wait; out of hours. For each the CDR, the offers and the queue_log are asserted.

Does not prove strategies in depth: the engine's own tests do, on virtual time.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from softswitch.call.why import spread
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, agent, desk, phone, queue, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import Switch, wait_for

AGENTS = [f"a{number}" for number in range(1, 11)]
RING_S = 2.0
_CALLERS = itertools.count(1)


class Centre:
    """The switch, its trunk and its ten agents."""

    def __init__(self, switch: Switch, ports: dict[str, int], folder: Path, stack: ExitStack) -> None:
        self.switch, self._ports, self._folder, self._stack = switch, ports, folder, stack

    def agent(self, name: str, scenario: Scenario, *, calls: int = 1000) -> Sipp:
        """An agent's phone at his fixed contact, until the test is over."""
        sipp = Sipp(scenario, self._folder / name, address=AGENT_ADDRESS, port=self._ports[name], calls=calls,
                    timeout_s=60)  # fmt: skip
        return self._stack.enter_context(sipp)

    def serving(self, name: str, *, talk_s: float = 0.0) -> Sipp:
        """Answers, and hangs up after `talk_s`; 0 leaves that to the caller."""
        scenario = Scenario(name, name).called().ring().pause(0.05).accept()
        return self.agent(name, scenario.pause(talk_s).bye() if talk_s else scenario.expect_bye())

    def call(self, number: str, steps: str = "stay", *, seconds: float = 0.0) -> Sipp:
        """Start a caller. He stays until the switch hangs up, or for `seconds` from the switch's answer on (which comes
        before the agent's); or he is refused."""
        ani = f"3460000{next(_CALLERS):04}"
        scenario = Scenario("caller", ani, number=number).invite()
        if steps.startswith("refused"):
            scenario.refused(int(steps.partition(" ")[2]))
        elif seconds:
            scenario.connected().pause(seconds).bye()
        else:
            scenario.connected().expect_bye()
        sipp = Sipp(scenario, self._folder / ani, remote=self.switch.sip, address=TRUNK_ADDRESS,
                    timeout_s=25)  # fmt: skip
        return self._stack.enter_context(sipp)

    def ani(self, sipp: Sipp) -> str:
        return sipp.scenario.user

    def cdr(self, sipp: Sipp) -> dict[str, Any]:
        """The one CDR of this caller, once the call is over."""
        rows = self.switch.wait_rows(
            "SELECT * FROM calls WHERE ani = ? AND ended IS NOT NULL", self.ani(sipp)
        )
        assert len(rows) == 1
        return rows[0]

    def offers(self, sipp: Sipp, *, none: bool = False) -> list[tuple[str, str]]:
        """Rows may follow the CDR by a batch of the writer."""
        query = "SELECT * FROM offers WHERE call = ? ORDER BY offered"
        call = self.cdr(sipp)["call"]
        rows = self.switch.rows(query, call) if none else self.switch.wait_rows(query, call)
        return [(row["agent"], row["result"]) for row in rows]

    def visits(self, sipp: Sipp, count: int = 1) -> list[tuple[str, str]]:
        call = self.cdr(sipp)["call"]
        rows = self.switch.wait_rows(
            "SELECT * FROM queue_visits WHERE call = ? ORDER BY entered", call, count=count
        )
        return [(row["queue"], row["outcome"]) for row in rows]

    def events(self, sipp: Sipp) -> list[list[str]]:
        """This call's lines of the queue_log from the queue on."""
        call = self.cdr(sipp)["call"]
        return [line[2:] for line in self.switch.queue_log() if line[1] == call]

    def verbs(self, sipp: Sipp) -> list[str]:
        return [line[2] for line in self.events(sipp)]

    def wait_waiting(self, name: str, count: int) -> None:
        def waiting() -> bool:
            return int(self.switch.cli("queue", "show", name)["queue"]["waiting"]) == count

        wait_for(waiting, 6, f"{count} callers in {name}")


def _config(ports: dict[str, int]) -> dict[str, Any]:
    contacts = {name: f"sip:{name}@{AGENT_ADDRESS}:{port}" for name, port in ports.items()}
    members: dict[str, Sequence[str]] = {
        "prio": ["a1"], "idle": ["a5", "a6", "a7"], "failing": ["a8", "a9"], "absent": ["ghost", "a9"], "one": ["a10"],
    }  # fmt: skip
    queues = {name: queue(who, timeout=RING_S, max_wait=0) for name, who in members.items()}
    for name in ("failing", "absent"):
        queues[name]["members"] = [
            {"agent": who, "penalty": penalty} for penalty, who in enumerate(members[name])
        ]
    queues["skilled"] = queue(skills={"spanish": 2}, timeout=RING_S)
    queues["short"] = queue(["a10"], max_wait=1.0, on_timeout="queue:prio")
    queues["shut"] = queue(skills={"nobody has": 1}, max_wait=0.8, on_timeout="play:goodbye")
    queues["full"] = queue(["a10"], maxlen=1, on_full="hangup:busy")
    levels = {"a2": 1, "a3": 3, "a4": 2, "a5": 2}
    node = {
        "hello": {"do": "play", "prompt": "welcome", "next": "in"},
        "in": {"do": "enqueue", "queue": "one"},
    }
    route = {f"60{at}": {"to": f"queue:{name}"} for at, name in enumerate(queues)}
    return {
        "trunk": {"carrier": trunk()},
        "endpoint": {**{name: desk(contact) for name, contact in contacts.items()}, "away": phone("x")},
        "agent": {
            **{
                name: agent(name, skills={"spanish": levels[name]} if name in levels else {})
                for name in AGENTS
            },
            "ghost": agent("away"),
        },
        "queue": queues,
        "calendar": {"never": {"hours": {"mon-sun": "00:00-24:00"}, "closed": _these_days()}},
        "flow": {"greeting": {"start": "hello", "node": node}},
        "route": {
            **route,
            "620": {"to": "queue:prio", "priority": 5},
            "630": {"to": "queue:one", "when": "never", "otherwise": "hangup:busy"},
            "631": {"to": "queue:one", "when": "never", "otherwise": "play:goodbye"},
            "640": {"to": "flow:greeting"},
        },
    }


def _these_days() -> list[str]:
    today = datetime.now(UTC).date()
    return [str(today + timedelta(days=offset)) for offset in (-1, 0, 1)]


NUMBER = {name: f"60{at}" for at, name in enumerate(
    ["prio", "idle", "failing", "absent", "one", "skilled", "short", "shut", "full"])}  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Switch, dict[str, int]]]:
    ports = {name: free_port(AGENT_ADDRESS) for name in AGENTS}
    with Switch(tmp_path_factory.mktemp("switch"), _config(ports)) as switch:
        yield switch, ports


@pytest.fixture
def centre(running: tuple[Switch, dict[str, int]], tmp_path: Path) -> Iterator[Centre]:
    switch, ports = running
    with ExitStack() as stack:
        yield Centre(switch, ports, tmp_path, stack)
        for call in switch.cli("calls"):
            switch.cli("calls", "hangup", call["call"], check=False)
    wait_for(lambda: not switch.cli("calls"), 8, "the end of all calls")
    for name in AGENTS:
        switch.cli("agent", "resume", name)


def test_served_by_priority_then_age(centre: Centre) -> None:
    centre.switch.cli("agent", "pause", "a1", "lunch")
    first = centre.call(NUMBER["prio"])
    centre.wait_waiting("prio", 1)
    second = centre.call(NUMBER["prio"])
    centre.wait_waiting("prio", 2)
    urgent = centre.call("620")
    centre.wait_waiting("prio", 3)
    centre.serving("a1", talk_s=0.5)
    centre.switch.cli("agent", "resume", "a1")
    callers = [urgent, first, second]
    assert [caller.wait(20).exit_code for caller in callers] == [0, 0, 0]
    bridged = [centre.cdr(caller)["bridged"] for caller in callers]
    assert bridged == sorted(bridged)
    for caller in callers:
        assert centre.offers(caller) == [("a1", "answered")]
        assert centre.verbs(caller) == ["ENTERQUEUE", "CONNECT", "COMPLETEAGENT"]
    assert [centre.events(caller)[0][5] for caller in (first, second, urgent)] == ["1", "2", "1"]


def test_by_skill_level_then_the_longest_idle(centre: Centre) -> None:
    """spanish 2 is needed: a3 has 3, a4 and a5 have 2, a2 has 1."""
    centre.serving("a2", talk_s=0.3)
    centre.serving("a3", talk_s=3.0)
    for name in ("a4", "a5"):
        centre.serving(name, talk_s=0.3)
    best = centre.call(NUMBER["skilled"])
    time.sleep(0.5)
    others = []
    for _ in range(4):
        others.append(centre.call(NUMBER["skilled"]))
        assert others[-1].wait(15).exit_code == 0
    assert best.wait(15).exit_code == 0
    assert centre.cdr(best)["agent"] == "a3", "the highest level first"
    served = [centre.cdr(caller)["agent"] for caller in others]
    assert set(served) == {"a4", "a5"}, "spanish 1 is not enough"
    assert served[:2] == served[2:], "the longest idle of equals takes turns"
    row = centre.switch.wait_rows("SELECT why FROM offers WHERE call = ?", centre.cdr(best)["call"])[0]
    candidates = spread(json.loads(row["why"]))["candidates"]
    assert candidates[0]["agent"] == "a3"
    assert {line["agent"] for line in candidates if not line["skipped"]} == {"a3", "a4", "a5"}


def test_longest_idle_takes_turns(centre: Centre) -> None:
    for name in ("a5", "a6", "a7"):
        centre.serving(name, talk_s=0.2)
    served = []
    for _ in range(6):
        caller = centre.call(NUMBER["idle"])
        assert caller.wait(15).exit_code == 0
        served.append(centre.cdr(caller)["agent"])
    assert sorted(served[:3]) == ["a5", "a6", "a7"]
    assert served[3:] == served[:3]


FAILING: dict[str, tuple[Callable[[Scenario], Scenario], str, str]] = {
    "no answer": (lambda s: s.called().ring().cancelled(), "no answer", "RINGNOANSWER"),
    "busy": (lambda s: s.called().reject(486, "Busy Here"), "busy", "RINGNOANSWER"),
    "reject": (lambda s: s.called().ring().reject(603, "Decline"), "rejected", "RINGNOANSWER"),
    "gone": (lambda s: s.called().reject(480, "Temporarily Unavailable"), "no answer", "RINGNOANSWER"),
}


@pytest.mark.parametrize("failure", FAILING)
def test_an_agent_who_fails_costs_the_caller_no_place(centre: Centre, failure: str) -> None:
    steps, result, verb = FAILING[failure]
    failing = centre.agent("a8", steps(Scenario("a8", "a8")))
    centre.serving("a9", talk_s=0.5)
    centre.switch.cli("agent", "logout", "a8")
    centre.switch.cli("agent", "login", "a8")
    caller = centre.call(NUMBER["failing"])
    assert caller.wait(20).exit_code == 0
    row = centre.cdr(caller)
    assert (row["agent"], row["queue"], row["cause"]) == ("a9", "failing", "normal")
    assert centre.offers(caller) == [("a8", result), ("a9", "answered")]
    assert centre.verbs(caller) == ["ENTERQUEUE", verb, "CONNECT", "COMPLETEAGENT"]
    assert centre.visits(caller) == [("failing", "answered")]
    if failure == "no answer":
        cancels = failing.result().requests("CANCEL")
        assert len(cancels) == 1
        rang = centre.switch.wait_rows(
            "SELECT rang_s FROM offers WHERE agent = 'a8' AND call = ?", row["call"]
        )[0]["rang_s"]
        assert rang == pytest.approx(RING_S, abs=0.7)


def test_an_unregistered_agent_is_never_rung(centre: Centre) -> None:
    centre.serving("a9", talk_s=0.5)
    caller = centre.call(NUMBER["absent"])
    assert caller.wait(15).exit_code == 0
    assert centre.offers(caller) == [("a9", "answered")]
    states = {view["agent"]: view["state"] for view in centre.switch.cli("agent")}
    assert states["ghost"] == "unreachable"


def test_caller_hangs_up_while_greeted(centre: Centre) -> None:
    caller = centre.call("640", seconds=0.4)
    assert caller.wait(10).exit_code == 0
    row = centre.cdr(caller)
    assert (row["ended_by"], row["last_stage"], row["queue"], row["bridged"]) == (
        "caller",
        "greet",
        None,
        None,
    )
    assert centre.verbs(caller) == []


def test_caller_hangs_up_while_waiting(centre: Centre) -> None:
    centre.switch.cli("agent", "pause", "a10", "lunch")
    caller = centre.call(NUMBER["one"], seconds=1.2)
    assert caller.wait(10).exit_code == 0
    row = centre.cdr(caller)
    assert (row["ended_by"], row["last_stage"], row["queue"], row["bridged"]) == (
        "caller",
        "wait",
        "one",
        None,
    )
    assert row["wait_s"] == pytest.approx(1.2, abs=0.5)
    assert centre.visits(caller) == [("one", "abandoned")]
    assert centre.offers(caller, none=True) == []
    assert centre.events(caller)[-1][2:5] == ["ABANDON", "1", "1"]


def test_caller_hangs_up_while_the_agent_is_rung(centre: Centre) -> None:
    ringing = centre.agent("a10", Scenario("a10", "a10").called().ring().cancelled())
    caller = centre.call(NUMBER["one"], seconds=0.8)
    assert caller.wait(10).exit_code == 0
    row = centre.cdr(caller)
    assert (row["ended_by"], row["queue"], row["bridged"]) == ("caller", "one", None)
    assert centre.offers(caller) == [("a10", "cancelled")]
    assert "RINGCANCELED" in centre.verbs(caller)
    assert "ABANDON" in centre.verbs(caller)
    assert len(wait_for(lambda: ringing.result().requests("CANCEL"), 3, "CANCEL at the agent")) == 1
    state = next(view for view in centre.switch.cli("agent") if view["agent"] == "a10")
    assert state["state"] == "idle"


@pytest.mark.parametrize("who", ["caller", "agent"])
def test_who_hangs_up_while_talking(centre: Centre, who: str) -> None:
    if who == "caller":
        centre.serving("a10")
        caller = centre.call(NUMBER["one"], seconds=1.3)
    else:
        centre.agent("a10", Scenario("a10", "a10").called().ring().accept().pause(1.0).bye())
        caller = centre.call(NUMBER["one"])
    assert caller.wait(15).exit_code == 0
    row = centre.cdr(caller)
    assert (row["ended_by"], row["agent"]) == ("caller" if who == "caller" else "callee", "a10")
    assert row["talk_s"] == pytest.approx(1.0, abs=0.5)
    assert centre.verbs(caller)[-1] == ("COMPLETECALLER" if who == "caller" else "COMPLETEAGENT")
    query = "SELECT * FROM recordings WHERE call = ? AND state = 'ended'"
    recordings = centre.switch.wait_rows(query, row["call"])
    assert recordings[0]["seconds"] == pytest.approx(row["talk_s"], abs=1.0)


def test_maximum_wait_overflows_to_another_queue(centre: Centre) -> None:
    centre.switch.cli("agent", "pause", "a10", "lunch")
    centre.serving("a1", talk_s=0.5)
    caller = centre.call(NUMBER["short"])
    assert caller.wait(15).exit_code == 0
    assert centre.visits(caller, 2) == [("short", "timeout"), ("prio", "answered")]
    assert centre.cdr(caller)["agent"] == "a1"
    assert [line[2] for line in centre.events(caller)] == [
        "ENTERQUEUE", "EXITWITHTIMEOUT", "ENTERQUEUE", "CONNECT", "COMPLETEAGENT",
    ]  # fmt: skip


def test_maximum_wait_ends_with_a_prompt(centre: Centre) -> None:
    caller = centre.call(NUMBER["shut"])
    assert caller.wait(20).exit_code == 0
    row = centre.cdr(caller)
    assert (row["ended_by"], row["queue"]) == ("switch", "shut")
    assert centre.visits(caller) == [("shut", "timeout")]


def test_a_full_queue_refuses(centre: Centre) -> None:
    centre.switch.cli("agent", "pause", "a10", "lunch")
    waiting = centre.call(NUMBER["full"])
    centre.wait_waiting("full", 1)
    refused = centre.call(NUMBER["full"], "refused 486")
    assert refused.wait(10).exit_code == 0, refused.result().errors
    assert centre.visits(refused) == [("full", "full")]
    [call] = [each["call"] for each in centre.switch.cli("calls") if each["ani"] == centre.ani(waiting)]
    centre.switch.cli("calls", "hangup", call)
    assert waiting.wait(10).exit_code == 0


def test_out_of_hours(centre: Centre) -> None:
    busy = centre.call("630", "refused 486")
    assert busy.wait(10).exit_code == 0, busy.result().errors
    assert centre.cdr(busy)["queue"] is None
    told = centre.call("631")
    assert told.wait(20).exit_code == 0
    row = centre.cdr(told)
    assert (row["ended_by"], row["bridged"], row["queue"]) == ("switch", None, None)


def test_no_agent_serves_two_callers_at_once(centre: Centre) -> None:
    for name in ("a5", "a6", "a7"):
        centre.serving(name, talk_s=1.0)
    callers = [centre.call(NUMBER["idle"]) for _ in range(9)]
    assert [caller.wait(25).exit_code for caller in callers] == [0] * 9
    rows = [centre.cdr(caller) for caller in callers]
    for name in ("a5", "a6", "a7"):
        stretches = sorted((row["bridged"], row["ended"]) for row in rows if row["agent"] == name)
        assert all(end <= begin + 0.2 for (_, end), (begin, _) in itertools.pairwise(stretches))


def test_the_line_stands_as_it_stood_when_the_process_is_killed(tmp_path: Path) -> None:
    """`kill -9` while three wait over real sockets: place, age and priority are what they were."""
    ports = {name: free_port(AGENT_ADDRESS) for name in AGENTS}
    with Switch(tmp_path / "switch", _config(ports)) as switch, ExitStack() as stack:
        centre = Centre(switch, ports, tmp_path, stack)
        switch.cli("agent", "pause", "a1", "lunch")
        callers = []
        for waiting, number in enumerate((NUMBER["prio"], NUMBER["prio"], "620"), 1):
            callers.append(centre.call(number))
            centre.wait_waiting("prio", waiting)
        first, second, urgent = callers
        before = switch.cli("queue", "show", "prio")["callers"]
        time.sleep(0.5)  # what changed less than a tenth of a second ago may be lost
        switch.kill9()
        switch.start()
        centre.wait_waiting("prio", 3)
        after = switch.cli("queue", "show", "prio")["callers"]
        assert [(each["call"], each["priority"]) for each in after] == [
            (each["call"], each["priority"]) for each in before
        ]
        assert all(new["waited_s"] > old["waited_s"] for new, old in zip(after, before, strict=True))
        centre.serving("a1", talk_s=0.5)
        switch.cli("agent", "resume", "a1")
        served = [urgent, first, second]
        assert [caller.wait(20).exit_code for caller in served] == [0, 0, 0]
        bridged = [centre.cdr(caller)["bridged"] for caller in served]
        assert bridged == sorted(bridged)
        for caller in served:
            assert centre.visits(caller) == [("prio", "answered")]
            row = centre.cdr(caller)
            assert row["wait_s"] == pytest.approx(row["bridged"] - row["started"], abs=0.5)
