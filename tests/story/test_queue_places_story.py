"""Proves places and wrap-up in a queue as Asterisk's own tests look at them: where callers of different priorities come in,
in which order they are served, and who finds the queue full; wrap-up that is one agent's own beside that of the queue, seen
by who is rung for which caller.

Neither a position asked for at the door nor penalties set by an order are among it: the switch has no such thing.
"""

import asyncio

from story_floor import CALLER, Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.config.queues import Agent
from softswitch.config.routes import Route
from softswitch.testing.manners import answering

PRIORITIES = (0, 0, 1, 1, 2, 0, 8, 1)
"""Of the callers as they come."""
CAME_IN_AT = (1, 2, 1, 2, 1, 6, 1, 5)
SERVED = (6, 4, 2, 3, 7, 0, 1, 5)
"""Who, counted from 0: by priority, then by age."""
LEVELS = {f"61{priority}": Route(to="queue:sales", priority=priority) for priority in (0, 1, 2, 8)}


def number(caller: int) -> str:
    return f"{CALLER[:-1]}{caller}"


@told(centre(route=LEVELS, **sales(members=members("ana"), maxlen=len(PRIORITIES), wrapuptime=0.0)))
async def test_priorities_decide_the_place_and_the_full_queue_takes_no_more(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.5)
    await c.switch.control.agent_pause("ana", "")
    for caller, priority in enumerate(PRIORITIES):
        c.caller(f"61{priority}", user=number(caller))
        await asyncio.sleep(0.5)
        callers = [each.ani for each in c.switch.control.queue("sales").callers]
        assert callers.index(number(caller)) + 1 == CAME_IN_AT[caller], f"caller {caller}"
    assert callers == [number(caller) for caller in SERVED]
    assert await c.caller("618", user=number(9)).over() == 486, "a high priority makes no room"
    places = [line.split("|")[-1] for line in c.log() if "ENTERQUEUE" in line]
    assert places == [str(place) for place in CAME_IN_AT]
    assert c.log()[-1].split("|")[2] == "FULL"
    await c.switch.control.agent_resume("ana")
    for caller in SERVED:
        agent = await c.phone("1001").next_call()
        assert agent.invite.from_.uri.user == number(caller)
        await asyncio.sleep(1)
        agent.hang_up()
    outcomes = [visit["outcome"] for visit in await c.visits()]
    assert (outcomes.count("answered"), outcomes.count("full")) == (8, 1)


OWN = {"ana": Agent(endpoint="1001", login="on-start", wrapuptime=20.0)}


@told(centre(agent=OWN, **sales(members=members("ana", "ben"), wrapuptime=10.0)))
async def test_wrap_up_of_one_agents_own_beside_that_of_the_queue(c: Centre) -> None:
    """Ana has 20 s, ben the queue's 10: for a while he alone is rung, then she alone, then nobody."""
    c.phone("1001").on_call = c.phone("1002").on_call = answering(0.5)

    async def served_by(name: str) -> None:
        call = c.caller()
        await asyncio.sleep(2)
        assert c.agent(name).state is AgentState.TALKING
        call.hang_up()
        await asyncio.sleep(1)

    await served_by("ana")
    await served_by("ben")
    await asyncio.sleep(10)
    assert (c.agent("ana").state, c.agent("ben").state) == (AgentState.WRAP_UP, AgentState.IDLE)
    await served_by("ben")
    await asyncio.sleep(5)
    await served_by("ana")
    await asyncio.sleep(2)
    await served_by("ben")
    last = c.caller()
    await asyncio.sleep(5)
    assert c.waiting() == 1, "both are in wrap-up"
    await asyncio.sleep(6)
    assert c.agent("ben").state is AgentState.TALKING
    last.hang_up()
    await asyncio.sleep(25)
    wrapped = [(visit["agent"], visit["wrapup_s"]) for visit in await c.visits()]
    assert wrapped == [
        (name, about(20 if name == "ana" else 10))
        for name in ("ana", *("ben", "ben"), "ana", *("ben", "ben"))
    ]
