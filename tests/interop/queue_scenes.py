"""A switch for a file of queue scenarios, which are told on it all at once: each has queues, agents and callers of its own.

`Scenes` is what a file describes and collects; `Floor` is the running switch with SIPp at every end, and what was written
of each caller. Agents' phones have an address each, so that they can also call and put through.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from softswitch.cli.client import Client
from tools.peers.centre import TRUNK_ADDRESS, agent, desk, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import Switch, wait_for

_CALLERS = itertools.count(1)
PATIENCE_S = 40.0
"""Of every SIPp: a bound for what hangs, far beyond what any scenario takes."""

Telling = Mapping[str, "Future[None]"]


@dataclass
class Scenes:
    """What a file's switch is like, and its scenarios."""

    agents: Mapping[str, Mapping[str, Any]]
    """Name to what differs from an agent without anything; each has a phone of the same name."""
    queues: Mapping[str, Mapping[str, Any]]
    routes: Mapping[str, Mapping[str, Any]]
    phones: tuple[str, ...] = ()
    """Phones at which no agent sits."""
    sections: Mapping[str, Any] = field(default_factory=dict)
    stories: list[Callable[["Floor"], None]] = field(default_factory=list)

    def told(self, story: Callable[["Floor"], None]) -> Callable[[Telling], None]:
        """Makes a test of a scenario: it waits for what the fixture `telling` has begun."""
        self.stories.append(story)

        def test(telling: Telling) -> None:
            telling[story.__name__].result()

        test.__name__ = test.__qualname__ = story.__name__
        test.__doc__, test.__module__ = story.__doc__, story.__module__
        return test

    @contextmanager
    def begun(self, folder: Path) -> Iterator[Telling]:
        """The switch runs and all scenarios with it; its log has to be clean in the end."""
        with Floor(self, folder) as floor, ThreadPoolExecutor(len(self.stories)) as pool:
            yield {story.__name__: pool.submit(story, floor) for story in self.stories}


class Floor:
    def __init__(self, scenes: Scenes, folder: Path) -> None:
        self._folder, self._stack, self._scenes = folder, ExitStack(), scenes
        names = (*scenes.agents, *scenes.phones)
        self.places = {name: (f"127.0.21.{at}", 0) for at, name in enumerate(names, start=1)}
        self.places = {name: (address, free_port(address)) for name, (address, _) in self.places.items()}
        self.switch = Switch(folder / "switch", self.config())

    def __enter__(self) -> "Floor":
        self._stack.enter_context(self.switch)
        self.control = Client(self.switch.control_socket)
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def config(self, **changed: Any) -> dict[str, Any]:
        """With whole sections changed."""
        scenes = self._scenes
        return {
            "trunk": {"carrier": trunk()},
            "endpoint": {
                name: desk(self.contact(name), match=[f"{place[0]}/32"])
                for name, place in self.places.items()
            },
            "agent": {name: agent(name, **more) for name, more in scenes.agents.items()},
            "queue": dict(scenes.queues),
            "route": dict(scenes.routes),
            **scenes.sections,
            **changed,
        }

    def contact(self, name: str) -> str:
        address, port = self.places[name]
        return f"sip:{name}@{address}:{port}"

    # --- who takes part -----------------------------------------------------------------------------------------------

    def phone(self, name: str, *, calls: int = 1) -> "Party":
        """The phone of this name, to be told what it does when it is called."""
        address, port = self.places[name]
        return Party(self, Scenario(name, name).called(), address, port, calls)

    def serving(self, name: str, *, calls: int = 1) -> Sipp:
        """Rings, answers, and is hung up."""
        return self.phone(name, calls=calls).does(lambda s: s.ring().pause(0.05).accept().expect_bye())

    def caller(
        self,
        number: str,
        steps: Callable[[Scenario], Scenario] | None = None,
        *,
        ani: str = "",
        address: str = TRUNK_ADDRESS,
    ) -> "Caller":
        """A customer, who stays until he is hung up if nothing else is said; `address` is that of his trunk."""
        ani = ani or f"+3461{next(_CALLERS):07}"
        scenario = Scenario("caller", ani, number).invite()
        scenario = steps(scenario) if steps else scenario.connected().expect_bye()
        sipp = Sipp(
            scenario, self._folder / ani, remote=self.switch.sip, address=address, timeout_s=PATIENCE_S
        )
        return Caller(self, self.start(sipp), ani)

    def colleague(self, name: str, number: str, steps: Callable[[Scenario], Scenario]) -> "Caller":
        """A phone of ours calls from its own address, by another port."""
        scenario = steps(Scenario(f"{name}-calls", name, number).invite())
        address = self.places[name][0]
        sipp = Sipp(
            scenario, self._folder / name, remote=self.switch.sip, address=address, timeout_s=PATIENCE_S
        )
        return Caller(self, self.start(sipp), name)

    def start(self, sipp: Sipp) -> Sipp:
        return self._stack.enter_context(sipp)

    # --- what is asked of it ------------------------------------------------------------------------------------------

    def pause(self, name: str, reason: str = "") -> None:
        self.control.post("agents", name, "pause", body={"reason": reason})

    def resume(self, name: str) -> None:
        self.control.post("agents", name, "resume")

    def agent(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(each for each in self.control.get("agents") if each["agent"] == name)
        return found

    def wait_state(self, name: str, state: str) -> None:
        wait_for(lambda: self.agent(name)["state"] == state, 10, f"{name} is {state}")

    def waiting(self, queue: str) -> list[str]:
        """Numbers of those who wait, in order of service."""
        return [each["ani"] for each in self.control.get("queues", queue)["callers"]]

    def log_of(self, queue: str, agent: str) -> list[list[str]]:
        """Lines of the queue_log about this agent in this queue: event, data …"""
        return [line[4:] for line in self.switch.queue_log() if line[2:4] == [queue, agent]]

    def talking(self, phone: Sipp) -> None:
        wait_for(lambda: phone.result().requests("ACK"), 10, f"{phone.scenario.user} talks")


@dataclass
class Party:
    """A phone of the switch that waits for a call."""

    floor: Floor
    scenario: Scenario
    address: str
    port: int
    calls: int

    def does(self, steps: Callable[[Scenario], Scenario]) -> Sipp:
        """It is on from now on."""
        folder = self.floor.switch.folder.parent / f"{self.scenario.user}-called"
        sipp = Sipp(steps(self.scenario), folder, address=self.address, port=self.port, calls=self.calls,
                    timeout_s=PATIENCE_S)  # fmt: skip
        return self.floor.start(sipp)


@dataclass
class Caller:
    """A caller, and what was written of his call."""

    floor: Floor
    sipp: Sipp
    ani: str

    def over(self) -> "Caller":
        """His call has gone as he was told to."""
        ended(self.sipp)
        return self

    @property
    def heard(self) -> list[int]:
        """Final responses to his INVITEs."""
        return [status for status in self.sipp.result().statuses("INVITE") if status >= 200]

    @property
    def was_hung_up(self) -> bool:
        return bool(self.sipp.result().requests("BYE"))

    @property
    def sip_call_id(self) -> str:
        return self.sipp.result().requests("INVITE", "sent")[0].get("call-id")

    @property
    def id(self) -> str:
        """Of his call, which may still live."""
        views = wait_for(
            lambda: [each for each in self.floor.control.get("calls") if each["ani"] == self.ani], 10
        )
        return str(views[0]["call"])

    def cdr(self) -> dict[str, Any]:
        """The one CDR, once the call is over."""
        return self.floor.switch.cdr(self.sip_call_id)

    def rows(self, table: str, order: str, count: int) -> list[dict[str, Any]]:
        """What the writer has of this call, as soon as there are so many; more is an error."""
        query = f"SELECT * FROM {table} WHERE call = ? ORDER BY {order}"
        found = self.floor.switch.wait_rows(query, self.cdr()["call"], count=count)
        assert len(found) == count, found
        return found

    def offers(self, *wanted: tuple[str, str]) -> None:
        """Agent and result of each offer are these."""
        rows = self.rows("offers", "offered", len(wanted)) if wanted else self._none("offers")
        assert [(row["agent"], row["result"]) for row in rows] == list(wanted)

    def _none(self, table: str) -> list[dict[str, Any]]:
        self.visit()  # rows of one call are written in order: offers before the visit
        return self.floor.switch.rows(f"SELECT * FROM {table} WHERE call = ?", self.cdr()["call"])

    def visit(self) -> dict[str, Any]:
        """His one stay in a queue."""
        [visit] = self.rows("queue_visits", "entered", 1)
        return visit

    def log(self) -> list[list[str]]:
        """Lines of the queue_log about this call: event, data …"""
        call = self.cdr()["call"]
        return [line[4:] for line in self.floor.switch.queue_log() if line[1] == call]

    def verbs(self) -> list[str]:
        return [line[0] for line in self.log()]


def ended(*parties: Sipp) -> None:
    for party in parties:
        result = party.wait()
        assert result.exit_code == 0, f"{party.scenario.name}: {result.errors}"


def replaces(called: Sipp) -> str:
    """For whoever is to take the place of this called party."""
    invited = called.result().requests("INVITE")[0]
    answered = next(m for way, m in called.result().messages if way == "sent" and m.status == 200)
    return _replaces(invited.get("call-id"), invited.get("from"), answered.get("to"))


def replaces_of_caller(caller: Sipp) -> str:
    """The same, of a party that called."""
    answered = next(m for way, m in caller.result().messages if way == "got" and m.status == 200)
    return _replaces(answered.get("call-id"), answered.get("to"), answered.get("from"))


def _replaces(call_id: str, theirs: str, ours: str) -> str:
    to_tag, from_tag = (value.rpartition("tag=")[2] for value in (theirs, ours))
    return quote(f"{call_id};to-tag={to_tag};from-tag={from_tag}", safe="")
