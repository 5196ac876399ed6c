"""A small contact centre for stories: one switch, a trunk on either side, phones with agents, and what each test changes.

`told` makes a test of a story: it opens the switch, tells the story on virtual time, lets everything come to rest, and
then wants nothing left behind: no call, leg, port, line, timer task, journal entry, nothing of calls that the collector has
to free, and exactly one CDR for each call.
"""

import asyncio
import gc
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from softswitch.acd.values import AgentView
from softswitch.call.call import Call
from softswitch.config.credentials import Auth
from softswitch.config.endpoints import Endpoint
from softswitch.config.flow import Collect, Enqueue, Flow, Menu, Play, Record, Transfer
from softswitch.config.flow import Dial as DialNode
from softswitch.config.general import General
from softswitch.config.prompts import Message
from softswitch.config.queues import Agent, Member, Queue
from softswitch.config.recording import Recording
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk
from softswitch.ids import AgentId, LegId
from softswitch.testing.network import Network, Script, reliable
from softswitch.testing.peer import Peer
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.switch import FORGOTTEN_S, SETTLED_S, Row, Switch
from softswitch.testing.virtual_time import VirtualTimeLoop, run

SWITCH = "192.0.2.1"
NORTH, SOUTH = "198.51.100.10", "198.51.100.20"
PHONES = {"1001": "192.0.2.11", "1002": "192.0.2.12", "1003": "192.0.2.13", "1004": "192.0.2.14"}
ROAMING = "1005"
"""A phone that has to register."""
SECRET = Secret.from_password(ROAMING, "softswitch", "right")
CALLER = "+34600000001"
_FOLDER = tempfile.TemporaryDirectory(prefix="stories-")
_TEMPLATE = Path(_FOLDER.name) / "empty.db"


def fixed(name: str, **more: Any) -> Endpoint:
    """A phone that does not register."""
    address = PHONES[name]
    return Endpoint(contact=f"sip:{name}@{address}", match=(f"{address}/32",), **more)


def trunk(address: str, **more: Any) -> Trunk:
    return Trunk(host=f"sip:{address}", **{"options_interval_s": 0.0, **more})


def members(*names: str) -> tuple[Member, ...]:
    return tuple(Member(agent=name) for name in names)


SALES = Queue(
    members=members("ana", "ben"),
    timeout=15.0,
    wrapuptime=5.0,
    announce_frequency=0.0,
    record="always",
)
MAIN = Flow(
    start="choose",
    node={
        "choose": Menu(
            prompt="welcome",
            keys={"1": "sales", "2": "box", "3": "ring", "4": "ask", "5": "bye"},
            timeout_s=5,
            retries=1,
        ),
        "sales": Enqueue(queue="sales"),
        "box": Record(box="sales", next="thanks"),
        "thanks": Play(prompt="goodbye", next="over"),
        "over": Transfer(target="hangup"),
        "ring": DialNode(target="extension:1003", ring_s=10, next="choose"),
        "ask": Collect(variable="number", max_digits=4, next="ring_it"),
        "ring_it": DialNode(target="extension:{number}", ring_s=10, next="choose"),
        "bye": Transfer(target="play:closed"),
    },
)


def centre(**changes: Any) -> Config:
    """The centre, with whole sections or single entries of mappings changed: `queue={"sales": ...}`."""
    config = Config(
        general=General(node="sw1"),
        recording=Recording(min_free_mb=0),
        endpoint={
            **{name: fixed(name) for name in PHONES},
            ROAMING: Endpoint(auth=Auth(user=ROAMING)),
        },
        trunk={"north": trunk(NORTH), "south": trunk(SOUTH)},
        agent={
            "ana": Agent(endpoint="1001", login="on-start"),
            "ben": Agent(endpoint="1002", login="on-start"),
            "eva": Agent(endpoint="1003", login="on-start"),
            "roy": Agent(endpoint=ROAMING, login="on-start"),
        },
        queue={"sales": SALES},
        flow={"main": MAIN},
        message={"sales": Message(max_s=60)},
        route={
            "600": Route(to="queue:sales", source=("trunk:*", "endpoint:*")),
            "700": Route(to="flow:main"),
            "_9.": Route(to="trunk:south", source=("endpoint:*",), strip=1),
        },
    )
    for section, value in changes.items():
        old = getattr(config, section)
        new = {**old, **value} if isinstance(old, Mapping) else value
        if isinstance(old, Mapping):
            new = {name: entry for name, entry in new.items() if entry is not None}
        config = replace(config, **{section: new})
    return config


def about(seconds: float) -> Any:
    """That long, but for the ways of the messages."""
    return pytest.approx(seconds, abs=0.06)


def sales(**changes: Any) -> dict[str, dict[str, Queue]]:
    """`**sales(timeout=5)`: a change of the one queue."""
    return {"queue": {"sales": replace(SALES, **changes)}}


@dataclass
class Centre:
    switch: Switch
    network: Network
    north: Peer
    south: Peer
    phones: dict[str, Peer]
    killed: list[Switch] = field(default_factory=list)
    lines_at_start: int = 0
    """Of the queue_log."""

    async def restart(self, *, down_s: float = 2.0, worker_too: bool = False) -> None:
        """Kill the control process, and start another one `down_s` later; its media worker goes on, or does not."""
        before, loop = self.switch, asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with loop.beside_threads():
            worker = await before.kill()
        self.killed.append(before)
        await asyncio.sleep(down_s)
        with loop.beside_threads():
            self.switch = await Switch.open(
                before.parts.loaded.config,
                before.folder,
                network=self.network,
                address=SWITCH,
                secrets=before.parts.services.secrets,
                worker=replace(worker, legs={}, bridges=set(), recordings={}) if worker_too else worker,
            )

    def phone(self, name: str) -> Peer:
        return self.phones[name]

    def caller(self, number: str = "600", **more: Any) -> PeerCall:
        """A customer calls through the trunk."""
        return self.north.call(number, user=more.pop("user", CALLER), **more)

    def live(self) -> Call:
        """The one call there is."""
        calls = list(self.switch.parts.manager.calls.values())
        assert len(calls) == 1, calls
        return calls[0]

    def live_of(self, call: str) -> Call:
        return self.switch.parts.manager.call(call)

    def leg_of(self, party: str) -> LegId:
        """The leg of the one call's `party`: `trunk:north`, `endpoint:1001`."""
        legs = [leg.id for leg in self.switch.parts.services.legs.values() if leg.party == party]
        assert len(legs) == 1, legs
        return legs[0]

    def agent(self, name: str) -> AgentView:
        dispatcher = self.switch.parts.dispatcher
        return dispatcher.engine.agent_view(AgentId(name), self.switch.parts.clock.monotonic())

    def waiting(self, queue: str = "sales") -> int:
        return len(self.switch.control.queue(queue).callers)

    def press(self, digits: str, party: str = "trunk:north") -> None:
        """Keys as telephone events."""
        self.switch.media.press(self.leg_of(party), digits)

    # --- what it wrote ----------------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """Every row is in its table."""
        await asyncio.sleep(SETTLED_S)

    async def cdr(self) -> Row:
        """The one CDR."""
        await self.settled()
        rows = self.switch.cdrs()
        assert len(rows) == 1, rows
        return rows[0]

    async def offers(self) -> list[tuple[str, str, int]]:
        """Agent, result and status of each offer, in order."""
        await self.settled()
        return [
            (row["agent"], row["result"], row["sip_status"])
            for row in self.switch.rows("offers", "offered, ended, agent")
        ]

    async def visits(self) -> list[Row]:
        await self.settled()
        return self.switch.rows("queue_visits", "entered")

    def log(self) -> list[str]:
        """The queue_log without what agents do when the switch starts."""
        return self.switch.queue_log(self.lines_at_start)


FAULTS: list[str] = []
"""What was logged with a traceback since the story began: always a fault of ours."""


def _note_faults(logger: Any, method: str, event: Any) -> Any:
    if event.get("exc_info"):
        FAULTS.append(f"{event['event']}: {sys.exc_info()[1]!r}")
    return event


structlog.configure(
    processors=[
        _note_faults,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

Story = Callable[[Centre], Awaitable[None]]


def told(config: Config | None = None, *, script: Script = reliable, rest_s: float = FORGOTTEN_S) -> Any:
    """Decorates a story: the test opens the centre, tells it, and wants nothing left behind."""

    def decorate(story: Story) -> Callable[[Path], None]:
        def test(tmp_path: Path) -> None:
            run(_tell(story, config or centre(), tmp_path, script, rest_s), threads=False)

        test.__name__ = test.__qualname__ = story.__name__  # type: ignore[attr-defined]
        test.__doc__ = story.__doc__
        test.__module__ = story.__module__
        return test

    return decorate


async def _tell(story: Story, config: Config, folder: Path, script: Script, rest_s: float) -> None:
    network = Network(script)
    FAULTS.clear()
    gc.collect()
    gc.freeze()
    gc.disable()
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: FAULTS.append(f"{context['message']}: {context.get('exception')!r}")
    )
    secrets = {("endpoint", ROAMING): SECRET}
    switch = await Switch.open(
        config, folder, network=network, address=SWITCH, secrets=secrets, template=_TEMPLATE
    )
    peers = {name: Peer(network, address, name=name, switch=SWITCH) for name, address in PHONES.items()}
    peers[ROAMING] = Peer(network, "192.0.2.15", name=ROAMING, switch=SWITCH, secret=SECRET)
    north = Peer(network, NORTH, name="north", switch=SWITCH)
    south = Peer(network, SOUTH, name="south", switch=SWITCH)
    centre = Centre(switch, network, north, south, peers)
    centre.lines_at_start = len(switch.queue_log())
    try:
        await story(centre)
        await asyncio.sleep(rest_s)
        switch = centre.switch
        left = [*switch.leaks(), *FAULTS, *_only_for_the_collector()]
        assert not left, left
        cdrs = switch.cdrs()
        assert all(row["ended"] for row in cdrs), "a call without its end"
        lives = [each.parts for each in (*centre.killed, switch)]
        made = sum(parts.manager.total + parts.direct.total for parts in lives)
        assert len(cdrs) == made, "not one CDR for each call"
    finally:
        gc.enable()
        gc.unfreeze()
        for peer in (*peers.values(), north, south):
            peer.close()
        await centre.switch.close()


def _only_for_the_collector() -> list[str]:
    """Parts of calls that are over and hold each other: the collector, which looks seldom, would have to free them."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    kinds = Counter(
        type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith("softswitch.call.")
    )
    gc.garbage.clear()
    return [f"hold each other: {dict(kinds)}"] if kinds else []
