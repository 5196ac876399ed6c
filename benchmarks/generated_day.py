"""Makes up a day of a contact centre, as the simulator reads it: hours that rise and fall, shifts with breaks, two queues
with a skill, patience and talks of people. It is served by the engine itself once, so that it has a real outcome.

python -m benchmarks.generated_day 6000 --seed 1   prints what it is like as one JSON line.
"""

import argparse
import json
import math
import random
from dataclasses import dataclass, replace

from softswitch.acd.day import Arrival, Day, Duty, Reaction
from softswitch.acd.habits import KEEPS_OWN, Handling
from softswitch.acd.scenario import plan
from softswitch.acd.simulation import Fate, Simulation
from softswitch.acd.simulation_figures import figures, real_outcome
from softswitch.acd.values import AgentStatus, OfferResult
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId, CallId, QueueName

HOUR = 3600.0
SERVICE_LEVEL_S = 20.0
MEAN_TALK_S, MEAN_PATIENCE_S = 200.0, 150.0
_LUNCH_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    queues: dict[str, Queue]
    agents: dict[str, Agent]
    day: Day


class Nature:
    """People as they are; the simulator sees only what they did."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._offers = random.Random(f"{seed} offers")
        self._known: dict[str, tuple[float, float, float]] = {}

    def _of(self, call: str) -> tuple[float, float, float]:
        known = self._known.get(call)
        if known is None:
            draw = random.Random(f"{self._seed} {call}")
            talk = draw.lognormvariate(math.log(MEAN_TALK_S) - 0.245, 0.7)
            known = self._known[call] = (draw.expovariate(1 / MEAN_PATIENCE_S), talk, draw.uniform(4, 16))
        return known

    def patience(self, arrival: Arrival) -> float:
        return self._of(arrival.call)[0]

    def handling(self, arrival: Arrival) -> Handling:
        _, talk, wrapup = self._of(arrival.call)
        return Handling(talk_s=talk, wrapup_s=wrapup)

    def reaction(self, agent: AgentId) -> Reaction:
        answered = self._offers.random() > 0.03
        result = OfferResult.ANSWERED if answered else OfferResult.NO_ANSWER
        return Reaction(agent=agent, result=result, after_s=self._offers.uniform(1.5, 6.0))


def generated(calls: int, seed: int = 1, *, since: float = 1_700_000_000.0, load: float = 0.9) -> Centre:
    """A day from 8 to 20 o'clock; `load` says how busy its agents are on average."""
    draw = random.Random(seed)
    queues = {
        "support": Queue(wrapuptime=10.0, servicelevel=SERVICE_LEVEL_S, skills={"support": 1}),
        "sales": Queue(wrapuptime=10.0, servicelevel=SERVICE_LEVEL_S, skills={"sales": 1}, weight=1),
    }
    people = max(4, math.ceil(calls * (MEAN_TALK_S + 14.0) / (load * 6.9 * HOUR)))
    agents = {
        f"a{n:03}": Agent(
            endpoint=str(1000 + n),
            skills={"support": 1 + n % 3} | ({"sales": 1 + n % 2} if n % 3 == 0 else {}),
        )
        for n in range(people)
    }
    arrivals = _arrivals(calls, draw, since)
    day = Day(
        since=since, until=since + 24 * HOUR, arrivals=arrivals, duties=_shifts(list(agents), draw, since)
    )
    return Centre(queues=queues, agents=agents, day=_lived(day, queues, agents, Nature(seed)))


def _arrivals(calls: int, draw: random.Random, since: float) -> tuple[Arrival, ...]:
    """Two humps, at eleven and at sixteen o'clock."""
    times = sorted(
        since
        + HOUR * min(19.99, max(8.0, draw.gauss(11.0, 1.4) if draw.random() < 0.6 else draw.gauss(16.0, 1.5)))
        for _ in range(calls)
    )
    return tuple(
        Arrival(
            call=CallId(f"c{index:06}"),
            queue=QueueName("sales" if draw.random() < 0.25 else "support"),
            at=at,
            outcome="",
            waited_s=0.0,
            priority=1 if draw.random() < 0.05 else 0,
        )
        for index, at in enumerate(times)
    )


def _shifts(agents: list[str], draw: random.Random, since: float) -> tuple[Duty, ...]:
    """Eight hours each with half an hour of lunch, beginning when callers do."""
    duties: list[Duty] = []
    for name in agents:
        began = since + HOUR * draw.choice((7.75, 8.0, 8.5, 9.0, 10.0, 11.5, 12.0))
        lunch = began + HOUR * draw.uniform(3.5, 4.5)
        pieces = (
            (began, lunch, AgentStatus.AVAILABLE, ""),
            (lunch, lunch + _LUNCH_S, AgentStatus.PAUSED, "lunch"),
            (lunch + _LUNCH_S, began + 8 * HOUR, AgentStatus.AVAILABLE, ""),
        )
        duties += [
            Duty(agent=AgentId(name), began=start, ended=end, status=status, reason=reason)
            for start, end, status, reason in pieces
        ]
    return tuple(sorted(duties, key=lambda duty: duty.began))


def _lived(day: Day, queues: dict[str, Queue], agents: dict[str, Agent], nature: Nature) -> Day:
    """What became of everybody, as it would stand in the database."""
    outcome = Simulation(day, plan(day, queues, agents), nature).run()
    fates = {fate.call: fate for fate in outcome.fates}
    arrivals = tuple(_told(arrival, fates[arrival.call], nature) for arrival in day.arrivals)
    reactions = tuple(nature.reaction(AgentId(name)) for name in agents for _ in range(40))
    return replace(day, arrivals=arrivals, reactions=reactions, times=outcome.times)


def _told(arrival: Arrival, fate: Fate, nature: Nature) -> Arrival:
    handled = nature.handling(arrival)
    answered = fate.outcome == "answered"
    return replace(
        arrival,
        outcome=fate.outcome,
        waited_s=fate.waited_s,
        talk_s=handled.talk_s if answered else 0.0,
        wrapup_s=handled.wrapup_s if answered else KEEPS_OWN,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=int)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    centre = generated(given.calls, given.seed)
    levels = {name: queue.servicelevel for name, queue in centre.queues.items()}
    found = figures(real_outcome(centre.day), levels)
    print(
        json.dumps(
            {"benchmark": "generated_day", "agents": len(centre.agents)}
            | {name: getattr(found, name) for name in found.__dataclass_fields__}
        )
    )


if __name__ == "__main__":
    main()
