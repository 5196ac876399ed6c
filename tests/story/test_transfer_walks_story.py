"""Proves that no order of REFERs (blind, attended, to oneself, right before a BYE), Replaces, park, pickup, holds, offers
from both sides at once, lost packets and kills of the control process leaves anything behind: no phone talks to nobody,
no leg, port, agent in a call or recording is left; and of whatever was done: one CDR a call whose talk and hold times are
the sums of its segments, segments of one call that do not overlap, descriptions whose version rises with each change, and
sequence numbers that are never used twice.

Every seed is a test of its own. What a single transfer should have come to is told in the stories beside this file.
"""

import asyncio
import contextlib
import itertools
import random
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from story_floor import PHONES, SWITCH, Centre, centre, fixed, members, sales, told, trunk

from softswitch.api.errors import ApiError
from softswitch.config.features import Parking
from softswitch.config.queues import Queue
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.sip.message import Request, parse_message
from softswitch.testing.manners import answering, busy, ringing
from softswitch.testing.network import DELAY_S, Script
from softswitch.testing.peer_call import PeerCall

STEPS = 60
SUPPORT = Queue(members=members("eva"), wrapuptime=2.0, announce_frequency=0.0, record="on-demand")
GROUPS = ("office",)


def floor(*, refer: bool) -> Config:
    config = centre(
        endpoint={name: fixed(name, pickup_groups=GROUPS, record="always") for name in PHONES},
        trunk={"south": trunk("198.51.100.20", transfers=True, refer=refer)},
        queue={
            **sales(members=members("ana", "ben"), wrapuptime=2.0, timeout=6.0)["queue"],
            "support": SUPPORT,
        },
        route={"601": Route(to="queue:support"), "602": Route(to="extension:1004")},
    )
    return replace(config, parking=Parking(places=3, timeout_s=20.0))


def losing(seed: int, share: float) -> Script:
    chance = random.Random(seed)
    return lambda packet: None if chance.random() < share else DELAY_S * chance.choice((1, 1, 1, 2, 5))


class Walk:
    def __init__(self, c: Centre, seed: int, *, kills: bool) -> None:
        self.c = c
        self.chance = random.Random(seed)
        self.kills = kills
        self.made: list[PeerCall] = []

    async def step(self) -> None:
        acts: list[Callable[[], object]] = [
            self.arrive, self.dial, self.dial, self.blind, self.blind, self.attended, self.attended,
            self.replace, self.hold, self.hold, self.crossing, self.hang_up, self.park, self.order,
        ]  # fmt: skip
        act = self.chance.choice(acts)
        with contextlib.suppress(ApiError):
            outcome = act()
            if asyncio.iscoroutine(outcome):
                await outcome
        if self.kills and self.chance.random() < 0.04:
            # A call that comes in the moment of a kill leaves no row, and gets no answer.
            await asyncio.sleep(0.2)
            await self.c.restart(down_s=self.chance.choice((0.5, 3.0)))
        await asyncio.sleep(self.chance.choice((0.0, 0.003, 0.02, 0.4, 2.5)))

    def everybody(self) -> list[PeerCall]:
        peers = (*self.c.phones.values(), self.c.south, self.c.north)
        return [*self.made, *(call for peer in peers for call in peer.calls)]

    def alive(self, *, talking: bool = True, phones: bool = False) -> list[PeerCall]:
        return [
            call
            for call in self.everybody()
            if not call.session.over
            and (not talking or call.session.state == "confirmed")
            and (not phones or call.peer.name in PHONES)
        ]

    def some(self, calls: list[PeerCall]) -> PeerCall | None:
        return self.chance.choice(calls) if calls else None

    def arrive(self) -> None:
        if len(self.c.switch.parts.manager.calls) < 5:
            number = self.chance.choice(("600", "600", "601", "602"))
            self.made.append(self.c.caller(number, user=f"+3460{len(self.made)}"))

    def dial(self) -> None:
        phone = self.chance.choice(tuple(PHONES))
        number = self.chance.choice((*PHONES, "600", "601", "9555", "*8", "*81003", "*71"))
        self.made.append(self.c.phone(phone).call(number))

    def blind(self) -> None:
        call = self.some(self.alive())
        if call is None:
            return
        to = self.chance.choice((*PHONES, call.peer.name, "600", "601", "9555", "700", "*7", "nobody"))
        call.refer(to)
        if self.chance.random() < 0.5:
            self.later(call.hang_up)
        elif self.chance.random() < 0.3:
            self.later(call.hold)

    def attended(self) -> None:
        one = self.some(self.alive(phones=self.chance.random() < 0.9))
        if one is None:
            return
        others = [each for each in self.alive(talking=False) if each.peer is one.peer and each is not one]
        other = self.some([each for each in others if each.session.dialog is not None])
        if other is None or not other.session.dialog or not other.session.dialog.state.remote_tag:
            return
        one.refer_to(other, early_only=self.chance.random() < 0.1)
        fate = self.chance.random()
        if fate < 0.3:
            other.refer_to(one)
        elif fate < 0.6:
            self.later(other.hang_up)
            self.later(one.hang_up)

    def replace(self) -> None:
        """An INVITE that takes the place of a dialog: of its own phone, of a colleague, of a stranger."""
        known = [
            call for call in self.alive(talking=False)
            if call.session.dialog is not None and call.session.dialog.state.remote_tag
        ]  # fmt: skip
        found = self.some(known)
        if found is None:
            return
        peer = found.peer if self.chance.random() < 0.6 else self.c.phone(self.chance.choice(tuple(PHONES)))
        self.made.append(peer.call("1001", headers=(("Replaces", found.replaces()),)))

    def hold(self) -> None:
        call = self.some(self.alive())
        if call is not None:
            (call.hold if self.chance.random() < 0.6 else call.resume)()

    def crossing(self) -> None:
        """The switch offers anew at the very moment at which its peers do."""
        if self.chance.random() < 0.5:
            self.c.switch.media.die()
        for call in self.alive():
            if self.chance.random() < 0.6:
                self.later(self.chance.choice((call.hold, call.resume)))

    def hang_up(self) -> None:
        call = self.some(self.alive(talking=False))
        if call is not None:
            call.hang_up()

    async def park(self) -> None:
        calls = list(self.c.switch.parts.manager.calls)
        if calls:
            await self.c.switch.control.steering.park(
                self.chance.choice(calls), self.chance.choice(("", "caller"))
            )

    async def order(self) -> None:
        calls, steering = list(self.c.switch.parts.manager.calls), self.c.switch.control.steering
        if not calls:
            return
        call, by = self.chance.choice(calls), self.chance.choice(("", "caller", "callee"))
        match self.chance.randrange(4):
            case 0:
                await steering.consult(call, self.chance.choice(("extension:1004", "trunk:south/777")), by)
            case 1:
                await steering.complete(call)
            case 2:
                await steering.three_way(call)
            case _:
                await steering.transfer(call, self.chance.choice(("extension:1003", "trunk:south/888")), by)

    def later(self, do: Callable[[], object]) -> None:
        after = self.chance.choice((0.0, 0.001, 0.005, 0.0101, 0.015, 0.1))
        asyncio.get_running_loop().call_later(after, do)

    async def end(self) -> None:
        for _ in range(40):
            for call in self.alive(talking=False):
                call.hang_up()
            await asyncio.sleep(0.5)
            if not self.alive(talking=False):
                break
        await asyncio.sleep(40)
        for live in list(self.c.switch.parts.manager.calls):
            await self.c.switch.control.hangup(live)
        await asyncio.sleep(60)


def check_rows(c: Centre) -> None:
    segments = defaultdict(list)
    for row in c.switch.rows("segments", "began, ended"):
        assert row["talk_s"] >= 0 and row["hold_s"] >= 0 and row["ended"] >= row["began"], row
        segments[row["call"]].append(row)
    for cdr in c.switch.cdrs():
        own = segments[cdr["call"]]
        assert cdr["talk_s"] == pytest.approx(sum(row["talk_s"] for row in own), abs=0.01), cdr
        assert cdr["hold_s"] == pytest.approx(sum(row["hold_s"] for row in own), abs=0.01), cdr
        lasted = cdr["ended"] - cdr["started"]
        assert cdr["talk_s"] + cdr["hold_s"] + cdr["wait_s"] <= lasted + 0.1, cdr
        for one, following in itertools.pairwise(own):
            assert one["ended"] <= following["began"] + 0.01, (one, following)
    assert all(row["state"] != "running" for row in c.switch.rows("recordings"))


_ORIGIN = re.compile(rb"^o=\S+ (\S+) (\S+) ", re.MULTILINE)


def check_packets(c: Centre) -> None:
    """Our descriptions and sequence numbers, in every dialog."""
    versions: dict[tuple[str, bytes], tuple[int, bytes]] = {}
    numbers: dict[tuple[str, str, str], dict[int, str]] = defaultdict(dict)
    for packet in c.network.packets:
        if packet.sender.address != SWITCH:
            continue
        message = parse_message(packet.data)
        if isinstance(message, Request) and message.method not in ("ACK", "CANCEL"):
            key = (message.call_id, message.from_tag, packet.receiver.address)
            branch = numbers[key].setdefault(message.cseq.number, message.top_via.branch)
            assert branch == message.top_via.branch, f"CSeq twice: {message.start_line}"
        origin = _ORIGIN.search(message.body)
        if origin is None:
            continue
        where = (message.call_id, origin[1])
        version, body = int(origin[2]), message.body
        before = versions.get(where)
        if before is not None and isinstance(message, Request):
            assert version >= before[0], f"an older description: {packet.first_line} {before} {body!r}"
        if before is not None and version == before[0]:
            assert body == before[1], f"changed, and the version is the same: {before[1]!r} {body!r}"
        if before is None or version > before[0]:
            versions[where] = version, body


def check_peers(walk: Walk) -> None:
    left = [(call.peer.name, call.session) for call in walk.everybody() if not call.session.over]
    assert not left, left
    idle = {"idle", "logged out", "occupied", "paused", "wrap-up"}
    for name in ("ana", "ben", "eva"):
        assert str(walk.c.agent(name).state) in idle, walk.c.agent(name)


def walked(config: Config, seed: int, folder: Path, *, share: float = 0.0, kills: bool = False) -> None:
    @told(config, script=losing(seed, share))
    async def story(c: Centre) -> None:
        walk = Walk(c, seed, kills=kills)
        manners = (answering(0.2), answering(1.0), answering(0.0), answering(0.4), answering(3.0))
        for phone in c.phones.values():
            phone.on_call = walk.chance.choice(manners)
        c.phone("1004").on_call = walk.chance.choice((answering(0.5), busy, ringing))
        c.south.on_call = answering(0.5)
        for _ in range(STEPS):
            await walk.step()
        await walk.end()
        check_peers(walk)
        check_rows(c)
        check_packets(c)

    story(folder)


@pytest.mark.parametrize("seed", range(6))
def test_walks(seed: int, tmp_path: Path) -> None:
    walked(floor(refer=bool(seed % 2)), seed, tmp_path)


@pytest.mark.parametrize("seed", range(100, 104))
def test_walks_where_packets_get_lost(seed: int, tmp_path: Path) -> None:
    walked(floor(refer=False), seed, tmp_path, share=0.08)


@pytest.mark.parametrize("seed", range(200, 204))
def test_walks_with_kills(seed: int, tmp_path: Path) -> None:
    walked(floor(refer=False), seed, tmp_path, kills=True)
