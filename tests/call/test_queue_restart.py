"""Proves by random histories that a restart from the journal loses nobody in the queues: each caller waits on in his
place, with his age, skills and steps, agents are what they had declared, nobody idles beside a caller, and whatever
happens next obeys the rules of `acd_model`.

What the journal keeps is written and read by the very functions of `call/stages`, and callers come back as the dispatcher
brings them back. Does not prove processes, sockets and talks that go on; `tests/interop/test_crash.py` does.
"""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from softswitch.acd.values import AgentStatus, WaitingCall
from softswitch.call.stages import Wait, arguments_of, from_journal, name_of
from softswitch.ids import AgentId, CallId

sys.path.insert(0, str(Path(__file__).parent.parent / "acd"))
from acd_model import Model

EVENTS = int(os.environ.get("ACD_EVENTS", "4000"))
STEPS = 200
WALL = 1_790_000_000.0
"""Wall time at the engine's zero."""

Journal = Mapping[str, tuple[str, str]]
"""Stage and arguments of each call, as the store keeps them."""


def written(model: Model) -> Journal:
    rows = {}
    for call, given in model.waiting.items():
        joined = given.entered if given.joined is None else given.joined
        stage = Wait(
            queue=given.queue,
            priority=given.priority,
            skills=given.skills,
            entered=WALL + joined,
            waited_s=joined - given.entered,
            kept=True,
            agents=given.agents,
            agents_s=given.agents_s,
        )
        rows[call] = (name_of(stage), json.dumps(arguments_of(stage)))
    return rows


def read(call: str, row: tuple[str, str], now: float) -> WaitingCall:
    """As `Dispatcher.enter` makes it of the stage."""
    stage = from_journal(row[0], json.loads(row[1]))
    assert isinstance(stage, Wait)
    joined = now - (WALL + now - stage.entered)
    return WaitingCall(
        call=call,  # type: ignore[arg-type]
        queue=stage.queue,
        entered=joined - stage.waited_s,
        joined=joined,
        priority=stage.priority,
        skills=stage.skills,
        agents=stage.agents,
        agents_s=stage.agents_s,
        restored=stage.kept,
    )


class Restarted(Model):
    def order(self) -> dict[str, list[str]]:
        snapshot = self.engine.snapshot(self.now)
        return {view.queue: [caller.call for caller in view.waiting] for view in snapshot.queues}

    def restart(self, down_s: float) -> None:
        journal = written(self)
        agents = {
            view.agent: (view.status, view.reason)
            for view in self.engine.snapshot(self.now).agents
            if view.agent in self.agents
        }
        before = self.order()
        left = {call for queue in before for call in before[queue]}
        self.now += down_s
        self.waiting.clear()
        self.offers.clear()
        self.talks.clear()
        self.states.clear()
        self.not_before.clear()
        self.last_chances.clear()
        self.untied.clear()
        self.cancelled = []
        self.engine = self._new_engine()
        self._known()
        for name in self.agents:
            self.occupied[name] = 0
        for call, row in journal.items():
            given = read(call, row, self.now)
            self.waiting[given.call] = given
            self._did(self.engine.call_waiting(given, self.now))
        for name, (status, reason) in agents.items():
            if status is not AgentStatus.LOGGED_OUT:
                self.status[name] = status
                self._did(self.engine.restore_agent(AgentId(name), status, reason, self.now, self.now))
        self._did(self.engine.tick(self.now))
        self.check()
        after = self.order()
        self.seen["restarts"] += 1
        self.seen["callers over a restart"] += len(left)
        gone = left - set(self.waiting)
        for queue, calls in after.items():
            kept = [call for call in before[queue] if call not in gone]
            assert sorted(calls) == sorted(kept), "nobody is lost"
            ranks = [self.rank(self.waiting[CallId(call)]) for call in kept]
            assert ranks == sorted(ranks), "the order of before is the order of now"
        self.seen["left at once"] += len(gone)


def test_histories_with_restarts() -> None:
    seen: Counter[str] = Counter()
    for seed in range(max(1, EVENTS // STEPS)):
        chance = random.Random(1000 + seed)
        model = Restarted(chance.choice)
        for step in range(STEPS):
            chance.choice(Model.OFTEN if chance.random() < 0.7 else Model.ACTIONS)(model)
            if step % 40 == 39:
                model.restart(chance.choice([0.0, 1.0, 30.0]))
            model.check()
        seen += model.seen
    assert seen["restarts"] >= 5
    assert seen["callers over a restart"] > 20
    assert seen["left at once"] < seen["callers over a restart"]
