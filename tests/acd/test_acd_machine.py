"""Proves by random histories of events that no caller is lost, no agent is reserved twice, nobody idles beside a caller.

`acd_model` follows the decisions without sharing code with the engine. After each event it checks the engine's own
invariants, work conservation, the order of service within a queue, wrap-up and rest kept, last chances, and that the
times in states sum to the time that passed. Hypothesis looks for short histories, seeds give long ones; the latter also
assert that everything that can happen did. `ACD_EVENTS` says how many random events there are in all (default 9000).
Does not prove expected waits or figures.
"""

import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from acd_model import Model
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

STEPS = 300
SEEDS = range(max(1, int(os.environ.get("ACD_EVENTS", "9000")) // STEPS))


class Centre(RuleBasedStateMachine):
    model: Model | None = None

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.model = Model(self._chooser(data))

    def _chooser(self, data: st.DataObject) -> Any:
        def choose(options: Sequence[Any]) -> Any:
            return data.draw(st.sampled_from(list(options)))

        return choose

    def _act(self, data: st.DataObject, action: Any) -> None:
        assert self.model is not None
        self.model.choose = self._chooser(data)
        action(self.model)

    @rule(data=st.data(), action=st.sampled_from(Model.OFTEN))
    def often(self, data: st.DataObject, action: Any) -> None:
        self._act(data, action)

    @rule(data=st.data())
    def calls(self, data: st.DataObject) -> None:
        self._act(data, Model.call)

    @rule(data=st.data(), action=st.sampled_from(Model.ACTIONS))
    def anything(self, data: st.DataObject, action: Any) -> None:
        self._act(data, action)

    @rule(data=st.data(), now=st.integers(0, 7))
    def reload(self, data: st.DataObject, now: int) -> None:
        if now == 7:
            self._act(data, Model.reload)

    @invariant()
    def holds(self) -> None:
        if self.model is not None:
            self.model.check()


Centre.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestCentre = Centre.TestCase


def test_long_histories_and_everything_happens_in_them() -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        chance = random.Random(seed)
        model = Model(chance.choice)
        for _ in range(STEPS):
            action = chance.choice(Model.OFTEN if chance.random() < 0.7 else Model.ACTIONS)
            if seed % 2 and chance.random() < 0.02:
                action = Model.reload
            action(model)
            model.check()
        seen += model.seen
    expected = {
        "Offer",
        "Connect",
        "Announce",
        "more ring",
        "no answer",
        "lost race",
        "caller gone",
        "left queue",
        "paused",
        "logged out",
        "occupied",
        "full",
        "join empty",
        "empty",
        "timeout",
        "timeout after last chance",
        "one more rings",
        "order looked at",
        "surge or wanted",
        "wanted",
        "pause refused",
        "PauseOverdue",
        "StrategyFailed",
        "shared",
    }
    assert expected <= set(seen), expected - set(seen)
    assert seen["Offer"] > 1000
