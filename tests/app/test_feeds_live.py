"""Proves over real sockets and in real time, with calls of a whole switch on a fake network: two AMI client libraries
that are not ours (panoramisk, asterisk-ami) log in, hear a served and a lost caller and read QueueStatus and
QueueSummary; aiohttp follows the WebSocket, resumes after a number, is told of a gap and refused without the secret; a
web server of aiohttp that fails at first gets every event of each call in order, signed; a reload changes webhooks;
metrics are read by Prometheus' own parser.

Does not prove media and SIP of others beside them: tests/interop/test_feeds.py does.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import panoramisk
import pytest
from asterisk.ami import SimpleAction

sys.path.insert(0, str(Path(__file__).parents[1] / "story"))
from story_floor import NORTH, PHONES, SWITCH, centre, members, sales

from softswitch.api.metrics import Metrics
from softswitch.config.feeds import Ami, Events, Webhook
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.testing.manners import answering, ringing
from softswitch.testing.network import Network, reliable
from softswitch.testing.peer import Peer
from softswitch.testing.switch import Switch
from tests.interop.test_feeds import SECRET, Receiver, follow, receiver, threaded  # noqa: F401
from tools.peers.switch import wait_for

EVENTS = ["QueueCallerJoin", "AgentCalled", "QueueCallerLeave", "AgentConnect", "AgentComplete"]
LOST = ["QueueCallerJoin", "AgentCalled", "QueueCallerAbandon", "QueueCallerLeave"]


@dataclass
class Live:
    switch: Switch
    network: Network
    receiver: Receiver

    @property
    def feeds(self) -> Any:
        return self.switch.control.feed

    @property
    def manager_port(self) -> int:
        return int(self.feeds.manager.port)

    @property
    def events_port(self) -> int:
        return int(self.feeds.public.port)

    async def calls(self) -> None:
        """One is served and hangs up; one hangs up while the agent's phone rings."""
        north = Peer(self.network, NORTH, name="north", switch=SWITCH)
        phone = Peer(self.network, PHONES["1001"], name="1001", switch=SWITCH)
        try:
            for manner, seconds in ((answering(0.1), 0.5), (ringing, 0.4)):
                phone.on_call = manner
                call = north.call("600", user="+34600000001")
                await phone.next_call()
                await asyncio.sleep(seconds)
                call.hang_up()
                await asyncio.to_thread(wait_for, lambda: not self.switch.parts.manager.calls, 60, "the end")
        finally:
            north.close()
            phone.close()


def config(receiver: Receiver) -> Config:  # noqa: F811
    hook = Webhook(
        url=f"http://127.0.0.1:{receiver.port}/events", topics=("call.*", "queue.*"), retry_min_s=0.05
    )
    return centre(
        **sales(members=members("ana"), wrapuptime=0.0),
        ami=Ami(listen="127.0.0.1:0", user="board"),
        events=Events(listen="127.0.0.1:0"),
        webhook={"crm": hook},
    )


@pytest.fixture
async def live(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Live]:  # noqa: F811
    network = Network(reliable)
    secrets = {
        key: Secret(user="board", password=SECRET)
        for key in (("ami", ""), ("events", ""), ("webhook", "crm"))
    }
    switch = await Switch.open(config(receiver), tmp_path, network=network, address=SWITCH, secrets=secrets)
    await switch.control.feed.start(Metrics(switch.control), switch.control.ready)
    yield Live(switch, network, receiver)
    await switch.control.feed.stop()
    await switch.close()


def ended(count: int) -> Any:
    return lambda got: sum(each["type"] == "call.ended" for each in got) == count


async def test_a_client_library_on_asyncio_hears_queues(live: Live) -> None:
    board = panoramisk.Manager(
        host="127.0.0.1",
        port=live.manager_port,
        username="board",
        secret=SECRET,
        loop=asyncio.get_running_loop(),
    )
    heard: list[Any] = []
    board.register_event("*", lambda manager, event: heard.append(event))
    await board.connect()
    await asyncio.to_thread(wait_for, lambda: board.authenticated, 20, "the log-in")
    await live.calls()
    names = [event.event for event in heard if event.event.startswith(("QueueCaller", "Agent"))]
    assert names == EVENTS + LOST
    status = await asyncio.wait_for(board.send_action({"Action": "QueueStatus"}), 10)
    assert [each.event for each in status if each.event] == [
        "QueueParams",
        "QueueMember",
        "QueueStatusComplete",
    ]
    params, member = status[1:3]
    assert (params["Completed"], params["Abandoned"]) == ("1", "1")
    assert (member["Name"], member["Location"], member["CallsTaken"]) == ("ana", "PJSIP/1001", "1")
    refused = await asyncio.wait_for(board.send_action({"Action": "QueuePause", "Queue": "sales"}), 10)
    assert refused.response == "Error"
    board.close()


async def test_a_client_library_with_threads_hears_the_same(live: Live) -> None:
    client, heard, summary = await asyncio.to_thread(threaded, live.manager_port)
    await live.calls()
    client.send_action(SimpleAction("QueueSummary"))
    await asyncio.to_thread(wait_for, lambda: bool(summary), 20, "the summary")
    assert [name for name in heard if name.startswith(("QueueCaller", "Agent"))] == EVENTS + LOST
    assert summary == ["1"]
    await asyncio.to_thread(client.logoff)


async def test_followers_resume_and_are_told_of_gaps(live: Live) -> None:
    following = asyncio.create_task(follow(live.events_port, None, ended(2)))
    await asyncio.to_thread(wait_for, lambda: live.feeds.figures().followers == 1, 20, "the follower")
    await live.calls()
    told = [each for each in await following if "seq" in each]
    numbers = [each["seq"] for each in told]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    middle = numbers[len(numbers) // 2]
    rest = await follow(live.events_port, middle, lambda got: got[-1].get("seq") == numbers[-1])
    assert rest[1:] == [each for each in told if each["seq"] > middle]
    gap = await follow(live.events_port, 1, lambda got: len(got) > 2)
    assert gap[1]["type"] == "gap" and gap[1]["missed"] is None


async def test_every_event_is_posted_in_order_through_failures(live: Live) -> None:
    following = asyncio.create_task(follow(live.events_port, None, ended(2)))
    await asyncio.to_thread(wait_for, lambda: live.feeds.figures().followers == 1, 20, "the follower")
    await live.calls()
    wanted = [each for each in await following if each["type"].partition(".")[0] in ("call", "queue")]
    got = live.receiver.got
    await asyncio.to_thread(wait_for, lambda: len(got) >= len(wanted), 20, "all events")
    assert not live.receiver.bad and live.receiver.asked >= len(got) + 2
    for call in {each["call"] for each in wanted if "call" in each}:
        of_call = [each["seq"] for each in got if each.get("call") == call]
        assert of_call == [each["seq"] for each in wanted if each.get("call") == call]
    [hook] = live.feeds.figures().webhooks
    assert (hook.webhook, hook.waiting, hook.lost) == ("crm", 0, 0) and hook.retried >= 2


async def test_a_reload_changes_webhooks(live: Live) -> None:
    config = live.switch.parts.loaded.config
    live.switch.reload(replace(config, webhook={}))
    assert live.feeds.figures().webhooks == ()
    await live.calls()
    assert live.receiver.got == []
    live.switch.reload(config)
    await live.calls()
    await asyncio.to_thread(wait_for, lambda: bool(live.receiver.got), 20, "events again")
