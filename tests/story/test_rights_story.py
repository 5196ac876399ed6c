"""Proves, on whole calls, what people in charge do with waiting callers and agents, by phone and by the API: force a pause,
log agents in and out, pull, move, change priority, listen by role; that each is refused over another team, and by PIN where
there is one; that every act and refusal has its row, which a crash does not lose; to whom calls, recordings and past calls
belong in the running switch; and that followers and the manager interface see their own queues only.

Does not prove the HTTP of it (`tests/api/test_api_guard.py`) nor a process from outside (`tests/interop/test_rights.py`).
"""

import asyncio
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from story_floor import SALES, Centre, centre, members, told
from test_story_agents import dials, said

from softswitch.acd.values import AgentStatus
from softswitch.api.errors import BadRequest, NotPossible, UnknownThing
from softswitch.api.feed import EventSearch
from softswitch.api.report_control import ReportSearch
from softswitch.api.rights_control import TrailSearch, TrailView
from softswitch.api.text_control import TextWish
from softswitch.app.manager_centre import ManagerCentre
from softswitch.app.sight import Sight
from softswitch.call.permissions import Actor
from softswitch.call.pickup import NOTHING_RINGS, TAKEN_WITHIN_S
from softswitch.call.stages import End
from softswitch.config.acts import Act
from softswitch.config.feeds import Ami
from softswitch.config.rights import Person, Role
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.teams import Team
from softswitch.facts import CallQueued
from softswitch.testing.manners import answering, ringing
from softswitch.testing.peer_call import PeerCall

PIN = "4711"
QUIET = replace(SALES, timeout=15.0)
FLOOR: dict[str, Any] = {
    "queue": {
        "sales": replace(QUIET, members=members("ana")),
        "support": replace(QUIET, members=members("ben")),
    },
    "team": {
        "a": Team(agents=("ana",), queues=("sales",)),
        "b": Team(agents=("ben",), queues=("support",)),
    },
    "role": {"coach": Role(may=("spy.listen", "spy.whisper"), reach="teams")},
    "person": {
        "maria": Person(role="supervisor", teams=("a",), endpoints=("1004",), pin=PIN),
        "max": Person(role="supervisor", teams=("a", "b"), endpoints=("1003",)),
    },
    "route": {"601": Route(to="queue:support")},
}
TEAMS = centre(**FLOOR)


async def trail(c: Centre, **search: Any) -> list[TrailView]:
    """Oldest first."""
    return list(reversed(await c.switch.control.rights.trail(TrailSearch(**search))))


def told_of(rows: list[TrailView]) -> list[tuple[str, str, str, str]]:
    return [(row.actor, row.act, row.target, row.result) for row in rows]


async def waiting(c: Centre, number: str = "600", user: str = "+34600000001") -> tuple[PeerCall, str]:
    """A caller in a queue, and his call."""
    before = set(c.switch.parts.manager.calls)
    call = c.caller(number, user=user)
    await call.answered()
    [new] = set(c.switch.parts.manager.calls) - before
    return call, str(new)


@told(TEAMS)
async def test_agents_are_paused_and_logged_out_by_phone_within_ones_team(c: Centre) -> None:
    assert await dials(c, "1004", f"*18ana*{PIN}") == 200
    assert said(c) == "agent-paused.wav"
    assert (c.agent("ana").status, c.agent("ana").reason) == (AgentStatus.PAUSED, "break")
    assert await dials(c, "1004", f"*19ana*{PIN}") == 200
    assert c.agent("ana").status is AgentStatus.AVAILABLE
    assert await dials(c, "1004", f"*17ana*{PIN}") == 200
    assert c.agent("ana").status is AgentStatus.LOGGED_OUT
    assert await dials(c, "1004", f"*18ana*{PIN}") == 403, "who is logged out cannot pause"
    assert await dials(c, "1004", f"*16ana*{PIN}") == 200
    assert c.agent("ana").status is AgentStatus.AVAILABLE
    for code in ("*16", "*17", "*18", "*19"):
        assert await dials(c, "1004", f"{code}ben*{PIN}") == 403
        assert said(c) == "agent-denied.wav"
    assert c.agent("ben").status is AgentStatus.AVAILABLE
    rows = await trail(c)
    assert told_of(rows) == [
        ("maria", "agent.pause", "agent:ana", "done"),
        ("maria", "agent.resume", "agent:ana", "done"),
        ("maria", "agent.logout", "agent:ana", "done"),
        ("maria", "agent.pause", "agent:ana", "failed"),
        ("maria", "agent.login", "agent:ana", "done"),
        *(
            ("maria", f"agent.{act}", "agent:ben", "refused")
            for act in ("login", "logout", "pause", "resume")
        ),
    ]
    assert {(row.surface, row.origin, row.role) for row in rows} == {("phone", "endpoint:1004", "supervisor")}
    assert rows[-1].why == "missing right: agent.resume on agent ben (role supervisor holds over team a)"
    assert {row["dnis"] for row in c.switch.cdrs()} == {"*16", "*17", "*18", "*19"}, "no PIN is written down"


@told(TEAMS)
async def test_a_pin_is_asked_for_and_guesses_are_counted(c: Centre) -> None:
    assert await dials(c, "1004", "*18ana") == 403
    for _ in range(5):
        assert await dials(c, "1004", "*18ana*0000") == 403
    assert await dials(c, "1004", f"*18ana*{PIN}") == 403, "he guessed too often"
    assert c.agent("ana").status is AgentStatus.AVAILABLE
    assert [row.why for row in await trail(c, result="refused")] == ["wrong PIN"] * 6 + [
        "too many wrong PINs"
    ]
    await asyncio.sleep(900)
    assert await dials(c, "1004", f"*18ana*{PIN}") == 200
    assert await dials(c, "1003", "*19ana") == 200, "who has no PIN needs none"


@told(TEAMS)
async def test_listening_by_phone_needs_the_pin_too(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    assert await c.phone("1004").call("*15ana").refused() == 403
    assert await c.phone("1004").call("*15ana*0000").refused() == 403
    boss = c.phone("1004").call(f"*15ana*{PIN}")
    await boss.answered()
    await asyncio.sleep(1)
    [session] = c.switch.control.steering.supervisions()
    assert session.agent == "ana"
    heard = await c.switch.control.rights.about("supervision", session.supervision)
    assert heard.queues == {"sales"}, "of the call that is heard, whoever else the agent works for"
    boss.hang_up()
    agent.hang_up()
    await call.hung_up()
    rows = [(row.act, row.result, row.why) for row in await trail(c, actor="maria")]
    assert rows == [("spy.listen", "refused", "wrong PIN")] * 2 + [("spy.listen", "done", "")]
    assert not [row for row in c.switch.cdrs() if PIN in f"{row['dnis']} {row['destination']}"]


@told(replace(TEAMS, agent={**TEAMS.agent, "ana": replace(TEAMS.agent["ana"], pin="7731")}))
async def test_the_pins_of_agents_are_not_guessed_at_a_phone(c: Centre) -> None:
    assert await dials(c, "1002", "*11ana7731") == 200
    for guess in range(5):
        assert await dials(c, "1002", f"*11ana000{guess}") == 403
    assert await dials(c, "1002", "*11ana7731") == 200, "a right one forgives none"
    assert await dials(c, "1002", "*11ana0005") == 403
    assert await dials(c, "1002", "*11ana7731") == 403, "too many were wrong at this phone"
    assert await dials(c, "1003", "*11ana7731") == 200, "not at another"
    assert [row.why for row in await trail(c, act="agent.login", result="refused")] == ["wrong PIN"] * 6 + [
        "too many wrong PINs"
    ]
    await asyncio.sleep(900)
    assert await dials(c, "1002", "*11ana7731") == 200


@told(TEAMS)
async def test_agents_act_on_themselves_and_on_nobody_else(c: Centre) -> None:
    assert await dials(c, "1001", "*131") == 200
    assert await dials(c, "1001", "*1399") == 403, "no such reason"
    assert await dials(c, "1001", "*14") == 200
    assert await dials(c, "1001", "*18ben") == 403
    assert await dials(c, "1001", "*18ana") == 200, "himself"
    assert told_of(await trail(c)) == [
        ("agent:ana", "agent.pause", "agent:ana", "done"),
        ("agent:ana", "agent.pause", "agent:ana", "failed"),
        ("agent:ana", "agent.resume", "agent:ana", "done"),
        ("endpoint:1001", "agent.pause", "agent:ben", "refused"),
        ("endpoint:1001", "agent.pause", "agent:ana", "done"),
    ]


@told(replace(TEAMS, role={"agent": Role(may=("agent.log*",), reach="self")}))
async def test_the_configuration_takes_a_right_from_agents(c: Centre) -> None:
    assert await dials(c, "1001", "*131") == 403
    assert await dials(c, "1001", "*12") == 200
    assert told_of(await trail(c)) == [
        ("agent:ana", "agent.pause", "agent:ana", "refused"),
        ("agent:ana", "agent.logout", "agent:ana", "done"),
    ]


@told(TEAMS)
async def test_the_next_caller_is_pulled_by_phone(c: Centre) -> None:
    assert await dials(c, "1004", f"*18ana*{PIN}") == 200
    assert await dials(c, "1004", f"*20600*{PIN}") == 480, "nobody waits"
    first, live = await waiting(c)
    second, _ = await waiting(c, user="+34600000002")
    boss = c.phone("1004").call(f"*20600*{PIN}")
    await boss.answered()
    await asyncio.sleep(1)
    assert c.waiting() == 1
    assert c.switch.media.bridges == {frozenset((c.live_of(live).caller.id, c.leg_of("endpoint:1004")))}
    assert await dials(c, "1004", f"*20601*{PIN}") == 403, "a queue of another team"
    assert await dials(c, "1004", f"*20999*{PIN}") == 403, "no queue at all"
    boss.hang_up()
    await first.hung_up()
    second.hang_up()
    rows = (await trail(c))[1:]
    assert told_of(rows) == [
        ("maria", "call.pull", "queue:sales", "failed"),
        ("maria", "call.pull", f"call:{live}", "done"),
        ("maria", "call.pull", "queue:support", "refused"),
        ("maria", "call.pull", "", "refused"),
    ]
    assert any("WITHDRAW" in line for line in c.log())


@told(TEAMS)
async def test_a_pull_that_comes_to_nothing_is_told_in_the_trail(c: Centre) -> None:
    await c.switch.control.agent_pause("ana", "")
    call, live = await waiting(c)

    async def gone(*_: object) -> End:
        await asyncio.sleep(TAKEN_WITHIN_S)
        return End(termination=NOTHING_RINGS)

    with patch("softswitch.call.people_feature.handed_over", gone):
        assert await dials(c, "1003", "*20600") == 480
    call.hang_up()
    rows = [(row.target, row.result, row.why) for row in await trail(c, act="call.pull")]
    assert rows == [
        (f"call:{live}", "done", ""),
        (f"call:{live}", "failed", "the caller was not handed over"),
    ]


@told(TEAMS)
async def test_a_caller_is_pulled_to_a_phone_out_of_turn(c: Centre) -> None:
    await c.switch.control.agent_pause("ana", "")
    first, _ = await waiting(c)
    second, live = await waiting(c, user="+34600000002")
    steering = c.switch.control.steering
    with pytest.raises(BadRequest, match="which phone"):
        await steering.pull(live, "", Person(role="supervisor"))
    c.phone("1003").on_call = answering(1.0)
    assert await steering.pull(live, "", Person(role="supervisor", endpoints=("1003",))) == "1003"
    await c.phone("1003").next_call()
    await asyncio.sleep(2)
    assert c.waiting() == 1 and c.live_of(live).stage == "talk"
    with pytest.raises(NotPossible, match="it waits in no queue"):
        await steering.pull(live, "1003", Person(role=""))
    second.hang_up()
    first.hang_up()


@told(TEAMS)
async def test_a_caller_is_moved_and_keeps_his_age(c: Centre) -> None:
    for agent in ("ana", "ben"):
        await c.switch.control.agent_pause(agent, "")
    other, _ = await waiting(c, "601", "+34600000009")
    call, live = await waiting(c)
    await asyncio.sleep(20)
    younger, _ = await waiting(c, "601", "+34600000003")
    await c.switch.control.steering.move(live, "support")
    await asyncio.sleep(1)
    assert (c.waiting(), c.waiting("support")) == (0, 3)
    places = {caller.call: caller.position for caller in c.switch.control.queue("support").callers}
    assert places[live] == 2, "older than who came straight to that queue after him"
    with pytest.raises(NotPossible, match="waits in support already"):
        await c.switch.control.steering.move(live, "support")
    with pytest.raises(UnknownThing, match="no queue 'nowhere'"):
        await c.switch.control.steering.move(live, "nowhere")
    other.hang_up()
    await asyncio.sleep(1)
    c.phone("1002").on_call = answering(1.0)
    await c.switch.control.agent_resume("ben")
    agent = await c.phone("1002").next_call()
    await asyncio.sleep(2)
    assert c.live_of(live).figures.agent == "ben"
    agent.hang_up()
    await call.hung_up()
    younger.hang_up()
    rows = [row for row in await c.visits() if row["call"] == live]
    assert [(row["queue"], row["outcome"]) for row in rows] == [
        ("sales", "withdrawn"),
        ("support", "answered"),
    ]
    assert any(line.startswith("sales|NONE|WITHDRAW") and "moved to support" in line for line in c.log())


@told(
    replace(
        TEAMS, queue={**TEAMS.queue, "support": replace(TEAMS.queue["support"], maxlen=1, joinempty="no")}
    )
)
async def test_nobody_is_moved_where_he_could_not_join(c: Centre) -> None:
    for agent in ("ana", "ben"):
        await c.switch.control.agent_pause(agent, "")
    call, live = await waiting(c)
    with pytest.raises(NotPossible, match="cannot join support: nobody is there"):
        await c.switch.control.steering.move(live, "support")
    c.phone("1002").on_call = ringing
    await c.switch.control.agent_resume("ben")
    full, _ = await waiting(c, "601", "+34600000003")
    with pytest.raises(NotPossible, match="cannot join support: it is full"):
        await c.switch.control.steering.move(live, "support")
    assert c.waiting() == 1
    call.hang_up()
    full.hang_up()


@told(TEAMS)
async def test_a_caller_is_moved_by_phone_with_the_right_for_both(c: Centre) -> None:
    for agent in ("ana", "ben"):
        await c.switch.control.agent_pause(agent, "")
    call, live = await waiting(c)
    assert await dials(c, "1004", f"*21600*601*{PIN}") == 403, "maria has team a only"
    assert await dials(c, "1003", "*21600*601") == 200
    await asyncio.sleep(1)
    assert (c.waiting(), c.waiting("support")) == (0, 1)
    assert await dials(c, "1003", "*21600*601") == 403, "nobody waits there any more"
    call.hang_up()
    assert told_of(await trail(c, act="call.*")) == [
        ("maria", "call.move", "queue:support", "refused"),
        ("max", "call.move", f"call:{live}", "done"),
        ("max", "call.move", "queue:sales", "failed"),
    ]


@told(TEAMS)
async def test_priority_counts_at_once_and_after_a_crash(c: Centre) -> None:
    await c.switch.control.agent_pause("ana", "")
    first, _ = await waiting(c)
    second, live = await waiting(c, user="+34600000002")
    await c.switch.control.steering.priority(live, 5)
    await asyncio.sleep(1)
    callers = c.switch.control.queue("sales").callers
    assert (callers[0].call, callers[0].priority) == (live, 5)
    with pytest.raises(BadRequest, match="no priority"):
        await c.switch.control.steering.priority(live, 100_000)
    await c.settled()
    await c.restart()
    await asyncio.sleep(2)
    callers = c.switch.control.queue("sales").callers
    assert (callers[0].call, callers[0].priority) == (live, 5)
    first.hang_up()
    second.hang_up()
    await c.settled()
    [visit] = [row for row in c.switch.rows("queue_visits") if row["call"] == live]
    assert visit["priority"] == 5


@told(replace(TEAMS, person={**TEAMS.person, "kim": Person(role="coach", teams=("a",), endpoints=("1004",))}))
async def test_a_role_listens_to_its_team_and_does_by_key_what_it_may(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    assert await c.phone("1004").call("*15ben").refused() == 403
    boss = c.phone("1004").call("*15ana")
    await boss.answered()
    await asyncio.sleep(1)
    for key, mode in (("5", "whisper"), ("6", "whisper"), ("9", "whisper"), ("4", "listen")):
        c.press(key, "endpoint:1004")
        await asyncio.sleep(1)
        [session] = c.switch.control.steering.supervisions()
        assert session.mode == mode
    boss.hang_up()
    agent.hang_up()
    await call.hung_up()
    rows = [(row.act, row.result) for row in await trail(c, actor="kim")]
    assert rows == [
        ("spy.listen", "refused"),
        ("spy.listen", "done"),
        ("spy.whisper", "done"),
        ("spy.barge", "refused"),
        ("spy.take-over", "refused"),
        ("spy.listen", "done"),
    ]


@told(TEAMS)
async def test_rows_outlive_a_crash_and_keep_their_order(c: Centre) -> None:
    assert await dials(c, "1003", "*18ana") == 200
    assert await dials(c, "1001", "*18ben") == 403
    await c.settled()
    before = await trail(c)
    await c.restart()
    assert await trail(c) == before and len(before) == 2
    assert await dials(c, "1003", "*19ana") == 200
    assert told_of(await trail(c))[-1] == ("max", "agent.resume", "agent:ana", "done")
    assert await trail(c, actor="max", act="agent.resume", target="agent:ana", surface="phone", result="done")


@told(TEAMS)
async def test_to_whom_things_belong_in_the_running_switch(c: Centre) -> None:
    rights = c.switch.control.rights
    c.phone("1001").on_call = answering(1.0)
    call, live = await waiting(c)
    assert (await rights.about("call", live)).queues == {"sales"}
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    assert (await rights.about("call", live)).queues == {"sales"}
    recording = c.switch.control.calls()[0].recording
    agent.hang_up()
    await call.hung_up()
    await c.settled()
    assert (await rights.about("call", live)).queues == {"sales"}, "past calls too"
    assert (await rights.about("recording", recording)).queues == {"sales"}
    assert (await rights.about("agent", "ben")).agents == {"ben"}
    assert (await rights.about("endpoint", "1002")).agents == {"ben"}
    for kind in ("agent", "call", "supervision", "callback", "team", "endpoint"):
        unknown = await rights.about(kind, "nothing")
        assert not unknown.queues and not unknown.agents
    with pytest.raises(UnknownThing):
        await rights.about("recording", "nothing")
    assert Act.CALL_READ.value in rights.who(_actor(c, "maria")).rights


def _actor(c: Centre, name: str) -> Actor:
    found = c.switch.parts.gate.permissions.person(name, surface="http")
    assert found is not None
    return found


async def _follow(c: Centre, who: Actor | None, events: list[dict[str, Any]]) -> None:
    async for each in c.switch.control.feed.follow(EventSearch(), who):
        if each is not None and "seq" in each:
            events.append(each)


@told(TEAMS)
async def test_followers_see_their_own_queues(c: Centre) -> None:
    seen: dict[str, list[dict[str, Any]]] = {"maria": [], "max": [], "": []}
    following = [
        asyncio.create_task(_follow(c, _actor(c, name) if name else None, events), name=f"follow {name}")
        for name, events in seen.items()
    ]
    await asyncio.sleep(0.1)
    sales, _ = await waiting(c)
    support, _ = await waiting(c, "601", "+34600000003")
    sales.hang_up()
    support.hang_up()
    await c.switch.control.agent_pause("ben", "")
    await asyncio.sleep(1)
    queues = {name: {each["queue"] for each in events if each.get("queue")} for name, events in seen.items()}
    assert queues == {"maria": {"sales"}, "max": {"sales", "support"}, "": {"sales", "support"}}
    assert "ben" not in {each.get("agent") for each in seen["maria"]}
    assert {each["type"] for each in seen["maria"]} >= {"queue.joined", "queue.left", "call.ended"}
    assert not {each["type"] for each in seen["max"]} & {"call.arrived", "sip.trunk"}, "of no queue yet"
    services = c.switch.parts.services
    services.config = replace(services.config, person={})  # as a reload does
    before = len(seen["maria"])
    late, _ = await waiting(c, user="+34600000004")
    late.hang_up()
    await asyncio.sleep(1)
    assert len(seen["maria"]) == before, "rights that are taken are gone at once"
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)


@told(TEAMS)
async def test_who_follows_by_a_token_or_secret_that_was_changed_sees_nothing_more(c: Centre) -> None:
    """As after a leak: the person keeps his rights, and whoever stole the token does not."""
    services = c.switch.parts.services
    seen: dict[str, list[dict[str, Any]]] = {"maria": [], "": []}
    following = [
        asyncio.create_task(_follow(c, _actor(c, name) if name else None, events), name=f"follow {name}")
        for name, events in seen.items()
    ]
    await asyncio.sleep(0.1)
    call, _ = await waiting(c)
    call.hang_up()
    await asyncio.sleep(1)
    assert seen["maria"] and seen[""]
    changed = replace(services.config.person["maria"], token_sha256="0" * 64)
    services.config = replace(services.config, person={**services.config.person, "maria": changed})
    services.secrets = {**services.secrets, ("events", ""): Secret(user="", password="new")}
    before = {name: len(events) for name, events in seen.items()}
    late, _ = await waiting(c, user="+34600000004")
    late.hang_up()
    await asyncio.sleep(1)
    assert {name: len(events) for name, events in seen.items()} == before
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)


@told(replace(TEAMS, team={**TEAMS.team, "empty": Team()}))
async def test_a_team_of_nobody_is_not_everybody_in_reports(c: Centre) -> None:
    call, _ = await waiting(c)
    call.hang_up()
    await asyncio.sleep(1)
    await c.settled()
    now = c.switch.parts.clock.wall()
    for kind in ("queue", "dnis", "agent"):
        whole = ReportSearch(since=now - 3600, until=now + 1)
        report = c.switch.control.reports.report
        assert not (await report(kind, replace(whole, team="empty"))).rows, kind
        assert (await report(kind, replace(whole, team="a"))).rows, kind


def _with_board(**ami: Any) -> Config:
    board = Person(role="wallboard", teams=("b",))
    return replace(TEAMS, person={**TEAMS.person, "board": board}, ami=Ami(**ami))


@told(_with_board(person="board"))
async def test_the_manager_interface_tells_what_its_person_may_see(c: Centre) -> None:
    parts = c.switch.parts
    sight = Sight(parts.gate)
    shown = ManagerCentre(parts, sight)
    call, _ = await waiting(c)
    assert [queue.queue for queue in shown.queues()] == ["support"] and shown.queues("sales") == ()
    assert shown.channels() == ()
    assert shown.members_of(c.agent("ana").agent) == () and len(shown.members_of(c.agent("ben").agent)) == 1
    everything = ManagerCentre(parts)
    assert {queue.queue for queue in everything.queues()} == {"sales", "support"} and everything.channels()
    [queued] = c.switch.happened(CallQueued)
    sight.learn(queued)
    assert not sight.of_person("board")(queued) and sight.of_person("")(queued)
    assert not sight.of_person("nobody")(queued) and not sight.of(_actor(c, "max"))(c.switch.facts[0])
    call.hang_up()


@told(TEAMS)
async def test_texts_to_a_team_and_to_all_phones(c: Centre) -> None:
    texts = c.switch.control.texts
    team = await texts.send(TextWish(team="a", text="hello"))
    assert [view.endpoint for view in team] == ["1001"]
    everybody = await texts.send(TextWish(everybody=True, text="fire"))
    assert {view.endpoint for view in everybody} == set(c.switch.parts.services.config.endpoint)
    assert c.phone("1001").heard("MESSAGE") == 2 and c.phone("1004").heard("MESSAGE") == 1
    with pytest.raises(BadRequest, match="say one of"):
        await texts.send(TextWish(team="a", everybody=True, text="x"))
    with pytest.raises(UnknownThing, match="no team"):
        await texts.send(TextWish(team="c", text="x"))
