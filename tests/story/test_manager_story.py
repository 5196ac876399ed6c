"""Proves on whole calls what a wallboard hears over the manager interface: the events of a served caller, one who hangs
up, one refused, an agent who rings out, is paused, dumps his caller or puts him through, holds; in Asterisk's order and
with true values; and that QueueStatus and QueueSummary agree with the switch's own figures at each moment.

Does not prove sockets: tests/interop/test_feeds.py does.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from story_floor import CALLER, SALES, Centre, centre, members, sales, told

from softswitch.app.manager_centre import ManagerCentre
from softswitch.asterisk.manager_events import ManagerEvents
from softswitch.asterisk.manager_lists import queue_status, queue_summary
from softswitch.asterisk.manager_message import Action
from softswitch.config.queues import Agent, Member
from softswitch.facts import Fact
from softswitch.testing.manners import answering, ringing

Heard = dict[str, str]


def fields(data: bytes) -> Heard:
    return dict(line.split(": ", 1) for line in data.decode().split("\r\n") if ": " in line)


class Board:
    """Hears what the interface would send."""

    def __init__(self, c: Centre) -> None:
        self.centre = ManagerCentre(c.switch.parts)
        self.heard: list[Heard] = []
        self._events = ManagerEvents(self.centre)
        c.switch.parts.bus.subscribe(self._hear)

    def _hear(self, fact: Fact) -> None:
        self.heard += [fields(event.data) for event in self._events.of(fact)]

    def names(self, *, members: bool = False) -> list[str]:
        """Without those of agents' states, unless they are asked for."""
        return [
            each["Event"] for each in self.heard if members or not each["Event"].startswith("QueueMember")
        ]

    def one(self, name: str) -> Heard:
        [found] = [each for each in self.heard if each["Event"] == name]
        return found

    def status(self) -> Iterator[Heard]:
        return map(fields, queue_status(self.centre, Action((("Action", "QueueStatus"),))))

    def summary(self) -> Heard:
        return fields(next(queue_summary(self.centre, Action((("Action", "QueueSummary"),)))))


@told(centre(**sales(members=members("ana"), wrapuptime=5.0)))
async def test_a_caller_who_is_served(c: Centre) -> None:
    board = Board(c)
    c.phone("1001").on_call = answering(3.0)
    call = c.caller()
    await c.phone("1001").next_call()
    assert [each["Event"] for each in board.status()] == [
        *("QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete")
    ]
    assert (board.summary()["Callers"], board.summary()["LoggedIn"], board.summary()["Available"]) == (
        "1",
        "1",
        "0",
    )
    await asyncio.sleep(4)
    await asyncio.sleep(10)
    call.hang_up()
    await asyncio.sleep(1)
    assert board.names() == [
        *("QueueCallerJoin", "AgentCalled", "QueueCallerLeave", "AgentConnect", "AgentComplete")
    ]
    join, leave = board.one("QueueCallerJoin"), board.one("QueueCallerLeave")
    assert (join["Queue"], join["Position"], join["Count"], join["CallerIDNum"]) == (
        "sales",
        "1",
        "1",
        CALLER,
    )
    assert leave["Count"] == "0"
    connect, complete = board.one("AgentConnect"), board.one("AgentComplete")
    assert (connect["Interface"], connect["MemberName"], connect["RingTime"]) == ("PJSIP/1001", "ana", "3")
    assert (complete["Reason"], complete["HoldTime"]) == ("caller", "3") and 10 <= int(
        complete["TalkTime"]
    ) <= 12
    assert {each["Uniqueid"] for each in (join, leave, connect, complete)} == {join["Linkedid"]}
    assert board.one("AgentCalled")["DestChannel"] == connect["DestChannel"]
    statuses = [each["Status"] for each in board.heard if each["Event"] == "QueueMemberStatus"]
    assert statuses[:2] == ["6", "2"] and statuses[-1] == "1"
    params = next(board.status())
    assert (params["Completed"], params["Abandoned"], params["ServicelevelPerf"]) == ("1", "0", "100.0")


@told(centre(**sales(members=members("ana"), timeout=5.0, maxlen=1)))
async def test_callers_who_are_lost(c: Centre) -> None:
    board = Board(c)
    c.phone("1001").on_call = ringing
    call = c.caller()
    await asyncio.sleep(1)
    await c.caller(user="+34600000009").over()  # the queue is full
    await asyncio.sleep(7.5)
    call.hang_up()
    await asyncio.sleep(1)
    assert board.names() == [
        *("QueueCallerJoin", "AgentCalled", "AgentRingNoAnswer"),
        *("QueueCallerAbandon", "QueueCallerLeave"),
    ]
    lost, rang = board.one("QueueCallerAbandon"), board.one("AgentRingNoAnswer")
    assert (lost["Position"], lost["OriginalPosition"], lost["HoldTime"]) == ("1", "1", "8")
    assert (rang["RingTime"], rang["DestChannel"]) == ("5", board.one("AgentCalled")["DestChannel"])
    params = next(board.status())
    assert (params["Abandoned"], params["ServicelevelPerf2"]) == ("2", "50.0")


@told(centre(**sales(members=(Member(agent="ana", penalty=2), Member(agent="ben")))))
async def test_agents_who_pause_log_out_and_are_changed(c: Centre) -> None:
    board = Board(c)
    await c.switch.control.agent_pause("ana", "lunch")
    paused = board.one("QueueMemberPause")
    assert (paused["Paused"], paused["PausedReason"], paused["Penalty"]) == ("1", "lunch", "2")
    assert board.summary()["Available"] == "1"
    await c.switch.control.agent_resume("ana")
    await c.switch.control.agent_logout("ben")
    await c.switch.control.agent_login("ben", "")
    changed = replace(
        c.switch.parts.loaded.config,
        queue={"sales": replace(SALES, members=(Member(agent="ana", penalty=5),))},
    )
    c.switch.reload(changed)
    assert board.names(members=True) == [
        *("QueueMemberPause", "QueueMemberPause", "QueueMemberRemoved", "QueueMemberAdded"),
        *("QueueMemberPenalty", "QueueMemberRemoved", "Reload"),
    ]
    assert board.heard[-3]["Penalty"] == "5"


@told(centre(**sales(members=members("ana"), agent_announce="welcome")))
async def test_an_agent_who_dumps_his_caller(c: Centre) -> None:
    board = Board(c)
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    first = await c.phone("1001").next_call()
    await asyncio.sleep(1.2)
    c.phone("1001").on_call = ringing
    first.hang_up()
    await asyncio.sleep(1)
    assert board.names()[3:6] == ["AgentConnect", "AgentDump", "QueueCallerJoin"]
    call.hang_up()
    await asyncio.sleep(1)
    assert board.names()[-2:] == ["QueueCallerAbandon", "QueueCallerLeave"]


@told(
    centre(
        **sales(members=members("ana")),
        agent={"ana": Agent(endpoint="1001", login="on-start", name="Ana Ruiz")},
    )
)
async def test_hold_and_the_agents_name(c: Centre) -> None:
    board = Board(c)
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    taken = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    taken.hold()
    await asyncio.sleep(2)
    taken.resume()
    await asyncio.sleep(2)
    call.hang_up()
    await asyncio.sleep(1)
    assert (
        board.one("Hold")["Channel"]
        == board.one("Unhold")["Channel"]
        == board.one("AgentConnect")["DestChannel"]
    )
    assert board.one("AgentConnect")["MemberName"] == "Ana Ruiz"
    member = [each for each in board.status() if each["Event"] == "QueueMember"][-1]
    assert (member["Name"], member["CallsTaken"]) == ("Ana Ruiz", "1") and int(member["LastCall"]) > 0
