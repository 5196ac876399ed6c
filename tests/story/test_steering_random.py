"""Proves that no order of transfers, consultations, supervisors, take-overs, holds, conferences and hang-ups leaves
anything behind or makes a fault: what is done is drawn at random, and every seed is a test of its own.

Does not prove that what is heard is right; that is told in the stories beside this file.
"""

import asyncio
import contextlib
import random
from pathlib import Path

import pytest
from story_floor import Centre, centre, fixed, members, sales, told

from softswitch.api.errors import ApiError
from softswitch.api.steering_control import SuperviseWish
from softswitch.config.features import Conference
from softswitch.config.queues import Queue
from softswitch.config.routes import Route
from softswitch.testing.manners import answering, busy, ringing
from softswitch.testing.peer_call import PeerCall

SEEDS = range(12)
STEPS = 40
TARGETS = (
    "queue:support",
    "queue:sales",
    "extension:1003",
    "agent:eva",
    "trunk:south/555",
    "conference:team",
    "flow:main",
    "message:sales",
    "play:closed",
)
SUPPORT = Queue(members=members("eva"), wrapuptime=2.0, announce_frequency=0.0)
CENTRE = centre(
    endpoint={name: fixed(name, supervises=("*",), max_calls=3) for name in ("1002", "1003", "1004")},
    queue={**sales(members=members("ana", "ben"), wrapuptime=2.0)["queue"], "support": SUPPORT},
    conference={"team": Conference(record="always")},
    route={"800": Route(to="conference:team")},
)


class Chaos:
    def __init__(self, c: Centre, seed: int) -> None:
        self.c = c
        self.chance = random.Random(seed)
        self.made: list[PeerCall] = []

    async def step(self) -> None:
        orders = (
            self.call,
            self.order,
            self.order,
            self.supervise,
            self.mode,
            self.hang_up,
            self.hold,
            self.keys,
        )
        act = self.chance.choice((*orders, self.call, self.order, self.dial))
        with contextlib.suppress(ApiError):
            await act()
        await asyncio.sleep(self.chance.choice((0.0, 0.01, 0.3, 2.0)))

    async def call(self) -> None:
        if len(self.c.switch.parts.manager.calls) < 4:
            self.made.append(
                self.c.caller(self.chance.choice(("600", "600", "800")), user=str(len(self.made)))
            )

    async def dial(self) -> None:
        phone = self.chance.choice(("1003", "1004"))
        number = self.chance.choice(("*15ana", "*15ben", "1002", "800", "9555"))
        self.made.append(self.c.phone(phone).call(number))

    async def order(self) -> None:
        calls = list(self.c.switch.parts.manager.calls)
        if not calls:
            return
        call, steering = self.chance.choice(calls), self.c.switch.control.steering
        by = self.chance.choice(("", "caller", "callee"))
        match self.chance.randrange(5):
            case 0:
                await steering.transfer(call, self.chance.choice(TARGETS), by)
            case 1:
                await steering.consult(call, self.chance.choice(TARGETS[2:5]), by)
            case 2:
                await steering.complete(call)
            case 3:
                await steering.back(call)
            case _:
                await steering.three_way(call)

    async def supervise(self) -> None:
        calls = list(self.c.switch.parts.manager.calls)
        by_call = bool(calls) and self.chance.random() < 0.5
        wish = SuperviseWish(
            phone=self.chance.choice(("1003", "1004")),
            agent="" if by_call else self.chance.choice(("ana", "ben")),
            call=self.chance.choice(calls) if by_call else "",
            mode=self.chance.choice(("listen", "whisper", "barge")),
            follow=self.chance.random() < 0.5,
        )
        await self.c.switch.control.steering.supervise(wish)

    async def mode(self) -> None:
        steering = self.c.switch.control.steering
        for view in steering.supervisions()[:1]:
            mode = self.chance.choice(("listen", "whisper", "barge", "take-over", "end"))
            if mode == "end":
                await steering.supervision_end(view.supervision)
            else:
                await steering.supervision_mode(view.supervision, mode)

    def _anybody(self) -> PeerCall | None:
        peers = (*self.c.phones.values(), self.c.south)
        there = [*self.made, *(call for peer in peers for call in peer.calls)]
        alive = [call for call in there if not call.session.over]
        return self.chance.choice(alive) if alive else None

    async def hang_up(self) -> None:
        call = self._anybody()
        if call is not None:
            call.hang_up()

    async def hold(self) -> None:
        call = self._anybody()
        if call is not None and str(call.session.state) == "confirmed":
            (call.hold if self.chance.random() < 0.5 else call.resume)()

    async def keys(self) -> None:
        legs = list(self.c.switch.parts.services.legs)
        if legs:
            keys = self.chance.choice(
                ("*31003#", "*41003#", "*5", "*6", "*7", "4", "5", "6", "9", "*3", "1#")
            )
            self.c.switch.media.press(self.chance.choice(legs), keys)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_left_whatever_is_done(seed: int, tmp_path: Path) -> None:
    @told(CENTRE)
    async def story(c: Centre) -> None:
        chaos = Chaos(c, seed)
        for phone in c.phones.values():
            phone.on_call = chaos.chance.choice((answering(0.2), answering(1.0), answering(0.0)))
        c.phone("1003").on_call = chaos.chance.choice((answering(0.5), busy, ringing))
        c.south.on_call = answering(0.5)
        for _ in range(STEPS):
            await chaos.step()
        while (call := chaos._anybody()) is not None:
            call.hang_up()
            await asyncio.sleep(0.1)
        for view in c.switch.control.steering.supervisions():
            await c.switch.control.steering.supervision_end(view.supervision)
        await asyncio.sleep(1)
        for live in list(c.switch.parts.manager.calls):
            await c.switch.control.hangup(live)

    story(tmp_path)
