"""Proves that whatever happens, in whatever order, each call ends with one CDR and leaves nothing behind: a hundred random
calls with random events on a network that loses packets, from seeds that are tried again and again.

Does not prove that each of them ended as it should; the other stories do that.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from story_floor import PHONES, ROAMING, SALES, SWITCH, Centre, centre, members, told, trunk

from softswitch.acd.values import AgentStatus
from softswitch.config.queues import Agent, Delays, Queue
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.ids import AgentId
from softswitch.testing.network import DELAY_S, Packet, Script
from softswitch.testing.peer import Peer
from softswitch.testing.peer_call import PeerCall

CALLS = 100
LASTS_S = 120.0
"""Calls begin within this time, and nobody stays longer than that."""
SHORT = Delays(busy_s=1, reject_s=1, no_answer_s=1, failed_s=1)


def busy_centre() -> Config:
    queue = replace(
        SALES,
        members=members("ana", "ben", "eva", "roy"),
        timeout=4.0,
        wrapuptime=1.0,
        delays=SHORT,
        announce_frequency=3.0,
        max_wait=25.0,
        maxlen=12,
        on_timeout="queue:support",
        on_full="message:sales",
        keys={"1": "message:sales", "2": "queue:support", "3": "flow:main"},
        agent_announce="agent-announce-sales",
    )
    support = Queue(
        members=members("eva", "ben"),
        strategy="ring-all",
        timeout=3.0,
        wrapuptime=0.5,
        delays=SHORT,
        max_wait=15.0,
        leavewhenempty=True,
        on_timeout="hangup:busy",
        record="on-demand",
    )
    return centre(
        queue={"sales": queue, "support": support},
        trunk={"south": trunk("198.51.100.20", max_channels=8)},
        route={"603": Route(to="queue:support", priority=2), "604": Route(to="message:sales")},
    )


def losing(chance: random.Random, share: float) -> Script:
    def script(packet: Packet) -> float | None:
        return None if chance.random() < share else DELAY_S

    return script


@dataclass
class Chaos:
    """Everything random of one story."""

    c: Centre
    chance: random.Random

    def later(self, longest_s: float, do: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(self.chance.uniform(0.0, longest_s), do)

    # --- phones -----------------------------------------------------------------------------------------------------

    def on_call(self, call: PeerCall) -> None:
        """What a phone or trunk does with a call; it never talks for ever."""
        chance = self.chance
        fate = chance.random()
        if fate < 0.08:
            call.reject(chance.choice((486, 603, 480, 500, 404)))
            return
        if fate < 0.11:
            call.reject(302, f"sip:{chance.choice(tuple(PHONES))}@{SWITCH}")
            return
        call.ring(chance.choice((180, 183)), early=chance.random() < 0.3)
        if fate < 0.25:
            self.later(LASTS_S, call.hang_up)
            return
        answer_s = chance.choice((0.0, 0.3, 1.0, 2.0, 3.99, 4.0))
        asyncio.get_running_loop().call_later(answer_s, call.answer)
        asyncio.get_running_loop().call_later(answer_s + chance.uniform(0.0, 20.0), call.hang_up)
        self.fidget(call)

    def fidget(self, call: PeerCall) -> None:
        """Hold, resume, keys."""
        for act in (call.hold, call.resume, lambda: call.press(self.chance.choice("0123456789*#"))):
            if self.chance.random() < 0.3:
                self.later(20.0, act)

    # --- callers ----------------------------------------------------------------------------------------------------

    def begin_call(self) -> None:
        chance, c = self.chance, self.c
        fate = chance.random()
        if fate < 0.7:
            number = chance.choice(("600", "600", "600", "603", "700", "700", "604", "5555"))
            call = c.north.call(number, user=f"+34{chance.randrange(10**6)}")
        else:
            number = chance.choice(
                (*PHONES, ROAMING, "9112", "9113", "600", "700", "5555", "*12", "*11", "*13", "*14")
            )
            call = c.phone(chance.choice(tuple(PHONES))).call(number)
        self.fidget(call)
        self.later(chance.choice((0.02, 1.0, 5.0, 30.0, LASTS_S)), call.hang_up)
        for _ in range(chance.randrange(4)):
            self.later(10.0, lambda: self.press(call))

    def press(self, call: PeerCall) -> None:
        """A telephone event on one of the live calls."""
        legs = sorted(self.c.switch.media.legs)
        if legs:
            self.c.switch.media.press(self.chance.choice(legs), self.chance.choice("0123456789*#"))

    # --- people in charge -------------------------------------------------------------------------------------------

    def meddle(self) -> None:
        chance, c = self.chance, self.c
        desk = c.switch.parts.dispatcher.desk
        agent = AgentId(chance.choice(("ana", "ben", "eva", "roy")))
        known = agent in c.switch.parts.services.config.agent
        match chance.randrange(9):
            case 0 if known:
                desk.status(agent, AgentStatus.LOGGED_OUT, "")
            case 1 if known:
                desk.login(agent)
            case 2 if known and desk.is_logged_in(agent):
                desk.status(agent, AgentStatus.PAUSED, "break")
            case 3 if known and desk.is_logged_in(agent):
                desk.resume(agent)
            case 4:
                calls = sorted(c.switch.parts.manager.calls)
                if calls:
                    c.switch.parts.manager.hang_up(chance.choice(calls))
            case 5:
                c.switch.reload(self.other_centre())
            case 6:
                legs = sorted(c.switch.media.legs)
                if legs:
                    c.switch.media.fall_silent(chance.choice(legs), 60.0)
            case 7 if chance.random() < 0.3:
                c.switch.media.die()
            case _:
                c.switch.media.open_s = chance.choice((0.0, 0.0, 0.01, 0.5))
        assert c.switch.parts.dispatcher.engine.invariants() == []

    def other_centre(self) -> Config:
        """The centre with an agent, a queue or a phone more or less."""
        config, chance = busy_centre(), self.chance
        fate = chance.randrange(4)
        if fate == 0:
            gone = chance.choice(("ana", "ben", "eva", "roy"))
            queues = {
                name: replace(queue, members=tuple(one for one in queue.members if one.agent != gone))
                for name, queue in config.queue.items()
            }
            return replace(
                config, agent={name: one for name, one in config.agent.items() if name != gone}, queue=queues
            )
        if fate == 1:
            return centre(queue={"sales": replace(config.queue["sales"], on_timeout="hangup", keys={})})
        if fate == 2:
            return replace(config, agent={**config.agent, "ana": Agent(endpoint="1004")})
        return config

    async def roam(self, phone: Peer) -> None:
        """The phone that registers comes and goes."""
        while True:
            try:
                await phone.sign_in(self.chance.choice((60, 3600, 0)), patience_s=10.0)
            except TimeoutError:
                pass
            await asyncio.sleep(self.chance.uniform(5.0, 30.0))


@pytest.mark.parametrize(("seed", "share"), [(1, 0.0), (2, 0.0), (3, 0.05), (4, 0.05), (5, 0.3)])
def test_a_hundred_random_calls(seed: int, share: float, tmp_path: Path) -> None:
    chance = random.Random(seed)

    @told(busy_centre(), script=losing(random.Random(seed), share))
    async def story(c: Centre) -> None:
        chaos = Chaos(c, chance)
        for peer in (*c.phones.values(), c.south):
            peer.on_call = chaos.on_call
        roaming = asyncio.create_task(chaos.roam(c.phone(ROAMING)))
        for _ in range(CALLS):
            chaos.later(LASTS_S, chaos.begin_call)
        for _ in range(60):
            chaos.later(LASTS_S * 2, chaos.meddle)
        await asyncio.sleep(LASTS_S * 3)
        roaming.cancel()
        for call in tuple(c.switch.parts.manager.calls):
            c.switch.parts.manager.hang_up(call)
        await asyncio.sleep(60.0)
        cdrs = c.switch.cdrs()
        assert len(cdrs) >= CALLS * 0.8 * (1 - share)
        assert len({row["cause"] for row in cdrs}) >= 5
        known = {row["call"] for row in cdrs}
        assert {row["call"] for row in c.switch.rows("queue_visits")} <= known
        assert {row["call"] for row in c.switch.rows("offers")} <= known
        assert all(row["ended"] >= row["started"] for row in cdrs)
        assert all(min(row["talk_s"], row["hold_s"]) >= 0 for row in cdrs)
        answered = [row for row in c.switch.rows("offers") if row["result"] == "answered"]
        connects = [line for line in c.log() if "|CONNECT|" in line]
        assert len(answered) == len(connects)

    story(tmp_path)
