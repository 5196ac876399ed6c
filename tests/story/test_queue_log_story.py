"""Proves that a reader of Asterisk's format which knows nothing of the switch (`queue_log_reader`) makes sense of every
line of a day with callers of every fate, that its figures are those of the switch's own rows, that the SQL view has the
ten columns of Asterisk's table with the same rows, and when agents' rows are written: log-in, log-out, pause, penalties
and members changed by a reload, calls of their own.

What other people's products make of it: `test_queue_log_qpanel.py`.
"""

import asyncio
import re
from dataclasses import replace

from queue_log_day import DAY, day_of_every_fate, lines
from queue_log_reader import VERBS, parse, report
from story_floor import CALLER, SALES, Centre, about, centre, told

from softswitch.config.general import General
from softswitch.config.queues import Agent, Member
from softswitch.testing.manners import answering

TIME = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}|19\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")


@told(DAY)
async def test_a_day_is_read_by_a_reader_of_asterisks_format(c: Centre) -> None:
    await day_of_every_fate(c)
    read = report(lines(c))["sales"]
    visits = await c.visits()
    entered = [row for row in visits if row["outcome"] != "full"]
    assert (read.entered, read.answered, read.abandoned) == (len(entered), 1, 1) == (3, 1, 1)
    assert read.ends == {"COMPLETECALLER": 1, "ABANDON": 1, "EXITWITHTIMEOUT": 1}
    talk = next(row for row in visits if row["outcome"] == "answered")
    assert read.talk_s == about(int(talk["talk_s"] + talk["hold_s"]))
    verbs = [parse(line).verb for line in lines(c)]
    assert {"FULL", "RINGCANCELED", "RINGNOANSWER", "CALLERONHOLD", "CALLEROFFHOLD"} <= set(verbs)
    assert parse(next(line for line in lines(c) if "ENTERQUEUE" in line)).data[1:3] == (CALLER, "1")


@told()
async def test_the_view_has_asterisks_ten_columns_and_the_same_rows(c: Centre) -> None:
    await c.switch.control.agent_pause("ana", "lunch")
    await c.settled()
    rows = c.switch.rows("queue_log_asterisk")
    data = [f"data{number}" for number in range(1, 6)]
    assert list(rows[0]) == ["time", "callid", "queuename", "agent", "event", *data]
    assert all(TIME.fullmatch(row["time"]) for row in rows)
    whole = ["|".join([str(row[name]) for name in list(row)[1:]]).rstrip("|") for row in rows]
    assert whole == [line.split("|", 1)[1] for line in lines(c)]
    assert len(whole) > 4


@told()
async def test_agents_who_log_in_pause_and_log_out(c: Centre) -> None:
    at_start = c.switch.queue_log()[: c.lines_at_start]
    assert at_start[:2] == ["NONE|ana|AGENTLOGIN|1001", "sales|ana|ADDMEMBER"]
    await c.switch.control.agent_pause("ana", "lunch")
    await asyncio.sleep(60)
    await c.switch.control.agent_pause("ana", "training")
    await c.switch.control.agent_logout("ana")
    assert c.log() == [
        *("NONE|ana|PAUSEALL|lunch", "sales|ana|PAUSE|lunch"),
        *("NONE|ana|PAUSEALL|training", "sales|ana|PAUSE|training"),
        *("sales|ana|REMOVEMEMBER", "NONE|ana|AGENTLOGOFF|1001|60"),
    ]
    report(lines(c))


@told(centre(general=General(node="sw1", queue_log_logins="callback")))
async def test_log_ins_as_older_tools_know_them(c: Centre) -> None:
    await c.switch.control.agent_logout("ana")
    await c.switch.control.agent_login("ana", "")
    assert [line.split("|", 1)[1] for line in c.log()] == [
        "ana|REMOVEMEMBER",
        "ana|AGENTCALLBACKLOGOFF|1001@softswitch|0",
        "ana|AGENTCALLBACKLOGIN|1001@softswitch",
        "ana|ADDMEMBER",
    ]


@told()
async def test_a_reload_changes_members_and_penalties(c: Centre) -> None:
    changed = replace(SALES, members=(Member(agent="ana", penalty=3), Member(agent="eva")))
    await asyncio.sleep(1)
    c.switch.reload(replace(c.switch.parts.loaded.config, queue={"sales": changed}))
    assert [line for line in c.log() if "CONFIG" not in line] == [
        "sales|ana|PENALTY|3",
        "sales|ben|REMOVEMEMBER",
        "sales|eva|ADDMEMBER",
    ]
    report(lines(c))


@told()
async def test_who_stays_logged_in_over_a_restart_is_no_news(c: Centre) -> None:
    before = len(lines(c))
    await asyncio.sleep(100)
    await c.restart()
    assert lines(c)[before:] == []
    await c.switch.control.agent_logout("ana")
    assert c.log()[-1] == "NONE|ana|AGENTLOGOFF|1001|102"


@told(centre(agent={"ana": Agent(endpoint="1001", login="on-start")}))
async def test_an_agents_own_call_out(c: Centre) -> None:
    c.south.on_call = answering(1.0)
    call = c.phone("1001").call("9600123")
    await c.south.next_call()
    await asyncio.sleep(8)
    call.hang_up()
    await asyncio.sleep(1)
    stranger = c.phone("1004").call("9600123")  # nobody is logged in there
    await c.south.next_call()
    stranger.hang_up()
    await asyncio.sleep(1)
    [row] = [parse(line) for line in lines(c) if "OUTCALL" in line]
    assert (row.queue, row.agent, row.data[0], row.data[2]) == ("NONE", "ana", "ANSWER", "600123")
    assert 6 <= int(row.data[1]) <= 8


def test_the_reader_knows_the_fields_of_every_verb() -> None:
    assert len(VERBS) == 33
