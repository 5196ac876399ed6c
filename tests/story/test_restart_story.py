"""Proves that calls go on when the control process is killed and another one starts: talks with their recording, hold and
transfers; waiting callers with place and age; agents in their calls and in wrap-up afterwards; one right CDR each. Kills at
every moment of a queue call, twice in a row, with and without the media worker.

Does not prove that anybody hears anything, nor that workers and sockets survive: `tests/interop/test_crash.py` does.
"""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from story_floor import Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.config.queues import Agent, Queue
from softswitch.sip.events import Reoffered
from softswitch.store.writer import GROUP_S
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall

CUSTOMER, ANA, EVA = "trunk:north", "endpoint:1001", "endpoint:1003"
SUPPORT = Queue(members=members("eva"), wrapuptime=5.0, announce_frequency=0.0, record="always")
BOTH = centre(queue={"support": SUPPORT, "sales": sales(members=members("ana"))["queue"]["sales"]})
DOWN_S = 2.0


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    """A customer has waited 2 s and talks to ana for a second."""
    c.phone("1001").on_call = answering(2.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1
    return call, agent


@told(BOTH)
async def test_a_talk_goes_on_and_its_agent_hangs_up(c: Centre) -> None:
    call, agent = await in_talk(c)
    bridges, recordings = set(c.switch.media.bridges), set(c.switch.media.recordings)
    began = asyncio.get_running_loop().time()
    await c.restart()
    assert c.switch.media.bridges == bridges and c.switch.media.recordings == recordings
    assert c.agent("ana").state is AgentState.TALKING
    await asyncio.sleep(3)
    agent.hang_up()
    await call.hung_up()
    down = asyncio.get_running_loop().time() - began
    assert c.agent("ana").state is AgentState.WRAP_UP
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["agent"], cdr["queue"]) == ("callee", "normal", "ana", "sales")
    assert (cdr["wait_s"], cdr["talk_s"]) == (about(2), about(1 + down))
    [segment] = c.switch.rows("segments")
    assert (segment["party"], segment["talk_s"], segment["ended_by"]) == (ANA, cdr["talk_s"], "callee")
    [visit] = await c.visits()
    assert (visit["outcome"], visit["wait_s"], visit["completed_by"]) == ("answered", about(2), "agent")
    [recording] = c.switch.rows("recordings")
    assert (recording["state"], recording["recording"]) == ("ended", cdr["recording"])
    assert recording["seconds"] == about(1 + down)
    await asyncio.sleep(5)
    assert c.agent("ana").state is AgentState.IDLE


@told(BOTH)
async def test_a_caller_who_hangs_up_while_nobody_listens(c: Centre) -> None:
    """His BYE is sent again until somebody answers it."""
    call, agent = await in_talk(c)
    restarting = asyncio.create_task(c.restart(down_s=5.0))
    await asyncio.sleep(1)
    call.hang_up()
    await restarting
    await agent.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("caller", "normal")


@told(BOTH)
async def test_hold_from_either_side_before_and_after(c: Centre) -> None:
    call, agent = await in_talk(c)
    agent.hold()
    await asyncio.sleep(1)
    await c.restart()
    assert c.switch.media.bridges == frozenset()
    assert c.switch.media.music(c.leg_of(CUSTOMER)) is not None
    agent.resume()
    await asyncio.sleep(1)
    assert len(c.switch.media.bridges) == 1
    call.hold()
    await asyncio.sleep(2)
    assert c.switch.media.bridges == frozenset()
    call.resume()
    await asyncio.sleep(1)
    call.hang_up()
    cdr = await c.cdr()
    assert cdr["hold_s"] == pytest.approx(1 + DOWN_S + 2, abs=1.0)
    assert cdr["talk_s"] == about(3)


@told(BOTH)
async def test_a_transfer_by_keys_after_it(c: Centre) -> None:
    call, agent = await in_talk(c)
    await c.restart()
    c.phone("1003").on_call = answering(1.0)
    c.press("*3", ANA)
    await asyncio.sleep(1)
    c.press("1003#", ANA)
    await agent.hung_up()
    await asyncio.sleep(3)
    assert c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(EVA)))}
    assert c.agent("ana").state is AgentState.WRAP_UP
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["agent"], cdr["destination"], cdr["ended_by"]) == ("ana", EVA, "caller")
    first, second = c.switch.rows("segments", "began")
    assert (first["party"], first["ended_by"], second["party"]) == (ANA, "transfer", EVA)


@told(BOTH)
async def test_who_was_consulted_is_hung_up_and_the_two_talk(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(0.5)
    await c.switch.control.steering.consult(c.live().id, "extension:1003", "")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(2)
    await c.restart()
    await third.hung_up()
    await asyncio.sleep(1)
    assert c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(ANA)))}
    call.hang_up()
    await agent.hung_up()
    assert (await c.cdr())["cause"] == "normal"


@told(centre(agent={"ana": Agent(endpoint="1001")}, **sales(members=members("ana"))))
async def test_waiting_callers_keep_place_and_age(c: Centre) -> None:
    await c.switch.control.agent_login("ana", "")
    await c.switch.control.agent_pause("ana", "lunch")
    calls = []
    for number in range(3):
        calls.append(c.caller(user=f"+3460000000{number}"))
        await calls[-1].answered()
        await asyncio.sleep(3)
    before = [caller.call for caller in c.switch.control.queue("sales").callers]
    await c.restart()
    await asyncio.sleep(0.5)
    callers = c.switch.control.queue("sales").callers
    assert [caller.call for caller in callers] == before
    assert callers[0].waited_s - callers[2].waited_s == about(6)
    assert callers[2].waited_s > 3 + DOWN_S
    assert c.agent("ana").state is AgentState.PAUSED
    c.phone("1001").on_call = answering(0.5)
    await c.switch.control.agent_resume("ana")
    first = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    assert c.live_of(before[0]).stage == "talk"
    first.hang_up()
    await calls[0].hung_up()
    for call in calls[1:]:
        call.hang_up()
    visits = await c.visits()
    assert [(visit["original_position"], visit["outcome"]) for visit in visits] == [
        (1, "answered"), (2, "abandoned"), (3, "abandoned"),
    ]  # fmt: skip
    assert visits[0]["wait_s"] > 9 + DOWN_S
    assert sum("ENTERQUEUE" in line for line in c.log()) == 3


@told(centre(agent={"ana": Agent(endpoint="1001")}, **sales(members=members("ana"))))
async def test_a_priority_that_was_given_to_one_who_waits(c: Centre) -> None:
    calls = [c.caller(user=f"+3460000000{number}") for number in range(2)]
    for call in calls:
        await call.answered()
    await asyncio.sleep(1)  # both have been written down as they waited first
    first, second = (caller.call for caller in c.switch.control.queue("sales").callers)
    await c.switch.control.steering.priority(second, 7)
    await asyncio.sleep(1)
    await c.restart()
    await asyncio.sleep(0.5)
    assert [caller.call for caller in c.switch.control.queue("sales").callers] == [second, first]
    for call in calls:
        call.hang_up()
    assert {visit["call"]: visit["priority"] for visit in await c.visits()} == {first: 0, second: 7}


@told(BOTH)
async def test_the_media_worker_dies_with_it(c: Centre) -> None:
    """Both peers are told new ports, and the recording goes on in its file."""
    call, agent = await in_talk(c)
    await c.restart(worker_too=True)
    await asyncio.sleep(2)
    for party in (call, agent):
        assert any(isinstance(event, Reoffered) for event in party.events)
    assert len(c.switch.media.bridges) == len(c.switch.media.recordings) == 1
    agent.hang_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert cdr["cause"] == "normal"
    [recording] = c.switch.rows("recordings")
    assert recording["state"] == "ended"


@told(BOTH)
async def test_twice_in_a_row(c: Centre) -> None:
    """Requests of ours never repeat a number."""
    call, agent = await in_talk(c)
    for _ in range(2):
        await c.restart()
        c.switch.media.die()  # has both peers told by re-INVITE
        await asyncio.sleep(2)
    call.hang_up()
    await agent.hung_up()
    numbers = [request.cseq.number for request in c.phone("1001").requests("INVITE")]
    assert numbers == sorted(set(numbers)) and len(numbers) == 3
    assert (await c.cdr())["cause"] == "normal"


@told(BOTH)
async def test_what_cannot_be_read_is_closed_as_ever(c: Centre) -> None:
    call, agent = await in_talk(c)
    worker, folder = c.switch, c.switch.folder
    restarting = asyncio.create_task(c.restart(down_s=5.0))
    await asyncio.sleep(4.9)
    with closing(sqlite3.connect(folder / "softswitch.db")) as database, database:
        database.execute("UPDATE snapshots SET data = replace(data, '\"dialog\"', '\"dialogue\"')")
    await restarting
    assert worker is not c.switch
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("crash", "crash")
    assert c.switch.media.legs == frozenset()
    call.hang_up()
    agent.hang_up()


@pytest.mark.parametrize("after_s", [GROUP_S + 0.005, 0.3, 1.0, 2.2, 2.5, 3.5])
@pytest.mark.parametrize("number", ["600", "700"])
def test_killed_at_any_moment_each_call_ends_once(
    tmp_path_factory: pytest.TempPathFactory, after_s: float, number: str
) -> None:
    @told(BOTH)
    async def story(c: Centre) -> None:
        c.phone("1001").on_call = answering(2.0)
        call = c.caller(number)
        await asyncio.sleep(after_s)
        await c.restart()
        await asyncio.sleep(20)
        live = bool(c.switch.parts.manager.calls)
        if live:
            call.hang_up()
        await asyncio.sleep(5)
        [cdr] = c.switch.cdrs()
        if after_s < 0.1:  # that it came is written down, and just so
            return
        assert cdr["ended_by"] == ("caller" if live else "switch"), cdr
        assert live or (number == "700" and cdr["cause"] == "flow ended"), "nobody chose anything in the menu"

    story(tmp_path_factory.mktemp("killed"))


@told(BOTH)
async def test_a_leg_that_two_calls_have_written_down_is_in_one(c: Centre) -> None:
    """The process dies when a call that has given its party to another one is not yet known to be over."""
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(0.3)
    second = c.phone("1001").call("1003")
    await asyncio.sleep(1)
    ending = max(c.switch.parts.manager.calls)
    [row] = [row for row in c.switch.rows("snapshots") if row["call"] == ending]
    agent.refer_to(second)
    await asyncio.sleep(1)
    restarting = asyncio.create_task(c.restart(down_s=5.0))
    await asyncio.sleep(4.9)
    with closing(sqlite3.connect(c.switch.folder / "softswitch.db")) as database, database:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        database.execute(f"INSERT INTO snapshots ({names}) VALUES ({marks})", tuple(row.values()))
        database.execute("UPDATE calls SET ended = NULL WHERE call = ?", (ending,))
    await restarting
    await asyncio.sleep(2)
    assert c.live().stage == "talk" and not call.session.over
    assert c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(EVA)))}
    call.hang_up()
    await asyncio.sleep(2)
    assert all(each.session.over for each in (*c.phone("1003").calls, second, agent))


SPOILT: tuple[tuple[str, Any], ...] = (
    ("stages", [["talk", "then"]]),
    ("stage", ["wait", {"queue": "sales", "entered": "then"}]),
    ("recording", {"row": {"recording": []}}),
    ("recording", {"parties": 7}),
    ("legs", {"leg": []}),
    ("legs", {"session": {"flow": {"address": []}}}),
    ("legs", {"session": {"answered": {"head": "INVITE"}}}),
    ("caller", "nobody"),
)


def spoil(row: Any, part: str, change: Any) -> None:
    """Put `change` in the place of `part`; of objects only what it names, of the first one in a list."""
    old = row[part]
    if not isinstance(change, dict):
        row[part] = change
        return
    for name, inner in change.items():
        spoil(old[0] if isinstance(old, list) else old, name, inner)


@pytest.mark.parametrize(("part", "change"), SPOILT)
def test_a_row_that_makes_no_sense_costs_its_own_call_only(part: str, change: Any, tmp_path: Path) -> None:
    """The switch starts, the other call goes on, and nothing is left of that one: its parties are hung up, or hang up
    themselves."""

    @told(BOTH)
    async def story(c: Centre) -> None:
        call, agent = await in_talk(c)
        spoilt, folder = c.live().id, c.switch.folder
        c.phone("1003").on_call = answering(0.3)
        other = c.phone("1002").call("1003")
        await asyncio.sleep(2)
        restarting = asyncio.create_task(c.restart(down_s=5.0))
        await asyncio.sleep(4.9)
        with closing(sqlite3.connect(folder / "softswitch.db")) as database, database:
            [text] = database.execute("SELECT data FROM snapshots WHERE call = ?", (spoilt,)).fetchone()
            row = json.loads(text)
            spoil(row, part, change)
            database.execute("UPDATE snapshots SET data = ? WHERE call = ?", (json.dumps(row), spoilt))
        await restarting
        await asyncio.sleep(2)
        assert c.live().stage == "talk" and not other.session.over
        legs = set(c.live().legs)
        assert c.switch.media.legs == legs and set(c.switch.parts.services.legs) == legs
        assert len(c.switch.parts.sip.sessions()) == 2
        assert {row["call"]: row["cause"] for row in c.switch.cdrs()}[spoilt] == "crash"
        other.hang_up()
        for each in (call, agent):
            each.hang_up()

    story(tmp_path)
