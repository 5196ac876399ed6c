"""Answers why for tests of the command line: one call and one agent."""

from softswitch.api.errors import UnknownThing
from softswitch.api.why import WhyCallView, WhyIdleView, WhyLine

CALL = WhyCallView(
    call="c1",
    live=False,
    lines=(
        WhyLine(at=1_700_000_000.0, text="came from trunk:carrier: 600111222 called 900100200"),
        WhyLine(
            at=1_700_000_012.0, text="offered to ana by longest-idle: idle 45 s; not kate: paused (lunch)"
        ),
    ),
)
IDLE = WhyIdleView(
    agent="kate",
    status="paused",
    reason="lunch",
    state="paused",
    since=1_700_000_000.0,
    until=None,
    lines=("paused (lunch), since 12:30 ago", "queue sales: 2 waiting meanwhile"),
    changes=(WhyLine(at=1_700_000_000.0, text="was idle until then, for 90 s"),),
)


class FakeWhy:
    async def call(self, call: str) -> WhyCallView:
        if call != CALL.call:
            raise UnknownThing(f"no call is called {call!r}")
        return CALL

    async def idle(self, agent: str) -> WhyIdleView:
        if agent != IDLE.agent:
            raise UnknownThing(f"no agent is called {agent!r}")
        return IDLE
