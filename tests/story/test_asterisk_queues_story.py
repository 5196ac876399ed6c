"""Proves Asterisk's queue scenarios on the whole switch, with what ours does differently: nobody answers, all paused,
penalties out of range, in use with automatic pause, wrap-up over queues, position and priority with a longest queue, a
member's phone that forwards, reload during calls, reasons of pauses and their limits. The table of them is
`docs/queue-scenarios.md`.

Also that wanted agents, steps, several callers of a ring-all queue, a plug-in and an engine that had to be healed work in
the running switch. The engine's rules in depth are proved in `tests/acd`; transfers in `test_transfer_story`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from story_floor import MAIN, SALES, Centre, about, centre, members, sales, told

from softswitch.acd.facts import AgentFacts, CallerFacts
from softswitch.acd.values import AgentState, AgentStatus
from softswitch.api.errors import NotPossible
from softswitch.app import strategies
from softswitch.config.flow import Enqueue
from softswitch.config.matching import Matching, PauseReason, Step
from softswitch.config.queues import Member, Queue
from softswitch.ids import AgentId, CallId
from softswitch.testing.manners import answering, busy, refusing, ringing


def alarms(c: Centre) -> dict[str, str]:
    return {alarm.name: alarm.message for alarm in c.switch.parts.alarms.raised}


@told(centre(**sales(members=members("ana"), timeout=5.0, max_wait=28.0)))
async def test_no_answer(c: Centre) -> None:
    """Asterisk rings for `timeout`, then waits `retry`; ours leaves the agent in peace for `delays.no_answer_s`."""
    c.phone("1001").on_call = ringing
    call = c.caller()
    await call.hung_up()
    [visit] = await c.visits()
    assert (visit["outcome"], visit["wait_s"]) == ("timeout", about(28))
    assert [result for _, result, _ in await c.offers()] == ["no answer"] * 3
    assert [line.split("|")[2] for line in c.log()] == [
        "ENTERQUEUE",
        *["RINGNOANSWER"] * 3,
        "EXITWITHTIMEOUT",
    ]


@told(centre(**sales(members=members("ana", "ben"), joinempty="paused", on_empty="play:closed")))
async def test_all_paused_and_one_paused(c: Centre) -> None:
    c.phone("1002").on_call = answering(1.0)
    await c.switch.control.agent_pause("ana", "lunch")
    call = c.caller()
    await c.phone("1002").next_call()
    await asyncio.sleep(2)
    assert c.agent("ben").state is AgentState.TALKING
    call.hang_up()
    await asyncio.sleep(6)
    await c.switch.control.agent_pause("ben", "lunch")
    await c.caller().over()
    assert [(row["agent"], row["outcome"]) for row in await c.visits()] == [
        ("ben", "answered"),
        (None, "join empty"),
    ]


OUT_OF_RANGE = (
    Member(agent="ana", penalty=1),
    Member(agent="ben", penalty=5),
    Member(agent="eva", penalty=9),
)


@told(
    centre(
        **sales(
            members=OUT_OF_RANGE,
            min_penalty=3,
            max_penalty=6,
            steps=(Step(after=20.0, max_penalty=9),),
            timeout=60.0,
        )
    )
)
async def test_penalty_out_of_range_until_a_step_lifts_it(c: Centre) -> None:
    for phone in ("1001", "1002", "1003"):
        c.phone(phone).on_call = ringing
    first = c.caller()
    await c.phone("1002").next_call()
    second = c.caller()
    await asyncio.sleep(19)
    assert (c.phone("1001").heard("INVITE"), c.phone("1003").heard("INVITE")) == (0, 0)
    await c.phone("1003").next_call()
    assert c.phone("1001").heard("INVITE") == 0
    first.hang_up()
    second.hang_up()


@told(centre(**sales(members=members("ana"), autopause=1, autopause_on=("busy",), autopause_release_s=30.0)))
async def test_in_use_and_automatic_pause_which_ends(c: Centre) -> None:
    """Asterisk's `autopausebusy`; the pause ends here by itself, which Asterisk's does not."""
    c.phone("1001").on_call = busy
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(1)
    view = c.agent("ana")
    assert (view.status, view.reason) == (AgentStatus.PAUSED, "autopause")
    c.phone("1001").on_call = answering(1.0)
    await asyncio.sleep(31)
    assert c.agent("ana").state is AgentState.TALKING
    call.hang_up()
    assert await c.offers() == [("ana", "busy", 486), ("ana", "answered", 200)]


@told(
    centre(
        queue={
            "sales": replace(SALES, members=members("ana"), wrapuptime=20.0),
            "support": Queue(members=members("ana"), wrapuptime=0.0, announce_frequency=0.0),
        },
        flow={"main": replace(MAIN, node={**MAIN.node, "box": Enqueue(queue="support")})},
    )
)
async def test_wrap_up_is_of_the_queue_that_gave_the_call_and_holds_in_all(c: Centre) -> None:
    """As with Asterisk's `shared_lastcall=yes`, whose default lets another queue ring into the wrap-up."""
    c.phone("1001").on_call = answering(1.0)
    first = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(5)
    first.hang_up()
    other = c.caller("700")
    await other.answered()
    await asyncio.sleep(2)
    c.press("2")
    await asyncio.sleep(12)
    assert c.agent("ana").state is AgentState.WRAP_UP
    await c.phone("1001").next_call()
    other.hang_up()


@told(centre(**sales(members=members("ana"), wrapuptime=20.0)))
async def test_wrap_up_is_seen_extended_and_ended_early(c: Centre) -> None:
    """Asterisk has none to be seen: the member is just not rung."""
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    with pytest.raises(NotPossible, match="not in wrap-up"):
        await c.switch.control.agent_wrapup("ana", 0.0)
    call.hang_up()
    await asyncio.sleep(5)
    assert c.agent("ana").wrapup_left_s == about(15)
    assert (await c.switch.control.agent_wrapup("ana", 30.0)).wrapup_left_s == about(45)
    await asyncio.sleep(20)
    assert c.agent("ana").state is AgentState.WRAP_UP
    assert (await c.switch.control.agent_wrapup("ana", 0.0)).state == "idle"


@told(centre(**sales(members=members("roy"), maxlen=2)))
async def test_position_and_priority_with_a_longest_queue(c: Centre) -> None:
    low, high = c.caller(), c.caller(user="+342")
    await asyncio.sleep(1)
    callers = c.switch.control.queue("sales").callers
    engine, now = c.switch.parts.dispatcher.engine, c.switch.parts.clock.monotonic()
    engine.change_priority(CallId(callers[1].call), 5, now)
    assert [caller.call for caller in c.switch.control.queue("sales").callers] == [
        callers[1].call,
        callers[0].call,
    ]
    refused = c.caller(user="+343")
    assert await refused.over() == 486
    assert [line.split("|")[2] for line in c.log()] == ["ENTERQUEUE", "ENTERQUEUE", "FULL"]
    low.hang_up()
    high.hang_up()
    assert sorted(row["outcome"] for row in await c.visits()) == ["abandoned", "abandoned", "full"]


@told(centre(**sales(members=members("ana"), timeout=10.0)))
async def test_reload_during_calls(c: Centre) -> None:
    """One talks, one rings, one waits; members change under them and nobody is cut off."""
    c.phone("1001").on_call = answering(1.0)
    talking = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    waiting = c.caller(user="+342")
    await asyncio.sleep(1)
    c.phone("1002").on_call = answering(1.0)
    c.switch.reload(centre(**sales(members=members("ben"), timeout=10.0)))
    await c.phone("1002").next_call()
    await asyncio.sleep(2)
    assert (c.agent("ana").state, c.agent("ben").state) == (AgentState.TALKING, AgentState.TALKING)
    assert c.agent("ana").queues == ()
    talking.hang_up()
    waiting.hang_up()
    assert [row["agent"] for row in await c.visits()] == ["ana", "ben"]


LUNCH = {"lunch": PauseReason(max_minutes=1.0, max_agents=1)}


@told(centre(pause_reason=LUNCH))
async def test_reasons_of_pauses_and_their_limits(c: Centre) -> None:
    control = c.switch.control
    await control.agent_pause("ana", "lunch")
    with pytest.raises(NotPossible, match="1 of 1 agents pause for 'lunch' already: ana"):
        await control.agent_pause("ben", "lunch")
    assert await c.phone("1002").call("*132").over() == 403
    assert c.agent("ben").status is AgentStatus.AVAILABLE
    await asyncio.sleep(61)
    assert alarms(c)["pause of ana"] == "agent ana pauses for 'lunch' for more than 1 min"
    await control.agent_resume("ana")
    assert "pause of ana" not in alarms(c)
    written = [line.split("|")[1:] for line in c.log() if "PAUSEALL" in line]
    assert [fields[:2] for fields in written] == [["ana", "PAUSEALL"], ["ana", "UNPAUSEALL"]]
    assert "lunch" in written[0]


NAMED = Enqueue(queue="sales", agents=("ben",), agents_s=15.0)


@told(centre(flow={"main": replace(MAIN, node={**MAIN.node, "sales": NAMED})}))
async def test_a_flow_names_the_agent_who_is_waited_for(c: Centre) -> None:
    c.switch.parts.dispatcher.desk.occupied("1002", +1)
    c.phone("1001").on_call = c.phone("1002").on_call = answering(1.0)
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(2)
    c.press("1")
    await asyncio.sleep(10)
    assert (c.agent("ana").state, c.waiting()) == (AgentState.IDLE, 1)
    c.switch.parts.dispatcher.desk.occupied("1002", -1)
    await asyncio.sleep(3)
    assert c.agent("ben").state is AgentState.TALKING
    call.hang_up()


@told(centre(**sales(strategy="ring-all")))
async def test_ring_all_rings_for_two_callers_at_once(c: Centre) -> None:
    """Asterisk's `ringall` serves one caller at a time."""
    c.phone("1001").on_call = c.phone("1002").on_call = ringing
    first = c.caller()
    await c.phone("1001").next_call()
    await c.phone("1002").next_call()
    second = c.caller(user="+342")
    again = await c.phone("1002").next_call()
    assert again.invite.from_.uri.user == "+342"
    first.hang_up()
    second.hang_up()
    assert [result for _, result, _ in await c.offers()].count("cancelled") == 4


def _ben(caller: CallerFacts, agents: Sequence[AgentFacts]) -> str:
    return "ben"


def _breaks(caller: CallerFacts, agents: Sequence[AgentFacts]) -> str:
    raise KeyError("nothing")


@pytest.mark.parametrize(("plugin", "agent", "alarm"), [(_ben, "ben", False), (_breaks, "ana", True)])
def test_a_strategy_of_a_package(
    plugin: object, agent: str, alarm: bool, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategies, "_function", lambda name: plugin)

    @told(centre(**sales(strategy_plugin="mine")))
    async def story(c: Centre) -> None:
        c.phone("1001").on_call = c.phone("1002").on_call = answering(1.0)
        call = c.caller()
        await asyncio.sleep(3)
        assert c.agent(agent).state is AgentState.TALKING
        assert ("strategy mine" in alarms(c)) is alarm
        call.hang_up()

    story(tmp_path)


@told(centre(matching=Matching(check_interval_s=5.0)))
async def test_an_engine_that_lost_count_is_healed_and_says_so(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    await asyncio.sleep(3)
    dispatcher = c.switch.parts.dispatcher
    dispatcher.engine._roster.agents[AgentId("ben")].reachable = False
    await asyncio.sleep(6)
    dispatcher.alarms.look()
    assert "counts wrongly" in alarms(c)["queues healed"]
    assert c.agent("ana").state is AgentState.TALKING
    call.hang_up()


@told(centre(**sales(members=members("ana", "ben"))))
async def test_a_phone_that_forwards_does_not_take_the_caller_along(c: Centre) -> None:
    """Asterisk follows the forward unless told not to; what lies behind may be a mailbox."""
    c.phone("1001").on_call = refusing(302, "sip:1004@192.0.2.1")
    c.phone("1002").on_call = c.phone("1004").on_call = answering(1.0)
    call = c.caller()
    await c.phone("1002").next_call()
    await asyncio.sleep(2)
    assert c.agent("ben").state is AgentState.TALKING
    assert c.phone("1004").heard("INVITE") == 0
    call.hang_up()
    assert await c.offers() == [("ana", "failed", 302), ("ben", "answered", 200)]
