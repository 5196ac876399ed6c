"""A contact centre for tests of the engine: virtual time, decisions sorted by kind, invariants after every event."""

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from softswitch.acd.engine import Engine
from softswitch.acd.rules import Rules
from softswitch.acd.values import (
    AgentState,
    AgentStatus,
    CancelOffer,
    Connect,
    Decision,
    Offer,
    OfferResult,
    Overflow,
    StateChanged,
    WaitingCall,
)
from softswitch.config.queues import Agent, Member, Queue
from softswitch.ids import AgentId, CallId, OfferId, QueueName

Kind = TypeVar("Kind")


def members(*names: str, **penalties: int) -> tuple[Member, ...]:
    return (
        *(Member(agent=name) for name in names),
        *(Member(agent=name, penalty=penalty) for name, penalty in penalties.items()),
    )


class Floor:
    """Drives an engine as a shell would, but holds the clock in its hand."""

    def __init__(
        self,
        queues: dict[str, Queue],
        agents: dict[str, Agent] | str,
        *,
        login: bool = True,
        rules: Rules | None = None,
    ) -> None:
        if isinstance(agents, str):
            agents = {name: Agent(endpoint=name) for name in agents.split()}
        serial = count(1)
        self.now = 1000.0
        self.queues, self.agents = queues, agents
        self.engine = Engine(
            queues, agents, self.now, new_offer_id=lambda: OfferId(f"offer{next(serial)}"), rules=rules
        )
        self.log: list[Decision] = []
        self.last: list[Decision] = []
        if login:
            for name in agents:
                self.available(name)
                self.now += 1

    @staticmethod
    def rules(**more: Any) -> Rules:
        return Rules(**more)

    def did(self, decisions: list[Decision]) -> list[Decision]:
        self.last = decisions
        self.log += decisions
        assert self.engine.invariants() == []
        return decisions

    def run(self, seconds: float) -> list[Decision]:
        """Let time pass, ticking exactly when the engine asks for it."""
        until = self.now + seconds
        out: list[Decision] = []
        while (due := self.engine.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            out += self.did(self.engine.tick(self.now))
        self.now = until
        self.last = out
        return out

    def available(self, agent: str) -> list[Decision]:
        return self.did(self.engine.agent_status(AgentId(agent), AgentStatus.AVAILABLE, "", self.now))

    def pause(self, agent: str, reason: str = "lunch") -> list[Decision]:
        return self.did(self.engine.agent_status(AgentId(agent), AgentStatus.PAUSED, reason, self.now))

    def logout(self, agent: str) -> list[Decision]:
        return self.did(self.engine.agent_status(AgentId(agent), AgentStatus.LOGGED_OUT, "", self.now))

    def occupied(self, agent: str, delta: int) -> list[Decision]:
        return self.did(self.engine.agent_occupied(AgentId(agent), delta, self.now))  # type: ignore[arg-type]

    def reachable(self, agent: str, reachable: bool) -> list[Decision]:
        return self.did(self.engine.agent_reachable(AgentId(agent), reachable, self.now))

    def call(self, call: str, queue: str = "q", **more: Any) -> list[Decision]:
        more.setdefault("entered", self.now)
        waiting = WaitingCall(call=CallId(call), queue=QueueName(queue), **more)
        return self.did(self.engine.call_waiting(waiting, self.now))

    def gone(self, call: str, reason: str = "abandoned") -> list[Decision]:
        return self.did(self.engine.call_gone(CallId(call), self.now, reason))

    def result(self, offer: Offer | str, result: OfferResult) -> list[Decision]:
        name = offer if isinstance(offer, str) else offer.offer
        return self.did(self.engine.offer_result(OfferId(name), result, self.now))

    def answer(self, offer: Offer | str) -> list[Decision]:
        return self.result(offer, OfferResult.ANSWERED)

    def released(self, agent: str, call: str) -> list[Decision]:
        return self.did(self.engine.call_released(AgentId(agent), CallId(call), self.now))

    def talk(self, call: str, seconds: float, queue: str = "q", **more: Any) -> str:
        """A whole call: offered, answered, talked; who took it."""
        offer = self.one(Offer, self.call(call, queue, **more))
        self.answer(offer)
        self.run(seconds)
        self.released(offer.agent, call)
        return offer.agent

    def of(self, kind: type[Kind], decisions: list[Decision] | None = None) -> list[Kind]:
        return [each for each in (self.last if decisions is None else decisions) if isinstance(each, kind)]

    def one(self, kind: type[Kind], decisions: list[Decision] | None = None) -> Kind:
        found = self.of(kind, decisions)
        assert len(found) == 1, found
        return found[0]

    def rung(self, decisions: list[Decision] | None = None) -> list[tuple[str, str]]:
        """Who is newly rung for which call."""
        return [(offer.agent, offer.call) for offer in self.of(Offer, decisions)]

    def cancelled(self, decisions: list[Decision] | None = None) -> list[tuple[str, str]]:
        return [(each.agent, each.reason) for each in self.of(CancelOffer, decisions)]

    def overflowed(self, decisions: list[Decision] | None = None) -> list[tuple[str, str, str]]:
        return [(each.call, each.reason, each.target) for each in self.of(Overflow, decisions)]

    def connected(self, decisions: list[Decision] | None = None) -> list[tuple[str, str]]:
        return [(each.agent, each.call) for each in self.of(Connect, decisions)]

    def states(self, agent: str, decisions: list[Decision] | None = None) -> list[AgentState]:
        return [each.new for each in self.of(StateChanged, decisions) if each.agent == agent]

    def state(self, agent: str) -> AgentState:
        return self.engine.agent_view(AgentId(agent), self.now).state


def raises_and_keeps(floor: Floor, error: type[Exception], event: Callable[[], object]) -> None:
    """The event raises and the engine is as it was."""
    before = floor.engine.snapshot(floor.now)
    try:
        event()
    except error:
        pass
    else:
        raise AssertionError(f"{error.__name__} was not raised")
    assert floor.engine.snapshot(floor.now) == before
    assert floor.engine.invariants() == []
